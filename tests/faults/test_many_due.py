"""Many campaigns fall due at one instant while four workers look for them: each is started once.

Every worker is a scheduler too. All four are let at the campaigns at the same instant: a lock on their table
holds each of them just before it looks. What the rows went through is noted by a trigger of the test's own.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest
from flask import Flask

from tests.conftest import Database
from tests.factories import Person, confirm, connect_practice, make_person, numbers, uids
from tests.faults.dump import figures_of
from tests.faults.hooked import Hook
from tests.faults.nursery import ForkedProcess, Nursery
from tests.faults.rows import row_of, sized, tell, unlike
from tests.practice.fixture import PracticeGateway, wait_until
from webapp import clock, tenancy
from webapp.accounts.models import Team
from webapp.campaigns import invariants
from webapp.connections import conninfo
from webapp.gateway.models import GatewayAccount

CAMPAIGNS = sized(60, 1000)
WORKERS = 4
FIRST = 13_500_000_000
EACH = 2
IN_FLIGHT = 16
# A request that is taken for lost on a busy machine would be asked again; nothing of this is about times.
TIMES = "lease=240,reaper=0.5,balance_every=900"
NOTE = """
CREATE TABLE noted_turn (campaign_id bigint, state text);
CREATE FUNCTION note_turn() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$
BEGIN INSERT INTO noted_turn VALUES (NEW.id, NEW.state); RETURN NEW; END $$;
CREATE TRIGGER note_turn BEFORE UPDATE OF state ON campaign FOR EACH ROW EXECUTE FUNCTION note_turn();
"""
NOTE_NO_MORE = "DROP TRIGGER note_turn ON campaign; DROP FUNCTION note_turn(); DROP TABLE noted_turn CASCADE"
# Each sender asks for one thing at a time: for teams with work, or for what is due.
AT_THE_GATE = """
SELECT count(DISTINCT pid) FROM pg_stat_activity
WHERE datname = current_database() AND wait_event_type = 'Lock' AND usename = 'tidings_program'
    AND (query LIKE '%door_teams_at_work%' OR query LIKE '%send_at%')
"""
GATHERED = {"unconfirmed": 0, "strangers": 0, "unannounced": 0, "waiting": 0, "differences": 0}


@pytest.fixture
def environ(environ: dict[str, str], hook: Hook) -> dict[str, str]:
    return {**environ, "TIDINGS_PRACTICE_BIND": f"127.0.0.1:{hook.port}", "TIDINGS_TIMES": TIMES}


@pytest.fixture
def alice(app: Flask) -> Person:
    return make_person(app)


@pytest.fixture
def account(app: Flask, alice: Person, practice: PracticeGateway) -> int:
    """With many requests at once, so that several workers take part."""
    made = connect_practice(app, alice, practice)
    with tenancy.team_scope(alice.team_id, app) as session:
        session.get_one(GatewayAccount, (alice.team_id, made)).in_flight = IN_FLIGHT
        team = session.get_one(Team, alice.team_id)
        team.campaign_cap = team.day_cap = 1_000_000
        session.commit()
    return made


@pytest.fixture
def workers(environ: dict[str, str], forking: Nursery, tmp_path: Path) -> Iterator[None]:
    with ExitStack() as stack:
        running = [
            stack.enter_context(ForkedProcess(forking, tmp_path, "worker", environ, log=f"worker-{number}"))
            for number in range(WORKERS)
        ]
        yield
        # All at once: each takes a while to end.
        for worker in running:
            worker.ask_to_end()


@contextmanager
def turns_noted(database: Database) -> Iterator[None]:
    """Each state that a campaign is given from now on goes to a table of its own."""
    with database.owner() as owner:
        owner.execute(NOTE.encode())
        try:
            yield
        finally:
            owner.execute(NOTE_NO_MORE)


def states(database: Database) -> Counter[str]:
    with database.owner() as owner:
        return Counter(state for (state,) in owner.execute("SELECT state FROM campaign").fetchall())


def let_all_in_at_once(database: Database) -> int:
    """All campaigns are due, and whoever looks for them waits until all do; how many waited."""
    with ExitStack() as stack:
        gate = stack.enter_context(psycopg.connect(conninfo(database.owner_url)))
        # Nobody else may read what other roles ask.
        watching = stack.enter_context(psycopg.connect(conninfo(database.superuser_url), autocommit=True))
        gate.execute("LOCK TABLE campaign IN ACCESS EXCLUSIVE MODE")
        gate.execute("UPDATE campaign SET send_at = now(), start_by = now() + interval '1 hour'")

        def at_the_gate() -> int:
            row = watching.execute(AT_THE_GATE).fetchone()
            return row[0] if row is not None else 0

        wait_until(lambda: at_the_gate() >= WORKERS, 30)
        found = at_the_gate()
        gate.commit()
    return found


def noted(database: Database, state: str) -> Counter[int]:
    """How often each campaign was given this state."""
    with database.owner() as owner:
        rows = owner.execute("SELECT campaign_id FROM noted_turn WHERE state = %s", [state]).fetchall()
    return Counter(campaign for (campaign,) in rows)


def test_each_campaign_is_started_once(
    app: Flask, practice: PracticeGateway, empty: Database, alice: Person, account: int, hook: Hook,
    workers: None, tmp_path: Path,
) -> None:  # fmt: skip
    people = numbers(CAMPAIGNS * EACH, FIRST)
    later = clock.now() + timedelta(hours=1)
    campaigns = [
        confirm(app, alice, account, people[EACH * n : EACH * (n + 1)], f"Number {n}", send_at=later)
        for n in range(CAMPAIGNS)
    ]
    wait_until(lambda: states(empty) == {"scheduled": CAMPAIGNS}, 120)
    with turns_noted(empty):
        waited = let_all_in_at_once(empty)
        wait_until(lambda: states(empty) == {"waiting_for_reports": CAMPAIGNS}, 120)
        began = [noted(empty, state) for state in ("ready", "sending")]
        started_once = sum(all(turns[campaign] == 1 for turns in began) for campaign in campaigns)
    found = figures_of(practice, empty, tmp_path / "dump", uids[account], posts=hook.file)
    posting = len({post["port"] for post in hook.new_posts()})
    wanted = {**GATHERED, "recipients": len(people), "delivered": len(people), "posts": CAMPAIGNS}
    wrong = unlike({**found, "started once": started_once}, {**wanted, "started once": CAMPAIGNS})
    with tenancy.team_scope(alice.team_id, app):
        wrong += invariants.broken()
    note = f"campaigns due at one instant, {waited} workers at the gate, each a scheduler too"
    hit = CAMPAIGNS if waited == WORKERS else 0
    assert posting
    tell(row_of("F3", found, tried=CAMPAIGNS, hit=hit, note=note, wrong=wrong))
