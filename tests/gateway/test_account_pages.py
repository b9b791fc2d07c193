"""Gateway accounts over HTTP, with the practice gateway as the counterpart."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import logging
import re
import socket
from collections.abc import Iterator
from datetime import timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests.conftest import Database
from tests.factories import Person, add_member, make_person, sign_in
from tests.gateway.hostile import HostileServer, answering, http, read_request
from tests.gateway.people import PWD, accounts, connect, put, queued, readings
from tests.gateway.seed import seed
from tests.practice.fixture import PracticeGateway
from webapp import clock, create_app
from webapp.accounts.permissions import Role
from webapp.gateway.client import balance_body
from webapp.sealing import Secret
from webapp.settings import Settings, settings_of

HTMX = {"HX-Request": "true"}


UID = "10086-shop"


@pytest.fixture
def wire() -> Iterator[HostileServer]:
    """A gateway that keeps each call and knows one uid and password."""
    known = balance_body(Secret(UID), Secret(PWD))

    def script(connection: socket.socket) -> None:
        request = read_request(connection)
        server.keep(request)
        right = request.endswith(known)
        connection.sendall(http(seed("balance_ok") if right else seed("balance_code_1")))

    with HostileServer(script) as server:
        yield server


@pytest.fixture
def settings(settings: Settings, practice: PracticeGateway, wire: HostileServer) -> Settings:
    """The main gateway is the one above."""
    return dataclasses.replace(settings, gateways={"main": wire.url, "practice": practice.base_url})


@pytest.fixture
def alice(app: Flask) -> Person:
    return make_person(app)


@pytest.fixture
def browser(app: Flask, alice: Person) -> FlaskClient:
    return sign_in(app, alice)


def form(uid: str = UID, pwd: str = PWD, **more: str) -> dict[str, str]:
    return {"gateway": "main", "uid": UID, "pwd": pwd, "label": "", **more}


def of(alice: Person, account_id: object = "", page: str = "") -> str:
    return f"/t/{alice.team}/settings/gateways" + (f"/{account_id}" if account_id else "") + page


# ---- connecting --------------------------------------------------------------------------------------


def test_connect_asks_for_the_balance_and_keeps_the_secrets_sealed(
    app: Flask,
    database: Database,
    browser: FlaskClient,
    alice: Person,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    answer = browser.post(f"/t/{alice.team}/start/gateway", data=form(UID))
    assert (answer.status_code, answer.location) == (303, f"/t/{alice.team}/start")
    (account,) = accounts(database)
    assert (account["state"], account["version"], account["set_by"]) == ("ok", 1, alice.user_id)
    (reading,) = readings(database)
    assert (reading["cause"], reading["outcome"], reading["messages"]) == ("test", "ok", 48_210)
    pages = [
        browser.get(f"/t/{alice.team}/start").text,
        browser.get(of(alice)).text,
        browser.get(of(alice, account["id"])).text,
        browser.get(f"/t/{alice.team}/balance").text,
    ]
    assert "Connected. 48,210 messages left." in pages[0]
    assert all("48,210" in page for page in pages)
    with database.owner() as owner:
        stored = str(owner.execute("SELECT * FROM gateway_account, audit_entry").fetchall())
        stored += str(owner.execute("SELECT * FROM procrastinate_jobs").fetchall())
    for secret in (UID, PWD):
        assert secret not in "".join(pages)
        assert secret not in stored
        assert secret.encode().hex() not in stored
        assert secret not in caplog.text


@pytest.mark.parametrize("htmx", [True, False])
def test_a_rejected_password_is_told_in_the_card_and_nothing_is_kept(
    database: Database, browser: FlaskClient, alice: Person, htmx: bool
) -> None:
    answer = browser.post(
        f"/t/{alice.team}/start/gateway", data=form(UID, "wrong-pwd"), headers=HTMX if htmx else {}
    )
    assert answer.status_code == 422
    assert "The gateway rejected this uid or password." in answer.text
    assert 'id="card-gateway"' in answer.text
    assert ("<html" in answer.text) is not htmx
    assert "wrong-pwd" not in answer.text
    assert accounts(database) == []


def test_htmx_goes_on_by_header(browser: FlaskClient, alice: Person) -> None:
    answer = browser.post(f"/t/{alice.team}/start/gateway", data=form(UID), headers=HTMX)
    assert (answer.status_code, answer.headers["HX-Redirect"]) == (204, f"/t/{alice.team}/start")


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"uid": ""}, "Enter the uid"),
        ({"uid": "   "}, "Enter the uid"),
        ({"pwd": ""}, "Enter the password"),
        ({"uid": "x" * 201}, "not that long"),
        ({"label": "x" * 61}, "at most 60"),
        ({"gateway": "practice"}, "Not a valid choice"),
        ({"gateway": "http://evil.example"}, "Not a valid choice"),
    ],
)
def test_what_cannot_be_an_account_is_refused_without_a_call(
    database: Database,
    browser: FlaskClient,
    alice: Person,
    wire: HostileServer,
    values: dict[str, str],
    sentence: str,
) -> None:
    answer = browser.post(of(alice, "new"), data={**form(UID), **values})
    assert answer.status_code == 422
    assert sentence in answer.text
    assert wire.requests == []
    assert accounts(database) == []


@pytest.mark.parametrize(
    ("answer", "state", "sentence"),
    [
        (b"", "untested", "hung up without an answer"),
        (http(b"<p>Welcome</p>"), "untested", "A web page answered"),
        (http(b"false"), "untested", "cannot be read"),
        (http(b'{"respCode":"0"')[:-3], "untested", "broke off"),
        (http(b"", "500 Oops"), "untested", "error of its server"),
        (http(b"<p>", "404 Not Found"), "misconfigured", "no gateway at this address"),
        (http(b"", "302 Found", "Location: http://127.0.0.1:9/"), "misconfigured", "sends callers on"),
        (http(b'{"respCode":"2"}'), "frozen", "frozen at the gateway"),
        (http(b'{"respCode":"0","respMsg":"0"}'), "ok", "but the balance is 0"),
        (http(b'{"respCode":"0","respMsg":"<b>12 yuan"}'), "ok", "said “&lt;b&gt;12 yuan”"),
    ],
)
def test_each_answer_is_told_and_moves_the_account(
    settings: Settings, database: Database, answer: bytes, state: str, sentence: str
) -> None:
    with HostileServer(answering(answer)) as server:
        gateways = {"main": server.url}
        application = create_app(
            dataclasses.replace(settings, gateways=gateways), TESTING=True, WTF_CSRF_ENABLED=False
        )
        person = make_person(application)
        browser = sign_in(application, person)
        said = browser.post(of(person, "new"), data=form("10086"), follow_redirects=True)
        assert said.status_code == 200
        assert sentence in said.text
        (account,) = accounts(database)
        assert account["state"] == state
        with application.app_context():
            from webapp.extensions import db

            db.engine.dispose()


def test_the_sixth_test_in_an_hour_reaches_no_gateway(
    database: Database, browser: FlaskClient, alice: Person, wire: HostileServer
) -> None:
    start = f"/t/{alice.team}/start/gateway"
    for _ in range(5):
        assert browser.post(start, data=form(UID, "wrong")).status_code == 422
    answer = browser.post(start, data=form(UID))
    assert answer.status_code == 422
    assert "tested often in the last hour" in answer.text
    assert len(wire.requests) == 5
    assert accounts(database) == []


def test_a_stored_account_is_tested_five_times_an_hour_at_most(
    app: Flask, browser: FlaskClient, alice: Person, wire: HostileServer
) -> None:
    account_id = connect(app, alice, UID)
    codes = [browser.post(of(alice, account_id, "/test")).status_code for _ in range(6)]
    assert codes == [303] * 5 + [429]
    assert len(wire.requests) == 5


def test_a_team_has_at_most_twenty_accounts(
    app: Flask, database: Database, browser: FlaskClient, alice: Person
) -> None:
    for number in range(20):
        connect(app, alice, f"u{number}")
    answer = browser.post(of(alice, "new"), data=form(UID))
    assert answer.status_code == 422
    assert "at most 20" in answer.text
    assert len(accounts(database)) == 20


# ---- the practice gateway ----------------------------------------------------------------------------


def callback_of(practice: PracticeGateway, like: str) -> list[str]:
    state = json.loads(practice.state_file.read_text())
    return [one["callback"] for one in state["accounts"] if like in one["callback"]]


def test_the_practice_gateway_is_connected_with_one_click_and_knows_the_address(
    database: Database, browser: FlaskClient, alice: Person, practice: PracticeGateway
) -> None:
    answer = browser.post(f"/t/{alice.team}/start/practice", follow_redirects=True)
    assert "Connected. 48,210 messages left." in answer.text
    (account,) = accounts(database)
    assert (account["practice"], account["gateway"], account["state"]) == (True, "practice", "ok")
    page = browser.get(of(alice, account["id"])).text
    (url,) = re.findall(r'value="(http://localhost/r/[^"]+)"', page)
    assert callback_of(practice, url) == [url]
    browser.post(of(alice, account["id"], "/address"))
    page = browser.get(of(alice, account["id"])).text
    urls = re.findall(r'value="(http://localhost/r/[^"]+)"', page)
    assert len(urls) == 2
    assert urls[1] == url
    assert callback_of(practice, urls[0]) == [urls[0]]
    assert callback_of(practice, url) == []


def test_a_practice_gateway_that_is_not_running_is_told(
    settings: Settings, database: Database, free_port: int
) -> None:
    nowhere = dataclasses.replace(
        settings, practice_bind=dataclasses.replace(settings.practice_bind, port=free_port)
    )
    application = create_app(nowhere, TESTING=True, WTF_CSRF_ENABLED=False)
    person = make_person(application)
    browser = sign_in(application, person)
    answer = browser.post(f"/t/{person.team}/start/practice", follow_redirects=True)
    assert "The practice gateway is not running." in answer.text
    assert accounts(database) == []
    with application.app_context():
        from webapp.extensions import db

        db.engine.dispose()


# ---- credentials -------------------------------------------------------------------------------------


def test_new_credentials_that_are_rejected_leave_the_old_ones(
    app: Flask, database: Database, browser: FlaskClient, alice: Person
) -> None:
    account_id = connect(app, alice, UID)
    answer = browser.post(of(alice, account_id, "/credential"), data={"uid": UID, "pwd": "wrong-pwd"})
    assert answer.status_code == 422
    assert "stay as they are" in answer.text
    assert "wrong-pwd" not in answer.text
    assert accounts(database)[0]["version"] == 1
    assert "Connected." in browser.post(of(alice, account_id, "/test"), follow_redirects=True).text


def test_right_credentials_mend_a_broken_account_and_campaigns_hear_of_it(
    app: Flask, database: Database, browser: FlaskClient, alice: Person
) -> None:
    account_id = connect(app, alice, "mistyped")
    put(app, alice, account_id, state="broken", troubles=3)
    before = accounts(database)[0]
    answer = browser.post(of(alice, account_id, "/credential"), data={"uid": UID, "pwd": PWD})
    assert answer.status_code == 303
    (account,) = accounts(database)
    assert (account["state"], account["version"], account["troubles"]) == ("ok", 2, 0)
    assert account["fingerprint"] != before["fingerprint"]
    assert account["sealed_pwd"] != before["sealed_pwd"]
    assert queued(database) == [
        ("campaigns.account_well", {"team_id": alice.team_id, "account_id": account_id})
    ]


def test_a_sealed_password_of_another_team_does_not_open(
    app: Flask, database: Database, browser: FlaskClient, alice: Person, wire: HostileServer
) -> None:
    bob = make_person(app, "bob")
    theirs, mine = connect(app, bob, UID), connect(app, alice, "10086")
    with database.owner() as owner:
        owner.execute(
            "UPDATE gateway_account SET (sealed_uid, sealed_pwd) = "
            "(SELECT sealed_uid, sealed_pwd FROM gateway_account WHERE id = %s) WHERE id = %s",
            [theirs, mine],
        )
    answer = browser.post(of(alice, mine, "/test"), follow_redirects=True)
    assert "Enter uid and password again." in answer.text
    assert wire.requests == []


# ---- looking after an account ------------------------------------------------------------------------


def test_switching_off_is_asked_first_and_a_second_click_changes_nothing(
    app: Flask, database: Database, browser: FlaskClient, alice: Person
) -> None:
    account_id = connect(app, alice, UID)
    assert 'name="off"' in browser.get(of(alice, account_id, "/switch-off")).text
    assert accounts(database)[0]["disabled_at"] is None
    for _ in range(2):
        browser.post(of(alice, account_id, "/switch"), data={"off": "1"})
        assert accounts(database)[0]["disabled_at"] is not None
    assert "Switched off" in browser.get(of(alice, account_id)).text
    for _ in range(2):
        browser.post(of(alice, account_id, "/switch"))
        assert accounts(database)[0]["disabled_at"] is None


BEHAVIOUR = {
    "label": "Shop", "numbers_per_request": "1000", "in_flight": "2", "text_limit": "500", "first_part": "70",
    "next_part": "67", "dedup_seconds": "900", "repeat_mode": "ask", "adds_signature": "y",
}  # fmt: skip


def test_what_is_known_of_a_gateway_can_be_changed(
    app: Flask, database: Database, browser: FlaskClient, alice: Person
) -> None:
    account_id = connect(app, alice, UID)
    answer = browser.post(of(alice, account_id, "/behaviour"), data={**BEHAVIOUR, "label": "<img src=x>"})
    assert answer.status_code == 303
    (account,) = accounts(database)
    assert (account["numbers_per_request"], account["repeat_mode"]) == (1000, "ask")
    assert account["adds_signature"]
    page = browser.get(of(alice, account_id)).text
    assert "<img src=x>" not in page
    assert "&lt;img src=x&gt;" in page


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"repeat_mode": "repeat", "dedup_seconds": "300"}, "more than 450 seconds"),
        ({"repeat_mode": "always"}, "Not a valid choice"),
        ({"numbers_per_request": "5001"}, "from 1 to 5000"),
        ({"numbers_per_request": "0"}, "from 1 to 5000"),
        ({"in_flight": "17"}, "from 1 to 16"),
        ({"in_flight": "1e1"}, "Not a valid integer"),
        ({"text_limit": "9" * 30}, "from 1 to 1000"),
        ({"next_part": "71"}, "cannot be longer than the first"),
        ({"label": " "}, "Give the account a name"),
    ],
)
def test_a_behaviour_that_cannot_be_is_refused(
    app: Flask,
    database: Database,
    browser: FlaskClient,
    alice: Person,
    values: dict[str, str],
    sentence: str,
) -> None:
    account_id = connect(app, alice, UID)
    answer = browser.post(of(alice, account_id, "/behaviour"), data={**BEHAVIOUR, **values})
    assert answer.status_code == 422
    assert sentence in answer.text
    assert accounts(database)[0]["in_flight"] == 4


def test_two_addresses_are_valid_and_the_third_ends_the_first(
    app: Flask, database: Database, browser: FlaskClient, alice: Person
) -> None:
    account_id = connect(app, alice, UID)
    for _ in range(2):
        assert browser.post(of(alice, account_id, "/address")).status_code == 303
    with database.owner() as owner:
        rows = owner.execute(
            "SELECT retired_at, sealed_token FROM callback_token ORDER BY created_at"
        ).fetchall()
    assert [retired is None for retired, _sealed in rows] == [False, True, True]


def test_a_private_site_hands_out_no_address_and_says_what_to_set(
    app: Flask, browser: FlaskClient, alice: Person
) -> None:
    page = browser.get(of(alice, connect(app, alice, UID))).text
    assert "/r/" not in page
    assert "推送地址" not in page
    assert re.search(r'value="TIDINGS_PUBLIC_URL=https://[^"]+"', page)
    assert f"People reach it at {settings_of(app).public_url}," in page
    assert 'data-copy="setting"' in page


@contextlib.contextmanager
def public_site(settings: Settings) -> Iterator[tuple[FlaskClient, str]]:
    """The program at an address that the internet reaches: a signed-in browser, and its account's page."""
    public = dataclasses.replace(settings, public_url="https://sms.example.com")
    application = create_app(public, TESTING=True, WTF_CSRF_ENABLED=False)
    application.config["TRUSTED_HOSTS"] = None
    person = make_person(application)
    with application.test_request_context():
        account_id = connect(application, person, "10086")
    browser = application.test_client()
    form = {"email": person.email, "password": "a long enough pass-phrase 42"}
    browser.post("/login", data=form, base_url="https://sms.example.com")
    yield browser, of(person, account_id)
    with application.app_context():
        from webapp.extensions import db

        db.engine.dispose()


@pytest.mark.parametrize("language", ["en", "zh-CN"])
def test_a_public_site_gives_the_address_and_the_words_in_both_languages(
    settings: Settings, practice: PracticeGateway, language: str
) -> None:
    with public_site(settings) as (browser, place):
        page = browser.get(
            place, base_url="https://sms.example.com", headers={"Accept-Language": language}
        ).text
    (address,) = re.findall(r'value="(https://sms.example.com/r/[^"]+)"', page)
    texts = dict(re.findall(r'<textarea[^>]*lang="([^"]+)">([^<]+)<', page))
    assert texts["en"].startswith("Please set the delivery report callback address")
    assert texts["zh-Hans"].startswith("您好")
    assert "状态报告推送地址" in texts["zh-Hans"]
    assert all(f" {address} " in text for text in texts.values())
    for copied in ("address-1", "service-zh", "service-en"):
        assert f'data-copy="{copied}"' in page
        assert f'id="{copied}"' in page
    assert ("can be read on the way" in page) is (language == "en")
    assert "TIDINGS_PUBLIC_URL" not in page


def test_an_address_whose_key_is_gone_is_not_shown_and_a_new_one_can_be_made(
    settings: Settings, database: Database, practice: PracticeGateway
) -> None:
    with public_site(settings) as (browser, place):
        with database.owner() as owner:
            owner.execute("UPDATE callback_token SET sealed_token = 'x'")
        page = browser.get(place, base_url="https://sms.example.com").text
        assert "The key that sealed this address is gone" in page
        assert "/r/" not in page
        browser.post(place + "/address", base_url="https://sms.example.com")
        page = browser.get(place, base_url="https://sms.example.com").text
        assert len(re.findall(r'value="https://sms.example.com/r/[^"]+"', page)) == 1
        assert "The key that sealed this address is gone" not in page


def test_when_the_gateway_was_heard_last_is_said(app: Flask, browser: FlaskClient, alice: Person) -> None:
    account_id = connect(app, alice, UID)
    assert "No report has come yet." in browser.get(of(alice, account_id)).text
    put(app, alice, account_id, last_heard_at=clock.now() - timedelta(hours=3))
    assert re.search(r"Last report: <time[^>]*>3 hours ago</time>", browser.get(of(alice, account_id)).text)


# ---- who may what ------------------------------------------------------------------------------------


@pytest.mark.parametrize("role", [Role.VIEWER, Role.SENDER])
def test_others_look_but_do_not_touch(
    app: Flask, database: Database, alice: Person, wire: HostileServer, role: Role
) -> None:
    account_id = connect(app, alice, UID)
    bob = make_person(app, "bob")
    add_member(app, bob, alice, role)
    browser = sign_in(app, bob)
    before = accounts(database)
    page = browser.get(of(alice, account_id))
    assert page.status_code == 200
    assert 'name="pwd"' not in page.text
    assert "/r/" not in page.text
    for path in ("/test", "/check", "/credential", "/behaviour", "/switch", "/address"):
        assert browser.post(of(alice, account_id, path), data={"uid": "x", "pwd": "y"}).status_code == 403
    for path in ("/start/gateway", "/start/practice"):
        assert browser.post(f"/t/{alice.team}{path}", data=form(UID)).status_code == 403
    assert accounts(database) == before
    assert wire.requests == []


def test_a_strangers_account_is_nowhere(app: Flask, database: Database, alice: Person) -> None:
    theirs = connect(app, alice, UID)
    charlie = make_person(app, "charlie")
    browser = sign_in(app, charlie)
    before = accounts(database)
    for account_id in (theirs, 4711):
        answer = browser.get(of(charlie, account_id))
        assert answer.status_code == 404
        assert "Shop" not in answer.text
        for path in ("/test", "/check", "/credential", "/behaviour", "/switch", "/address"):
            assert browser.post(of(charlie, account_id, path)).status_code == 404
    assert accounts(database) == before
