"""The list of campaigns: its tabs, its search, its pages."""

from __future__ import annotations

import re

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests.campaigns.spread import PART, link, pages_from, said, spread_out
from tests.conftest import Database
from tests.factories import Person, sign_in
from tests.ui.markup import faults
from webapp import clock

STATES = {
    "drafts": ["draft"],
    "scheduled": ["scheduled", "missed"],
    "sending": ["planning", "ready", "sending", "stopping"],
    "finished": ["waiting_for_reports", "finished", "stopped"],
}


@pytest.fixture
def browser(app: Flask, alice: Person, account: int) -> FlaskClient:
    return sign_in(app, alice)


def add(database: Database, person: Person, account: int, first: int, names: dict[str, str]) -> None:
    """Campaigns by name and state; ids begin at `first`, for they are older than what is made today."""
    now = clock.now()
    with database.owner() as owner:
        for n, (name, state) in enumerate(names.items()):
            owner.execute(
                "INSERT INTO campaign (team_id, id, account_id, kind, state, name, body, created_at, "
                "send_at, start_by) VALUES (%s, %s, %s, 'notice', %s, %s, 'x', %s, %s, %s)",
                [person.team_id, first + n, account, state, name, now, now, now],
            )


def names(text: str) -> list[str]:
    return re.findall(r'<th scope="row"><a [^>]*>([^<]*)</a>', text)


def test_each_campaign_stands_in_one_tab(
    database: Database, browser: FlaskClient, alice: Person, account: int
) -> None:
    made = {f"is {state}": state for states in STATES.values() for state in states}
    add(database, alice, account, 1, made)
    place = f"/t/{alice.team}/campaigns"
    assert names(browser.get(place).text) == list(reversed(made))
    for tab, states in STATES.items():
        page = browser.get(f"{place}?tab={tab}")
        assert names(page.text) == [name for name in reversed(made) if made[name] in states]
        assert faults(page.text) == []


def test_pages_hold_each_campaign_once(
    database: Database, browser: FlaskClient, alice: Person, account: int
) -> None:
    states = ("waiting_for_reports", "finished", "draft")
    add(database, alice, account, 1, {f"number {n}": states[n % 3] for n in range(170)})
    place = f"/t/{alice.team}/campaigns"
    for query, count in (("", 170), ("?tab=finished", 114), ("?q=NUMBER+1", 81), ("?tab=drafts&q=1", 0)):
        shown = [name for page in pages_from(browser, place + query, "Older") for name in names(page.text)]
        wanted = count or len([n for n in range(2, 170, 3) if "1" in str(n)])
        assert len(shown) == len(set(shown)) == wanted, query
        assert shown == sorted(shown, key=lambda name: -int(name.split()[1]))


@pytest.mark.parametrize("name", ["100%", "a_b", "五一", "back\\slash", "<b>", "x' OR 'x'='x"])
def test_a_name_is_found_as_it_is_written(
    database: Database, browser: FlaskClient, alice: Person, account: int, name: str
) -> None:
    add(database, alice, account, 1, {f"The {name} offer": "finished", "Another": "finished"})
    page = browser.get(f"/t/{alice.team}/campaigns", query_string={"q": name})
    assert len(names(page.text)) == 1
    assert faults(page.text) == []
    nothing = browser.get(f"/t/{alice.team}/campaigns", query_string={"q": f"{name}?"})
    assert f"No campaigns match “{name}?”." in said(nothing)
    assert link(nothing, "Clear the search") == f"/t/{alice.team}/campaigns"


def test_empty_tabs_have_their_words(browser: FlaskClient, alice: Person) -> None:
    place = f"/t/{alice.team}/campaigns"
    for query, words in {
        "": "No campaigns yet.",
        "?tab=drafts": "No drafts.",
        "?tab=scheduled": "Nothing is scheduled.",
        "?tab=sending": "Nothing is being sent.",
        "?tab=finished": "Nothing has been sent yet.",
        "?before=5": "There are no older campaigns.",
    }.items():
        page = browser.get(place + query)
        assert words in said(page)
        assert faults(page.text) == []


@pytest.mark.parametrize("query", ["tab=everything", "tab=", "before=0", "before=-1", f"before={2**63}"])
def test_what_is_no_tab_or_page_is_not_found(browser: FlaskClient, alice: Person, query: str) -> None:
    assert browser.get(f"/t/{alice.team}/campaigns?{query}").status_code == 404


def test_a_list_with_something_under_way_looks_again(
    app: Flask, database: Database, browser: FlaskClient, alice: Person, account: int
) -> None:
    add(database, alice, account, 1, {"old": "finished"})
    place = f"/t/{alice.team}/campaigns"
    assert "every 5s" not in browser.get(place).text
    campaign_id = spread_out(app, database, alice, account)
    page = browser.get(place)
    found = re.search(r'hx-get="([^"]*)" hx-trigger="every 5s"', page.text)
    assert found is not None
    poll = found[1].replace("&amp;", "&")
    assert browser.get(poll, headers=PART).status_code == 204
    assert browser.get(poll).status_code == 200, "a page is always a page"
    with database.owner() as owner:
        owner.execute("UPDATE campaign SET state = 'sending' WHERE id = %s", [campaign_id])
    changed = browser.get(poll, headers=PART)
    assert changed.status_code == 200
    assert changed.text.lstrip().startswith('<section class="card flush" id="campaigns"')
    assert faults(changed.text, fragment=True) == []
    assert "every" not in browser.get(link(page, "Pause updates") or "").text


def test_a_row_says_how_much_arrived_and_who_sent_it(
    app: Flask, database: Database, browser: FlaskClient, alice: Person, account: int
) -> None:
    campaign_id = spread_out(app, database, alice, account)
    with database.owner() as owner:
        owner.execute("UPDATE campaign SET kind = 'test' WHERE id = %s", [campaign_id])
    page = browser.get(f"/t/{alice.team}/campaigns")
    assert f"by {alice.email}" in said(page)
    assert "6.6%" in said(page)
    assert "4 of 60 delivered" in page.text
    assert "Test" in said(page)
