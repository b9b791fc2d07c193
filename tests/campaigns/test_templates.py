"""Templates: kept, found again, begun with; a slip in a field is told before anybody gets it."""

from __future__ import annotations

import re

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.campaigns.drafting import at_once
from tests.campaigns.spread import PART, link, said
from tests.conftest import Database
from tests.factories import Person, add_member, make_person, sign_in
from tests.ui.markup import faults
from webapp import clock, tenancy
from webapp.accounts.permissions import Role
from webapp.campaigns import drafts, template_operations, template_queries
from webapp.campaigns.models import Template
from webapp.campaigns.template_operations import Content
from webapp.campaigns.template_page import EXAMPLES
from webapp.campaigns.written import Written
from webapp.contacts import fields
from webapp.contacts import operations as contacts
from webapp.errors import DomainError


@pytest.fixture
def browser(app: Flask, alice: Person) -> FlaskClient:
    return sign_in(app, alice)


def place(person: Person, more: str = "") -> str:
    return f"/t/{person.team}/templates{more}"


def keep(app: Flask, person: Person, name: str, body: str = "Hello {name}", kind: str = "notice") -> int:
    with app.test_request_context(), tenancy.team_scope(person.team_id, app) as session:
        kept = template_operations.keep(Content(name, body, kind), person.user_id, clock.now()).id
        session.commit()
        return kept


def get(app: Flask, person: Person, template_id: int) -> Template:
    with tenancy.team_scope(person.team_id, app) as session:
        found = session.get_one(Template, (person.team_id, template_id))
        session.expunge(found)
        return found


def names(app: Flask, person: Person, *, archived: bool = False) -> list[str]:
    with tenancy.team_scope(person.team_id, app):
        return [one.name for one in template_queries.templates(archived=archived)]


def post(browser: FlaskClient, person: Person, more: str = "/new", **form: str) -> TestResponse:
    sent = {"name": "Hours", "body": "We open at 9.", "kind": "notice"} | form
    return browser.post(place(person, more), data=sent)


def value(page: TestResponse, field: str) -> str:
    """What stands in an input or a text area of a form."""
    found = re.search(rf'<input[^>]*name="{field}"[^>]*value="([^"]*)"', page.text) or re.search(
        rf'<textarea[^>]*name="{field}"[^>]*>\r?\n?(.*?)</textarea>', page.text, re.DOTALL
    )
    assert found is not None
    return found[1]


# --- The list and the editor


def test_an_empty_list_says_what_it_is_for(browser: FlaskClient, alice: Person) -> None:
    page = browser.get(place(alice))
    assert "Save text you send often." in page.text
    assert link(page, "New template") == place(alice, "/new")
    assert faults(page.text) == []


def test_a_template_is_kept_found_and_changed(app: Flask, browser: FlaskClient, alice: Person) -> None:
    assert post(browser, alice, body="Dear {name},\r\nwe open at 9.").status_code == 303
    page = browser.get(place(alice))
    assert "Dear {name}, we open at 9." in said(page)
    assert "never" in page.text
    assert faults(page.text) == []
    own = link(page, "Hours")
    assert own is not None
    editor = browser.get(own)
    assert faults(editor.text) == []
    assert value(editor, "body") == "Dear {name},\nwe open at 9."
    assert browser.post(own, data={"name": "Hours", "body": "At 10.", "kind": "marketing"}).status_code == 303
    with tenancy.team_scope(alice.team_id, app):
        (kept,) = template_queries.templates()
        assert (kept.body, kept.kind) == ("At 10.", "marketing")


@pytest.mark.parametrize("example", sorted(EXAMPLES))
@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_example_can_be_kept_as_it_stands(
    browser: FlaskClient, alice: Person, example: str, language: str
) -> None:
    browser.set_cookie("lang", language)
    page = browser.get(place(alice, f"/new?example={example}"))
    assert faults(page.text) == []
    kind = re.search(r'value="(\w+)" checked', page.text)
    assert kind is not None
    assert kind[1] == EXAMPLES[example][2]
    sent = {"name": value(page, "name"), "body": value(page, "body"), "kind": kind[1]}
    assert browser.post(place(alice, "/new"), data=sent).status_code == 303


def test_a_copy_has_a_name_of_its_own(app: Flask, browser: FlaskClient, alice: Person) -> None:
    kept = keep(app, alice, "N" * 80, "Hello {name}", "marketing")
    page = browser.get(place(alice, f"/new?copy={kept}"))
    assert (value(page, "body"), len(value(page, "name"))) == ("Hello {name}", 80)
    assert names(app, alice) == ["N" * 80]


@pytest.mark.parametrize(
    ("form", "sentence"),
    [
        ({"name": ""}, "Give the template a name."),
        ({"name": " \u200b\n "}, "Give the template a name."),
        ({"name": "n" * 81}, "at most 80 characters"),
        ({"body": ""}, "Write the text of the template."),
        ({"body": "\u200b \r\n"}, "Write the text of the template."),
        ({"body": "字" * 2001}, "far too long"),
        ({"body": "Dear {nmae}"}, "{nmae} is not a field. Did you mean {name}?"),
        ({"body": "Dear {姓名}"}, "{姓名} is not a field. Did you mean {name}?"),
        ({"body": "Dear {citty}"}, "{citty} is not a field. Did you mean {city}?"),
        ({"body": "Dear ｛name｝"}, "has full-width braces"),
        ({"kind": "test"}, "Not a valid choice"),
        ({"kind": ""}, "Not a valid choice"),
        ({"name": "hOURS"}, "There is a template called “hOURS” already."),
    ],
)
def test_what_cannot_be_kept_is_said_and_stays_in_the_form(
    app: Flask, browser: FlaskClient, alice: Person, form: dict[str, str], sentence: str
) -> None:
    keep(app, alice, "Hours")
    with app.test_request_context(), tenancy.team_scope(alice.team_id, app) as session:
        fields.ensure(["city"])
        session.commit()
    page = post(browser, alice, **{"name": "Other"} | form)
    assert page.status_code == 422
    assert sentence in said(page)
    assert faults(page.text) == []
    assert names(app, alice) == ["Hours"]


def test_hostile_text_is_text(app: Flask, browser: FlaskClient, alice: Person) -> None:
    evil = '"><img src=x onerror=1>{{7*7}}{%s}%(n)s{0.__class__}'
    assert post(browser, alice, name=evil[:40], body=evil).status_code == 303
    page = browser.get(place(alice))
    assert "<img src=x" not in page.text
    assert faults(page.text) == []
    own = link(page, '">')
    assert own is not None
    assert value(browser.get(own), "body").startswith("&#34;&gt;&lt;img")
    assert get(app, alice, int(own.rsplit("/", 1)[1])).body == evil


def test_two_who_take_one_name_at_the_same_time_do_not_both_get_it(app: Flask, alice: Person) -> None:
    def make() -> int:
        return template_operations.keep(Content("Hours", "x", "notice"), alice.user_id, clock.now()).id

    answers = at_once(app, alice, [make] * 4)
    assert len([one for one in answers if isinstance(one, int)]) == 1
    assert names(app, alice) == ["Hours"]


def test_a_name_of_another_one_is_refused_in_any_case_of_letters(app: Flask, alice: Person) -> None:
    first, second = keep(app, alice, "First"), keep(app, alice, "Second")
    with app.test_request_context(), tenancy.team_scope(alice.team_id, app) as session:
        one = session.get_one(Template, (alice.team_id, second))
        with pytest.raises(DomainError) as refused:
            template_operations.change(one, Content("FIRST", "x", "notice"), clock.now())
        assert refused.value.field == "name"
        session.commit()
    assert (get(app, alice, first).name, get(app, alice, second).name) == ("First", "Second")


# --- The preview


def test_the_preview_fills_in_what_a_contact_has(app: Flask, browser: FlaskClient, alice: Person) -> None:
    with app.test_request_context(), tenancy.team_scope(alice.team_id, app) as session:
        contacts.add("13700000000", "王芳", {"city": "杭州"}, alice.user_id)
        session.commit()
    sent = {"body": "Dear {name} of {city}, {code}", "kind": "marketing", "name": ""}
    part = browser.post(place(alice, "/preview"), data=sent, headers=PART)
    assert "Dear 王芳 of 杭州, {code}" in said(part)
    assert "no field {code}" in said(part)
    assert "must say how to refuse" in said(part)
    assert faults(part.text, fragment=True) == []
    assert "Dear 王芳" in browser.post(place(alice, "/preview"), data=sent).text
    assert names(app, alice) == []
    assert faults(browser.post(place(alice, "/preview")).text) == []


# --- Archive


def test_archived_it_is_not_offered_and_an_undo_brings_it_back(
    app: Flask, browser: FlaskClient, alice: Person
) -> None:
    kept = keep(app, alice, "Hours")
    answer = browser.post(place(alice, f"/{kept}/archive"))
    page = browser.get(answer.location)
    assert "was archived" in page.text
    assert "Undo" in page.text
    assert faults(page.text) == []
    assert (names(app, alice), names(app, alice, archived=True)) == ([], ["Hours"])
    archived = browser.get(place(alice, "?show=archived"))
    assert link(archived, "Hours") == place(alice, f"/{kept}")
    assert faults(browser.get(place(alice, f"/{kept}")).text) == []
    browser.post(place(alice, f"/{kept}/unarchive"))
    assert names(app, alice) == ["Hours"]


def test_an_archived_name_may_be_taken_meanwhile(app: Flask, browser: FlaskClient, alice: Person) -> None:
    kept = keep(app, alice, "Hours")
    browser.post(place(alice, f"/{kept}/archive"))
    keep(app, alice, "HOURS")
    page = browser.get(browser.post(place(alice, f"/{kept}/unarchive")).location)
    assert "There is a template called “Hours” already." in page.text
    assert names(app, alice, archived=True) == ["Hours"]


# --- Campaigns


def test_a_campaign_begins_with_its_text_and_the_template_remembers(
    app: Flask, browser: FlaskClient, alice: Person, account: int
) -> None:
    kept = keep(app, alice, "Hours", "We open at 9, {name}. Reply R to refuse.", "marketing")
    fresh = browser.get(f"/t/{alice.team}/campaigns/new")
    begin = link(fresh, "Hours")
    assert begin == f"/t/{alice.team}/campaigns/new?template={kept}"
    page = browser.get(begin)
    assert value(page, "body") == "We open at 9, {name}. Reply R to refuse."
    assert 'value="marketing" checked' in page.text
    assert faults(page.text) == []
    assert get(app, alice, kept).used_at is None
    form = {"account": str(account), "template": str(kept), "body": "We open at 10.", "then": "save",
            "draft_key": "k" * 20, "signature": "Shop", "kind": "notice", "when": "now",
            "at_hours_end": "wait"}  # fmt: skip
    assert browser.post(f"/t/{alice.team}/campaigns/new", data=form).status_code == 303
    assert get(app, alice, kept).used_at is not None
    assert get(app, alice, kept).body == "We open at 9, {name}. Reply R to refuse."


@pytest.mark.parametrize("template", ["x", "-1", "0", "9" * 18, "9" * 40, "1; DROP"])
def test_a_template_of_nobody_begins_nothing(
    app: Flask, browser: FlaskClient, alice: Person, account: int, template: str
) -> None:
    answer = browser.get(f"/t/{alice.team}/campaigns/new?template={template}")
    assert answer.status_code in (200, 404)
    form = {"account": str(account), "template": template, "body": "x", "then": "save", "kind": "notice",
            "when": "now", "at_hours_end": "wait", "draft_key": "k" * 20}  # fmt: skip
    assert browser.post(f"/t/{alice.team}/campaigns/new", data=form).status_code == 303


def test_what_is_written_can_be_kept_as_a_template(
    app: Flask, browser: FlaskClient, alice: Person, account: int
) -> None:
    with app.test_request_context(), tenancy.team_scope(alice.team_id, app) as session:
        draft = drafts.save_draft(Written(account, body="Dear {name}, come by."), alice.user_id)
        draft_id = draft.id
        session.commit()
    form = {"account": str(account), "draft": str(draft_id), "version": "1", "then": "template",
            "body": "Dear {name}, come soon.", "kind": "notice",
            "when": "now", "at_hours_end": "wait"}  # fmt: skip
    answer = browser.post(f"/t/{alice.team}/campaigns/{draft_id}/edit", data=form)
    assert answer.location == place(alice, f"/new?from={draft_id}")
    page = browser.get(answer.location)
    assert value(page, "body") == "Dear {name}, come soon."
    assert value(page, "name") == "Dear {name}, come soon."


# --- Who may


def test_a_viewer_reads_and_changes_nothing(app: Flask, alice: Person) -> None:
    kept = keep(app, alice, "Hours")
    bob = make_person(app, "bob")
    add_member(app, bob, alice, Role.VIEWER)
    viewer = sign_in(app, bob)
    page = viewer.get(place(alice))
    assert "New template" not in page.text
    assert faults(page.text) == []
    read = viewer.get(place(alice, f"/{kept}"))
    assert "Hello {name}" in read.text
    assert "<textarea" not in read.text
    assert faults(read.text) == []
    for more in ("/new", f"/{kept}", f"/{kept}/archive", f"/{kept}/unarchive", "/preview"):
        assert post(viewer, alice, more).status_code == 403
    assert names(app, alice) == ["Hours"]


def test_another_teams_template_is_not_found(
    app: Flask, browser: FlaskClient, alice: Person, empty: Database
) -> None:
    charlie = make_person(app, "charlie")
    theirs = keep(app, charlie, "Theirs")
    for more in (f"/{theirs}", f"/new?copy={theirs}", "/9" + "9" * 30, "?show=x", "/new?example=x"):
        assert browser.get(place(alice, more)).status_code == 404
    for more in (f"/{theirs}", f"/{theirs}/archive", f"/{theirs}/unarchive"):
        assert post(browser, alice, more).status_code == 404
    assert names(app, charlie) == ["Theirs"]
    assert "Theirs" not in browser.get(place(alice, f"?archived={theirs}")).text
