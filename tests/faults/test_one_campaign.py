"""However often and from wherever Send is pressed: one campaign, and one message for each person.

Over the program's own pages, with presses that really are at the same moment; the gateway's ledger says what
reached people.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Sequence

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests.campaigns.running import campaign_of, sender
from tests.factories import Person, connect_practice, make_person, numbers, sign_in, uids
from tests.practice.fixture import PracticeGateway, wait_until
from webapp import tenancy
from webapp.accounts.models import AuditEntry, Team
from webapp.campaigns import drafts
from webapp.campaigns.models import Campaign

PEOPLE = numbers(30, 13_000_000_000)
COOKIE = "tidings"
Press = tuple[int, dict[str, str]]


@pytest.fixture
def alice(app: Flask) -> Person:
    person = make_person(app)
    with tenancy.team_scope(person.team_id, app) as session:
        session.get_one(Team, person.team_id).delay_seconds = 0
        session.commit()
    return person


@pytest.fixture
def account(app: Flask, alice: Person, practice: PracticeGateway) -> int:
    return connect_practice(app, alice, practice)


@pytest.fixture
def browser(app: Flask, alice: Person) -> FlaskClient:
    return sign_in(app, alice)


@pytest.fixture
def draft(app: Flask, alice: Person, account: int) -> int:
    return drafted(app, alice, account)


def drafted(app: Flask, person: Person, account: int) -> int:
    with app.test_request_context(), tenancy.team_scope(person.team_id, app) as session:
        campaign = drafts.draft_campaign(account, "\n".join(PEOPLE), "Hello", "Shop", person.user_id)
        session.commit()
        return campaign.id


def place(person: Person, campaign_id: int, page: str = "") -> str:
    return f"/t/{person.team}/campaigns/{campaign_id}{page}"


def reviewed(browser: FlaskClient, person: Person, campaign_id: int) -> dict[str, str]:
    """What the review's button would post: a key of its own, and what was seen."""
    page = browser.get(place(person, campaign_id, "/review")).text
    form = page[page.index('id="confirm"') :].partition("</form>")[0]
    fields = {}
    for tag in re.findall(r"<input[^>]*>", form):
        name, value = (re.search(rf'{word}="([^"]*)"', tag) for word in ("name", "value"))
        if name and value:
            fields[name[1]] = value[1]
    assert {"key", "seen"} <= set(fields)
    return fields


def pressed_at_once(app: Flask, browser: FlaskClient, person: Person, presses: Sequence[Press]) -> list[str]:
    """Where each press led; all are made at the same moment, by browsers of one signed-in person."""
    cookie = browser.get_cookie(COOKIE)
    assert cookie is not None
    gate = threading.Barrier(len(presses))
    led: list[str] = []

    def press(campaign_id: int, fields: dict[str, str]) -> None:
        one = app.test_client()
        one.set_cookie(COOKIE, cookie.value)
        gate.wait()
        answer = one.post(place(person, campaign_id, "/confirm"), data=fields)
        led.append(f"{answer.status_code} {answer.location}")

    threads = [threading.Thread(target=press, args=one) for one in presses]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return led


def send(app: Flask, person: Person, practice: PracticeGateway, account: int, campaign_id: int) -> None:
    """Let the sender do its work; each of the people has the message afterwards, once."""
    with sender(app):
        wait_until(lambda: campaign_of(app, person, campaign_id).state == "waiting_for_reports")
    assert reached(practice, account) == PEOPLE
    assert len(confirmed(app, person)) == 1


def reached(practice: PracticeGateway, account: int) -> list[str]:
    ours = [line for line in practice.submissions() if line["uid"] == uids[account]]
    return sorted(mobile for line in ours for mobile in line["delivered"])


def confirmed(app: Flask, person: Person) -> list[int]:
    """The campaigns that are no drafts; the team's log must say the same."""
    with tenancy.team_scope(person.team_id, app) as session:
        found = session.query(Campaign.id).filter(
            Campaign.team_id == person.team_id, Campaign.state != "draft"
        )
        logged = session.query(AuditEntry.object_id).filter_by(team_id=person.team_id, action="campaign.sent")
        ids = sorted(row.id for row in found)
        assert sorted(row.object_id for row in logged) == ids
        return ids


def test_fifty_presses_at_once(
    app: Flask, practice: PracticeGateway, browser: FlaskClient, alice: Person, account: int, draft: int
) -> None:
    fields = reviewed(browser, alice, draft)
    led = pressed_at_once(app, browser, alice, [(draft, fields)] * 50)
    assert led == [f"303 {place(alice, draft)}"] * 50
    send(app, alice, practice, account, draft)


def test_two_tabs_with_a_key_each(
    app: Flask, practice: PracticeGateway, browser: FlaskClient, alice: Person, account: int, draft: int
) -> None:
    tabs = [reviewed(browser, alice, draft) for _ in range(2)]
    assert tabs[0]["key"] != tabs[1]["key"]
    led = pressed_at_once(app, browser, alice, [(draft, fields) for fields in tabs * 5])
    assert led == [f"303 {place(alice, draft)}"] * 10
    send(app, alice, practice, account, draft)


def test_the_back_button_after_it_was_sent(
    app: Flask, practice: PracticeGateway, browser: FlaskClient, alice: Person, account: int, draft: int
) -> None:
    fields = reviewed(browser, alice, draft)
    for _ in range(2):
        browser.post(place(alice, draft, "/confirm"), data=fields)
    send(app, alice, practice, account, draft)
    again = browser.post(place(alice, draft, "/confirm"), data=fields)
    assert (again.status_code, again.location) == (303, place(alice, draft))
    send(app, alice, practice, account, draft)


def test_one_key_on_two_drafts(
    app: Flask, practice: PracticeGateway, browser: FlaskClient, alice: Person, account: int, draft: int
) -> None:
    """A page that was put together by a proxy or a hand: the first campaign with the key is the only one."""
    other = drafted(app, alice, account)
    one, another = (reviewed(browser, alice, campaign_id) for campaign_id in (draft, other))
    led = pressed_at_once(app, browser, alice, [(draft, one), (other, {**another, "key": one["key"]})] * 5)
    (first,) = confirmed(app, alice)
    assert led == [f"303 {place(alice, first)}"] * 10
    send(app, alice, practice, account, first)


def test_a_preview_that_is_stale_sends_nothing_and_a_fresh_one_sends(
    app: Flask, practice: PracticeGateway, browser: FlaskClient, alice: Person, account: int, draft: int
) -> None:
    stale = reviewed(browser, alice, draft)
    with app.test_request_context(), tenancy.team_scope(alice.team_id, app) as session:
        campaign = session.get_one(Campaign, (alice.team_id, draft))
        written = drafts.written_of(campaign)
        changed = drafts.Written(
            account_id=written.account_id, numbers=written.numbers, body="Hello again", signature="Shop"
        )
        drafts.save_draft(changed, alice.user_id, campaign_id=draft, version=campaign.version)
        session.commit()
    led = pressed_at_once(app, browser, alice, [(draft, stale)] * 10)
    assert led == ["409 None"] * 10
    assert confirmed(app, alice) == []
    browser.post(place(alice, draft, "/confirm"), data=reviewed(browser, alice, draft))
    assert browser.post(place(alice, draft, "/confirm"), data=stale).location == place(alice, draft)
    send(app, alice, practice, account, draft)
