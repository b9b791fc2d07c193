"""The chart on a page that refreshes itself is seldom drawn, and yet never left behind by the figures."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from html import unescape

import pytest
import time_machine
from flask import Flask
from flask.testing import FlaskClient

from tests.campaigns.spread import PART, bring_to, planned, report, smaller_requests
from tests.conftest import Database
from tests.factories import Person, sign_in
from webapp import clock

CHART = 'id="delivery-chart" hx-swap-oob'


@pytest.fixture
def browser(app: Flask, alice: Person, account: int) -> FlaskClient:
    return sign_in(app, alice)


@pytest.fixture
def standing(browser: FlaskClient) -> Iterator[time_machine.Traveller]:
    """A clock that stands at the beginning of a minute, and so of a slot in which one chart is drawn."""
    begin = (clock.now().timestamp() // 60 + 1) * 60
    with time_machine.travel(begin, tick=False) as clockwork:
        yield clockwork


@pytest.fixture
def accepted(app: Flask, database: Database, alice: Person, account: int, standing: object) -> int:
    """A campaign to forty people in four requests, all of them taken; nothing is reported."""
    smaller_requests(database)
    campaign_id = planned(app, alice, account, 41)
    with database.owner() as owner:
        owner.execute("UPDATE campaign SET state = 'waiting_for_reports' WHERE id = %s", [campaign_id])
    bring_to(app, alice, campaign_id, ["accepted"] * 4)
    return campaign_id


def poll_of(text: str) -> str | None:
    """Where the status block asks next; None where it asks no more."""
    found = re.search(r'id="status"[^>]*hx-get="([^"]+)"', text)
    return unescape(found[1]) if found else None


def test_a_change_that_came_too_soon_is_drawn_later(
    app: Flask,
    database: Database,
    browser: FlaskClient,
    alice: Person,
    account: int,
    accepted: int,
    standing: time_machine.Traveller,
) -> None:
    poll = poll_of(browser.get(f"/t/{alice.team}/campaigns/{accepted}").text)
    assert poll
    standing.shift(timedelta(seconds=3))
    report(app, database, alice, account, accepted, 1, ["DELIVRD"] * 5)
    answer = browser.get(poll, headers=PART)
    assert answer.status_code == 200
    assert CHART not in answer.text
    poll = poll_of(answer.text)
    assert poll
    assert browser.get(poll, headers=PART).status_code == 204
    # Nothing happens any more, but the page still shows what was before.
    standing.shift(timedelta(seconds=15))
    answer = browser.get(poll, headers=PART)
    assert answer.status_code == 200
    assert CHART in answer.text
    assert "12.5%" in answer.text.partition(CHART)[2]
    poll = poll_of(answer.text)
    assert poll
    standing.shift(timedelta(seconds=16))
    assert browser.get(poll, headers=PART).status_code == 204


def test_the_last_look_of_a_page_brings_the_last_chart(
    app: Flask,
    database: Database,
    browser: FlaskClient,
    alice: Person,
    account: int,
    accepted: int,
    standing: time_machine.Traveller,
) -> None:
    poll = poll_of(browser.get(f"/t/{alice.team}/campaigns/{accepted}").text)
    assert poll
    standing.shift(timedelta(seconds=3))
    for no in range(1, 5):
        report(app, database, alice, account, accepted, no, ["DELIVRD"] * 10)
    with database.owner() as owner:
        owner.execute("UPDATE campaign SET state = 'finished' WHERE id = %s", [accepted])
    answer = browser.get(poll, headers=PART)
    assert poll_of(answer.text) is None
    assert "100%" in answer.text.partition(CHART)[2]
