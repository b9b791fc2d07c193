"""/status and /metrics: for whoever holds the token, and never about a person."""

from __future__ import annotations

import dataclasses
import json
from datetime import UTC, datetime, timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests.conftest import Database
from tests.factories import Person, confirm, connect_practice, make_person, numbers
from tests.practice.fixture import PracticeGateway
from webapp import heartbeats, jobs
from webapp.health import checks
from webapp.settings import Settings

TOKEN = "metrics-rowan-3316"
BEARER = {"Authorization": f"Bearer {TOKEN}"}
PATHS = ["/status", "/metrics"]


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return dataclasses.replace(settings, metrics_token=TOKEN)


@pytest.fixture
def heard(app: Flask) -> Flask:
    """A program whose worker does all it should."""
    with app.app_context():
        for name in (*checks.LOOPS, *jobs.periodic_names(), checks.WORKER_STARTED):
            heartbeats.beat(name)
    return app


def age(database: Database, seconds: float, *names: str) -> None:
    """Let these have been heard last so long ago."""
    moment = datetime.now(UTC) - timedelta(seconds=seconds)
    with database.owner() as owner:
        owner.execute("UPDATE heartbeat SET beat_at = %s WHERE name = ANY(%s)", [moment, list(names)])


@pytest.mark.parametrize("path", PATHS)
def test_the_token_opens_them(heard: Flask, path: str) -> None:
    assert heard.test_client().get(path, headers=BEARER).status_code == 200


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    "given",
    [
        None,
        "",
        "Bearer",
        "Bearer ",
        "Bearer wrong",
        "Bearer \u00e9",
        TOKEN,
        f"Basic {TOKEN}",
        f"Bearer {TOKEN}x",
    ],
)
def test_without_it_they_are_not_there(heard: Flask, path: str, given: str | None) -> None:
    headers = {} if given is None else {"Authorization": given}
    answer = heard.test_client().get(path, headers=headers)
    assert answer.status_code == 404
    assert b"tidings_" not in answer.data
    assert b"heartbeats" not in answer.data


@pytest.mark.parametrize("path", PATHS)
def test_where_no_token_is_set_nobody_gets_in(settings: Settings, heard: Flask, path: str) -> None:
    heard.extensions["tidings_settings"] = dataclasses.replace(settings, metrics_token=None)
    for headers in ({}, {"Authorization": "Bearer "}, {"Authorization": ""}):
        assert heard.test_client().get(path, headers=headers).status_code == 404


def test_a_stopped_worker_is_told(heard: Flask, empty: Database) -> None:
    age(empty, 120, "sender", "settler", "reaper")
    answer = heard.test_client().get("/status", headers=BEARER)
    assert answer.status_code == 503
    assert {"sender was not heard", "settler was not heard", "reaper was not heard"} <= set(
        json.loads(answer.data)["problems"]
    )
    assert heard.test_client().get("/metrics", headers=BEARER).status_code == 200


def test_a_worker_never_heard_is_told(client: FlaskClient) -> None:
    assert client.get("/status", headers=BEARER).status_code == 503


def test_a_periodic_job_that_stays_away_is_told(heard: Flask, empty: Database) -> None:
    """A frequent one after a minute, an hourly one after two hours, a daily one after two days."""

    def late() -> set[str]:
        with heard.app_context():
            return set(checks.silent_jobs(datetime.now(UTC)))

    everything = (*jobs.periodic_names(), checks.WORKER_STARTED)
    # Those that come round within seconds: their allowance is the shortest one.
    often = {"accounts.reset_mails", "contacts.sweep_imports", "gateway.balances", "reports.give_up"}
    assert late() == set()
    age(empty, 50, *everything)
    assert late() == set()
    age(empty, 70, *everything)
    assert late() == often
    age(empty, 7100, *everything)
    assert late() == often | {"delivery.sweep_erasures"}
    age(empty, 7300, *everything)
    assert "campaigns.finish" in late()
    assert "campaigns.partitions" not in late()
    age(empty, 50 * 3600, *everything)
    assert late() == set(jobs.periodic_names())
    age(empty, 5, checks.WORKER_STARTED)
    assert late() == set(), "a worker that only just began has had no turn to miss"


@pytest.mark.parametrize(
    ("cron", "seconds"),
    [("* * * * * */10", 60), ("* * * * * 0", 120), ("5 * * * * 0", 7200), ("23 4 * * * 0", 172_800)],
)
def test_how_long_a_job_may_stay_silent(cron: str, seconds: int) -> None:
    moment = datetime(2026, 11, 24, 12, 0, 30, tzinfo=UTC)
    assert checks.allowance(cron, moment) == timedelta(seconds=seconds)


def test_refused_reports_are_told(heard: Flask, settings: Settings) -> None:
    folder = settings.instance / "spool"
    folder.mkdir(exist_ok=True)
    (folder / "refused-reports-1.jsonl").touch()
    answer = heard.test_client().get("/status", headers=BEARER)
    assert answer.status_code == 503
    assert json.loads(answer.data)["refused_files"] == 1
    assert b"tidings_refused_files 1.0" in heard.test_client().get("/metrics", headers=BEARER).data


def test_nothing_about_people_or_teams_is_told(heard: Flask, practice: PracticeGateway) -> None:
    alice: Person = make_person(heard, "alice")
    account = connect_practice(heard, alice, practice)
    campaign = confirm(heard, alice, account, numbers(3), body="Words of a quince")
    for path in PATHS:
        said = heard.test_client().get(path, headers=BEARER).get_data(as_text=True)
        for private in (
            *numbers(3), "quince", "alice", alice.email, alice.team, str(alice.team_id), str(account),
            str(campaign), TOKEN,
        ):  # fmt: skip
            assert private not in said, f"{private} in {path}"
