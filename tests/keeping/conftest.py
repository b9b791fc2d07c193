"""A team with campaigns in several states, and a second database to restore into."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask

from tests.campaigns.running import campaign_of, sender
from tests.campaigns.test_repeats import claim_at
from tests.conftest import Database, new_database
from tests.factories import Person, confirm, connect_practice, make_person, numbers
from tests.practice.fixture import PracticeGateway, wait_until
from webapp import clock, tenancy
from webapp.campaigns import claims, planning, stopping
from webapp.contacts import optouts
from webapp.embedded import Cluster
from webapp.sealing import KeyRing
from webapp.settings import Settings


@dataclasses.dataclass(frozen=True)
class Team:
    """Alice's team; each campaign by the state in which it was when everything stood still."""

    person: Person
    account: int
    accepted: int
    paused: int
    ready: int
    inflight: int
    hold: int


@pytest.fixture
def alice(app: Flask) -> Person:
    return make_person(app)


@pytest.fixture
def team(app: Flask, practice: PracticeGateway, alice: Person) -> Team:
    """Through the program's own operations; nothing of it runs any more."""
    account = connect_practice(app, alice, practice)
    accepted = confirm(app, alice, account, numbers(20, 13_500_000_000))
    practice.dial(next=["ok"])
    with sender(app):
        wait_until(lambda: campaign_of(app, alice, accepted).state == "waiting_for_reports")
    practice.dial(next=["lost"])
    hold = confirm(app, alice, account, numbers(3, 13_500_001_000))
    with sender(app):
        wait_until(lambda: campaign_of(app, alice, hold).unconfirmed == 3)
    paused = confirm(app, alice, account, numbers(4, 13_500_002_000))
    ready = confirm(app, alice, account, numbers(5, 13_500_003_000))
    inflight = confirm(app, alice, account, numbers(6, 13_500_004_000))
    for campaign_id in (paused, ready, inflight):
        _plan(app, alice, campaign_id)
    with tenancy.team_scope(alice.team_id, app) as session:
        stopping.pause_campaign(paused)
        stopping.pause_campaign(ready)
        optouts.opt_out(numbers(2, 13_500_009_000), "hand", alice.user_id, clock.now())
        session.commit()
        claims.begin_ready_campaigns(clock.now())
        session.commit()
    assert [claim.campaign_id for claim in claim_at(app, alice, clock.now())] == [inflight]
    with tenancy.team_scope(alice.team_id, app) as session:
        stopping.resume_campaign(ready)
        session.commit()
    return Team(alice, account, accepted, paused, ready, inflight, hold)


def _plan(app: Flask, person: Person, campaign_id: int) -> None:
    more = True
    while more:
        with tenancy.team_scope(person.team_id, app) as session:
            more = planning.plan_chunk(campaign_id)
            session.commit()


@pytest.fixture
def ring(settings: Settings) -> KeyRing:
    """The keys that the team's credentials are sealed with."""
    return KeyRing.load_or_create(settings.keys_file)


@pytest.fixture
def elsewhere(cluster: Cluster) -> Iterator[Database]:
    """Another database, without a table."""
    with new_database(cluster) as made:
        yield made


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Where the backup goes; people put blanks and Chinese into names."""
    folder = tmp_path / "my backups 备份"
    folder.mkdir()
    return folder / f"tidings {time.strftime('%Y')}.backup"
