"""Signing in: never which of the two was wrong, limits that hold, and only local ways on."""

from __future__ import annotations

import logging
import re

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.accounts.people import PASSWORD, sign_in, sign_up
from tests.conftest import Database
from webapp.accounts import passwords
from webapp.accounts.requests import local_path

TOKEN = re.compile(r'(name="csrf-token" content|name="csrf_token" value)="[^"]*"')


@pytest.fixture
def lin(app: Flask) -> str:
    """Somebody with an account, made in a browser of their own."""
    sign_up(app.test_client(), "lin@example.com")
    return "lin@example.com"


def body(answer: TestResponse, typed: str) -> str:
    """A page without its form token and without what was typed."""
    return TOKEN.sub("", answer.text).replace(typed, "")


def test_known_and_unknown_addresses_get_the_same_answer(client: FlaskClient, lin: str) -> None:
    known = sign_in(client, lin, "wrong wrong wrong")
    unknown = sign_in(client, "nobody@example.com", "wrong wrong wrong")
    assert known.status_code == unknown.status_code == 422
    assert "That email and password do not match." in known.text
    assert body(known, lin) == body(unknown, "nobody@example.com")
    assert [header for header in known.headers if header[0] != "Set-Cookie"] == [
        header if header[0] != "Content-Length" else ("Content-Length", known.headers["Content-Length"])
        for header in unknown.headers
        if header[0] != "Set-Cookie"
    ]


def test_an_unknown_address_costs_a_hash_as_a_known_one_does(
    client: FlaskClient, lin: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    costs: list[str] = []
    monkeypatch.setattr(passwords, "_hasher", _Counting(passwords._hasher, costs), raising=True)
    for email in (lin, "nobody@example.com"):
        for password in ("wrong wrong wrong", "x" * 2_000):
            costs.clear()
            sign_in(client, email, password)
            assert costs == ["verify"]


class _Counting:
    def __init__(self, real: object, costs: list[str]) -> None:
        self.real, self.costs = real, costs

    def __getattr__(self, name: str) -> object:
        if name == "verify":
            self.costs.append(name)
        return getattr(self.real, name)


def test_the_eleventh_wrong_try_waits_while_another_address_goes_on(client: FlaskClient, lin: str) -> None:
    answers = [sign_in(client, lin, "wrong wrong wrong").status_code for _ in range(11)]
    assert answers == [422] * 10 + [429]
    refused = sign_in(client, lin)
    assert refused.status_code == 429
    assert "Wait 15 minutes" in refused.text
    elsewhere = client.post(
        "/login", data={"email": lin, "password": PASSWORD}, environ_base={"REMOTE_ADDR": "192.0.2.9"}
    )
    assert elsewhere.status_code == 303


def test_an_invented_forwarded_address_evades_nothing(
    client: FlaskClient, lin: str, database: Database
) -> None:
    answers = [
        client.post(
            "/login",
            data={"email": lin, "password": "wrong wrong wrong"},
            headers={"X-Forwarded-For": f"192.0.2.{n}"},
        ).status_code
        for n in range(11)
    ]
    assert answers[-1] == 429
    with database.owner() as owner:
        addresses = owner.execute("SELECT DISTINCT address FROM access_entry").fetchall()
    assert addresses == [("127.0.0.1",)]


def test_an_unknown_account_is_limited_just_the_same(client: FlaskClient, lin: str) -> None:
    answers = [sign_in(client, "nobody@example.com", "wrong").status_code for _ in range(11)]
    assert answers == [422] * 10 + [429]


def test_one_address_has_thirty_tries_over_all_accounts(client: FlaskClient, lin: str) -> None:
    answers = [sign_in(client, f"n{n}@example.com", "wrong").status_code for n in range(31)]
    assert answers == [422] * 30 + [429]
    assert sign_in(client, lin).status_code == 429


def test_a_network_of_version_six_is_one_address(client: FlaskClient, lin: str) -> None:
    answers = [
        client.post(
            "/login",
            data={"email": lin, "password": "wrong"},
            environ_base={"REMOTE_ADDR": f"2001:db8:1:2::{n:x}"},
        ).status_code
        for n in range(1, 12)
    ]
    assert answers == [422] * 10 + [429]


def test_signing_in_rightly_uses_nothing_up(client: FlaskClient, lin: str) -> None:
    for _ in range(35):
        assert sign_in(client, lin).status_code == 303
        client.post("/logout")
    assert sign_in(client, lin, "wrong").status_code == 422


def test_more_at_once_than_is_good_are_asked_to_wait(
    client: FlaskClient, lin: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(passwords, "WAIT_SECONDS", 0.01)
    with passwords._Slot(), passwords._Slot():
        answer = sign_in(client, lin)
    assert answer.status_code == 429
    assert "Wait 1 minute" in answer.text
    assert sign_in(client, lin).status_code == 303


@pytest.mark.parametrize(
    "evil",
    [
        "//evil.example",
        "https://evil.example/",
        "/\\evil.example",
        "\\\\evil.example",
        "/\t/evil.example",
        "javascript:alert(1)",
        "evil.example",
        "///evil.example",
        "http:evil.example",
        "/" + "x" * 3_000,
        "",
    ],
)
def test_the_way_on_stays_local(client: FlaskClient, lin: str, evil: str) -> None:
    assert local_path(evil) is None
    assert sign_in(client, lin, next=evil).headers["Location"] == "/"
    assert client.get("/login", query_string={"next": evil}).headers["Location"].startswith("/t/")
    answer = client.post("/theme", data={"theme": "dark", "next": evil})
    assert answer.headers["Location"] == "/"


def test_a_password_is_in_no_log(app: Flask, client: FlaskClient, lin: str) -> None:
    lines: list[str] = []

    class Keep(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            lines.append(f"{record.getMessage()} {record.args} {record.__dict__}")

    root, keep = logging.getLogger(), Keep()
    level = root.level
    root.addHandler(keep)
    root.setLevel(logging.DEBUG)
    try:
        sign_in(client, lin, "a wrong pass phrase")
        sign_in(client, lin)
        client.post("/me/password", data={"present": PASSWORD, "password": "another long pass phrase"})
        logging.getLogger("here").info("the handler listens")
    finally:
        root.removeHandler(keep)
        root.setLevel(level)
    assert "the handler listens" in "".join(lines)
    for secret in ("a wrong pass phrase", PASSWORD, "another long pass phrase"):
        assert secret not in "".join(lines)


def test_tries_are_noted_without_what_was_typed(client: FlaskClient, lin: str, database: Database) -> None:
    sign_in(client, lin, "wrong wrong wrong")
    sign_in(client, "nobody@example.com", "wrong wrong wrong")
    sign_in(client, lin)
    client.post("/logout")
    with database.owner() as owner:
        rows = owner.execute(
            "SELECT event, user_id IS NULL, details FROM access_entry ORDER BY id"
        ).fetchall()
    assert rows == [
        ("signed_up", False, {}),
        ("sign_in_refused", False, {}),
        ("sign_in_refused", True, {}),
        ("signed_in", False, {}),
        ("signed_out", False, {}),
    ]
