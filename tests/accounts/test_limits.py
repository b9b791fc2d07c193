"""The limits of a team: an owner raises them, having just entered the password, up to the operator's."""

from __future__ import annotations

from datetime import timedelta

import pytest
import time_machine
from flask import Flask
from flask.testing import FlaskClient

from tests.conftest import Database
from tests.factories import Person, add_member, make_person, sign_in
from webapp import clock
from webapp.accounts.permissions import Role

WANTED = {"campaign_cap": "60,000", "day_cap": "１２００００"}


@pytest.fixture
def alice(app: Flask) -> Person:
    return make_person(app)


@pytest.fixture
def browser(app: Flask, alice: Person) -> FlaskClient:
    return sign_in(app, alice)


def place(person: Person, page: str = "limits") -> str:
    return f"/t/{person.team}/settings/{page}"


def kept(database: Database) -> tuple[int, ...]:
    with database.owner() as owner:
        row = owner.execute("SELECT campaign_cap, day_cap FROM team ORDER BY id LIMIT 1").fetchone()
    assert row is not None
    return tuple(row)


def test_an_owner_changes_them_and_the_log_says_so(
    browser: FlaskClient, alice: Person, database: Database
) -> None:
    assert kept(database) == (50_000, 50_000)
    assert 'value="50000"' in browser.get(place(alice, "general")).text
    assert browser.post(place(alice), data=WANTED).location == place(alice, "general")
    browser.post(place(alice), data=WANTED)
    assert kept(database) == (60_000, 120_000)
    with database.owner() as owner:
        rows = owner.execute(
            "SELECT details FROM audit_entry WHERE action = 'team.limits_changed'"
        ).fetchall()
    assert rows == [({"campaign_cap": 60_000, "day_cap": 120_000},)]


@pytest.mark.parametrize("said", ["0", "-5", "", "1.5", "many", "1000001", "9" * 30, "1" * 5000])
def test_nothing_else_is_kept(browser: FlaskClient, alice: Person, database: Database, said: str) -> None:
    for field in WANTED:
        answer = browser.post(place(alice), data={**WANTED, field: said})
        assert answer.status_code == 422
        assert "Enter a whole number" in answer.text
    assert kept(database) == (50_000, 50_000)


def test_nobody_but_an_owner_and_not_with_an_old_sign_in(
    app: Flask, browser: FlaskClient, alice: Person, database: Database
) -> None:
    bob = make_person(app, "bob")
    add_member(app, bob, alice, Role.ADMIN)
    admin = sign_in(app, bob)
    page = admin.get(place(alice, "general")).text
    assert "50,000 in one campaign, 50,000 in one day. An owner can change this." in page
    assert admin.post(place(alice), data=WANTED).status_code == 403
    with time_machine.travel(clock.now() + timedelta(minutes=16), tick=True):
        answer = browser.post(place(alice), data=WANTED)
    assert (answer.status_code, "/confirm" in (answer.location or "")) == (303, True)
    assert kept(database) == (50_000, 50_000)
