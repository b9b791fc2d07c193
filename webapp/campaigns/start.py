"""Getting started: two cards from nothing to the first delivered message."""

from __future__ import annotations

from flask import Blueprint, Response, flash, g, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from webapp import tenancy
from webapp.accounts.permissions import requires
from webapp.accounts.requests import long_text
from webapp.campaigns import composing, drafts, listing
from webapp.campaigns.forms import MOST_PASTE_BYTES, ComposeForm
from webapp.campaigns.states import Kind
from webapp.contacts.pastes import read_paste
from webapp.errors import DomainError
from webapp.gateway import practice
from webapp.gateway import queries as gateway
from webapp.gateway.views import connect_form
from webapp.pages import NavItem, render, see_other

blueprint = Blueprint("start", __name__, url_prefix="/t/<team>")


def is_begun() -> bool:
    """Whether a message of the team at hand has ever arrived; asked once a request."""
    if "begun" not in g:
        g.begun = listing.ever_delivered()
    return bool(g.begun)


def is_not_begun() -> bool:
    """Whether the team still has its first message before it."""
    return not is_begun()


NAV = (
    NavItem(
        "start.show",
        _l("Getting started"),
        "house",
        "campaigns.view",
        tab=True,
        order=10,
        key="h",
        when=is_not_begun,
    ),
)


@blueprint.get("/start")
@requires("campaigns.view")
def show() -> Response:
    """Connect a gateway, then send the first message."""
    form = composing.new_form()
    form.body.data = _("Hello, this is a test message. You need not answer.")
    return _page(form)


@blueprint.post("/start")
@long_text(MOST_PASTE_BYTES)
@requires("campaigns.write")
def draft() -> Response:
    """Card 2: make a draft and look at it before anything is sent. To one number it is a test."""
    form = composing.sent_form()
    if not form.account.choices:
        flash(_("Connect a gateway account first. Nothing was saved or sent."), "odd")
        return see_other(url_for("start.show"))
    alone = not form.groups.data and len(read_paste(form.numbers.data or "").entries) == 1
    form.kind.data = Kind.TEST if alone else Kind.NOTICE
    session = tenancy.session()
    try:
        campaign, _faults = composing.save(form, composing.number(form.draft.data))
        session.commit()
        composing.know(form, campaign)
        drafts.prepare(campaign)
        session.commit()
    except DomainError as error:
        session.rollback()
        composing.show_faults(form, [(error.field, error.message)])
        return _page(form, 422)
    return see_other(url_for("campaigns.review", campaign_id=campaign.id))


def _page(form: ComposeForm, status: int = 200) -> Response:
    return render(
        "campaigns/start.html",
        status=status,
        form=form,
        connect_form=connect_form(),
        practice_on=practice.is_on(),
        account=next((one for one in gateway.accounts() if one.disabled_at is None), None),
    )
