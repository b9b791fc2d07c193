"""What the home page reads: what is sent, what comes next, how the last days went, what is left.

Each part is read on its own. One that cannot be read says so; the others stay. What waits for a person is in
`concerns`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Generic, TypeVar
from zoneinfo import ZoneInfo

import structlog
from sqlalchemy import func, select
from sqlalchemy.exc import SQLAlchemyError

from webapp import tenancy
from webapp.campaigns import listing
from webapp.campaigns.listing import STATES, Tab
from webapp.campaigns.models import Campaign, RollupHour
from webapp.campaigns.states import CampaignState
from webapp.gateway import queries as gateway
from webapp.gateway.queries import Balance
from webapp.reports import lasting
from webapp.reports.periods import Period

log = structlog.get_logger(__name__)

DAYS = 7
MOST_SHOWN = 5
# With fewer messages a share says nothing; their number is shown instead.
FEWEST_FOR_A_SHARE = 30

Value = TypeVar("Value")


@dataclass(frozen=True)
class Part(Generic[Value]):
    """One part of the page; `value` None: it could not be read."""

    value: Value | None

    @property
    def failed(self) -> bool:
        """Whether to say that it could not be read."""
        return self.value is None


@dataclass(frozen=True)
class Day:
    """What was handed to gateways on one day of the team, and how much of it is known to have arrived."""

    day: date
    handed: int
    delivered: int


@dataclass(frozen=True)
class Week:
    """The last days, the oldest first, today last."""

    days: tuple[Day, ...]

    @property
    def handed(self) -> int:
        """How many messages were handed over."""
        return sum(one.handed for one in self.days)

    @property
    def delivered(self) -> int:
        """How many of them are known to have arrived."""
        return sum(one.delivered for one in self.days)

    @property
    def shares(self) -> list[float]:
        """The share of each day on which something was sent, in per cent."""
        return [100 * one.delivered / one.handed for one in self.days if one.handed]

    @property
    def tells_a_share(self) -> bool:
        """Whether there are enough messages for a share to mean something."""
        return self.handed >= FEWEST_FOR_A_SHARE


@dataclass(frozen=True)
class Left:
    """What is left in an account; for how long that is enough, and what this is worked out from, in words."""

    balance: Balance
    lasts: str
    basis: str
    stale: bool


def read(what: str, reader: Callable[[], Value]) -> Part[Value]:
    """One part of the page. A failing read is undone by itself and told in the log under the name `what`."""
    try:
        with tenancy.session().begin_nested():
            return Part(reader())
    except SQLAlchemyError:
        log.exception("a part of the home page could not be read", part=what)
        return Part(None)


def sending() -> list[Campaign]:
    """What is being sent now."""
    return listing.newest(STATES[Tab.SENDING], most=MOST_SHOWN)


def drafts() -> list[Campaign]:
    """What somebody has begun to write."""
    return listing.newest(STATES[Tab.DRAFTS], most=MOST_SHOWN)


def scheduled() -> list[Campaign]:
    """What goes out next by itself, the soonest first."""
    return list(
        tenancy.session().scalars(
            select(Campaign)
            .where(
                Campaign.team_id == tenancy.scope(),
                Campaign.state == CampaignState.SCHEDULED,
                Campaign.paused_by_person.is_(None),
                Campaign.paused_by_machine.is_(None),
            )
            .order_by(Campaign.send_at, Campaign.id)
            .limit(MOST_SHOWN)
        )
    )


def week(now: datetime, zone: ZoneInfo) -> Week:
    """The last seven days of the team, from the roll-ups; no message is counted."""
    period = Period.of_days(DAYS, now, zone)
    rows = tenancy.session().execute(
        select(RollupHour.hour, RollupHour.outcome, func.sum(RollupHour.messages).label("messages"))
        .where(RollupHour.team_id == tenancy.scope(), RollupHour.hour >= period.begin)
        .group_by(RollupHour.hour, RollupHour.outcome)
    )
    handed: dict[date, int] = defaultdict(int)
    delivered: dict[date, int] = defaultdict(int)
    for row in rows:
        day = period.day_of(row.hour)
        handed[day] += int(row.messages)
        if row.outcome == "delivered":
            delivered[day] += int(row.messages)
    days = [first for first, _last in period.steps]
    return Week(tuple(Day(day, handed[day], delivered[day]) for day in days))


def balances(now: datetime) -> list[Left]:
    """What is left in each account that is switched on, and how long it lasts."""
    found = [one for one in gateway.balances() if one.account.disabled_at is None]
    used = lasting.used([one.account for one in found], now)
    return [
        Left(
            one,
            lasting.days_words(used[one.account.id], one.left),
            lasting.basis_words(used[one.account.id]),
            stale=one.is_stale(now),
        )
        for one in found
    ]
