"""The page that a campaign has for its whole life: what it says, what may be done, when it looks again."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
import time_machine
from flask import Flask
from flask.testing import FlaskClient

from tests.campaigns.running import campaign_of
from tests.campaigns.spread import (
    PART,
    bring_to,
    link,
    plan,
    planned,
    report,
    said,
    smaller_requests,
    spread_out,
)
from tests.campaigns.timing import confirmed
from tests.conftest import Database
from tests.factories import Person, add_member, make_person, numbers, sign_in
from tests.ui.markup import faults
from webapp import clock
from webapp.accounts.permissions import Role


@pytest.fixture
def browser(app: Flask, alice: Person, account: int) -> FlaskClient:
    return sign_in(app, alice)


def page_of(person: Person, campaign_id: int) -> str:
    return f"/t/{person.team}/campaigns/{campaign_id}"


def cells(text: str) -> dict[str, int]:
    """The figures of the strip by their labels."""
    found = re.findall(
        r"<dt>(?:<span[^>]*></span>)?([^<]*)</dt>\s*<dd class=\"value\">(.*?)</dd>", text, re.DOTALL
    )
    return {label: int(re.sub(r"<[^>]+>|,", "", value)) for label, value in found}


def put(database: Database, campaign_id: int, **values: object) -> None:
    """Bring a campaign to a state that something else brings it to."""
    with database.owner() as owner:
        for name, value in values.items():
            owner.execute(f"UPDATE campaign SET {name} = %s WHERE id = %s", [value, campaign_id])


# ---- what it says ------------------------------------------------------------------------------------


def test_the_strip_adds_up_and_leads_to_the_recipients(
    app: Flask, database: Database, browser: FlaskClient, alice: Person, account: int
) -> None:
    campaign_id = spread_out(app, database, alice, account)
    page = browser.get(page_of(alice, campaign_id))
    shown = cells(page.text)
    assert shown.pop("Recipients") == 71
    assert shown.pop("Parts") == 71
    assert set(shown) == {"Delivered", "Failed", "No report yet", "Waiting", "Not confirmed", "Not sent"}
    assert sum(shown.values()) == 71
    assert "6.6% of 60 · last report" in said(page), "a share of those whom anything was sent to"
    for name in ("delivered", "failed", "no_report", "waiting", "unconfirmed", "not_sent"):
        assert f'href="{page_of(alice, campaign_id)}?show={name}#recipients"' in page.text
    assert f"Confirmed by {alice.email} on" in said(page)
    assert faults(page.text) == []


def test_the_chart_comes_with_the_status_now_and_then(
    app: Flask, database: Database, browser: FlaskClient, alice: Person, account: int
) -> None:
    campaign_id = spread_out(app, database, alice, account)
    place = page_of(alice, campaign_id)
    assert 'id="delivery-chart"' in browser.get(place).text
    poll = poll_address(browser.get(place).text)
    bring_to(app, alice, campaign_id, ["accepted", "accepted", "rejected", "accepted"])
    answers = [browser.get(re.sub(r"drawn=\d+", f"drawn={slot}", poll), headers=PART) for slot in (0, "x")]
    for answer in answers:
        assert re.search(r'id="delivery-chart" hx-swap-oob', answer.text)
        assert faults(answer.text, fragment=True) == []
    next_poll = poll_address(answers[0].text)
    bring_to(app, alice, campaign_id, ["accepted", "accepted", "rejected", "accepted", "accepted"])
    with time_machine.travel(clock.now(), tick=False):
        drawn = re.sub(r"drawn=\d+", f"drawn={int(clock.now().timestamp()) // 15}", next_poll)
        assert "delivery-chart" not in browser.get(drawn, headers=PART).text


# ---- what may be done --------------------------------------------------------------------------------

NO_STATE = {
    "pause": None, "resume": None, "stop": None, "time": None, "reopen": None,
}  # fmt: skip


@pytest.mark.parametrize(
    ("state", "more", "buttons"),
    [
        ("planning", {}, {"pause", "stop", "reopen"}),
        ("ready", {}, {"pause", "stop", "reopen"}),
        ("scheduled", {}, {"stop", "time", "reopen"}),
        ("missed", {}, {"stop", "time", "reopen"}),
        ("sending", {"started_at": "now()"}, {"pause", "stop"}),
        ("sending", {"started_at": "now()", "paused_by_person": "person"}, {"resume", "stop"}),
        ("sending", {"started_at": "now()", "paused_by_machine": "balance"}, {"resume", "stop"}),
        ("sending", {"started_at": "now()", "paused_by_machine": "expired"}, {"time", "stop"}),
        ("stopping", {"started_at": "now()"}, set()),
        ("stopped", {"started_at": "now()"}, set()),
        ("waiting_for_reports", {"started_at": "now()"}, set()),
        ("finished", {"started_at": "now()"}, set()),
    ],
)
def test_each_state_has_its_buttons(
    app: Flask, database: Database, browser: FlaskClient, alice: Person, account: int,
    state: str, more: dict[str, str], buttons: set[str],
) -> None:  # fmt: skip
    campaign_id = planned(app, alice, account, 3)
    now = clock.now()
    at = {name: now if value == "now()" else value for name, value in more.items()}
    put(database, campaign_id, send_at=None)
    with database.owner() as owner:
        owner.execute(
            "UPDATE campaign SET send_at = %s, start_by = %s, state = %s WHERE id = %s",
            [now + timedelta(days=1), now + timedelta(days=1), state, campaign_id],
        )
    put(database, campaign_id, **at)
    page = browser.get(page_of(alice, campaign_id))
    assert page.status_code == 200
    there = {
        name for name in NO_STATE if re.search(rf'(action|href)="[^"]*/{campaign_id}/{name}"', page.text)
    }
    assert there == buttons
    assert "Duplicate" in said(page)
    assert faults(page.text) == []


def test_a_viewer_has_no_buttons(
    app: Flask, database: Database, browser: FlaskClient, alice: Person, account: int
) -> None:
    campaign_id = spread_out(app, database, alice, account)
    bob = make_person(app, "bob")
    add_member(app, bob, alice, Role.VIEWER)
    page = sign_in(app, bob).get(page_of(alice, campaign_id))
    assert not re.search(rf'(action|href)="[^"]*/{campaign_id}/(pause|stop|resume|time|reopen)"', page.text)
    assert "Duplicate" not in said(page)


def test_what_is_not_confirmed_leads_to_its_page(
    app: Flask, database: Database, browser: FlaskClient, alice: Person, account: int
) -> None:
    place = page_of(alice, spread_out(app, database, alice, account))
    page = browser.get(place)
    assert "10 messages are not confirmed" in said(page)
    assert link(page, "Review 10 messages") == f"{place}/unconfirmed"
    assert browser.get(f"{place}/unconfirmed").status_code == 200


# ---- when it looks again -----------------------------------------------------------------------------


def poll_address(text: str) -> str:
    found = re.search(r'hx-get="([^"]*/status\?[^"]*)"', text)
    assert found is not None, "the page does not look again"
    return found[1].replace("&amp;", "&")


def seconds(text: str) -> int | None:
    found = re.search(r'/status\?[^>]*hx-trigger="every (\d+)s"', text)
    return int(found[1]) if found else None


def test_the_pace_falls_with_time_and_ends(
    app: Flask, database: Database, browser: FlaskClient, alice: Person, account: int
) -> None:
    campaign_id = planned(app, alice, account, 60)
    place, begun = page_of(alice, campaign_id), clock.now()
    put(database, campaign_id, state="sending", started_at=begun)
    assert seconds(browser.get(place).text) == 2
    # The session of the browser lasts a few hours only, so it is made anew at each time.
    for after, state, pace in [
        (timedelta(seconds=90), "sending", 5),
        (timedelta(hours=2), "sending", 5),
        (timedelta(seconds=90), "waiting_for_reports", 15),
        (timedelta(hours=2), "waiting_for_reports", 60),
        (timedelta(hours=73), "waiting_for_reports", None),
        (timedelta(seconds=90), "finished", None),
    ]:
        if state != "sending":
            bring_to(app, alice, campaign_id, ["accepted"])
        put(database, campaign_id, state=state)
        with time_machine.travel(begun + after, tick=True):
            page = sign_in(app, alice).get(place)
            assert seconds(page.text) == pace, (after, state)
            assert ("Pause updates" in said(page)) is (pace is not None)
    # What a person had sent again an hour later is watched as closely as what was sent first.
    handed_over = begun + timedelta(hours=2)
    put(database, campaign_id, state="waiting_for_reports", handed_over_at=handed_over)
    with time_machine.travel(handed_over + timedelta(seconds=30), tick=True):
        assert seconds(sign_in(app, alice).get(place).text) == 2


def test_a_poll_answers_204_until_something_changes(
    app: Flask, database: Database, browser: FlaskClient, alice: Person, account: int
) -> None:
    smaller_requests(database, 60)
    campaign_id = planned(app, alice, account, 61)
    bring_to(app, alice, campaign_id, ["accepted"])
    put(database, campaign_id, state="waiting_for_reports", started_at=clock.now())
    poll = poll_address(browser.get(page_of(alice, campaign_id)).text)
    unchanged = browser.get(poll, headers=PART)
    assert (unchanged.status_code, unchanged.text) == (204, "")
    report(app, database, alice, account, campaign_id, 1, ["DELIVRD"])
    changed = browser.get(poll, headers=PART)
    assert changed.status_code == 200
    assert "campaign-changed" in changed.headers["HX-Trigger"]
    assert faults(changed.text, fragment=True) == []
    assert (
        sum(value for label, value in cells(changed.text).items() if label not in {"Recipients", "Parts"})
        == 61
    )


def test_aloud_it_is_said_once_a_quarter(
    app: Flask, database: Database, browser: FlaskClient, alice: Person, account: int
) -> None:
    smaller_requests(database, 60)
    campaign_id = planned(app, alice, account, 61)
    bring_to(app, alice, campaign_id, ["accepted"])
    put(database, campaign_id, state="waiting_for_reports", started_at=clock.now())
    page = browser.get(page_of(alice, campaign_id))
    assert '<p class="sr" id="progress-said" role="status"></p>' in page.text
    poll, aloud = poll_address(page.text), []
    for done in range(0, 60, 5):
        report(app, database, alice, account, campaign_id, 1, ["DELIVRD"] * 5, first=done)
        answer = browser.get(poll, headers=PART)
        aloud.append('id="progress-said"' in answer.text)
        if campaign_of(app, alice, campaign_id).no_report:
            poll = poll_address(answer.text)
    assert aloud[-1], "the end is said"
    assert 3 <= sum(aloud) <= 5, aloud


def test_a_draft_is_gone_on_with(app: Flask, browser: FlaskClient, alice: Person, account: int) -> None:
    made = browser.post(
        f"/t/{alice.team}/campaigns/new",
        data={
            "account": account, "numbers": "13800138000", "body": "Hello", "signature": "Shop",
            "draft_key": "k" * 24, "kind": "notice", "when": "now", "at_hours_end": "wait", "then": "review",
        },
    )  # fmt: skip
    found = re.search(r"/campaigns/(\d+)", made.location or "")
    assert found is not None
    place = page_of(alice, int(found[1]))
    assert browser.get(place).location == f"{place}/edit"
    assert browser.post(f"{place}/find", data={"digits": "1380"}).location == f"{place}/edit"


def test_personal_texts_say_what_each_weighs(
    app: Flask, browser: FlaskClient, alice: Person, account: int
) -> None:
    lines = [f"{number}, {'王' * (1 + 11 * (n % 2))}" for n, number in enumerate(numbers(4))]
    body = "{name}您好，" + "茶" * 58
    campaign_id = confirmed(app, alice, account, lines, plan=False, body=body)
    plan(app, alice, campaign_id)
    page = browser.get(page_of(alice, campaign_id))
    assert "1 to 2 parts each" in said(page)
    assert cells(page.text)["Parts"] == 6
    assert "{name}您好" in said(page)
    assert "Fields are filled in for each recipient" in said(page)
