"""Writing a campaign: the compose page, what it saves by itself, and what it shows while somebody types.

Every button works as part of the one form; what htmx asks for in between are parts of the same page. A half
of a campaign is as good as a whole one here: only the review wants it complete.
"""

from __future__ import annotations

from typing import Any

from flask import Response, abort, flash, g, request, url_for
from flask_babel import gettext as _
from flask_wtf import FlaskForm

from webapp import tenancy
from webapp.accounts.permissions import requires
from webapp.accounts.requests import long_text
from webapp.campaigns import composing, discarding, drafts, queries, testing
from webapp.campaigns.blueprint import blueprint, campaign_or_404
from webapp.campaigns.compose_page import ComposePage, conflict_with
from webapp.campaigns.drafts import StaleDraftError
from webapp.campaigns.forms import MOST_PASTE_BYTES, ComposeForm
from webapp.campaigns.states import CampaignState
from webapp.campaigns.template_queries import template_or_404
from webapp.errors import DomainError
from webapp.pages import hx_place, is_fragment, render, see_other

# What htmx is answered instead of 409: a status whose answer it shows.
CONFLICT_SHOWN = 422


@blueprint.get("/campaigns/new")
@requires("campaigns.write")
def new() -> Response:
    """Compose; `from` names a campaign whose people and text to begin with, `template` a template."""
    form = composing.new_form()
    source_id, template_id = (request.args.get(name, type=int) for name in ("from", "template"))
    if source_id is not None:
        composing.fill_copy(form, campaign_or_404(source_id))
    elif template_id is not None:
        composing.fill_template(form, template_or_404(template_id))
    return ComposePage(form).whole()


@blueprint.post("/campaigns/new")
@long_text(MOST_PASTE_BYTES)
@requires("campaigns.write")
def create() -> Response:
    """The compose form without an address of its own yet; the page may know its draft already."""
    form = composing.sent_form()
    return submitted(form, composing.number(form.draft.data))


@blueprint.get("/campaigns/<int:campaign_id>/edit")
@requires("campaigns.write")
def edit(campaign_id: int) -> Response:
    """A draft, to go on with."""
    campaign = campaign_or_404(campaign_id)
    if campaign.state != CampaignState.DRAFT:
        return see_other(url_for("campaigns.show", campaign_id=campaign.id))
    return ComposePage(composing.form_of(campaign), campaign).whole()


@blueprint.post("/campaigns/<int:campaign_id>/edit")
@long_text(MOST_PASTE_BYTES)
@requires("campaigns.write")
def save(campaign_id: int) -> Response:
    """The compose form of a draft."""
    campaign_or_404(campaign_id)
    return submitted(composing.sent_form(), campaign_id)


@blueprint.post("/campaigns/draft")
@long_text(MOST_PASTE_BYTES)
@requires("campaigns.write")
def autosave() -> Response:
    """Keep what is typed; only the line that says so is answered."""
    form = composing.sent_form()
    page = ComposePage(form)
    try:
        page.draft, faults = composing.save(form, composing.number(form.draft.data))
    except DomainError as error:
        return _refused(page, error, "saved")
    tenancy.session().commit()
    composing.know(form, page.draft)
    page.without_time = bool(faults)
    place = url_for("campaigns.edit", campaign_id=page.draft.id)
    return hx_place(page.part("saved"), place) if is_fragment() else see_other(place)


@blueprint.post("/campaigns/preview")
@long_text(MOST_PASTE_BYTES)
@requires("campaigns.write")
def preview() -> Response:
    """What is typed, as it would go out now; nothing is saved."""
    form = composing.sent_form()
    draft_id, go = composing.number(form.draft.data), composing.number(form.go.data)
    page = ComposePage(form, queries.campaign(draft_id) if draft_id is not None else None)
    page.k = go if go is not None else composing.number(form.shown.data) or 0
    return page.part("look") if is_fragment() else page.whole()


@blueprint.get("/campaigns/<int:campaign_id>/delete")
@requires("campaigns.write")
def confirm_delete(campaign_id: int) -> Response:
    """What deleting means, before it is done."""
    campaign = campaign_or_404(campaign_id)
    if campaign.state != CampaignState.DRAFT:
        return see_other(url_for("campaigns.show", campaign_id=campaign.id))
    return render("campaigns/delete.html", campaign=campaign)


@blueprint.post("/campaigns/<int:campaign_id>/delete")
@requires("campaigns.write")
def delete_draft(campaign_id: int) -> Response:
    """Throw a draft away."""
    campaign = campaign_or_404(campaign_id)
    if not FlaskForm().validate_on_submit():
        abort(400)
    name = campaign.name
    try:
        discarding.delete_draft(campaign.id)
    except DomainError as error:
        flash(str(error.message), "odd")
        return see_other(url_for("campaigns.show", campaign_id=campaign_id))
    tenancy.session().commit()
    flash(_("The draft “%(name)s” was deleted.", name=name), "ok")
    return see_other(url_for("campaigns.index"))


def submitted(form: ComposeForm, draft_id: int | None) -> Response:
    """Save the form, and do what its button says: nothing else, a test, or on to the review."""
    if not form.account.choices:
        flash(_("Connect a gateway account first. Nothing was saved or sent."), "odd")
        return see_other(url_for("start.show"))
    page = ComposePage(form)
    then = form.then.data or ("save" if form.keep.data else "review")
    try:
        page.draft, faults = composing.save(form, draft_id)
    except DomainError as error:
        return _refused(page, error, "test")
    tenancy.session().commit()
    composing.know(form, page.draft)
    if then == "test":
        return _tested(page)
    if then == "template":
        begun: dict[str, Any] = {"from": page.draft.id}
        return see_other(url_for("templates.new", **begun))
    if then == "review":
        return _on_to_review(page, faults)
    if faults:
        composing.show_faults(form, ((one.field, one.message) for one in faults))
        return page.whole(422)
    return see_other(url_for("campaigns.edit", campaign_id=page.draft.id))


def _on_to_review(page: ComposePage, faults: list[DomainError]) -> Response:
    draft = page.saved
    problems = [(one.field, one.message) for one in faults]
    if not problems:
        try:
            drafts.prepare_soon(draft)
        except DomainError:
            tenancy.session().rollback()
            problems = page.look.problems
        else:
            tenancy.session().commit()
            return see_other(url_for("campaigns.review", campaign_id=draft.id))
    composing.show_faults(page.form, problems)
    return page.whole(422)


def _tested(page: ComposePage) -> Response:
    if not page.form.test_key.data:
        abort(400)
    try:
        testing.send_test(page.saved, page.form.test_mobile.data or "", page.form.test_key.data, g.user.id)
    except DomainError as error:
        return _refused(page, error, "test")
    tenancy.session().commit()
    place = url_for("campaigns.edit", campaign_id=page.saved.id)
    return hx_place(page.part("test"), place) if is_fragment() else see_other(place)


def _refused(page: ComposePage, error: DomainError, part: str) -> Response:
    """Say why it was not done; everything that was typed stays."""
    tenancy.session().rollback()
    if isinstance(error, StaleDraftError):
        page.draft = campaign_or_404(error.campaign.id)
        page.conflict = conflict_with(page.draft)
    if is_fragment():
        page.problem = error.message
        return page.part(part, CONFLICT_SHOWN)
    if page.conflict is None:
        composing.show_faults(page.form, [(error.field, error.message)])
    return page.whole(422 if page.conflict is None else 409)
