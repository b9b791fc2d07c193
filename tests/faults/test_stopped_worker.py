"""A worker is stopped past its lease, and woken when another has gone on without it.

Before its request it never makes it any more; after it the other made the same request again, which reaches
nobody a second time, and the answer that comes late is recorded all the same.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask

from tests.conftest import Database
from tests.factories import Person, confirm, connect_practice, make_person, numbers, uids
from tests.faults.between import Between, Point
from tests.faults.dump import figures_of
from tests.faults.hooked import Hook
from tests.faults.nursery import ForkedProcess, Nursery
from tests.faults.processes import Process
from tests.faults.rows import row_of, sized, tell, unlike
from tests.practice.fixture import PracticeGateway, wait_until
from webapp import tenancy
from webapp.campaigns import invariants
from webapp.gateway.models import GatewayAccount

ROUNDS = sized(1, 10)
PEOPLE, LIMIT, IN_FLIGHT = 80, 10, 4
TIMES = (
    "connect=1,answer=1,call_limit=1,lease=2.1,reaper=0.2,evidence=0.2,first_repeat=0.2,second_repeat=1,"
    "retry_first=0.3,retry_most=1"
)
# Longer than it takes to stop the worker after its first request of several, shorter than an answer may take.
LATENCY_MS = 600
TO_POST_THE_OTHERS = 0.15
TO_STORE_IT = 5
Attempts = dict[int, tuple[str | None, str | None]]


@pytest.fixture
def environ(environ: dict[str, str], hook: Hook) -> dict[str, str]:
    return {**environ, "TIDINGS_PRACTICE_BIND": f"127.0.0.1:{hook.port}", "TIDINGS_TIMES": TIMES}


@pytest.fixture
def between(empty: Database) -> Iterator[Between]:
    with Between(empty.program_url) as running:
        yield running


@pytest.fixture
def stopped(environ: dict[str, str], between: Between, forking: Nursery, tmp_path: Path) -> Iterator[Process]:
    """The one that is stopped."""
    through = {**environ, "DATABASE_URL": between.url}
    with ForkedProcess(forking, tmp_path, "worker", through, log="stopped") as running:
        yield running


@pytest.fixture
def other(environ: dict[str, str], forking: Nursery, tmp_path: Path) -> Process:
    """The one that goes on without it, not started yet."""
    return ForkedProcess(forking, tmp_path, "worker", environ, log="other")


@pytest.fixture
def alice(app: Flask) -> Person:
    return make_person(app)


@pytest.fixture
def account(app: Flask, alice: Person, practice: PracticeGateway) -> int:
    account_id = connect_practice(app, alice, practice)
    with tenancy.team_scope(alice.team_id, app) as session:
        found = session.get_one(GatewayAccount, (alice.team_id, account_id))
        found.numbers_per_request, found.in_flight = LIMIT, IN_FLIGHT
        session.commit()
    return account_id


def first_attempts(database: Database, campaign_id: int) -> Attempts:
    """How the first attempt of each batch ended, and why."""
    query = b"SELECT batch_no, outcome, why FROM attempt WHERE campaign_id = %s AND n = 1"
    with database.owner() as connection:
        return {no: (outcome, why) for no, outcome, why in connection.execute(query, [campaign_id])}


def go_on(database: Database, other: Process, campaign_id: int, held: set[int]) -> None:
    """Let the other worker do what is left, with what the stopped one had in hand."""
    with other:
        wait_until(lambda: state(database, campaign_id) == "waiting_for_reports", 60)
        reaped = first_attempts(database, campaign_id)
        assert {reaped[no] for no in held} == {("unknown", "reaped")}


def state(database: Database, campaign_id: int) -> str:
    with database.owner() as connection:
        row = connection.execute("SELECT state FROM campaign WHERE id = %s", [campaign_id]).fetchone()
    assert row is not None
    return str(row[0])


def woken(database: Database, stopped: Process, campaign_id: int, held: set[int]) -> Counter[str | None]:
    """Wake the stopped one; how its attempts end when it has said so, or will not."""
    stopped.wake()
    deadline = time.monotonic() + TO_STORE_IT
    while True:
        found = [first_attempts(database, campaign_id)[no] for no in held]
        if ("unknown", "reaped") not in found or time.monotonic() > deadline:
            return Counter(outcome for outcome, _why in found)
        time.sleep(0.05)


def tell_about(
    app: Flask, practice: PracticeGateway, database: Database, person: Person, account: int, folder: Path,
    campaigns: list[int], held: int, note: str, wrong: list[str],
) -> None:  # fmt: skip
    found = figures_of(practice, database, folder, uids[account])
    wrong += unlike(
        found,
        {
            "recipients": PEOPLE * len(campaigns),
            "strangers": 0,
            "unconfirmed": 0,
            "waiting": 0,
            "differences": 0,
        },
    )
    with tenancy.team_scope(person.team_id, app):
        wrong += invariants.broken()
    tell(row_of("F2", found, tried=held, hit=held, note=note, wrong=wrong))


def test_before_its_request(
    app: Flask, practice: PracticeGateway, empty: Database, hook: Hook, between: Between, stopped: Process,
    other: Process, alice: Person, account: int, tmp_path: Path,
) -> None:  # fmt: skip
    """Its claim is committed and it does not know that yet."""
    campaigns, in_hand, wrong = [], 0, []
    for turn in range(ROUNDS):
        stop = between.arm(Point("T1", committed=True), stopped.pid)
        campaigns.append(confirm(app, alice, account, numbers(PEOPLE, 13_400_000_000 + PEOPLE * turn)))
        stop.wait()
        stopped.freeze()
        stop.release()
        held = set(first_attempts(empty, campaigns[-1]))
        assert hook.new_posts() == []
        go_on(empty, other, campaigns[-1], held)
        assert len(hook.new_posts()) == PEOPLE // LIMIT
        ends = woken(empty, stopped, campaigns[-1], held)
        in_hand += len(held)
        posts = len(hook.new_posts())
        if posts or set(ends) != {"never_left"}:
            wrong.append(f"{posts} were posted after it was woken, its attempts ended as {dict(ends)}")
    note = f"{in_hand} requests in hand when stopped before the POST: never made"
    tell_about(app, practice, empty, alice, account, tmp_path / "dump", campaigns, in_hand, note, wrong)


def test_after_its_request(
    app: Flask, practice: PracticeGateway, empty: Database, hook: Hook, stopped: Process, other: Process,
    alice: Person, account: int, tmp_path: Path,
) -> None:  # fmt: skip
    """Its requests are at the gateway, which answers while it is stopped."""
    campaigns, in_hand, wrong = [], 0, []
    for turn in range(ROUNDS):
        practice.dial(latency_ms=LATENCY_MS)
        campaigns.append(confirm(app, alice, account, numbers(PEOPLE, 13_500_000_000 + PEOPLE * turn)))
        hook.wait_for_post([stopped])
        time.sleep(TO_POST_THE_OTHERS)
        stopped.freeze()
        posts = hook.all_posts()
        held = batches_of(empty, campaigns[-1], [post["mobiles"] for post in posts])
        practice.dial(latency_ms=0)
        go_on(empty, other, campaigns[-1], held)
        ends = woken(empty, stopped, campaigns[-1], held)
        in_hand += len(held)
        if set(ends) != {"taken"}:
            wrong.append(f"the late answers were recorded as {dict(ends)}")
    wrong += too_many(practice, account)
    note = f"{in_hand} requests open when stopped after the POST: late answers recorded"
    tell_about(app, practice, empty, alice, account, tmp_path / "dump", campaigns, in_hand, note, wrong)


def batches_of(database: Database, campaign_id: int, posted: list[list[str]]) -> set[int]:
    """The batches of these requests."""
    query = b"SELECT no, mobiles FROM batch WHERE campaign_id = %s"
    with database.owner() as connection:
        return {no for no, mobiles in connection.execute(query, [campaign_id]) if mobiles in posted}


def too_many(practice: PracticeGateway, account: int) -> list[str]:
    """Requests that were made more than twice, or not in the same way."""
    bodies: dict[str, list[str]] = {}
    for line in practice.submissions():
        if line["uid"] == uids[account]:
            bodies.setdefault(line["mobiles"][0], []).append(line["body_sha256"])
    return [
        f"{first} was posted as {made}"
        for first, made in bodies.items()
        if len(made) > 2 or len(set(made)) > 1
    ]
