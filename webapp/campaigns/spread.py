"""Spreading a campaign over a period: so many messages an hour, or evenly until a moment.

Time counts only within the sending hours. What goes at once is about a minute's worth, so that a request is
small enough for the pace and a million people at full speed still fill whole requests. All of this is
arithmetic; only `asked_of` reads a row.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from webapp.accounts import queries as accounts
from webapp.campaigns import hours
from webapp.campaigns.hours import Hours
from webapp.campaigns.states import AtHoursEnd

MOST_PER_HOUR = 1_000_000
# A text that takes longer than this to go out is not the same text any more when the last ones get it.
LONGEST = timedelta(days=31)
# What a turn came too late for is made up for; what a night or a pause held back is not.
_CATCHES_UP = timedelta(minutes=1)
_HOUR = timedelta(hours=1)
_MINUTES_AN_HOUR = 60


class Spreadable(Protocol):
    """A campaign, or what somebody wrote of one."""

    @property
    def per_hour(self) -> int | None:
        """So many messages an hour."""

    @property
    def even_until(self) -> datetime | None:
        """Evenly until this moment."""


class Timed(Spreadable, Protocol):
    """What else was chosen about its time."""

    @property
    def kind(self) -> str:
        """Which sending hours hold."""

    @property
    def send_at(self) -> datetime | None:
        """When it begins; None: at once."""

    @property
    def not_after(self) -> datetime | None:
        """Nothing goes out after it."""

    @property
    def at_hours_end(self) -> str:
        """What becomes of the rest when the sending hours end."""


@dataclass(frozen=True)
class Spread:
    """One of the two is given, or none: all at once."""

    per_hour: int | None = None
    even_until: datetime | None = None

    @classmethod
    def of(cls, campaign: Spreadable | None) -> Spread:
        """How a campaign is spread; none is all at once."""
        return cls() if campaign is None else cls(campaign.per_hour, campaign.even_until)

    def __bool__(self) -> bool:
        return self.per_hour is not None or self.even_until is not None

    def an_hour(self, people: int, begins: datetime, window: Hours | None) -> float:
        """How many go in an hour of sending if `people` wait at `begins`; infinite for all at once."""
        if self.per_hour is not None:
            return self.per_hour
        left = timedelta() if self.even_until is None else open_time(window, begins, self.even_until)
        return people / (left / _HOUR) if left > timedelta() else float("inf")

    def takes(self, people: int) -> timedelta | None:
        """How much time within the sending hours so many need; None where that is not given by a number."""
        return None if self.per_hour is None else _HOUR * (people / self.per_hour)

    def gap(self, numbers: int, waiting: int, now: datetime, window: Hours | None) -> timedelta:
        """How long nothing more goes after a request to `numbers` of the `waiting`; the same share of the
        time that is left as they are of those who wait."""
        rate = self.an_hour(max(waiting, numbers, 1), now, window)
        return _HOUR * (numbers / rate)

    def next_at(
        self, before: datetime | None, numbers: int, waiting: int, now: datetime, window: Hours | None
    ) -> datetime:
        """When the next ones may go. `before`: what this said last; a turn that was late shifts nothing."""
        on_time = before is not None and now - _CATCHES_UP <= before <= now
        begins = before if before is not None and on_time else now
        return begins + self.gap(numbers, waiting, begins, window)


@dataclass(frozen=True)
class Asked:
    """What somebody chose: a spread, a start, a limit, and what happens when the sending hours end."""

    spread: Spread
    begins: datetime
    window: Hours | None
    not_after: datetime | None = None
    drops: bool = False

    def numbers_a_request(self, people: int, most: int) -> int:
        """How many numbers of that many people a request has at most."""
        return numbers_a_request(self.spread.an_hour(people, self.begins, self.window), most)


def asked_of(said: Timed, now: datetime) -> Asked:
    """What was chosen for a draft or a campaign of the present team that begins now, or at its time."""
    return Asked(
        Spread.of(said),
        max(now, said.send_at or now),
        hours.hours_of(accounts.team_at_hand(), said.kind) if Spread.of(said) else None,
        said.not_after,
        said.at_hours_end == AtHoursEnd.DROP,
    )


def numbers_a_request(an_hour: float, most: int) -> int:
    """How many numbers a request may have at that pace: a minute's worth, at least one, at most `most`."""
    return max(1, int(min(most, an_hour / _MINUTES_AN_HOUR)))


def open_time(window: Hours | None, begin: datetime, end: datetime) -> timedelta:
    """How much of the time between the two lies in the sending hours."""
    if window is None:
        return max(timedelta(), end - begin)
    return sum((until - since for since, until in _open_spans(window, begin, end)), timedelta())


def last_open(window: Hours | None, begin: datetime, end: datetime) -> datetime:
    """The last moment up to `end` until which something may go; `begin` if there is none."""
    if window is None:
        return end
    return max((until for _since, until in _open_spans(window, begin, end)), default=begin)


def through_at(window: Hours | None, begin: datetime, needed: timedelta) -> datetime | None:
    """The moment by which so much time of sending has passed; None if that is more than `LONGEST` away."""
    if needed > LONGEST:
        return None
    if window is None:
        return begin + needed
    for since, until in _open_spans(window, begin, begin + LONGEST):
        if until - since >= needed:
            return since + needed
        needed -= until - since
    return None


def _open_spans(window: Hours, begin: datetime, end: datetime) -> Iterator[tuple[datetime, datetime]]:
    """The parts of the time between the two in which the window is open, in order."""
    at, is_open = begin, window.open_at(begin)
    while at < end:
        change = min(end, window.next_change(at))
        if is_open:
            yield at, change
        at, is_open = change, not is_open
