"""The page on which a person decides: what it shows, and what its forms do."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.campaigns.deciding import rolled_up, set_account, states, tallies, unconfirmed
from tests.campaigns.running import campaign_of
from tests.campaigns.test_late_answers import answered, claim, code, store
from tests.campaigns.test_pages import said
from tests.campaigns.test_repeats import LOST, give_up_at
from tests.conftest import Database
from tests.factories import Person, add_member, confirm, make_person, numbers, sign_in
from tests.ui.markup import faults
from webapp import clock, tenancy
from webapp.accounts.permissions import Role
from webapp.campaigns import stopping
from webapp.database import id_at
from webapp.gateway.exchange import Exchange, Kind
from webapp.gateway.models import BalanceReading


@pytest.fixture
def browser(app: Flask, alice: Person, account: int) -> FlaskClient:
    return sign_in(app, alice)


def page(browser: FlaskClient, person: Person, campaign_id: int, more: str = "") -> TestResponse:
    answer = browser.get(f"/t/{person.team}/campaigns/{campaign_id}/unconfirmed{more}")
    assert answer.status_code == 200
    assert faults(answer.text) == []
    return answer


def choose(
    browser: FlaskClient, person: Person, campaign_id: int, choice: str, *, no: int = 1, sure: bool = False
) -> TestResponse:
    form = {f"{no}-choice": choice} | ({f"{no}-sure": "y"} if sure else {})
    return browser.post(f"/t/{person.team}/campaigns/{campaign_id}/batches/{no}/decide", data=form)


def unclear(app: Flask, person: Person, account: int, exchange: Exchange, count: int = 9) -> int:
    """A campaign with a batch that got this answer, long ago."""
    campaign_id = confirm(app, person, account, numbers(count), body="x" * 90)
    (claimed,) = claim(app, person)
    store(app, person, [answered(claimed, exchange)])
    give_up_at(app, person, clock.now() + timedelta(hours=1))
    return campaign_id


def read(app: Flask, person: Person, account: int, messages: int, seconds: float) -> None:
    """A balance that was read so many seconds from now."""
    at = clock.now() + timedelta(seconds=seconds)
    with tenancy.team_scope(person.team_id, app) as session:
        session.add(
            BalanceReading(
                team_id=person.team_id, account_id=account, id=id_at(at), read_at=at, cause="periodic",
                outcome="ok", why="accepted", said=str(messages), messages=messages,
            )
        )  # fmt: skip
        session.commit()


def test_everything_that_is_known_is_shown(
    app: Flask, browser: FlaskClient, alice: Person, account: int
) -> None:
    echo = f"<html>overloaded {numbers(1)[0]} \x1b[2J</html>".encode()
    campaign_id = unclear(app, alice, account, Exchange(Kind.ANSWERED, 502, echo))
    shown = page(browser, alice, campaign_id)
    words = said(shown)
    assert "Batch 1 9 people" in words
    assert "Its server answered with an error." in words
    assert "HTTP status 502" in words
    assert f"<html>overloaded {numbers(1)[0]} \ufffd[2J</html>" in words
    assert "From 137 0000 0000 to 137 0000 0008" in words
    assert "No report has come for these people." in words
    assert "they are waited for until" in words
    assert "x" * 90 in words
    assert "up to 9 people may get this twice" in words
    assert "<html>overloaded" not in shown.text, "it is quoted"


def test_whoever_may_not_see_numbers_sees_none_and_does_not_decide(
    app: Flask, browser: FlaskClient, alice: Person, account: int
) -> None:
    echo = f"no: 86{numbers(1)[0]},{numbers(2)[1]}".encode()
    campaign_id = unclear(app, alice, account, Exchange(Kind.ANSWERED, 200, echo))
    bob = make_person(app, "bob")
    add_member(app, bob, alice, Role.VIEWER)
    viewer = sign_in(app, bob)
    shown = page(viewer, alice, campaign_id)
    assert "137 **** 0000" in said(shown)
    assert not re.search(r"137 ?0000 ?000[0-9]", shown.text)
    assert "You may look at this, but not decide." in said(shown)
    assert "<form" not in shown.text[shown.text.index("<main") : shown.text.index("</main")]
    assert choose(viewer, alice, campaign_id, "was_sent").status_code == 403
    place = f"/t/{alice.team}/campaigns/{campaign_id}/unconfirmed"
    assert viewer.post(place, data={"all-choice": "was_sent"}).status_code == 403
    assert states(app, alice, campaign_id) == ["unconfirmed"]


@pytest.mark.parametrize(
    ("after", "words"),
    [
        (982, "It fell by 18 = 9 × 2 parts: probably sent."),
        (1000, "It did not change: probably not sent."),
        (990, "It fell by 10. The whole batch costs 18 = 9 × 2 parts."),
        (2000, "It rose by 1,000, so it tells nothing."),
    ],
)
def test_the_balance_tells_what_it_can(
    app: Flask, browser: FlaskClient, alice: Person, account: int, after: int, words: str
) -> None:
    read(app, alice, account, 5000, -600)
    read(app, alice, account, 1000, -1)
    campaign_id = unclear(app, alice, account, LOST)
    assert "Balance" not in said(page(browser, alice, campaign_id)).split("Batch 1")[1]
    read(app, alice, account, after, 5)
    read(app, alice, account, 1, 600)
    assert words in said(page(browser, alice, campaign_id))


def test_the_balance_tells_nothing_where_others_sent_meanwhile(
    app: Flask, browser: FlaskClient, alice: Person, account: int
) -> None:
    read(app, alice, account, 1000, -1)
    campaign_id = unclear(app, alice, account, LOST)
    confirm(app, alice, account, numbers(2), body="Other")
    (other,) = claim(app, alice)
    store(app, alice, [answered(other, code(0, "m5"))])
    read(app, alice, account, 982, 5)
    words = said(page(browser, alice, campaign_id))
    assert "Other messages went through this account in between" in words
    assert "probably sent" not in words


def test_sending_again_needs_the_tick_and_is_done_once(
    app: Flask, database: Database, browser: FlaskClient, alice: Person, account: int
) -> None:
    campaign_id, _claimed = unconfirmed(app, alice, account)
    refused = choose(browser, alice, campaign_id, "send_again")
    assert refused.status_code == 422
    assert "Nothing was sent. To send again, tick" in said(refused)
    assert faults(refused.text) == []
    assert states(app, alice, campaign_id) == ["unconfirmed"]
    for _press in range(3):
        answer = choose(browser, alice, campaign_id, "send_again", sure=True)
        assert answer.status_code == 303
        assert "5 messages are sent again." in said(browser.get(answer.location))
    assert states(app, alice, campaign_id) == ["replaced", "planned"]
    assert rolled_up(database) == {}
    assert "Nothing of this campaign waits for a decision." in said(page(browser, alice, campaign_id))


@pytest.mark.parametrize(
    ("choice", "words", "state"),
    [
        ("wait", "Nothing was changed.", "unconfirmed"),
        ("was_sent", "5 messages count as accepted now.", "accepted"),
        ("do_not_send", "5 messages stay not confirmed; nothing more is tried.", "closed"),
    ],
)
def test_the_other_answers_need_no_tick(
    app: Flask, browser: FlaskClient, alice: Person, account: int, choice: str, words: str, state: str
) -> None:
    campaign_id, _claimed = unconfirmed(app, alice, account)
    answer = choose(browser, alice, campaign_id, choice)
    assert words in said(browser.get(answer.location))
    assert states(app, alice, campaign_id) == [state]
    later = said(page(browser, alice, campaign_id))
    assert ("alice@example.org chose to wait" in later) is (choice == "wait")
    assert ("5 messages stay “Not confirmed”, as was decided." in later) is (choice == "do_not_send")
    shown = said(browser.get(f"/t/{alice.team}/campaigns/{campaign_id}"))
    assert ("decided to send nothing more here" in shown) is (choice == "do_not_send")
    assert ("Review 5 messages" in shown) is (choice == "wait")


def test_what_was_settled_meanwhile_is_told(
    app: Flask, browser: FlaskClient, alice: Person, account: int
) -> None:
    campaign_id, claimed = unconfirmed(app, alice, account)
    page(browser, alice, campaign_id)
    store(app, alice, [answered(claimed, code(0, "m1"))])
    answer = choose(browser, alice, campaign_id, "send_again", sure=True)
    assert "Reports have settled this meanwhile" in said(browser.get(answer.location))
    assert states(app, alice, campaign_id) == ["accepted"]


@pytest.mark.parametrize("form", [{}, {"1-choice": ""}, {"1-choice": "burn"}, {"choice": "was_sent"}])
def test_an_odd_form_decides_nothing(
    app: Flask, browser: FlaskClient, alice: Person, account: int, form: dict[str, str]
) -> None:
    campaign_id, _claimed = unconfirmed(app, alice, account)
    place = f"/t/{alice.team}/campaigns/{campaign_id}"
    assert browser.post(f"{place}/batches/1/decide", data=form).status_code in {303, 422}
    assert states(app, alice, campaign_id) == ["unconfirmed"]
    for no in (0, 2, 2**31, 2**70):
        assert browser.post(f"{place}/batches/{no}/decide", data=form).status_code == 404
    for after in (-1, 2**31, 2**70):
        assert browser.get(f"{place}/unconfirmed?after={after}").status_code == 404


def test_nothing_of_a_stopped_campaign_is_offered_again(
    app: Flask, browser: FlaskClient, alice: Person, account: int
) -> None:
    campaign_id = confirm(app, alice, account, numbers(5))
    (claimed,) = claim(app, alice)
    store(app, alice, [answered(claimed, LOST)])
    words = said(page(browser, alice, campaign_id))
    assert "Still being asked about" in words
    assert "the identical request is made again at" in words
    assert "Send again" not in words
    with app.test_request_context(), tenancy.team_scope(alice.team_id, app) as session:
        stopping.stop_campaign(campaign_id)
        session.commit()
    shown = page(browser, alice, campaign_id)
    assert "This campaign was stopped, so nothing of it can be sent again." in said(shown)
    assert re.search(r'value="send_again"[^>]* disabled', shown.text)
    answer = choose(browser, alice, campaign_id, "send_again", sure=True)
    assert "This campaign was stopped" in said(browser.get(answer.location))
    assert states(app, alice, campaign_id) == ["unconfirmed"]


def test_many_batches_are_paged_and_decided_at_once(
    app: Flask, browser: FlaskClient, alice: Person, account: int
) -> None:
    set_account(app, alice, account, numbers_per_request=1, in_flight=16)
    campaign_id = confirm(app, alice, account, numbers(24))
    for _round in range(2):
        store(app, alice, [answered(one, LOST) for one in claim(app, alice)])
    give_up_at(app, alice, clock.now() + timedelta(hours=1))
    first = page(browser, alice, campaign_id)
    assert len(re.findall(r'id="batch-\d+"', first.text)) == 20
    assert "Decide for all 24 batches" in said(first)
    assert "up to 24 people may get this twice" in said(first)
    second = page(browser, alice, campaign_id, "?after=20")
    assert len(re.findall(r'id="batch-\d+"', second.text)) == 4
    place = f"/t/{alice.team}/campaigns/{campaign_id}/unconfirmed"
    seen = re.search(r'name="all-seen"[^>]*value="(\w+)"', first.text)
    assert seen is not None
    form = {"all-choice": "send_again", "all-seen": seen[1]}
    assert browser.post(place, data=form).status_code == 422
    assert tallies(app, alice, campaign_id) == {"unconfirmed": 24}
    choose(browser, alice, campaign_id, "do_not_send", no=24)
    changed = browser.post(place, data=form | {"all-sure": "y"})
    assert "Something changed since you looked" in said(browser.get(changed.location))
    assert tallies(app, alice, campaign_id) == {"unconfirmed": 24}
    seen = re.search(r'name="all-seen"[^>]*value="(\w+)"', page(browser, alice, campaign_id).text)
    assert seen is not None
    form |= {"all-seen": seen[1], "all-sure": "y"}
    done = browser.post(place, data=form)
    assert "23 messages are sent again." in said(browser.get(done.location))
    browser.post(place, data=form)
    assert tallies(app, alice, campaign_id) == {"waiting": 23, "unconfirmed": 1}
    assert campaign_of(app, alice, campaign_id).state == "sending"


def test_the_accounts_page_tells_what_its_gateway_did(
    app: Flask, browser: FlaskClient, alice: Person, account: int
) -> None:
    place = f"/t/{alice.team}/settings/gateways/{account}"
    assert "This gateway" not in said(browser.get(place))
    set_account(app, alice, account, promise_broken_at=clock.now(), sends_rest_at=clock.now())
    assert "Somebody has switched repeats on again since." in said(browser.get(place))
    set_account(app, alice, account, repeat_mode="ask")
    shown = browser.get(place)
    assert faults(shown.text) == []
    assert "one number got the same message twice" in said(shown)
    assert "Since then nothing is repeated by itself" in said(shown)
    assert "refused for one bad number" in said(shown)
