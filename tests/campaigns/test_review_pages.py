"""The last look at a campaign: what it warns of, tests of it, and the confirm that finds something else."""

from __future__ import annotations

import hashlib
import threading
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.campaigns.running import sender
from tests.campaigns.writing import (
    HTMX,
    A,
    B,
    C,
    campaigns,
    carried,
    has_left,
    id_of,
    place_of,
    said,
    written,
)
from tests.factories import Person, confirm, sign_in, uids
from tests.practice.fixture import PracticeGateway, wait_until
from tests.ui.markup import faults
from webapp import clock, tenancy
from webapp.campaigns.models import Campaign
from webapp.contacts import optouts
from webapp.gateway import operations as gateway
from webapp.gateway.models import GatewayAccount

# Ten past ten in the evening where the team is.
LATE = datetime(2026, 11, 9, 14, 10, tzinfo=UTC)


@pytest.fixture
def browser(app: Flask, alice: Person, account: int) -> FlaskClient:
    return sign_in(app, alice)


@pytest.fixture
def team(alice: Person) -> str:
    return f"/t/{alice.team}/campaigns"


def drafted(browser: FlaskClient, team: str, account: int, **more: str) -> str:
    """The address of a new draft."""
    return place_of(browser.post(f"{team}/new", data=written(account, then="review") | more))


def confirmed(browser: FlaskClient, review: TestResponse, **more: str) -> TestResponse:
    """Press the button of a review."""
    form = {name: carried(review, name) for name in ("key", "seen", "was")}
    place = review.request.path.rpartition("/")[0]
    return browser.post(f"{place}/confirm", data=form | more)


def opt_out(app: Flask, person: Person, mobile: str) -> None:
    """Let a number get nothing any more."""
    with tenancy.team_scope(person.team_id, app) as session:
        optouts.opt_out([mobile], "hand", person.user_id, clock.now())
        session.commit()


def sent_tests(app: Flask, person: Person, place: str) -> list[Campaign]:
    """The tests that were sent from a draft."""
    return [one for one in campaigns(app, person) if one.test_of == id_of(place)]


def pressed(
    browser: FlaskClient, account: int, place: str, key: str = "k" * 20, mobile: str = C, **more: str
) -> TestResponse:
    """Press Test on the compose page of a draft that nobody changed meanwhile."""
    form = written(account, then="test", test_mobile=mobile, test_key=key) | more
    return browser.post(f"{place}/edit", data=form, headers=HTMX)


# ---- what it shows -----------------------------------------------------------------------------------


def test_the_shortest_and_the_longest_text_are_shown(browser: FlaskClient, team: str, account: int) -> None:
    lines = f"{A}, Li\n{B}, Wang Fang\n{C}\n12345\n{A}, Li\n{A}, Wu"
    place = drafted(browser, team, account, numbers=lines, body="Dear {name}, hello")
    review = browser.get(f"{place}/review")
    assert faults(review.text) == []
    text = said(review)
    for words in (
        "2 different texts. The shortest: 【Shop】Dear Li, hello The longest: 【Shop】Dear Wang Fang, hello",
        "2 people get this message. Left out: 2 duplicates, 1 without a value, and 1 bad entry.",
        "stands here already: it gets the message once 1",
        "Requests to the gateway 2",
        "Send to 2 people",
    ):
        assert words in text


def test_a_text_that_went_to_them_today_is_said(
    app: Flask, browser: FlaskClient, alice: Person, team: str, account: int
) -> None:
    confirm(app, alice, account, [A, B], "Same text")
    confirm(app, alice, account, [C], "Another text")
    place = drafted(browser, team, account, numbers=f"{A} {C}", body="Same text")
    warning = "1 of these people is in a campaign with this text already"
    assert warning in said(browser.get(f"{place}/review"))
    with sender(app):
        wait_until(lambda: all(one.handed_over_at for one in campaigns(app, alice)[:2]))
    assert warning in said(browser.get(f"{place}/review"))
    for other in ({"body": "New text"}, {"numbers": C}):
        fresh = drafted(browser, team, account, **({"body": "Same text"} | other))
        assert "with this text already" not in said(browser.get(f"{fresh}/review"))
    with time_machine.travel(clock.now() + timedelta(hours=25), tick=True):
        later = sign_in(app, alice)
        assert "with this text already" not in said(later.get(f"{place}/review"))


@pytest.mark.parametrize(
    ("kind", "send_at", "words"),
    [
        ("marketing", "", "It is 22:10, and these messages go out from 08:30 to 20:30. "
         "It will start on 10 Nov 2026, 08:30."),
        ("marketing", "2026-11-12T23:00", "23:00 is outside the sending hours: these messages go out from "
         "08:30 to 20:30. It will start on 13 Nov 2026, 08:30."),
        ("marketing", "2026-11-12T09:00", ""),
        ("notice", "", ""),
    ],
)  # fmt: skip
def test_a_start_outside_the_sending_hours_is_said(
    app: Flask, alice: Person, team: str, account: int, kind: str, send_at: str, words: str
) -> None:
    with time_machine.travel(LATE, tick=True):
        browser = sign_in(app, alice)
        when = {"when": "later", "send_at": send_at} if send_at else {}
        place = drafted(browser, team, account, kind=kind, body="Sale! 拒收请回复R", **when)
        text = said(browser.get(f"{place}/review"))
    assert ("Outside the sending hours" in text) == bool(words)
    assert words in text


def test_a_campaign_for_later_is_scheduled(app: Flask, alice: Person, team: str, account: int) -> None:
    with time_machine.travel(LATE, tick=True):
        browser = sign_in(app, alice)
        place = drafted(
            browser, team, account, when="later", send_at="2026-11-12T09:00", not_after="2026-11-12T12:00"
        )
        review = browser.get(f"{place}/review")
        for words in (
            "On 12 Nov 2026, 09:00 (Asia/Shanghai).",
            "Nothing of it goes out after 12 Nov 2026, 12:00",
            "Schedule for 2 people",
        ):
            assert words in said(review)
        assert confirmed(browser, review).location == place
    (campaign,) = campaigns(app, alice)
    assert campaign.send_at == datetime(2026, 11, 12, 1, 0, tzinfo=UTC)
    assert campaign.begin_at == campaign.send_at
    with time_machine.travel(LATE + timedelta(days=4), tick=True):
        page = sign_in(app, alice).get(f"{team}/new?from={campaign.id}")
        assert "2026-11-12" not in page.text


def test_a_time_that_passed_while_it_was_looked_at_sends_nothing(
    app: Flask, alice: Person, team: str, account: int
) -> None:
    with time_machine.travel(LATE, tick=True):
        browser = sign_in(app, alice)
        place = drafted(browser, team, account, when="later", send_at="2026-11-09T22:30")
        review = browser.get(f"{place}/review")
    with time_machine.travel(LATE + timedelta(hours=1), tick=True):
        answer = confirmed(browser, review)
        assert answer.location == f"{place}/edit"
        assert "The time to send at has passed. Nothing was sent" in said(browser.get(answer.location))
    assert [one.state for one in campaigns(app, alice)] == ["draft"]


def test_a_confirm_of_other_numbers_says_what_changed(
    app: Flask, browser: FlaskClient, alice: Person, team: str, account: int
) -> None:
    place = drafted(browser, team, account, numbers=f"{A} {B} {C}")
    review = browser.get(f"{place}/review")
    opt_out(app, alice, B)
    stale = confirmed(browser, review)
    assert stale.status_code == 409
    assert faults(stale.text) == []
    assert "When you looked it was 3; now 2 people get it." in said(stale)
    assert "Send to 2 people" in said(stale)
    browser.post(f"{place}/edit", data=written(account, numbers=f"{A} {B} {C}", body="Other", then="save"))
    other = confirmed(browser, stale)
    assert "the text, the account or the time is another now" in said(other)
    for was in ("", "x", "1-2-3", "-", "9" * 30 + "-1"):
        assert confirmed(browser, stale, was=was).status_code == 409
    assert [one.state for one in campaigns(app, alice)] == ["draft"]
    assert confirmed(browser, other).location == place


# ---- tests -------------------------------------------------------------------------------------------


def test_a_test_arrives_with_the_text_of_a_recipient(
    app: Flask, browser: FlaskClient, practice: PracticeGateway, alice: Person, team: str, account: int
) -> None:
    form = {"numbers": f"{A}\n{B}, Wang Fang\n{C}, Li", "body": "Dear {name}, hello"}
    place = place_of(browser.post(f"{team}/draft", data=written(account, **form), headers=HTMX))
    line = pressed(browser, account, place, mobile="+86 139 0000 0009", version="1", **form)
    assert (line.status_code, line.headers["HX-Replace-Url"]) == (200, f"{place}/edit")
    assert faults(line.text, fragment=True) == []
    assert "Waiting to send Test to 139 **** 0009" in said(line)
    assert 'hx-trigger="every 2s"' in line.text
    assert "test_key" not in line.text, "a second press would carry another key"
    own = pressed(browser, account, place, "o" * 20, mobile=C, version="1", **form)
    assert own.status_code == 200
    with sender(app):
        wait_until(lambda: [one.no_report for one in sent_tests(app, alice, place)] == [1, 1])
    polled = browser.get(f"{place}/test", headers=HTMX)
    assert faults(polled.text, fragment=True) == []
    assert "Accepted Test to 138 **** 8002" in said(polled)
    assert carried(polled, "test_key") not in ("", "k" * 20, "o" * 20)
    requests = [one for one in practice.submissions() if one.get("uid") == uids[account]]
    texts = {"13900000009": "【Shop】Dear Wang Fang, hello", C: "【Shop】Dear Li, hello"}
    assert {tuple(one["mobiles"]): one["content_sha256"] for one in requests} == {
        (mobile,): hashlib.sha256(text.encode()).hexdigest() for mobile, text in texts.items()
    }
    review = browser.get(f"{place}/review")
    assert "Accepted Test to 138 **** 8002" in said(review)
    assert "changed after this test" not in said(review)
    browser.post(f"{place}/edit", data=written(account, then="save", version="1"))
    assert "The text was changed after this test." in said(browser.get(f"{place}/review"))


def test_a_test_that_is_over_is_not_asked_for_again(
    app: Flask, browser: FlaskClient, alice: Person, team: str, account: int
) -> None:
    place = place_of(browser.post(f"{team}/draft", data=written(account), headers=HTMX))
    assert pressed(browser, account, place).status_code == 200
    (test,) = sent_tests(app, alice, place)
    with time_machine.travel(clock.now() + timedelta(minutes=11), tick=True):
        assert "hx-trigger" not in sign_in(app, alice).get(f"{place}/test", headers=HTMX).text
    browser.post(f"{team}/{test.id}/stop")
    with sender(app):
        wait_until(lambda: sent_tests(app, alice, place)[0].state == "stopped")
    line = browser.get(f"{place}/test", headers=HTMX)
    assert "Not sent Test to" in said(line) or "Stopped Test to" in said(line)
    assert "hx-trigger" not in line.text


def test_pressing_test_twice_sends_one(
    app: Flask, browser: FlaskClient, alice: Person, team: str, account: int
) -> None:
    place = place_of(browser.post(f"{team}/draft", data=written(account), headers=HTMX))
    browsers, answers = [sign_in(app, alice) for _ in range(4)], []

    def press(one: FlaskClient) -> None:
        answers.append(pressed(one, account, place).status_code)
        form = {"test_mobile": C, "test_key": "k" * 20}
        answers.append(one.post(f"{place}/test", data=form).status_code)

    threads = [threading.Thread(target=press, args=[one]) for one in browsers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers) == [200] * 4 + [303] * 4
    (test,) = sent_tests(app, alice, place)
    assert (test.kind, test.recipients, test.confirm_key) == ("test", 1, "k" * 20)
    assert test.begin_at == test.confirmed_at, "a test does not wait"
    assert pressed(browser, account, place, "n" * 20).status_code == 200
    assert len(sent_tests(app, alice, place)) == 2


def test_without_names_a_test_says_so(
    app: Flask, browser: FlaskClient, alice: Person, team: str, account: int
) -> None:
    form = {"numbers": "", "body": "Dear {name}"}
    for more, words, content in (
        ({}, "so a test says {name} as it is written", "【Shop】Dear {name}"),
        ({"default_name": "guest"}, "so a test says “guest”", "【Shop】Dear guest"),
    ):
        new = written(account, then="test", test_mobile=C, test_key=content, **form, **more)
        answer = browser.post(f"{team}/new", data=new)
        page = browser.get(answer.location)
        assert words in said(page)
        assert f"Test to 138 **** {C[-4:]}" in said(page)
        assert sent_tests(app, alice, place_of(answer))[0].content == content


@pytest.mark.parametrize(
    ("mobile", "more", "words"),
    [
        ("", {}, "Enter the mobile number that the test goes to."),
        ("12345", {}, "“12345” is not one mainland mobile number"),
        (f"{A} {B}", {}, "is not one mainland mobile number"),
        ("<b>" * 5000, {}, "is not one mainland mobile number"),
        (B, {}, "This number has opted out of messages from your team, so no test was sent to it."),
        (C, {"body": ""}, "Write a text."),
        (C, {"signature": ""}, "Enter a signature."),
        (C, {"body": "x" * 269}, "characters too long"),
        (C, {"body": "Dear {nmae}"}, "Did you mean {name}?"),
    ],
)
def test_a_test_that_cannot_be_sent_says_why(
    app: Flask, browser: FlaskClient, alice: Person, team: str, account: int,
    mobile: str, more: dict[str, str], words: str,
) -> None:  # fmt: skip
    opt_out(app, alice, B)
    place = place_of(browser.post(f"{team}/draft", data=written(account) | more, headers=HTMX))
    line = pressed(browser, account, place, mobile=mobile, version="1", **more)
    assert line.status_code == 422
    assert words in said(line)
    assert faults(line.text, fragment=True) == []
    page = browser.post(
        f"{place}/edit",
        data=written(account, then="test", test_mobile=mobile, test_key="k", version="1") | more,
    )
    assert page.status_code == 422
    assert faults(page.text) == []
    assert words in said(page)
    assert [one.kind for one in campaigns(app, alice)] == ["notice"]


def test_a_test_needs_a_balance_and_an_account_that_is_on(
    app: Flask, browser: FlaskClient, alice: Person, team: str, account: int
) -> None:
    place = drafted(browser, team, account)
    has_left(app, alice, account, 0)
    poor = browser.post(f"{place}/test", data={"test_mobile": C, "test_key": "k" * 20})
    assert poor.status_code == 422
    assert "Not enough balance: this needs 1 messages and 0 are left" in said(poor)
    has_left(app, alice, account, 10)
    with tenancy.team_scope(alice.team_id, app) as session, app.test_request_context():
        tenancy.open_scope(alice.team_id)
        gateway.set_disabled(session.get_one(GatewayAccount, (alice.team_id, account)), disabled=True)
        session.commit()
    off = browser.post(f"{place}/test", data={"test_mobile": C, "test_key": "k" * 20})
    assert "This gateway account is switched off. Nothing was sent." in said(off)
    assert "(switched off)" not in said(browser.get(f"{place}/edit"))
    assert [one.kind for one in campaigns(app, alice)] == ["notice"]
    assert browser.post(f"{place}/test", data={"test_mobile": C}).status_code == 400
