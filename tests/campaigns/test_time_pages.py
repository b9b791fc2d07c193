"""What the pages say of a campaign's time, and the forms that change it, as a browser without a script."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from flask import Flask
from flask.testing import FlaskClient

from tests.campaigns.running import campaign_of
from tests.campaigns.test_late_answers import answered, claim, code, store
from tests.campaigns.test_pages import said
from tests.campaigns.timing import MARKETING, confirmed, did, told
from tests.factories import Person, connect_practice, numbers, sign_in
from tests.practice.fixture import PracticeGateway
from tests.ui.markup import faults
from webapp import tenancy
from webapp.campaigns import decisions, progress, queries, schedule, stopping
from webapp.campaigns.models import Campaign, CampaignMinute
from webapp.campaigns.states import Kind
from webapp.gateway.exchange import Exchange
from webapp.gateway.exchange import Kind as GatewayKind
from webapp.gateway.models import GatewayAccount
from webapp.statuses import CampaignStatus

# A Monday, 10:00 in Shanghai.
MONDAY = datetime(2026, 11, 23, 2, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.fixture
def account(app: Flask, alice: Person, practice: PracticeGateway) -> int:
    """An account that takes ten numbers a request, four requests at once."""
    account_id = connect_practice(app, alice, practice)
    with tenancy.team_scope(alice.team_id, app) as session:
        session.get_one(GatewayAccount, (alice.team_id, account_id)).numbers_per_request = 10
        session.commit()
    return account_id


@pytest.fixture
def browser(app: Flask, alice: Person, account: int) -> FlaskClient:
    with time_machine.travel(MONDAY, tick=False):
        return sign_in(app, alice)


def place_of(person: Person, campaign_id: int) -> str:
    return f"/t/{person.team}/campaigns/{campaign_id}"


def key_of(page: str) -> str:
    found = re.search(r'name="key" value="([^"]+)"', page)
    assert found is not None
    return found[1]


def at(now: datetime, app: Flask, person: Person, account: int, **more: Any) -> int:
    """A campaign of twelve that is confirmed and planned at that moment."""
    with time_machine.travel(now, tick=False):
        return confirmed(app, person, account, numbers(12), **more)


# ---- the sentence ------------------------------------------------------------------------------------


def test_a_scheduled_one_says_when_and_in_which_zone(
    app: Flask, browser: FlaskClient, alice: Person, account: int
) -> None:
    campaign_id = at(MONDAY, app, alice, account, send_at=MONDAY + 30 * HOUR)
    with time_machine.travel(MONDAY, tick=False):
        page = browser.get(place_of(alice, campaign_id))
    assert faults(page.text) == []
    assert "Starts by itself on 24 Nov 2026, 16:00 (Asia/Shanghai): 12 people get it." in said(page)
    assert 'hx-trigger="every 120s"' in page.text
    with time_machine.travel(MONDAY + 30 * HOUR - timedelta(seconds=30), tick=False):
        assert 'hx-trigger="every 5s"' in sign_in(app, alice).get(place_of(alice, campaign_id)).text


def test_a_time_outside_the_hours_says_when_it_really_starts(
    app: Flask, browser: FlaskClient, alice: Person, account: int
) -> None:
    campaign_id = at(MONDAY, app, alice, account, send_at=MONDAY + 12 * HOUR, **MARKETING)
    with time_machine.travel(MONDAY, tick=False):
        page = said(browser.get(place_of(alice, campaign_id)))
        assert "outside the sending hours: it starts when they begin, on 24 Nov 2026, 08:30." in page
    with time_machine.travel(MONDAY + 12 * HOUR, tick=False):
        did(app, alice, lambda: schedule.start_due(MONDAY + 12 * HOUR))
        page = said(sign_in(app, alice).get(place_of(alice, campaign_id)))
    assert "Waiting for sending hours" in page
    assert "Starts when the sending hours begin, on 24 Nov 2026, 08:30 (Asia/Shanghai)." in page


def test_one_that_was_cut_off_in_the_evening_says_so(
    app: Flask, browser: FlaskClient, alice: Person, account: int
) -> None:
    evening = MONDAY + 10 * HOUR
    waits = at(evening, app, alice, account, **MARKETING)
    with time_machine.travel(evening, tick=False):
        store(app, alice, [answered(one, code(0, f"m{one.batch_no}")) for one in claim(app, alice)[:1]])
    drops = at(evening, app, alice, account, at_hours_end="drop", **MARKETING)
    with time_machine.travel(evening, tick=False):
        claim(app, alice)
    night = evening + HOUR
    with time_machine.travel(night, tick=False):
        assert did(app, alice, lambda: stopping.cut_off_campaigns(night)) == [drops]
        did(app, alice, lambda: stopping.cut_off(drops, night))
        page = said(browser.get(place_of(alice, waits)))
        assert "Goes on when the sending hours begin, on 24 Nov 2026, 08:30 (Asia/Shanghai). 10 of 12" in page
        page = said(browser.get(place_of(alice, drops)))
        assert "The sending hours ended: 0 of 12 had been handed to the gateway." in page
        did(app, alice, lambda: stopping.stop_campaign(waits))
        assert "Stopped: 10 of 12" in said(browser.get(place_of(alice, waits)))


def test_the_pace_is_said_where_it_is_known(app: Flask, alice: Person, account: int) -> None:
    begun = MONDAY + timedelta(seconds=30)

    def sentence(now: datetime, minutes: dict[datetime, int], **more: Any) -> str:
        gone = sum(minutes.values())
        with app.test_request_context(), tenancy.team_scope(alice.team_id, app) as session:
            session.add_all(
                CampaignMinute(
                    team_id=alice.team_id, campaign_id=7, minute=minute, no_report=count, waiting=-count
                )
                for minute, count in minutes.items()
            )
            session.add(
                Campaign(
                    team_id=alice.team_id, id=7, account_id=account, kind=Kind.NOTICE, state="sending",
                    name="x", body="x", created_at=begun, confirmed_at=begun, started_at=begun,
                    recipients=12_480, no_report=gone, waiting=12_480 - gone, **more,
                )
            )  # fmt: skip
            campaign = session.get_one(Campaign, (alice.team_id, 7))
            return progress.progress_of(campaign, now).sentence

    minute = timedelta(minutes=1)
    assert sentence(begun + timedelta(seconds=5), {MONDAY: 400}) == (
        "Sending: 400 of 12,480 handed to the gateway."
    )
    now = MONDAY + 4 * minute
    steady = {MONDAY: 600, MONDAY + minute: 1300, MONDAY + 2 * minute: 1300, MONDAY + 3 * minute: 1300}
    assert sentence(now, steady) == (
        "Sending: 4,500 of 12,480 handed to the gateway, about 7 minutes left (1,286 per minute)."
    )
    # Nothing for five minutes: the gateway is away, and nobody can say how long.
    assert sentence(now + 10 * minute, steady) == "Sending: 4,500 of 12,480 handed to the gateway."
    # What went before a pause says nothing about after it.
    assert sentence(now, steady, resumed_at=now - timedelta(seconds=50)) == (
        "Sending: 4,500 of 12,480 handed to the gateway."
    )
    assert "less than a minute left" in sentence(now, {**steady, MONDAY + 3 * minute: 9000})
    assert "about 5 hours left" in sentence(now, {MONDAY + 3 * minute: 40})


# ---- another time ------------------------------------------------------------------------------------


def test_another_time_and_now_by_form(app: Flask, browser: FlaskClient, alice: Person, account: int) -> None:
    campaign_id = at(MONDAY, app, alice, account, send_at=MONDAY + 30 * HOUR)
    place = place_of(alice, campaign_id)
    with time_machine.travel(MONDAY, tick=False):
        page = browser.get(f"{place}/time")
        assert faults(page.text) == []
        assert 'value="2026-11-24T16:00"' in page.text
        assert "Send to 12 people now" in said(page)
        form = {"key": key_of(page.text), "when": "later", "send_at": "2026-11-25T09:00"}
        for _ in range(2):
            answer = browser.post(f"{place}/time", data=form)
            assert (answer.status_code, answer.location) == (303, place)
        assert "Starts by itself on 25 Nov 2026, 09:00" in said(browser.get(place))
        assert len(told(app, alice, "campaign.time_changed")) == 1
        again = {"key": key_of(browser.get(f"{place}/time").text), "when": "now"}
        assert browser.post(f"{place}/time", data=again).location == place
    assert campaign_of(app, alice, campaign_id).state == "ready"


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ("", "Give a day and a time that exist"),
        ("2026-11-23T09:59", "This time has passed: it is 2026-11-23 10:00 in Asia/Shanghai."),
        ("2028-01-01T10:00", "more than a year ahead"),
        ("2026-13-01T10:00", "Give a day and a time that exist"),
        ("<b>", "Give a day and a time that exist"),
        ("9" * 5_000, "Give a day and a time that exist"),
        ("2026-11-26T10:00", "The campaign has a limit"),
    ],
)
def test_a_time_that_cannot_be_changes_nothing(
    app: Flask, browser: FlaskClient, alice: Person, account: int, typed: str, words: str
) -> None:
    later = {"send_at": MONDAY + HOUR, "not_after": MONDAY + 48 * HOUR}
    campaign_id = at(MONDAY, app, alice, account, **later)
    place = place_of(alice, campaign_id)
    with time_machine.travel(MONDAY, tick=False):
        answer = browser.post(f"{place}/time", data={"key": "k", "when": "later", "send_at": typed})
        assert answer.status_code == 422
        assert words in said(answer)
        assert faults(answer.text) == []
        for broken in ({}, {"key": "k"}, {"key": "k", "when": "never"}, {"when": "now"}):
            assert browser.post(f"{place}/time", data=broken).status_code == 400
    assert campaign_of(app, alice, campaign_id).send_at == MONDAY + HOUR


def test_a_missed_one_says_what_to_do_and_does_it(
    app: Flask, browser: FlaskClient, alice: Person, account: int
) -> None:
    campaign_id = at(MONDAY, app, alice, account, send_at=MONDAY + HOUR)
    place = place_of(alice, campaign_id)
    late = MONDAY + 3 * HOUR
    did(app, alice, lambda: schedule.start_due(late))
    with time_machine.travel(late, tick=False):
        page = browser.get(place)
        assert (
            "Nothing was sent: it was to start on 23 Nov 2026, 11:00 (Asia/Shanghai) and could not."
            in said(page)
        )
        assert "hx-trigger=" not in page.text[: page.text.index("status-sentence")].rsplit("<section", 1)[1]
        form = browser.get(f"{place}/time")
        assert 'name="send_at" type="datetime-local" value=""' in form.text
        browser.post(f"{place}/time", data={"key": key_of(form.text), "when": "now"})
        assert len(claim(app, alice)) == 2


def test_an_expired_one_is_led_to_another_limit(
    app: Flask, browser: FlaskClient, alice: Person, account: int
) -> None:
    campaign_id = at(MONDAY, app, alice, account, not_after=MONDAY + HOUR)
    place = place_of(alice, campaign_id)
    late = MONDAY + 2 * HOUR
    did(app, alice, lambda: schedule.expire(late))
    with time_machine.travel(late, tick=False):
        assert "The limit that was set for this campaign has passed" in said(browser.get(place))
        assert browser.post(f"{place}/resume").location == f"{place}/time"
        page = browser.get(f"{place}/time")
        assert faults(page.text) == []
        assert "Nothing was to be sent after 23 Nov 2026, 11:00 (Asia/Shanghai)" in said(page)
        answer = browser.post(f"{place}/time", data={"when": "limit", "not_after": "2026-11-23T11:30"})
        assert answer.status_code == 422
        assert "This time has passed" in said(answer)
        form = {"when": "limit", "not_after": "2026-11-23T13:00"}
        assert [browser.post(f"{place}/time", data=form).location for _ in range(2)] == [place, place]
    campaign = campaign_of(app, alice, campaign_id)
    assert (campaign.paused_by_machine, campaign.not_after) == (None, MONDAY + 3 * HOUR)


# ---- back to editing ---------------------------------------------------------------------------------


def test_back_to_editing_by_its_button(app: Flask, browser: FlaskClient, alice: Person, account: int) -> None:
    campaign_id = at(MONDAY, app, alice, account, send_at=MONDAY + HOUR)
    place = place_of(alice, campaign_id)
    with time_machine.travel(MONDAY, tick=False):
        assert f'action="{place}/reopen"' in browser.get(place).text
        answer = browser.post(f"{place}/reopen")
        assert (answer.status_code, answer.location) == (303, f"{place}/edit")
        assert "Back to editing; nothing was sent." in browser.get(answer.location).text
        assert browser.post(f"{place}/reopen").location == f"{place}/edit"
        assert browser.get(f"{place}/time").location == f"{place}/edit"


def test_what_has_begun_keeps_its_time_and_its_text(
    app: Flask, browser: FlaskClient, alice: Person, account: int
) -> None:
    campaign_id = at(MONDAY, app, alice, account)
    place = place_of(alice, campaign_id)
    with time_machine.travel(MONDAY, tick=False):
        claim(app, alice)
        assert browser.get(f"{place}/time").location == place
        assert browser.post(f"{place}/time", data={"key": "k", "when": "now"}).location == place
        assert browser.post(f"{place}/reopen").location == place
        page = said(browser.get(place))
    assert "Its time cannot be changed any more." in page
    assert "it cannot be edited any more" in page


def test_what_a_person_has_closed_needs_nobody_any_more(app: Flask, alice: Person, account: int) -> None:
    campaign_id = confirmed(app, alice, account, numbers(2))
    (only,) = claim(app, alice)
    store(app, alice, [answered(only, Exchange(GatewayKind.LOST_AFTER_SEND))])
    did(app, alice, lambda: stopping.stop_campaign(campaign_id))
    with tenancy.team_scope(alice.team_id, app):
        assert queries.status_of(campaign_of(app, alice, campaign_id)) is CampaignStatus.NEEDS_ATTENTION
    did(app, alice, lambda: decisions.do_not_send(campaign_id, only.batch_no, alice.user_id))
    campaign = campaign_of(app, alice, campaign_id)
    with tenancy.team_scope(alice.team_id, app):
        assert queries.status_of(campaign) is CampaignStatus.STOPPED
    assert campaign.unconfirmed == 2
