"""Sending hours: when campaigns of a kind may go out, by the clocks in the team's time zone.

What counts is what a clock on the wall shows: open from the first time on, closed from the second on. So a
day on which the clocks change needs no rule of its own, and nothing goes out at an hour that reads as closed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from webapp.accounts import queries
from webapp.accounts.models import Team
from webapp.campaigns.states import Kind

# A window may fall into an hour that one day does not have, so the next one is looked at too.
_DAYS_AHEAD = 3
_DAY = 24 * 60


@dataclass(frozen=True)
class Hours:
    """A window of each day, `start` <= wall clock < `end`, in a zone (IANA name). It never wraps midnight."""

    start: time
    end: time
    zone: str

    def open_at(self, moment: datetime) -> bool:
        """Whether a wall clock shows a time within the window."""
        return self.start <= moment.astimezone(ZoneInfo(self.zone)).time() < self.end

    def next_change(self, now: datetime) -> datetime:
        """When it opens next, if it is closed, and when it closes, if it is open; UTC."""
        is_open = self.open_at(now)
        return min(edge for edge in self._edges(now) if edge > now and self.open_at(edge) != is_open)

    def _edges(self, now: datetime) -> Iterator[datetime]:
        """Every moment of the coming days at which it may open or close."""
        zone = ZoneInfo(self.zone)
        today = now.astimezone(zone).date()
        for day in (today + timedelta(days=ahead) for ahead in range(_DAYS_AHEAD)):
            for wall in (self.start, self.end):
                for fold in (0, 1):
                    yield datetime.combine(day, wall.replace(fold=fold), zone).astimezone(UTC)
        begin = datetime.combine(today, time(), zone).astimezone(UTC)
        yield from _clock_changes(zone, begin, _DAYS_AHEAD)


def hours_of(team: Team, kind: str) -> Hours | None:
    """The hours of a kind of campaign; None: at any time. A test goes to the own number, at once."""
    match Kind(kind):
        case Kind.MARKETING:
            return Hours(team.marketing_from, team.marketing_until, team.time_zone)
        case Kind.NOTICE if team.notice_from is not None and team.notice_until is not None:
            return Hours(team.notice_from, team.notice_until, team.time_zone)
    return None


def open_kinds(now: datetime) -> tuple[str, ...]:
    """The kinds of campaigns of the present team that may go out now."""
    team = queries.team_at_hand()
    hours = {kind: hours_of(team, kind) for kind in Kind}
    return tuple(str(kind) for kind, window in hours.items() if window is None or window.open_at(now))


def next_opening(kind: str, now: datetime) -> datetime | None:
    """When campaigns of this kind may go out again; None: they may now."""
    window = hours_of(queries.team_at_hand(), kind)
    return None if window is None or window.open_at(now) else window.next_change(now)


def closes_at(kind: str, now: datetime) -> datetime | None:
    """Until when campaigns of this kind may go out; None: there is no end, or they may not now."""
    window = hours_of(queries.team_at_hand(), kind)
    return window.next_change(now) if window is not None and window.open_at(now) else None


def _clock_changes(zone: ZoneInfo, begin: datetime, days: int) -> Iterator[datetime]:
    """The moments within so many days at which the clocks of a zone go forward or back: whole minutes."""

    def offset(minute: int) -> timedelta | None:
        return (begin + timedelta(minutes=minute)).astimezone(zone).utcoffset()

    for first in range(0, days * _DAY, _DAY):
        if offset(first) != offset(first + _DAY):
            # Halved until it is found: before the change the offset is still that of the first minute.
            low, high = first, first + _DAY
            while high - low > 1:
                middle = (low + high) // 2
                low, high = (middle, high) if offset(middle) == offset(first) else (low, middle)
            yield begin + timedelta(minutes=high)
