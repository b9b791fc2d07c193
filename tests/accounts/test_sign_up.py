"""Signing up: what is made, and what is refused with which words."""

from __future__ import annotations

import dataclasses

import pytest
from flask.testing import FlaskClient

from tests.accounts.people import PASSWORD, another_app, sign_up
from tests.conftest import Database
from webapp.settings import Settings


def test_a_person_and_a_team_of_their_own_are_made(client: FlaskClient, database: Database) -> None:
    sign_up(client, " Lin.Wei@Example.com ")
    with database.owner() as owner:
        assert owner.execute("SELECT email, language FROM app_user").fetchall() == [
            ("lin.wei@example.com", "en")
        ]
        team = owner.execute("SELECT name, time_zone, delay_seconds FROM team").fetchall()
        assert team == [("lin.wei's team", "Asia/Shanghai", 10)]
        assert owner.execute("SELECT role FROM member").fetchall() == [("owner",)]
        assert owner.execute("SELECT action, address FROM audit_entry").fetchall() == [
            ("team.created", "127.0.0.1")
        ]
        events = [event for (event,) in owner.execute("SELECT event FROM access_entry")]
        assert events == ["signed_up"]
        assert owner.execute("SELECT password_hash FROM app_user").fetchall()[0][0].startswith("$argon2id$")


@pytest.mark.parametrize(
    ("email", "password", "words"),
    [
        ("", PASSWORD, "Enter your email address"),
        ("lin", PASSWORD, "does not look like an email"),
        ("lin wei@example.com", PASSWORD, "does not look like an email"),
        ("@", PASSWORD, "does not look like an email"),
        ("l" * 250 + "@example.com", PASSWORD, "at most 254 characters"),
        ("lin@example.com", "", "Enter the password"),
        ("lin@example.com", "tooshort123", "at least 12 characters"),
        ("lin@example.com", "password1234", "Too many people"),
        ("lin@example.com", "lin123456789012", "name with a few characters"),
        ("lin@example.com", "x9 " * 700, "at most 1,024 bytes"),
        ('"><img src=x>@example.com', PASSWORD, "does not look like an email"),
        ('"><imgsrc=x>@example.com', "tooshort123", "at least 12 characters"),
    ],
)
def test_bad_input_is_a_sentence_beside_its_field(
    client: FlaskClient, database: Database, email: str, password: str, words: str
) -> None:
    answer = client.post("/signup", data={"email": email, "password": password})
    assert answer.status_code == 422
    assert words in answer.text
    assert 'aria-invalid="true"' in answer.text
    assert "<img" not in answer.text
    if password:
        assert password not in answer.text
    with database.owner() as owner:
        assert owner.execute("SELECT count(*) FROM app_user").fetchone() == (0,)


def test_an_address_is_taken_once_however_it_is_written(client: FlaskClient, database: Database) -> None:
    sign_up(client, "lin@example.com")
    client.post("/logout")
    answer = client.post("/signup", data={"email": "LIN@example.com", "password": PASSWORD})
    assert answer.status_code == 422
    assert "There is an account with this email address already" in answer.text
    with database.owner() as owner:
        assert owner.execute("SELECT count(*) FROM team").fetchone() == (1,)


def test_extra_fields_have_no_effect(client: FlaskClient, database: Database) -> None:
    extra = {"id": "7", "role": "admin", "is_admin": "1", "team_id": "7", "language": "zh", "theme": "dark"}
    client.post("/signup", data={"email": "lin@example.com", "password": PASSWORD, **extra})
    with database.owner() as owner:
        row = owner.execute("SELECT id <> 7, language, theme FROM app_user").fetchone()
        assert row == (True, "en", None)
        assert owner.execute("SELECT role, team_id <> 7 FROM member").fetchall() == [("owner", True)]


def test_the_sixth_from_one_address_within_an_hour_waits(client: FlaskClient, database: Database) -> None:
    for n in range(5):
        sign_up(client, f"lin{n}@example.com")
        client.post("/logout")
    answer = client.post("/signup", data={"email": "lin6@example.com", "password": PASSWORD})
    assert answer.status_code == 429
    assert "Wait 60 minutes" in answer.text
    assert answer.headers["Retry-After"] == "3600"
    elsewhere = client.post(
        "/signup",
        data={"email": "lin6@example.com", "password": PASSWORD},
        environ_base={"REMOTE_ADDR": "192.0.2.9"},
    )
    assert elsewhere.status_code == 303
    with database.owner() as owner:
        assert owner.execute("SELECT count(*) FROM app_user").fetchone() == (6,)


def test_where_accounts_are_given_out_nobody_signs_up(settings: Settings, database: Database) -> None:
    by_invitation = dataclasses.replace(settings, signup="invite")
    with another_app(by_invitation, WTF_CSRF_ENABLED=False) as app:
        client = app.test_client()
        for answer in (
            client.get("/signup"),
            client.post("/signup", data={"email": "lin@example.com", "password": PASSWORD}),
        ):
            assert answer.status_code == 403
            assert "Ask the administrator" in answer.text
        assert "/signup" not in client.get("/").text
        assert "/signup" not in client.get("/login").text
    with database.owner() as owner:
        assert owner.execute("SELECT count(*) FROM app_user").fetchone() == (0,)


def test_the_forms_tell_password_keepers_what_is_what(client: FlaskClient) -> None:
    page = client.get("/signup").text
    assert 'autocomplete="new-password"' in page
    assert 'autocomplete="username"' in page
    assert 'autocomplete="current-password"' in client.get("/login").text
