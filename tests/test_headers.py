"""What every answer carries and what every route refuses, asked of each route that there is."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator

import pytest
import time_machine
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.routing import Rule
from werkzeug.test import TestResponse

from tests.conftest import Database
from tests.factories import PASSWORD, Person, confirm, connect_practice, make_person, numbers, sign_in
from tests.practice.fixture import PracticeGateway
from webapp import clock, create_app, tenancy
from webapp.accounts import invitations
from webapp.accounts.permissions import Role
from webapp.campaigns import addresses, template_operations
from webapp.campaigns.template_operations import Content
from webapp.contacts import groups, optout_places, optouts
from webapp.contacts import operations as contacts
from webapp.contacts.imports import bringing
from webapp.contacts.imports.bringing import Brought
from webapp.extensions import db
from webapp.settings import Settings

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
# What a browser, a robot or a bored person may put where an id, a cursor or a name is expected.
BAD_VALUES = (
    "id;--", "-1", "0", "1e99", "9" * 30, "9223372036854775808", "NaN", "1'OR'1'='1", "../../etc/passwd",
    "%00", "a%00b", "%ff", "%c3%28", "%ed%a0%80", "x" * 10_240, "%F0%9F%92%A9", "{{7*7}}", "[]", "",
)  # fmt: skip
BAD_PATHS = ("-1", "0", "1e99", "9" * 30, "9223372036854775808", "x", "%00", "%ff", "1;--", "x" * 10_240)
NAMES = (
    "sort", "page", "before", "after", "from", "account", "v", "next", "lang", "block", "team", "q", "show",
    "find", "tab", "updates", "seen", "said", "person", "action", "start", "end",
    "for", "kind", "like",
)  # fmt: skip
# Fields of our forms, and some that a form of ours never has.
FIELDS = (
    "name", "time_zone", "delay_seconds", "account", "draft", "numbers", "body", "signature", "key", "seen",
    "uid", "pwd", "label", "gateway", "session", "language", "theme", "email", "present", "password",
    "numbers_per_request", "in_flight", "text_limit", "first_part", "next_part", "dedup_seconds",
    "repeat_mode", "team_id", "role", "is_admin", "version", "draft_key", "then", "keep", "shown", "go",
    "default_name", "leave_out_long", "kind", "when", "send_at", "not_after", "at_hours_end", "test_mobile",
    "test_key", "was", "digits", "paste", "like", "encoding", "separator", "sheet", "header", "group",
    "new_group", "if_exists", "to-0", "field-0",
)  # fmt: skip
Ids = dict[str, int | str]
ASKED: tuple[dict[str, str], ...] = ({}, {"HX-Request": "true"})


@pytest.fixture
def alice(app: Flask) -> Person:
    return make_person(app)


@pytest.fixture
def ids(app: Flask, alice: Person, practice: PracticeGateway) -> Ids:
    """Rows for the ids of addresses; a new kind of id must be given one here."""
    account = connect_practice(app, alice, practice)
    campaign = confirm(app, alice, account, numbers(3))
    with tenancy.team_scope(alice.team_id, app):
        token = addresses.token_of(campaign, (numbers(1)[0], 0))
        group = groups.make("VIP", None).id
        contact = contacts.add(numbers(1)[0], "", {}, None).id
        optouts.opt_out(numbers(1), "reply", None, clock.now())
        optout = optout_places.number_token(numbers(1)[0])
        text = Content("Hours", "At 9.", "notice")
        template = template_operations.keep(text, alice.user_id, clock.now()).id
        brought = bringing.take_in(Brought("a.csv", [b"13800138000,x\nhello,y\n"]), alice.user_id).id
        invitation = invitations.invite(alice.user_id, "vera@example.org", Role.VIEWER).invitation.id
        tenancy.session().commit()
    return {
        "contact_id": contact,
        "optout": optout,
        "template_id": template,
        "group_id": group,
        "account_id": account,
        "export_id": 1,
        "import_id": brought,
        "campaign_id": campaign,
        "status": 404,
        "token": token,
        "no": 1,
        "user_id": alice.user_id,
        "invitation_id": invitation,
    }


@pytest.fixture
def browser(app: Flask, alice: Person, ids: Ids) -> FlaskClient:
    return sign_in(app, alice)


def readable(app: Flask) -> list[Rule]:
    """Every route that can be looked at."""
    return [r for r in app.url_map.iter_rules() if "GET" in (r.methods or ()) and r.endpoint != "static"]


def address(app: Flask, rule: Rule, team: str, ids: Ids) -> str:
    values = {name: team if name == "team" else ids[name] for name in rule.arguments}
    return str(app.url_map.bind("localhost").build(rule.endpoint, values))


def bad_paths(rule: Rule, team: str, ids: Ids) -> Iterator[str]:
    """Addresses of a rule with one of its parameters spoiled."""
    for spoiled in rule.arguments:
        for bad in BAD_PATHS:
            values = {name: str(team if name == "team" else ids[name]) for name in rule.arguments}
            yield re.sub(r"<(?:\w+:)?(\w+)>", lambda m: bad if m[1] == spoiled else values[m[1]], rule.rule)  # noqa: B023 # used at once


# ---- what every answer carries -----------------------------------------------------------------------


def test_every_answer_carries_the_headers(app: Flask, browser: FlaskClient, alice: Person, ids: Ids) -> None:
    stranger = app.test_client()
    places = [address(app, rule, alice.team, ids) for rule in readable(app)]
    for place in (*places, "/nowhere", "/static/app.css", f"/t/{alice.team}/campaigns/1"):
        for asker in (browser, stranger):
            headers = asker.get(place).headers
            assert headers["Content-Security-Policy"] == POLICY, place
            assert headers["X-Content-Type-Options"] == "nosniff"
            assert headers["Referrer-Policy"] in {"same-origin", "no-referrer"}
            assert "noindex" in headers["X-Robots-Tag"]
            assert "Strict-Transport-Security" not in headers
            assert "Server" not in headers or "Werkzeug" not in headers["Server"]
    for place in places:
        if app.url_map.bind("localhost").match(place)[0].split(".")[0] not in {"health", "kit"}:
            assert browser.get(place).headers["Cache-Control"] == "no-store", place


def test_the_cookie_is_closed_to_scripts_and_other_sites(app: Flask, browser: FlaskClient) -> None:
    flags = cookie_line(sign_in_answer(app, "alice@example.org"))
    assert {"HttpOnly", "SameSite=Lax", "Path=/"} <= flags
    assert not {"Secure"} & flags
    assert not any(flag.startswith("Domain") for flag in flags)


def test_over_https_the_cookie_is_bound_to_the_host(settings: Settings, app: Flask, alice: Person) -> None:
    secure = dataclasses.replace(settings, public_url="https://tidings.example.org")
    https = create_app(secure, TESTING=True, WTF_CSRF_ENABLED=False)
    answer = https.test_client().post(
        "/login", data={"email": alice.email, "password": PASSWORD}, base_url="https://tidings.example.org"
    )
    with https.app_context():
        db.engine.dispose()
    assert answer.status_code == 303
    assert answer.headers["Strict-Transport-Security"].startswith("max-age=31536000")
    name = answer.headers["Set-Cookie"].partition("=")[0]
    assert name.startswith("__Host-")
    assert {"HttpOnly", "SameSite=Lax", "Path=/", "Secure"} <= cookie_line(answer)


def sign_in_answer(app: Flask, email: str) -> TestResponse:
    return app.test_client().post("/login", data={"email": email, "password": PASSWORD})


def cookie_line(answer: TestResponse) -> set[str]:
    return {part.strip() for part in answer.headers["Set-Cookie"].split(";")[1:]}


# ---- what every route refuses ------------------------------------------------------------------------


def test_other_hosts_and_methods_are_closed_everywhere(
    app: Flask, browser: FlaskClient, alice: Person, ids: Ids
) -> None:
    for rule in app.url_map.iter_rules():
        if rule.endpoint == "static":
            continue
        place = address(app, rule, alice.team, ids)
        method = "GET" if "GET" in (rule.methods or ()) else "POST"
        for host in ("evil.example", "localhost.evil.example"):
            answer = browser.open(place, method=method, headers={"Host": host})
            assert answer.status_code == 400, place
            assert "evil" not in answer.text + str(answer.headers)
        for closed in ("TRACE", "TRACK", "CONNECT", "PUT", "DELETE", "PATCH"):
            assert browser.open(place, method=closed).status_code == 405, f"{closed} {place}"


def test_options_tell_nothing(app: Flask, browser: FlaskClient, alice: Person, ids: Ids) -> None:
    for rule in readable(app):
        for asker in (browser, app.test_client()):
            answer = asker.options(address(app, rule, alice.team, ids))
            assert answer.status_code in {200, 204, 303, 405}
            assert answer.get_data() == b"" or answer.status_code in {303, 405}
            assert not any(name.startswith("Access-Control") for name in answer.headers.keys())  # noqa: SIM118 # werkzeug's headers iterate over pairs


def rows(database: Database) -> list[str]:
    """Everything that a person can change, as one text a row."""
    tables = ("app_user", "team", "member", "gateway_account", "campaign", "callback_token", "audience")
    with database.owner() as owner:
        return [
            row
            for table in tables
            for (row,) in owner.execute(f"SELECT one::text FROM {table} AS one ORDER BY 1")
        ]


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site", "Origin": "http://evil.localhost"},
        {"Origin": "null"},
    ],
)
def test_no_form_of_another_site_changes_anything(
    app: Flask, database: Database, browser: FlaskClient, alice: Person, ids: Ids,
    headers: dict[str, str],
) -> None:  # fmt: skip
    before = rows(database)
    for rule in app.url_map.iter_rules():
        if "POST" in (rule.methods or ()):
            place = address(app, rule, alice.team, ids)
            for asked in ASKED:
                assert browser.post(place, headers={**headers, **asked}).status_code == 400, place
    assert rows(database) == before
    assert browser.get("/me").status_code == 200


def test_no_form_without_its_token_changes_anything(
    settings: Settings,
    database: Database,
    app: Flask,
    browser: FlaskClient,
    alice: Person,
    ids: Ids,
) -> None:
    guarded = create_app(settings, TESTING=True)
    client = guarded.test_client()
    page = client.get("/login").text
    token = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', page)
    assert token is not None
    form = {"email": alice.email, "password": PASSWORD}
    assert client.post("/login", data=form).status_code == 400
    assert client.post("/login", data={**form, "csrf_token": token[1]}).status_code == 303
    before = rows(database)
    posts = [rule for rule in guarded.url_map.iter_rules() if "POST" in (rule.methods or ())]
    assert len(posts) > 10
    for rule in posts:
        place = address(guarded, rule, alice.team, ids)
        # A token that was made before signing in is as good as none.
        for data in ({}, {"csrf_token": "x"}, {"csrf_token": token[1]}):
            answer = client.post(place, data=data)
            assert answer.status_code == 400, f"{place} {data} {answer.status_code}"
    assert rows(database) == before
    assert client.get("/me").status_code == 200
    with guarded.app_context():
        db.engine.dispose()


def test_an_expired_session_sends_the_whole_page_to_sign_in(
    app: Flask, database: Database, browser: FlaskClient, alice: Person, ids: Ids
) -> None:
    before = rows(database)
    with time_machine.travel(clock.now().timestamp() + 13 * 3600, tick=True):
        for rule in app.url_map.iter_rules():
            if "team" not in rule.arguments:
                continue
            place = address(app, rule, alice.team, ids)
            method = "GET" if "GET" in (rule.methods or ()) else "POST"
            plain = browser.open(place, method=method)
            assert (plain.status_code, plain.location[:6]) == (303, "/login"), place
            asked = {"HX-Request": "true", "HX-Current-URL": f"http://localhost/t/{alice.team}/start"}
            part = browser.open(place, method=method, headers=asked)
            assert part.status_code == 204, place
            assert part.headers["HX-Redirect"] == f"/login?next=/t/{alice.team}/start"
    assert rows(database) == before


# ---- broken parameters -------------------------------------------------------------------------------


def test_broken_parameters_are_never_our_own_fault(
    app: Flask, browser: FlaskClient, alice: Person, ids: Ids
) -> None:
    wrong: list[str] = []
    for rule in readable(app):
        if rule.endpoint.startswith("health."):
            continue
        place = address(app, rule, alice.team, ids)
        for bad in BAD_VALUES:
            query = "&".join(f"{name}={bad}" for name in NAMES)
            for url in (f"{place}?{query}", f"{place}?{bad}=1", f"{place}?before={bad}"):
                answer = browser.get(url)
                broken = re.search("%00|%ff|%c3|%ed", bad) is not None or len(bad) > 10_000
                if answer.status_code >= 500 or (broken and answer.status_code != 400):
                    wrong.append(f"{url[:120]} is answered {answer.status_code}")
        for url in bad_paths(rule, alice.team, ids):
            answer = browser.get(url)
            if not 300 <= answer.status_code < 500 and not rule.endpoint.startswith("kit."):
                wrong.append(f"{url[:120]} is answered {answer.status_code}")
    assert wrong == [], "\n".join(wrong)


def test_broken_forms_are_never_our_own_fault(
    app: Flask, database: Database, browser: FlaskClient, alice: Person, ids: Ids
) -> None:
    wrong: list[str] = []
    kept = {"accounts.sign_out", "gateway.connect_practice", "gateway.test", "gateway.check"}
    for rule in app.url_map.iter_rules():
        if "POST" not in (rule.methods or ()) or rule.endpoint in kept:
            continue
        place = address(app, rule, alice.team, ids)
        for bad in ("%00", "%ff", "%ed%a0%80", "9" * 30, "-1", "1e99", "x" * 10_240, "{{7*7}}"):
            body = "&".join(f"{name}={bad}" for name in FIELDS)
            answer = browser.post(place, data=body, content_type="application/x-www-form-urlencoded")
            broken = bad.startswith("%")
            if answer.status_code >= 500 or (broken and answer.status_code != 400):
                wrong.append(f"POST {place} with {bad[:20]} is answered {answer.status_code}")
    assert wrong == [], "\n".join(wrong)
    with database.owner() as owner:
        members = owner.execute("SELECT user_id, role FROM member WHERE team_id = %s", [alice.team_id])
        assert members.fetchall() == [(alice.user_id, "owner")]


@pytest.mark.parametrize(("proxies", "address"), [(0, "127.0.0.1"), (1, "5.6.7.8"), (2, "1.2.3.4")])
def test_an_address_is_believed_from_as_many_proxies_as_there_are(
    settings: Settings, database: Database, proxies: int, address: str
) -> None:
    app = create_app(dataclasses.replace(settings, proxies=proxies), TESTING=True, WTF_CSRF_ENABLED=False)
    app.test_client().post(
        "/login",
        data={"email": "nobody@example.org", "password": "not the right password"},
        headers={"X-Forwarded-For": "1.2.3.4, 5.6.7.8"},
    )
    with app.app_context():
        db.engine.dispose()
    with database.owner() as owner:
        noted = owner.execute("SELECT address FROM access_entry").fetchall()
    assert noted == [(address,)]
