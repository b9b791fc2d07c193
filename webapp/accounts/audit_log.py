"""Reading a team's audit log: the newest first, narrowed to a person, a kind of action, some days.

An id tells when it was made, so days are a range of the key and need no index of their own.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import select

from webapp import tenancy
from webapp.accounts.audit_words import FAMILIES
from webapp.accounts.models import AuditEntry
from webapp.database import id_at

PAGE = 50
# Ids are counted from 2020 on and are full in 2089.
FIRST_YEAR, LAST_YEAR = 2020, 2088


@dataclass(frozen=True)
class Wanted:
    """What the log is narrowed to; None: not. `family` is one of audit_words.FAMILIES."""

    person: int | None = None
    family: str | None = None
    start: date | None = None
    end: date | None = None


def page(wanted: Wanted, zone: str, before: int | None = None) -> list[AuditEntry]:
    """Up to PAGE + 1 entries older than the entry `before`; one more than a page says that there are more.

    Days are those of the IANA time zone `zone`.
    """
    mine = select(AuditEntry).where(AuditEntry.team_id == tenancy.scope())
    if wanted.person is not None:
        mine = mine.where(AuditEntry.user_id == wanted.person)
    if wanted.family is not None:
        mine = mine.where(AuditEntry.action.in_(list(FAMILIES[wanted.family][1])))
    if wanted.start is not None:
        mine = mine.where(AuditEntry.id >= id_at(_midnight(wanted.start, zone)))
    if wanted.end is not None:
        mine = mine.where(AuditEntry.id < id_at(_midnight(wanted.end + timedelta(days=1), zone)))
    if before is not None:
        mine = mine.where(AuditEntry.id < before)
    return list(tenancy.session().scalars(mine.order_by(AuditEntry.id.desc()).limit(PAGE + 1)))


def read_day(text: str | None) -> date | None:
    """A day as a form sends it, 2026-11-09; None for none and for what is no day of ours."""
    try:
        day = date.fromisoformat(text or "")
    except ValueError:
        return None
    return day if FIRST_YEAR <= day.year <= LAST_YEAR else None


def _midnight(day: date, zone: str) -> datetime:
    return datetime.combine(day, time.min, ZoneInfo(zone)).astimezone(UTC)
