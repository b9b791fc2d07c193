"""Spans of days: each hour is in exactly one, whatever the clocks of the zone do; odd queries are refused."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from flask import Flask
from hypothesis import example, given, settings
from hypothesis import strategies as st

from webapp.reports import periods
from webapp.reports.periods import Asked, Period

NOW = datetime(2026, 11, 9, 17, 30, tzinfo=UTC)
SHANGHAI = ZoneInfo("Asia/Shanghai")
HOUR = timedelta(hours=1)
# Clocks that change at one, at two and at midnight, by half an hour, and a day that there never was.
ZONES = (
    "Asia/Shanghai", "UTC", "Europe/Berlin", "America/New_York", "America/Havana", "Africa/Cairo",
    "Asia/Beirut", "Australia/Lord_Howe", "Asia/Kolkata", "Asia/Kathmandu", "Pacific/Chatham",
    "Pacific/Apia", "America/St_Johns", "Pacific/Kiritimati",
)  # fmt: skip
days = st.dates(date(2005, 1, 1), date(2030, 12, 31))


def hours_of(period: Period) -> list[datetime]:
    first = period.begin.replace(minute=0, second=0)
    hours = [first + n * HOUR for n in range((period.end - first) // HOUR + 2)]
    return [hour for hour in hours if period.holds(hour)]


@settings(max_examples=200, deadline=None)
@given(zone=st.sampled_from(ZONES), first=days, length=st.integers(1, periods.MOST_DAYS))
@example(zone="Pacific/Apia", first=date(2011, 12, 29), length=3)
@example(zone="America/Havana", first=date(2026, 11, 1), length=1)
@example(zone="Asia/Beirut", first=date(2026, 3, 29), length=1)
def test_every_hour_is_in_one_step_of_one_period(zone: str, first: date, length: int) -> None:
    period = Period(first, first + timedelta(days=length - 1), ZoneInfo(zone))
    before = period.before
    assert (before.days, before.end) == (period.days, period.begin)
    assert not set(hours_of(before)) & set(hours_of(period))
    assert 1 <= len(period.steps) <= periods.MOST_STEPS
    assert (period.steps[0][0], period.steps[-1][1]) == (period.first, period.last)
    for hour in hours_of(period):
        begin, end = period.steps[period.step_of(hour)]
        assert begin <= period.day_of(hour) <= end


@pytest.mark.parametrize(
    ("zone", "day", "hours"),
    [
        ("Europe/Berlin", date(2026, 3, 29), 23),
        ("Europe/Berlin", date(2026, 10, 25), 25),
        ("America/Havana", date(2026, 11, 1), 25),
        ("Asia/Beirut", date(2026, 3, 29), 23),
        ("Asia/Shanghai", date(2026, 3, 29), 24),
        ("Asia/Kolkata", date(2026, 3, 29), 24),
        ("Pacific/Apia", date(2011, 12, 30), 0),
    ],
)
def test_days_on_which_clocks_change(zone: str, day: date, hours: int) -> None:
    period = Period(day, day, ZoneInfo(zone))
    assert len(hours_of(period)) == hours
    assert {period.day_of(hour) for hour in hours_of(period)} <= {day}


def test_long_periods_go_by_week() -> None:
    first = date(2026, 1, 1)
    assert not Period(first, first + timedelta(days=59), SHANGHAI).by_week
    quarter = Period(first, first + timedelta(days=89), SHANGHAI)
    assert [(last - begin).days + 1 for begin, last in quarter.steps] == [7] * 12 + [6]
    assert Counter(quarter.step_of(hour) for hour in hours_of(quarter))[12] == 6 * 24


def read(app: Flask, query: dict[str, str], zone: ZoneInfo = SHANGHAI) -> Asked:
    with app.test_request_context():
        return periods.asked(query, NOW, zone)


def test_what_is_asked_for(app: Flask) -> None:
    # Half past one in the night of the tenth in Shanghai.
    assert read(app, {}).period == Period(date(2026, 10, 12), date(2026, 11, 10), SHANGHAI)
    assert (read(app, {}).days, read(app, {}).problem) == (30, None)
    week = read(app, {"days": "7"}).period
    assert (week.days, week.last) == (7, date(2026, 11, 10))
    assert week.begin == datetime(2026, 11, 3, 16, tzinfo=UTC)
    own = read(app, {"from": " 2026-01-05 ", "to": "2026-01-05", "days": "7"})
    assert (own.period.days, own.days, own.problem) == (1, None, None)
    assert read(app, {"from": "2026-11-01", "to": "2027-12-31"}).period.last == date(2026, 11, 10)


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ({"from": "-1"}, "Give the first and the last day"),
        ({"to": "1e99", "from": "2026-01-01"}, "Give the first and the last day"),
        ({"from": "2026-02-30", "to": "2026-03-01"}, "Give the first and the last day"),
        ({"from": "２０２６-01-01", "to": "2026-01-02"}, "Give the first and the last day"),
        ({"from": "2026-01-01\x00", "to": "2026-01-02"}, "Give the first and the last day"),
        ({"from": "2026-01-01T00:00", "to": "2026-01-02"}, "Give the first and the last day"),
        ({"from": "9" * 10_000, "to": "<script>"}, "Give the first and the last day"),
        ({"from": "2026-W01-1", "to": "2026-01-02"}, "Give the first and the last day"),
        ({"from": "2026-02-01", "to": "2026-01-01"}, "first day is after the last"),
        ({"from": "2027-01-01", "to": "2027-02-01"}, "have not come yet"),
        ({"from": "9999-12-31", "to": "9999-12-31"}, "have not come yet"),
        ({"from": "0001-01-01", "to": "0001-01-02"}, "nothing from before 2000"),
        ({"from": "2025-10-06", "to": "2026-11-10"}, "more than 400 days"),
        ({"from": "2000-01-01", "to": "9999-12-31"}, "more than 400 days"),
        ({"days": "31"}, "Choose 7, 30 or 90 days"),
        ({"days": "٧"}, "Choose 7, 30 or 90 days"),
        ({"days": "7\x00"}, "Choose 7, 30 or 90 days"),
        ({"days": "9" * 10_000}, "Choose 7, 30 or 90 days"),
        ({"days": ""}, "Choose 7, 30 or 90 days"),
    ],
)
def test_what_is_no_period_is_refused_in_words(app: Flask, query: dict[str, str], words: str) -> None:
    found = read(app, query)
    assert found.problem is not None
    assert words in found.problem
    assert found.period == Period.of_days(30, NOW, SHANGHAI)
    assert all(len(text) <= 10 and text.isprintable() for text in found.said)


def test_the_longest_period_there_is(app: Flask) -> None:
    assert read(app, {"from": "2025-10-07", "to": "2026-11-10"}).period.days == periods.MOST_DAYS
