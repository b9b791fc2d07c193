"""A backup, restored elsewhere, is what it was made of: every row, and a program that works on it."""

from __future__ import annotations

import stat
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import create_engine, pool

from tests.campaigns.running import batches_of, campaign_of, sender
from tests.conftest import Database
from tests.factories import confirm, numbers, sign_in
from tests.keeping.conftest import Team
from tests.practice.fixture import wait_until
from webapp import clock, create_app, schema, tenancy
from webapp.campaigns import recounting
from webapp.campaigns.reaper import give_up_asking, reap
from webapp.connections import conninfo
from webapp.delivery import settling
from webapp.extensions import db
from webapp.health import walls_check
from webapp.keeping.backup import back_up, kept
from webapp.keeping.restore import restore
from webapp.sealing import KeyRing, seal
from webapp.settings import Settings, settings_of

# What a restore changes on purpose: nothing in it may go on by itself.
HELD = {
    "campaign": {"paused_by_machine", "paused_at"},
    "batch": {"wake_at", "lease_until"},
    "attempt": {"outcome", "why", "finished_at"},
}


def rows_of(database: Database) -> dict[str, list[dict[str, Any]]]:
    """Every row of every table, but for what is changed on purpose."""
    with database.owner() as owner:
        tables = [
            name
            for (name,) in owner.execute(
                "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace "
                "AND relkind IN ('r', 'p') AND NOT relispartition ORDER BY 1"
            )
        ]
        found = {}
        for table in filter(kept, tables):
            (rows,) = owner.execute(
                f"SELECT coalesce(json_agg(to_jsonb(t) ORDER BY t::text), '[]') FROM {table} AS t"
            ).fetchone() or ([],)
            found[table] = sorted(
                ({name: row[name] for name in row.keys() - HELD.get(table, set())} for row in rows), key=repr
            )
    return found


def count(database: Database, statement: str) -> int:
    with database.owner() as owner:
        (row,) = owner.execute(statement).fetchall()
    return int(row[0])


def program_on(database: Database, settings: Settings) -> Flask:
    """The application on another database, with the same keys."""
    environ = {
        **database.environ(),
        "TIDINGS_INSTANCE": str(settings.instance),
        "TIDINGS_PRACTICE": "on",
        "TIDINGS_PRACTICE_BIND": str(settings.practice_bind),
        "TIDINGS_SIGNUP": "open",
        "TIDINGS_PUBLIC_URL": "http://localhost",
    }
    return create_app(Settings.from_environ(environ), TESTING=True, WTF_CSRF_ENABLED=False)


@pytest.fixture
def moved(
    team: Team, empty: Database, elsewhere: Database, file: Path, ring: KeyRing, settings: Settings
) -> Any:
    """The application on the restored copy."""
    back_up(conninfo(empty.owner_url), file, ring)
    restore(elsewhere.owner_url, elsewhere.program_url, file, ring)
    application = program_on(elsewhere, settings)
    yield application
    with application.app_context():
        db.engine.dispose()


def test_every_row_comes_back(
    team: Team, empty: Database, elsewhere: Database, file: Path, ring: KeyRing
) -> None:
    before = rows_of(empty)
    manifest, size = back_up(conninfo(empty.owner_url), file, ring)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert file.stat().st_size == size
    assert [path.name for path in file.parent.iterdir()] == [file.name]
    done = restore(elsewhere.owner_url, elsewhere.program_url, file, ring)
    after = rows_of(elsewhere)
    added = [row for row in after["audit_entry"] if row not in before["audit_entry"]]
    assert {(row["action"], row["details"]["why"]) for row in added} == {
        ("campaign.paused_by_machine", "restored")
    }
    after["audit_entry"] = [row for row in after["audit_entry"] if row not in added]
    assert after == before
    assert len(before["message"]) == 38
    assert {name: table.rows for name, table in manifest.tables.items()} == done.rows
    assert done.rows == {name: len(rows) for name, rows in before.items()}


def test_the_copy_is_walled_and_signs_nobody_in(
    app: Flask, team: Team, empty: Database, elsewhere: Database, file: Path, ring: KeyRing
) -> None:
    sign_in(app, team.person)
    assert count(empty, "SELECT count(*) FROM login_session") == 1
    back_up(conninfo(empty.owner_url), file, ring)
    restore(elsewhere.owner_url, elsewhere.program_url, file, ring)
    assert count(elsewhere, "SELECT count(*) FROM login_session") == 0
    assert count(elsewhere, "SELECT count(*) FROM procrastinate_jobs") == 0
    engine = create_engine(elsewhere.superuser_url, poolclass=pool.NullPool)
    with engine.connect() as connection:
        assert list(walls_check.faults(connection, "tidings_program")) == []


def test_nothing_of_the_copy_is_sent_by_itself(moved: Flask, team: Team, practice: Any) -> None:
    posted = len(practice.submissions())
    states = {"paused": "ready", "ready": "ready", "inflight": "sending", "hold": "sending"}
    for name, state in states.items():
        campaign = campaign_of(moved, team.person, getattr(team, name))
        assert (name, campaign.state, campaign.paused_by_machine) == (name, state, "restored")
    assert campaign_of(moved, team.person, team.accepted).paused_by_machine is None
    with tenancy.team_scope(team.person.team_id, moved) as session:
        assert reap(clock.now(), settings_of(moved).times) == 1
        session.commit()
        give_up_asking(clock.now(), settings_of(moved).times)
        session.commit()
        assert recounting.differences() == []
    for name in ("inflight", "hold"):
        (batch,) = batches_of(moved, team.person, getattr(team, name))
        assert (batch.state, batch.wake_at) == ("unconfirmed", None)
    assert campaign_of(moved, team.person, team.inflight).unconfirmed == 6
    assert len(practice.submissions()) == posted


def test_the_page_says_why_and_a_person_lets_it_go_on(moved: Flask, team: Team, practice: Any) -> None:
    browser = sign_in(moved, team.person)
    place = f"/t/{team.person.team}/campaigns/{team.ready}"
    page = browser.get(place).text
    assert "These data come from a backup." in page
    assert 'id="resume"' in page
    assert "Paused" in browser.get(f"/t/{team.person.team}/campaigns").text
    assert browser.post(f"{place}/resume").status_code == 303
    with sender(moved):
        wait_until(lambda: campaign_of(moved, team.person, team.ready).state == "waiting_for_reports")
    assert sum("13500003000" in str(line) for line in practice.submissions()) == 1


def test_the_copy_sends_and_hears(moved: Flask, team: Team, elsewhere: Database) -> None:
    fresh = confirm(moved, team.person, team.account, numbers(7, 13_500_008_000))
    with sender(moved):
        wait_until(lambda: campaign_of(moved, team.person, fresh).state == "waiting_for_reports")
    for campaign_id, mobile in ((fresh, "13500008001"), (team.accepted, "13500000001")):
        with elsewhere.owner() as owner:
            owner.execute(
                "INSERT INTO report_inbox (team_id, account_id, received_at, msgid, mobile, status, "
                "time_text) SELECT team_id, account_id, now(), msgid, %s, 'DELIVRD', '' FROM gateway_message "
                "WHERE campaign_id = %s",
                (mobile, campaign_id),
            )
        with tenancy.team_scope(team.person.team_id, moved) as session:
            assert settling.settle(team.person.team_id) == 1
            session.commit()
        assert campaign_of(moved, team.person, campaign_id).delivered == 1


def test_a_backup_of_an_older_month_and_revision_comes_up_to_date(
    elsewhere: Database, empty: Database, file: Path, ring: KeyRing
) -> None:
    """Made by an earlier program, whose tables were fewer, in a month that no partition is made for now."""
    with schema.transaction(elsewhere.owner_url) as connection:
        schema.upgrade_on(connection, elsewhere.program_url, to="0005")
    with elsewhere.owner() as owner:
        owner.execute(
            "CREATE TABLE message_2021_02 PARTITION OF message "
            f"FOR VALUES FROM ({34_214_400_000 << 22}) TO ({36_633_600_000 << 22})"
        )
        owner.execute("INSERT INTO team (id, address, name, created_at) VALUES (1, 'abcdefgh', 'Old', now())")
        owner.execute(
            "INSERT INTO gateway_account (team_id, id, label, gateway, sealed_uid, sealed_pwd, set_at, "
            "fingerprint, state_at, created_at) VALUES (1, 2, 'A', 'main', %s, %s, now(), %s, now(), now())",
            (seal(ring, 1, 2, "uid", "u"), seal(ring, 1, 2, "pwd", "p"), bytes(32)),
        )
        owner.execute(
            "INSERT INTO campaign (team_id, id, account_id, kind, state, name, body, created_at, recipients, "
            "waiting) VALUES (1, %s, 2, 'notice', 'sending', 'C', 'x', now(), 1, 1)",
            (35_000_000_000 << 22,),
        )
        owner.execute(
            "INSERT INTO message (team_id, campaign_id, mobile, batch_no) VALUES (1, %s, '13800138000', 1)",
            (35_000_000_000 << 22,),
        )
    manifest, _size = back_up(conninfo(elsewhere.owner_url), file, ring)
    assert (manifest.revision, "message_2021_02" in manifest.partitions) == ("0005", True)
    done = restore(elsewhere.owner_url, elsewhere.program_url, file, ring, replace=True)
    assert done.paused == 1
    assert count(elsewhere, "SELECT count(*) FROM message_2021_02") == 1
    assert count(elsewhere, "SELECT count(*) FROM contact") == 0
    with elsewhere.owner() as owner:
        assert owner.execute("SELECT version_num FROM alembic_version").fetchall() == [(schema.head(),)]
