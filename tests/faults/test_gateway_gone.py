"""The gateway is gone for an hour, or comes and goes: sending resumes by itself soon after it is back.

The wire to it is cut: what was under way is reset, and nobody can connect. An hour is four of the longest
pauses between two probes; it is as many of those here, which are shorter. What was not under way when it went
is never unclear.
"""

from __future__ import annotations

import dataclasses
import random
import secrets
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from tests.campaigns.running import campaign_of, sender
from tests.conftest import Database
from tests.factories import Person, confirm, make_person, numbers, set_caps, uids
from tests.faults.dump import figures_of, write_lines
from tests.faults.moving import set_times
from tests.faults.rows import row_of, sized, tell, unlike
from tests.faults.wire import Wire
from tests.practice.fixture import PracticeGateway, wait_until
from webapp import tenancy
from webapp.campaigns import invariants, pausing, stopping
from webapp.campaigns.sender import wake
from webapp.gateway import operations
from webapp.sealing import Secret
from webapp.settings import Times, settings_of

TIMES = Times(
    connect=1, answer=3, call_limit=3, lease=60, reaper=0.2, evidence=0.3, first_repeat=0.3, second_repeat=1,
    retry_first=0.1, retry_most=sized(0.8, 15), balance_wait=0,
)  # fmt: skip
HOUR = 4 * TIMES.retry_most
FLAPS = sized(5, 40)
PEOPLE = numbers(sized(400, 4_000), 13_900_000_000)
LIMIT = 4
# With a fourth one unclear the campaign would wait for a person, as it should.
IN_FLIGHT = 3
SEED = 20_261_124
# The loop's own turn, and a machine that has much else to do.
SLACK = 4.0
UNDER_WAY = """
SELECT coalesce(sum(batch.size), 0) FROM attempt
JOIN batch ON batch.team_id = attempt.team_id AND batch.campaign_id = attempt.campaign_id
    AND batch.no = attempt.batch_no
WHERE started_at <= %(cut)s AND (finished_at IS NULL OR finished_at >= %(cut)s)
"""
FIRST_TAKEN = "SELECT min(started_at) FROM attempt WHERE outcome = 'taken' AND started_at >= %s"


@pytest.fixture
def alice(app: Flask) -> Person:
    person = make_person(app)
    set_caps(app, person, 1_000_000)
    return person


@pytest.fixture
def wire(practice: PracticeGateway) -> Iterator[Wire]:
    with Wire(practice.port) as running:
        yield running


@pytest.fixture
def account(app: Flask, alice: Person, practice: PracticeGateway, wire: Wire) -> int:
    """At the gateway behind the wire."""
    set_times(app, TIMES)
    practice.dial(latency_ms=100, latency_max_ms=300)
    settings = settings_of(app)
    gateways = {**settings.gateways, "wired": f"http://127.0.0.1:{wire.port}/Admin/index.php"}
    app.extensions["tidings_settings"] = dataclasses.replace(settings, gateways=gateways)
    uid, pwd = f"fault-{secrets.token_hex(4)}", secrets.token_hex(8)
    practice.add_user(uid, pwd, balance=1_000_000)
    with tenancy.team_scope(alice.team_id, app) as session:
        made = operations.connect_account("Wired", "wired", Secret(uid), Secret(pwd), by=None)
        made.numbers_per_request, made.in_flight, made.unproved = LIMIT, IN_FLIGHT, False
        account_id = made.id
        session.commit()
    uids[account_id] = uid
    return account_id


class Outages:
    """Cuts and mends, and when each of them was."""

    def __init__(self, app: Flask, database: Database, practice: PracticeGateway, wire: Wire) -> None:
        self.app, self.database, self.practice, self.wire = app, database, practice, wire
        self.lines: list[dict[str, object]] = []
        self.mended = datetime.now(UTC)

    def once(self, seconds: float) -> None:
        """Gone in the middle of a request, for so long."""
        wait_until(self.practice.open_requests, 60)
        before = time.time()
        self.wire.cut()
        self.lines.append({"kill": before, "dead": time.time(), "met": "open"})
        time.sleep(seconds)
        self.wire.mend()
        self.mended = datetime.now(UTC)

    def seconds_to_resume(self) -> float:
        """From the last mending to the first request that was taken."""
        with self.database.owner() as owner:

            def first() -> datetime | None:
                row = owner.execute(FIRST_TAKEN, [self.mended]).fetchone()
                return row[0] if row else None

            wait_until(first, 2 * TIMES.retry_most + 2 * SLACK)
            found = first()
        assert found is not None
        return (found - self.mended).total_seconds()

    def under_way(self) -> int:
        """Recipients of all that was under way at a cut."""
        with self.database.owner() as owner:
            rows = [
                owner.execute(UNDER_WAY, {"cut": datetime.fromtimestamp(float(str(line["kill"])), UTC)})
                for line in self.lines
            ]
            return sum(int((row.fetchone() or (0,))[0]) for row in rows)


@pytest.fixture
def outages(app: Flask, empty: Database, practice: PracticeGateway, wire: Wire) -> Outages:
    return Outages(app, empty, practice, wire)


def resume_if_paused(app: Flask, person: Person, campaign_id: int) -> bool:
    """What a person does who sees that it waits for one."""
    if campaign_of(app, person, campaign_id).paused_by_machine != pausing.UNCLEAR:
        return False
    with app.test_request_context(), tenancy.team_scope(person.team_id, app) as session:
        stopping.resume_campaign(campaign_id)
        session.commit()
    wake()
    return True


def finish(app: Flask, person: Person, campaign_id: int) -> int:
    """Until nothing is left to do; how often a person had to resume it."""
    resumed = 0
    deadline = time.monotonic() + sized(60, 600)
    while (campaign := campaign_of(app, person, campaign_id)).state != "waiting_for_reports":
        assert time.monotonic() < deadline, f"{campaign.state}, paused: {campaign.paused_by_machine}"
        resumed += resume_if_paused(app, person, campaign_id)
        time.sleep(0.2)
    return resumed


def check(outages: Outages, person: Person, account: int, folder: Path, seconds: float, note: str) -> None:
    """The row, and that no more is unclear than was under way."""
    lines = write_lines(folder / "cuts", outages.lines)
    found: dict[str, Any] = figures_of(
        outages.practice, outages.database, folder / "dump", uids[account], kills=lines
    )
    wrong = unlike(found, {"recipients": len(PEOPLE), "strangers": 0, "waiting": 0, "differences": 0})
    under_way = outages.under_way()
    if found["unconfirmed"] > under_way:
        wrong.append(f"{found['unconfirmed']} unconfirmed, only {under_way} were under way")
    if seconds > 2 * TIMES.retry_most + SLACK:
        wrong.append(f"resumed after {seconds:.1f} s, two back-offs are {2 * TIMES.retry_most:.1f}")
    with tenancy.team_scope(person.team_id, outages.app):
        wrong += invariants.broken()
    figures = f"{found['unconfirmed']} unconfirmed of {under_way} under way, resumed after {seconds:.1f} s"
    tell(row_of("F9", found, note=f"{note}: {figures}", wrong=wrong))


def test_gone_for_an_hour(app: Flask, alice: Person, account: int, outages: Outages, tmp_path: Path) -> None:
    campaign = confirm(app, alice, account, PEOPLE)
    with sender(app):
        outages.once(HOUR)
        seconds = outages.seconds_to_resume()
        resumed = finish(app, alice, campaign)
    assert resumed == 0
    check(outages, alice, account, tmp_path, seconds, f"gone for four back-offs of {TIMES.retry_most:g} s")


def test_it_comes_and_goes(app: Flask, alice: Person, account: int, outages: Outages, tmp_path: Path) -> None:
    chance = random.Random(SEED)
    campaign = confirm(app, alice, account, PEOPLE)
    with sender(app):
        for _flap in range(FLAPS):
            outages.once(chance.uniform(0.1, 1))
            outages.seconds_to_resume()
        seconds = outages.seconds_to_resume()
        resumed = finish(app, alice, campaign)
    check(outages, alice, account, tmp_path, seconds, f"{FLAPS} outages, resumed {resumed} times by a person")
