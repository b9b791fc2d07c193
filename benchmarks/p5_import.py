"""P5: a file of people into contacts and a group, by a worker of the program, held against bare statements.

The worker is a process of its own and the database waits for its disk, as always. Meanwhile others commit:
somebody of another team, and somebody of the same team who adds people by hand.
"""

from __future__ import annotations

import os
import random
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
from flask import Flask

from benchmarks.floors import bare_import
from benchmarks.floors.bare_import import Row
from webapp import create_app, embedded, schema, tenancy
from webapp.accounts import operations as accounts
from webapp.connections import conninfo
from webapp.contacts import operations as contacts
from webapp.contacts.imports import bringing, operations, queries
from webapp.contacts.imports.bringing import Brought
from webapp.contacts.imports.operations import Choices
from webapp.settings import Settings

ROWS = {"small": 20_000, "quick": 200_000, "full": 1_000_000}
ROUNDS = {"small": 1, "quick": 3, "full": 3}
MOST_RATIO = 4.0
MOST_COMMIT_MS = 50.0
MOST_MIB = 300
BAD_PERCENT, TWICE_PERCENT = 3, 5
SEED = 20_261_124
# Between two people whom somebody adds by hand.
PAUSE = 0.05
PASSWORD = "a pass-phrase of some length"  # noqa: S105 # of nobody


def run(size: str) -> int:
    """Import the file as often as the size says, in turn with the floor, and print the medians."""
    rows = people(ROWS[size])
    with tempfile.TemporaryDirectory(prefix="tidings-bench-") as folder:
        Path(folder).chmod(0o755)
        with embedded.start_for(Path(folder) / "instance") as cluster:
            schema.upgrade(cluster.owner_url, cluster.program_url)
            environ = {
                "DATABASE_URL": cluster.program_url,
                "DATABASE_OWNER_URL": cluster.owner_url,
                "TIDINGS_INSTANCE": str(Path(folder) / "instance"),
                "TIDINGS_PRACTICE": "off",
            }
            app = create_app(Settings.from_environ(environ), TESTING=True, WTF_CSRF_ENABLED=False)
            with psycopg.connect(conninfo(cluster.owner_url), autocommit=True) as owner:
                rounds = [_round(app, owner, environ, rows, number) for number in range(ROUNDS[size])]
    return _verdict(rounds)


@dataclass
class Round:
    """What one round took: seconds of the floor, of the check and of the import, commits of others."""

    floor: float
    check: float
    seconds: float
    rows: int
    mib: float
    same_team: list[float] = field(default_factory=list)
    other_team: list[float] = field(default_factory=list)


def people(count: int) -> list[Row]:
    """Rows of a file: numbers in no order, some of them none, some that stood there before."""
    chance = random.Random(SEED)
    numbers = [str(13_000_000_000 + at * 7) for at in range(count)]
    chance.shuffle(numbers)
    rows = []
    for at, number in enumerate(numbers):
        dice = chance.random() * 100
        if dice < BAD_PERCENT:
            number = chance.choice(("1.38E+10", "12345", "hello", ""))
        elif at and dice < BAD_PERCENT + TWICE_PERCENT:
            number = numbers[chance.randrange(at)]
        rows.append((number, f"客户{at % 9973}", "上海", f"静安{at % 41}店", str(at % 1000)))
    return rows


def _round(
    app: Flask, owner: psycopg.Connection[Any], environ: dict[str, str], rows: list[Row], number: int
) -> Round:
    floor, there = bare_import.measure(owner, rows)
    teams = [_team(app, f"team{number}{name}") for name in "ab"]
    content = "手机,姓名,城市,门店,积分\n" + "".join(",".join(row) + "\n" for row in rows)
    with app.test_request_context():
        tenancy.open_scope(teams[0])
        one = bringing.take_in(Brought("people.csv", [content.encode()]), 1)
        operations.check(one.id, Choices(one.columns, new_group="P5"))
        import_id = one.id
        tenancy.session().commit()
    with _worker(environ) as worker:
        _wait(app, teams[0], import_id, "checked")
        with _others(app, teams) as others, tenancy.team_scope(teams[0], app):
            operations.start(import_id, 1)
            tenancy.session().commit()
            _wait(app, teams[0], import_id, "done")
            mib = _peak(worker)
    with tenancy.team_scope(teams[0], app):
        done = queries.get(import_id)
        if done is None or done.started_at is None or done.finished_at is None or done.checked_at is None:
            raise SystemExit("the import is not there")
        if done.added != there:
            raise SystemExit(f"{done.added} people were added, the floor has {there}")
        seconds = (done.finished_at - done.started_at).total_seconds()
        checked = (done.checked_at - done.created_at).total_seconds()
    print(
        f"round {number + 1}: floor {floor:.2f} s, import {seconds:.2f} s "
        f"({len(rows) / seconds:,.0f} rows/s), check {checked:.2f} s with the worker's start, "
        f"worker's peak {mib:.0f} MiB"
    )
    return Round(floor, checked, seconds, len(rows), mib, others.same_team, others.other_team)


def _team(app: Flask, name: str) -> int:
    with app.test_request_context():
        user = accounts.add_user(f"{name}@example.org", PASSWORD)
        team_id = accounts.create_team(user, name).id
        tenancy.session().commit()
        return team_id


@contextmanager
def _worker(environ: dict[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(
        [sys.executable, "-m", "webapp", "worker"], env={**os.environ, **environ}, stdout=subprocess.DEVNULL
    ) as running:
        try:
            yield running
        finally:
            running.terminate()


def _wait(app: Flask, team_id: int, import_id: int, state: str) -> None:
    began = time.monotonic()
    while True:
        with tenancy.team_scope(team_id, app):
            one = queries.get(import_id)
            if one is not None and one.state in {state, "failed"}:
                return
        if time.monotonic() - began > 600:
            raise SystemExit(f"the import is not {state} after 600 s")
        time.sleep(0.05)


@dataclass
class Others:
    """People who work meanwhile, and how long each of their commits took, in milliseconds."""

    same_team: list[float] = field(default_factory=list)
    other_team: list[float] = field(default_factory=list)


@contextmanager
def _others(app: Flask, teams: list[int]) -> Iterator[Others]:
    """Two who add one person after the other until the import is done."""
    others, stop = Others(), threading.Event()

    def add_people(team_id: int, took: list[float], first: int) -> None:
        while not stop.is_set():
            began = time.monotonic()
            with app.test_request_context():
                tenancy.open_scope(team_id)
                contacts.add(str(first + len(took)), "", {}, None)
                tenancy.session().commit()
            took.append(1000 * (time.monotonic() - began))
            stop.wait(PAUSE)

    threads = [
        threading.Thread(target=add_people, args=(teams[0], others.same_team, 19_900_000_000)),
        threading.Thread(target=add_people, args=(teams[1], others.other_team, 19_900_000_000)),
    ]
    for thread in threads:
        thread.start()
    try:
        yield others
    finally:
        stop.set()
        for thread in threads:
            thread.join()


def _peak(worker: subprocess.Popen[bytes]) -> float:
    """The most memory that the process ever had, in MiB."""
    for line in Path(f"/proc/{worker.pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    return 0.0


def _p95(took: list[float]) -> float:
    return statistics.quantiles(took, n=20)[-1] if len(took) > 1 else 0.0


def _verdict(rounds: list[Round]) -> int:
    ratio = statistics.median(one.seconds / one.floor for one in rounds)
    mib = max(one.mib for one in rounds)
    waits = {
        "the same team": _p95([took for one in rounds for took in one.same_team]),
        "another team": _p95([took for one in rounds for took in one.other_team]),
    }
    for who, p95 in waits.items():
        print(f"commits of {who} meanwhile: p95 {p95:.1f} ms (bound {MOST_COMMIT_MS:.0f} ms)")
    print(f"the worker's memory at most {mib:.0f} MiB (bound {MOST_MIB} MiB)")
    well = ratio <= MOST_RATIO and mib <= MOST_MIB and max(waits.values()) <= MOST_COMMIT_MS
    print(f"P5 ratio {ratio:.2f} target <= {MOST_RATIO:.1f} {'ok' if well else 'short'}")
    return 0 if well else 1
