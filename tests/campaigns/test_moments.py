"""Times that people write, also on the two odd days of a year."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from flask import Flask

from webapp.campaigns.moments import local_text, parse_local
from webapp.errors import DomainError

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def at(said: str, zone: str = "Asia/Shanghai", now: datetime = NOW) -> datetime:
    return parse_local(said, zone, now)


@pytest.mark.parametrize(
    ("said", "zone", "moment"),
    [
        ("2026-03-02T10:00", "Asia/Shanghai", datetime(2026, 3, 2, 2, 0, tzinfo=UTC)),
        ("2026-03-02T10:00:59", "Asia/Shanghai", datetime(2026, 3, 2, 2, 0, tzinfo=UTC)),
        (" 2026-3-2  9:05 ", "Asia/Shanghai", datetime(2026, 3, 2, 1, 5, tzinfo=UTC)),
        ("2026-03-29T01:59", "Europe/Berlin", datetime(2026, 3, 29, 0, 59, tzinfo=UTC)),
        ("2026-03-29T03:00", "Europe/Berlin", datetime(2026, 3, 29, 1, 0, tzinfo=UTC)),
        # Twice on that day: the first one is meant.
        ("2026-10-25T02:30", "Europe/Berlin", datetime(2026, 10, 25, 0, 30, tzinfo=UTC)),
        ("2026-10-25T03:00", "Europe/Berlin", datetime(2026, 10, 25, 2, 0, tzinfo=UTC)),
        ("2027-03-01T12:00", "UTC", datetime(2027, 3, 1, 12, 0, tzinfo=UTC)),
    ],
)
def test_a_wall_clock_becomes_a_moment(said: str, zone: str, moment: datetime) -> None:
    assert at(said, zone) == moment


@pytest.mark.parametrize(
    ("said", "zone", "words"),
    [
        ("", "Asia/Shanghai", "Give a day and a time"),
        ("tomorrow", "Asia/Shanghai", "Give a day and a time"),
        ("2026-02-30T10:00", "Asia/Shanghai", "Give a day and a time"),
        ("2026-03-02T24:00", "Asia/Shanghai", "Give a day and a time"),
        ("2026-03-02", "Asia/Shanghai", "Give a day and a time"),
        ("2026-03-02T10:00Z", "Asia/Shanghai", "Give a day and a time"),
        ("２０２６-03-02T10:00", "Asia/Shanghai", "Give a day and a time"),
        ("0000-00-00T00:00", "Asia/Shanghai", "Give a day and a time"),
        ("0001-01-01T00:00", "Pacific/Kiritimati", "has passed"),
        ("9999-12-31T23:59", "America/New_York", "more than a year"),
        ("2027-03-03T12:01", "UTC", "more than a year"),
        ("2026-03-01T20:00", "Asia/Shanghai", "has passed: it is 2026-03-01 20:00 in Asia/Shanghai"),
        ("2026-03-01T12:00", "UTC", "has passed"),
        ("2026-03-29T02:30", "Europe/Berlin", "There is no 02:30 on that day: the clocks in Europe/Berlin"),
        ("2026-03-29T02:00", "Europe/Berlin", "There is no 02:00"),
    ],
)
def test_what_is_no_time_ahead_is_refused_in_words(app: Flask, said: str, zone: str, words: str) -> None:
    with app.test_request_context(), pytest.raises(DomainError, match=words) as refused:
        at(said, zone)
    assert refused.value.field == "send_at"


def test_a_moment_goes_back_into_its_field() -> None:
    moment = at("2026-10-25T02:30", "Europe/Berlin")
    assert local_text(moment, "Europe/Berlin") == "2026-10-25T02:30"
    assert local_text(None, "Europe/Berlin") == ""
