"""What a campaign cost: the balance before and after held against the books, and where they may differ."""

from __future__ import annotations

import dataclasses

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests.campaigns.test_late_answers import answered, claim, code, store
from tests.campaigns.test_pages import said
from tests.campaigns.test_repeats import LOST
from tests.campaigns.test_unconfirmed_pages import read, unclear
from tests.conftest import Database
from tests.factories import Person, confirm, numbers, sign_in
from tests.ui.markup import faults
from webapp.campaigns import spend
from webapp.campaigns.spend import Sums


@pytest.fixture
def browser(app: Flask, alice: Person) -> FlaskClient:
    return sign_in(app, alice)


def card(browser: FlaskClient, person: Person, campaign_id: int) -> str:
    """The words of the card, from its heading to the recipients."""
    answer = browser.get(f"/t/{person.team}/campaigns/{campaign_id}")
    assert faults(answer.text) == []
    return said(answer).partition("What it cost")[2].partition("Recipients")[0]


def sent(app: Flask, person: Person, account: int, count: int = 4, first: int = 13_000_000_000) -> int:
    """A campaign that was taken, two parts for each of its people."""
    campaign_id = confirm(app, person, account, numbers(count, first), body="x" * 90)
    (claimed,) = claim(app, person)
    store(app, person, [answered(claimed, code(0, f"m{first}"))])
    return campaign_id


@pytest.mark.parametrize(
    ("after", "words"),
    [
        (992, "The balance fell by 8, which is what was accepted."),
        (990, "8 messages were accepted: 2 more than the books say."),
        (995, "8 messages were accepted: 3 less than the books say."),
    ],
)
def test_the_balance_is_held_against_the_books(
    app: Flask, browser: FlaskClient, alice: Person, account: int, after: int, words: str
) -> None:
    read(app, alice, account, 1000, -1)
    campaign_id = sent(app, alice, account)
    assert "has not been read as a number since" in card(browser, alice, campaign_id)
    read(app, alice, account, after, 5)
    told = card(browser, alice, campaign_id)
    assert words in told
    assert ("outside Tidings" in told) == (after == 990)
    assert "Accepted of this campaign 8" in told


def test_others_and_rises_are_named(app: Flask, browser: FlaskClient, alice: Person, account: int) -> None:
    read(app, alice, account, 1000, -1)
    campaign_id = sent(app, alice, account)
    other = sent(app, alice, account, 3, 13_100_000_000)
    read(app, alice, account, 986, 5)
    told = card(browser, alice, campaign_id)
    assert "The balance fell by 14, which is what was accepted." in told
    assert "Accepted of this campaign 8 Accepted of “" in told
    assert "Accepted of this campaign 6" in card(browser, alice, other)


def test_unclear_requests_may_be_the_difference(
    app: Flask, browser: FlaskClient, alice: Person, account: int
) -> None:
    read(app, alice, account, 1000, -1)
    campaign_id = unclear(app, alice, account, LOST)
    read(app, alice, account, 982, 3700)
    told = card(browser, alice, campaign_id)
    assert "18 more than the books say" in told
    assert "hold 18 messages, exactly the difference: probably they were sent" in told


def test_without_a_number_before_nothing_is_said(
    app: Flask, browser: FlaskClient, alice: Person, account: int, database: Database
) -> None:
    campaign_id = sent(app, alice, account)
    read(app, alice, account, 990, 5)
    told = card(browser, alice, campaign_id)
    assert "was not read as a number before it began" in told
    assert "Accepted of this campaign 8" in told
    with database.owner() as owner:
        owner.execute("UPDATE campaign SET kind = 'test'")
    assert "What it cost" not in said(browser.get(f"/t/{alice.team}/campaigns/{campaign_id}"))


NOTHING = Sums(before=100, after=90, rises=0, own=10, others=0, unclear=0, repeated=0)


@pytest.mark.parametrize(
    ("change", "difference", "found"),
    [
        ({}, 0, 0),
        ({"after": 140, "rises": 50}, 0, 0),
        ({"after": 88}, 2, 2),
        ({"after": 88, "unclear": 2}, 2, 3),
        ({"after": 88, "unclear": 3, "repeated": 3}, 2, 4),
        ({"after": 92}, -2, 2),
        ({"after": 142, "rises": 50}, -2, 3),
    ],
)
def test_where_a_difference_may_lie(app: Flask, change: dict[str, int], difference: int, found: int) -> None:
    sums = dataclasses.replace(NOTHING, **change)
    assert sums.difference == difference
    with app.test_request_context():
        assert len(spend.places(sums, 0)) == found
