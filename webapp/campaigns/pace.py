"""How fast a campaign is handed over, and how long the rest takes: said only where it is known.

The history of the tallies tells how many left "waiting" in each of the last minutes, so nothing is counted.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select

from webapp import tenancy
from webapp.campaigns.models import Campaign, CampaignMinute
from webapp.campaigns.states import CampaignState

LOOKED_AT = timedelta(minutes=5)
# From less than this nothing can be said: the first requests go at once, the next ones as they are answered.
LEAST = timedelta(seconds=20)
_MINUTE = timedelta(minutes=1)
# More campaigns do not share an account in earnest; of those nobody counts on the minute.
MOST_OTHERS = 100


@dataclass(frozen=True)
class Pace:
    """Messages a minute over the last minutes, and the time until none waits at that pace.

    `others`: it is that of so many campaigns that share the account, since nothing of this one moved yet.
    """

    per_minute: int
    left: timedelta
    others: int = 0


def pace_of(campaign: Campaign, now: datetime) -> Pace | None:
    """The pace of a campaign that is sending, None where it is too early to tell or nothing moved."""
    if campaign.started_at is None:
        return None
    first = _floor(now - LOOKED_AT)
    if campaign.resumed_at is not None:
        # The minute of the resumption also holds what went before the pause.
        first = max(first, _floor(campaign.resumed_at) + _MINUTE)
    measured = _measured([campaign.id], first, campaign.started_at, now)
    if measured is None:
        return _by_its_place(campaign, now)
    handed, spent = measured
    return Pace(round(handed * (_MINUTE / spent)), spent * (campaign.waiting / handed))


def _by_its_place(campaign: Campaign, now: datetime) -> Pace | None:
    """What the others of its account tell: until it is through, each of them gets as much as it, or ends."""
    others = (
        tenancy.session()
        .execute(
            select(Campaign.id, Campaign.waiting, Campaign.started_at)
            .where(
                Campaign.team_id == tenancy.scope(),
                Campaign.account_id == campaign.account_id,
                Campaign.state == CampaignState.SENDING,
                Campaign.id != campaign.id,
                Campaign.paused_by_person.is_(None),
                Campaign.paused_by_machine.is_(None),
                Campaign.waiting > 0,
            )
            .order_by(Campaign.id)
            .limit(MOST_OTHERS)
        )
        .all()
    )
    if not others:
        return None
    since = min(row.started_at or now for row in others)
    measured = _measured([row.id for row in others], _floor(now - LOOKED_AT), since, now)
    if measured is None:
        return None
    handed, spent = measured
    before = sum(min(row.waiting, campaign.waiting) for row in others)
    return Pace(
        round(handed * (_MINUTE / spent)), spent * ((campaign.waiting + before) / handed), len(others)
    )  # fmt: skip


def _measured(
    campaign_ids: list[int], first: datetime, since: datetime, now: datetime
) -> tuple[int, timedelta] | None:
    """How many messages of these campaigns were handed over from that minute on, and in what time."""
    handed_over = (
        CampaignMinute.unconfirmed
        + CampaignMinute.no_report
        + CampaignMinute.delivered
        + CampaignMinute.failed
    )
    rows = (
        tenancy.session()
        .execute(
            select(CampaignMinute.minute, func.sum(handed_over))
            .where(
                CampaignMinute.team_id == tenancy.scope(),
                CampaignMinute.campaign_id.in_(campaign_ids),
                CampaignMinute.minute >= first,
                CampaignMinute.minute <= now,
            )
            .group_by(CampaignMinute.minute)
            .order_by(CampaignMinute.minute)
        )
        .all()
    )
    moved = [(minute, int(handed)) for minute, handed in rows if handed > 0]
    if not moved:
        return None
    # Minutes before the first that moved were spent waiting: for the hours, for a person, for the gateway.
    spent = now - max(moved[0][0], since)
    if spent < LEAST:
        return None
    return sum(count for _minute, count in moved), spent


def _floor(moment: datetime) -> datetime:
    return moment.replace(second=0, microsecond=0)
