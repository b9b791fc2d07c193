"""What a stolen session is not enough for: the password is asked for again after a quarter of an hour."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
import time_machine
from flask import Flask
from flask.testing import FlaskClient

from tests.accounts.people import PASSWORD, sign_in, sign_up
from tests.conftest import Database
from tests.ui.markup import faults
from webapp import clock

INVITED = {"email": "vera@example.com", "role": "sender"}
FRESH_ONLY = {
    "members.invite", "members.invite_again", "members.withdraw", "members.change_role", "members.remove",
    "gateway.change_credential", "gateway.new_address",
}  # fmt: skip


@pytest.fixture
def home(client: FlaskClient) -> str:
    return sign_up(client, "lin@example.com")


@pytest.fixture
def later(home: str) -> Iterator[None]:
    """A quarter of an hour after signing in."""
    assert home
    with time_machine.travel(clock.now() + timedelta(minutes=15, seconds=1), tick=True):
        yield


def invited(database: Database) -> int:
    with database.owner() as owner:
        row = owner.execute("SELECT count(*) FROM invitation").fetchone()
    assert row is not None
    return int(row[0])


def test_these_ask_for_it(app: Flask) -> None:
    found = {name for name, view in app.view_functions.items() if getattr(view, "fresh", False)}
    assert found >= FRESH_ONLY


def test_who_signed_in_just_now_is_not_asked(client: FlaskClient, home: str, database: Database) -> None:
    assert client.post(f"{home}settings/members/invite", data=INVITED).location == f"{home}settings/members"
    assert invited(database) == 1


def test_a_form_changes_nothing_and_leads_back_to_its_page(
    client: FlaskClient, home: str, database: Database, later: None
) -> None:
    page = f"{home}settings/members"
    assert "Changing members needs your password again" in client.get(page).text
    answer = client.post(f"{page}/invite", data=INVITED, headers={"Referer": f"http://localhost{page}"})
    assert answer.location == f"/me/confirm?next={page}"
    assert invited(database) == 0
    asked = client.get(answer.location)
    assert "Nothing was changed." in asked.text
    assert f'name="next" value="{page}"' in asked.text
    assert faults(asked.text) == []
    confirmed = client.post("/me/confirm", data={"password": PASSWORD, "next": page})
    assert confirmed.location == page
    assert "Thank you." in client.get(page).text
    client.post(f"{page}/invite", data=INVITED)
    assert invited(database) == 1


def test_htmx_goes_to_the_whole_page(client: FlaskClient, home: str, later: None) -> None:
    asked = {"HX-Request": "true", "HX-Current-URL": f"http://localhost{home}settings/members"}
    answer = client.post(f"{home}settings/members/invite", data=INVITED, headers=asked)
    assert answer.status_code == 204
    assert answer.headers["HX-Redirect"] == f"/me/confirm?next={home}settings/members"


@pytest.mark.parametrize(
    "from_where",
    ["", "http://evil.example/x", "//evil.example", "javascript:alert(1)", "http://[", "\\\\evil"],
)
def test_it_leads_to_no_other_site(client: FlaskClient, home: str, later: None, from_where: str) -> None:
    answer = client.post(
        f"{home}settings/members/invite", data=INVITED, headers={"Referer": from_where} if from_where else {}
    )
    assert answer.location == "/me/confirm"
    answer = client.post("/me/confirm", data={"password": PASSWORD, "next": from_where})
    assert answer.location == "/me"


def test_a_wrong_password_is_limited_together_with_signing_in(
    app: Flask, client: FlaskClient, home: str, database: Database, later: None
) -> None:
    for _ in range(5):
        assert sign_in(app.test_client(), "lin@example.com", "wrong wrong wrong").status_code == 422
    codes = [client.post("/me/confirm", data={"password": "wrong wrong wrong"}).status_code for _ in range(6)]
    assert codes == [422] * 5 + [429]
    client.post(f"{home}settings/members/invite", data=INVITED)
    assert invited(database) == 0
    with database.owner() as owner:
        counted = owner.execute("SELECT count(*) FROM access_entry WHERE event = 'confirm_refused'")
        assert counted.fetchone() == (5,)


def test_one_browser_confirms_for_itself_only(
    app: Flask, client: FlaskClient, home: str, database: Database, later: None
) -> None:
    other = app.test_client()
    assert sign_in(other, "lin@example.com").status_code == 303
    assert client.post(f"{home}settings/members/invite", data=INVITED).location == "/me/confirm"
    assert other.post(f"{home}settings/members/invite", data=INVITED).location == f"{home}settings/members"
    assert invited(database) == 1


def test_nobody_is_asked_who_is_not_signed_in_or_may_not(app: Flask, client: FlaskClient, home: str) -> None:
    stranger = app.test_client()
    assert stranger.get("/me/confirm").location.startswith("/login")
    assert stranger.post("/me/confirm", data={"password": PASSWORD}).location == "/login"
