"""What the home page reads: what is sent, what comes next, how the last days went, what somebody must do.

Each part is read on its own. One that cannot be read says so; the others stay.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Generic, TypeVar
from zoneinfo import ZoneInfo

import structlog
from flask import url_for
from flask_babel import gettext as _
from flask_babel import ngettext
from sqlalchemy import func, select
from sqlalchemy.exc import SQLAlchemyError

from webapp import tenancy
from webapp.campaigns import listing, queries
from webapp.campaigns.listing import STATES, Tab
from webapp.campaigns.models import Campaign, RollupHour
from webapp.campaigns.states import STOPPABLE, CampaignState
from webapp.gateway import queries as gateway
from webapp.gateway.models import AccountState
from webapp.gateway.words import state_words
from webapp.reading import number
from webapp.statuses import CampaignStatus

log = structlog.get_logger(__name__)

DAYS = 7
MOST_SHOWN = 5
# With fewer messages a share says nothing; their number is shown instead.
FEWEST_FOR_A_SHARE = 30
_WELL = frozenset({AccountState.OK, AccountState.UNTESTED})

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
class Concern:
    """Something that waits for a person, and where they see to it."""

    sentence: str
    href: str
    tone: str


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
            .where(Campaign.team_id == tenancy.scope(), Campaign.state == CampaignState.SCHEDULED)
            .order_by(Campaign.send_at, Campaign.id)
            .limit(MOST_SHOWN)
        )
    )


def week(now: datetime, zone: ZoneInfo) -> Week:
    """The last seven days of the team, from the roll-ups; no message is counted."""
    today = now.astimezone(zone).date()
    first = today - timedelta(days=DAYS - 1)
    rows = tenancy.session().execute(
        select(RollupHour.hour, RollupHour.outcome, func.sum(RollupHour.messages).label("messages"))
        .where(
            RollupHour.team_id == tenancy.scope(),
            RollupHour.hour >= datetime(first.year, first.month, first.day, tzinfo=zone).astimezone(UTC),
        )
        .group_by(RollupHour.hour, RollupHour.outcome)
    )
    handed: dict[date, int] = defaultdict(int)
    delivered: dict[date, int] = defaultdict(int)
    for row in rows:
        day = row.hour.astimezone(zone).date()
        handed[day] += int(row.messages)
        if row.outcome == "delivered":
            delivered[day] += int(row.messages)
    days = [first + timedelta(days=n) for n in range(DAYS)]
    return Week(tuple(Day(day, handed[day], delivered[day]) for day in days))


def concerns(now: datetime) -> list[Concern]:
    """What waits for a person, the most urgent first."""
    return [*_accounts(), *_paused(), *_missed(), *_unconfirmed(now)]


def _accounts() -> list[Concern]:
    found = []
    for one in gateway.balances():
        if one.account.disabled_at is not None:
            continue
        place = url_for("gateway.show", account_id=one.account.id)
        if one.account.state not in _WELL:
            state = state_words(one.account.state, disabled=False)
            sentence = _("%(account)s: %(state)s", account=one.account.label, state=state.sentence)
            found.append(Concern(sentence, place, state.tone))
        elif one.good is not None and one.good.messages is not None and one.good.messages <= 0:
            sentence = _(
                "%(account)s: the balance is %(n)s. Top it up before you send.",
                account=one.account.label,
                n=number(one.good.messages),
            )
            found.append(Concern(sentence, place, "odd"))
    return found


def _paused() -> list[Concern]:
    return [
        Concern(_("“%(name)s” is paused and says why.", name=one.name), _page(one), "odd")
        for one in listing.newest(STOPPABLE, most=listing.PAGE)
        if one.paused_by_machine
    ][:MOST_SHOWN]


def _missed() -> list[Concern]:
    return [
        Concern(_("“%(name)s” missed its time. Nothing was sent.", name=one.name), _page(one), "odd")
        for one in listing.newest((CampaignState.MISSED,), most=MOST_SHOWN)
    ]


def _unconfirmed(now: datetime) -> list[Concern]:
    rows = tenancy.session().scalars(
        select(Campaign)
        .where(Campaign.team_id == tenancy.scope(), Campaign.unconfirmed > 0)
        .order_by(Campaign.id.desc())
        .limit(listing.PAGE)
    )
    return [
        Concern(
            ngettext(
                "%(count)s message of “%(name)s” is not confirmed.",
                "%(count)s messages of “%(name)s” are not confirmed.",
                one.unconfirmed,
                count=number(one.unconfirmed),
                name=one.name,
            ),
            _page(one),
            "odd",
        )
        for one in rows
        if queries.status_of(one, now) is CampaignStatus.NEEDS_ATTENTION
    ][:MOST_SHOWN]


def _page(campaign: Campaign) -> str:
    return url_for("campaigns.show", campaign_id=campaign.id)
