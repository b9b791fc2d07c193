"""Teams: a second one, their settings, and the log of what was done in them."""

from __future__ import annotations

import psycopg
import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests.accounts.people import PASSWORD, join, sign_in, sign_up
from tests.conftest import Database
from tests.ui.markup import faults
from webapp import tenancy
from webapp.accounts.audit import access, audit
from webapp.accounts.models import Team
from webapp.accounts.permissions import Role
from webapp.extensions import db

GENERAL = {"name": "Green Tea", "time_zone": "Europe/Berlin", "delay_seconds": "30"}


def test_a_second_team_is_made_and_gone_back_to(client: FlaskClient, database: Database) -> None:
    first = sign_up(client, "lin@example.com")
    second = client.post("/teams/new", data={"name": "  Green   Tea "}).headers["Location"]
    assert second != first
    client.get(second)
    assert client.get("/").headers["Location"] == second
    client.get(first)
    assert client.get("/").headers["Location"] == first
    with database.owner() as owner:
        assert owner.execute("SELECT name FROM team ORDER BY id").fetchall() == [
            ("lin's team",),
            ("Green Tea",),
        ]
        assert owner.execute("SELECT role FROM member").fetchall() == [("owner",), ("owner",)]


def test_the_page_names_all_my_teams_and_no_other(app: Flask, client: FlaskClient) -> None:
    home = sign_up(client, "lin@example.com")
    client.post("/teams/new", data={"name": "Green Tea"})
    other = app.test_client()
    sign_up(other, "bob@example.com")
    page = client.get(f"{home}settings/general").text
    assert "Green Tea" in page
    assert "bob" not in page


@pytest.mark.parametrize("name", ["", "   ", "x" * 81, "a\u202eb", "a\u0007b"])
def test_a_team_needs_a_name_that_can_be_read(client: FlaskClient, name: str, database: Database) -> None:
    home = sign_up(client, "lin@example.com")
    assert client.post("/teams/new", data={"name": name}).status_code == 422
    assert client.post(f"{home}settings/general", data={**GENERAL, "name": name}).status_code == 422
    with database.owner() as owner:
        assert owner.execute("SELECT name FROM team").fetchall() == [("lin's team",)]


def test_settings_are_saved_and_told(client: FlaskClient, database: Database) -> None:
    home = sign_up(client, "lin@example.com")
    answer = client.post(f"{home}settings/general", data=GENERAL)
    assert (answer.status_code, answer.headers["Location"]) == (303, f"{home}settings/general")
    page = client.get(answer.headers["Location"]).text
    assert "The settings are saved." in page
    assert 'value="Green Tea"' in page
    client.post(f"{home}settings/general", data=GENERAL)
    with database.owner() as owner:
        rows = owner.execute("SELECT action, details FROM audit_entry ORDER BY id").fetchall()
    assert rows == [
        ("team.created", {"name": "lin's team"}),
        ("team.changed", {"name": "Green Tea", "time_zone": "Europe/Berlin", "delay_seconds": 30}),
    ]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("time_zone", "Mars/Olympus"),
        ("time_zone", "../../etc/passwd"),
        ("time_zone", ""),
        ("delay_seconds", ""),
        ("delay_seconds", "-1"),
        ("delay_seconds", "3601"),
        ("delay_seconds", "1e3"),
        ("delay_seconds", "9" * 5_000),
        ("delay_seconds", "ten"),
    ],
)
def test_bad_settings_change_nothing(client: FlaskClient, database: Database, field: str, value: str) -> None:
    home = sign_up(client, "lin@example.com")
    assert client.post(f"{home}settings/general", data={**GENERAL, field: value}).status_code == 422
    with database.owner() as owner:
        row = owner.execute("SELECT name, time_zone, delay_seconds FROM team").fetchone()
    assert row == ("lin's team", "Asia/Shanghai", 10)


def test_extra_fields_change_no_other_team(app: Flask, client: FlaskClient, database: Database) -> None:
    home = sign_up(client, "lin@example.com")
    other = sign_up(app.test_client(), "bob@example.com")
    address = other.split("/")[2]
    with database.owner() as owner:
        row = owner.execute("SELECT id FROM team WHERE address = %s", [address]).fetchone()
    assert row is not None
    extra = {"id": str(row[0]), "team_id": str(row[0]), "team": address, "address": address, "role": "viewer"}
    client.post(f"{home}settings/general", data={**GENERAL, **extra})
    client.post("/teams/new", data={"name": "Third", **extra})
    with database.owner() as owner:
        assert owner.execute("SELECT name FROM team WHERE address = %s", [address]).fetchone() == (
            "bob's team",
        )
        assert owner.execute("SELECT DISTINCT role FROM member").fetchall() == [("owner",)]
        assert owner.execute("SELECT count(*) FROM team").fetchone() == (3,)


def test_somebody_in_no_team_makes_one(client: FlaskClient, database: Database) -> None:
    sign_up(client, "lin@example.com")
    with database.owner() as owner:
        owner.execute("DELETE FROM team")
    assert client.get("/").headers["Location"] == "/teams/new"
    assert client.get("/teams/new").status_code == 200
    assert client.post("/teams/new", data={"name": "Green Tea"}).status_code == 303
    assert client.get("/").headers["Location"].startswith("/t/")


def test_markup_in_a_name_stays_text(client: FlaskClient) -> None:
    home = sign_up(client, "lin@example.com")
    client.post(f"{home}settings/general", data={**GENERAL, "name": "<img src=x onerror=1>"})
    page = client.get(f"{home}settings/general").text
    assert "<img src=x" not in page
    assert "&lt;img src=x onerror=1&gt;" in page


def test_a_member_sees_the_team_at_once_and_no_longer_once_removed(
    app: Flask, client: FlaskClient, database: Database
) -> None:
    home = sign_up(client, "lin@example.com")
    vera = join(app, home, "vera@example.com", Role.VIEWER)
    assert vera.get("/").headers["Location"] == home
    with database.owner() as owner:
        owner.execute("DELETE FROM member WHERE role = 'viewer'")
    assert vera.get(home).status_code == 404


# ---- the two logs ------------------------------------------------------------------------------------


@pytest.mark.parametrize("table", ["audit_entry", "access_entry"])
@pytest.mark.parametrize("deed", ["UPDATE {} SET address = 'x'", "DELETE FROM {}", "TRUNCATE {}"])
def test_the_programs_role_cannot_change_or_remove_an_entry(
    client: FlaskClient, database: Database, table: str, deed: str
) -> None:
    sign_up(client, "lin@example.com")
    with database.owner() as owner:
        row = owner.execute("SELECT id FROM team").fetchone()
    assert row is not None
    with database.program() as program:
        program.execute("SELECT set_config('app.team_id', %s, false)", [str(row[0])])
        counted = program.execute(f"SELECT count(*) FROM {table}").fetchone()
        assert counted == (1,)
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            program.execute(deed.format(table))


def test_a_job_is_noted_as_a_job(app: Flask, client: FlaskClient, database: Database) -> None:
    sign_up(client, "lin@example.com")
    with database.owner() as owner:
        row = owner.execute("SELECT id FROM team").fetchone()
    assert row is not None
    with tenancy.team_scope(row[0], app) as session:
        audit("campaign.paused", "campaign", 7, reason="the gateway said no", people=3)
        session.commit()
    with database.owner() as owner:
        entry = owner.execute(
            "SELECT user_id, address, object_kind, object_id, details FROM audit_entry WHERE object_id = 7"
        ).fetchone()
    assert entry == (None, "job", "campaign", 7, {"reason": "the gateway said no", "people": 3})


def test_an_entry_without_a_team_is_a_fault(app: Flask) -> None:
    with app.app_context():
        with pytest.raises(tenancy.ScopeError):
            audit("team.changed")
        access("signed_in", None)
        db.session.rollback()


def test_a_teams_row_is_not_seen_from_another_team(
    app: Flask, client: FlaskClient, database: Database
) -> None:
    sign_up(client, "lin@example.com")
    sign_up(app.test_client(), "bob@example.com")
    with database.owner() as owner:
        ids = [team_id for (team_id,) in owner.execute("SELECT id FROM team ORDER BY id")]
    with tenancy.team_scope(ids[0], app) as session:
        assert session.get(Team, ids[1]) is None
        assert session.get(Team, ids[0]) is not None
    assert sign_in(client, "bob@example.com", PASSWORD).status_code == 303


HOURS = {"marketing_from": "09:00", "marketing_until": "20:00", "notice_from": "", "notice_until": ""}


def test_sending_hours_are_saved_and_told(client: FlaskClient, database: Database) -> None:
    home = sign_up(client, "lin@example.com")
    page = client.get(f"{home}settings/general").text
    assert 'value="08:30"' in page
    assert 'value="20:30"' in page
    answer = client.post(f"{home}settings/hours", data=HOURS)
    assert (answer.status_code, answer.headers["Location"]) == (303, f"{home}settings/general")
    client.post(f"{home}settings/hours", data=HOURS)
    more = {**HOURS, "notice_from": "07:00:00", "notice_until": "22:15"}
    client.post(f"{home}settings/hours", data=more)
    with database.owner() as owner:
        rows = owner.execute(
            "SELECT details FROM audit_entry WHERE action = 'team.changed' ORDER BY id"
        ).fetchall()
        kept = owner.execute(
            "SELECT marketing_from::text, marketing_until::text, notice_from::text, notice_until::text "
            "FROM team"
        ).fetchone()
    assert rows == [
        ({"marketing_from": "09:00", "marketing_until": "20:00"},),
        ({"notice_from": "07:00", "notice_until": "22:15"},),
    ]
    assert kept == ("09:00:00", "20:00:00", "07:00:00", "22:15:00")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"marketing_from": ""}, "Enter a time of day."),
        ({"marketing_from": "8.30"}, "Write a time of day like 08:30."),
        ({"marketing_until": "24:00"}, "Write a time of day like 08:30."),
        ({"marketing_until": "09:00"}, "must end later"),
        ({"marketing_from": "21:00", "marketing_until": "06:00"}, "must end later"),
        ({"notice_from": "08:00"}, "Give both times for notices"),
        ({"notice_until": "08:00"}, "Give both times for notices"),
        ({"notice_from": "20:00", "notice_until": "08:00"}, "must end later"),
        ({"notice_from": "x" * 5_000, "notice_until": "08:00"}, "Write a time of day like 08:30."),
    ],
)
def test_bad_sending_hours_change_nothing(
    client: FlaskClient, database: Database, change: dict[str, str], words: str
) -> None:
    home = sign_up(client, "lin@example.com")
    answer = client.post(f"{home}settings/hours", data={**HOURS, **change})
    assert answer.status_code == 422
    assert words in answer.text
    assert faults(answer.text) == []
    with database.owner() as owner:
        row = owner.execute("SELECT marketing_from::text, notice_from, notice_until FROM team").fetchone()
    assert row == ("08:30:00", None, None)
