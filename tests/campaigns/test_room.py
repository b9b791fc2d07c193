"""Too little room on the disk: nothing new is begun, every page says why, and it goes on by itself."""

from __future__ import annotations

import dataclasses
from datetime import timedelta

import pytest
from flask import Flask

from tests.campaigns.running import campaign_of, sender
from tests.conftest import Database
from tests.factories import Person, confirm, connect_practice, make_person, numbers, sign_in
from tests.faults.moving import wait_for_rounds
from tests.practice.fixture import PracticeGateway, wait_until
from webapp import clock, heartbeats
from webapp.campaigns import room
from webapp.health import doctor
from webapp.settings import Settings, Times, settings_of

MORE_THAN_THERE_IS = 10_000_000
SENTENCES = {
    "home": "nothing is sent until there is room",
    "campaign": "Waits: the disk of this site is nearly full. 0 of 12 were handed to the gateway",
}


@pytest.fixture
def alice(app: Flask) -> Person:
    return make_person(app)


def ask_for(app: Flask, least_free_mb: int) -> None:
    """So much room must be free from now on."""
    settings = dataclasses.replace(settings_of(app), least_free_mb=least_free_mb, times=Times(reaper=0.2))
    app.extensions["tidings_settings"] = settings


def test_nothing_is_begun_without_room_and_it_goes_on_by_itself(
    app: Flask, empty: Database, practice: PracticeGateway, alice: Person
) -> None:
    account = connect_practice(app, alice, practice)
    browser = sign_in(app, alice)
    ask_for(app, MORE_THAN_THERE_IS)
    campaign = confirm(app, alice, account, numbers(12))
    pages = {
        "home": f"/t/{alice.team}/home",
        "campaign": f"/t/{alice.team}/campaigns/{campaign}",
    }

    def says(page: str) -> bool:
        answer = browser.get(pages[page])
        assert answer.status_code == 200
        return SENTENCES[page] in answer.text

    with sender(app):
        wait_until(lambda: says("home") and says("campaign"))
        wait_for_rounds(empty)
        assert campaign_of(app, alice, campaign).state == "planning"
        ask_for(app, 0)
        wait_until(lambda: campaign_of(app, alice, campaign).state == "waiting_for_reports")
    assert not says("campaign")


@pytest.mark.parametrize("embedded", [True, False], ids=["embedded", "elsewhere"])
def test_whose_disk_counts(app: Flask, settings: Settings, *, embedded: bool) -> None:
    """A page looks at the disk itself where the database lies there; else only the sender can know."""
    asked = dataclasses.replace(settings, least_free_mb=MORE_THAN_THERE_IS)
    if embedded:
        asked = dataclasses.replace(asked, database_url=None)
    with app.app_context():
        assert room.is_waited_for(asked, clock.now()) is embedded
        heartbeats.beat(room.WAITING)
        assert room.is_waited_for(asked, clock.now())
        later = clock.now() + timedelta(minutes=1)
        assert room.is_waited_for(asked, later) is embedded


def test_the_doctor_tells(app: Flask, settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    assert app is not None
    doctor.examine(dataclasses.replace(settings, least_free_mb=MORE_THAN_THERE_IS))
    assert "nothing is sent below 10,000,000, TIDINGS_LEAST_FREE_MB" in capsys.readouterr().out
    doctor.examine(settings)
    assert "nothing is sent below" not in capsys.readouterr().out


def test_a_disk_that_cannot_be_asked_is_not_full(settings: Settings) -> None:
    gone = dataclasses.replace(
        settings, instance=settings.instance / "not" / "there", least_free_mb=MORE_THAN_THERE_IS
    )
    assert not room.is_short(gone)
