"""The page of a contact: every message of one number, over all campaigns, newest first."""

from __future__ import annotations

import re

import pytest
from flask import Flask

from tests.conftest import Database
from tests.factories import Person, confirm, connect_practice, make_person, sign_in
from tests.practice.fixture import PracticeGateway
from webapp import clock, tenancy
from webapp.campaigns import planning
from webapp.contacts import operations
from webapp.reports import person

MOBILE = "13800002071"


@pytest.fixture
def alice(app: Flask) -> Person:
    return make_person(app)


@pytest.fixture
def account(app: Flask, alice: Person, practice: PracticeGateway) -> int:
    return connect_practice(app, alice, practice)


def contact(app: Flask, alice: Person) -> int:
    with tenancy.team_scope(alice.team_id, app) as session, app.test_request_context():
        contact_id = operations.add(MOBILE, "王芳", {}, alice.user_id).id
        session.commit()
    return contact_id


def planned(app: Flask, alice: Person, account: int, mobiles: list[str]) -> int:
    campaign_id = confirm(app, alice, account, mobiles)
    with tenancy.team_scope(alice.team_id, app) as session:
        while planning.plan_chunk(campaign_id):
            session.commit()
        session.commit()
    return campaign_id


def test_messages_stand_with_their_status_and_lead_to_their_pages(
    app: Flask, alice: Person, account: int
) -> None:
    first = planned(app, alice, account, [MOBILE, "13800002072"])
    planned(app, alice, account, ["13800002072"])
    second = planned(app, alice, account, [MOBILE])
    browser = sign_in(app, alice)
    page = browser.get(f"/t/{alice.team}/contacts/{contact(app, alice)}").text
    assert re.findall(r'<th scope="row"><a href="[^"]*/campaigns/(\d+)"', page) == [str(second), str(first)]
    assert page.count("Waiting to send") == 2
    traced = re.findall(r'href="([^"]*/m/[^"]+)"', page)
    assert len(traced) == 2
    assert not any(MOBILE in address for address in traced)
    assert "138 0000 2071" in browser.get(traced[0]).text


def test_pages_hold_every_message_once(
    app: Flask, alice: Person, account: int, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Three copies in one campaign, and a page that ends between them; then one that ends with the walk."""
    campaigns = [planned(app, alice, account, [MOBILE]) for _ in range(4)]
    with database.owner() as owner:
        owner.execute(
            "INSERT INTO message (team_id, campaign_id, mobile, copy, batch_no) "
            "SELECT team_id, campaign_id, mobile, copy + n, batch_no FROM message, generate_series(1, 2) n "
            "WHERE campaign_id = %s",
            [campaigns[2]],
        )
    monkeypatch.setattr(person, "PAGE", 2)
    for walked in (2, 3, 2000):
        monkeypatch.setattr(person, "MOST_WALKED", walked)
        seen: list[int] = []
        with tenancy.team_scope(alice.team_id, app):
            page = person.messages(MOBILE, clock.now())
            seen += [row.campaign_id for row in page.rows]
            while page.older is not None:
                page = person.messages(MOBILE, clock.now(), page.older)
                seen += [row.campaign_id for row in page.rows]
        assert seen == [campaigns[3], *[campaigns[2]] * 3, campaigns[1], campaigns[0]]


@pytest.mark.parametrize("older", ["1", "x", "1-x", "-1--1", "9" * 30 + "-0", "1-" + "9" * 9, "a" * 10_000])
def test_a_place_that_is_none_is_not_found(app: Flask, alice: Person, older: str) -> None:
    address = f"/t/{alice.team}/contacts/{contact(app, alice)}"
    assert sign_in(app, alice).get(f"{address}?older={older}").status_code == 404
