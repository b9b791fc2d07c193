"""Home: what is happening now, what comes next, what waits for a person; each part on its own."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select
from sqlalchemy.exc import DataError

from tests.campaigns.spread import PART, bring_to, link, planned, report, said, smaller_requests, spread_out
from tests.conftest import Database
from tests.factories import Person
from tests.ui.markup import faults
from webapp import clock, tenancy
from webapp.campaigns.models import Campaign
from webapp.reports import concerns, overview


def put(database: Database, campaign_id: int, **values: object) -> None:
    with database.owner() as owner:
        for name, value in values.items():
            owner.execute(f"UPDATE campaign SET {name} = %s WHERE id = %s", [value, campaign_id])


def delivered(app: Flask, database: Database, person: Person, account: int, count: int) -> int:
    """A finished campaign, of whose recipients all but one have their message."""
    smaller_requests(database, 5000)
    campaign_id = planned(app, person, account, count + 2)
    bring_to(app, person, campaign_id, ["accepted"])
    report(app, database, person, account, campaign_id, 1, ["DELIVRD"] * count + ["UNDELIV"])
    put(database, campaign_id, state="finished")
    return campaign_id


def test_it_takes_the_place_of_getting_started_once_a_message_arrived(
    app: Flask, database: Database, browser: FlaskClient, alice: Person, account: int
) -> None:
    empty = browser.get(f"/t/{alice.team}/home")
    assert "No message has arrived yet." in said(empty)
    assert faults(empty.text) == []
    assert browser.get(f"/t/{alice.team}/").location == f"/t/{alice.team}/start"
    assert link(empty, "Home") is None
    delivered(app, database, alice, account, 3)
    page = browser.get(f"/t/{alice.team}/campaigns")
    assert link(page, "Home") == f"/t/{alice.team}/home"
    assert link(page, "Getting started") is None
    assert browser.get(f"/t/{alice.team}/").location == f"/t/{alice.team}/home"
    assert browser.get(f"/t/{alice.team}/start").status_code == 200
    assert "No message has arrived yet." not in said(browser.get(f"/t/{alice.team}/home"))


def test_few_messages_are_counted_and_many_are_a_share(
    app: Flask, database: Database, browser: FlaskClient, alice: Person, account: int
) -> None:
    delivered(app, database, alice, account, 3)
    text = said(browser.get(f"/t/{alice.team}/home"))
    assert "3 of 4 messages delivered" in text
    assert "75%" not in text
    delivered(app, database, alice, account, 35)
    page = browser.get(f"/t/{alice.team}/home")
    assert "95.0% 38 of 40 messages delivered" in said(page)
    assert 'class="spark"' not in page.text, "one day is no line"
    with database.owner() as owner:
        owner.execute(
            "INSERT INTO rollup_hour SELECT team_id, hour - interval '2 days', account_id, operator, "
            "outcome, messages FROM rollup_hour"
        )
        owner.execute(
            "INSERT INTO rollup_hour SELECT team_id, hour - interval '9 days', account_id, operator, "
            "outcome, messages FROM rollup_hour"
        )
    page = browser.get(f"/t/{alice.team}/home")
    assert "76 of 80 messages delivered" in said(page)
    assert 'class="spark"' in page.text
    assert faults(page.text) == []


def test_days_are_those_of_the_team(app: Flask, alice: Person, database: Database, account: int) -> None:
    from zoneinfo import ZoneInfo

    delivered(app, database, alice, account, 3)
    with database.owner() as owner:
        owner.execute("UPDATE rollup_hour SET hour = '2026-11-08 20:00+00'")
    with tenancy.team_scope(alice.team_id, app):
        now = clock.now().replace(year=2026, month=11, day=9, hour=1)
        shanghai = overview.week(now, ZoneInfo("Asia/Shanghai"))
        utc = overview.week(now, ZoneInfo("UTC"))
    assert [day.handed for day in shanghai.days] == [0, 0, 0, 0, 0, 0, 4]
    assert [day.handed for day in utc.days] == [0, 0, 0, 0, 0, 4, 0]


def test_what_is_sent_is_looked_at_again(
    app: Flask, database: Database, browser: FlaskClient, alice: Person, account: int
) -> None:
    delivered(app, database, alice, account, 3)
    assert "every" not in browser.get(f"/t/{alice.team}/home").text
    campaign_id = spread_out(app, database, alice, account)
    put(database, campaign_id, state="sending", name="Big one", started_at=clock.now() - timedelta(minutes=2))
    # The sentence says how long it still takes: at one moment it says one thing.
    with time_machine.travel(clock.now(), tick=False):
        page = browser.get(f"/t/{alice.team}/home")
        assert link(page, "Big one") == f"/t/{alice.team}/campaigns/{campaign_id}"
        found = re.search(r'hx-get="([^"]*)" hx-trigger="every 5s"', page.text)
        assert found is not None
        assert browser.get(found[1], headers=PART).status_code == 204
    report(app, database, alice, account, campaign_id, 2, ["DELIVRD"] * 3)
    changed = browser.get(found[1], headers=PART)
    assert changed.status_code == 200
    assert "<html" not in changed.text
    assert "7 of 70 delivered" in changed.text
    assert faults(changed.text, fragment=True) == []
    assert "every" not in browser.get(f"/t/{alice.team}/home?updates=off").text


def test_what_waits_for_a_person_is_told(
    app: Flask, database: Database, browser: FlaskClient, alice: Person, account: int
) -> None:
    now = clock.now()
    assert "Look at it" not in said(browser.get(f"/t/{alice.team}/home"))
    unclear = spread_out(app, database, alice, account)
    bring_to(
        app,
        alice,
        unclear,
        ["accepted", "accepted", "rejected", "unconfirmed", "stopped", "stopped", "stopped"],
    )
    put(database, unclear, name="Unclear", state="waiting_for_reports")
    missed = planned(app, alice, account, 2)
    with database.owner() as owner:
        owner.execute(
            "UPDATE campaign SET send_at = %s, start_by = %s, state = 'missed', name = 'Late' WHERE id = %s",
            [now, now, missed],
        )
    paused = planned(app, alice, account, 2)
    put(database, paused, state="sending", paused_by_machine="content_empty", name="Held")
    with database.owner() as owner:
        owner.execute("UPDATE gateway_account SET state = 'broken', label = 'Main'")
    text = said(browser.get(f"/t/{alice.team}/home"))
    assert "10 messages of “Unclear” are not confirmed." in text
    assert "“Late” missed its time. Nothing was sent." in text
    assert "“Held” is paused and says why." in text
    assert "Main: The gateway rejects the uid or the password." in text


def test_drafts_and_what_comes_next_are_there(
    app: Flask, database: Database, browser: FlaskClient, alice: Person, account: int
) -> None:
    now = clock.now()
    with database.owner() as owner:
        for n, (name, state, days) in enumerate(
            [("Second", "scheduled", 3), ("First", "scheduled", 1), ("Begun", "draft", 0)]
        ):
            owner.execute(
                "INSERT INTO campaign (team_id, id, account_id, kind, state, name, body, created_at, "
                "send_at, start_by) VALUES (%s, %s, %s, 'notice', %s, %s, 'x', %s, %s, %s)",
                [alice.team_id, n + 1, account, state, name, now, *[now + timedelta(days=days)] * 2],
            )
    text = said(browser.get(f"/t/{alice.team}/home"))
    assert text.index("First") < text.index("Second") < text.index("Begun")
    with database.owner() as owner:
        # What waits for a person does not go out by itself.
        owner.execute("UPDATE campaign SET paused_by_person = 'x', paused_at = now() WHERE name = 'First'")
    coming = said(browser.get(f"/t/{alice.team}/home")).split("Goes out next")[1]
    assert "Second" in coming
    assert "First" not in coming


@pytest.mark.parametrize("part", ["sending", "scheduled", "week", "concerns", "balances", "drafts"])
def test_a_part_that_fails_leaves_the_others(
    app: Flask, database: Database, browser: FlaskClient, alice: Person, account: int,
    monkeypatch: pytest.MonkeyPatch, part: str,
) -> None:  # fmt: skip
    delivered(app, database, alice, account, 35)

    def fails(*_: Any) -> None:
        tenancy.session().execute(select(Campaign.id + 2**62 + 2**62)).all()

    monkeypatch.setattr(concerns if part == "concerns" else overview, part, fails)
    with pytest.raises(DataError), tenancy.team_scope(alice.team_id, app):
        fails()
    page = browser.get(f"/t/{alice.team}/home")
    assert page.status_code == 200
    assert said(page).count("Could not load this.") == 1
    assert faults(page.text) == []
    assert ("35 of 36 messages delivered" in said(page)) is (part != "week")


@pytest.mark.parametrize(
    ("state", "left_out", "said_of_it"),
    [
        ("failed", 0, "The import of “a.csv” did not get through."),
        ("checked", 0, "“a.csv” is checked and waits for you. Nothing was imported yet."),
        ("done", 3, "3 rows of “a.csv” were left out of the import."),
        ("done", 0, None),
        ("undone", 3, None),
    ],
)
def test_imports_that_need_a_look_are_told_for_a_week(
    database: Database, browser: FlaskClient, alice: Person, state: str, left_out: int, said_of_it: str | None
) -> None:
    for days in (1, 8):
        with database.owner() as owner:
            owner.execute(
                "INSERT INTO contact_import "
                "(team_id, id, file_name, source, state, rows, left_out, created_at) "
                "VALUES (%s, %s, 'a.csv', 'csv', %s, %s, %s, %s)",
                [alice.team_id, days, state, left_out, left_out, clock.now() - timedelta(days=days)],
            )
    home = browser.get(f"/t/{alice.team}/home")
    assert said(home).count("a.csv") == (2 if said_of_it else 0), "once to see and once for the link's name"
    assert said_of_it is None or said_of_it in said(home)
    assert faults(home.text) == []


def test_a_broken_promise_is_told_while_it_is_news(
    app: Flask, database: Database, browser: FlaskClient, alice: Person, account: int
) -> None:
    for days, told in ((1, True), (8, False)):
        with database.owner() as owner:
            owner.execute(
                "UPDATE gateway_account SET promise_broken_at = %s, repeat_mode = 'ask'",
                [clock.now() - timedelta(days=days)],
            )
        assert ("sent one request twice" in said(browser.get(f"/t/{alice.team}/home"))) is told
