"""Pages of campaigns: the list, and the one page that a campaign has for its whole life."""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import Any

from flask import Response, abort, request, url_for

from webapp import clock
from webapp.accounts.permissions import requires
from webapp.campaigns import (
    drafts,
    history,
    listing,
    places,
    progress,
    queries,
    recipients,
    stopping,
    texts,
    watching,
)
from webapp.campaigns.blueprint import acted, blueprint, campaign_or_404
from webapp.campaigns.listing import Tab
from webapp.campaigns.models import Campaign
from webapp.campaigns.places import Place
from webapp.campaigns.states import CampaignState
from webapp.gateway import queries as gateway
from webapp.pages import Shell, hx_trigger, is_fragment, render, see_other

LONGEST_SEARCH = 120
# The chart of a page that refreshes itself is drawn anew this often at most.
CHART_SECONDS = 15
# How often a list looks for news while something on it is being sent.
LIST_SECONDS = 5


@blueprint.get("/campaigns")
@requires("campaigns.view")
def index() -> Response:
    """The campaigns of the team, newest first; 204 while a list that refreshes itself is still right."""
    tab, before = request.args.get("tab", Tab.ALL), request.args.get("before", type=int)
    if tab not in set(Tab) or (before is not None and not 0 < before < 2**63):
        abort(404)
    name = request.args.get("q", "").strip()[:LONGEST_SEARCH]
    found = listing.page(Tab(tab), name, before)
    rows = found[: listing.PAGE]
    version = hashlib.sha256(
        repr([(one.id, one.state, one.delivered, one.waiting, one.paused_at) for one in rows]).encode()
    ).hexdigest()[:16]
    if is_fragment() and request.args.get("v") == version:
        return Response(status=204)
    return render(
        "campaigns/index.html",
        block="rows",
        campaigns=rows,
        people=listing.people(rows),
        status_of=queries.status_of,
        tabs=listing.tab_words(),
        tab=Tab(tab),
        search=name,
        before=before,
        older=rows[-1].id if len(found) > listing.PAGE else None,
        version=version,
        still=request.args.get("updates") == "off",
        poll_seconds=LIST_SECONDS if any(one.state in listing.MOVING for one in rows) else None,
        most_searched=listing.MOST_SEARCHED,
    )


@blueprint.get("/campaigns/<int:campaign_id>")
@requires("campaigns.view")
def show(campaign_id: int) -> Response:
    """A campaign: whether it arrived, and who got it."""
    campaign = campaign_or_404(campaign_id)
    if campaign.state == CampaignState.DRAFT:
        return see_other(url_for("campaigns.edit", campaign_id=campaign.id))
    return campaign_page(campaign, places.asked_for(campaign.id))


@blueprint.get("/campaigns/<int:campaign_id>/status")
@requires("campaigns.view")
def status(campaign_id: int) -> Response:
    """The status block alone, for the page that refreshes itself; 204 while nothing changed."""
    campaign = campaign_or_404(campaign_id)
    current = _progress(campaign)
    now = clock.now()
    drawn = request.args.get("drawn", default=0, type=int)
    last = current.poll_seconds is None
    # Below 0: something has changed since the chart was drawn, and it is still to be drawn.
    if request.args.get("v") == current.version and not last and (drawn >= 0 or -drawn == _drawn_at(now)):
        return Response(status=204)
    redraw = last or abs(drawn) != _drawn_at(now)
    response = render(
        "campaigns/status.html",
        block="status",
        **_status_block(campaign, current, Place(campaign.id)),
        heard=request.args.get("said"),
        drawn=_drawn_at(now) if redraw else -abs(drawn),
        redraw=redraw,
        chart=history.delivery_chart(campaign, now) if redraw else None,
    )
    return hx_trigger(response, "campaign-changed")


@blueprint.get("/campaigns/<int:campaign_id>/news")
@requires("campaigns.view")
def news(campaign_id: int) -> Response:
    """Whether the table that somebody reads is still the newest; `seen` and `v` say which one that is."""
    campaign = campaign_or_404(campaign_id)
    place = places.asked_for(campaign.id)
    if not is_fragment():
        return see_other(place.url)
    if request.args.get("v") == watching.table_version(campaign):
        return Response(status=204)
    seen = request.args.get("seen", default=0, type=int)
    return render(
        "campaigns/news.html",
        block="news",
        campaign=campaign,
        place=place,
        seen=seen,
        version=request.args.get("v"),
        words=watching.news_words(watching.reports_of(campaign) - seen),
    )


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


def campaign_page(
    campaign: Campaign, place: Place, status_code: int = 200, problem: str | None = None, typed: str = ""
) -> Response:
    """A campaign's page at a place of its table. `problem`: what was wrong with the search for `typed`."""
    now = clock.now()
    account = drafts.account_of(campaign.account_id)
    return render(
        "campaigns/show.html",
        block="recipients",
        status=status_code,
        **_status_block(campaign, _progress(campaign), place),
        account=account,
        fields=texts.fields_of(campaign.body),
        drawn=_drawn_at(now),
        chart=None if is_fragment() else history.delivery_chart(campaign, now),
        confirmed_by=gateway.person(campaign.confirmed_by),
        page=recipients.page(
            campaign,
            account,
            now,
            chosen=place.chosen,
            search=place.search,
            after=place.after,
            before=place.before,
        ),
        tab_items=watching.tabs_of(campaign, place),
        shown_total=recipients.count_of(campaign, place.chosen),
        at_once=watching.is_exchanged_at_once(campaign),
        seen=watching.reports_of(campaign),
        table_version=watching.table_version(campaign),
        problem=problem,
        typed=typed or (place.search.digits if place.search else ""),
    )


def _status_block(campaign: Campaign, current: progress.Progress, place: Place) -> dict[str, Any]:
    """What the status block shows, in the page and alone."""
    return {
        "campaign": campaign,
        "progress": current,
        "place": place,
        "undecided": campaign.unconfirmed > 0 and queries.is_undecided(campaign),
        "actions": watching.actions_of(campaign),
        "said": watching.said_of(campaign, current),
        "parts_words": watching.parts_words(campaign),
        "pause_words": progress.pause_words,
    }


def _drawn_at(now: datetime) -> int:
    """The same number for as long as a chart that was drawn is new enough."""
    return int(now.timestamp()) // CHART_SECONDS


def _progress(campaign: Campaign) -> progress.Progress:
    balance = Shell().balance
    return progress.progress_of(campaign, clock.now(), str(balance.left if balance else None))
