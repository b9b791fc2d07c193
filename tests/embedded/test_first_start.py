"""A database is made where there was none: encoding, roles, rights, passwords; whatever the path."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest
import sqlalchemy as sa

from tests.embedded.conftest import HOLD, ask, remove_sockets, run, told
from webapp import embedded, embedded_binaries, embedded_cluster
from webapp.embedded_binaries import candidates
from webapp.embedded_place import LONGEST_SOCKET

FOUND = list(candidates())
#: What every cluster must be, whichever PostgreSQL made it.
NATURE = """SELECT current_setting('server_encoding'), datcollate, datctype, current_setting('TimeZone'),
    upper('é') FROM pg_database WHERE datname = current_database()"""
RIGHT_NATURE = ("UTF8", "C.UTF-8", "C.UTF-8", "UTC", "É")


@pytest.fixture(params=FOUND, ids=[f"{found.version} in {found.folder.parent.name}" for found in FOUND])
def each_postgresql(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    """Each PostgreSQL that this machine has, in turn the only one."""
    monkeypatch.setattr(embedded_binaries, "candidates", lambda: iter([request.param]))
    return int(request.param.version)


def test_encoding_roles_and_rights(instance: Path, each_postgresql: int) -> None:
    with embedded.start_for(instance) as cluster:
        assert cluster.version == each_postgresql
        assert ask(cluster.conninfo("superuser"), NATURE) == RIGHT_NATURE
        roles = """SELECT string_agg(format('%s %s %s %s', rolname, rolcanlogin, rolsuper, rolbypassrls), ', '
            ORDER BY rolname) FROM pg_roles WHERE rolname LIKE 'tidings%'"""
        assert ask(cluster.conninfo("superuser"), roles) == (
            "tidings_door f f f, tidings_owner t f f, tidings_program t f f",
        )
        assert ask(
            cluster.conninfo("owner"),
            "SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = 'tidings'",
        ) == ("tidings_owner",)
        run(cluster.conninfo("program"), "CREATE TEMPORARY TABLE staged (id bigint)")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            run(cluster.conninfo("program"), "CREATE TABLE mine (id bigint)")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            run(cluster.conninfo("program"), "SET ROLE tidings_door")


def test_a_migration_hands_a_function_to_the_door(instance: Path, each_postgresql: int) -> None:
    with embedded.start_for(instance) as cluster:
        run(
            cluster.conninfo("owner"),
            "CREATE FUNCTION ids() RETURNS text LANGUAGE sql SECURITY DEFINER AS 'SELECT current_user::text'",
            "GRANT CREATE ON SCHEMA public TO tidings_door",
            "ALTER FUNCTION ids() OWNER TO tidings_door",
            "REVOKE CREATE ON SCHEMA public FROM tidings_door",
            "REVOKE ALL ON FUNCTION ids() FROM PUBLIC",
            "GRANT EXECUTE ON FUNCTION ids() TO tidings_program",
        )
        assert ask(cluster.conninfo("program"), "SELECT ids()") == ("tidings_door",)
        assert ask(
            cluster.conninfo("superuser"), "SELECT has_schema_privilege('tidings_door', 'public', 'CREATE')"
        ) == (False,)
        run(cluster.conninfo("owner"), "DROP FUNCTION ids()")


def test_the_addresses_serve_sqlalchemy(instance: Path) -> None:
    with embedded.start_for(instance) as cluster:
        for url, user in (
            (cluster.program_url, "tidings_program"),
            (cluster.owner_url, "tidings_owner"),
            (cluster.superuser_url, "postgres"),
        ):
            engine = sa.create_engine(url)
            with engine.connect() as connection:
                assert connection.scalar(sa.text("SELECT current_user")) == user
            engine.dispose()


def test_a_wrong_password_is_refused(instance: Path) -> None:
    with embedded.start_for(instance) as cluster:
        conninfo = cluster.conninfo("program").replace(cluster.passwords["program"], "guessed")
        with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
            ask(conninfo, "SELECT 1")


def test_secrets_are_private_and_never_shown(instance: Path) -> None:
    cluster = embedded.prepare(instance)
    assert stat.S_IMODE((instance / "postgres.json").stat().st_mode) == 0o600
    assert stat.S_IMODE(cluster.data.stat().st_mode) == 0o700
    assert stat.S_IMODE(cluster.socket_dir.stat().st_mode) == 0o700
    assert not any(password in repr(cluster) for password in cluster.passwords.values())


@pytest.mark.parametrize("name", ["n" * 120, "with, comma", 'it\'s "quoted" \\ and %20 é 号'])
def test_awkward_paths(tmp_path: Path, name: str) -> None:
    folder = tmp_path / name
    try:
        with embedded.start_for(folder) as cluster:
            assert len(os.fsencode(cluster.socket_dir / ".s.PGSQL.5432")) <= LONGEST_SOCKET
            assert ask(cluster.conninfo("program"), "SELECT 1") == (1,)
            engine = sa.create_engine(cluster.program_url)
            with engine.connect() as connection:
                assert connection.scalar(sa.text("SELECT 1")) == 1
            engine.dispose()
            outside = cluster.socket_dir
        assert outside.is_relative_to(folder) or not outside.exists()
    finally:
        remove_sockets(folder)


def test_without_a_language_in_the_environment(instance: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, HOLD, "start", str(instance)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={"PATH": os.defpath},
    )
    try:
        assert ask(told(process)["conninfo"], NATURE) == RIGHT_NATURE
    finally:
        process.communicate("")
    assert process.returncode == 0


def test_the_second_time_nothing_is_made(instance: Path) -> None:
    embedded.prepare(instance)
    before = {path: path.stat().st_mtime_ns for path in (instance / "postgres.json", instance / "postgres")}
    embedded.prepare(instance)
    assert before == {path: path.stat().st_mtime_ns for path in before}
    assert not (instance / "postgres" / "postmaster.pid").exists()


@pytest.mark.parametrize("left", [None, "{", '{"owner": "x"}'])
def test_lost_passwords_are_made_anew(instance: Path, left: str | None) -> None:
    old = embedded.prepare(instance).passwords
    if left is None:
        (instance / "postgres.json").unlink()
    else:
        (instance / "postgres.json").write_text(left)
    new = embedded.prepare(instance)
    assert new.passwords["program"] != old["program"]
    assert json.loads((instance / "postgres.json").read_text()) == new.passwords
    with embedded.start_for(instance) as cluster:
        assert ask(cluster.conninfo("program"), "SELECT 1") == (1,)


def test_a_first_start_that_was_cut_short_is_begun_again(
    instance: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def cut(*_arguments: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(embedded_cluster, "_single_user", cut)
        with pytest.raises(KeyboardInterrupt):
            embedded.prepare(instance)
    assert (instance / "postgres.new").exists()
    assert not (instance / "postgres").exists()
    with embedded.start_for(instance) as cluster:
        assert ask(cluster.conninfo("program"), "SELECT 1") == (1,)
    assert not (instance / "postgres.new").exists()
