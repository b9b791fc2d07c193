"""What every test stands on: a real PostgreSQL, made by the program's own launcher and migrations.

One cluster and one migrated template for the run; a database of its own for each test process; tables
emptied between tests. Code under test commits for real: savepoints would hide a missing team scope.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests.practice.fixture import PracticeGateway
from webapp import create_app, embedded, embedded_binaries, embedded_cluster, schema
from webapp.connections import conninfo
from webapp.embedded import Cluster
from webapp.gateway.client import shared_client
from webapp.settings import Settings

# Folders with the longest files, longest first: run side by side, what takes longest must not begin last.
LONG_FOLDERS = ("browser", "mutants", "faults", "postgresql15", "up", "embedded", "walls", "keeping")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what takes longest."""
    places = {folder: place for place, folder in enumerate(LONG_FOLDERS)}
    here = Path(__file__).parent
    items.sort(key=lambda item: places.get(item.path.relative_to(here).parts[0], len(places)))


@dataclasses.dataclass(frozen=True)
class Database:
    """One database of the test cluster, as each of its roles."""

    program_url: str
    owner_url: str
    superuser_url: str

    def owner(self) -> psycopg.Connection[tuple[Any, ...]]:
        """An autocommit connection as the role that owns the tables and sees every team."""
        return psycopg.connect(conninfo(self.owner_url), autocommit=True)

    def program(self) -> psycopg.Connection[tuple[Any, ...]]:
        """An autocommit connection as the role that the program uses."""
        return psycopg.connect(conninfo(self.program_url), autocommit=True)

    def environ(self) -> dict[str, str]:
        """The settings that point a process at this database."""
        return {"DATABASE_URL": self.program_url, "DATABASE_OWNER_URL": self.owner_url}


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """An embedded PostgreSQL for the run; it does not wait for its disk, which no test here relies on.

    TIDINGS_TEST_POSTGRES names a major version that must be taken, instead of the newest one.
    """
    instance = Path(os.environ.get("TIDINGS_TEST_INSTANCE") or tmp_path_factory.mktemp("cluster"))
    wanted = os.environ.get("TIDINGS_TEST_POSTGRES", "")
    found = [one for one in embedded_binaries.candidates() if wanted in ("", str(one.version))]
    assert found, f"no PostgreSQL {wanted} on this machine"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(embedded_binaries, "candidates", lambda **_older: iter(found))
        with embedded.start_for(instance, {"fsync": "off"}) as running:
            assert wanted in ("", str(running.version))
            yield running


@contextlib.contextmanager
def new_database(cluster: Cluster) -> Iterator[Database]:
    """A database without tables and with the rights that the program's own has, dropped at the end."""
    name = f"test_{secrets.token_hex(4)}"
    made = Database(
        _at(cluster.program_url, name), _at(cluster.owner_url, name), _at(cluster.superuser_url, name)
    )
    with psycopg.connect(conninfo(cluster.superuser_url), autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}" OWNER tidings_owner')
    try:
        with psycopg.connect(conninfo(made.superuser_url), autocommit=True) as connection:
            for statement in embedded_cluster._rights():
                connection.execute(statement.replace(" DATABASE tidings ", f' DATABASE "{name}" '))
        yield made
    finally:
        with psycopg.connect(conninfo(cluster.superuser_url), autocommit=True) as connection:
            connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


def _at(url: str, database: str) -> str:
    place, options = url.split("?", 1)
    return f"{place.rsplit('/', 1)[0]}/{database}?{options}"


@pytest.fixture(scope="session")
def database(cluster: Cluster) -> Iterator[Database]:
    """A migrated database, dropped at the end of the run."""
    with new_database(cluster) as made:
        schema.upgrade(made.owner_url, made.program_url)
        yield made


@pytest.fixture
def empty(database: Database) -> Iterator[Database]:
    """The database with every table empty after the test."""
    yield database
    with psycopg.connect(conninfo(database.superuser_url), autocommit=True) as connection:
        tables = connection.execute(
            "SELECT quote_ident(relname) FROM pg_class WHERE relnamespace = 'public'::regnamespace "
            "AND relkind IN ('r', 'p') AND NOT relispartition AND relname <> 'alembic_version'"
        ).fetchall()
        connection.execute(f"TRUNCATE {', '.join(name for (name,) in tables)} RESTART IDENTITY CASCADE")


@pytest.fixture(scope="session")
def practice_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PracticeGateway]:
    """One practice gateway for the run; each test has accounts of its own there."""
    with PracticeGateway(tmp_path_factory.mktemp("practice")) as running:
        yield running


@pytest.fixture
def practice(practice_process: PracticeGateway) -> Iterator[PracticeGateway]:
    """The practice gateway with its dial as it was."""
    before = practice_process.request("GET", "/practice/dial").json()
    yield practice_process
    practice_process.dial(**before)


@pytest.fixture
def settings(empty: Database, tmp_path: Path, request: pytest.FixtureRequest) -> Settings:
    """Settings of a program on the test database, with an instance folder of its own."""
    practice_bind = "127.0.0.1:8010"
    if "practice" in request.fixturenames:
        practice_bind = f"127.0.0.1:{request.getfixturevalue('practice').port}"
    return Settings.from_environ(
        {
            **empty.environ(),
            "TIDINGS_PRACTICE_BIND": practice_bind,
            "TIDINGS_INSTANCE": str(tmp_path / "instance"),
            "TIDINGS_SIGNUP": "open",
            "TIDINGS_PRACTICE": "on",
            "TIDINGS_PUBLIC_URL": "http://localhost",
        }
    )


@pytest.fixture
def app(settings: Settings) -> Iterator[Flask]:
    """The whole web application; forms need no CSRF token here (tests/test_headers.py looks at those)."""
    application = create_app(settings, TESTING=True, WTF_CSRF_ENABLED=False)
    yield application
    with application.app_context():
        from webapp.extensions import db

        db.engine.dispose()
    shared_client().close()


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    """A browser without JavaScript and without cookies."""
    return app.test_client()
