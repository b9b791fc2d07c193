"""Erasing a number: afterwards it is nowhere, everything still adds up, and who opted out stays out."""

from __future__ import annotations

import json
import re
from datetime import timedelta

import pytest
import time_machine
from flask import Flask
from flask.testing import FlaskClient

from tests.campaigns.deciding import leave, noted, report
from tests.campaigns.running import campaign_of, sender
from tests.campaigns.spread import bring_to, planned
from tests.campaigns.test_late_answers import claim
from tests.conftest import Database
from tests.factories import Person, add_member, confirm, connect_practice, make_person, numbers, sign_in
from tests.practice.fixture import PracticeGateway, wait_until
from tests.ui.markup import faults
from webapp import clock, tenancy
from webapp.accounts.permissions import Role
from webapp.campaigns import drafts, invariants, operations, recounting
from webapp.campaigns.models import Campaign
from webapp.campaigns.written import Written
from webapp.contacts import operations as contacts
from webapp.contacts import optouts
from webapp.contacts.models import Contact, Erasure
from webapp.contacts.pastes import read_paste
from webapp.database import new_id
from webapp.delivery import erasing, settling

GONE, OTHER, THIRD = numbers(3)


@pytest.fixture
def alice(app: Flask) -> Person:
    return make_person(app)


@pytest.fixture
def account(app: Flask, alice: Person, practice: PracticeGateway) -> int:
    return connect_practice(app, alice, practice)


@pytest.fixture
def browser(app: Flask, alice: Person, account: int) -> FlaskClient:
    return sign_in(app, alice)


def erase(app: Flask, person: Person, mobile: str = GONE) -> bool:
    """Ask for it, and do what can be done now; True when all of it is done."""
    with app.test_request_context(), tenancy.team_scope(person.team_id, app) as session:
        erasure_id = erasing.ask(mobile, person.user_id, clock.now()).id
        session.commit()
        return erasing.work(erasure_id)


def dump(database: Database) -> dict[str, str]:
    """Every table as plain text, as a copy of the database would hold it."""
    with database.owner() as owner:
        tables = owner.execute(
            "SELECT quote_ident(relname) FROM pg_class WHERE relnamespace = 'public'::regnamespace "
            "AND relkind = 'r'"
        ).fetchall()
        found = {}
        for (table,) in tables:
            with owner.cursor().copy(f"COPY {table} TO STDOUT") as copy:
                found[table] = b"".join(copy).decode("utf-8", "replace")
    return found


def places(database: Database, mobile: str = GONE) -> list[str]:
    """The tables in which the number stands, as text or as the bytes of a text."""
    in_bytes = mobile.encode().hex()
    return sorted(table for table, text in dump(database).items() if mobile in text or in_bytes in text)


def messages(database: Database) -> list[tuple[str, str | None, object]]:
    with database.owner() as owner:
        rows = owner.execute("SELECT mobile, outcome, variables FROM message ORDER BY mobile").fetchall()
        return [(mobile, outcome, variables) for mobile, outcome, variables in rows]


def one(database: Database, question: str) -> object:
    with database.owner() as owner:
        row = owner.execute(question).fetchone()
        return row[0] if row is not None else None


def whole(app: Flask, person: Person) -> None:
    """Whatever must hold, holds; recounting gives the figures that pages show."""
    with tenancy.team_scope(person.team_id, app):
        assert invariants.broken() == []


def adds_up(app: Flask, person: Person) -> None:
    """Recounting gives the figures that pages show, of batches too that were brought there by hand."""
    with tenancy.team_scope(person.team_id, app):
        assert recounting.differences() == []


@pytest.fixture
def known_everywhere(app: Flask, empty: Database, alice: Person, account: int) -> int:
    """GONE stands in every table that can hold a number; returns a campaign that is through with it."""
    with app.test_request_context(), tenancy.team_scope(alice.team_id, app) as session:
        contacts.add(GONE, "Quillan", {"city": "Harrowgate"}, alice.user_id)
        contacts.add(OTHER, "Wang Fang", {}, alice.user_id)
        session.commit()
        paste = f"{GONE}, Quillan\n{OTHER}, Wang Fang\n137-0000-0000 Quillan\n1.38E+10\n"
        sent = drafts.draft_campaign(account, paste, "Dear {name}", "Shop", alice.user_id)
        sent_id, seen = sent.id, drafts.preview(sent).digest
        operations.confirm_campaign(sent_id, "key-of-a-confirm", seen, alice.user_id, 0)
        session.commit()
    with sender(app):
        wait_until(lambda: campaign_of(app, alice, sent_id).state == "waiting_for_reports")
    with empty.owner() as owner:
        msgid = owner.execute(
            "SELECT msgid FROM gateway_message JOIN batch ON no = batch_no WHERE %s = ANY(mobiles)", [GONE]
        ).fetchone()
        assert msgid is not None
        report(app, empty, alice, account, msgid[0], [GONE])
        report(app, empty, alice, account, "nobodys-msgid", [GONE])
        owner.execute("UPDATE attempt SET answer = convert_to('no such number: ' || %s, 'UTF8')", [GONE])
        owner.execute(
            "INSERT INTO unreadable_report (team_id, account_id, received_at, raw, size) "
            "VALUES (%s, %s, now(), convert_to('{' || %s, 'UTF8'), 12)",
            [alice.team_id, account, GONE],
        )
        imported = new_id()
        owner.execute(
            "INSERT INTO contact_import (team_id, id, file_name, source, state, created_at, columns) VALUES "
            "(%s, %s, 'people.csv', 'csv', 'done', now(), %s)",
            [alice.team_id, imported, json.dumps([{"head": GONE, "to": "mobile", "field": ""}])],
        )
        owner.execute(
            "INSERT INTO import_problem VALUES (%s, %s, 7, 'twice', 0, %s), (%s, %s, 8, 'empty', 0, %s)",
            [alice.team_id, imported, ["+86 137 0000-0000", "Quillan", "Harrowgate"],
             alice.team_id, imported, ["", "Somebody"]],
        )  # fmt: skip
        owner.execute(
            "INSERT INTO stored_file (team_id, id, name, created_at, expires_at) "
            "VALUES (%s, 1, 'people.csv', now(), now() + interval '1 day')",
            [alice.team_id],
        )
        owner.execute(
            "INSERT INTO file_chunk VALUES (%s, 1, 0, convert_to(%s, 'UTF8'))", [alice.team_id, GONE]
        )
    with app.test_request_context(), tenancy.team_scope(alice.team_id, app) as session:
        draft = drafts.save_draft(Written(account, paste, body="Hello {name}"), alice.user_id)
        draft.signature = "Shop"
        session.flush()
        drafts.prepare(draft)
        session.commit()
    leave(app, alice, [GONE, OTHER])
    return sent_id


# --- Nothing is left


def test_an_erased_number_is_nowhere_and_everything_adds_up(
    app: Flask, empty: Database, alice: Person, browser: FlaskClient, known_everywhere: int
) -> None:
    before = campaign_of(app, alice, known_everywhere)
    figures = (before.recipients, before.delivered, before.no_report, before.parts_total)
    digests = one(empty, "SELECT array_agg(digest ORDER BY no) FROM batch")
    assert {"contact", "opt_out", "draft_paste", "batch", "report", "file_chunk"} <= set(places(empty))
    assert erase(app, alice)
    assert places(empty) == []
    for name in ("Quillan", "Harrowgate"):
        assert [table for table, text in dump(empty).items() if name in text] == []
    after = campaign_of(app, alice, known_everywhere)
    assert (after.recipients, after.delivered, after.no_report, after.parts_total) == figures
    assert one(empty, "SELECT array_agg(digest ORDER BY no) FROM batch") == digests
    whole(app, alice)
    ((other, outcome, variables), (stand_in, its_outcome, its_variables)) = messages(empty)
    assert (other, outcome, variables) == (OTHER, None, {"name": "Wang Fang"})
    assert re.fullmatch("x[0-9a-f]{16}", stand_in)
    assert (its_outcome, its_variables) == ("delivered", None)
    with empty.owner() as owner:
        row = owner.execute("SELECT content FROM batch WHERE %s = ANY(mobiles)", [stand_in]).fetchone()
        assert row == ("",)
        assert owner.execute("SELECT mobile, time_text FROM report WHERE state = 'matched'").fetchall() == [
            (stand_in, "")
        ]
        assert owner.execute("SELECT cells FROM import_problem ORDER BY row_no").fetchall() == [
            (["", "", ""],),
            (["", "Somebody"],),
        ]
        assert owner.execute("SELECT mobile FROM contact").fetchall() == [(OTHER,)]
    assert noted(app, alice, "number.erased") == [{"number": "137 **** 0000"}]


def test_pages_of_a_campaign_work_with_an_erased_number(
    app: Flask, alice: Person, browser: FlaskClient, known_everywhere: int
) -> None:
    erase(app, alice)
    page = browser.get(f"/t/{alice.team}/campaigns/{known_everywhere}")
    assert "Erased number" in page.text
    assert "137 0000 0001" in page.text
    message = re.search(r'href="([^"]+/m/[^"]+)"[^>]*>(?:(?!</a>).)*Erased number', page.text, re.DOTALL)
    assert message is not None
    traced = browser.get(message[1])
    assert traced.status_code == 200
    assert "DELIVRD" in traced.text
    assert faults(traced.text) == []
    listed = browser.get(f"/t/{alice.team}/contacts/erasures")
    assert "1 contact" in listed.text
    assert "the opt-out, of which a hash is kept" in listed.text
    assert faults(listed.text) == []
    copied = browser.get(f"/t/{alice.team}/campaigns/new?from={known_everywhere}")
    assert OTHER in copied.text
    assert not re.search("x[0-9a-f]{16}", copied.text)


def test_whoever_opted_out_and_comes_again_still_gets_nothing(
    app: Flask, alice: Person, account: int, known_everywhere: int
) -> None:
    del known_everywhere
    erase(app, alice)
    with app.test_request_context(), tenancy.team_scope(alice.team_id, app) as session:
        contacts.add(GONE, "Again", {}, alice.user_id)
        session.commit()
        assert optouts.opted_out_among([GONE]) == {GONE}
        draft = drafts.draft_campaign(account, f"{GONE}\n{THIRD}", "Hello", "Shop", alice.user_id)
        assert drafts.preview(draft).recipients == 1


def test_a_draft_is_laid_out_anew_without_the_number(
    app: Flask, empty: Database, alice: Person, known_everywhere: int
) -> None:
    del known_everywhere
    version = one(empty, "SELECT version FROM campaign WHERE state = 'draft'")
    erase(app, alice)
    assert one(empty, "SELECT numbers FROM draft_paste") == f"{OTHER}, Wang Fang\n1.38E+10\n"
    # A page that was open with the draft may not write the number back unasked.
    assert one(empty, "SELECT version FROM campaign WHERE state = 'draft'") == int(str(version)) + 1
    assert one(empty, "SELECT count(*) FROM audience") == 0
    with app.test_request_context(), tenancy.team_scope(alice.team_id, app) as session:
        draft = session.query(Campaign).filter_by(team_id=alice.team_id, state="draft").one()
        optouts.opt_in([OTHER])
        drafts.prepare(draft)
        assert drafts.preview(draft).recipients == 1


def test_another_teams_number_stays(
    app: Flask, empty: Database, alice: Person, account: int, practice: PracticeGateway
) -> None:
    charlie = make_person(app, "charlie")
    theirs = connect_practice(app, charlie, practice)
    confirm(app, charlie, theirs, [GONE])
    with app.test_request_context(), tenancy.team_scope(charlie.team_id, app) as session:
        contacts.add(GONE, "", {}, charlie.user_id)
        session.commit()
    leave(app, charlie, [GONE])
    before = dump(empty)
    assert erase(app, alice)
    after = dump(empty)
    for table in ("contact", "audience", "opt_out", "draft_paste"):
        assert after[table] == before[table]


def test_a_number_that_is_nowhere_is_erased_without_a_trace(
    app: Flask, empty: Database, alice: Person, account: int
) -> None:
    assert erase(app, alice)
    assert erase(app, alice)
    assert places(empty) == []
    assert one(empty, "SELECT count(*) FROM erased_opt_out") == 0
    assert len(noted(app, alice, "number.erased")) == 2


# --- Campaigns that are not through with it


def test_what_may_still_be_posted_or_reported_keeps_the_number_till_then(
    app: Flask, empty: Database, alice: Person, browser: FlaskClient, account: int
) -> None:
    planned_only = confirm(app, alice, account, [GONE, OTHER])
    assert not erase(app, alice)
    claim(app, alice)
    assert places(empty) == ["batch", "erasure", message_table(empty)]
    page = browser.get(f"/t/{alice.team}/contacts/erasures").text
    assert "Waiting for 1 campaign that is not through with this number yet." in page
    bring_to(app, alice, planned_only, ["accepted"])
    assert not erase(app, alice)
    # Only one erasure, however often it is asked for.
    assert one(empty, "SELECT count(*) FROM erasure") == 1
    with time_machine.travel(clock.now() + timedelta(days=3, minutes=1), tick=True):
        assert erase(app, alice)
    assert [mobile[:1] for mobile, _outcome, _variables in messages(empty)] == ["1", "x"]
    assert GONE not in dump(empty)["batch"]
    adds_up(app, alice)


def message_table(database: Database) -> str:
    return str(one(database, "SELECT tableoid::regclass::text FROM message"))


@pytest.mark.parametrize(
    ("state", "through"),
    [("rejected", True), ("stopped", True), ("hold", False), ("inflight", False), ("planned", False),
     ("accepted", False)],
)  # fmt: skip
def test_only_what_is_final_is_erased(
    app: Flask, empty: Database, alice: Person, account: int, state: str, through: bool
) -> None:
    campaign_id = planned(app, alice, account, 3)
    bring_to(app, alice, campaign_id, [state])
    assert erase(app, alice, OTHER) is through
    with tenancy.team_scope(alice.team_id, app):
        assert (erasing.waiting(OTHER).campaigns == 0) is through
    assert (OTHER in dump(empty)[message_table(empty)]) is not through
    # The first number opted out before the planning: its message has no batch, and nothing to wait for.
    assert erase(app, alice, GONE)
    assert optouts_of(app, alice) == {GONE}
    adds_up(app, alice)


def optouts_of(app: Flask, person: Person) -> set[str]:
    with tenancy.team_scope(person.team_id, app):
        return optouts.opted_out_among([GONE, OTHER, THIRD])


def test_an_opt_out_stays_plain_while_a_campaign_may_still_send_to_it(
    app: Flask, empty: Database, alice: Person, account: int
) -> None:
    campaign_id = confirm(app, alice, account, [GONE, OTHER])
    leave(app, alice, [GONE])
    assert not erase(app, alice)
    assert one(empty, "SELECT count(*) FROM erased_opt_out") == 0
    (claimed,) = claim(app, alice)
    assert claimed.mobiles == (OTHER,)
    assert erase(app, alice)
    assert one(empty, "SELECT count(*) FROM opt_out") == 0
    assert campaign_of(app, alice, campaign_id).not_sent == 1
    whole(app, alice)


def test_an_import_at_work_is_waited_for(app: Flask, empty: Database, alice: Person, account: int) -> None:
    with empty.owner() as owner:
        owner.execute(
            "INSERT INTO contact_import (team_id, id, file_name, source, state, created_at) VALUES "
            "(%s, 1, 'people.csv', 'csv', 'importing', now())",
            [alice.team_id],
        )
        assert not erase(app, alice)
        owner.execute("UPDATE contact_import SET state = 'failed'")
        assert erase(app, alice)


def test_copies_and_halves_of_a_batch_are_erased_alike(
    app: Flask, empty: Database, alice: Person, account: int
) -> None:
    campaign_id = planned(app, alice, account, 4)
    bring_to(app, alice, campaign_id, ["stopped"])
    with empty.owner() as owner:
        owner.execute(
            "INSERT INTO batch (team_id, campaign_id, no, account_id, state, content, mobiles, size, open) "
            "SELECT team_id, campaign_id, 90, account_id, 'replaced', content, mobiles, size, 0 FROM batch"
        )
    assert erase(app, alice, OTHER)
    with empty.owner() as owner:
        held = owner.execute("SELECT mobiles FROM batch ORDER BY no").fetchall()
    assert held[0] == held[1]
    assert sum(mobile.startswith("x") for mobile in held[0][0]) == 1
    assert held[0][0][0] in {mobile for mobile, _outcome, _variables in messages(empty)}


def test_reports_that_come_again_bring_nothing_back_to_its_message(
    app: Flask, empty: Database, alice: Person, account: int, known_everywhere: int
) -> None:
    erase(app, alice)
    before = messages(empty)
    msgid = str(one(empty, "SELECT msgid FROM gateway_message ORDER BY batch_no LIMIT 1"))
    report(app, empty, alice, account, msgid, [GONE])
    with tenancy.team_scope(alice.team_id, app) as session:
        settling.match_waiting(alice.team_id)
        session.commit()
    assert messages(empty) == before
    assert campaign_of(app, alice, known_everywhere).delivered == 1
    whole(app, alice)


# --- Pages


def test_the_page_says_what_goes_and_what_stays(
    app: Flask, empty: Database, alice: Person, browser: FlaskClient
) -> None:
    with app.test_request_context(), tenancy.team_scope(alice.team_id, app) as session:
        contact_id = contacts.add(GONE, "<b>Quillan</b>", {}, alice.user_id).id
        session.commit()
    place = f"/t/{alice.team}/contacts/{contact_id}/erase"
    page = browser.get(place)
    assert "What goes" in page.text
    assert "What stays" in page.text
    assert "&lt;b&gt;Quillan" in page.text
    assert faults(page.text) == []
    assert browser.post(place).status_code == 303
    with empty.owner() as owner:
        queued = owner.execute(
            "SELECT args FROM procrastinate_jobs WHERE task_name LIKE '%%delivery.erase%%'"
        ).fetchall()
    assert len(queued) == 1
    assert GONE not in str(queued)
    with tenancy.team_scope(alice.team_id, app) as session:
        erasing.work(session.query(Erasure).filter_by(team_id=alice.team_id).one().id)
        assert session.query(Contact).filter_by(team_id=alice.team_id).all() == []
    assert browser.get(place).status_code == 404
    assert browser.get(f"/t/{alice.team}/contacts/erasures?before=x").status_code == 200
    assert browser.get(f"/t/{alice.team}/contacts/erasures?before=-1").status_code == 404


def test_a_viewer_erases_nobody(app: Flask, empty: Database, alice: Person, account: int) -> None:
    with app.test_request_context(), tenancy.team_scope(alice.team_id, app) as session:
        contact_id = contacts.add(GONE, "", {}, alice.user_id).id
        session.commit()
    bob = make_person(app, "bob")
    add_member(app, bob, alice, Role.VIEWER)
    viewer = sign_in(app, bob)
    place = f"/t/{alice.team}/contacts/{contact_id}/erase"
    assert viewer.get(place).status_code == 403
    assert viewer.post(place).status_code == 403
    assert viewer.get(f"/t/{alice.team}/contacts/erasures").status_code == 403
    assert one(empty, "SELECT count(*) FROM erasure") == 0


# --- What people paste


@pytest.mark.parametrize(
    ("paste", "left"),
    [
        (GONE, ""),
        (f"{GONE}\n{OTHER}", OTHER),
        (f"{GONE} Quillan\n{OTHER} Wang", f"{OTHER} Wang"),
        (f"Quillan\t+86 137-0000-0000\n{OTHER}", OTHER),
        ("１３７００００００００，Quillan", ""),
        (f"{GONE}.0", ""),
        (f"9{GONE}1", ""),
        (f"{OTHER}1\nx", f"{OTHER}1\nx"),
        ("手机号,姓名\n13700000000,Quillan\n13700000001,王芳", "手机号,姓名\n13700000001,王芳"),
        ("1370000\n0000", "1370000\n0000"),
    ],
)
def test_a_paste_loses_the_number_and_who_it_belongs_to(paste: str, left: str) -> None:
    assert erasing.without(paste, GONE) == left


@pytest.mark.parametrize("paste", [f"{GONE},{OTHER}", f"{OTHER} {GONE}", f"{OTHER}; 137 0000 0000"])
def test_others_in_the_same_line_stay(paste: str) -> None:
    assert read_paste(erasing.without(paste, GONE)).mobiles == [OTHER]
