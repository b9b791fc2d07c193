"""Spreading a campaign, as people meet it: written, reviewed, under way, changed."""

from __future__ import annotations

import re
from contextlib import nullcontext
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from flask import Flask
from flask.testing import FlaskClient

from tests.campaigns.running import batches_of, campaign_of
from tests.campaigns.test_late_answers import answered, claim, code, store
from tests.campaigns.timing import MARKETING, confirmed, did, plan_all, told
from tests.campaigns.writing import HTMX, campaigns, carried, id_of, kept, place_of, said, written
from tests.factories import Person, numbers, sign_in
from tests.ui.markup import faults
from webapp import tenancy
from webapp.campaigns import schedule, spreading, typed_number
from webapp.campaigns.models import Campaign
from webapp.campaigns.spread import Spread
from webapp.errors import DomainError

# A Monday, 10:00 in Shanghai.
MONDAY = datetime(2026, 11, 23, 2, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
REFUSABLE = "New tea, 拒收请回复R"


@pytest.fixture
def browser(app: Flask, alice: Person, account: int) -> FlaskClient:
    with time_machine.travel(MONDAY, tick=False):
        return sign_in(app, alice)


@pytest.fixture
def team(alice: Person) -> str:
    return f"/t/{alice.team}/campaigns"


def spread_form(account: int, people: int, **more: str) -> dict[str, str]:
    return written(account, numbers="\n".join(numbers(people)), spread="hour", per_hour="60") | more


# ---- writing it ------------------------------------------------------------------------------------------


def test_a_spread_is_kept_and_shown_and_used_again(
    app: Flask, browser: FlaskClient, alice: Person, team: str, account: int
) -> None:
    with time_machine.travel(MONDAY, tick=False):
        form = spread_form(account, 10, per_hour="１,000", then="save")
        place = place_of(browser.post(f"{team}/new", data=form))
        assert (kept(app, alice, place).per_hour, kept(app, alice, place).even_until) == (1000, None)
        page = browser.get(f"{place}/edit")
        assert faults(page.text) == []
        assert re.search(r'value="hour" checked', page.text)
        assert 'value="1000"' in page.text
        form = {**form, "spread": "even", "per_hour": "", "even_until": "2026-11-23T18:00"}
        form["version"] = carried(page, "version")
        browser.post(f"{place}/edit", data=form)
        assert kept(app, alice, place).even_until == MONDAY + 8 * HOUR
        # Another campaign begins with the same choice, and asks for an end of its own.
        again = browser.get(f"{team}/new?from={id_of(place)}").text
    assert re.search(r'value="even" checked', again)
    assert "2026-11-23T18:00" not in again


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"per_hour": ""}, "Give a whole number from 1 to 1,000,000 an hour."),
        ({"per_hour": "0"}, "Give a whole number"),
        ({"per_hour": "-5"}, "Give a whole number"),
        ({"per_hour": "1000001"}, "Give a whole number"),
        ({"per_hour": "9" * 4000}, "Give a whole number"),
        ({"per_hour": "\x07ten"}, "Give a whole number"),
        ({"spread": "once"}, "You gave a speed that is not the chosen one."),
        ({"even_until": "2026-11-23T18:00"}, "You gave a speed that is not the chosen one."),
        ({"spread": "even", "per_hour": ""}, "Give a day and a time that exist"),
        ({"spread": "even", "per_hour": "", "even_until": "2026-11-23T09:00"}, "This time has passed"),
        (
            {"spread": "even", "per_hour": "", "even_until": "2026-11-23T18:00", "when": "later",
             "send_at": "2026-11-23T19:00"},
            "This end comes before it can begin.",
        ),
        (
            {"spread": "even", "per_hour": "", "even_until": "2027-01-23T18:00"},
            "A campaign can be spread over 31 days at most.",
        ),
        (
            {"spread": "even", "per_hour": "", "even_until": "2026-11-23T18:00",
             "not_after": "2026-11-23T17:00"},
            "Nothing may go out after 23 Nov 2026, 17:00, which is before this end.",
        ),
        (
            {"spread": "even", "per_hour": "", "even_until": "2026-11-24T08:00", "when": "later",
             "send_at": "2026-11-23T21:00", "kind": "marketing", "body": REFUSABLE},
            "All of this time is outside the sending hours.",
        ),
        (
            {"per_hour": "1", "kind": "marketing", "body": REFUSABLE, "people": "380"},
            "At 1 an hour this takes longer than 31 days. Choose more an hour.",
        ),
    ],
)  # fmt: skip
def test_a_spread_that_cannot_be_is_said_beside_it(
    app: Flask, browser: FlaskClient, alice: Person, team: str, account: int, more: dict[str, str], words: str
) -> None:
    form = spread_form(account, int(more.pop("people", "3"))) | more
    with time_machine.travel(MONDAY, tick=False):
        answer = browser.post(f"{team}/new", data={**form, "then": "review"})
    assert answer.status_code == 422
    assert words in said(answer)
    assert faults(answer.text) == []
    # Whatever could be kept is kept.
    (draft,) = campaigns(app, alice)
    assert draft.body == form["body"]


def test_while_it_is_written_the_page_says_how_long_it_takes(
    browser: FlaskClient, team: str, account: int
) -> None:
    with time_machine.travel(MONDAY, tick=False):
        answer = browser.post(f"{team}/preview", data=spread_form(account, 30), headers=HTMX)
    assert "At 60 an hour this takes about 30 minutes. The last ones go on 23 Nov 2026, 10:30." in said(
        answer
    )


# ---- the review ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("more", "people", "words"),
    [
        ({"per_hour": "40"}, 1000, ["At 40 an hour this takes about 25 hours. The last ones go on 24 Nov"]),
        (
            {"per_hour": "40", "kind": "marketing", "body": REFUSABLE}, 1000,
            ["takes about 25 hours. Sending hours end at 20:30, the rest goes on in the next ones; "
             "the last ones go on 25 Nov 2026, 11:00."],
        ),
        (
            {"per_hour": "40", "kind": "marketing", "body": REFUSABLE, "at_hours_end": "drop"}, 1000,
            ["Not everybody gets it", "end at 20:30: about 580 people get nothing then, as you chose."],
        ),
        (
            {"per_hour": "100", "not_after": "2026-11-23T12:00"}, 500,
            ["takes about 5 hours.", "Nothing goes out after 23 Nov 2026, 12:00: about 300 people will not"],
        ),
        (
            {"spread": "even", "per_hour": "", "even_until": "2026-11-23T22:00", "kind": "marketing",
             "body": REFUSABLE},
            210,
            ["Evenly until 23 Nov 2026, 22:00: about 20 an hour.",
             "That is outside the sending hours, so the last ones go on 23 Nov 2026, 20:30."],
        ),
        (
            {"per_hour": "300", "when": "later", "send_at": "2026-11-23T20:00", "kind": "marketing",
             "body": REFUSABLE},
            300,
            ["takes about 60 minutes. Sending hours end at 20:30", "the last ones go on 24 Nov 2026, 09:00."],
        ),
    ],
    ids=["at any hour", "over night", "dropped", "limited", "evenly past the hours", "late"],
)  # fmt: skip
def test_the_review_says_how_long_it_takes(
    browser: FlaskClient, team: str, account: int, more: dict[str, str], people: int, words: list[str]
) -> None:
    with time_machine.travel(MONDAY, tick=False):
        place = place_of(
            browser.post(f"{team}/new", data=spread_form(account, people, **more, then="review"))
        )
        page = browser.get(f"{place}/review")
    assert faults(page.text) == []
    for sentence in words:
        assert sentence in said(page)


def test_the_review_counts_the_requests_that_it_makes(
    app: Flask, browser: FlaskClient, alice: Person, team: str, account: int
) -> None:
    """500 an hour are 8 a minute: 100 people in 13 requests."""
    form = spread_form(account, 100, per_hour="500", then="review")
    with time_machine.travel(MONDAY, tick=False):
        place = place_of(browser.post(f"{team}/new", data=form))
        page = browser.get(f"{place}/review")
        assert "Requests to the gateway 13" in said(page)
        hidden = {name: carried(page, name) for name in ("key", "seen", "was")}
        assert browser.post(f"{place}/confirm", data=hidden).status_code == 303
        plan_all(app, alice)
    sizes = [batch.size for batch in batches_of(app, alice, id_of(place))]
    assert sizes == [8] * 12 + [4]


def test_another_spread_needs_another_look(
    app: Flask, browser: FlaskClient, alice: Person, team: str, account: int
) -> None:
    with time_machine.travel(MONDAY, tick=False):
        place = place_of(browser.post(f"{team}/new", data=spread_form(account, 10, then="review")))
        page = browser.get(f"{place}/review")
        with tenancy.team_scope(alice.team_id, app) as session:
            session.get_one(Campaign, (alice.team_id, id_of(place))).per_hour = 6000
            session.commit()
        hidden = {name: carried(page, name) for name in ("key", "seen", "was")}
        assert browser.post(f"{place}/confirm", data=hidden).status_code == 409
    assert campaign_of(app, alice, id_of(place)).state == "draft"


# ---- under way -------------------------------------------------------------------------------------------


def under_way(app: Flask, alice: Person, account: int, now: datetime = MONDAY, **more: Any) -> int:
    """A campaign of 600 at 60 an hour whose first message was taken."""
    with time_machine.travel(now, tick=False):
        campaign_id = confirmed(app, alice, account, numbers(600), **{"per_hour": 60, **more})
        (first,) = [one for one in claim(app, alice) if one.campaign_id == campaign_id]
        store(app, alice, [answered(first, code(0, f"m{campaign_id}"))])
    return campaign_id


def test_the_page_says_how_it_is_spread_and_when_the_next_ones_go(
    app: Flask, browser: FlaskClient, alice: Person, account: int
) -> None:
    campaign_id = under_way(app, alice, account)
    place = f"/t/{alice.team}/campaigns/{campaign_id}"
    with time_machine.travel(MONDAY + timedelta(seconds=30), tick=False):
        page = browser.get(place)
        assert faults(page.text) == []
        assert "Spread: 60 an hour; next ones at 10:01." in said(page)
        assert "1 of 600 handed to the gateway, about 10 hours of sending left at 60 an hour." in said(page)
        assert f'href="{place}/spread"' in page.text
    evening = MONDAY + 10.5 * HOUR - timedelta(seconds=30)
    tomorrow = under_way(app, alice, account, now=evening, **MARKETING)
    with time_machine.travel(evening, tick=False):
        later = said(sign_in(app, alice).get(f"/t/{alice.team}/campaigns/{tomorrow}"))
    assert "Spread: 60 an hour; next ones on 24 Nov 2026, 08:30." in later


def test_the_speed_of_one_under_way_is_changed(
    app: Flask, browser: FlaskClient, alice: Person, account: int
) -> None:
    campaign_id = under_way(app, alice, account)
    place = f"/t/{alice.team}/campaigns/{campaign_id}"
    with time_machine.travel(MONDAY, tick=False):
        page = browser.get(f"{place}/spread")
        assert faults(page.text) == []
        assert "599 people have not got it yet. At 60 an hour this takes about 10 hours." in said(page)
        form = {"key": carried(page, "key"), "spread": "hour", "per_hour": "120"}
        for _ in range(2):
            assert browser.post(f"{place}/spread", data=form).location == place
        assert "about 5 hours of sending left at 120 an hour" in said(browser.get(place))
        assert campaign_of(app, alice, campaign_id).next_at is None
        # The key has been used: what it says now is not looked at.
        browser.post(f"{place}/spread", data={**form, "per_hour": "7"})
        assert [entry["per_hour"] for entry in told(app, alice, "campaign.spread_changed")] == [120]
        bad = browser.post(f"{place}/spread", data={"key": "other", "spread": "hour", "per_hour": "x"})
        assert (bad.status_code, "Give a whole number" in said(bad)) == (422, True)
        browser.post(f"{place}/spread", data={"key": "third", "spread": "once"})
        assert "The rest goes out all at once." in said(browser.get(place))
        assert len(claim(app, alice)) > 1
    campaign = campaign_of(app, alice, campaign_id)
    assert (campaign.per_hour, campaign.even_until) == (None, None)


def test_evenly_is_reckoned_within_the_sending_hours(app: Flask, alice: Person, account: int) -> None:
    """From half past seven in the evening until ten the next morning: an hour, and an hour and a half."""
    evening = MONDAY + 9.5 * HOUR
    until = {"even_until": MONDAY + 24 * HOUR, "per_hour": None}
    campaign_id = under_way(app, alice, account, now=evening, **until, **MARKETING)
    (first, *_rest) = batches_of(app, alice, campaign_id)
    assert first.size == 600 * 60 // (2.5 * 3600)
    assert campaign_of(app, alice, campaign_id).next_at == evening + first.size / 600 * 2.5 * HOUR


def test_slowed_down_the_planned_requests_are_cut_before_they_go(
    app: Flask, alice: Person, account: int
) -> None:
    with time_machine.travel(MONDAY, tick=False):
        campaign_id = confirmed(app, alice, account, numbers(500))
        assert [batch.size for batch in batches_of(app, alice, campaign_id)] == [500]
        did(app, alice, lambda: spreading.change(campaign_id, Spread(per_hour=3600), "key"))
        # Until they are cut nothing goes.
        assert claim(app, alice) == []
        assert did(app, alice, lambda: spreading.campaigns_to_cut(MONDAY)) == [campaign_id]
        while did(app, alice, lambda: spreading.cut_some(campaign_id, MONDAY)):
            pass
        assert did(app, alice, lambda: spreading.campaigns_to_cut(MONDAY)) == []
    live = [batch for batch in batches_of(app, alice, campaign_id) if batch.state == "planned"]
    assert sum(batch.size for batch in live) == 500
    assert all(31 <= batch.size < 120 for batch in live)
    with time_machine.travel(MONDAY + timedelta(minutes=1), tick=False):
        assert len(claim(app, alice)) == 1
    gap = (campaign_of(app, alice, campaign_id).next_at or MONDAY) - MONDAY - timedelta(minutes=1)
    assert timedelta(seconds=31) <= gap < timedelta(minutes=2)


def test_what_is_over_keeps_its_speed(app: Flask, browser: FlaskClient, alice: Person, account: int) -> None:
    with time_machine.travel(MONDAY, tick=False):
        campaign_id = confirmed(app, alice, account, numbers(3))
        (only,) = claim(app, alice)
        store(app, alice, [answered(only, code(0, "m1"))])
        place = f"/t/{alice.team}/campaigns/{campaign_id}"
        assert "spread" not in browser.get(place).text
        assert browser.get(f"{place}/spread").location == place
        form = {"key": "k", "spread": "hour", "per_hour": "7"}
        assert browser.post(f"{place}/spread", data=form).location == place
        assert "Nothing of this campaign is left to send" in said(browser.get(place))
    assert campaign_of(app, alice, campaign_id).per_hour is None
    assert told(app, alice, "campaign.spread_changed") == []


def test_another_start_that_its_spread_forbids_changes_nothing(
    app: Flask, alice: Person, account: int
) -> None:
    with time_machine.travel(MONDAY, tick=False):
        later: dict[str, Any] = {"send_at": MONDAY + HOUR, "even_until": MONDAY + 3 * HOUR}
        campaign_id = confirmed(app, alice, account, numbers(3), **later)
        with pytest.raises(DomainError, match="This end comes before it can begin") as refused:
            did(app, alice, lambda: schedule.reschedule(campaign_id, MONDAY + 4 * HOUR, "k"))
    assert refused.value.field == "send_at"
    assert campaign_of(app, alice, campaign_id).send_at == MONDAY + HOUR


# ---- the number of a large campaign ----------------------------------------------------------------------


def test_a_large_campaign_asks_for_its_number(
    app: Flask, browser: FlaskClient, alice: Person, team: str, account: int
) -> None:
    with time_machine.travel(MONDAY, tick=False):
        form = written(account, numbers="\n".join(numbers(5001)), then="review")
        place = place_of(browser.post(f"{team}/new", data=form))
        page = browser.get(f"{place}/review")
        assert faults(page.text) == []
        assert "Type 5,001 to send it." in said(page)
        hidden = {name: carried(page, name) for name in ("key", "seen", "was")}
        for typed in ("", "5000"):
            answer = browser.post(f"{place}/confirm", data={**hidden, "people": typed})
            assert answer.status_code == 422
            assert "Type the number of people, 5,001, to send. Nothing was sent." in said(answer)
            assert faults(answer.text) == []
        assert campaign_of(app, alice, id_of(place)).state == "draft"
        for _ in range(2):
            answer = browser.post(f"{place}/confirm", data={**hidden, "people": " 5,001 "})
            assert answer.status_code == 303
            # A second press ends there too, whatever it carries.
            hidden["people"] = ""
    assert campaign_of(app, alice, id_of(place)).state == "planning"


@pytest.mark.parametrize(
    ("people", "typed", "passes"),
    [
        (5000, "", True),
        (5001, "5001", True),
        (5001, "５００１", True),
        (5001, "50010", False),
        (5001, "-5001", False),
        (5001, "five", False),
    ],
)
def test_from_which_number_on_it_is_asked_for(app: Flask, people: int, typed: str, passes: bool) -> None:
    with app.test_request_context(), nullcontext() if passes else pytest.raises(typed_number.MistypedError):
        typed_number.check(people, typed)
