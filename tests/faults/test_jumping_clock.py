"""The clock jumps a day ahead and back: nothing starts early, nothing is lost.

A campaign waits for tomorrow, one is on its way, one has a limit for this evening, one is scheduled for an
hour that the jump leaves far behind. Only the program's clock is moved; the machine's own count of time goes
on as ever, and the program believes that one.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import pytest
from flask import Flask

from tests.campaigns.running import campaign_of, sender
from tests.conftest import Database
from tests.factories import Person, confirm, connect_practice, make_person, numbers, uids
from tests.faults.dump import figures_of
from tests.faults.moving import MovedClock, set_times, wait_for_rounds
from tests.faults.rows import row_of, sized, tell, unlike
from tests.practice.fixture import PracticeGateway, wait_until
from webapp import clock, tenancy
from webapp.campaigns import invariants, setbacks
from webapp.gateway.models import GatewayAccount
from webapp.settings import Times

DAY = timedelta(days=1)
JUMPS = sized(1, 10)
PEOPLE = 60
LIMIT = 3
STABLE = timedelta(seconds=Times().clock_stable + 1)
TIMES = Times(reaper=0.2, balance_wait=0, retry_first=0.2, retry_most=1)


class Machine:
    """A machine on which time passes faster, and whose clock jumps; its own count of time does not."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._clock, self._passed = MovedClock(), timedelta()
        running = setbacks._running
        monkeypatch.setattr(clock, "now", self._clock)
        monkeypatch.setattr(setbacks, "_running", lambda: running() + self._passed.total_seconds())

    def jump(self, ahead: timedelta) -> None:
        """The clock is so far ahead from now on."""
        self._clock.ahead = self._passed + ahead

    def passes(self, time: timedelta) -> None:
        """Time goes by, and the clock goes right."""
        self._passed += time
        self._clock.ahead += time


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Machine:
    return Machine(monkeypatch)


@pytest.fixture
def alice(app: Flask) -> Person:
    return make_person(app)


@pytest.fixture
def account(app: Flask, alice: Person, practice: PracticeGateway) -> int:
    """Few numbers a request, and slow: a campaign is on its way for a while."""
    set_times(app, TIMES)
    practice.dial(latency_ms=300, latency_max_ms=400)
    made = connect_practice(app, alice, practice)
    with tenancy.team_scope(alice.team_id, app) as session:
        found = session.get_one(GatewayAccount, (alice.team_id, made))
        found.numbers_per_request, found.in_flight = LIMIT, 2
        session.commit()
    return made


class Lists:
    """The people of each campaign; no number stands in two of them."""

    def __init__(self) -> None:
        self._next = 13_600_000_000

    def take(self, count: int) -> list[str]:
        taken = numbers(count, self._next)
        self._next += count
        return taken


def posted(practice: PracticeGateway, account: int, people: Sequence[str]) -> int:
    """How many requests to the gateway had somebody of these people."""
    ours = [line for line in practice.submissions() if line["uid"] == uids[account]]
    return sum(bool(set(line["mobiles"]) & set(people)) for line in ours)


def test_a_jump_of_a_day_and_back(
    app: Flask, empty: Database, practice: PracticeGateway, alice: Person, account: int, machine: Machine,
    tmp_path: Path,
) -> None:  # fmt: skip
    lists, now = Lists(), clock.now()
    tomorrow, soon = lists.take(12), lists.take(12)
    later = {
        "due tomorrow": confirm(app, alice, account, tomorrow, "Tomorrow", send_at=now + DAY * 0.9),
        "due in an hour": confirm(app, alice, account, soon, "Soon", send_at=now + timedelta(hours=1)),
    }
    wrong: list[str] = []
    hit = 0
    with sender(app):
        for number in range(JUMPS):
            people = lists.take(PEOPLE)
            going = confirm(
                app, alice, account, people, f"Now {number}", not_after=clock.now() + timedelta(hours=6)
            )
            wait_until(lambda: posted(practice, account, people) > 1)  # noqa: B023 # used at once
            hit += campaign_of(app, alice, going).waiting > 0
            machine.jump(DAY)
            wait_for_rounds(empty, 3)
            wrong += [
                f"{name} became {state} by a jump ahead"
                for name, campaign in later.items()
                if (state := campaign_of(app, alice, campaign).state) not in ("planning", "scheduled")
            ]
            machine.jump(timedelta())
            wait_until(lambda: campaign_of(app, alice, going).state == "waiting_for_reports", 60)  # noqa: B023
            wait_for_rounds(empty)
            machine.passes(STABLE)
        early = posted(practice, account, tomorrow) + posted(practice, account, soon)
        if early:
            wrong.append(f"{early} requests before their time")
        if not wrong:
            start(app, empty, alice, list(later.values()))
    found = figures_of(practice, empty, tmp_path / "dump", uids[account])
    wrong += unlike(found, {"delivered": found["recipients"], "strangers": 0, "waiting": 0, "differences": 0})
    with tenancy.team_scope(alice.team_id, app):
        wrong += invariants.broken()
    note = "jumps a day ahead and back while a campaign was on its way, two scheduled, nothing early"
    tell(row_of("F13", found, tried=JUMPS, hit=hit, note=note, wrong=wrong))


def start(app: Flask, database: Database, person: Person, campaigns: Sequence[int]) -> None:
    """The time of what waits comes after all: it is there still, and goes out."""

    def are(state: str) -> bool:
        return all(campaign_of(app, person, campaign).state == state for campaign in campaigns)

    wait_until(lambda: are("scheduled"))
    with database.owner() as owner:
        owner.execute(
            "UPDATE campaign SET send_at = now(), start_by = now() + interval '2 hours' "
            "WHERE state = 'scheduled'"
        )
    wait_until(lambda: are("waiting_for_reports"))
