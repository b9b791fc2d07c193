"""Ten thousand numbers, two workers, twenty kills: everybody is reached once, and all that is counted agrees.

Each kill comes at a random moment, so it may strike before, in and after each of the transactions. It counts
as a hit only where the gateway held a request of the killed worker open. The figures are those of a script
that imports nothing of the program.
"""

from __future__ import annotations

import random
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from flask import Flask

from tests.campaigns.running import campaign_of
from tests.conftest import Database
from tests.factories import Person, confirm, make_person, numbers, sign_in, uids
from tests.faults.connecting import connect, shown_tallies
from tests.faults.dump import figures_of, write_lines
from tests.faults.processes import Process
from tests.practice.fixture import PracticeGateway, wait_until
from webapp import tenancy
from webapp.campaigns import invariants
from webapp.connections import conninfo
from webapp.gateway.models import GatewayAccount
from webapp.settings import Settings

PEOPLE = numbers(10_000, 13_800_000_000)
KILLS = 20
LEAST_HITS = 15
SEED = 20_261_124
# Of one account; each worker has about half of them open when it is killed.
IN_FLIGHT = 16
# A dead worker is noticed soon, for each leaves some of the account's places taken until then.
TIMES = "connect=1,answer=1.5,call_limit=1.5,lease=3.2,reaper=0.5,evidence=1,first_repeat=1,second_repeat=3"
HOOK = Path(__file__).with_name("hook.py")


@pytest.fixture
def hook(empty: Database, practice: PracticeGateway, tmp_path: Path) -> Iterator[int]:
    """The port of the hook before the practice gateway."""
    command = [
        sys.executable,
        str(HOOK),
        str(practice.port),
        conninfo(empty.owner_url),
        str(tmp_path / "posts"),
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None
        yield int(running.stdout.readline())
        running.terminate()


@pytest.fixture
def environ(environ: dict[str, str], hook: int) -> dict[str, str]:
    """The workers reach the gateway through the hook."""
    return {**environ, "TIDINGS_PRACTICE_BIND": f"127.0.0.1:{hook}", "TIDINGS_TIMES": TIMES}


@pytest.fixture
def workers(environ: dict[str, str], tmp_path: Path) -> Iterator[list[Process]]:
    with ExitStack() as stack:
        yield [
            stack.enter_context(Process(tmp_path, "worker", environ, log=f"worker-{name}")) for name in "ab"
        ]


@pytest.fixture
def alice(app: Flask) -> Person:
    return make_person(app)


def kill_at_random(workers: list[Process], port: int) -> Iterator[dict[str, object]]:
    """Kill and restart the workers in turn; yields between which moments each kill took place."""
    chance = random.Random(SEED)
    for turn in range(KILLS):
        worker = workers[turn % len(workers)]
        # One that is still starting has nothing to lose, and asking for the balance takes one connection.
        wait_until(lambda: worker.connections_to(port) > 2, 60)  # noqa: B023
        time.sleep(chance.uniform(0, 0.2))
        before = time.time()
        worker.kill()
        yield {"kill": before, "dead": time.time(), "worker": turn % len(workers)}
        worker.start()


def test_twenty_kills_lose_nothing_and_send_nothing_twice(
    app: Flask, settings: Settings, practice: PracticeGateway, empty: Database, alice: Person,
    web: Process, workers: list[Process], hook: int, tmp_path: Path,
) -> None:  # fmt: skip
    practice.dial(delivered_percent=97, failed_percent=3, latency_ms=100, latency_max_ms=300)
    account = connect(app, settings, alice, practice, limit=10)
    with tenancy.team_scope(alice.team_id, app) as session:
        session.get_one(GatewayAccount, (alice.team_id, account)).in_flight = IN_FLIGHT
        session.commit()
    campaign_id = confirm(app, alice, account, PEOPLE)
    kills = write_lines(tmp_path / "kills", kill_at_random(workers, hook))
    wait_until(lambda: campaign_of(app, alice, campaign_id).state == "finished", 120)
    found = figures_of(
        practice, empty, tmp_path / "dump", uids[account], kills=kills, posts=tmp_path / "posts"
    )
    assert found["tried"] == KILLS
    assert found["hit"] >= LEAST_HITS, (
        f"too few kills found a request open, so they tried too little: {found}"
    )
    assert (found["recipients"], found["delivered"]) == (len(PEOPLE), len(PEOPLE))
    harm = ("lost", "twice", "strangers", "second_digests", "unannounced", "unconfirmed", "differences")
    assert {name: found[name] for name in harm} == dict.fromkeys(harm, 0)
    assert found["posts"] >= len(PEOPLE) / 10
    campaign = campaign_of(app, alice, campaign_id)
    shown = shown_tallies(sign_in(app, alice), alice, campaign_id)
    assert shown == {"Delivered": found["reported"], "Failed": found["failed"], "No report yet": 0}
    assert (campaign.delivered, campaign.failed) == (found["reported"], found["failed"])
    with tenancy.team_scope(alice.team_id, app):
        assert invariants.broken() == []
