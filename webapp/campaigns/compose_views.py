"""Compose, review and confirm: everything that happens to a campaign before it is on its way."""

from __future__ import annotations

import secrets

from flask import Response, abort, flash, g, request, url_for
from flask_babel import gettext as _

from webapp import tenancy
from webapp.accounts.permissions import requires
from webapp.accounts.requests import long_text
from webapp.campaigns import drafts, operations, queries
from webapp.campaigns.blueprint import blueprint, campaign_or_404
from webapp.campaigns.forms import MOST_PASTE_BYTES, ComposeForm, ConfirmForm
from webapp.campaigns.models import Campaign
from webapp.campaigns.states import CampaignState
from webapp.errors import DomainError
from webapp.gateway import queries as gateway
from webapp.gateway.models import GatewayAccount
from webapp.pages import render, see_other


@blueprint.get("/campaigns/new")
@requires("campaigns.write")
def new() -> Response:
    """Compose; `from` names a campaign whose numbers and text to begin with."""
    form = compose_form()
    source = _source(request.args.get("from", type=int))
    if source is not None:
        form.source.data = str(source.id)
        form.numbers.data = "\n".join(queries.audience_numbers(source, drafts.MOST_PASTED))
        form.body.data, form.signature.data = source.body, source.signature
        form.account.data = source.account_id
    return _compose_page(form)


@blueprint.post("/campaigns/new")
@long_text(MOST_PASTE_BYTES)
@requires("campaigns.write")
def create() -> Response:
    """Make a draft and go on to its review."""
    form = compose_form()
    return drafted(form) or _compose_page(form, 422)


@blueprint.get("/campaigns/<int:campaign_id>/review")
@requires("campaigns.write")
def review(campaign_id: int) -> Response:
    """The last look: who, what, how many requests, what it costs."""
    campaign = campaign_or_404(campaign_id)
    if campaign.state != CampaignState.DRAFT:
        return see_other(url_for("campaigns.show", campaign_id=campaign.id))
    return _review_page(campaign)


@blueprint.post("/campaigns/<int:campaign_id>/confirm")
@requires("campaigns.send")
def confirm(campaign_id: int) -> Response:
    """Send. A second press, the back button or another tab end on the same campaign."""
    campaign = campaign_or_404(campaign_id)
    form = ConfirmForm()
    if not form.validate_on_submit():
        abort(400)
    try:
        confirmed = operations.confirm_campaign(
            campaign.id, form.key.data or "", form.seen.data or "", g.user.id, g.team.delay_seconds
        )
    except operations.StalePreviewError as error:
        return _review_page(campaign, 409, str(error.message))
    except DomainError as error:
        return _review_page(campaign, 422, str(error.message))
    tenancy.session().commit()
    return see_other(url_for("campaigns.show", campaign_id=confirmed.id))


def compose_form() -> ComposeForm:
    """The form for numbers and a text, with the team's accounts to choose from."""
    form = ComposeForm()
    accounts = [account for account in gateway.accounts() if account.disabled_at is None]
    form.account.choices = [(account.id, account.label) for account in accounts]
    if request.method == "GET" and accounts:
        form.account.data = accounts[0].id
        form.body.data = _("Hello, this is a test message. You need not answer.")
    return form


def drafted(form: ComposeForm) -> Response | None:
    """Go on to the review of a new draft, or None with the form's errors filled in."""
    if not form.account.choices:
        flash(_("Connect a gateway account first. Nothing was saved or sent."), "odd")
        return see_other(url_for("start.show"))
    if not form.validate_on_submit():
        return None
    try:
        campaign = drafts.draft_campaign(
            form.account.data,
            form.numbers.data or "",
            form.body.data or "",
            form.signature.data or "",
            g.user.id,
        )
    except DomainError as error:
        field = form[error.field] if error.field is not None and error.field in form else form.numbers
        field.errors = [*field.errors, error.message]
        return None
    tenancy.session().commit()
    return see_other(url_for("campaigns.review", campaign_id=campaign.id))


def _compose_page(form: ComposeForm, status_code: int = 200) -> Response:
    return render("campaigns/compose.html", status=status_code, form=form, account=first_account())


def _review_page(campaign: Campaign, status_code: int = 200, problem: str | None = None) -> Response:
    return render(
        "campaigns/review.html",
        status=status_code,
        campaign=campaign,
        account=drafts.account_of(campaign.account_id),
        preview=drafts.preview(campaign),
        form=ConfirmForm(formdata=None, key=secrets.token_urlsafe(24)),
        problem=problem,
        reasons=drafts.REASON_WORDS,
    )


def first_account() -> GatewayAccount | None:
    """The account that is used where nothing else is chosen."""
    return next((account for account in gateway.accounts() if account.disabled_at is None), None)


def _source(campaign_id: int | None) -> Campaign | None:
    return None if campaign_id is None else campaign_or_404(campaign_id)
