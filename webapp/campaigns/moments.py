"""Times that people write: text of a form, in the team's time zone, becomes a moment, and back.

A clock that is changed skips an hour in spring and goes through one twice in autumn. A time in the skipped
hour is nobody's time and is refused; of the two in the other the first is meant, so that nothing starts later
than it was read on the wall.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from flask import current_app
from flask_babel import gettext as _

from webapp.errors import DomainError
from webapp.settings import settings_of

# What a browser sends for a datetime-local field; a browser without one lets people write it by hand.
_WRITTEN = re.compile(
    r"([0-9]{4})-([0-9]{1,2})-([0-9]{1,2})[T ]+([0-9]{1,2}):([0-9]{2})(?::[0-9]{2}(?:\.[0-9]+)?)?"
)
FURTHEST = timedelta(days=366)


def parse_local(said: str, zone: str, now: datetime, field: str = "send_at") -> datetime:
    """`2026-11-09T10:00` on the clocks of `zone` (IANA name) -> aware UTC, whole minutes.

    Raises DomainError (field `field`) for what cannot be read, a time that has passed, one that the clock
    change leaves out, and one that is more than a year ahead.
    """
    wall = _wall_time(said, field)
    here = now.astimezone(ZoneInfo(zone))
    # Told apart on the wall first: the ends of the calendar cannot be brought to UTC.
    if wall > here.replace(tzinfo=None) + FURTHEST:
        raise DomainError(_("This is more than a year ahead. Choose an earlier time."), field)
    if wall < here.replace(tzinfo=None) - timedelta(days=2):
        raise _passed(here, zone, field)
    moment = wall.replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)
    if moment.astimezone(ZoneInfo(zone)).replace(tzinfo=None) != wall:
        raise DomainError(
            _(
                "There is no %(time)s on that day: the clocks in %(zone)s go forward over it. "
                "Choose an earlier or a later time.",
                time=f"{wall:%H:%M}",
                zone=zone,
            ),
            field,
        )
    if moment <= now:
        raise _passed(here, zone, field)
    return moment


def local_text(moment: datetime | None, zone: str) -> str:
    """The moment as the value of a datetime-local field; empty for none."""
    return "" if moment is None else f"{moment.astimezone(ZoneInfo(zone)):%Y-%m-%dT%H:%M}"


def start_by(send_at: datetime | None) -> datetime | None:
    """Until when a start that was due at `send_at` is still made up for; later it counts as missed."""
    if send_at is None:
        return None
    return send_at + timedelta(seconds=settings_of(current_app).times.start_by)


def _wall_time(said: str, field: str) -> datetime:
    found = _WRITTEN.fullmatch(said.strip())
    try:
        if found is not None:
            year, month, day, hour, minute = (int(piece) for piece in found.groups())
            return datetime(year, month, day, hour, minute)  # noqa: DTZ001 # what stands on a wall clock
    except ValueError:
        pass
    raise DomainError(_("Give a day and a time that exist, like 2026-11-09 10:00."), field)


def _passed(here: datetime, zone: str, field: str) -> DomainError:
    return DomainError(
        _(
            "This time has passed: it is %(now)s in %(zone)s. Choose a later one.",
            now=f"{here:%Y-%m-%d %H:%M}",
            zone=zone,
        ),
        field,
    )
