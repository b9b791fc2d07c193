"""The audit log as a page: words for every deed, in the team's days, narrowed, and never a number in full."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests.accounts.people import join, sign_up
from tests.conftest import Database
from tests.ui.markup import faults
from webapp import clock, tenancy
from webapp.accounts import audit_log, audit_words
from webapp.accounts.audit import audit
from webapp.accounts.audit_words import FAMILIES, SENTENCES, Counted, sentence
from webapp.accounts.permissions import Role

PROGRAM = Path(__file__).parents[2] / "webapp"
BLANK = re.compile(r"%\((\w+)\)s")
# The endings that are worked out while the program runs; `test_each_choice_has_words` knows them.
WORKED_OUT = {"batch."}


@pytest.fixture
def home(client: FlaskClient) -> str:
    return sign_up(client, "lin@example.com")


def team_of(database: Database, home: str) -> int:
    with database.owner() as owner:
        row = owner.execute("SELECT id FROM team WHERE address = %s", [home.split("/")[2]]).fetchone()
    assert row is not None
    return int(row[0])


def note(app: Flask, team_id: int, action: str, at: datetime | None = None, **details: str | int) -> None:
    """An entry of a job, at a moment."""
    with tenancy.team_scope(team_id, app) as session, clock.standing_at(at or clock.now()):
        audit(action, None, None, **details)
        session.commit()


# ---- words for everything ----------------------------------------------------------------------------


def noted() -> Iterator[tuple[str, str]]:
    """Each action that the program's source notes, with the file; one that is worked out by its beginning."""
    for path in sorted(PROGRAM.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func).rpartition(".")[2] == "audit":
                yield from ((action, path.name) for action in _actions(node.args[0]))


def _actions(written: ast.expr) -> Iterator[str]:
    match written:
        case ast.Constant(value=str(action)):
            yield action
        case ast.IfExp(body=one, orelse=other):
            yield from (*_actions(one), *_actions(other))
        case ast.JoinedStr(values=[ast.Constant(value=str(beginning)), *_]):
            yield beginning
        case _:
            yield f"?{ast.unparse(written)}"


def test_every_action_in_the_source_has_words() -> None:
    found = dict(noted())
    assert len(found) > 30
    missing = {action: name for action, name in found.items() if action not in {*SENTENCES, *WORKED_OUT}}
    assert missing == {}


def test_each_choice_has_words() -> None:
    from webapp.campaigns.decisions import Choice

    assert {f"batch.{choice}" for choice in Choice} <= set(SENTENCES)


def test_no_words_stand_for_an_action_that_nobody_notes() -> None:
    from webapp.campaigns.decisions import Choice

    assert set(SENTENCES) - {action for action, _ in noted()} - {f"batch.{one}" for one in Choice} == set()


def test_both_forms_of_a_sentence_have_the_same_blanks() -> None:
    for words in SENTENCES.values():
        if isinstance(words, Counted):
            assert set(BLANK.findall(words.one)) == set(BLANK.findall(words.many))
            assert words.by in BLANK.findall(words.one)


def test_every_sentence_can_be_said_without_any_detail(app: Flask) -> None:
    with app.test_request_context():
        for action in SENTENCES:
            said = sentence(action, None, None, None, {})
            assert "%(" not in said
            assert said.rstrip("–").rstrip(": ") != ""


@pytest.mark.parametrize(
    ("action", "details", "said"),
    [
        ("campaign.sent", {"recipients": 12480}, "Lin sent ‘Double 11’ to 12,480 people."),
        ("campaign.sent", {"recipients": 1}, "Lin sent ‘Double 11’ to 1 person."),
        ("group.deleted", {"people": 3}, "Lin deleted the group ‘Double 11’; its people stay."),
        ("member.invited", {"email": "%(x)s@b.c", "role": "viewer"}, "Lin invited %(x)s@b.c as Viewer."),
        ("contact.added", {"number": "13812345678"}, "Lin added the contact *5678."),
        ("group.renamed", {"before": "100% %(who)s"}, "Lin renamed the group 100% %(who)s to ‘Double 11’."),
        ("contacts.pasted", {"added": True}, "Lin pasted numbers: – new, – already there."),
        ("rocket.launched", {"pwd": "secret"}, "Lin: rocket.launched"),
    ],
)  # fmt: skip
def test_sentences(app: Flask, action: str, details: dict[str, object], said: str) -> None:
    with app.test_request_context():
        assert sentence(action, "Lin", "campaign", "Double 11", details) == said


# ---- the page ----------------------------------------------------------------------------------------


def test_it_is_for_owners_and_admins(app: Flask, client: FlaskClient, home: str) -> None:
    assert client.get(f"{home}audit").status_code == 200
    for role, code in ((Role.ADMIN, 200), (Role.SENDER, 403), (Role.VIEWER, 403)):
        browser = join(app, home, f"{role}@example.com", role)
        assert browser.get(f"{home}audit").status_code == code
    page = client.get(f"{home}audit").text
    assert "viewer@example.com was refused something that the role does not include (audit.view)." in page
    assert "127.0.0.1" in page
    assert faults(page) == []


def test_unknown_actions_and_hostile_details_are_shown_plainly(
    app: Flask, client: FlaskClient, home: str, database: Database
) -> None:
    team_id = team_of(database, home)
    note(app, team_id, "<b>x</b>", name="<img src=x>")
    note(
        app, team_id, "optout.removed", number="138 **** 0001", reason="<script>alert(1)</script> 13912345678"
    )
    page = client.get(f"{home}audit").text
    assert "Tidings: &lt;b&gt;x&lt;/b&gt;" in page
    assert "<script>alert" not in page
    assert "13912345678" not in page
    assert faults(page) == []


def test_older_rows_follow_by_key(app: Flask, client: FlaskClient, home: str, database: Database) -> None:
    team_id = team_of(database, home)
    with tenancy.team_scope(team_id, app) as session:
        for n in range(audit_log.PAGE + 5):
            audit("member.invited", email=f"n{n}@example.com", role="viewer")
        session.commit()
    first = client.get(f"{home}audit").text
    older = re.search(r'href="([^"]*before=\d+[^"]*)" rel="next"', first)
    assert older is not None
    second = client.get(older[1].replace("&amp;", "&")).text
    shown = [re.findall(r"n\d+@example", text) for text in (first, second)]
    assert len(shown[0]) == audit_log.PAGE
    assert len({*shown[0], *shown[1]}) == audit_log.PAGE + 5
    assert 'rel="next"' not in second
    assert "lin@example.com created the team." in second


def test_it_is_narrowed_by_person_kind_and_day(
    app: Flask, client: FlaskClient, home: str, database: Database
) -> None:
    team_id = team_of(database, home)
    # Half an hour before and after midnight in Shanghai.
    note(app, team_id, "team.changed", datetime(2026, 3, 1, 15, 30, tzinfo=UTC))
    note(app, team_id, "campaign.paused", datetime(2026, 3, 1, 16, 30, tzinfo=UTC))
    paused, changed = "Tidings paused", "Tidings changed"

    def shown(query: str) -> tuple[bool, bool, bool]:
        page = client.get(f"{home}audit?{query}").text
        assert faults(page) == []
        return paused in page, changed in page, "created the team" in page

    with database.owner() as owner:
        lin = owner.execute("SELECT id FROM app_user").fetchone()
    assert lin is not None
    assert shown("") == (True, True, True)
    assert shown("start=2026-03-02&end=2026-03-02") == (True, False, False)
    assert shown("end=2026-03-01") == (False, True, False)
    assert shown("action=campaigns") == (True, False, False)
    assert shown("action=team&end=2026-03-31") == (False, True, False)
    assert shown(f"person={lin[0]}") == (False, False, True)
    assert "There is nothing like that in the log." in client.get(f"{home}audit?person=1").text


@pytest.mark.parametrize(
    "query",
    [
        "start=2026-13-01", "start=9999-12-31&end=0001-01-01", "end=9999-12-31", "start=2026-03-01T10:00",
        "person=9223372036854775808", "person=-1", "person=%E4%B8%80", "action=campaign", "action=%27--",
        "before=0", "before=1e9", "before=" + "9" * 400, "end=2088-12-31",
    ],
)  # fmt: skip
def test_what_is_no_day_or_person_narrows_nothing(client: FlaskClient, home: str, query: str) -> None:
    answer = client.get(f"{home}audit?{query}")
    assert answer.status_code == 200
    assert "created the team" in answer.text


def test_people_of_other_teams_are_not_named(
    app: Flask, client: FlaskClient, home: str, database: Database
) -> None:
    sign_up(app.test_client(), "bob@example.com")
    with database.owner() as owner:
        row = owner.execute("SELECT id FROM app_user WHERE email LIKE 'bob%'").fetchone()
    assert row is not None
    assert "bob" not in client.get(f"{home}audit?person={row[0]}").text


def test_who_left_keeps_the_name_and_has_no_page(
    app: Flask, client: FlaskClient, home: str, database: Database
) -> None:
    vera = join(app, home, "vera@example.com", Role.SENDER)
    vera.post("/me/name", data={"name": "Vera Wu"})
    assert 'aria-label="Member: Vera Wu">Member</a>' in client.get(f"{home}audit").text
    vera.post(f"{home}settings/members/leave")
    page = client.get(f"{home}audit").text
    assert "Vera Wu left the team." in page
    assert not re.search(r"settings/members/\d+", page)


def test_htmx_gets_the_table_alone(client: FlaskClient, home: str) -> None:
    part = client.get(f"{home}audit?action=team", headers={"HX-Request": "true"}).text
    assert part.lstrip().startswith("<section")
    assert "created the team" in part


def test_each_family_is_a_choice(client: FlaskClient, home: str) -> None:
    page = client.get(f"{home}audit").text
    assert set(re.findall(r'<option value="([a-z-]+)"', page)) == set(FAMILIES)
    assert audit_words.SENTENCES
