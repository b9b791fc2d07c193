"""The figures of a period are those that counting its messages gives, in any zone and for any days."""

from __future__ import annotations

import random
import statistics
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from flask import Flask

from tests.conftest import Database
from tests.factories import Person, connect_practice, make_person
from tests.practice.fixture import PracticeGateway
from tests.reports.told import Handed, handed, move_to, send, within
from webapp import clock, tenancy
from webapp.campaigns import invariants, ladder
from webapp.reports import figures
from webapp.reports.figures import Figures, Outcomes
from webapp.reports.periods import Period

# Around the night in which clocks in Berlin go back.
BEGIN = datetime(2025, 10, 24, 20, 40, tzinfo=UTC)
ZONES = ("Asia/Shanghai", "Europe/Berlin", "Asia/Kathmandu", "America/St_Johns")


def read(app: Flask, person: Person, period: Period) -> Figures:
    with app.test_request_context(), tenancy.team_scope(person.team_id, app):
        return figures.read(period)


def outcomes_of(messages: list[Handed]) -> Outcomes:
    counted = Outcomes()
    for one in messages:
        counted.add(one.outcome, 1, one.parts)
    return counted


def check(found: Figures, messages: list[Handed]) -> None:
    period = found.period
    here = within(messages, period)
    assert found.total == outcomes_of(here)
    assert found.before == outcomes_of(within(messages, period.before))
    assert found.total.handed == len(here)
    for (first, last), one in zip(period.steps, found.steps, strict=True):
        assert one == outcomes_of(within(here, Period(first, last, period.zone)))
    assert sum(one.handed for one in found.steps_before) == found.before.handed
    assert found.operators == {
        name: outcomes_of([one for one in here if one.operator == name]) for name in found.operators
    }
    assert set(found.operators) == {one.operator for one in here}
    local = [(there.weekday(), there.hour) for one in here for there in (one.hour.astimezone(period.zone),)]
    assert {place: one.handed for place, one in found.hours.items()} == Counter(local)
    took = [one.took for one in here if one.outcome == "delivered"]
    assert found.took == Counter(map(ladder.step, took))
    check_reasons(found, here)
    if took:
        assert found.median is not None
        middle = ladder.step(statistics.median_low([max(seconds or 0, 0) for seconds in took]))
        assert ladder.EDGES[middle - 1] <= found.median
    else:
        assert found.median is None


def check_reasons(found: Figures, here: list[Handed]) -> None:
    said = Counter(one.status for one in here if one.outcome == "failed" and one.status)
    assert {one.status: one.messages for one in found.reasons if one.outcome == "failed"} == said
    assert found.failed_by_report == said.total()
    assert found.refused == sum(one.outcome == "failed" and one.status is None for one in here)
    assert found.other_reasons == 0


def test_figures_are_what_counting_gives(app: Flask, database: Database, practice: PracticeGateway) -> None:
    chance = random.Random(11)
    person, other = make_person(app), make_person(app, "bob")
    account = connect_practice(app, person, practice)
    theirs = connect_practice(app, other, practice)
    with database.owner() as owner:
        owner.execute("UPDATE gateway_account SET numbers_per_request = 9")
    begin = at = (clock.now() - timedelta(days=6)).replace(minute=40, second=0, microsecond=0)
    for seed in range(6):
        send(app, person, account, at, 70, seed=seed)
        at += timedelta(minutes=chance.randrange(300, 900))
    send(app, other, theirs, begin + timedelta(hours=3), 50, seed=99)
    move_to(database, begin, BEGIN)
    with tenancy.team_scope(person.team_id, app):
        assert invariants.broken() == []
    messages = handed(database, person)
    assert {one.outcome for one in messages} == {"delivered", "failed", "no_report", "unconfirmed"}
    assert {one.parts for one in messages} == {1, 2}
    assert any(one.status is None and one.outcome == "failed" for one in messages)
    for zone in ZONES:
        for _time in range(4):
            first = date(2025, 10, 22) + timedelta(days=chance.randrange(5))
            period = Period(first, first + timedelta(days=chance.choice((0, 1, 2, 70))), ZoneInfo(zone))
            check(read(app, person, period), messages)
    everything = read(app, person, Period(date(2025, 10, 20), date(2025, 10, 31), ZoneInfo("UTC")))
    assert everything.total.handed == len(messages)


@pytest.mark.parametrize("days", [1, 30, 400])
def test_a_period_in_which_there_was_nothing(app: Flask, days: int) -> None:
    person = make_person(app)
    period = Period(date(2026, 1, 1), date(2026, 1, 1) + timedelta(days=days - 1), ZoneInfo("Asia/Shanghai"))
    found = read(app, person, period)
    assert (found.total, found.before) == (Outcomes(), Outcomes())
    assert (found.median, found.hours, found.reasons, found.operators) == (None, {}, [], {})
    with tenancy.team_scope(person.team_id, app):
        assert not figures.ever_handed_over()


def test_parts_that_nobody_wrote_down_are_not_taken_for_none(
    app: Flask, database: Database, practice: PracticeGateway
) -> None:
    person = make_person(app)
    account = connect_practice(app, person, practice)
    send(app, person, account, clock.now() - timedelta(hours=1), 20)
    period = Period.of_days(7, clock.now(), ZoneInfo("UTC"))
    assert read(app, person, period).parts_known
    with database.owner() as owner:
        owner.execute("UPDATE rollup_hour SET parts = 0")
    assert not read(app, person, period).parts_known


def test_rare_reasons_are_put_together(app: Flask, database: Database) -> None:
    """Also where a gateway says another word for every message."""
    person = make_person(app)
    with database.owner() as owner:
        owner.execute(
            "INSERT INTO rollup_report SELECT %s, '2026-01-01 08:00Z', 1, 'failed', 'W' || n, 1, 100 - n "
            "FROM generate_series(1, 50) AS n",
            [person.team_id],
        )
        owner.execute(
            "INSERT INTO rollup_hour VALUES (%s, '2026-01-01 08:00Z', 1, 'mobile', 'failed', 4000, 4000)",
            [person.team_id],
        )
    found = read(app, person, Period(date(2026, 1, 1), date(2026, 1, 1), ZoneInfo("UTC")))
    assert len(found.reasons) == figures.MOST_REASONS
    listed = sum(one.messages for one in found.reasons)
    assert listed + found.other_reasons + found.refused == found.total.failed == 4000
