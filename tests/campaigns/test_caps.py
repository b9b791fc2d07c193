"""Caps: what a confirm reserves of a day, what gives it back, and what is refused."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
import time_machine
from flask import Flask

from tests.campaigns.drafting import A, B, refused
from tests.campaigns.running import campaign_of
from tests.campaigns.test_late_answers import answered, claim, code, store
from tests.campaigns.timing import MARKETING, confirmed, did, plan_all
from tests.conftest import Database
from tests.factories import Person, numbers, set_caps
from webapp import clock, tenancy
from webapp.campaigns import drafts, editing, invariants, schedule, stopping, testing
from webapp.campaigns.models import DaySpend

TEN = datetime(2026, 11, 9, 10, 0, tzinfo=UTC)  # 18:00 in the team's zone
TODAY, TOMORROW = date(2026, 11, 9), date(2026, 11, 10)


@pytest.fixture(autouse=True)
def ten() -> Iterator[None]:
    with time_machine.travel(TEN, tick=True):
        yield


def reserved(app: Flask, person: Person) -> dict[date, int]:
    """What stands for each day; the campaigns must say the same."""
    with tenancy.team_scope(person.team_id, app) as session:
        assert invariants.broken() == []
        rows = session.query(DaySpend).filter_by(team_id=person.team_id)
        return {row.day: row.reserved for row in rows if row.reserved}


def refused_to_confirm(app: Flask, person: Person, account: int, people: int) -> str:
    with app.test_request_context():
        return refused(lambda: confirmed(app, person, account, numbers(people)))[1]


def test_a_confirm_reserves_and_what_is_too_much_is_refused(app: Flask, alice: Person, account: int) -> None:
    set_caps(app, alice, 5, campaign=4)
    confirmed(app, alice, account, numbers(3))
    assert reserved(app, alice) == {TODAY: 3}
    said = refused_to_confirm(app, alice, account, 3)
    assert "This needs 3 messages, and 2 are left of your team's limit for 9 Nov 2026" in said
    assert "your team may send 4 in one campaign" in refused_to_confirm(app, alice, account, 5)
    assert reserved(app, alice) == {TODAY: 3}
    confirmed(app, alice, account, numbers(2))
    assert reserved(app, alice) == {TODAY: 5}


def test_parts_count_and_so_does_a_test(app: Flask, alice: Person, account: int) -> None:
    set_caps(app, alice, 3)
    confirmed(app, alice, account, [A], body="x" * 100)
    assert reserved(app, alice) == {TODAY: 2}

    def test_of(key: str) -> object:
        draft = drafts.draft_campaign(account, A, "Hello", "Shop", alice.user_id)
        return testing.send_test(draft, B, key, alice.user_id)

    did(app, alice, lambda: test_of("k" * 20))
    assert reserved(app, alice) == {TODAY: 3}
    assert "0 are left" in refused(lambda: did(app, alice, lambda: test_of("l" * 20)))[1]


@pytest.mark.parametrize(
    ("hour", "more", "day"),
    [
        (10, {}, TODAY),
        (15, {}, TODAY),
        (16, {}, TOMORROW),
        # Marketing in the evening begins in the next morning.
        (13, MARKETING, TOMORROW),
        (10, {"send_at": datetime(2026, 11, 12, 16, 30, tzinfo=UTC)}, date(2026, 11, 13)),
    ],
    ids=["now", "before midnight", "after midnight", "out of hours", "scheduled"],
)
def test_the_day_is_the_one_on_which_it_begins(
    app: Flask, alice: Person, account: int, hour: int, more: dict[str, Any], day: date
) -> None:
    with time_machine.travel(TEN.replace(hour=hour), tick=True):
        confirmed(app, alice, account, [A], **more)
        assert reserved(app, alice) == {day: 1}


def test_another_day_is_reserved_anew_or_refused(app: Flask, alice: Person, account: int) -> None:
    set_caps(app, alice, 5)
    at = TEN + timedelta(days=1)
    later = confirmed(app, alice, account, numbers(3), send_at=at)
    did(app, alice, lambda: schedule.reschedule(later, at + timedelta(hours=1), "key one"))
    assert reserved(app, alice) == {TOMORROW: 3}
    did(app, alice, lambda: schedule.reschedule(later, at + timedelta(days=1), "key two"))
    assert reserved(app, alice) == {date(2026, 11, 11): 3}
    other = confirmed(app, alice, account, numbers(3))
    said = refused(lambda: did(app, alice, lambda: schedule.reschedule(later, None, "key three")))[1]
    assert "2 are left of your team's limit for 9 Nov 2026" in said
    assert campaign_of(app, alice, later).send_at == at + timedelta(days=1)
    did(app, alice, lambda: editing.reopen(other))
    did(app, alice, lambda: schedule.reschedule(later, None, "key four"))
    assert reserved(app, alice) == {TODAY: 3}


def test_what_was_missed_gives_it_back_and_needs_it_again(app: Flask, alice: Person, account: int) -> None:
    missed = confirmed(app, alice, account, numbers(3), send_at=TEN + timedelta(minutes=1))
    with time_machine.travel(TEN + timedelta(hours=2), tick=True):
        did(app, alice, lambda: schedule.start_due(clock.now()))
        assert campaign_of(app, alice, missed).state == "missed"
        assert reserved(app, alice) == {}
        did(app, alice, lambda: schedule.reschedule(missed, None, "key one"))
        assert reserved(app, alice) == {TODAY: 3}


def test_a_stop_gives_back_what_was_not_sent(
    app: Flask, alice: Person, account: int, database: Database
) -> None:
    with database.owner() as owner:
        owner.execute("UPDATE gateway_account SET numbers_per_request = 2, in_flight = 2")
    campaign_id = confirmed(app, alice, account, numbers(6))
    first, second = claim(app, alice)
    store(app, alice, [answered(first, code(0, "m1"))])
    did(app, alice, lambda: stopping.stop_campaign(campaign_id))
    # One request is still under way: nobody knows yet what its answer will be.
    assert reserved(app, alice) == {TODAY: 6}
    store(app, alice, [answered(second, code(5))])
    assert campaign_of(app, alice, campaign_id).state == "stopped"
    assert reserved(app, alice) == {TODAY: 2}


def test_a_stop_before_anything_was_planned_gives_back_all(app: Flask, alice: Person, account: int) -> None:
    campaign_id = confirmed(app, alice, account, numbers(6), plan=False)
    did(app, alice, lambda: stopping.stop_campaign(campaign_id))
    plan_all(app, alice)
    assert reserved(app, alice) == {}


def test_never_more_than_the_operator_allows(app: Flask, alice: Person, account: int) -> None:

    settings = app.extensions["tidings_settings"]
    app.extensions["tidings_settings"] = dataclasses.replace(settings, most_per_day=2)
    assert "your team may send 2 in one campaign" in refused_to_confirm(app, alice, account, 3)
