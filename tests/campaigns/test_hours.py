"""Sending hours: what a clock on the wall shows, also on the days on which the clocks change."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta

import pytest
from flask import Flask

from tests.factories import Person
from webapp import tenancy
from webapp.accounts import queries
from webapp.campaigns import hours
from webapp.campaigns.hours import Hours

SHANGHAI, BERLIN, SANTIAGO = "Asia/Shanghai", "Europe/Berlin", "America/Santiago"
DAY = Hours(time(8, 30), time(20, 30), SHANGHAI)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


@pytest.mark.parametrize(
    ("moment", "is_open", "changes"),
    [
        ("2026-03-02T08:29:59.999999+08:00", False, "2026-03-02T08:30+08:00"),
        ("2026-03-02T08:30+08:00", True, "2026-03-02T20:30+08:00"),
        ("2026-03-02T20:29:59.999999+08:00", True, "2026-03-02T20:30+08:00"),
        ("2026-03-02T20:30+08:00", False, "2026-03-03T08:30+08:00"),
        ("2026-12-31T23:00+08:00", False, "2027-01-01T08:30+08:00"),
    ],
)
def test_a_window_is_open_from_its_first_moment_to_before_its_last(
    moment: str, is_open: bool, changes: str
) -> None:
    assert DAY.open_at(at(moment)) is is_open
    assert DAY.next_change(at(moment)) == at(changes)


@pytest.mark.parametrize(
    ("window", "now", "changes"),
    [
        # Berlin goes from 2:00 to 3:00 on 29 March 2026: a day of 23 hours.
        (("08:30", "20:30"), "2026-03-28T21:00+01:00", "2026-03-29T08:30+02:00"),
        (("08:30", "20:30"), "2026-03-29T09:00+02:00", "2026-03-29T20:30+02:00"),
        (("02:30", "20:30"), "2026-03-29T01:00+01:00", "2026-03-29T03:00+02:00"),
        (("00:30", "02:30"), "2026-03-29T01:00+01:00", "2026-03-29T03:00+02:00"),
        # All of this window is in the hour that is not there: it opens on the next day.
        (("02:10", "02:50"), "2026-03-29T01:00+01:00", "2026-03-30T02:10+02:00"),
        # And from 3:00 back to 2:00 on 25 October: a day of 25 hours, one of them twice.
        (("08:30", "20:30"), "2026-10-24T21:00+02:00", "2026-10-25T08:30+01:00"),
        (("08:30", "20:30"), "2026-10-25T09:00+01:00", "2026-10-25T20:30+01:00"),
        (("02:30", "20:30"), "2026-10-25T02:45+02:00", "2026-10-25T02:00+01:00"),
        (("02:30", "20:30"), "2026-10-25T02:15+01:00", "2026-10-25T02:30+01:00"),
        (("00:30", "02:30"), "2026-10-25T02:45+02:00", "2026-10-25T02:00+01:00"),
    ],
)
def test_the_wall_clock_counts_when_the_clocks_change(
    window: tuple[str, str], now: str, changes: str
) -> None:
    start, end = (time.fromisoformat(text) for text in window)
    assert Hours(start, end, BERLIN).next_change(at(now)) == at(changes)


def test_a_day_without_a_midnight() -> None:
    """In Santiago the clocks go from 24:00 to 1:00 on 6 September 2026."""
    window = Hours(time(0, 0), time(6, 0), SANTIAGO)
    assert window.next_change(at("2026-09-05T22:00-04:00")) == at("2026-09-06T01:00-03:00")


@pytest.mark.parametrize("zone", [SHANGHAI, BERLIN, SANTIAGO, "Australia/Lord_Howe", "Asia/Kathmandu"])
@pytest.mark.parametrize("window", [("08:30", "20:30"), ("01:40", "02:20"), ("00:00", "23:59")])
def test_the_next_change_is_the_first_minute_that_is_different(zone: str, window: tuple[str, str]) -> None:
    """Compared with looking at each minute, over the days around every change of the clocks."""
    start, end = (time.fromisoformat(text) for text in window)
    hours = Hours(start, end, zone)
    for day in ("2026-03-28", "2026-04-04", "2026-09-05", "2026-10-03", "2026-10-24"):
        first = at(f"{day}T12:00+00:00")
        minutes = [first + timedelta(minutes=n) for n in range(36 * 60)]
        shown = [hours.open_at(minute) for minute in minutes]
        changes = [
            minute for n, minute in enumerate(minutes) if n and shown[n] != shown[n - 1]
        ]  # fmt: skip
        found, moment = [], first
        while (moment := hours.next_change(moment)) <= minutes[-1]:
            found.append(moment)
        assert found == changes


def set_team(app: Flask, person: Person, **values: object) -> None:
    with tenancy.team_scope(person.team_id, app) as session:
        team = queries.team_at_hand()
        for name, value in values.items():
            setattr(team, name, value)
        session.commit()


def test_each_kind_has_its_own_hours_in_the_teams_zone(app: Flask, alice: Person) -> None:
    night, noon = at("2026-03-02T23:00+01:00"), at("2026-03-02T12:00+01:00")
    set_team(app, alice, time_zone=BERLIN)
    with tenancy.team_scope(alice.team_id, app):
        assert hours.open_kinds(night) == ("notice", "test")
        assert hours.open_kinds(noon) == ("notice", "marketing", "test")
        assert hours.next_opening("marketing", night) == at("2026-03-03T08:30+01:00")
        assert hours.next_opening("marketing", noon) is None
        assert hours.closes_at("marketing", noon) == at("2026-03-02T20:30+01:00")
        assert hours.closes_at("marketing", night) is None
        assert hours.next_opening("notice", night) is hours.closes_at("notice", night) is None
    set_team(app, alice, notice_from=time(7), notice_until=time(22))
    with tenancy.team_scope(alice.team_id, app):
        assert hours.open_kinds(night) == ("test",)
        assert hours.next_opening("notice", night) == at("2026-03-03T07:00+01:00")
        assert hours.closes_at("notice", noon) == at("2026-03-02T22:00+01:00")
        assert hours.next_opening("test", night) is hours.closes_at("test", night) is None


def test_there_are_no_hours_for_a_kind_that_is_not_there(app: Flask, alice: Person) -> None:
    with tenancy.team_scope(alice.team_id, app), pytest.raises(ValueError, match="birthday"):
        hours.next_opening("birthday", at("2026-03-02T12:00+01:00"))
