"""The arithmetic of spreading a campaign: pace, requests, gaps, and how long it takes with sending hours."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from webapp.campaigns.hours import Hours
from webapp.campaigns.spread import LONGEST, Spread, numbers_a_request, open_time, through_at

BERLIN, SANTIAGO = "Europe/Berlin", "America/Santiago"
DAY = Hours(time(8, 30), time(20, 30), BERLIN)
HOUR = timedelta(hours=1)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


NOON = at("2026-03-02T12:00+01:00")


@pytest.mark.parametrize(
    ("begin", "end", "hours"),
    [
        ("2026-03-02T12:00+01:00", "2026-03-02T14:00+01:00", 2),
        ("2026-03-02T19:30+01:00", "2026-03-02T23:00+01:00", 1),
        ("2026-03-02T19:30+01:00", "2026-03-03T09:00+01:00", 1.5),
        ("2026-03-02T21:00+01:00", "2026-03-03T08:30+01:00", 0),
        ("2026-03-02T14:00+01:00", "2026-03-02T12:00+01:00", 0),
        # The clocks go forward in the night of the 29th, and back in that of the 25th: 12 hours by day.
        ("2026-03-28T12:00+01:00", "2026-03-30T12:00+02:00", 24),
        ("2026-10-24T12:00+02:00", "2026-10-26T12:00+01:00", 24),
    ],
)
def test_only_the_sending_hours_count(begin: str, end: str, hours: float) -> None:
    assert open_time(DAY, at(begin), at(end)) == hours * HOUR


@pytest.mark.parametrize(
    ("window", "begin", "end", "hours"),
    [
        # In the hour that is not there nothing goes out; in the one that is there twice, twice as much.
        (("01:30", "03:30"), "2026-03-28T12:00+01:00", "2026-03-29T12:00+02:00", 1),
        (("01:30", "03:30"), "2026-10-24T12:00+02:00", "2026-10-25T12:00+01:00", 3),
        (("02:10", "02:50"), "2026-03-28T12:00+01:00", "2026-03-29T12:00+02:00", 0),
    ],
)
def test_hours_in_a_night_of_another_length(
    window: tuple[str, str], begin: str, end: str, hours: float
) -> None:
    start, stop = (time.fromisoformat(text) for text in window)
    assert open_time(Hours(start, stop, BERLIN), at(begin), at(end)) == hours * HOUR


def test_without_sending_hours_all_time_counts() -> None:
    assert open_time(None, NOON, NOON + 30 * HOUR) == 30 * HOUR
    assert open_time(None, NOON, NOON - HOUR) == timedelta()
    assert through_at(None, NOON, 30 * HOUR) == NOON + 30 * HOUR


@pytest.mark.parametrize(
    ("begin", "hours", "through"),
    [
        ("2026-03-02T12:00+01:00", 8.5, "2026-03-02T20:30+01:00"),
        ("2026-03-02T12:00+01:00", 9, "2026-03-03T09:00+01:00"),
        ("2026-03-02T22:00+01:00", 0.5, "2026-03-03T09:00+01:00"),
        # 12,500 people at 500 an hour.
        ("2026-03-02T12:00+01:00", 25, "2026-03-04T13:00+01:00"),
        ("2026-03-28T12:00+01:00", 25, "2026-03-30T13:00+02:00"),
        ("2026-10-24T12:00+02:00", 25, "2026-10-26T13:00+01:00"),
    ],
)
def test_when_it_is_through(begin: str, hours: float, through: str) -> None:
    assert through_at(DAY, at(begin), hours * HOUR) == at(through)


@pytest.mark.parametrize("window", [None, DAY], ids=["at any time", "by day"])
def test_what_takes_more_than_a_month_is_never_through(window: Hours | None) -> None:
    assert through_at(window, NOON, LONGEST + HOUR) is None
    assert (through_at(window, NOON, LONGEST / 2 + 24 * HOUR) is None) is (window is not None)


@settings(max_examples=60)
@given(
    zone=st.sampled_from([BERLIN, SANTIAGO, "Asia/Shanghai", "Australia/Lord_Howe"]),
    edges=st.lists(st.integers(0, 24 * 60 - 1), min_size=2, max_size=2, unique=True).map(sorted),
    begin=st.datetimes(datetime(2026, 1, 1), datetime(2026, 12, 31)),  # noqa: DTZ001 # made UTC below
    minutes=st.integers(1, 60 * 60),
)
def test_the_two_are_each_others_inverse(zone: str, edges: list[int], begin: datetime, minutes: int) -> None:
    """What is through at a moment has had that much time by then, and not a moment before."""
    start, stop = (time(edge // 60, edge % 60) for edge in edges)
    window, begins, needed = Hours(start, stop, zone), begin.replace(tzinfo=UTC), timedelta(minutes=minutes)
    through = through_at(window, begins, needed)
    if through is None:
        assert open_time(window, begins, begins + LONGEST) < needed
        return
    assert open_time(window, begins, through) == needed
    assert open_time(window, begins, through - timedelta(seconds=1)) < needed
    assert window.open_at(through - timedelta(seconds=1))


@pytest.mark.parametrize(
    ("an_hour", "most", "numbers"),
    [
        (1, 5000, 1), (59, 5000, 1), (60, 5000, 1), (500, 5000, 8), (30_000, 5000, 500),
        (1_000_000, 5000, 5000), (1_000_000, 1, 1), (float("inf"), 5000, 5000), (0.5, 5000, 1),
    ],
)  # fmt: skip
def test_a_request_holds_a_minutes_worth(an_hour: float, most: int, numbers: int) -> None:
    assert numbers_a_request(an_hour, most) == numbers


@pytest.mark.parametrize(
    ("spread", "numbers", "waiting", "seconds"),
    [
        (Spread(), 5000, 5000, 0),
        (Spread(per_hour=500), 8, 12_500, 57.6),
        (Spread(per_hour=500), 500, 500, 3600),
        (Spread(per_hour=1), 1, 0, 3600),
        # From noon until 14:00, and from noon until the evening, in which the hours end at 20:30.
        (Spread(even_until=NOON + 2 * HOUR), 10, 120, 600),
        (Spread(even_until=NOON + 11 * HOUR), 10, 85, 3600),
        # Its end has passed: what is left goes at once.
        (Spread(even_until=NOON), 10, 120, 0),
        (Spread(even_until=NOON - HOUR), 10, 120, 0),
    ],
)
def test_the_gap_after_a_request(spread: Spread, numbers: int, waiting: int, seconds: float) -> None:
    assert spread.gap(numbers, waiting, NOON, DAY) == timedelta(seconds=seconds)


def test_a_late_turn_is_made_up_for_and_a_night_is_not() -> None:
    spread, second = Spread(per_hour=3600), timedelta(seconds=1)
    assert spread.next_at(None, 10, 100, NOON, DAY) == NOON + 10 * second
    assert spread.next_at(NOON - 3 * second, 10, 100, NOON, DAY) == NOON + 7 * second
    assert spread.next_at(NOON - HOUR, 10, 100, NOON, DAY) == NOON + 10 * second
    # A clock that was set back: what lies ahead says nothing.
    assert spread.next_at(NOON + HOUR, 10, 100, NOON, DAY) == NOON + 10 * second


@settings(max_examples=50)
@given(
    people=st.integers(1, 400),
    most=st.sampled_from([1, 7, 5000]),
    late=st.floats(0, 0.9),
    hours=st.integers(1, 30),
    even=st.booleans(),
)
def test_walked_request_by_request_it_keeps_its_pace(
    people: int, most: int, late: float, hours: int, even: bool
) -> None:
    """Turns that come late by a part of the gap: neither faster than asked nor through later."""
    spread = Spread(even_until=NOON + hours * HOUR) if even else Spread(per_hour=max(1, people // hours))
    rate = spread.an_hour(people, NOON, None)
    size = numbers_a_request(rate, most)
    waiting, now, before = people, NOON, None
    while waiting:
        numbers = min(size, waiting)
        before = spread.next_at(before, numbers, waiting, now, None)
        waiting -= numbers
        gone, passed = people - waiting, (before - NOON) / HOUR
        assert gone <= rate * passed * 1.001 + 1e-6
        gap = min(timedelta(minutes=1), HOUR * (numbers / rate))
        now = before + gap * late
    assert before is not None
    assert abs(before - NOON - HOUR * (people / rate)) <= timedelta(seconds=1)
