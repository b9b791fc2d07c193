"""Pauses and clocks that jump while answers are missing: no repeat once the gateway might not swallow it.

The program's clock is moved, the gateway's is not: it forgets after a second, so a repeat that should not be
made reaches people a second time, and the ledger tells.
"""

from __future__ import annotations

import time
from datetime import timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests.campaigns.running import batches_of, campaign_of, sender
from tests.conftest import Database
from tests.factories import Person, confirm, connect_practice, make_person, numbers, sign_in, uids
from tests.faults.moving import MovedClock, set_times, wait_for_rounds
from tests.practice.fixture import PracticeGateway, wait_until
from webapp import clock, tenancy
from webapp.campaigns.decisions import Choice
from webapp.gateway.models import GatewayAccount
from webapp.settings import Times

PEOPLE = numbers(12, 13_100_000_000)
BATCHES = 4
FORGETS_AFTER = 1.0
# The real ones, but for how often the sender looks: repeats after 90 s and 5 min, de-duplication for 15 min.
TIMES = Times(reaper=0.2)


@pytest.fixture
def moved(monkeypatch: pytest.MonkeyPatch) -> MovedClock:
    made = MovedClock()
    monkeypatch.setattr(clock, "now", made)
    return made


@pytest.fixture
def alice(app: Flask) -> Person:
    return make_person(app)


@pytest.fixture
def browser(app: Flask, alice: Person) -> FlaskClient:
    return sign_in(app, alice)


@pytest.fixture
def account(app: Flask, alice: Person, practice: PracticeGateway) -> int:
    set_times(app, TIMES)
    account_id = connect_practice(app, alice, practice)
    with tenancy.team_scope(alice.team_id, app) as session:
        session.get_one(GatewayAccount, (alice.team_id, account_id)).numbers_per_request = 3
        session.commit()
    return account_id


@pytest.fixture
def held(app: Flask, alice: Person, account: int, practice: PracticeGateway) -> int:
    """A campaign of which each request was taken and no answer came."""
    practice.dial(next=["lost"] * BATCHES, dedup_seconds=int(FORGETS_AFTER))
    campaign_id = confirm(app, alice, account, PEOPLE)
    with sender(app):
        wait_until(lambda: states(app, alice, campaign_id) == {"hold"})
    time.sleep(FORGETS_AFTER)
    return campaign_id


def states(app: Flask, person: Person, campaign_id: int) -> set[str]:
    return {batch.state for batch in batches_of(app, person, campaign_id)}


def press(browser: FlaskClient, person: Person, campaign_id: int, what: str) -> None:
    assert browser.post(f"/t/{person.team}/campaigns/{campaign_id}/{what}").status_code == 303


def reached(practice: PracticeGateway, account: int) -> list[str]:
    """Who got the message, as often as they got it."""
    ours = [line for line in practice.submissions() if line["uid"] == uids[account]]
    return sorted(mobile for line in ours for mobile in line["delivered"])


@pytest.mark.parametrize("steps", [(6, 13), (6, -30, 10)], ids=["as time passes", "the clock set back in it"])
def test_a_pause_of_twenty_minutes(
    app: Flask, empty: Database, practice: PracticeGateway, browser: FlaskClient, alice: Person, account: int,
    moved: MovedClock, held: int, steps: tuple[int, ...],
) -> None:  # fmt: skip
    with sender(app):
        press(browser, alice, held, "pause")
        for minutes in steps:
            moved.ahead = timedelta(minutes=minutes)
            wait_for_rounds(empty)
            if min(steps) > 0:
                assert states(app, alice, held) == {"hold"}
        moved.ahead = timedelta(minutes=20)
        wait_until(lambda: states(app, alice, held) == {"unconfirmed"})
        choices(browser, alice, held)
        press(browser, alice, held, "resume")
        wait_for_rounds(empty)
    assert reached(practice, account) == PEOPLE
    assert campaign_of(app, alice, held).unconfirmed == len(PEOPLE)


def choices(browser: FlaskClient, person: Person, campaign_id: int) -> None:
    """The page asks for a decision about each batch, and offers all four answers, though all is paused."""
    page = browser.get(f"/t/{person.team}/campaigns/{campaign_id}/unconfirmed").text
    for no in range(1, BATCHES + 1):
        form = page[page.index(f'id="decide-{no}"') :].partition("</form>")[0]
        assert all(f'value="{choice}"' in form for choice in Choice)


def test_a_clock_that_was_set_back_lets_nothing_be_repeated_later(
    app: Flask, empty: Database, practice: PracticeGateway, browser: FlaskClient, alice: Person, account: int,
    moved: MovedClock, held: int,
) -> None:  # fmt: skip
    """Ten minutes have passed, the clock is set back by eight, six pass: by the clock eight, in truth 16."""
    with sender(app):
        press(browser, alice, held, "pause")
        moved.ahead = timedelta(minutes=10)
        wait_for_rounds(empty)
        moved.ahead = timedelta(minutes=2)
        wait_for_rounds(empty)
        moved.ahead = timedelta(minutes=8)
        press(browser, alice, held, "resume")
        wait_for_rounds(empty)
    assert reached(practice, account) == PEOPLE


def test_a_clock_that_was_set_back_while_no_worker_ran(
    app: Flask, empty: Database, practice: PracticeGateway, alice: Person, account: int, moved: MovedClock,
    held: int,
) -> None:  # fmt: skip
    with sender(app):
        moved.ahead = timedelta(minutes=-8)
        wait_for_rounds(empty)
        moved.ahead = timedelta(minutes=6)
        wait_for_rounds(empty)
    assert reached(practice, account) == PEOPLE
    assert states(app, alice, held) == {"unconfirmed"}
