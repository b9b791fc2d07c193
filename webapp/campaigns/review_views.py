"""The last look at a draft, a test of it, and sending it."""

from __future__ import annotations

import secrets

from flask import Response, abort, flash, g, url_for

from webapp import clock, tenancy
from webapp.accounts.permissions import requires
from webapp.campaigns import cautions, drafts, laying, operations, sources, testing
from webapp.campaigns.blueprint import blueprint, campaign_or_404
from webapp.campaigns.compose_page import ComposePage
from webapp.campaigns.forms import ComposeForm, ConfirmForm, SendTestForm
from webapp.campaigns.models import Campaign
from webapp.campaigns.states import CampaignState
from webapp.errors import DomainError, Words
from webapp.pages import is_fragment, render, see_other


@blueprint.get("/campaigns/<int:campaign_id>/review")
@requires("campaigns.write")
def review(campaign_id: int) -> Response:
    """Who, what, when, how many requests, what it costs; what cannot be sent goes back to be written.

    While a long list is being prepared, the page that says so asks here again.
    """
    campaign = campaign_or_404(campaign_id)
    if not is_fragment():
        return _review_page(campaign)
    if drafts.is_being_prepared(campaign):
        return _preparing_page(campaign)
    return see_other(url_for("campaigns.review", campaign_id=campaign.id))


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
        return _review_page(campaign, 409, error.message, form.was.data or "")
    except DomainError as error:
        return _review_page(campaign, 422, error.message)
    tenancy.session().commit()
    return see_other(url_for("campaigns.show", campaign_id=confirmed.id))


@blueprint.post("/campaigns/<int:campaign_id>/test")
@requires("campaigns.write")
def send_test(campaign_id: int) -> Response:
    """One message with the draft's text to one number; pressed twice, it is one."""
    campaign = campaign_or_404(campaign_id)
    form = SendTestForm()
    if not form.validate_on_submit():
        abort(400)
    try:
        testing.send_test(campaign, form.test_mobile.data or "", form.test_key.data or "", g.user.id)
    except DomainError as error:
        tenancy.session().rollback()
        return _review_page(campaign, 422, error.message)
    tenancy.session().commit()
    return see_other(url_for("campaigns.review", campaign_id=campaign_id))


@blueprint.get("/campaigns/<int:campaign_id>/test")
@requires("campaigns.write")
def test_line(campaign_id: int) -> Response:
    """What became of the last test, for the line that refreshes itself."""
    campaign = campaign_or_404(campaign_id)
    if not is_fragment():
        return see_other(url_for("campaigns.review", campaign_id=campaign_id))
    return ComposePage(ComposeForm(formdata=None), campaign).part("test_line")


def _preparing_page(campaign: Campaign, status: int = 200, problem: Words | None = None) -> Response:
    """How far a long list is laid out; closing the page stops nothing."""
    layout = laying.layout_of(campaign)
    return render(
        "campaigns/preparing.html",
        block="progress",
        status=status,
        campaign=campaign,
        walked=layout.walked if layout else 0,
        people=layout.people if layout else 0,
        problem=problem,
    )


def _review_page(
    campaign: Campaign, status: int = 200, problem: Words | None = None, was: str = ""
) -> Response:
    """Lay the draft out as it is now and show it."""
    session = tenancy.session()
    if campaign.state != CampaignState.DRAFT:
        return see_other(url_for("campaigns.show", campaign_id=campaign.id))
    try:
        preview = drafts.recheck(campaign)
    except drafts.NotPreparedError:
        session.commit()
        return _preparing_page(campaign, status, problem)
    except DomainError as error:
        session.rollback()
        flash(str(error.message), "odd")
        return see_other(url_for("campaigns.edit", campaign_id=campaign.id))
    session.commit()
    now = clock.now()
    return render(
        "campaigns/review.html",
        status=status,
        campaign=campaign,
        account=drafts.account_of(campaign.account_id),
        preview=preview,
        form=ConfirmForm(
            formdata=None,
            key=secrets.token_urlsafe(24),
            seen=preview.digest,
            was=cautions.seen_numbers(preview),
        ),
        problem=problem,
        changed=cautions.changed_since(was, preview) if was else None,
        joined=cautions.joined_and_left(campaign),
        sources=sources.sources_of(campaign),
        late_start=cautions.late_start(campaign, now),
        had_it_already=cautions.had_it_already(campaign, now),
        left_out_words=cautions.left_out_words(campaign.left_out.get("counts", {})),
        page=ComposePage(ComposeForm(formdata=None), campaign),
        reasons=drafts.REASON_WORDS,
        delay=g.team.delay_seconds,
    )
