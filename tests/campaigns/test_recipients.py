"""The table of a campaign's recipients: nobody is left out of it, and nobody learns a number from it."""

from __future__ import annotations

import re

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests.campaigns.running import campaign_of
from tests.campaigns.spread import (
    FIRST,
    PART,
    bring_to,
    link,
    pages_from,
    planned,
    report,
    rows,
    said,
    smaller_requests,
    spread_out,
)
from tests.conftest import Database
from tests.factories import Person, add_member, connect_practice, make_person, numbers, sign_in
from tests.practice.fixture import PracticeGateway
from tests.ui.markup import faults
from webapp import tenancy
from webapp.accounts.permissions import Role
from webapp.campaigns import addresses

NUMBER = re.compile(r"(?<!\d)1[3-9]\d ?\d{4} ?\d{4}(?!\d)")
# What each filter may show.
SHOWS = {
    "delivered": {"Delivered"},
    "failed": {"Failed", "Rejected"},
    "no_report": {"Accepted", "Other: XYZ:9"},
    "unconfirmed": {"Not confirmed"},
    "waiting": {"Waiting to send", "Sending"},
    "not_sent": {"Not sent"},
}


@pytest.fixture
def browser(app: Flask, alice: Person, account: int) -> FlaskClient:
    return sign_in(app, alice)


@pytest.fixture
def viewer(app: Flask, alice: Person) -> FlaskClient:
    bob = make_person(app, "bob")
    add_member(app, bob, alice, Role.VIEWER)
    return sign_in(app, bob)


def page_of(person: Person, campaign_id: int) -> str:
    return f"/t/{person.team}/campaigns/{campaign_id}"


def find(browser: FlaskClient, place: str, digits: str) -> str:
    """Search, and where that leads."""
    answer = browser.post(f"{place}/find", data={"digits": digits})
    assert answer.status_code == 303, said(answer)
    return str(answer.location)


# ---- filters -----------------------------------------------------------------------------------------


def test_filters_add_up_to_the_recipients(
    app: Flask, database: Database, browser: FlaskClient, alice: Person, account: int
) -> None:
    campaign_id = spread_out(app, database, alice, account)
    place, campaign = page_of(alice, campaign_id), campaign_of(app, alice, campaign_id)
    everybody = [row for page in pages_from(browser, place) for row in rows(page)]
    assert len(everybody) == campaign.recipients == 71
    seen: list[tuple[str, str]] = []
    for name, words in SHOWS.items():
        shown = [row for page in pages_from(browser, f"{place}?show={name}") for row in rows(page)]
        assert len(shown) == getattr(campaign, name), name
        assert {status for _, status in shown} == words
        seen += shown
    assert sorted(seen) == sorted(everybody)
    page = browser.get(place)
    assert faults(page.text) == []
    assert "All 71 Delivered 4 Failed 12 No report yet 14 Not confirmed 10 Waiting 20 Not sent 11" in said(
        page
    )
    assert "opted out" in said(browser.get(f"{place}?show=not_sent"))


def test_a_filter_that_lets_nobody_through_asks_for_no_row(
    app: Flask, browser: FlaskClient, alice: Person, account: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    campaign_id = planned(app, alice, account, 3)
    monkeypatch.setattr("webapp.campaigns.recipients._rows", lambda *_: pytest.fail("the database was asked"))
    page = browser.get(f"{page_of(alice, campaign_id)}?show=failed")
    assert "Nobody here." in said(page)
    assert "Failed 0" in said(page), "the chosen filter keeps its tab"
    assert "Delivered 0 Failed" not in said(page).partition("All 3")[2]


# ---- pages -------------------------------------------------------------------------------------------


def test_nobody_is_lost_or_doubled_while_reports_come_in(
    app: Flask, database: Database, browser: FlaskClient, alice: Person, account: int
) -> None:
    smaller_requests(database, 120)
    campaign_id = planned(app, alice, account, 121)
    bring_to(app, alice, campaign_id, ["accepted"])
    place, seen, told = page_of(alice, campaign_id), list[str](), 0
    following: str | None = place
    while following:
        page = browser.get(following)
        seen += [number for number, _ in rows(page)]
        report(app, database, alice, account, campaign_id, 1, ["DELIVRD"] * 40, first=told)
        told += 40
        following = link(page, "Next page")
    assert seen == [f"{n[:3]} {n[3:7]} {n[7:]}" for n in numbers(121, FIRST)]
    back = [page]
    while (previous := link(back[-1], "Previous page")) is not None:
        back.append(browser.get(previous))
    returned = [[number for number, _ in rows(one)] for one in reversed(back)]
    assert [number for one in returned for number in one] == seen
    assert link(back[0], "First page") == place
    assert link(back[-1], "Previous page") is None
    assert campaign_of(app, alice, campaign_id).delivered == 120


def test_both_copies_of_a_number_stand_on_their_own_pages(
    app: Flask, database: Database, browser: FlaskClient, alice: Person, account: int
) -> None:
    campaign_id = planned(app, alice, account, 60)
    with database.owner() as owner:  # what a file with one text per row will bring
        owner.execute(
            "UPDATE message SET mobile = %s, copy = 1 WHERE mobile = %s",
            [str(FIRST + 49), str(FIRST + 50)],
        )
    shown = [number for page in pages_from(browser, page_of(alice, campaign_id)) for number, _ in rows(page)]
    assert len(shown) == 60
    assert shown[49] == shown[50] == "137 0000 0049"


# ---- search ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        ("13700000042", ["137 0000 0042"]),
        ("+86 137-0000-0042", ["137 0000 0042"]),
        ("００４２", ["137 0000 0042"]),
        ("13700000 05", [f"137 0000 00{n}" for n in range(50, 60)]),
        ("42", ["137 0000 0042"]),
        ("99", []),
    ],
)
def test_a_number_is_found_by_its_beginning_and_its_end(
    app: Flask, browser: FlaskClient, alice: Person, account: int, typed: str, found: list[str]
) -> None:
    place = page_of(alice, planned(app, alice, account, 60))
    address = find(browser, place, typed)
    assert NUMBER.search(address) is None
    page = browser.get(address)
    assert [number for number, _ in rows(page) if number != "No number of this list matches"] == found or (
        not found and "No number of this list matches" in said(page)
    )
    assert faults(page.text) == []
    cleared = link(page, "Clear the search")
    assert cleared == place


@pytest.mark.parametrize(
    "typed",
    ["x", "1", "王芳", "%", "_____", "' OR 1=1", "1" * 12, "13700000042 13700000043", "\u0661\u0662\u0663x"],
)
def test_what_is_no_part_of_a_number_is_a_sentence(
    app: Flask, browser: FlaskClient, alice: Person, account: int, typed: str
) -> None:
    place = page_of(alice, planned(app, alice, account, 3))
    for headers in ({}, PART):
        answer = browser.post(f"{place}/find", data={"digits": typed}, headers=headers)
        assert answer.status_code == 422
        assert answer.headers["HX-Replace-Url"] == place
        assert "Type 2 to 11 digits" in said(answer)
    assert faults(browser.post(f"{place}/find", data={"digits": typed}).text) == []
    assert browser.post(f"{place}/find", data={"digits": "  "}).location == place
    assert browser.post(f"{place}/find").location == place


def test_a_search_goes_on_through_filters_and_pages(
    app: Flask, database: Database, browser: FlaskClient, alice: Person, account: int
) -> None:
    place = page_of(alice, spread_out(app, database, alice, account))
    page = browser.get(find(browser, place, "137"))
    assert len(rows(page)) == 50
    assert len([row for one in pages_from(browser, find(browser, place, "137")) for row in rows(one)]) == 71
    failed = browser.get(link(page, "Failed") or "")
    assert len(rows(failed)) == 12
    assert "begin or end with 137" in said(failed)


# ---- addresses ---------------------------------------------------------------------------------------


def test_a_name_of_another_campaign_or_team_leads_nowhere(
    app: Flask, browser: FlaskClient, alice: Person, account: int, practice: PracticeGateway
) -> None:
    here = planned(app, alice, account, 60)
    there = planned(app, alice, account, 60)
    bob = make_person(app, "bob")
    theirs = planned(app, bob, connect_practice(app, bob, practice), 60)
    with tenancy.team_scope(alice.team_id, app):
        own = addresses.token_of(here, ("13700000001", 0))
        others = [addresses.token_of(there, ("13700000001", 0)), addresses.search_token(here, "137")]
        found = addresses.search_token(here, "137")
        finds = [addresses.search_token(there, "137"), own]
    with tenancy.team_scope(bob.team_id, app):
        # The very same campaign and number, by another team's key.
        others += [
            addresses.token_of(theirs, ("13700000001", 0)),
            addresses.token_of(here, ("13700000001", 0)),
        ]
        finds += [addresses.search_token(here, "137")]
    place = page_of(alice, here)
    assert browser.get(f"{place}/m/{own}").status_code == 200
    for token in (*others, own[:-3], "A" + own[1:], own + "A" * 4, "x", "%20", "A" * 900, "13700000001"):
        assert browser.get(f"{place}/m/{token}").status_code == 404, token
        assert browser.get(f"{place}?after={token}").status_code == 404, token
        assert browser.get(f"{place}?before={token}").status_code == 404, token
    assert browser.get(f"{place}?find={found}").status_code == 200
    for token in finds:
        assert browser.get(f"{place}?find={token}").status_code == 404


@pytest.mark.parametrize("query", ["show=everything", "show=", "after=", "find=", "before=%ff"])
def test_an_address_of_nothing_is_not_found(
    app: Flask, browser: FlaskClient, alice: Person, account: int, query: str
) -> None:
    place = page_of(alice, planned(app, alice, account, 3))
    assert browser.get(f"{place}?{query}").status_code in {400, 404}


def test_before_and_after_at_once_is_not_found(
    app: Flask, browser: FlaskClient, alice: Person, account: int
) -> None:
    campaign_id = planned(app, alice, account, 3)
    with tenancy.team_scope(alice.team_id, app):
        token = addresses.token_of(campaign_id, ("13700000001", 0))
    place = page_of(alice, campaign_id)
    assert browser.get(f"{place}?after={token}&before={token}").status_code == 404


def test_a_viewer_sees_no_number_anywhere(
    app: Flask, database: Database, browser: FlaskClient, viewer: FlaskClient, alice: Person, account: int
) -> None:
    campaign_id = spread_out(app, database, alice, account)
    place = page_of(alice, campaign_id)
    pages = pages_from(viewer, place)
    pages += [viewer.get(link(pages[0], "137 **** 00") or ""), viewer.get(find(viewer, place, "0042"))]
    message = pages[-2]
    assert "What happened" in said(message)
    assert [number for number, _ in rows(pages[-1])] == ["137 **** 0042"]
    for page in pages:
        text = re.sub(r"csrf[^>]*", "", page.text)
        assert NUMBER.search(text) is None, NUMBER.search(text)
    for digits in ("137", "1370000", "00042", "13700000042"):
        answer = viewer.post(f"{place}/find", data={"digits": digits})
        assert (answer.status_code, "Type the last four digits" in said(answer)) == (422, True)
    # A link that a colleague sent, who may search for more.
    assert viewer.get(find(browser, place, "1370000")).status_code == 404


def test_four_digits_tell_a_viewer_about_the_end_only(
    app: Flask, viewer: FlaskClient, alice: Person, account: int
) -> None:
    place = page_of(alice, planned(app, alice, account, 60))
    page = viewer.get(find(viewer, place, "1370"))
    assert "No number of this list matches" in said(page)


# ---- news --------------------------------------------------------------------------------------------


def test_a_long_table_tells_of_news_and_stays_as_it_is(
    app: Flask, database: Database, browser: FlaskClient, alice: Person, account: int
) -> None:
    smaller_requests(database, 60)
    campaign_id = planned(app, alice, account, 61)
    bring_to(app, alice, campaign_id, ["accepted"])
    place = page_of(alice, campaign_id)
    page = browser.get(place)
    assert 'id="recipients"' in page.text
    table = page.text[page.text.index('id="recipients"') :]
    assert "campaign-changed" not in table[: table.index(">")], "it is exchanged under its reader"
    news = re.search(r'hx-get="([^"]*/news[^"]*)"', page.text)
    assert news is not None
    ask = news[1].replace("&amp;", "&")
    assert browser.get(ask, headers=PART).status_code == 204
    report(app, database, alice, account, campaign_id, 1, ["DELIVRD"] * 36 + ["UNDELIV"])
    told = browser.get(ask, headers=PART)
    assert said(told) == "37 new reports – show"
    assert faults(told.text, fragment=True) == []
    assert link(told, "37 new reports") == place
    assert browser.get(ask).location == place
    bring_to(app, alice, campaign_id, [])
    second = browser.get(link(page, "Next page") or "")
    assert re.search(r'hx-get="[^"]*/news\?after=', second.text)


def test_a_list_of_one_page_follows_by_itself(
    app: Flask, browser: FlaskClient, alice: Person, account: int
) -> None:
    place = page_of(alice, planned(app, alice, account, 50))
    for url, follows in ((place, True), (f"{place}?updates=off", False)):
        page = browser.get(url)
        table = page.text[page.text.index('id="recipients"') :]
        assert ("campaign-changed" in table[: table.index(">")]) is follows
        assert "/news" not in page.text
        assert ("every " in page.text) is follows
    assert link(browser.get(place), "Pause updates") == f"{place}?updates=off"
    assert link(browser.get(f"{place}?updates=off"), "Resume updates") == place


def test_while_nothing_is_planned_the_table_waits_for_its_rows(
    app: Flask, browser: FlaskClient, alice: Person, account: int
) -> None:
    from tests.campaigns.timing import confirmed

    place = page_of(alice, confirmed(app, alice, account, numbers(60), plan=False))
    page = browser.get(place)
    assert "The recipients are being put together." in said(page)
    table = page.text[page.text.index('id="recipients"') :]
    assert "campaign-changed" in table[: table.index(">")]
