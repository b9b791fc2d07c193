"""Ten thousand numbers through real processes while nothing fails: ledger, pages and counts agree.

The ledger is the practice gateway's own; nothing of the program writes it. What kills do to this is asked in
test_kills.py.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from flask import Flask

from tests.campaigns.running import campaign_of
from tests.conftest import Database
from tests.factories import Person, confirm, make_person, numbers, sign_in, uids
from tests.faults.connecting import connect, shown_tallies
from tests.faults.dump import figures_of
from tests.faults.processes import Process
from tests.practice.fixture import PracticeGateway, wait_until
from webapp.settings import Settings

PEOPLE = numbers(10_000, 13_800_000_000)


@pytest.fixture
def alice(app: Flask) -> Person:
    return make_person(app)


def test_all_agree_when_nothing_fails(
    app: Flask, settings: Settings, practice: PracticeGateway, empty: Database, alice: Person, web: Process,
    worker: Process, tmp_path: Path,
) -> None:  # fmt: skip
    practice.dial(delivered_percent=97, failed_percent=3)
    account = connect(app, settings, alice, practice, limit=5000)
    campaign_id = confirm(app, alice, account, PEOPLE)
    wait_until(lambda: campaign_of(app, alice, campaign_id).state == "finished", 90)
    found = figures_of(practice, empty, tmp_path / "dump", uids[account])
    harm = ("lost", "twice", "strangers", "second_digests", "unconfirmed", "waiting", "no_report", "not_sent")
    assert {name: found[name] for name in harm} == dict.fromkeys(harm, 0)
    assert (found["recipients"], found["delivered"]) == (len(PEOPLE), len(PEOPLE))
    assert (found["differences"], found["open_attempts"]) == (0, 0)
    statuses = {
        line["mobile"]: line["status"]
        for line in practice.reports()
        if line["uid"] == uids[account] and line["answer"] == 200
    }
    delivered = sum(status == "DELIVRD" for status in statuses.values())
    assert (found["reported"], found["failed"]) == (delivered, len(PEOPLE) - delivered)
    shown = shown_tallies(sign_in(app, alice), alice, campaign_id)
    assert shown == {"Delivered": found["reported"], "Failed": found["failed"], "No report yet": 0}
