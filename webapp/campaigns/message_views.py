"""One recipient of a campaign: the search for a number, and the page that tells what became of a message."""

from __future__ import annotations

from typing import cast

from flask import Response, abort, redirect, request, url_for

from webapp import clock
from webapp.accounts.permissions import requires
from webapp.campaigns import addresses, places, tracing, views
from webapp.campaigns.blueprint import blueprint, campaign_or_404
from webapp.campaigns.previews import account_of
from webapp.campaigns.states import CampaignState
from webapp.errors import DomainError
from webapp.pages import hx_place, render, see_other


@blueprint.post("/campaigns/<int:campaign_id>/find")
@requires("campaigns.view")
def find(campaign_id: int) -> Response:
    """Search the recipients for a number. It comes in a form, and goes on under another name."""
    campaign = campaign_or_404(campaign_id)
    if campaign.state == CampaignState.DRAFT:
        return see_other(url_for("campaigns.edit", campaign_id=campaign.id))
    place = places.asked_for(campaign.id)
    typed = request.form.get("digits", "")[: places.LONGEST_TYPED]
    try:
        search = places.search_for(typed)
    except DomainError as error:
        # The address stays that of the table: what was posted to cannot be looked at.
        return hx_place(views.campaign_page(campaign, place, 422, str(error.message), typed), place.url)
    # htmx follows a redirection by itself and swaps what it finds there; here that is the table, as wanted.
    return cast(Response, redirect(place.searched(search).url, 303))


@blueprint.get("/campaigns/<int:campaign_id>/m/<token>")
@requires("campaigns.view")
def message(campaign_id: int, token: str) -> Response:
    """What became of one message, step by step."""
    campaign = campaign_or_404(campaign_id)
    recipient = addresses.recipient_of(campaign.id, token)
    account = account_of(campaign.account_id)
    traced = None
    if recipient is not None:
        traced = tracing.trace(campaign, account, recipient, clock.now())
    if traced is None:
        abort(404)
    return render(
        "campaigns/message.html", block="message", campaign=campaign, account=account, traced=traced
    )
