"""Invitations: one link, one address, one use; and what becomes of stolen, old and doubled ones."""

from __future__ import annotations

import dataclasses
import re
import threading
from datetime import timedelta

import pytest
import time_machine
from flask import Flask
from flask.testing import FlaskClient

from tests.accounts.people import PASSWORD, another_app, join, sign_in, sign_up
from tests.conftest import Database
from tests.ui.markup import faults
from webapp import clock
from webapp.accounts.permissions import Role
from webapp.mail import read_outbox
from webapp.settings import Settings

DEAD = "This invitation was used or has expired. Ask {} for a new one."
JOINING = {"name": "Vera Wu", "password": "nine paper boats under the bridge"}


@pytest.fixture
def home(client: FlaskClient) -> str:
    """Lin's team; `client` is Lin's browser."""
    return sign_up(client, "lin@example.com")


def invite(client: FlaskClient, home: str, email: str = "vera@example.com", role: str = "sender") -> str:
    """Invite somebody; returns the path of the link that the next page shows once."""
    answer = client.post(f"{home}settings/members/invite", data={"email": email, "role": role})
    assert answer.status_code == 303, answer.text
    return link_on(client.get(answer.location).text)


def link_on(page: str) -> str:
    found = re.search(r'value="http://localhost(/invite/[\w-]{43})"', page)
    assert found is not None
    return found[1]


def invitation_ids(database: Database) -> list[int]:
    with database.owner() as owner:
        return [one for (one,) in owner.execute("SELECT id FROM invitation ORDER BY id")]


def members_of(database: Database, home: str) -> dict[str, str]:
    with database.owner() as owner:
        rows = owner.execute(
            "SELECT email, role FROM member JOIN app_user ON app_user.id = user_id "
            "JOIN team ON team.id = team_id WHERE address = %s",
            [home.split("/")[2]],
        )
        return dict(rows.fetchall())


# ---- the good way ------------------------------------------------------------------------------------


def test_a_link_is_shown_once_mailed_and_kept_as_a_hash(
    client: FlaskClient, home: str, settings: Settings, database: Database
) -> None:
    client.post("/me/name", data={"name": "Lin Wei"})
    link = invite(client, home, " Vera@Example.com ", "viewer")
    page = client.get(f"{home}settings/members").text
    assert "/invite/" not in page, "it is shown once"
    assert "vera@example.com" in page
    assert faults(page) == []
    (mail,) = read_outbox(settings.instance)
    assert mail.to == "vera@example.com"
    assert mail.subject == "Lin Wei invites you to the team lin's team"
    assert f"http://localhost{link}\n" in mail.body
    assert "Viewer" in mail.body
    with database.owner() as owner:
        assert owner.execute(
            "SELECT email, role, token_hash = sha256(%s::bytea), expires_at - created_at FROM invitation",
            [link.rpartition("/")[2].encode()],
        ).fetchall() == [("vera@example.com", "viewer", True, timedelta(hours=72))]


def test_somebody_without_an_account_signs_up_there_even_where_sign_up_is_closed(
    settings: Settings, database: Database
) -> None:
    with another_app(settings, WTF_CSRF_ENABLED=False) as app:
        owner = app.test_client()
        home = sign_up(owner, "lin@example.com")
        link = invite(owner, home, role="viewer")
    closed = dataclasses.replace(settings, signup="invite")
    with another_app(closed, WTF_CSRF_ENABLED=False) as app:
        vera = app.test_client()
        page = vera.get(link).text
        for told in ("Join the team lin&#39;s team", "lin@example.com", "Viewer", "vera@example.com"):
            assert told in page
        assert faults(page) == []
        extra = {"email": "eve@example.com", "role": "owner", "team_id": "1", "is_admin": "1"}
        answer = vera.post(link, data=JOINING | extra)
        assert (answer.status_code, answer.location) == (303, home)
        assert "Vera Wu" in vera.get(f"{home}settings/members").text
    assert members_of(database, home) == {"lin@example.com": "owner", "vera@example.com": "viewer"}
    with database.owner() as connection:
        assert connection.execute("SELECT count(*) FROM team").fetchone() == (1,)


def test_who_is_signed_in_with_the_address_joins_with_one_click(
    app: Flask, client: FlaskClient, home: str, database: Database
) -> None:
    link = invite(client, home)
    vera = app.test_client()
    sign_up(vera, "vera@example.com")
    assert "Join lin&#39;s team" in vera.get(link).text
    assert vera.post(link).location == home
    assert members_of(database, home)["vera@example.com"] == "sender"
    page = client.get(f"{home}audit").text
    assert "lin@example.com invited vera@example.com as Sender." in page
    assert "vera@example.com joined the team as Sender." in page


def test_who_has_an_account_signs_in_and_comes_back(app: Flask, client: FlaskClient, home: str) -> None:
    sign_up(app.test_client(), "vera@example.com")
    link = invite(client, home)
    vera = app.test_client()
    refused = vera.post(link, data=JOINING)
    assert refused.status_code == 422
    assert "There is an account with this email address already." in refused.text
    assert f'href="/login?next={link}"' in refused.text
    assert sign_in(vera, "vera@example.com", next=link).location == link
    assert vera.post(link).location == home


def test_the_invited_are_written_to_in_their_language(
    app: Flask, client: FlaskClient, home: str, settings: Settings
) -> None:
    vera = app.test_client()
    sign_up(vera, "vera@example.com")
    vera.post("/language", data={"language": "zh"})
    invite(client, home)
    invite(client, home, "new@example.com")
    known, new = read_outbox(settings.instance)
    assert re.search("[\u4e00-\u9fff]", known.subject + known.body)
    assert not re.search("[\u4e00-\u9fff]", new.subject + new.body)


def test_sending_again_makes_a_new_link_and_ends_the_old_one(
    app: Flask, client: FlaskClient, home: str, database: Database
) -> None:
    old = invite(client, home)
    (one,) = invitation_ids(database)
    answer = client.post(f"{home}settings/members/invitations/{one}/again")
    new = link_on(client.get(answer.location).text)
    assert new != old
    assert app.test_client().get(old).status_code == 404
    assert app.test_client().get(new).status_code == 200


# ---- what is refused ---------------------------------------------------------------------------------


def test_dead_links_are_answered_alike(
    app: Flask, client: FlaskClient, home: str, database: Database
) -> None:
    used, withdrawn, old = (invite(client, home, f"v{n}@example.com") for n in range(3))
    assert app.test_client().post(used, data=JOINING).status_code == 303
    client.post(f"{home}settings/members/invitations/{invitation_ids(database)[1]}/withdraw")
    stranger = app.test_client()
    with time_machine.travel(clock.now() + timedelta(hours=72), tick=False):
        for link in (used, withdrawn, old):
            for answer in (stranger.get(link), stranger.post(link, data=JOINING)):
                assert answer.status_code == 404
                assert DEAD.format("lin@example.com") in answer.text
                assert "lin&#39;s team" not in answer.text
    for unknown in ("x", "y" * 43, "%F0%9F%92%A9", "..%2f..", "x" * 1_500):
        answer = stranger.get(f"/invite/{unknown}")
        assert answer.status_code == 404
        if "%2f" not in unknown:
            assert DEAD.format("the person who invited you") in answer.text
    assert len(members_of(database, home)) == 2


def test_a_stolen_link_helps_nobody_with_another_address(
    app: Flask, client: FlaskClient, home: str, database: Database
) -> None:
    link = invite(client, home)
    eve = app.test_client()
    own = sign_up(eve, "eve@example.com")
    page = eve.get(link)
    assert "This invitation is for another address" in page.text
    assert "You are signed in as eve@example.com, and it is for vera@example.com." in page.text
    assert faults(page.text) == []
    assert eve.post(link, data={"email": "vera@example.com", **JOINING}).status_code == 403
    assert members_of(database, home) == {"lin@example.com": "owner"}
    assert eve.post("/logout", data={"next": link}).location == link
    assert eve.get(own).status_code == 303


def test_of_two_who_use_it_at_once_one_gets_in(
    app: Flask, client: FlaskClient, home: str, database: Database
) -> None:
    link = invite(client, home)
    vera = [app.test_client() for _ in range(2)]
    sign_up(vera[0], "vera@example.com")
    assert sign_in(vera[1], "vera@example.com").status_code == 303
    start, codes = threading.Barrier(2), list[tuple[int, str]]()

    def use(browser: FlaskClient) -> None:
        start.wait()
        answer = browser.post(link)
        codes.append((answer.status_code, answer.text))

    threads = [threading.Thread(target=use, args=(browser,)) for browser in vera]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(code for code, _text in codes) == [303, 404]
    with database.owner() as owner:
        joined = owner.execute("SELECT count(*) FROM audit_entry WHERE action = 'member.joined'")
        assert joined.fetchone() == (1,)


@pytest.mark.parametrize(
    ("email", "role", "words"),
    [
        ("", "sender", "Enter your email address"),
        ("vera", "sender", "does not look like an email address"),
        ("vera@example.com\nBcc: x@y.z", "sender", "does not look like an email address"),
        ("vera@exa\u202emple.com", "sender", "does not look like an email address"),
        ("<img src=x>@x y", "sender", "does not look like an email address"),
        ("v" * 300 + "@example.com", "sender", "at most 254 characters"),
        ("LIN@example.com", "sender", "in the team already"),
        ("vera@example.com", "", "Choose a role"),
        ("vera@example.com", "boss", "Not a valid choice"),
    ],
)
def test_a_bad_invitation_is_refused_with_words(
    client: FlaskClient, home: str, database: Database, email: str, role: str, words: str
) -> None:
    answer = client.post(f"{home}settings/members/invite", data={"email": email, "role": role})
    assert answer.status_code == 422
    assert words in answer.text
    assert faults(answer.text) == []
    assert invitation_ids(database) == []


def test_an_admin_invites_no_owner_and_touches_no_owners_invitation(
    app: Flask, client: FlaskClient, home: str, database: Database
) -> None:
    invite(client, home, "boss@example.com", "owner")
    ann = join(app, home, "ann@example.com", Role.ADMIN)
    answer = ann.post(f"{home}settings/members/invite", data={"email": "eve@example.com", "role": "owner"})
    assert answer.status_code == 422
    assert "Only owners can invite somebody as an owner." in answer.text
    (one,) = invitation_ids(database)
    for deed in ("again", "withdraw"):
        refused = ann.post(f"{home}settings/members/invitations/{one}/{deed}")
        assert "Only owners can invite" in ann.get(refused.location).text
    with database.owner() as owner:
        assert owner.execute(
            "SELECT revoked_at, created_by = user_id FROM invitation, member WHERE member.role = 'owner'"
        ).fetchall() == [(None, True)]


def test_one_address_is_not_invited_twice(client: FlaskClient, home: str, database: Database) -> None:
    invite(client, home)
    again = client.post(
        f"{home}settings/members/invite", data={"email": "VERA@example.com", "role": "viewer"}
    )
    assert again.status_code == 422
    assert "invited already" in again.text
    assert len(invitation_ids(database)) == 1


def test_who_is_put_out_cannot_come_back_by_a_link_of_their_own(
    app: Flask, client: FlaskClient, home: str, database: Database
) -> None:
    ann = join(app, home, "ann@example.com", Role.ADMIN)
    links = [invite(ann, home, f"ann{n}@example.com", "admin") for n in range(2)]
    with database.owner() as owner:
        row = owner.execute("SELECT id FROM app_user WHERE email = 'ann@example.com'").fetchone()
    assert row is not None
    client.post(f"{home}settings/members/{row[0]}/role", data={"role": "sender"})
    for link in links:
        assert app.test_client().post(link, data=JOINING).status_code == 404


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"name": ""}, "Enter your name"),
        ({"name": "x" * 61}, "at most 60 characters"),
        ({"name": "Ve\u202era"}, "letters that can be seen"),
        ({"password": "short"}, "at least 12 characters"),
        ({"password": "password1234"}, "Too many people"),
        ({"password": "vera@example.com1"}, "name with a few characters"),
    ],
)
def test_signing_up_by_a_link_has_the_rules_of_signing_up(
    app: Flask, client: FlaskClient, home: str, database: Database, change: dict[str, str], words: str
) -> None:
    link = invite(client, home)
    vera = app.test_client()
    answer = vera.post(link, data=JOINING | change)
    assert answer.status_code == 422
    assert words in answer.text
    assert faults(answer.text) == []
    assert members_of(database, home) == {"lin@example.com": "owner"}
    assert vera.get("/me").status_code == 303, "nobody is signed in"
    assert vera.post(link, data=JOINING).status_code == 303


def test_a_mail_that_cannot_be_sent_is_said_and_the_link_is_there(
    settings: Settings, database: Database
) -> None:
    broken = dataclasses.replace(settings, mail_url="smtp://127.0.0.1:1")
    with another_app(broken, WTF_CSRF_ENABLED=False) as app:
        client = app.test_client()
        home = sign_up(client, "lin@example.com", PASSWORD)
        answer = client.post(
            f"{home}settings/members/invite", data={"email": "vera@example.com", "role": "sender"}
        )
        page = client.get(answer.location).text
        assert "No mail could be sent" in page
        assert app.test_client().get(link_on(page)).status_code == 200
