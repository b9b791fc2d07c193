"""However often and from wherever Send is pressed: one campaign, and one message for each person.

Over the program's own pages, with presses that really are at the same moment; the gateway's ledger says what
reached people.
"""

from __future__ import annotations

import dataclasses
import re
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests.campaigns.running import campaign_of, sender
from tests.conftest import Database
from tests.factories import Person, connect_practice, make_person, numbers, sign_in, uids
from tests.faults.dump import figures_of
from tests.faults.rows import row_of, tell, unlike
from tests.practice.fixture import PracticeGateway, wait_until
from webapp import tenancy
from webapp.accounts.models import AuditEntry, Team
from webapp.campaigns import drafts
from webapp.campaigns.models import Campaign

PEOPLE = numbers(30, 13_000_000_000)
COOKIE = "tidings"
Press = tuple[int, dict[str, str]]
# A campaign, presses, those of them that met their moment, and what is said of them.
Send = Callable[[int, int, int, str], None]


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


@dataclasses.dataclass
class Pressed:
    """Where each press led, and between which moments it was under way."""

    led: list[str] = dataclasses.field(default_factory=list)
    spans: list[tuple[float, float]] = dataclasses.field(default_factory=list)

    @property
    def together(self) -> int:
        """How many of them were under way while another one was."""
        return sum(
            sum(begun < end and start < ended for start, end in self.spans) > 1 for begun, ended in self.spans
        )


def pressed_at_once(app: Flask, browser: FlaskClient, person: Person, presses: Sequence[Press]) -> Pressed:
    """All presses are made at the same moment, by browsers of one signed-in person."""
    cookie = browser.get_cookie(COOKIE)
    assert cookie is not None
    gate = threading.Barrier(len(presses))
    pressed = Pressed()

    def press(campaign_id: int, fields: dict[str, str]) -> None:
        one = app.test_client()
        one.set_cookie(COOKIE, cookie.value)
        gate.wait()
        begun = time.monotonic()
        answer = one.post(place(person, campaign_id, "/confirm"), data=fields)
        pressed.spans.append((begun, time.monotonic()))
        pressed.led.append(f"{answer.status_code} {answer.location}")

    threads = [threading.Thread(target=press, args=one) for one in presses]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return pressed


@pytest.fixture
def send(
    app: Flask, practice: PracticeGateway, empty: Database, alice: Person, account: int, tmp_path: Path
) -> Send:
    """Lets the sender do its work: each of the people has the message afterwards, once. Tells the row."""

    def sent(campaign_id: int, tried: int, hit: int, note: str) -> None:
        with sender(app):
            wait_until(lambda: campaign_of(app, alice, campaign_id).state == "waiting_for_reports")
        found = figures_of(practice, empty, tmp_path / "dump", uids[account])
        wanted = {"recipients": len(PEOPLE), "delivered": len(PEOPLE), "strangers": 0, "differences": 0}
        wrong = unlike(found, wanted)
        if (known := confirmed(app, alice)) != [campaign_id]:
            wrong.append(f"{len(known)} campaigns")
        tell(row_of("F8", found, tried=tried, hit=hit, note=note, wrong=wrong))

    return sent


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
    app: Flask, browser: FlaskClient, alice: Person, draft: int, send: Send
) -> None:
    fields = reviewed(browser, alice, draft)
    pressed = pressed_at_once(app, browser, alice, [(draft, fields)] * 50)
    assert pressed.led == [f"303 {place(alice, draft)}"] * 50
    send(draft, 50, pressed.together, "presses of one button, one campaign")


def test_two_tabs_with_a_key_each(
    app: Flask, browser: FlaskClient, alice: Person, draft: int, send: Send
) -> None:
    tabs = [reviewed(browser, alice, draft) for _ in range(2)]
    assert tabs[0]["key"] != tabs[1]["key"]
    pressed = pressed_at_once(app, browser, alice, [(draft, fields) for fields in tabs * 5])
    assert pressed.led == [f"303 {place(alice, draft)}"] * 10
    send(draft, 10, pressed.together, "two tabs, one campaign")


def test_the_back_button_after_it_was_sent(
    browser: FlaskClient, alice: Person, draft: int, send: Send
) -> None:
    fields = reviewed(browser, alice, draft)
    for _ in range(2):
        browser.post(place(alice, draft, "/confirm"), data=fields)
    send(draft, 2, 2, "")
    again = browser.post(place(alice, draft, "/confirm"), data=fields)
    assert (again.status_code, again.location) == (303, place(alice, draft))
    send(draft, 1, 1, "the back button, the same campaign")


def test_one_key_on_two_drafts(
    app: Flask, browser: FlaskClient, alice: Person, account: int, draft: int, send: Send
) -> None:
    """A page that was put together by a proxy or a hand: the first campaign with the key is the only one."""
    other = drafted(app, alice, account)
    one, another = (reviewed(browser, alice, campaign_id) for campaign_id in (draft, other))
    presses = [(draft, one), (other, {**another, "key": one["key"]})] * 5
    pressed = pressed_at_once(app, browser, alice, presses)
    (first,) = confirmed(app, alice)
    assert pressed.led == [f"303 {place(alice, first)}"] * 10
    send(first, 10, pressed.together, "one key on two drafts, one campaign")


def test_a_preview_that_is_stale_sends_nothing_and_a_fresh_one_sends(
    app: Flask, browser: FlaskClient, alice: Person, draft: int, send: Send
) -> None:
    stale = reviewed(browser, alice, draft)
    with app.test_request_context(), tenancy.team_scope(alice.team_id, app) as session:
        campaign = session.get_one(Campaign, (alice.team_id, draft))
        changed = dataclasses.replace(drafts.written_of(campaign), body="Hello again")
        drafts.save_draft(changed, alice.user_id, campaign_id=draft, version=campaign.version)
        session.commit()
    pressed = pressed_at_once(app, browser, alice, [(draft, stale)] * 10)
    assert pressed.led == ["409 None"] * 10
    assert confirmed(app, alice) == []
    browser.post(place(alice, draft, "/confirm"), data=reviewed(browser, alice, draft))
    assert browser.post(place(alice, draft, "/confirm"), data=stale).location == place(alice, draft)
    send(draft, 10, pressed.together, "a stale preview, nothing sent")
