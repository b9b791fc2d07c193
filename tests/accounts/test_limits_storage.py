"""The limiter's counts: exact over processes, independent of requests, ended by time."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest
import time_machine
from flask import Flask
from limits import parse
from limits.storage import storage_from_string
from limits.strategies import FixedWindowRateLimiter
from sqlalchemy import Engine, create_engine, text

from tests.conftest import Database
from webapp import clock
from webapp.accounts import limits_storage
from webapp.accounts.limits_storage import PostgresStorage
from webapp.extensions import db, limiter

ROOT = Path(__file__).parent.parent.parent

HIT_50_TIMES = """
import sys
from limits import parse
from limits.strategies import FixedWindowRateLimiter
from sqlalchemy import create_engine
from webapp.accounts.limits_storage import PostgresStorage

counts = FixedWindowRateLimiter(PostgresStorage(engine=create_engine(sys.argv[1])))
print(sum(counts.hit(parse("100 per hour"), "shared") for _ in range(50)))
"""


@pytest.fixture
def engine(empty: Database) -> Iterator[Engine]:
    """An engine as the program's role."""
    made = create_engine(empty.program_url)
    yield made
    made.dispose()


@pytest.fixture
def storage(engine: Engine) -> PostgresStorage:
    """A store as the limiter makes it."""
    made = storage_from_string("tidings-postgres://", engine=engine)  # type: ignore[arg-type] # passed through
    assert isinstance(made, PostgresStorage)
    return made


def test_four_processes_together_get_exactly_what_one_would(empty: Database, engine: Engine) -> None:
    command = [sys.executable, "-c", HIT_50_TIMES, empty.program_url]
    with ThreadPoolExecutor(4) as pool:
        runs = [
            pool.submit(subprocess.check_output, command, cwd=ROOT, text=True, timeout=60) for _ in range(4)
        ]
    assert sum(int(run.result()) for run in runs) == 100
    with engine.connect() as connection:
        assert connection.scalar(text("SELECT hits FROM rate_limit")) == 200


def test_a_window_begins_with_its_first_hit_and_ends_whole(storage: PostgresStorage) -> None:
    counts, limit = FixedWindowRateLimiter(storage), parse("2 per minute")
    with time_machine.travel(clock.now(), tick=False) as time:
        assert [counts.hit(limit, "a") for _ in range(4)] == [True, True, False, False]
        assert counts.get_window_stats(limit, "a").remaining == 0
        time.shift(59)
        assert not counts.hit(limit, "a")
        time.shift(1)
        assert counts.test(limit, "a")
        assert [counts.hit(limit, "a") for _ in range(3)] == [True, True, False]


def test_hits_can_be_given_back_but_never_below_nothing(storage: PostgresStorage) -> None:
    assert storage.incr("k", 60, -1) == 0
    assert storage.incr("k", 60, 3) == 3
    assert storage.incr("k", 60, -1) == 2
    storage.clear("k")
    assert storage.get("k") == 0
    assert storage.get_expiry("k") == pytest.approx(clock.now().timestamp(), abs=60)


def test_keys_are_digests_of_any_length(storage: PostgresStorage, engine: Engine) -> None:
    for key in ("lin@example.com", "x" * 100_000, "\ud800 \x00"):
        assert storage.incr(key, 60) == 1
    with engine.connect() as connection:
        keys = list(connection.scalars(text("SELECT key FROM rate_limit")))
    assert {len(key) for key in keys} == {64}
    assert not any("lin" in key for key in keys)


def test_a_count_stands_when_the_request_is_undone(app: Flask) -> None:
    with app.test_request_context():
        db.session.execute(text("SELECT 1"))
        limiter.limiter.hit(parse("5 per minute"), "undone")
        db.session.rollback()
        assert limiter.limiter.get_window_stats(parse("5 per minute"), "undone").remaining == 4


def test_ended_windows_are_cleared_and_living_ones_kept(app: Flask, storage: PostgresStorage) -> None:
    storage.incr("old", 10)
    storage.incr("living", 1000)
    with app.app_context(), time_machine.travel(clock.now() + timedelta(seconds=60), tick=False):
        limits_storage.clear_ended_windows()
        assert db.session.scalar(text("SELECT count(*) FROM rate_limit")) == 1


def test_a_database_that_is_away_is_said(engine: Engine) -> None:
    away = PostgresStorage(engine=create_engine("postgresql+psycopg://nobody@127.0.0.1:1/none"))
    assert not away.check()
    assert PostgresStorage(engine=engine).check()
