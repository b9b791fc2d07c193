"""Spans of days that figures are asked for: whole days of the team's zone, as the UTC hours of the roll-ups.

An hour belongs to the day on which it begins there. So every hour is in exactly one day, also in zones whose
days begin at half past an hour, and on days of 23 or 25 hours.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cached_property
from zoneinfo import ZoneInfo

from flask_babel import gettext as _

from webapp.reading import number

LENGTHS = (7, 30, 90)
USUAL = 30
MOST_DAYS = 400
# More points than this nobody can tell apart or point at; then a point is a week.
MOST_STEPS = 60
# Before it no program of this kind ran; far from the ends of what a date can be.
EARLIEST = date(2000, 1, 1)
_DAY = timedelta(days=1)
_WEEK = 7
_ISO = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)


def begin_of(day: date, zone: ZoneInfo) -> datetime:
    """The first moment of a day, in UTC."""
    return datetime(day.year, day.month, day.day, tzinfo=zone).astimezone(UTC)


def today(now: datetime, zone: ZoneInfo) -> date:
    """Which day it is in the zone."""
    return now.astimezone(zone).date()


@dataclass(frozen=True)
class Period:
    """All days from `first` to `last`, both included, as they are in `zone`."""

    first: date
    last: date
    zone: ZoneInfo

    @classmethod
    def of_days(cls, days: int, now: datetime, zone: ZoneInfo) -> Period:
        """So many days, of which today is the last one."""
        last = today(now, zone)
        return cls(last - (days - 1) * _DAY, last, zone)

    @property
    def days(self) -> int:
        """How many days."""
        return (self.last - self.first).days + 1

    @cached_property
    def begin(self) -> datetime:
        """The first moment, in UTC; hours of the roll-ups from here on are in it."""
        return begin_of(self.first, self.zone)

    @cached_property
    def end(self) -> datetime:
        """The first moment after it, in UTC."""
        return begin_of(self.last + _DAY, self.zone)

    @property
    def before(self) -> Period:
        """As many days, just before it."""
        return Period(self.first - self.days * _DAY, self.first - _DAY, self.zone)

    @property
    def by_week(self) -> bool:
        """Whether a step of its charts is seven days."""
        return self.days > MOST_STEPS

    @property
    def step_days(self) -> int:
        """How many days a step of its charts has; the last step may be shorter."""
        return _WEEK if self.by_week else 1

    @cached_property
    def steps(self) -> list[tuple[date, date]]:
        """The first and the last day of each step, at most MOST_STEPS of them, from the first day on."""
        length = self.step_days
        firsts = [self.first + place * length * _DAY for place in range(-(-self.days // length))]
        return [(first, min(first + (length - 1) * _DAY, self.last)) for first in firsts]

    def step_of(self, hour: datetime) -> int:
        """The place of the step in which an hour of it begins."""
        return (self.day_of(hour) - self.first).days // self.step_days

    def day_of(self, hour: datetime) -> date:
        """The day on which an hour begins."""
        return hour.astimezone(self.zone).date()

    def holds(self, moment: datetime) -> bool:
        """Whether a moment is in it."""
        return self.begin <= moment < self.end


@dataclass(frozen=True)
class Asked:
    """What a query asks for. `days`: one of LENGTHS, None for days of one's own.

    `said`: both days as they are written in a form; with a `problem` (a sentence) what was typed, as far as a
    form can show it, and the period is the usual one.
    """

    period: Period
    days: int | None
    said: tuple[str, str]
    problem: str | None = None


def asked(query: Mapping[str, str], now: datetime, zone: ZoneInfo) -> Asked:
    """Read `days`, or `from` and `to` (days as 2026-11-09), from a query. Never raises."""
    said = (query.get("from", "").strip(), query.get("to", "").strip())
    if any(said):
        found = _own(*said, now, zone)
        if isinstance(found, Period):
            return Asked(found, None, (found.first.isoformat(), found.last.isoformat()))
        return _refused(found, said, now, zone)
    days = query.get("days", str(USUAL))
    if days not in map(str, LENGTHS):
        sentence = _("Choose 7, 30 or 90 days, or a first and a last day of your own.")
        return _refused(sentence, said, now, zone)
    period = Period.of_days(int(days), now, zone)
    return Asked(period, int(days), (period.first.isoformat(), period.last.isoformat()))


def _refused(sentence: str, said: tuple[str, str], now: datetime, zone: ZoneInfo) -> Asked:
    first, last = (text if _ISO.fullmatch(text) else "" for text in said)
    return Asked(Period.of_days(USUAL, now, zone), USUAL, (first, last), sentence)


def _own(first_said: str, last_said: str, now: datetime, zone: ZoneInfo) -> Period | str:
    """The period from one day to another, else a sentence that says why it is none."""
    first, last = _day(first_said), _day(last_said)
    if first is None or last is None:
        return _("Give the first and the last day, each as year-month-day, for example 2026-11-09.")
    if first > last:
        return _("The first day is after the last one. Exchange them.")
    # What is still to come has no figures; the days until now have.
    now_there = today(now, zone)
    if first > now_there:
        return _("These days have not come yet, so there is nothing to show.")
    if first < EARLIEST:
        return _("There is nothing from before %(year)s.", year=EARLIEST.year)
    period = Period(first, min(last, now_there), zone)
    if period.days > MOST_DAYS:
        return _("That is more than %(days)s days. Choose fewer.", days=number(MOST_DAYS))
    return period


def _day(said: str) -> date | None:
    if not _ISO.fullmatch(said):
        return None
    try:
        return date.fromisoformat(said)
    except ValueError:
        return None
