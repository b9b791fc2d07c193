"""What pages ask about reports. Needs an open team scope; reads only."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from webapp import clock, tenancy
from webapp.delivery import statements

# Older ones are no news to anybody.
SHOWN_DAYS = 30


@dataclass(frozen=True)
class ReportCounts:
    """How many reports of the team wait for their message, match nothing, or could not be read (30 days)."""

    waiting: int
    unmatched: int
    unreadable: int


@dataclass(frozen=True)
class UnreadableReport:
    """What came instead of a report: the first 2 KiB of it and its whole size in bytes."""

    id: int
    account_id: int
    received_at: datetime
    raw: bytes
    size: int


def report_counts() -> ReportCounts:
    """The figures of "12 reports match nothing here" and "3 unreadable reports"."""
    row = (
        tenancy.session()
        .execute(
            statements.COUNTS,
            {"team": tenancy.scope(), "since": clock.now() - timedelta(days=SHOWN_DAYS)},
        )
        .one()
    )
    return ReportCounts(int(row.waiting), int(row.unmatched), int(row.unreadable))


def unreadable_reports(before: int | None = None, most: int = 50) -> list[UnreadableReport]:
    """What could not be read, newest first, those with an id below `before`."""
    rows = tenancy.session().execute(
        statements.UNREADABLE, {"team": tenancy.scope(), "before": before, "most": most}
    )
    return [
        UnreadableReport(row.id, row.account_id, row.received_at, bytes(row.raw), row.size) for row in rows
    ]
