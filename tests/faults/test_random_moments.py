"""Stop, edit and opt-out at random moments, two hundred times in all, while small campaigns are on their way.

Several campaigns are under way at once in one team, through an account with few free connections and a
gateway that now and then loses an answer. The ledger tells what was posted, the attempts when it was decided.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from tests.campaigns.running import sender
from tests.conftest import Database
from tests.factories import Person, connect_practice, make_person, uids
from tests.faults.dump import figures_of
from tests.faults.moving import set_times
from tests.faults.rounds import OVER, Round, play
from tests.practice.fixture import PracticeGateway, wait_until
from webapp import tenancy
from webapp.campaigns import invariants, planning
from webapp.campaigns.models import Attempt, Batch, Message
from webapp.gateway.models import GatewayAccount
from webapp.settings import Times

SEEDS = (1, 2, 3, 4)
ROUNDS = 50
LANES = 4
# Of what is done in the rounds of a seed: so many at least must have met a campaign in this state.
LEAST = {"planning": 5, "sending": 10}
TIMES = Times(
    connect=1, answer=2, call_limit=2, lease=60, reaper=0.2, evidence=0.1, first_repeat=0.1, second_repeat=0.3
)


@pytest.fixture
def alice(app: Flask) -> Person:
    return make_person(app)


@pytest.fixture
def account(app: Flask, alice: Person, practice: PracticeGateway, monkeypatch: pytest.MonkeyPatch) -> int:
    """Three numbers a request, three requests at once, three people a slice; some answers are lost."""
    set_times(app, TIMES)
    monkeypatch.setattr(planning, "CHUNK", 3)
    practice.dial(latency_ms=5, latency_max_ms=40, failures={"lost": 3, "code7+taken": 2, "http500": 1})
    account_id = connect_practice(app, alice, practice)
    with tenancy.team_scope(alice.team_id, app) as session:
        found = session.get_one(GatewayAccount, (alice.team_id, account_id))
        found.numbers_per_request = found.in_flight = 3
        session.commit()
    return account_id


def play_all(app: Flask, database: Database, person: Person, account: int, seed: int) -> list[Round]:
    """All rounds of a seed, to their end."""
    with sender(app), ThreadPoolExecutor(LANES) as lanes, database.owner() as connection:
        numbers = range(ROUNDS)
        played = list(lanes.map(lambda number: play(app, database, person, account, number, seed), numbers))

        def all_over() -> bool:
            states = connection.execute("SELECT DISTINCT state FROM campaign").fetchall()
            held = connection.execute(
                "SELECT FROM batch WHERE state IN ('hold', 'inflight') LIMIT 1"
            ).fetchall()
            return not held and {state for (state,) in states} <= set(OVER)

        wait_until(all_over, 60)
    return played


class Posted:
    """What the gateway got, and the attempts behind it."""

    def __init__(self, app: Flask, person: Person, lines: list[dict[str, Any]]) -> None:
        self.by_mobile: dict[str, list[dict[str, Any]]] = defaultdict(list)
        for line in lines:
            for mobile in line["mobiles"]:
                self.by_mobile[mobile].append(line)
        with tenancy.team_scope(person.team_id, app) as session:
            self.attempts: dict[tuple[int, int], list[Attempt]] = defaultdict(list)
            for attempt in session.query(Attempt).filter_by(team_id=person.team_id).order_by(Attempt.n):
                self.attempts[attempt.campaign_id, attempt.batch_no].append(attempt)
            messages = session.query(Message).filter_by(team_id=person.team_id)
            self.batch_of = {row.mobile: (row.campaign_id, row.batch_no) for row in messages}
            self.batches = session.query(Batch).filter_by(team_id=person.team_id).count()
            session.expunge_all()

    def decided_at(self, mobile: str, line: dict[str, Any]) -> datetime:
        """When the request was claimed that could last have been changed: a repeat stays as the first was."""
        before = [
            attempt
            for attempt in self.attempts[self.batch_of[mobile]]
            if attempt.started_at.timestamp() <= line["opened_at"]
        ]
        while len(before) > 1 and before[-2].outcome == "unknown":
            before.pop()
        return before[-1].started_at

    def started(self, campaign_id: int) -> list[datetime]:
        """When each attempt of a campaign began."""
        return [
            attempt.started_at
            for (campaign, _no), attempts in self.attempts.items()
            for attempt in attempts
            if campaign == campaign_id
        ]


@pytest.mark.parametrize("seed", SEEDS)
def test_random_moments(
    app: Flask, empty: Database, practice: PracticeGateway, alice: Person, account: int, seed: int,
    tmp_path: Path,
) -> None:  # fmt: skip
    rounds = play_all(app, empty, alice, account, seed)
    met = Counter(played.phase for played in rounds)
    assert all(met[phase] >= least for phase, least in LEAST.items()), f"too few met their moment: {met}"
    posted = Posted(app, alice, [line for line in practice.submissions() if line["uid"] == uids[account]])
    for played in rounds:
        check_opt_outs(posted, played)
        check_stop(posted, played)
        check_reopened(posted, played)
    check_that_the_others_got_it(posted, rounds)
    found = figures_of(practice, empty, tmp_path / "dump", uids[account])
    harm = ("twice", "strangers", "second_digests", "waiting", "differences", "open_attempts")
    assert {name: found[name] for name in harm} == dict.fromkeys(harm, 0)
    with tenancy.team_scope(alice.team_id, app):
        assert invariants.broken() == []


def check_opt_outs(posted: Posted, played: Round) -> None:
    """Nobody is posted whose opt-out was committed before the claim that could still leave them out."""
    for mobile in played.opted_out:
        assert played.opted_out_at is not None
        for line in posted.by_mobile[mobile]:
            assert posted.decided_at(mobile, line) <= played.opted_out_at, (
                f"posted after an opt-out: {played}"
            )


def check_stop(posted: Posted, played: Round) -> None:
    """Nothing of a stopped campaign is claimed any more."""
    if played.stopped_at is not None:
        late = [at for at in posted.started(played.campaign_id) if at > played.stopped_at]
        assert late == [], f"claimed after a stop: {played}"


def check_reopened(posted: Posted, played: Round) -> None:
    """Nothing of the version that was taken back was ever posted, neither its text nor its people."""
    if played.reopened_at is None:
        return
    got = [mobile for mobile in played.old_people if posted.by_mobile[mobile]]
    contents = {line["content_sha256"] for mobile in played.people for line in posted.by_mobile[mobile]}
    assert (got, contents - {played.content}) == ([], set()), f"of the version that was taken back: {played}"


def check_that_the_others_got_it(posted: Posted, rounds: list[Round]) -> None:
    """Without this, a program that sends nothing would do."""
    unmoved = [played for played in rounds if played.what == "reopen"]
    reached = [mobile for played in unmoved for mobile in played.people if posted.by_mobile[mobile]]
    assert sorted(reached) == sorted(mobile for played in unmoved for mobile in played.people)
    assert len({played.reopened_at is None for played in unmoved}) == 2, "all came too late, or none did"
    assert any(not posted.by_mobile[mobile] for played in rounds for mobile in played.opted_out)
