"""How fast an account sends: the form for it, and what is said about what holds it up."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests.campaigns.writing import said as words_of
from tests.conftest import Database
from tests.factories import Person, make_person, sign_in
from tests.gateway.people import accounts, connect, put
from tests.practice.fixture import PracticeGateway
from webapp.settings import Settings

LATER = datetime(2080, 1, 1, tzinfo=UTC)


@pytest.fixture
def settings(settings: Settings, practice: PracticeGateway) -> Settings:
    return dataclasses.replace(settings, gateways={"main": practice.base_url, "practice": practice.base_url})


@pytest.fixture
def alice(app: Flask) -> Person:
    return make_person(app)


@pytest.fixture
def browser(app: Flask, alice: Person) -> FlaskClient:
    return sign_in(app, alice)


def of(alice: Person, account_id: int, page: str = "") -> str:
    return f"/t/{alice.team}/settings/gateways/{account_id}{page}"


@pytest.mark.parametrize(
    ("in_flight", "per_second", "kept", "said"),
    [
        ("16", "20", (16, 20), "Requests at the same time 16 Requests a second 20"),
        ("1", "", (1, None), "Requests a second As fast as it answers"),
        ("17", "", (4, None), "from 1 to 16"),
        ("1e1", "", (4, None), "Not a valid integer"),
        ("4", "0", (4, None), "from 1 to 1000"),
        ("4", "1001", (4, None), "from 1 to 1000"),
    ],
    ids=["both", "no rate", "too many", "no number", "none a second", "too many a second"],
)
def test_how_fast_it_sends_can_be_changed(
    app: Flask, database: Database, browser: FlaskClient, alice: Person,
    in_flight: str, per_second: str, kept: tuple[int, int | None], said: str,
) -> None:  # fmt: skip
    account_id = connect(app, alice, "10086-shop")
    form = {"in_flight": in_flight, "per_second": per_second}
    answer = browser.post(of(alice, account_id, "/speed"), data=form, follow_redirects=True)
    assert said in words_of(answer)
    assert (accounts(database)[0]["in_flight"], accounts(database)[0]["per_second"]) == kept


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"unproved": True}, "so its first request goes alone."),
        ({"unproved": False}, "No trouble: the last request was answered clearly."),
        ({"troubles": 1}, "1 request in a row did not reach"),
        ({"troubles": 2, "in_flight": 16, "unproved": False}, "fewer go at the same time: 4."),
        ({"troubles": 3, "quiet_until": LATER}, "The next try, of one request, is at 1 Jan 2080, 08:00."),
        ({"troubles": 3}, "One request at a time is tried"),
        ({"state": "out_of_balance", "probe_at": LATER}, "is tried at 1 Jan 2080, 08:00, or all of them"),
    ],
    ids=["unproved", "well", "one", "two", "open", "probing", "no balance"],
)
def test_what_holds_an_account_up_is_said(
    app: Flask, browser: FlaskClient, alice: Person, values: dict[str, Any], sentence: str
) -> None:
    account_id = connect(app, alice, "10086-shop")
    put(app, alice, account_id, **values)
    assert sentence in words_of(browser.get(of(alice, account_id)))
