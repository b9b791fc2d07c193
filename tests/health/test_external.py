"""A PostgreSQL of one's own: what docs/operations.md tells to run is enough, and what is missing is told."""

from __future__ import annotations

import os
import re
import secrets
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy import Connection, create_engine

from tests.conftest import Database, new_database
from webapp import schema, walls
from webapp.connections import conninfo
from webapp.embedded import Cluster
from webapp.settings import SettingsError

ROOT = Path(__file__).parents[2]
Base = psycopg.Connection[tuple[Any, ...]]


def statements(block: int) -> list[str]:
    """The statements of one block of SQL in docs/operations.md."""
    text = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    found = re.findall(r"```sql\n(.*?)```", text, re.DOTALL)
    return [line.rstrip(";") for line in found[block].strip().splitlines()]


@pytest.fixture
def superuser(cluster: Cluster) -> Iterator[Base]:
    with psycopg.connect(conninfo(cluster.superuser_url), autocommit=True) as connection:
        yield connection


@pytest.fixture
def own(cluster: Cluster, superuser: Base) -> Iterator[dict[str, str]]:
    """The settings of a database made by the book, under names of its own (the door's is fixed)."""
    tail = secrets.token_hex(4)
    names = {"tidings_owner": f"owner {tail}", "tidings_program": f"Program-{tail}", "tidings": f"own_{tail}"}

    def renamed(statement: str) -> str:
        return re.sub(
            r"\b(tidings_owner|tidings_program|tidings)\b", lambda found: f'"{names[found[1]]}"', statement
        )

    place, options = cluster.superuser_url.split("?", 1)
    there = f"postgresql+psycopg://{{}}@/{names['tidings']}?{options}"
    try:
        for statement in statements(0):
            if "CREATE ROLE tidings_door" not in statement:  # roles belong to the whole server: it is there
                superuser.execute(renamed(statement))
        admin = place.split("://")[1].rsplit("@", 1)[0]
        with psycopg.connect(conninfo(there.format(admin)), autocommit=True) as connection:
            for statement in statements(1):
                connection.execute(renamed(statement))
        yield {
            "DATABASE_URL": there.format(f"{names['tidings_program']}:choose-another"),
            "DATABASE_OWNER_URL": there.format(f"{names['tidings_owner'].replace(' ', '%20')}:choose-one"),
        }
    finally:
        superuser.execute(f'DROP DATABASE IF EXISTS "{names["tidings"]}" WITH (FORCE)')
        for role in ("tidings_owner", "tidings_program"):
            superuser.execute(f'DROP ROLE IF EXISTS "{names[role]}"')


def command(name: str, environ: dict[str, str], folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "webapp", name], capture_output=True, text=True, timeout=60,
        env={**os.environ, **environ, "TIDINGS_INSTANCE": str(folder)},
    )  # fmt: skip


def test_what_the_book_says_is_enough(own: dict[str, str], tmp_path: Path) -> None:
    for _again in range(2):
        migrated = command("migrate", own, tmp_path)
        assert (migrated.returncode, migrated.stderr) == (0, "")
    said = command("doctor", {"DATABASE_URL": own["DATABASE_URL"]}, tmp_path).stdout.splitlines()
    assert any(line.startswith("ok   the database of DATABASE_URL: PostgreSQL") for line in said)
    assert f"ok   the tables are at revision {schema.head()}, as this program wants them" in said
    assert any(line.startswith("ok   walls between teams") for line in said)
    # No worker was ever started here; nothing else is wrong.
    assert [line for line in said if line.startswith("BAD") and "worker" not in line] == []


def test_without_the_owner_there_is_no_migrating(own: dict[str, str], tmp_path: Path) -> None:
    ended = command("migrate", {"DATABASE_URL": own["DATABASE_URL"]}, tmp_path)
    assert ended.returncode == 2
    assert "DATABASE_OWNER_URL is not set" in ended.stderr


def test_a_database_that_is_away_is_a_sentence(tmp_path: Path) -> None:
    environ = {
        "DATABASE_URL": "postgresql://p:quince@127.0.0.1:1/x",
        "DATABASE_OWNER_URL": "postgresql://o:quince@127.0.0.1:1/x",
    }
    ended = command("migrate", environ, tmp_path)
    assert ended.returncode == 2
    assert "The database cannot be used" in ended.stderr
    assert "Traceback" not in ended.stderr
    assert "quince" not in ended.stderr


@pytest.fixture
def bare(cluster: Cluster) -> Iterator[Database]:
    """A database that was never migrated."""
    with new_database(cluster) as made:
        yield made


@pytest.fixture
def as_other(bare: Database, superuser: Base) -> Iterator[tuple[str, Connection]]:
    """A role that is nothing yet, and a connection of its to a bare database."""
    role = f"other_{secrets.token_hex(4)}"
    superuser.execute(f"CREATE ROLE {role} LOGIN PASSWORD 'x'")
    place, options = bare.superuser_url.split("?", 1)
    engine = create_engine(f"postgresql+psycopg://{role}:x@/{place.rsplit('/', 1)[1]}?{options}")
    name = place.rsplit("/", 1)[1]
    superuser.execute(f'GRANT CONNECT ON DATABASE "{name}" TO {role}')
    try:
        with engine.connect() as connection:
            yield role, connection
    finally:
        engine.dispose()
        superuser.execute(f'REVOKE ALL ON DATABASE "{name}" FROM {role}')
        superuser.execute(f"DROP ROLE {role}")


Other = tuple[str, Connection]


def told(sentence: str) -> str:
    """The statement that a sentence tells an administrator to run."""
    return sentence.split("must run", 1)[1].split(": ", 1)[1]


def test_an_owner_who_is_no_member_of_the_door(as_other: Other, superuser: Base) -> None:
    role, connection = as_other
    with pytest.raises(SettingsError, match=f"{role} is no full member") as caught:
        walls.ensure_door(connection)
    superuser.execute(told(str(caught.value)))
    walls.ensure_door(connection)


def test_a_member_who_cannot_take_the_role_on(as_other: Other, superuser: Base) -> None:
    role, connection = as_other
    if superuser.info.server_version < 160000:
        pytest.skip("a membership has no options of its own before PostgreSQL 16")
    superuser.execute(f"GRANT tidings_door TO {role} WITH INHERIT TRUE, SET FALSE")
    with pytest.raises(SettingsError, match="is no full member") as caught:
        walls.ensure_door(connection)
    superuser.execute(told(str(caught.value)))
    walls.ensure_door(connection)


def test_a_door_that_is_missing_and_cannot_be_made(
    as_other: Other, superuser: Base, monkeypatch: pytest.MonkeyPatch
) -> None:
    role, connection = as_other
    monkeypatch.setattr(walls, "DOOR", f"door_{role}")
    with pytest.raises(SettingsError, match=f"door_{role} is not there") as caught:
        walls.ensure_door(connection)
    try:
        for statement in filter(None, (part.strip() for part in told(str(caught.value)).split(";"))):
            superuser.execute(statement)
        walls.ensure_door(connection)
    finally:
        superuser.execute(f"DROP ROLE IF EXISTS door_{role}")


def test_a_door_that_is_missing_is_made_by_who_may(
    as_other: Other, superuser: Base, monkeypatch: pytest.MonkeyPatch
) -> None:
    role, connection = as_other
    superuser.execute(f"ALTER ROLE {role} CREATEROLE")
    monkeypatch.setattr(walls, "DOOR", f"door_{role}")
    walls.ensure_door(connection)
    walls.ensure_door(connection)
    connection.rollback()


def test_an_owner_who_does_not_own_the_schema(as_other: Other, bare: Database, superuser: Base) -> None:
    role, connection = as_other
    with pytest.raises(SettingsError, match=f"{role} does not own the schema public") as caught:
        walls.check_owner(connection, "tidings_program")
    with psycopg.connect(conninfo(bare.superuser_url), autocommit=True) as there:
        there.execute(told(str(caught.value)))
        walls.check_owner(connection, "tidings_program")
        connection.rollback()
        there.execute("ALTER SCHEMA public OWNER TO pg_database_owner")


def test_a_program_that_is_not_there_or_the_owner(bare: Database) -> None:
    with pytest.raises(SettingsError, match='CREATE ROLE "No One" LOGIN'):
        schema.upgrade(bare.owner_url, bare.program_url.replace("tidings_program", "No%20One"))
    with pytest.raises(SettingsError, match="both name the role tidings_owner"):
        schema.upgrade(bare.owner_url, bare.owner_url)


def test_rights_are_given_on_our_own_tables_alone(bare: Database) -> None:
    with psycopg.connect(conninfo(bare.superuser_url), autocommit=True) as superuser:
        superuser.execute("CREATE TABLE not_ours (id bigserial)")
    schema.upgrade(bare.owner_url, bare.program_url)
    with bare.program() as program:
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            program.execute("SELECT * FROM not_ours")
        assert program.execute("SELECT count(*) FROM heartbeat").fetchone() == (0,)


def test_tables_of_an_unknown_revision_are_a_sentence(bare: Database) -> None:
    with bare.owner() as owner:
        owner.execute("CREATE TABLE alembic_version (version_num varchar(32) PRIMARY KEY)")
        owner.execute("INSERT INTO alembic_version VALUES ('9999')")
    with pytest.raises(SettingsError, match="9999"):
        schema.upgrade(bare.owner_url, bare.program_url)
