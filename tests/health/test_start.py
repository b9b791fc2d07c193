"""Web and worker do not begin on a database on which they would do harm."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from alembic.script import ScriptDirectory

from tests.conftest import Database, new_database
from webapp import schema
from webapp.connections import conninfo
from webapp.embedded import Cluster
from webapp.health import start_check
from webapp.settings import Settings, SettingsError


@pytest.fixture
def bare(cluster: Cluster) -> Iterator[Database]:
    """A database that was never migrated."""
    with new_database(cluster) as made:
        yield made


def settings_for(url: str, folder: Path) -> Settings:
    return Settings.from_environ({"DATABASE_URL": url, "TIDINGS_INSTANCE": str(folder)})


def started(command: str, url: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """The command's end; it must come by itself."""
    environ = {
        **os.environ, "DATABASE_URL": url, "TIDINGS_INSTANCE": str(folder), "TIDINGS_BIND": "127.0.0.1:1",
    }  # fmt: skip
    environ.pop("DATABASE_OWNER_URL", None)
    return subprocess.run(
        [sys.executable, "-m", "webapp", command], env=environ, capture_output=True, text=True, timeout=60
    )


@pytest.mark.parametrize("command", ["web", "worker"])
def test_tables_that_are_not_there_stop_the_start(command: str, bare: Database, tmp_path: Path) -> None:
    ended = started(command, bare.program_url, tmp_path)
    assert ended.returncode == 2
    assert "python -m webapp migrate" in ended.stderr
    assert "Traceback" not in ended.stderr


@pytest.mark.parametrize("command", ["web", "worker"])
def test_a_role_that_owns_the_tables_stops_the_start(
    command: str, database: Database, tmp_path: Path
) -> None:
    ended = started(command, database.owner_url, tmp_path)
    assert ended.returncode == 2
    assert "The role tidings_owner of DATABASE_URL owns the tables" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_the_programs_own_role_may_start(database: Database, tmp_path: Path) -> None:
    start_check.check(settings_for(database.program_url, tmp_path))


def test_a_role_that_may_bypass_is_refused(database: Database, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="may bypass row-level security"):
        start_check.check(settings_for(database.superuser_url, tmp_path))


def test_a_member_of_the_owner_is_refused(database: Database, tmp_path: Path) -> None:
    with psycopg.connect(conninfo(database.superuser_url), autocommit=True) as superuser:
        superuser.execute("GRANT tidings_owner TO tidings_program")
        try:
            with pytest.raises(SettingsError, match="is a member of the role that does"):
                start_check.check(settings_for(database.program_url, tmp_path))
        finally:
            superuser.execute("REVOKE tidings_owner FROM tidings_program")


@pytest.mark.parametrize("revision", ["0001", "9999"])
def test_tables_of_another_revision_are_refused(bare: Database, tmp_path: Path, revision: str) -> None:
    with bare.owner() as owner:
        owner.execute(f"CREATE TABLE alembic_version AS SELECT '{revision}' AS version_num")
        owner.execute("GRANT SELECT ON alembic_version TO tidings_program")
    with pytest.raises(SettingsError, match=f"at revision {revision}.*needs revision {schema.head()}"):
        start_check.check(settings_for(bare.program_url, tmp_path))


def test_an_older_server_is_refused(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(start_check, "OLDEST_SERVER", 990_000)
    with pytest.raises(SettingsError, match="too old"):
        start_check.check(settings_for(database.program_url, tmp_path))


def test_web_may_begin_without_a_database_and_the_worker_may_not(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Reports that come meanwhile are kept on disk by the web; the worker could do nothing."""
    away = settings_for("postgresql://u:quince@127.0.0.1:1/tidings", tmp_path)
    with pytest.raises(SettingsError, match="cannot be reached") as caught:
        start_check.check(away)
    start_check.check(away, without_database=True)
    said = capsys.readouterr().err
    assert "cannot be reached" in said
    assert "quince" not in said + str(caught.value)


def test_the_newest_revision_is_what_the_migrations_say() -> None:
    assert schema.head() == ScriptDirectory.from_config(schema._config()).get_current_head()


def test_a_databases_default_changes_no_isolation(database: Database, tmp_path: Path) -> None:
    from webapp import create_app
    from webapp.extensions import db

    name = database.program_url.split("?")[0].rsplit("/", 1)[1]
    with psycopg.connect(conninfo(database.superuser_url), autocommit=True) as superuser:
        changed = f"ALTER ROLE tidings_program IN DATABASE {name}"
        superuser.execute(f"{changed} SET default_transaction_isolation = 'serializable'")
        try:
            app = create_app(settings_for(database.program_url, tmp_path))
            with app.app_context():
                shown = db.session.connection().exec_driver_sql("SHOW transaction_isolation").scalar()
                db.session.rollback()
                db.engine.dispose()
        finally:
            superuser.execute(f"{changed} RESET default_transaction_isolation")
    assert shown == "read committed"
