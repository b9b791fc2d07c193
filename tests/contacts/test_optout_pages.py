"""The pages of opt-outs: what is pasted there stays out, and no address or viewer learns a number."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
import time_machine
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.campaigns.spread import PART, link, said
from tests.conftest import Database
from tests.factories import Person, add_member, make_person, numbers, sign_in
from tests.ui.markup import faults
from webapp import clock, tenancy
from webapp.accounts.permissions import Role
from webapp.contacts import optouts

NUMBER = re.compile(r"(?<!\d)1[3-9]\d ?\d{4} ?\d{4}(?!\d)")


@pytest.fixture
def alice(app: Flask) -> Person:
    return make_person(app)


@pytest.fixture
def browser(app: Flask, alice: Person) -> FlaskClient:
    return sign_in(app, alice)


def place(person: Person, more: str = "") -> str:
    return f"/t/{person.team}/contacts/optouts{more}"


def out(app: Flask, person: Person, among: list[str]) -> set[str]:
    with tenancy.team_scope(person.team_id, app):
        return optouts.opted_out_among(among)


def note(app: Flask, person: Person, mobiles: list[str], days_ago: int = 1) -> None:
    with tenancy.team_scope(person.team_id, app) as session:
        optouts.opt_out(mobiles, "reply", None, clock.now() - timedelta(days=days_ago))
        session.commit()


def add(browser: FlaskClient, person: Person, text: str) -> TestResponse:
    return browser.post(place(person, "/new"), data={"numbers": text})


def shown(page: TestResponse) -> list[str]:
    """The numbers in the rows of the list, as they stand there."""
    return re.findall(r'<th scope="row"><span class="nowrap">([^<]+)</span>', page.text)


def details(database: Database, action: str) -> list[dict[str, object]]:
    with database.owner() as owner:
        rows = owner.execute("SELECT details FROM audit_entry WHERE action = %s ORDER BY id", [action])
        return [row for (row,) in rows.fetchall()]


# --- The list


def test_an_empty_list_says_what_it_is_for(browser: FlaskClient, alice: Person) -> None:
    page = browser.get(place(alice))
    assert "No one has opted out" in page.text
    assert link(page, "Add numbers") == place(alice, "/new")
    assert faults(page.text) == []


def test_it_shows_since_when_how_and_by_whom_the_newest_first(
    app: Flask, browser: FlaskClient, alice: Person
) -> None:
    old, new = numbers(2)
    note(app, alice, [old], days_ago=40)
    add(browser, alice, new)
    page = browser.get(place(alice))
    assert shown(page) == [f"{one[:3]} {one[3:7]} {one[7:]}" for one in (new, old)]
    assert "by a reply" in page.text
    assert "by hand" in page.text
    assert "alice@example.org" in page.text
    assert faults(page.text) == []


def test_every_number_stands_on_one_page_even_if_they_came_at_once(
    app: Flask, browser: FlaskClient, alice: Person
) -> None:
    note(app, alice, numbers(120))
    page, seen = browser.get(place(alice)), list[str]()
    while True:
        seen += shown(page)
        assert NUMBER.search(page.request.url) is None
        following = link(page, "Older")
        if following is None:
            break
        page = browser.get(following, headers=PART)
    assert sorted(seen) == [f"{one[:3]} {one[3:7]} {one[7:]}" for one in numbers(120)]


@pytest.mark.parametrize(
    ("typed", "ends"),
    [("13700000042", [42]), ("+86 137-0000-0042", [42]), ("００４２", [42]), ("1370000005", range(50, 60)),
     ("7", None), ("99", []), ("王芳", None), ("%", None), ("1" * 12, None), ("  ", "all")],
)  # fmt: skip
def test_a_number_is_found_by_its_beginning_and_its_end(
    app: Flask, browser: FlaskClient, alice: Person, typed: str, ends: list[int] | str | None
) -> None:
    note(app, alice, numbers(60))
    answer = browser.post(place(alice, "/find"), data={"digits": typed})
    if ends is None:
        assert answer.status_code == 422
        assert "Type 2 to 11 digits" in answer.text
        assert answer.headers["HX-Replace-Url"] == place(alice)
        assert faults(answer.text) == []
        return
    assert answer.status_code == 303
    assert NUMBER.search(answer.location) is None
    page = browser.get(answer.location)
    assert len(shown(page)) == 50 if ends == "all" else shown(page) == [f"137 0000 00{n}" for n in ends]
    assert faults(page.text) == []


def test_a_search_goes_on_over_pages(app: Flask, browser: FlaskClient, alice: Person) -> None:
    note(app, alice, numbers(70))
    page = browser.get(browser.post(place(alice, "/find"), data={"digits": "137"}).location)
    following = link(page, "Older")
    assert len(shown(page)) == 50
    assert following is not None
    assert len(shown(browser.get(following))) == 20


def test_a_viewer_sees_masked_numbers_and_changes_nothing(app: Flask, alice: Person) -> None:
    note(app, alice, numbers(3))
    bob = make_person(app, "bob")
    add_member(app, bob, alice, Role.VIEWER)
    viewer = sign_in(app, bob)
    page = viewer.get(place(alice))
    assert shown(page) == ["137 **** 0002", "137 **** 0001", "137 **** 0000"]
    assert NUMBER.search(page.text) is None
    assert "Add numbers" not in page.text
    assert viewer.post(place(alice, "/find"), data={"digits": "13700000001"}).status_code == 422
    found = viewer.get(viewer.post(place(alice, "/find"), data={"digits": "0001"}).location)
    assert shown(found) == ["137 **** 0001"]
    # A sender's search for the whole number, sent on to the viewer, opens nothing.
    whole = sign_in(app, alice).post(place(alice, "/find"), data={"digits": "13700000001"}).location
    assert viewer.get(whole).status_code == 404
    for path in ("/new", "/undo"):
        assert viewer.post(place(alice, path), data={"numbers": numbers(9)[8]}).status_code == 403
    assert out(app, alice, numbers(9)) == set(numbers(3))


@pytest.mark.parametrize("query", ["find=x", "after=x", "added=x", "find=", "after=%00", "find=13700000000"])
def test_an_address_of_nothing_is_not_found(browser: FlaskClient, alice: Person, query: str) -> None:
    assert browser.get(place(alice, f"?{query}")).status_code in (400, 404)


# --- Adding


@pytest.mark.parametrize(
    ("said", "how"),
    [("13700000000", "hand"), (" +86 137-0000-0000 ", "hand"), ("１３７０００００００0", "hand"),
     ("13700000000.0", "hand"), ("13700000000\n13700000001", "paste"), ("13700000000，13700000000", "paste"),
     ("手机号\n13700000000 王芳\n\n13700000001", "paste")],
)  # fmt: skip
def test_one_or_many_are_added_however_they_are_written(
    app: Flask, browser: FlaskClient, alice: Person, empty: Database, said: str, how: str
) -> None:
    answer = add(browser, alice, said)
    page = browser.get(answer.location) if answer.status_code == 303 else answer
    assert "added" in page.text
    assert numbers(1)[0] in out(app, alice, numbers(2))
    with empty.owner() as owner:
        assert owner.execute("SELECT DISTINCT how FROM opt_out").fetchall() == [(how,)]
    assert faults(page.text) == []
    assert NUMBER.search(str(details(empty, "optouts.added"))) is None


def test_what_is_no_number_is_listed_with_its_line_and_why(
    app: Flask, browser: FlaskClient, alice: Person
) -> None:
    text = "13700000000\n1.38E+10\n+1 3800138000\n137000\n13700000000\n=HYPERLINK(1)\n<b>13700000001</b>\n"
    page = add(browser, alice, text)
    assert page.status_code == 200
    for reason in ("Excel has rounded it", "not a mainland number", "too short", "twice", "not a number"):
        assert reason in page.text
    assert "<b>13700000001" not in page.text
    assert out(app, alice, numbers(3)) == {numbers(1)[0]}
    assert faults(page.text) == []


@pytest.mark.parametrize(
    "said", ["", "  \n ", "nobody", "1.38E+10", "\x00\x1b[31m", "12345678901", "0" * 5000]
)
def test_without_a_number_nothing_is_added_and_the_form_says_so(
    app: Flask, browser: FlaskClient, alice: Person, empty: Database, said: str
) -> None:
    page = add(browser, alice, said)
    assert page.status_code in (400, 422)
    if page.status_code == 422:
        assert "Nothing was added" in page.text or "at least one number" in page.text
        assert faults(page.text) == []
    assert details(empty, "optouts.added") == []


def test_too_many_belong_in_a_file(browser: FlaskClient, alice: Person, empty: Database) -> None:
    page = add(browser, alice, "\n".join(numbers(20_001)))
    assert page.status_code == 422
    assert "Import more of them as a file. Nothing was added." in page.text
    with empty.owner() as owner:
        assert owner.execute("SELECT count(*) FROM opt_out").fetchall() == [(0,)]


def test_who_had_opted_out_before_stays_as_they_were(app: Flask, browser: FlaskClient, alice: Person) -> None:
    note(app, alice, numbers(2))
    page = browser.get(add(browser, alice, numbers(1)[0]).location)
    assert "had opted out before" in page.text
    assert "Undo" not in page.text


# --- Undo, and removing


def test_an_undo_takes_back_what_was_added_and_nobody_else(
    app: Flask, browser: FlaskClient, alice: Person
) -> None:
    first, second, third = numbers(3)
    note(app, alice, [first])
    place_after = add(browser, alice, f"{first}\n{second}\n{third}").location
    page = browser.get(place_after)
    assert "2 numbers were added" in page.text
    undo = re.search(r'action="([^"]+/undo[^"]*)"', page.text)
    assert undo is not None
    address = undo[1].replace("&amp;", "&")
    assert browser.post(address).status_code == 303
    assert out(app, alice, numbers(3)) == {first}
    assert "nothing to undo" in browser.get(browser.post(address).location).text
    assert "Undo" not in browser.get(place_after).text


def test_whoever_said_it_twice_stays_out_when_the_first_time_is_undone(
    app: Flask, alice: Person, browser: FlaskClient
) -> None:
    once, twice = numbers(2)
    address = add(browser, alice, f"{once}\n{twice}").location.replace("/optouts?", "/optouts/undo?")
    bob = make_person(app, "bob")
    add_member(app, bob, alice, Role.SENDER)
    assert add(sign_in(app, bob), alice, twice).status_code == 303
    browser.post(address)
    assert out(app, alice, [once, twice]) == {twice}


def test_an_undo_is_for_an_hour_and_for_whoever_added(
    app: Flask, browser: FlaskClient, alice: Person
) -> None:
    with time_machine.travel(clock.now(), tick=True) as moved:
        address = add(browser, alice, numbers(1)[0]).location.replace("/optouts?", "/optouts/undo?")
        bob = make_person(app, "bob")
        add_member(app, bob, alice, Role.SENDER)
        sign_in(app, bob).post(address)
        assert out(app, alice, numbers(1)) == set(numbers(1))
        moved.shift(timedelta(hours=1, minutes=1))
        browser.post(address)
        assert out(app, alice, numbers(1)) == set(numbers(1))


def test_removing_needs_a_reason_that_the_log_keeps(
    app: Flask, browser: FlaskClient, alice: Person, empty: Database
) -> None:
    note(app, alice, numbers(2))
    page = browser.get(place(alice))
    remove = link(page, "Remove from the list")
    assert remove is not None
    assert NUMBER.search(remove) is None
    for reason in ("", "   ", "x" * 201):
        refused = browser.post(remove, data={"reason": reason})
        assert refused.status_code == 422
        assert faults(refused.text) == []
    assert len(out(app, alice, numbers(2))) == 2
    assert browser.get(remove).status_code == 200
    assert browser.post(remove, data={"reason": "asked from 137 0000 0001\x1b"}).status_code == 303
    assert out(app, alice, numbers(2)) == {numbers(1)[0]}
    assert details(empty, "optout.removed") == [
        {"number": "137 **** 0001", "reason": "asked from 137 **** 0001 \ufffd".replace(" \ufffd", "\ufffd")}
    ]
    assert browser.get(remove).status_code == 404


def test_a_name_of_another_team_leads_nowhere(app: Flask, browser: FlaskClient, alice: Person) -> None:
    note(app, alice, numbers(1))
    charlie = make_person(app, "charlie")
    note(app, charlie, numbers(1))
    theirs = link(sign_in(app, charlie).get(place(charlie)), "Remove from the list")
    assert theirs is not None
    token = theirs.split("/")[-2]
    for what in ("remove", "erase"):
        assert browser.get(place(alice, f"/{token}/{what}")).status_code == 404
        assert browser.post(place(alice, f"/{token}/{what}"), data={"reason": "x"}).status_code == 404
    assert said(browser.get(place(alice))).count("137 0000 0000") >= 1
