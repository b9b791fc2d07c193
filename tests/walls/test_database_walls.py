"""The second wall: what the database itself refuses, asked as the role that the program uses."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, cast

import psycopg
import pytest
from flask import Flask
from sqlalchemy import CursorResult, Table, create_engine, insert, select, text, update
from sqlalchemy.exc import DBAPIError, IntegrityError, ProgrammingError

from tests.conftest import Database
from tests.factories import Person, connect_practice, make_person
from tests.practice.fixture import PracticeGateway
from webapp import clock, tenancy
from webapp.accounts.models import Member
from webapp.campaigns.models import Campaign
from webapp.extensions import db
from webapp.health import walls_check
from webapp.tenancy import ScopeError


@pytest.fixture
def alice(app: Flask) -> Person:
    return make_person(app, "alice")


@pytest.fixture
def bob(app: Flask) -> Person:
    return make_person(app, "bob")


def test_the_walls_stand(database: Database) -> None:
    engine = create_engine(database.program_url)
    with engine.connect() as connection:
        assert walls_check.faults(connection, "tidings_program") == []
    engine.dispose()


def test_a_right_on_a_partition_is_seen(database: Database) -> None:
    engine = create_engine(database.program_url)
    with database.owner() as owner:
        partition = owner.execute(
            "SELECT relname FROM pg_class WHERE relispartition AND relkind = 'r'"
        ).fetchone()
        assert partition is not None
        owner.execute(f'GRANT SELECT ON "{partition[0]}" TO tidings_program')
        try:
            with engine.connect() as connection:
                assert any(
                    partition[0] in fault for fault in walls_check.faults(connection, "tidings_program")
                )
        finally:
            owner.execute(f'REVOKE ALL ON "{partition[0]}" FROM tidings_program')
    engine.dispose()


def test_a_partition_made_later_gives_no_right(database: Database) -> None:
    """Default rights would reach partitions that nobody has looked at yet."""
    month = (clock.now() + timedelta(days=300)).date()
    engine = create_engine(database.program_url)
    try:
        with engine.connect() as connection:
            connection.execute(text("SELECT partition_ensure(:month)"), {"month": month})
            connection.commit()
            assert walls_check.faults(connection, "tidings_program") == []
    finally:
        engine.dispose()
        with database.owner() as owner:
            owner.execute(f"DROP TABLE IF EXISTS message_{month:%Y_%m}")


def test_a_team_table_without_policies_is_seen(database: Database) -> None:
    engine = create_engine(database.program_url)
    with database.owner() as owner:
        owner.execute("CREATE TABLE forgotten (team_id bigint, id bigint, PRIMARY KEY (team_id, id))")
        try:
            with engine.connect() as connection:
                assert any(
                    "forgotten" in fault for fault in walls_check.faults(connection, "tidings_program")
                )
        finally:
            owner.execute("DROP TABLE forgotten")
    engine.dispose()


# What somebody might do to the walls, and what the examination must say about it.
HOLES = [
    (
        "ALTER POLICY team_rows ON campaign USING (true OR current_setting('app.team_id') IS NULL)",
        "the policy team_rows of campaign",
    ),
    (
        "ALTER POLICY team_rows ON campaign USING (id = current_setting('app.team_id')::bigint)",
        "the policy team_rows of campaign",
    ),
    (
        "ALTER POLICY team_rows ON campaign "
        "USING (team_id = nullif(current_setting('app.team_id', true), '')::bigint)",
        "the policy team_rows of campaign",
    ),
    ("ALTER POLICY team_rows ON campaign WITH CHECK (true)", "the policy team_rows of campaign"),
    ("ALTER POLICY team_rows ON campaign TO tidings_program", "the policy team_rows of campaign"),
    (
        "DROP POLICY team_rows ON campaign; CREATE POLICY team_rows ON campaign FOR SELECT "
        "USING (team_id = current_setting('app.team_id')::bigint)",
        "the policy team_rows of campaign",
    ),
    (
        "DROP POLICY team_rows ON campaign; CREATE POLICY team_rows ON campaign AS RESTRICTIVE "
        "USING (team_id = current_setting('app.team_id')::bigint)",
        "the policy team_rows of campaign",
    ),
    ("ALTER POLICY owner_all ON campaign TO PUBLIC", "the policy owner_all of campaign"),
    ("ALTER POLICY owner_all ON campaign TO tidings_owner, tidings_program", "owner_all of campaign"),
    ("ALTER POLICY owner_all ON campaign USING (false)", "the policy owner_all of campaign"),
    ("ALTER POLICY door_all ON campaign TO tidings_door, tidings_program", "door_all of campaign"),
    ("CREATE POLICY one_more ON campaign TO tidings_program USING (true)", "nobody knows: one_more"),
    ("DROP POLICY owner_all ON campaign", "campaign has no policy for its owner"),
    ("ALTER TABLE campaign NO FORCE ROW LEVEL SECURITY", "not forced on campaign"),
    ("GRANT SELECT (team_id) ON {partition} TO tidings_program", "on the partition {partition}"),
    ("GRANT UPDATE (team_id) ON {partition} TO PUBLIC", "on the partition {partition}"),
    ("GRANT REFERENCES ON {partition} TO tidings_program", "on the partition {partition}"),
    ("GRANT TRUNCATE ON {partition} TO tidings_program", "on the partition {partition}"),
    ("GRANT pg_read_all_data TO tidings_program", "on the partition {partition}"),
    ("GRANT TRUNCATE ON campaign TO tidings_program", "campaign for which policies do not hold"),
    ("GRANT UPDATE (action) ON audit_entry TO tidings_program", "may change rows of audit_entry"),
    ("CREATE VIEW seen AS SELECT * FROM campaign; GRANT SELECT ON seen TO tidings_program", "right on seen"),
    ("GRANT EXECUTE ON FUNCTION door_teams() TO PUBLIC", "every role may call door_teams()"),
    ("GRANT EXECUTE ON FUNCTION partition_ensure(date) TO PUBLIC", "may call partition_ensure(date)"),
    ("ALTER FUNCTION door_teams() RESET search_path", "door_teams() has no fixed search path"),
    ("GRANT tidings_door TO tidings_program", "a member of tidings_door"),
    ("GRANT tidings_owner TO tidings_program", "a member of tidings_owner"),
    ("ALTER ROLE tidings_program BYPASSRLS", "may bypass row-level security"),
    ("ALTER ROLE tidings_program CREATEROLE", "may make roles"),
    ("ALTER TABLE heartbeat OWNER TO tidings_program", "tidings_program owns tables"),
    ("GRANT CREATE ON SCHEMA public TO PUBLIC", "may make functions in the schema public"),
    ("ALTER ROLE tidings_door LOGIN", "tidings_door may sign in"),
]


@pytest.mark.parametrize(("statement", "words"), HOLES, ids=[statement for statement, _words in HOLES])
def test_a_hole_is_seen(database: Database, statement: str, words: str) -> None:
    """Made and looked at in one transaction, which is then undone."""
    engine = create_engine(database.superuser_url)
    try:
        with engine.connect() as connection:
            partition = connection.scalar(
                text("SELECT min(relname) FROM pg_class WHERE relispartition AND relkind = 'r'")
            )
            assert walls_check.faults(connection, "tidings_program") == []
            connection.exec_driver_sql(statement.format(partition=partition))
            found = walls_check.faults(connection, "tidings_program")
            connection.rollback()
    finally:
        engine.dispose()
    assert any(words.format(partition=partition) in fault for fault in found), found


def test_a_query_without_a_scope_raises(app: Flask, alice: Person) -> None:
    with app.app_context():
        with pytest.raises(ScopeError):
            db.session.scalars(select(Member)).all()
        with pytest.raises(DBAPIError, match=r"app\.team_id|invalid input syntax"):
            db.session.execute(text("SELECT * FROM member"))


def test_sql_of_any_kind_sees_one_team(app: Flask, alice: Person, bob: Person) -> None:
    with tenancy.team_scope(alice.team_id, app) as session:
        assert session.execute(text("SELECT team_id FROM member")).scalars().all() == [alice.team_id]
        assert session.execute(select(Member.__table__.c.team_id)).scalars().all() == [alice.team_id]
        assert session.connection().execute(text("SELECT id FROM team")).scalars().all() == [alice.team_id]


def test_the_scope_ends_with_its_transaction(app: Flask, database: Database, alice: Person) -> None:
    with tenancy.team_scope(alice.team_id, app) as session:
        session.execute(select(Member))
        session.commit()
    with app.app_context(), pytest.raises(DBAPIError):
        db.session.execute(text("SELECT * FROM member"))


def test_a_session_cannot_change_its_team(app: Flask, alice: Person, bob: Person) -> None:
    with tenancy.team_scope(alice.team_id, app), pytest.raises(ScopeError):
        tenancy.open_scope(bob.team_id)


def test_a_row_of_another_team_cannot_be_written(app: Flask, alice: Person, bob: Person) -> None:
    row = {"team_id": bob.team_id, "user_id": alice.user_id, "role": "owner", "joined_at": clock.now()}
    with tenancy.team_scope(alice.team_id, app) as session:
        session.add(Member(team_id=bob.team_id, user_id=alice.user_id, role="owner"))
        with pytest.raises(ScopeError):
            session.flush()
    with (
        tenancy.team_scope(alice.team_id, app) as session,
        pytest.raises(ProgrammingError, match="row-level"),
    ):
        session.execute(insert(cast(Table, Member.__table__)), row)
    with tenancy.team_scope(alice.team_id, app) as session:
        changed = cast(
            CursorResult[Any], session.execute(update(cast(Table, Member.__table__)).values(role="viewer"))
        )
        assert changed.rowcount == 1


def test_a_child_cannot_hang_under_another_teams_parent(
    app: Flask, practice: PracticeGateway, alice: Person, bob: Person
) -> None:
    account = connect_practice(app, bob, practice)
    refused = pytest.raises(IntegrityError, match="fk_campaign_account")
    with tenancy.team_scope(alice.team_id, app) as session, refused:
        session.execute(
                insert(cast(Table, Campaign.__table__)).values(
                    team_id=alice.team_id, id=1, account_id=account, kind="notice", state="draft",
                    name="x", body="x", left_out={}, created_at=clock.now(),
                )
            )  # fmt: skip


def test_the_owner_changes_rows_of_every_team(
    app: Flask, database: Database, practice: PracticeGateway, alice: Person, bob: Person
) -> None:
    """A migration that changes data runs as the owner; FORCE without its policy would change nothing."""
    for person in (alice, bob):
        connect_practice(app, person, practice)
    with database.owner() as owner:
        assert owner.execute("UPDATE gateway_account SET label = label").rowcount == 2


def test_audit_rows_are_only_added(app: Flask, database: Database, alice: Person) -> None:
    with database.program() as program:
        program.execute("SELECT set_config('app.team_id', %s, false)", [str(alice.team_id)])
        for statement in (
            "UPDATE audit_entry SET action = 'x'",
            "DELETE FROM audit_entry",
            "DELETE FROM access_entry",
        ):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                program.execute(statement)


def test_the_program_cannot_make_itself_the_door(database: Database) -> None:
    with database.program() as program, pytest.raises(psycopg.errors.InsufficientPrivilege):
        program.execute("SET ROLE tidings_door")


def test_a_role_that_is_not_ours_comes_nowhere(database: Database) -> None:
    """The tests' databases have the rights of the program's own, not PostgreSQL's generous ones."""
    with database.owner() as owner:
        assert owner.execute(
            "SELECT has_database_privilege('public', current_database(), 'CONNECT, TEMPORARY'), "
            "has_schema_privilege('public', 'public', 'USAGE, CREATE')"
        ).fetchone() == (False, False)
