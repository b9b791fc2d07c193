"""Pages of campaigns: the list, and the one page that a campaign has for its whole life."""

from __future__ import annotations

from flask import Response, abort, request, url_for

from webapp import clock
from webapp.accounts.permissions import requires
from webapp.campaigns import drafts, progress, queries, stopping
from webapp.campaigns.blueprint import acted, blueprint, campaign_or_404
from webapp.campaigns.models import Campaign
from webapp.campaigns.states import CampaignState
from webapp.pages import Shell, hx_trigger, render, see_other


@blueprint.get("/campaigns")
@requires("campaigns.view")
def index() -> Response:
    """The campaigns of the team, newest first."""
    before = request.args.get("before", type=int)
    if before is not None and not 0 < before < 2**63:
        abort(404)
    rows = queries.campaigns(before)
    return render(
        "campaigns/index.html",
        block="rows",
        campaigns=rows[: queries.PAGE],
        status_of=queries.status_of,
        older=rows[queries.PAGE - 1].id if len(rows) > queries.PAGE else None,
        first_page=before is None,
    )


@blueprint.get("/campaigns/<int:campaign_id>")
@requires("campaigns.view")
def show(campaign_id: int) -> Response:
    """A campaign: whether it arrived, and who got it."""
    campaign = campaign_or_404(campaign_id)
    if campaign.state == CampaignState.DRAFT:
        return see_other(url_for("campaigns.review", campaign_id=campaign.id))
    now = clock.now()
    account = drafts.account_of(campaign.account_id)
    after = request.args.get("after", "")
    rows = queries.recipients(campaign, account, after, now)
    return render(
        "campaigns/show.html",
        block="recipients",
        campaign=campaign,
        account=account,
        progress=_progress(campaign),
        pause_words=progress.pause_words,
        rows=rows[: queries.PAGE],
        after=after,
        more=rows[queries.PAGE - 1].mobile if len(rows) > queries.PAGE else None,
    )


@blueprint.get("/campaigns/<int:campaign_id>/status")
@requires("campaigns.view")
def status(campaign_id: int) -> Response:
    """The status block alone, for the page that refreshes itself; 204 while nothing changed."""
    campaign = campaign_or_404(campaign_id)
    current = _progress(campaign)
    if request.args.get("v") == current.version and current.poll_seconds is not None:
        return Response(status=204)
    response = render(
        "campaigns/status.html",
        block="status",
        campaign=campaign,
        progress=current,
        pause_words=progress.pause_words,
    )
    return hx_trigger(response, "campaign-changed")


@blueprint.post("/campaigns/<int:campaign_id>/pause")
@requires("campaigns.send")
def pause(campaign_id: int) -> Response:
    """Hold the campaign; what is under way finishes."""
    return acted(campaign_id, stopping.pause_campaign)


@blueprint.post("/campaigns/<int:campaign_id>/resume")
@requires("campaigns.send")
def resume(campaign_id: int) -> Response:
    """Let it go on."""
    return acted(campaign_id, stopping.resume_campaign)


@blueprint.get("/campaigns/<int:campaign_id>/stop")
@requires("campaigns.send")
def confirm_stop(campaign_id: int) -> Response:
    """What stopping means, before it is done."""
    return render("campaigns/stop.html", campaign=campaign_or_404(campaign_id))


@blueprint.post("/campaigns/<int:campaign_id>/stop")
@requires("campaigns.send")
def stop(campaign_id: int) -> Response:
    """End it for good."""
    return acted(campaign_id, stopping.stop_campaign)


def _progress(campaign: Campaign) -> progress.Progress:
    balance = Shell().balance
    return progress.progress_of(campaign, clock.now(), str(balance.left if balance else None))
