"""The page of one message: everything that happened, in its order, and nothing that did not."""

from __future__ import annotations

import re

import pytest
import time_machine
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.campaigns.running import batches_of
from tests.campaigns.spread import FIRST, PART, bring_to, planned, report, said, smaller_requests, spread_out
from tests.campaigns.test_late_answers import answered, claim, code, store
from tests.conftest import Database
from tests.factories import Person, confirm, numbers, sign_in
from tests.ui.markup import faults
from webapp import clock, tenancy
from webapp.campaigns import addresses, stopping
from webapp.gateway.exchange import Exchange


@pytest.fixture
def browser(app: Flask, alice: Person, account: int) -> FlaskClient:
    return sign_in(app, alice)


def message(
    app: Flask, browser: FlaskClient, person: Person, campaign_id: int, mobile: str, **headers: str
) -> TestResponse:
    with tenancy.team_scope(person.team_id, app):
        token = addresses.token_of(campaign_id, (mobile, 0))
    answer = browser.get(f"/t/{person.team}/campaigns/{campaign_id}/m/{token}", headers=headers)
    assert answer.status_code == 200
    assert faults(answer.text, fragment=bool(headers)) == []
    return answer


def events(answer: TestResponse) -> list[str]:
    """The titles of the steps, in their order."""
    return re.findall(r'<div class="timeline-head"><b>([^<]*)</b>', answer.text)


def test_the_steps_stand_in_their_order(
    app: Flask, database: Database, browser: FlaskClient, alice: Person, account: int
) -> None:
    campaign_id = confirm(app, alice, account, numbers(2))
    (claimed,) = claim(app, alice)
    store(app, alice, [answered(claimed, code(0, "M1"))])
    with database.owner() as owner:
        owner.execute("UPDATE campaign SET planned_at = confirmed_at WHERE id = %s", [campaign_id])
    report(app, database, alice, account, campaign_id, 1, ["UNKNOWN"])
    report(app, database, alice, account, campaign_id, 1, ["DELIVRD"])
    report(app, database, alice, account, campaign_id, 1, ["DELIVRD"])
    report(app, database, alice, account, campaign_id, 1, ["<b>odd"])
    page = message(app, browser, alice, campaign_id, numbers(1)[0])
    assert events(page) == [
        f"Confirmed by {alice.email}",
        "Put into batch 1",
        "Handed to the gateway",
        "The gateway took it",
        "Report: not delivered",
        "Report: delivered",
        "Report: a word that nobody here knows",
    ]
    text = said(page)
    assert "Batch 1, attempt 1" in text
    assert "Its id there: M1" in text
    assert "The gateway wrote: UNKNOWN" in text
    assert "It came 2 times, last at" in text
    assert text.count("This report counts") == 1
    assert text.index("The gateway wrote: DELIVRD") < text.index("This report counts")
    assert "<b>odd" not in page.text
    assert "The gateway wrote: <b>odd" in text
    assert "【Shop】Hello" in text
    assert "Delivered" in text
    assert "137 0000 0000" in text


def test_a_report_that_came_before_the_answer_stands_before_it(
    app: Flask, database: Database, browser: FlaskClient, alice: Person, account: int
) -> None:
    campaign_id = confirm(app, alice, account, numbers(1))
    (claimed,) = claim(app, alice)
    report(app, database, alice, account, campaign_id, 1, ["DELIVRD"])
    store(app, alice, [answered(claimed, code(0, "M1"))])
    page = message(app, browser, alice, campaign_id, numbers(1)[0])
    assert events(page)[-3:] == ["Handed to the gateway", "Report: delivered", "The gateway took it"]


def test_a_repeated_report_is_one_step_that_says_how_often(
    app: Flask, database: Database, browser: FlaskClient, alice: Person, account: int
) -> None:
    campaign_id = planned(app, alice, account, 3)
    bring_to(app, alice, campaign_id, ["accepted"])
    with time_machine.travel(clock.now(), tick=False):
        for _ in range(3):
            report(app, database, alice, account, campaign_id, 1, ["DELIVRD"])
    page = message(app, browser, alice, campaign_id, str(FIRST + 1))
    assert events(page).count("Report: delivered") == 1
    assert "It came 3 times, last at" in said(page)
    assert "This report counts" not in said(page), "there is only one"


@pytest.mark.parametrize(
    ("answer", "steps"),
    [
        (code(2), ["Handed to the gateway", "The gateway refused it"]),
        (code(5), ["Handed to the gateway", "The gateway refused it"]),
        (code(7), ["Handed to the gateway", "No clear answer: it may or may not have been sent"]),
    ],
)
def test_each_answer_has_its_words(
    app: Flask,
    browser: FlaskClient,
    alice: Person,
    account: int,
    answer: Exchange,
    steps: list[str],
) -> None:
    campaign_id = confirm(app, alice, account, numbers(1))
    (claimed,) = claim(app, alice)
    store(app, alice, [answered(claimed, answer)])
    page = message(app, browser, alice, campaign_id, numbers(1)[0])
    assert events(page)[-2:] == steps


def test_what_was_cut_in_two_tells_of_both_requests(
    app: Flask, browser: FlaskClient, alice: Person, account: int
) -> None:
    campaign_id = confirm(app, alice, account, numbers(4))
    (claimed,) = claim(app, alice)
    store(app, alice, [answered(claimed, code(2))])
    child = next(batch for batch in batches_of(app, alice, campaign_id) if batch.parent == 1)
    for one in claim(app, alice):
        store(app, alice, [answered(one, code(0, f"M{one.batch_no}"))])
    page = message(app, browser, alice, campaign_id, child.mobiles[0])
    assert events(page)[1:] == [
        "Put into batch 1",
        "Handed to the gateway",
        "The gateway refused it",
        "Handed to the gateway",
        "The gateway took it",
    ]
    assert f"Its id there: M{child.no}" in said(page)


def test_what_was_never_sent_says_why(
    app: Flask, database: Database, browser: FlaskClient, alice: Person, account: int
) -> None:
    smaller_requests(database)
    campaign_id = planned(app, alice, account, 3)
    with app.test_request_context(), tenancy.team_scope(alice.team_id, app) as session:
        stopping.stop_campaign(campaign_id)
        session.commit()
    opted_out = message(app, browser, alice, campaign_id, str(FIRST))
    assert events(opted_out)[-1] == "Left out: this number has opted out"
    assert "No text was made for this number." in said(opted_out)
    assert "Handed to the gateway" not in said(opted_out)
    stopped = message(app, browser, alice, campaign_id, str(FIRST + 1))
    assert events(stopped)[-1] == "Left out: the campaign was stopped"
    assert "It was left out and never handed to the gateway." in said(stopped)


def test_the_dialog_gets_a_part_and_others_the_page(
    app: Flask, database: Database, browser: FlaskClient, alice: Person, account: int
) -> None:
    campaign_id = spread_out(app, database, alice, account)
    part = message(app, browser, alice, campaign_id, str(FIRST + 1), **PART)
    assert "<html" not in part.text
    page = message(app, browser, alice, campaign_id, str(FIRST + 1))
    assert "<html" in page.text
    assert page.text.count("<h1>") == 1
    assert "137 0000 0001" not in re.findall(r"<title>(.*?)</title>", page.text)[0]
    table = browser.get(f"/t/{alice.team}/campaigns/{campaign_id}")
    assert re.search(r'<a class="nowrap" href="[^"]*/m/[^"]*" data-dialog="message" hx-get=', table.text)


def test_a_number_that_is_not_in_the_campaign_is_not_found(
    app: Flask, browser: FlaskClient, alice: Person, account: int
) -> None:
    campaign_id = planned(app, alice, account, 3)
    with tenancy.team_scope(alice.team_id, app):
        tokens = [
            addresses.token_of(campaign_id, ("13800000000", 0)),
            addresses.token_of(campaign_id, (str(FIRST + 1), 1)),
            addresses.token_of(campaign_id, ("x" + "0" * 16, 0)),
        ]
    for token in tokens:
        assert browser.get(f"/t/{alice.team}/campaigns/{campaign_id}/m/{token}").status_code == 404
