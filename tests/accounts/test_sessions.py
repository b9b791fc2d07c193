"""The life of a session: a new id at sign-in, ended by the person, by time, and by a new password."""

from __future__ import annotations

import dataclasses
import hashlib
from datetime import timedelta

import pytest
import time_machine
from flask import Flask
from flask.testing import FlaskClient

from tests.accounts.people import PASSWORD, another_app, sign_in, sign_up
from tests.conftest import Database
from webapp import clock
from webapp.accounts import sessions
from webapp.settings import Settings

NEW_PASSWORD = "nine paper boats under the bridge"


def cookie_name(app: Flask) -> str:
    return str(app.config["SESSION_COOKIE_NAME"])


def value(app: Flask, client: FlaskClient) -> str:
    cookie = client.get_cookie(cookie_name(app))
    assert cookie is not None
    return cookie.value


def is_signed_in(client: FlaskClient) -> bool:
    return client.get("/me").status_code == 200


def test_the_cookie_is_for_this_site_and_no_script(app: Flask, client: FlaskClient) -> None:
    answer = client.post("/signup", data={"email": "lin@example.com", "password": PASSWORD})
    cookie = next(line for line in answer.headers.getlist("Set-Cookie") if line.startswith(cookie_name(app)))
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    assert "Path=/" in cookie
    assert "Secure" not in cookie


def test_under_https_it_is_bound_to_the_host(settings: Settings) -> None:
    https = dataclasses.replace(settings, public_url="https://localhost")
    with another_app(https, WTF_CSRF_ENABLED=False) as app:
        answer = app.test_client().post(
            "/signup",
            data={"email": "lin@example.com", "password": PASSWORD},
            base_url="https://localhost",
            headers={"Origin": "https://localhost"},
        )
    assert answer.status_code == 303
    cookie = next(line for line in answer.headers.getlist("Set-Cookie") if line.startswith("__Host-"))
    assert "Secure" in cookie
    assert "Domain" not in cookie
    assert "Path=/" in cookie
    assert answer.headers["Strict-Transport-Security"].startswith("max-age=")


def test_a_cookie_planted_before_sign_in_is_worth_nothing_after(app: Flask, client: FlaskClient) -> None:
    sign_up(app.test_client(), "lin@example.com")
    client.get("/login")
    before = value(app, client)
    sign_in(client, "lin@example.com")
    assert value(app, client) != before
    thief = app.test_client()
    thief.set_cookie(cookie_name(app), before)
    assert not is_signed_in(thief)
    assert is_signed_in(client)


def test_each_sign_in_has_an_id_of_its_own(app: Flask, client: FlaskClient, database: Database) -> None:
    sign_up(client, "lin@example.com")
    with client.session_transaction() as kept:
        first = kept["_user_id"]
        token = kept.get("csrf_token")
    sign_in(client, "lin@example.com")
    client.post("/logout")
    sign_in(client, "lin@example.com")
    with client.session_transaction() as kept:
        second = kept["_user_id"]
        assert kept.get("csrf_token") != token or token is None
    assert first != second
    assert len(second) == 43
    with database.owner() as owner:
        rows = owner.execute("SELECT id_hash FROM login_session").fetchall()
    assert rows == [(hashlib.sha256(second.encode()).digest(),)]


def test_an_old_cookie_is_dead_after_signing_out(app: Flask, client: FlaskClient) -> None:
    sign_up(client, "lin@example.com")
    old = value(app, client)
    client.post("/logout")
    thief = app.test_client()
    thief.set_cookie(cookie_name(app), old)
    assert not is_signed_in(thief)


@pytest.mark.parametrize("forged", ["x", "a.b.c", "", "\u00e9", "eyJfdXNlcl9pZCI6IjEifQ.x.y"])
def test_a_cookie_that_is_no_cookie_is_nobody(app: Flask, client: FlaskClient, forged: str) -> None:
    client.set_cookie(cookie_name(app), forged)
    assert client.get("/me").status_code == 303


def test_another_browser_is_listed_and_ended_at_once(app: Flask, client: FlaskClient) -> None:
    sign_up(client, "lin@example.com")
    other = app.test_client()
    other.environ_base["HTTP_USER_AGENT"] = "Other <b>Browser</b>\x01"
    sign_in(other, "lin@example.com")
    page = client.get("/me").text
    assert "Other &lt;b&gt;Browser&lt;/b&gt;" in page
    with other.session_transaction() as kept:
        key = hashlib.sha256(kept["_user_id"].encode()).hexdigest()
    assert client.post("/me/sessions/end", data={"session": key}).status_code == 303
    assert not is_signed_in(other)
    assert is_signed_in(client)
    assert client.post("/me/sessions/end", data={"session": key}).status_code == 404


@pytest.mark.parametrize("key", ["", "zz", "00", "é", "0" * 10_000])
def test_a_session_that_is_none_is_not_found(client: FlaskClient, key: str) -> None:
    sign_up(client, "lin@example.com")
    assert client.post("/me/sessions/end", data={"session": key}).status_code == 404
    assert is_signed_in(client)


def test_nobody_ends_the_session_of_somebody_else(app: Flask, client: FlaskClient) -> None:
    sign_up(client, "lin@example.com")
    bob = app.test_client()
    sign_up(bob, "bob@example.com")
    with bob.session_transaction() as kept:
        key = hashlib.sha256(kept["_user_id"].encode()).hexdigest()
    assert client.post("/me/sessions/end", data={"session": key}).status_code == 404
    assert client.post("/me/sessions/end-others").status_code == 303
    assert is_signed_in(bob)


def test_a_new_password_ends_every_other_session(app: Flask, client: FlaskClient, database: Database) -> None:
    sign_up(client, "lin@example.com")
    others = [app.test_client(), app.test_client()]
    for other in others:
        sign_in(other, "lin@example.com")
    answer = client.post("/me/password", data={"present": PASSWORD, "password": NEW_PASSWORD})
    assert answer.status_code == 303
    assert "2 other browsers were signed out" in client.get("/me").text
    assert not any(is_signed_in(other) for other in others)
    assert sign_in(others[0], "lin@example.com", PASSWORD).status_code == 422
    assert sign_in(others[0], "lin@example.com", NEW_PASSWORD).status_code == 303
    with database.owner() as owner:
        events = [event for (event,) in owner.execute("SELECT event FROM access_entry ORDER BY id")]
    assert "password_changed" in events


def test_a_session_unused_for_half_a_day_is_over(client: FlaskClient) -> None:
    with time_machine.travel(clock.now(), tick=False) as time:
        sign_up(client, "lin@example.com")
        time.shift(timedelta(hours=11, minutes=59))
        assert is_signed_in(client)
        time.shift(timedelta(hours=11, minutes=59))
        assert is_signed_in(client)
        time.shift(timedelta(hours=12))
        assert not is_signed_in(client)


def test_a_session_in_use_is_over_after_a_week(client: FlaskClient) -> None:
    with time_machine.travel(clock.now(), tick=False) as time:
        sign_up(client, "lin@example.com")
        for _ in range(16):
            time.shift(timedelta(hours=10))
            assert is_signed_in(client)
        time.shift(timedelta(hours=8))
        assert not is_signed_in(client)


def test_last_seen_is_written_once_a_minute(client: FlaskClient, database: Database) -> None:
    def seen() -> object:
        with database.owner() as owner:
            return owner.execute("SELECT last_seen_at FROM login_session").fetchone()

    with time_machine.travel(clock.now(), tick=False) as time:
        sign_up(client, "lin@example.com")
        first = seen()
        time.shift(timedelta(seconds=59))
        client.get("/me")
        assert seen() == first
        time.shift(timedelta(seconds=2))
        client.get("/me")
        assert seen() != first


def test_ended_sessions_are_cleared(app: Flask, client: FlaskClient, database: Database) -> None:
    with time_machine.travel(clock.now(), tick=False) as time:
        sign_up(client, "lin@example.com")
        time.shift(timedelta(hours=6))
        sign_in(app.test_client(), "lin@example.com")
        time.shift(timedelta(hours=7))
        with app.app_context():
            sessions.clear_ended_sessions()
    with database.owner() as owner:
        assert owner.execute("SELECT count(*) FROM login_session").fetchone() == (1,)


def test_a_removed_person_is_nobody_at_the_next_click(client: FlaskClient, database: Database) -> None:
    home = sign_up(client, "lin@example.com")
    with database.owner() as owner:
        owner.execute("DELETE FROM member")
    assert client.get(f"{home}settings/general").status_code == 404
    with database.owner() as owner:
        owner.execute("DELETE FROM app_user")
    assert not is_signed_in(client)


def test_nothing_of_a_signed_in_page_is_kept_by_the_browser(client: FlaskClient) -> None:
    home = sign_up(client, "lin@example.com")
    for place in ("/me", "/teams/new", f"{home}settings/general", f"{home}nowhere", "/"):
        assert client.get(place).headers["Cache-Control"] == "no-store"
