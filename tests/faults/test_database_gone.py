"""Connections to PostgreSQL are cut, and PostgreSQL is killed, while a campaign is planned and sent.

Nobody does anything about it: what was under way is rolled back, done again or found out, and whatever the
gateway said is recorded in the end. A COMMIT of which nobody knows whether it was one is among it.
"""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import psycopg
import pytest
from flask import Flask

from tests.conftest import Database
from tests.factories import Person, confirm, make_person, numbers, uids
from tests.faults.between import POINTS, Between, Point
from tests.faults.connecting import connect
from tests.faults.dump import figures_of, write_lines
from tests.faults.hooked import Hook
from tests.faults.processes import KeptProcess, Process, free_port, wait_for_web
from tests.faults.rows import row_of, sized, tell, unlike
from tests.practice.fixture import PracticeGateway, wait_until
from webapp import create_app, tenancy
from webapp.campaigns import invariants
from webapp.connections import conninfo
from webapp.embedded import prepare
from webapp.gateway.models import GatewayAccount
from webapp.settings import Settings

TIMES = (
    "connect=1,answer=1.5,call_limit=1.5,lease=3.1,reaper=0.3,evidence=0.3,first_repeat=0.3,second_repeat=2,"
    "retry_first=0.3,retry_most=1"
)
LIMIT, IN_FLIGHT = 10, 8
SEED = 20_261_124
# Of the cuts: in a campaign one at each named point, and so many of all connections at a random moment.
CAMPAIGNS, AT_RANDOM = sized((1, 2), (8, 4))
CUT_PEOPLE = 1_200
KILLS = sized(1, 12)
PEOPLE_A_KILL = sized(500, 1_000)
# A program that ends soon after its start is started again more slowly, so each has some time between two.
LEAST_SECONDS = sized(1, 6)
HARM = {"strangers": 0, "unconfirmed": 0, "waiting": 0, "differences": 0, "forgotten": 0}


def set_up(
    app: Flask, settings: Settings, practice: PracticeGateway, gateway: str = "practice"
) -> tuple[Person, int]:
    """A person, and an account with small requests, some of them at once."""
    person = make_person(app)
    account_id = connect(app, settings, person, practice, LIMIT, gateway)
    with tenancy.team_scope(person.team_id, app) as session:
        session.get_one(GatewayAccount, (person.team_id, account_id)).in_flight = IN_FLIGHT
        session.commit()
    return person, account_id


def sent(database: Database) -> bool:
    """Whether every campaign is handed over."""
    with database.owner() as connection:
        states = connection.execute("SELECT DISTINCT state FROM campaign").fetchall()
    return {state for (state,) in states} <= {"waiting_for_reports", "finished"}


def broken(app: Flask, person: Person) -> list[str]:
    with tenancy.team_scope(person.team_id, app):
        return invariants.broken()


# --- connections


@pytest.fixture
def environ(environ: dict[str, str], hook: Hook) -> dict[str, str]:
    return {**environ, "TIDINGS_PRACTICE_BIND": f"127.0.0.1:{hook.port}", "TIDINGS_TIMES": TIMES}


@pytest.fixture
def between(empty: Database) -> Iterator[Between]:
    with Between(empty.program_url) as running:
        yield running


@pytest.fixture
def kept(environ: dict[str, str], between: Between, tmp_path: Path) -> Iterator[Process]:
    with KeptProcess(tmp_path, "worker", {**environ, "DATABASE_URL": between.url}) as running:
        yield running


def cut_at(stop: Any, point: Point) -> dict[str, object]:
    """Cut the connection of whoever is held there."""
    stop.wait()
    stop.cut()
    return {"kill": time.time(), "dead": time.time(), "point": str(point), "met": "transaction"}


def cut_everything(database: Database, kept: Process, hook: Hook, chance: random.Random) -> dict[str, object]:
    """End all connections of the program while it waits for answers of the gateway."""
    wait_until(lambda: kept.connections_to(hook.port) > 2, 60)
    time.sleep(chance.uniform(0, 0.1))
    with psycopg.connect(conninfo(database.superuser_url), autocommit=True) as connection:
        at = time.time()
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND usename = 'tidings_program'"
        )
    return {"kill": at, "dead": time.time(), "point": "all of them", "met": "open"}


def test_connections_that_are_cut(
    app: Flask, settings: Settings, practice: PracticeGateway, empty: Database, kept: Process,
    between: Between, hook: Hook, tmp_path: Path,
) -> None:  # fmt: skip
    practice.dial(latency_ms=100, latency_max_ms=400)
    alice, account = set_up(app, settings, practice)
    chance = random.Random(SEED)
    cuts: list[dict[str, object]] = []
    for turn in range(CAMPAIGNS):
        points = sorted(POINTS, key=lambda point: (point.transaction != "planning", chance.random()))
        stop = between.arm(points[0])
        confirm(app, alice, account, numbers(CUT_PEOPLE, 13_600_000_000 + CUT_PEOPLE * turn))
        for point, coming in zip(points, [*points[1:], None], strict=True):
            cuts.append(cut_at(stop, point))
            if coming is not None:
                stop = between.arm(coming)
        cuts += [cut_everything(empty, kept, hook, chance) for _ in range(AT_RANDOM)]
    wait_until(lambda: sent(empty), 120)
    noted = write_lines(tmp_path / "kills", cuts)
    found = figures_of(practice, empty, tmp_path / "dump", uids[account], kills=noted, posts=hook.file)
    recipients = CUT_PEOPLE * CAMPAIGNS
    wrong = unlike(found, {**HARM, "recipients": recipients, "unannounced": 0})
    note = f"{len(cuts)} times connections were cut, {recipients:,} numbers"
    tell(row_of("F4", found, note=note, wrong=[*wrong, *broken(app, alice)]))


# --- PostgreSQL itself


@pytest.fixture
def whole(practice: PracticeGateway, tmp_path: Path) -> Iterator[tuple[Flask, Settings, Database]]:
    """The whole program with a database of its own under its own supervisor, and what a test needs of it."""
    port = free_port()
    environ = {
        "TIDINGS_INSTANCE": str(tmp_path / "whole"),
        "TIDINGS_BIND": f"127.0.0.1:{port}",
        "TIDINGS_PRACTICE": "off",
        "TIDINGS_GATEWAYS": f"second={practice.base_url}",
        "TIDINGS_TIMES": TIMES,
        "TIDINGS_WORKERS": "1",
    }
    with ExitStack() as stack:
        stack.enter_context(Process(tmp_path, "up", environ))
        wait_for_web(port)
        cluster = prepare(tmp_path / "whole")
        database = Database(cluster.program_url, cluster.owner_url, cluster.superuser_url)
        settings = Settings.from_environ({**environ, **database.environ()})
        app = create_app(settings, TESTING=True, WTF_CSRF_ENABLED=False)
        yield app, settings, database
        with app.app_context():
            from webapp.extensions import db

            db.engine.dispose()


def kill_postgresql(folder: Path) -> dict[str, object]:
    """What `pg_ctl stop -m immediate` does: every process of the server ends at once, nothing is written."""
    pid = int((folder / "postgres" / "postmaster.pid").read_text().split()[0])
    at = time.time()
    os.kill(pid, signal.SIGQUIT)
    wait_until(lambda: not Path(f"/proc/{pid}").exists(), 30)
    return {"kill": at, "dead": time.time(), "point": "PostgreSQL", "met": "open"}


def test_postgresql_is_killed(
    practice: PracticeGateway, whole: tuple[Flask, Settings, Database], tmp_path: Path
) -> None:
    app, settings, database = whole
    practice.dial(latency_ms=300, latency_max_ms=900, delivered_percent=97, failed_percent=3)
    alice, account = set_up(app, settings, practice, "second")
    people = numbers(KILLS * PEOPLE_A_KILL, 13_700_000_000)
    confirm(app, alice, account, people)
    chance, kills = random.Random(SEED), []
    for _ in range(KILLS):
        wait_until(practice.open_requests, 60)
        time.sleep(chance.uniform(LEAST_SECONDS, LEAST_SECONDS + 1))
        wait_until(practice.open_requests, 60)
        kills.append(kill_postgresql(tmp_path / "whole"))
    practice.dial(latency_ms=0, latency_max_ms=0)
    wait_until(lambda: told(database), 180)
    noted = write_lines(tmp_path / "kills", kills)
    found = figures_of(practice, database, tmp_path / "dump", uids[account], kills=noted)
    wrong = unlike(found, {**HARM, "recipients": len(people), "no_report": 0})
    note = f"PostgreSQL was killed {KILLS} times, {len(people):,} numbers"
    tell(row_of("F4", found, note=note, wrong=[*wrong, *broken(app, alice)]))


def told(database: Database) -> bool:
    """Whether all is sent and reported; not while the database is away."""
    try:
        with database.owner() as connection:
            left = connection.execute("SELECT FROM campaign WHERE no_report > 0").fetchall()
        return not left and sent(database)
    except psycopg.OperationalError:
        return False
