"""A clock that jumps: nothing new begins, and nothing is given up for being late, until it has gone right."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from flask import Flask

from tests.campaigns.running import campaign_of, sender
from tests.campaigns.timing import confirmed
from tests.campaigns.writing import said
from tests.factories import Person, numbers, sign_in
from tests.faults.moving import MovedClock, set_times
from tests.practice.fixture import wait_until
from webapp import clock, heartbeats
from webapp.campaigns import sender as sending
from webapp.campaigns import setbacks
from webapp.campaigns.setbacks import DOUBTED, ClockWatch
from webapp.health.checks import status_report
from webapp.settings import Times

LOOP = "sender"
NOW = datetime(2026, 11, 23, 2, 0, tzinfo=UTC)
SECOND, HOUR, DAY = timedelta(seconds=1), timedelta(hours=1), timedelta(days=1)
TIMES = Times(clock_step=60, clock_stable=300)


class Machine:
    """A machine's two clocks: one that people set, and one that only goes on."""

    def __init__(self) -> None:
        self.wall, self.ran = NOW, 1000.0

    def passes(self, seconds: float) -> None:
        self.wall += seconds * SECOND
        self.ran += seconds


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Machine:
    made = Machine()
    monkeypatch.setattr(clock, "now", lambda: made.wall)
    monkeypatch.setattr(setbacks, "_running", lambda: made.ran)
    return made


def watch(**beats: datetime) -> ClockWatch:
    return ClockWatch({LOOP: NOW} | beats, LOOP, TIMES)


@pytest.mark.parametrize("step", [DAY, -DAY, 61 * SECOND, -61 * SECOND])
def test_a_large_step_is_doubted_until_it_has_gone_right_for_a_while(
    machine: Machine, step: timedelta
) -> None:
    watching = watch()
    assert watching.is_steady()
    machine.wall += step
    assert not watching.is_steady()
    for _ in range(29):
        machine.passes(10)
        assert not watching.is_steady()
    machine.passes(11)
    assert watching.is_steady()


def test_each_step_begins_the_while_anew(machine: Machine) -> None:
    watching = watch()
    machine.wall += DAY
    assert not watching.is_steady()
    machine.passes(290)
    machine.wall -= DAY
    assert not watching.is_steady()
    machine.passes(290)
    assert not watching.is_steady()
    machine.passes(10)
    assert watching.is_steady()


def test_small_steps_are_none_but_many_at_once_are(machine: Machine) -> None:
    watching = watch()
    machine.wall += 59 * SECOND
    assert watching.is_steady()
    machine.passes(10)
    machine.wall += 2 * SECOND
    assert not watching.is_steady()
    # A clock that is brought right slowly is never doubted: half a second a minute, for a day.
    machine.passes(301)
    assert watching.is_steady()
    for _ in range(24 * 60):
        machine.passes(60)
        machine.wall += SECOND / 2
        assert watching.is_steady()


def test_a_machine_that_slept_has_not_moved_its_clock(machine: Machine) -> None:
    """Both clocks go on while it sleeps; one that stands still then would say that the other jumped."""
    watching = watch()
    machine.passes(8 * 3600)
    assert watching.is_steady()


def test_one_that_was_set_back_while_no_worker_ran_is_doubted(machine: Machine) -> None:
    assert watch(**{LOOP: NOW - DAY}).is_steady()
    assert watch(reports=NOW + DAY).is_steady()
    assert not watch(**{LOOP: NOW + DAY}).is_steady()


def test_a_worker_that_starts_meanwhile_doubts_it_too(machine: Machine) -> None:
    watching = watch(**{DOUBTED: NOW - 11 * SECOND})
    assert not watching.is_steady()
    machine.passes(301)
    assert watching.is_steady()
    assert watch(**{DOUBTED: NOW - 30 * SECOND}).is_steady()


def test_a_day_ahead_and_back_nothing_begins_and_nothing_is_missed(
    app: Flask, alice: Person, account: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    moved, slept = MovedClock(), [0.0]
    running = setbacks._running
    monkeypatch.setattr(clock, "now", moved)
    monkeypatch.setattr(setbacks, "_running", lambda: running() + slept[0])
    monkeypatch.setattr(sending, "BEAT_SECONDS", 0.5)
    set_times(app, Times(reaper=0.2))
    hours = [confirmed(app, alice, account, numbers(2), send_at=clock.now() + n * HOUR) for n in (1, 23)]

    def states() -> list[str]:
        return [campaign_of(app, alice, one).state for one in hours]

    with sender(app):
        wait_until(lambda: _beat(app, LOOP) is not None)
        for ahead in (DAY, timedelta()):
            moved.ahead = ahead
            wait_until(lambda: abs((_beat(app, DOUBTED) or NOW) - clock.now()) < 10 * SECOND)
            assert states() == ["scheduled"] * 2
        begun = confirmed(app, alice, account, numbers(2))
        page = said(sign_in(app, alice).get(f"/t/{alice.team}/campaigns/{begun}"))
        assert "Waits: the clock of this site was moved" in page
        page = said(sign_in(app, alice).get(f"/t/{alice.team}/home"))
        assert "The clock of this site was moved" in page
        with app.app_context():
            assert any("the clock was moved" in one for one in status_report()["problems"])
        assert campaign_of(app, alice, begun).state == "ready"
        # Five minutes in which it goes right.
        slept[0] += 301
        moved.ahead += 301 * SECOND
        wait_until(lambda: campaign_of(app, alice, begun).no_report == 2, 15)
        assert states() == ["scheduled"] * 2


def _beat(app: Flask, name: str) -> datetime | None:
    with app.app_context():
        return heartbeats.all_beats().get(name)
