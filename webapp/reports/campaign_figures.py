"""The campaigns of a period, as their own pages count them: with all that they handed over.

Figures of a period count by the hour of hand-over. A campaign that also handed over before or after it stands
in the list all the same, and is marked, because only then do its numbers equal those of its page.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, Numeric, cast, func, or_, select
from sqlalchemy.orm import load_only

from webapp import tenancy
from webapp.campaigns.models import Campaign
from webapp.reports.periods import Period

MOST_LISTED = 50


class Sort(StrEnum):
    """By what the list is sorted; the first of each is what somebody looks for by it."""

    NEWEST = "newest"
    LARGEST = "largest"
    LEAST_DELIVERED = "least_delivered"
    MOST_FAILED = "most_failed"


_HANDED = Campaign.recipients - Campaign.not_sent - Campaign.waiting
_SHOWN = (
    Campaign.id, Campaign.name, Campaign.kind, Campaign.started_at, Campaign.handed_over_at,
    Campaign.recipients, Campaign.waiting, Campaign.unconfirmed, Campaign.no_report, Campaign.delivered,
    Campaign.failed, Campaign.not_sent,
)  # fmt: skip


@dataclass(frozen=True)
class Row:
    """A campaign and how many messages it handed over. `partly`: some of them outside of the period."""

    campaign: Campaign
    handed: int
    partly: bool


@dataclass(frozen=True)
class Listed:
    """What the table shows. `more`: there are more than it holds."""

    rows: list[Row]
    more: bool

    @property
    def partly(self) -> bool:
        """Whether one of them also handed over outside of the period."""
        return any(row.partly for row in self.rows)

    @property
    def tests(self) -> bool:
        """Whether a test is among them."""
        return any(row.campaign.kind == "test" for row in self.rows)


def listed(period: Period, sort: Sort, now: datetime) -> Listed:
    """The campaigns that handed over in the period, at most MOST_LISTED of them."""
    found = (
        tenancy.session()
        .scalars(
            select(Campaign)
            .where(
                Campaign.team_id == tenancy.scope(),
                Campaign.started_at < period.end,
                or_(Campaign.handed_over_at.is_(None), Campaign.handed_over_at >= period.begin),
                _HANDED > 0,
            )
            .order_by(_order(sort), Campaign.id.desc())
            .limit(MOST_LISTED + 1)
            .options(load_only(*_SHOWN))
        )
        .all()
    )
    rows = [_row(campaign, period, now) for campaign in found[:MOST_LISTED]]
    return Listed(rows, more=len(found) > MOST_LISTED)


def _order(sort: Sort) -> ColumnElement[Any]:
    share = cast(Campaign.delivered, Numeric) / func.nullif(_HANDED, 0)
    orders: dict[Sort, ColumnElement[Any]] = {
        Sort.NEWEST: Campaign.started_at.desc(),
        Sort.LARGEST: _HANDED.desc(),
        Sort.LEAST_DELIVERED: share.asc(),
        Sort.MOST_FAILED: Campaign.failed.desc(),
    }
    return orders[sort]


def _row(campaign: Campaign, period: Period, now: datetime) -> Row:
    handed = campaign.recipients - campaign.not_sent - campaign.waiting
    begun, ended = campaign.started_at, campaign.handed_over_at or now
    inside = begun is not None and begun >= period.begin and ended < period.end
    return Row(campaign, handed, partly=not inside)
