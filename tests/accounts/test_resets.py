"""A forgotten password: the same answer for everybody, one link that works once, and every session ended."""

from __future__ import annotations

import dataclasses
import re
import threading
from datetime import timedelta

import pytest
import time_machine
from flask import Flask
from flask.testing import FlaskClient

from tests.accounts.people import PASSWORD, another_app, sign_in, sign_up
from tests.accounts.test_sign_in import body
from tests.conftest import Database
from tests.ui.markup import faults
from webapp import clock
from webapp.accounts import resets
from webapp.mail import read_outbox
from webapp.settings import Settings

WANTED = "nine paper boats under the bridge"


@pytest.fixture
def lin(app: Flask) -> FlaskClient:
    """A browser in which Lin is signed in."""
    browser = app.test_client()
    sign_up(browser, "lin@example.com")
    return browser


def mailed(app: Flask, settings: Settings) -> str:
    """Have the waiting mails sent; returns the path of the newest link."""
    with app.app_context():
        resets.send_waiting()
    found = re.search(r"http://localhost(/reset/[\w-]{43})\n", read_outbox(settings.instance)[-1].body)
    assert found is not None
    return found[1]


def ask(client: FlaskClient, email: str = "lin@example.com") -> None:
    assert client.post("/forgot", data={"email": email}).status_code == 200


def test_a_new_password_by_mail(
    app: Flask, lin: FlaskClient, client: FlaskClient, settings: Settings, database: Database
) -> None:
    assert "/forgot" in client.get("/login").text
    ask(client, " LIN@example.com")
    link = mailed(app, settings)
    (mail,) = read_outbox(settings.instance)
    assert (mail.to, mail.subject) == ("lin@example.com", "Choose a new password for Tidings")
    page = client.get(link)
    assert page.status_code == 200
    assert faults(page.text) == []
    answer = client.post(link, data={"password": WANTED, "email": "eve@example.com", "user_id": "1"})
    assert answer.location == "/login"
    assert lin.get("/me").status_code == 303, "every session has ended"
    assert sign_in(client, "lin@example.com").status_code == 422
    assert sign_in(client, "lin@example.com", WANTED).status_code == 303
    with database.owner() as owner:
        events = [event for (event,) in owner.execute("SELECT event FROM access_entry ORDER BY id")]
        assert owner.execute("SELECT count(*) FROM password_reset").fetchone() == (0,)
    assert events[:3] == ["signed_up", "password_reset_asked", "password_reset"]


def test_known_and_unknown_addresses_get_the_same_answer(
    app: Flask, lin: FlaskClient, client: FlaskClient, settings: Settings
) -> None:
    answers = [client.post("/forgot", data={"email": f"{who}@example.com"}) for who in ("lin", "nob")]
    assert body(answers[0], "lin@example.com") == body(answers[1], "nob@example.com")
    assert read_outbox(settings.instance) == [], "no mail is sent while the page is waited for"
    with app.app_context():
        resets.send_waiting()
    assert [mail.to for mail in read_outbox(settings.instance)] == ["lin@example.com"]


@pytest.mark.parametrize("who", ["lin", "nobody"])
def test_asking_is_limited_alike_for_both(lin: FlaskClient, client: FlaskClient, who: str) -> None:
    codes = [client.post("/forgot", data={"email": f"{who}@example.com"}).status_code for _ in range(4)]
    assert codes == [200] * 3 + [429]


def test_a_link_works_once_and_only_the_newest(
    app: Flask, lin: FlaskClient, client: FlaskClient, settings: Settings
) -> None:
    ask(client)
    first = mailed(app, settings)
    ask(client)
    assert client.get(first).status_code == 404, "a new one was asked for"
    second = mailed(app, settings)
    assert client.post(first, data={"password": WANTED}).status_code == 404
    assert client.post(second, data={"password": "short"}).status_code == 422
    assert client.post(second, data={"password": WANTED}).status_code == 303
    for answer in (client.get(second), client.post(second, data={"password": PASSWORD})):
        assert answer.status_code == 404
        assert "This link was used or has expired." in answer.text
        assert "lin@" not in answer.text
    with app.app_context():
        resets.send_waiting()
    assert len(read_outbox(settings.instance)) == 2


def test_it_ends_after_an_hour_and_with_a_change_of_the_password(
    app: Flask, lin: FlaskClient, client: FlaskClient, settings: Settings, database: Database
) -> None:
    ask(client)
    link = mailed(app, settings)
    with time_machine.travel(clock.now() + timedelta(minutes=60, seconds=1), tick=False):
        assert client.get(link).status_code == 404
        assert client.post(link, data={"password": WANTED}).status_code == 404
    lin.post("/me/password", data={"present": PASSWORD, "password": WANTED})
    assert client.get(link).status_code == 404


@pytest.mark.parametrize("token", ["x", "y" * 43, "%F0%9F%92%A9", "x" * 1_500])
def test_an_invented_link_opens_nothing(lin: FlaskClient, client: FlaskClient, token: str) -> None:
    for answer in (client.get(f"/reset/{token}"), client.post(f"/reset/{token}", data={"password": WANTED})):
        assert answer.status_code == 404
    assert sign_in(client, "lin@example.com").status_code == 303


def test_a_row_that_waits_for_its_mail_has_no_link(
    app: Flask, lin: FlaskClient, client: FlaskClient, database: Database
) -> None:
    ask(client)
    with database.owner() as owner:
        assert owner.execute("SELECT token_hash FROM password_reset").fetchall() == [(None,)]
    assert client.get("/reset/None").status_code == 404


def test_of_two_at_once_one_sets_the_password(
    app: Flask, lin: FlaskClient, client: FlaskClient, settings: Settings
) -> None:
    ask(client)
    link = mailed(app, settings)
    start, codes = threading.Barrier(2), list[int]()
    wanted = [WANTED, "ten copper bells above the harbour"]

    def use(password: str) -> None:
        browser = app.test_client()
        start.wait()
        codes.append(browser.post(link, data={"password": password}).status_code)

    threads = [threading.Thread(target=use, args=(one,)) for one in wanted]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(codes) == [303, 404]
    assert sorted(sign_in(app.test_client(), "lin@example.com", one).status_code for one in wanted) == [
        303,
        422,
    ]


def test_the_link_has_the_operators_host(settings: Settings, database: Database) -> None:
    public = dataclasses.replace(settings, public_url="https://sms.example.com")
    with another_app(public, WTF_CSRF_ENABLED=False) as app:
        client = app.test_client()
        base = {"base_url": "https://sms.example.com"}
        client.post("/signup", data={"email": "lin@example.com", "password": PASSWORD}, **base)
        client.post("/logout", **base)
        forged = {"X-Forwarded-Host": "evil.example"}
        assert (
            client.post("/forgot", data={"email": "lin@example.com"}, headers=forged, **base).status_code
            == 200
        )
        refused = client.post("/forgot", data={"email": "lin@example.com"}, headers={"Host": "evil.example"})
        assert refused.status_code == 400
        with app.app_context():
            resets.send_waiting()
    (mail,) = read_outbox(settings.instance)
    assert "https://sms.example.com/reset/" in mail.body
    assert "evil" not in mail.body


def test_a_mail_server_that_is_away_is_asked_again(
    app: Flask, lin: FlaskClient, client: FlaskClient, settings: Settings
) -> None:
    ask(client)
    with (
        another_app(dataclasses.replace(settings, mail_url="smtp://127.0.0.1:1")) as away,
        away.app_context(),
    ):
        resets.send_waiting()
        resets.send_waiting()
    assert client.get(mailed(app, settings)).status_code == 200


def test_the_mail_is_in_the_persons_language(
    app: Flask, lin: FlaskClient, client: FlaskClient, settings: Settings
) -> None:
    lin.post("/language", data={"language": "zh"})
    ask(client)
    mailed(app, settings)
    (mail,) = read_outbox(settings.instance)
    assert re.search("[\u4e00-\u9fff]", mail.subject)
