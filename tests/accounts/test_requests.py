"""What is refused before any view: broken requests, other sites, other hosts, other people's teams."""

from __future__ import annotations

import re
import urllib.parse

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests.accounts.people import PASSWORD, another_app, join, sign_up
from tests.conftest import Database
from webapp.accounts.permissions import Role
from webapp.settings import Settings

TOKEN = re.compile(r'(name="csrf-token" content|name="csrf_token" value)="[^"]*"')
SIGN_UP = {"email": "lin@example.com", "password": PASSWORD}
FORM = "application/x-www-form-urlencoded"


def people(database: Database) -> int:
    with database.owner() as owner:
        row = owner.execute("SELECT count(*) FROM app_user").fetchone()
    assert row is not None
    return int(row[0])


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "https://evil.example"},
        {"Origin": "http://localhost.evil.example"},
        {"Origin": "http://localhost:81"},
        {"Origin": "https://localhost"},
        {"Origin": "null"},
        {"Origin": "null", "Sec-Fetch-Site": "cross-site"},
        {"Origin": "https://evil.example", "Sec-Fetch-Site": "same-origin"},
    ],
)
def test_a_form_of_another_site_changes_nothing(
    client: FlaskClient, database: Database, headers: dict[str, str]
) -> None:
    answer = client.post("/signup", data=SIGN_UP, headers=headers)
    assert answer.status_code == 400
    assert "another site" in answer.text
    assert people(database) == 0
    assert client.get("/signup", headers=headers).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Sec-Fetch-Site": "same-origin", "Origin": "http://localhost"},
        {"Sec-Fetch-Site": "none"},
        {"Sec-Fetch-Site": "same-origin", "Origin": "null"},
        {"Origin": "http://localhost"},
    ],
)
def test_our_own_forms_are_taken(client: FlaskClient, headers: dict[str, str]) -> None:
    assert client.post("/signup", data=SIGN_UP, headers=headers).status_code == 303


def test_a_form_without_its_token_changes_nothing(settings: Settings, database: Database) -> None:
    with another_app(settings) as app:
        client = app.test_client()
        assert client.post("/signup", data=SIGN_UP).status_code == 400
        token = re.search(r'name="csrf_token" value="([^"]+)"', client.get("/signup").text)
        assert token is not None
        forged = client.post("/signup", data={**SIGN_UP, "csrf_token": token[1][:-3] + "xyz"})
        assert forged.status_code == 400
        assert people(database) == 0
        assert client.post("/signup", data={**SIGN_UP, "csrf_token": token[1]}).status_code == 303
        # The token of the time before signing in is no longer good.
        assert client.post("/logout", data={"csrf_token": token[1]}).status_code == 400
        assert client.get("/me").status_code == 200


@pytest.mark.parametrize("host", ["evil.example", "localhost.evil.example", "localhost@evil.example", "a b"])
def test_another_host_name_is_refused(client: FlaskClient, host: str) -> None:
    answer = client.get("/login", headers={"Host": host})
    assert answer.status_code == 400
    assert "evil" not in answer.text


BROKEN = ["%00", "a%00b", "%ff", "%c3%28", "%ed%a0%80", "x" * 10_001]


@pytest.mark.parametrize("broken", BROKEN)
@pytest.mark.parametrize("place", ["/", "/login", "/signup", "/nowhere"])
def test_a_broken_query_is_refused(client: FlaskClient, place: str, broken: str) -> None:
    assert client.get(f"{place}?next={broken}").status_code == 400
    assert client.get(f"{place}?{broken}").status_code == 400


@pytest.mark.parametrize("broken", BROKEN[:-1])
def test_a_broken_form_is_refused(client: FlaskClient, database: Database, broken: str) -> None:
    body = f"email=lin%40example.com{broken}&password={urllib.parse.quote(PASSWORD)}"
    assert client.post("/signup", data=body, content_type=FORM).status_code == 400
    body = f"email=lin%40example.com&password={urllib.parse.quote(PASSWORD)}&{broken}=1"
    assert client.post("/signup", data=body, content_type=FORM).status_code == 400
    assert people(database) == 0


@pytest.mark.parametrize("path", ["/t/\0/", "/t/\xff/settings/general", "/\xc3(", "/" + "x" * 3_000])
def test_a_broken_path_is_refused(client: FlaskClient, path: str) -> None:
    sign_up(client, "lin@example.com")
    assert client.get("/", environ_overrides={"PATH_INFO": path}).status_code == 400


def test_a_long_query_value_is_refused_and_a_usual_one_is_not(client: FlaskClient) -> None:
    assert client.get("/login?next=" + "y" * 10_001).status_code == 400
    assert client.get("/login?next=" + "y" * 10_000).status_code == 200
    assert client.get("/login?next=" + "%E7%81%AF" * 3_000).status_code == 200


def test_too_much_text_is_refused(client: FlaskClient) -> None:
    assert client.post("/login", data={"email": "x" * 1_000_001}).status_code == 400
    assert client.post("/login", data={"email": "x" * 5_000_000}).status_code == 413
    assert client.post("/login", data={"email": "x" * 900_000, "password": "y"}).status_code == 422


def test_a_form_with_files_is_looked_at_too(client: FlaskClient) -> None:
    for email in ("a\0b", "x" * 1_000_001):
        part = f'--x\r\nContent-Disposition: form-data; name="email"\r\n\r\n{email}\r\n--x--\r\n'
        answer = client.post("/login", data=part.encode(), content_type="multipart/form-data; boundary=x")
        assert answer.status_code == 400


@pytest.mark.parametrize("content_type", ["application/json", "text/xml", "", "multipart/form-data"])
@pytest.mark.parametrize("body", [b"", b"\x00\xff{", b"[" * 5_000])
def test_a_body_that_is_no_form_is_an_empty_form(client: FlaskClient, content_type: str, body: bytes) -> None:
    assert client.post("/login", data=body, content_type=content_type).status_code in {400, 415, 422}


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "TRACE", "PROPFIND"])
def test_other_methods_are_closed(client: FlaskClient, method: str) -> None:
    for place in ("/", "/login", "/me"):
        assert client.open(place, method=method).status_code == 405


def test_a_strangers_team_is_as_one_that_does_not_exist(app: Flask, client: FlaskClient) -> None:
    mine = sign_up(client, "lin@example.com")
    stranger = app.test_client()
    sign_up(stranger, "charlie@example.com")
    stranger.get("/me")
    address, nowhere = mine.split("/")[2], "zzzzzzzz"
    for rest in ("", "settings/general"):
        for headers in ({}, {"HX-Request": "true"}):
            real = stranger.get(f"/t/{address}/{rest}", headers=headers)
            none = stranger.get(f"/t/{nowhere}/{rest}", headers=headers)
            assert client.get(f"/t/{address}/{rest}").status_code in {200, 303}
            assert real.status_code == none.status_code == 404
            assert TOKEN.sub("", real.text.replace(address, nowhere)) == TOKEN.sub("", none.text)
            assert list(real.headers.keys()) == list(none.headers.keys())
    answer = stranger.post(f"{mine}settings/general", data={"name": "Mine now"})
    assert answer.status_code == 404
    assert "lin&#39;s team" in client.get(f"{mine}settings/general").text


@pytest.mark.parametrize("role", [Role.VIEWER, Role.SENDER])
def test_a_role_that_may_not_is_told_so(
    app: Flask, client: FlaskClient, database: Database, role: Role
) -> None:
    home = sign_up(client, "lin@example.com")
    member = join(app, home, "vera@example.com", role)
    assert member.get(home).status_code == 303
    assert member.get(f"{home}settings/general").status_code == 403
    form = {"name": "x", "time_zone": "UTC", "delay_seconds": "0"}
    answer = member.post(f"{home}settings/general", data=form)
    assert answer.status_code == 403
    with database.owner() as owner:
        noted = owner.execute("SELECT details FROM audit_entry WHERE action = 'access.refused'").fetchall()
    assert noted == [({"permission": "team.manage", "place": "accounts.general"},)] * 2
    assert "lin&#39;s team" in client.get(f"{home}settings/general").text


def test_an_admin_may(app: Flask, client: FlaskClient) -> None:
    home = sign_up(client, "lin@example.com")
    assert join(app, home, "ada@example.com", Role.ADMIN).get(f"{home}settings/general").status_code == 200


def test_signed_out_one_is_sent_to_sign_in_and_back(client: FlaskClient) -> None:
    answer = client.get("/me?x=1")
    assert (answer.status_code, answer.headers["Location"]) == (303, "/login?next=/me?x%3D1")
    answer = client.post("/me/password")
    assert (answer.status_code, answer.headers["Location"]) == (303, "/login")
    assert client.get("/t/zzzzzzzz/start").status_code in {303, 404}
    assert client.get("/t/zzzzzzzz/").headers["Location"] == "/login?next=/t/zzzzzzzz/"


def test_a_fragment_of_a_signed_out_page_sends_the_whole_page_to_sign_in(client: FlaskClient) -> None:
    headers = {"HX-Request": "true", "HX-Current-URL": "http://localhost/me?tab=2"}
    answer = client.get("/me", headers=headers)
    assert answer.status_code == 204
    assert answer.headers["HX-Redirect"] == "/login?next=/me?tab%3D2"
    for elsewhere in ("http://evil.example/me", "//evil.example", "http://[", "javascript:1"):
        answer = client.get("/me", headers={**headers, "HX-Current-URL": elsewhere})
        assert answer.headers["HX-Redirect"] == "/login"


def test_the_team_is_filled_into_addresses_by_itself(client: FlaskClient) -> None:
    home = sign_up(client, "lin@example.com")
    assert f'action="{home}settings/general"' in client.get(f"{home}settings/general").text
