"""A worker that starts on an older copy of its database sends nothing of it by itself."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from flask import Flask

from tests.campaigns.running import campaign_of, sender
from tests.conftest import Database
from tests.factories import Person, confirm, connect_practice, make_person, numbers
from tests.practice.fixture import PracticeGateway, wait_until
from webapp import clock, tenancy
from webapp.campaigns import older_copies, stopping
from webapp.settings import Settings

NOW = datetime(2026, 3, 1, 8, 0, tzinfo=UTC)


@pytest.fixture
def alice(app: Flask) -> Person:
    return make_person(app)


def put_back(database: Database, hours: int) -> None:
    """What a snapshot of some hours ago looks like to the program: its beats are as old as that."""
    with database.owner() as owner:
        owner.execute("UPDATE heartbeat SET beat_at = beat_at - make_interval(hours => %s)", (hours,))


def test_what_was_on_its_way_waits_for_a_person(
    app: Flask, practice: PracticeGateway, alice: Person, empty: Database, settings: Settings
) -> None:
    account = connect_practice(app, alice, practice)
    sent = confirm(app, alice, account, numbers(3, 13_400_000_000))
    with sender(app):
        wait_until(lambda: campaign_of(app, alice, sent).state == "waiting_for_reports")
        wait_until((settings.instance / "last_beat").exists)
    waiting = confirm(app, alice, account, numbers(3, 13_400_001_000))
    put_back(empty, 3)
    with sender(app):
        wait_until(lambda: campaign_of(app, alice, waiting).paused_by_machine == "restored")
        wait_until(lambda: campaign_of(app, alice, waiting).state == "ready")
    assert not any("13400001000" in str(line) for line in practice.submissions())
    with tenancy.team_scope(alice.team_id, app) as session:
        stopping.resume_campaign(waiting)
        session.commit()
    with sender(app):
        wait_until(lambda: campaign_of(app, alice, waiting).state == "waiting_for_reports")
    assert sum("13400001000" in str(line) for line in practice.submissions()) == 1


@pytest.mark.parametrize(
    ("seen", "known", "older"),
    [
        (None, None, False),
        (None, NOW, False),
        ("", NOW, False),
        ("not a moment", NOW, False),
        ("2026-03-01T08:00:00", NOW - timedelta(days=1), False),
        (NOW.isoformat(), NOW, False),
        (NOW.isoformat(), NOW + timedelta(days=1), False),
        (NOW.isoformat(), NOW - timedelta(seconds=59), False),
        (NOW.isoformat(), NOW - timedelta(seconds=61), True),
        (NOW.isoformat(), None, False),
    ],
)
def test_a_copy_is_older_when_it_has_lost_a_beat(
    settings: Settings, seen: str | None, known: datetime | None, older: bool
) -> None:
    settings.instance.mkdir(parents=True, exist_ok=True)
    if seen is not None:
        (settings.instance / "last_beat").write_text(seen)
    beats = {} if known is None else {"sender": known}
    assert older_copies.is_older(settings, beats) is older


def test_a_note_that_cannot_be_written_stops_nothing(settings: Settings) -> None:
    settings.instance.mkdir(parents=True, exist_ok=True)
    (settings.instance / ".last_beat.new").mkdir()
    older_copies.note(settings, clock.now())
    assert not (settings.instance / "last_beat").exists()
