"""Who is in a team and as what: roles that hold at once, and a team that is never without an owner."""

from __future__ import annotations

import threading

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests.accounts.people import join, sign_up
from tests.conftest import Database
from tests.ui.markup import faults
from webapp import tenancy
from webapp.accounts import members
from webapp.accounts.permissions import Role
from webapp.errors import DomainError


@pytest.fixture
def home(client: FlaskClient) -> str:
    """Lin's team; `client` is Lin's browser."""
    return sign_up(client, "lin@example.com")


def ids(database: Database) -> dict[str, int]:
    """Everybody's id by the part before the @."""
    with database.owner() as owner:
        return {
            email.partition("@")[0]: one for one, email in owner.execute("SELECT id, email FROM app_user")
        }


def team_of(database: Database, home: str) -> int:
    with database.owner() as owner:
        row = owner.execute("SELECT id FROM team WHERE address = %s", [home.split("/")[2]]).fetchone()
    assert row is not None
    return int(row[0])


def roles(database: Database, home: str) -> dict[str, str]:
    """The roles of a team's members."""
    with database.owner() as owner:
        rows = owner.execute(
            "SELECT split_part(email, '@', 1), role FROM member JOIN app_user ON id = user_id "
            "WHERE team_id = %s",
            [team_of(database, home)],
        )
        return dict(rows.fetchall())


def place(database: Database, home: str, who: str, deed: str = "") -> str:
    return f"{home}settings/members/{ids(database)[who]}{deed}"


def test_alone_one_is_told_to_invite(client: FlaskClient, home: str) -> None:
    page = client.get(f"{home}settings/members").text
    assert "You are alone here. Invite someone." in page
    assert "No invitation is waiting." in page
    assert faults(page) == []


def test_the_list_says_who_as_what_and_seen_when(
    app: Flask, client: FlaskClient, home: str, database: Database
) -> None:
    vera = join(app, home, "vera@example.com", Role.VIEWER)
    vera.post("/me/name", data={"name": "  Vera <b>  Wu "})
    page = client.get(f"{home}settings/members").text
    assert "Vera &lt;b&gt; Wu" in page
    assert "vera@example.com" in page
    assert "alone" not in page
    seen = vera.get(f"{home}settings/members").text
    assert "Only owners and admins can invite people. Ask lin@example.com." in seen
    assert 'action="' + f"{home}settings/members/invite" not in seen
    member = vera.get(place(database, home, "lin")).text
    assert "Only owners and admins can change members. Ask lin@example.com." in member
    for text in (page, seen, member):
        assert faults(text) == []


def test_a_role_holds_from_the_next_click_on(
    app: Flask, client: FlaskClient, home: str, database: Database
) -> None:
    vera = join(app, home, "vera@example.com", Role.VIEWER)
    assert vera.get(f"{home}campaigns/new").status_code == 403
    answer = client.post(place(database, home, "vera", "/role"), data={"role": "sender"})
    assert answer.status_code == 303
    assert "vera@example.com is Sender now." in client.get(answer.location).text
    assert vera.get(f"{home}campaigns/new").status_code == 200
    client.post(place(database, home, "vera", "/role"), data={"role": "viewer"})
    assert vera.get(f"{home}campaigns/new").status_code == 403


def test_a_removed_member_is_out_and_stays_signed_in_elsewhere(
    app: Flask, client: FlaskClient, home: str, database: Database
) -> None:
    vera = join(app, home, "vera@example.com", Role.ADMIN)
    other = vera.post("/teams/new", data={"name": "Green Tea"}).location
    assert vera.get(f"{home}settings/members").status_code == 200
    answer = client.post(place(database, home, "vera", "/remove"))
    assert answer.location == f"{home}settings/members"
    gone = vera.get(f"{home}settings/members")
    assert gone.status_code == 404
    assert f'href="{other}"' in gone.text, "there is a way to the other teams"
    assert "Green Tea" in gone.text
    assert vera.get(f"{other}settings/members").status_code == 200


def test_one_leaves_by_oneself(app: Flask, client: FlaskClient, home: str, database: Database) -> None:
    vera = join(app, home, "vera@example.com", Role.VIEWER)
    assert vera.post(f"{home}settings/members/leave").location == "/"
    assert vera.get("/").location == "/teams/new"
    assert roles(database, home) == {"lin": "owner"}
    page = client.get(f"{home}audit").text
    assert "vera@example.com left the team." in page


# ---- what is refused ---------------------------------------------------------------------------------


def test_the_last_owner_stays(app: Flask, client: FlaskClient, home: str, database: Database) -> None:
    join(app, home, "ann@example.com", Role.ADMIN)
    page = client.get(place(database, home, "lin")).text
    assert page.count("A team needs an owner. Make someone else owner first.") == 2
    refused = client.post(place(database, home, "lin", "/role"), data={"role": "admin"})
    assert refused.status_code == 422
    assert "A team needs an owner." in refused.text
    for deed in (place(database, home, "lin", "/remove"), f"{home}settings/members/leave"):
        assert "A team needs an owner." in client.get(client.post(deed).location).text
    assert roles(database, home) == {"lin": "owner", "ann": "admin"}
    client.post(place(database, home, "ann", "/role"), data={"role": "owner"})
    assert client.post(f"{home}settings/members/leave").location == "/"
    assert roles(database, home) == {"ann": "owner"}


@pytest.mark.parametrize("role", ["owner", "boss", "", "OWNER", "owner\u200b", "x" * 5_000])
def test_an_admin_makes_nobody_an_owner(app: Flask, home: str, database: Database, role: str) -> None:
    ann = join(app, home, "ann@example.com", Role.ADMIN)
    join(app, home, "vera@example.com", Role.VIEWER)
    before = roles(database, home)
    for whom in ("vera", "ann", "lin"):
        answer = ann.post(place(database, home, whom, "/role"), data={"role": role, "user_id": "1"})
        assert answer.status_code == 422
        assert faults(answer.text) == []
    assert ann.post(place(database, home, "lin", "/role"), data={"role": "viewer"}).status_code == 422
    ann.post(place(database, home, "lin", "/remove"))
    assert roles(database, home) == before


def test_who_may_not_manage_changes_nobody(app: Flask, home: str, database: Database) -> None:
    vera = join(app, home, "vera@example.com", Role.SENDER)
    before = roles(database, home)
    for deed, data in (("/role", {"role": "owner"}), ("/remove", {})):
        for whom in ("vera", "lin"):
            assert vera.post(place(database, home, whom, deed), data=data).status_code == 403
    assert vera.post(f"{home}settings/members/invite", data={"email": "a@b.c"}).status_code == 403
    assert roles(database, home) == before


def test_somebody_of_another_team_is_nobody_here(
    app: Flask, client: FlaskClient, home: str, database: Database
) -> None:
    sign_up(app.test_client(), "bob@example.com")
    for path, data in (("", None), ("/role", {"role": "viewer"}), ("/remove", {})):
        where = place(database, home, "bob", path)
        answer = client.get(where) if data is None else client.post(where, data=data)
        assert answer.status_code == 404


def test_two_owners_who_demote_each_other_leave_one(
    app: Flask, client: FlaskClient, home: str, database: Database
) -> None:
    join(app, home, "ann@example.com", Role.OWNER)
    known, team_id = ids(database), team_of(database, home)
    for _round in range(3):
        start, said = threading.Barrier(2), list[str]()

        def demote(by: int, whom: int) -> None:
            with app.test_request_context(), tenancy.team_scope(team_id, app) as session:
                start.wait()  # noqa: B023 # joined within the round
                try:
                    members.change_role(by, whom, Role.ADMIN)
                    session.commit()
                except DomainError as error:
                    said.append(str(error.message))  # noqa: B023 # joined within the round

        pairs = ((known["lin"], known["ann"]), (known["ann"], known["lin"]))
        threads = [threading.Thread(target=demote, args=pair) for pair in pairs]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
        assert sorted(roles(database, home).values()) == ["admin", "owner"]
        assert said == ["Only owners can change or remove an owner."]
        with database.owner() as owner:
            owner.execute("UPDATE member SET role = 'owner'")


def test_two_owners_who_leave_at_once_leave_one(
    app: Flask, client: FlaskClient, home: str, database: Database
) -> None:
    join(app, home, "ann@example.com", Role.OWNER)
    known, team_id = ids(database), team_of(database, home)
    start, said = threading.Barrier(2), list[str]()

    def leave(who: int) -> None:
        with app.test_request_context(), tenancy.team_scope(team_id, app) as session:
            start.wait()
            try:
                members.leave(who)
                session.commit()
            except DomainError as error:
                said.append(str(error.message))

    threads = [threading.Thread(target=leave, args=(known[who],)) for who in ("lin", "ann")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert list(roles(database, home).values()) == ["owner"]
    assert said == ["A team needs an owner. Make someone else owner first."]


# ---- several teams -----------------------------------------------------------------------------------


@pytest.mark.parametrize("section", ["settings/members", "audit", "campaigns", "contacts"])
def test_the_team_menu_keeps_the_section(app: Flask, client: FlaskClient, home: str, section: str) -> None:
    other = client.post("/teams/new", data={"name": "Green Tea"}).location
    answer = client.get(f"{home}{section}")
    assert f'href="{other}{section}"' in answer.text


def test_it_does_not_lead_to_a_section_that_is_closed_there(
    app: Flask, client: FlaskClient, home: str
) -> None:
    vera = join(app, home, "vera@example.com", Role.VIEWER)
    own = vera.post("/teams/new", data={"name": "Green Tea"}).location
    page = vera.get(f"{own}audit").text
    assert f'href="{home}audit"' not in page
    assert vera.get(f"{home}audit").status_code == 403


def test_a_member_page_is_in_the_section_too(client: FlaskClient, home: str, database: Database) -> None:
    page = client.get(place(database, home, "lin")).text
    assert f'<a href="{home}settings/members" aria-current="page">' in page
