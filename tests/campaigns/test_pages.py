"""Compose, review, confirm and watch, as a browser without JavaScript does."""

from __future__ import annotations

import re
import threading
from html import unescape

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.campaigns.running import campaign_of, sender
from tests.factories import Person, add_member, make_person, numbers, sign_in
from tests.practice.fixture import PracticeGateway, wait_until
from tests.ui.markup import faults
from webapp import clock, tenancy
from webapp.accounts.models import AuditEntry
from webapp.accounts.permissions import Role
from webapp.campaigns.models import Campaign, Message
from webapp.database import new_id
from webapp.gateway.models import BalanceReading


@pytest.fixture
def browser(app: Flask, alice: Person, account: int) -> FlaskClient:
    return sign_in(app, alice)


def said(answer: TestResponse) -> str:
    """The page's text, as people read it."""
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", answer.text)).split())


def hidden(answer: TestResponse) -> dict[str, str]:
    """The confirm form's hidden fields."""
    form = answer.text[answer.text.index('id="confirm"') :]
    return dict(re.findall(r'name="(key|seen)"[^>]*value="([^"]*)"', form.replace("\n", " ")))


def draft(
    browser: FlaskClient,
    person: Person,
    account: int,
    pasted: str,
    body: str = "Hello",
    signature: str = "Shop",
) -> TestResponse:
    return browser.post(
        f"/t/{person.team}/campaigns/new",
        data={"account": account, "numbers": pasted, "body": body, "signature": signature},
    )


def campaigns(app: Flask, person: Person) -> list[Campaign]:
    with tenancy.team_scope(person.team_id, app) as session:
        return session.query(Campaign).filter(Campaign.team_id == person.team_id).all()


def times_sent(app: Flask, person: Person) -> int:
    """How often the team's log says that a campaign was sent."""
    with tenancy.team_scope(person.team_id, app) as session:
        return session.query(AuditEntry).filter_by(team_id=person.team_id, action="campaign.sent").count()


def test_from_paste_to_the_campaigns_page(
    app: Flask, browser: FlaskClient, alice: Person, account: int
) -> None:
    review = browser.get(draft(browser, alice, account, "13800138000\n1.38E+10\n13800138001").location)
    assert faults(review.text) == []
    assert "2 people get this message" in said(review)
    assert "Excel has rounded it" in said(review)
    assert "Send to 2 people" in said(review)
    place = review.request.path.removesuffix("/review")
    confirmed = browser.post(f"{place}/confirm", data=hidden(review))
    assert (confirmed.status_code, confirmed.location) == (303, place)
    page = browser.get(place)
    assert faults(page.text) == []
    with sender(app):
        campaign_id = int(place.rsplit("/", 1)[1])
        wait_until(lambda: campaign_of(app, alice, campaign_id).state in {"ready", "waiting_for_reports"})


def test_confirming_again_ends_on_the_same_campaign(
    app: Flask, browser: FlaskClient, alice: Person, account: int
) -> None:
    review = browser.get(draft(browser, alice, account, "13800138000").location)
    place = review.request.path.removesuffix("/review")
    other_tab = browser.get(f"{place}/review")
    answers = [browser.post(f"{place}/confirm", data=hidden(page)) for page in (review, review, other_tab)]
    assert [(answer.status_code, answer.location) for answer in answers] == [(303, place)] * 3
    assert browser.get(f"{place}/review").location == place
    assert [campaign.confirm_key for campaign in campaigns(app, alice)] == [hidden(review)["key"]]
    assert times_sent(app, alice) == 1


def test_fifty_confirms_at_once_make_one_campaign(
    app: Flask, browser: FlaskClient, alice: Person, account: int
) -> None:
    review = browser.get(draft(browser, alice, account, "13800138000").location)
    place = review.request.path.removesuffix("/review")
    browsers = [sign_in(app, alice) for _ in range(10)]
    answers: list[tuple[int, str | None]] = []

    def press(one: FlaskClient) -> None:
        for _ in range(5):
            answer = one.post(f"{place}/confirm", data=hidden(review))
            answers.append((answer.status_code, answer.location))

    threads = [threading.Thread(target=press, args=[one]) for one in browsers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [(303, place)] * 50
    assert times_sent(app, alice) == 1


def test_a_confirm_of_something_else_sends_nothing(
    app: Flask, browser: FlaskClient, alice: Person, account: int
) -> None:
    review = browser.get(draft(browser, alice, account, "13800138000").location)
    place = review.request.path.removesuffix("/review")
    answer = browser.post(f"{place}/confirm", data={**hidden(review), "seen": "0" * 64})
    assert answer.status_code == 409
    assert "Nothing was sent" in said(answer)
    assert [campaign.state for campaign in campaigns(app, alice)] == ["draft"]


def test_a_balance_that_is_too_small_is_said_before_sending(
    app: Flask, browser: FlaskClient, alice: Person, account: int
) -> None:
    with tenancy.team_scope(alice.team_id, app) as session:
        session.add(
            BalanceReading(
                team_id=alice.team_id, account_id=account, id=new_id(), read_at=clock.now(), cause="manual",
                outcome="ok", why="ok", said="1", messages=1,
            )
        )  # fmt: skip
        session.commit()
    review = browser.get(draft(browser, alice, account, "13800138000 13800138001").location)
    assert "Not enough balance" in said(review)
    assert "Send to" not in said(review)
    place = review.request.path.removesuffix("/review")
    seen = re.search(r'name="seen" value="(\w+)"', review.text)
    answer = browser.post(f"{place}/confirm", data={"key": "k" * 20, "seen": seen[1] if seen else "x"})
    assert answer.status_code in {409, 422}
    assert [campaign.state for campaign in campaigns(app, alice)] == ["draft"]


@pytest.mark.parametrize(
    ("pasted", "body", "signature", "words"),
    [
        ("", "Hello", "Shop", "Paste at least one mobile number."),
        (" \n ", "Hello", "Shop", "Paste at least one mobile number."),
        ("1.38E+10, 12345, +1 380 013 8000", "Hello", "Shop", "None of these is a mainland mobile number"),
        ("x" * 1_000_001, "Hello", "Shop", "That is too long to paste."),
        ("13800138000", "", "Shop", "Write a text."),
        ("13800138000", "\u200b \x07", "Shop", "Write a text."),
        ("13800138000", "字" * 263, "Shop", "1 characters too long"),
        ("13800138000", "x" * 5000, "Shop", "far too long"),
        ("13800138000", "Hello 【Other】", "Shop", "may only stand around the signature"),
        ("13800138000", "Hello", "", "Enter a signature"),
        ("13800138000", "Hello", "a】b", "one line without brackets"),
        ("13800138000", "Hello", "字" * 21, "at most 20 characters"),
    ],
)
def test_bad_input_is_a_sentence_and_nothing_half_done(
    app: Flask, browser: FlaskClient, alice: Person, account: int,
    pasted: str, body: str, signature: str, words: str,
) -> None:  # fmt: skip
    answer = draft(browser, alice, account, pasted, body, signature)
    assert answer.status_code == 422
    assert words in said(answer)
    assert faults(answer.text) == []
    # What was typed is kept, unless it is too much.
    assert {(one.state, one.recipients) for one in campaigns(app, alice)} <= {("draft", 0)}


def test_braces_and_percent_signs_are_only_text(
    app: Flask, browser: FlaskClient, practice: PracticeGateway, alice: Person, account: int
) -> None:
    body = "}}7*7{{ %s %(x)s <b>&amp;"
    review = browser.get(draft(browser, alice, account, "13800138009", body).location)
    assert body in unescape(review.text)
    assert "<b>&amp;" not in review.text


def test_ten_thousand_numbers_can_be_pasted(browser: FlaskClient, alice: Person, account: int) -> None:
    review = browser.get(draft(browser, alice, account, "\n".join(numbers(10_000))).location)
    assert "10,000 people get this message" in said(review)
    assert "Requests to the gateway 2" in said(review)


def test_the_status_block_says_when_nothing_changed(
    app: Flask, browser: FlaskClient, alice: Person, account: int
) -> None:
    review = browser.get(draft(browser, alice, account, "13800138000").location)
    place = review.request.path.removesuffix("/review")
    browser.post(f"{place}/confirm", data=hidden(review))
    polled = browser.get(f"{place}/status", headers={"HX-Request": "true"})
    assert 'id="status"' in polled.text
    assert "<html" not in polled.text
    version = re.search(r"status\?v=(\w+)", polled.text)
    assert version is not None
    again = browser.get(f"{place}/status?v={version[1]}", headers={"HX-Request": "true"})
    assert again.status_code == 204


def test_a_report_with_a_word_that_nobody_knows_is_shown_as_it_is(
    app: Flask, browser: FlaskClient, alice: Person, account: int
) -> None:
    review = browser.get(draft(browser, alice, account, "13800138000").location)
    place = review.request.path.removesuffix("/review")
    browser.post(f"{place}/confirm", data=hidden(review))
    with sender(app):
        wait_until(lambda: campaigns(app, alice)[0].no_report == 1)
    with tenancy.team_scope(alice.team_id, app) as session:
        session.query(Message).filter(Message.team_id == alice.team_id).update(
            {"outcome": "other", "status": "<b>XYZ"}
        )
        session.commit()
    page = browser.get(place)
    assert "Other: <b>XYZ" in said(page)
    assert "<b>XYZ" not in page.text


def test_a_viewer_looks_and_does_not_send(
    app: Flask, browser: FlaskClient, alice: Person, account: int
) -> None:
    review = browser.get(draft(browser, alice, account, "13800138000").location)
    place = review.request.path.removesuffix("/review")
    bob = make_person(app, "bob")
    add_member(app, bob, alice, Role.VIEWER)
    viewer = sign_in(app, bob)
    assert viewer.post(f"{place}/confirm", data=hidden(review)).status_code == 403
    assert viewer.get(f"/t/{alice.team}/campaigns/new").status_code == 403
    browser.post(f"{place}/confirm", data=hidden(review))
    with sender(app):
        wait_until(lambda: campaigns(app, alice)[0].state != "planning")
    shown = viewer.get(place).text
    assert "138 **** 8000" in shown
    assert "138 0013 8000" not in shown
    assert "138 0013 8000" in browser.get(place).text
