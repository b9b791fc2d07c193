"""How fast a campaign is handed over, and how long the rest takes: said only where it is known.

The history of the tallies tells how many left "waiting" in each of the last minutes, so nothing is counted.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select

from webapp import tenancy
from webapp.campaigns.models import Campaign, CampaignMinute

LOOKED_AT = timedelta(minutes=5)
# From less than this nothing can be said: the first requests go at once, the next ones as they are answered.
LEAST = timedelta(seconds=20)
_MINUTE = timedelta(minutes=1)


@dataclass(frozen=True)
class Pace:
    """Messages a minute over the last minutes, and the time until none waits at that pace."""

    per_minute: int
    left: timedelta


def pace_of(campaign: Campaign, now: datetime) -> Pace | None:
    """The pace of a campaign that is sending, None where it is too early to tell or nothing moved."""
    if campaign.started_at is None:
        return None
    first = _floor(now - LOOKED_AT)
    if campaign.resumed_at is not None:
        # The minute of the resumption also holds what went before the pause.
        first = max(first, _floor(campaign.resumed_at) + _MINUTE)
    rows = (
        tenancy.session()
        .execute(
            select(
                CampaignMinute.minute,
                CampaignMinute.unconfirmed
                + CampaignMinute.no_report
                + CampaignMinute.delivered
                + CampaignMinute.failed,
            )
            .where(
                CampaignMinute.team_id == tenancy.scope(),
                CampaignMinute.campaign_id == campaign.id,
                CampaignMinute.minute >= first,
                CampaignMinute.minute <= now,
            )
            .order_by(CampaignMinute.minute)
        )
        .all()
    )
    moved = [(minute, handed) for minute, handed in rows if handed > 0]
    if not moved:
        return None
    # Minutes before the first that moved were spent waiting: for the hours, for a person, for the gateway.
    spent = now - max(moved[0][0], campaign.started_at)
    if spent < LEAST:
        return None
    handed = sum(count for _minute, count in moved)
    return Pace(round(handed * (_MINUTE / spent)), spent * (campaign.waiting / handed))


def _floor(moment: datetime) -> datetime:
    return moment.replace(second=0, microsecond=0)
