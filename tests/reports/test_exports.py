"""Files to take away: they add up with the pages, open as texts, and go to the person who asked alone."""

from __future__ import annotations

import csv
import io
from collections import Counter
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import time_machine
from flask import Flask
from flask.testing import FlaskClient
from openpyxl import load_workbook
from sqlalchemy import select

from tests.campaigns.spread import PART, link, plan, said, spread_out
from tests.conftest import Database
from tests.factories import Person, add_member, confirm, make_person, numbers, sign_in
from tests.ui.markup import faults
from webapp import clock, sheets, stored_files, tenancy
from webapp.accounts.permissions import Role
from webapp.campaigns.models import Campaign
from webapp.contacts.imports.jobs import forget_imports
from webapp.mail import read_outbox
from webapp.reports import export_rows, exports, jobs
from webapp.reports.models import Export
from webapp.settings import Settings

HOSTILE = ('=HYPERLINK("http://x")', "@x", "+x", "-x")


def ask(browser: FlaskClient, person: Person, **form: Any) -> int:
    answer = browser.post(f"/t/{person.team}/exports", data={"format": "csv", **form})
    return answer.status_code


def make_all(app: Flask, person: Person) -> None:
    """As the worker does, one job after the other."""
    with tenancy.team_scope(person.team_id, app) as session:
        ids = session.scalars(
            select(Export.id).where(Export.team_id == person.team_id, Export.state == "making")
        ).all()
    for export_id in ids:
        with tenancy.team_scope(person.team_id, app):
            jobs.make_export(export_id)


def place(app: Flask, person: Person) -> str:
    """Where the newest file is fetched."""
    with tenancy.team_scope(person.team_id, app) as session:
        export = session.scalars(
            select(Export).where(Export.team_id == person.team_id).order_by(Export.id.desc()).limit(1)
        ).one()
    return f"/t/{person.team}/exports/{export.id}/file"


def table(answer: Any) -> list[list[str]]:
    assert answer.status_code == 200, answer.text
    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
    return list(csv.reader(io.StringIO(answer.get_data().decode("utf-8-sig"), newline="")))


def fetched(app: Flask, browser: FlaskClient, person: Person, **form: Any) -> list[list[str]]:
    assert ask(browser, person, **form) == 303
    make_all(app, person)
    return table(browser.get(place(app, person), buffered=True))


# ---- what stands in them -----------------------------------------------------------------------------


def test_a_list_of_recipients_adds_up_with_the_page(
    app: Flask, database: Database, browser: FlaskClient, alice: Person, account: int
) -> None:
    campaign_id = spread_out(app, database, alice, account)
    page = browser.get(f"/t/{alice.team}/campaigns/{campaign_id}")
    assert link(page, "Export") == f"/t/{alice.team}/exports?campaign={campaign_id}"
    heads, *rows = fetched(app, browser, alice, campaign=campaign_id)
    assert heads == ["Number", "Name", "Status", "Status code", "Reported at (Asia/Shanghai)", "Parts"]
    with tenancy.team_scope(alice.team_id, app) as session:
        campaign = session.get_one(Campaign, (alice.team_id, campaign_id))
    told = Counter(row[2] for row in rows)
    assert len(rows) == campaign.recipients == 71
    assert told["Delivered"] == campaign.delivered == 4
    assert told["Failed"] + told["Rejected"] == campaign.failed == 12
    assert told["Accepted"] + told["No report yet"] == campaign.no_report
    assert told["Not confirmed"] == campaign.unconfirmed
    assert told["Not sent"] == campaign.not_sent
    assert told["Waiting to send"] + told["Sending"] == campaign.waiting
    assert Counter(row[3] for row in rows)["DELIVRD"] == 4
    assert {row[0] for row in rows} == set(numbers(71))


@pytest.mark.parametrize("form", ["csv", "xlsx"])
def test_names_open_as_texts(
    app: Flask, browser: FlaskClient, alice: Person, account: int, form: str
) -> None:
    lines = [f"{mobile}, {name}" for mobile, name in zip(numbers(9), HOSTILE, strict=False)]
    campaign_id = confirm(app, alice, account, lines, "Hello {name}")
    plan(app, alice, campaign_id)
    assert ask(browser, alice, campaign=campaign_id, format=form) == 303
    make_all(app, alice)
    answer = browser.get(place(app, alice), buffered=True)
    if form == "csv":
        assert [row[1] for row in table(answer)] == ["Name", *("'" + name for name in HOSTILE)]
        return
    cells = list(load_workbook(io.BytesIO(answer.get_data())).worksheets[0].iter_rows())
    assert [row[1].value for row in cells] == ["Name", *HOSTILE]
    assert {row[1].data_type for row in cells} == {"s"}


def test_an_xlsx_holds_the_same(
    app: Flask, database: Database, browser: FlaskClient, alice: Person, account: int
) -> None:
    campaign_id = spread_out(app, database, alice, account)
    rows = fetched(app, browser, alice, campaign=campaign_id)
    assert ask(browser, alice, campaign=campaign_id, format="xlsx") == 303
    make_all(app, alice)
    answer = browser.get(place(app, alice), buffered=True)
    assert answer.headers["Content-Type"].endswith("spreadsheetml.sheet")
    sheet = load_workbook(io.BytesIO(answer.get_data()), read_only=True).worksheets[0]
    cells = [["" if cell.value is None else str(cell.value) for cell in row] for row in sheet.iter_rows()]
    assert cells == rows


def test_days_and_campaigns_add_up(
    app: Flask, database: Database, browser: FlaskClient, alice: Person, account: int
) -> None:
    campaign_id = spread_out(app, database, alice, account)
    with tenancy.team_scope(alice.team_id, app) as session:
        campaign = session.get_one(Campaign, (alice.team_id, campaign_id))
        campaign.started_at = clock.now()
        session.commit()
    day = f"{clock.now().astimezone(ZoneInfo('Asia/Shanghai')):%Y-%m-%d}"
    heads, *rows = fetched(app, browser, alice, what="days", first=day, last=day)
    assert heads[:6] == ["Day", "Operator", "Delivered", "Failed", "No report yet", "Not confirmed"]
    assert {row[0] for row in rows} == {day}
    assert sum(int(row[2]) for row in rows) == 4
    assert sum(int(row[3]) for row in rows) == 12
    heads, *rows = fetched(app, browser, alice, what="campaigns", first=day, last=day)
    assert [row[4:8] for row in rows] == [["71", "4", "12", "14"]]


def test_an_erased_number_says_so(
    app: Flask, database: Database, browser: FlaskClient, alice: Person, account: int
) -> None:
    campaign_id = spread_out(app, database, alice, account)
    with database.owner() as owner:
        owner.execute("ALTER TABLE message DROP CONSTRAINT IF EXISTS ck_message_mobile")
        owner.execute(
            "UPDATE message SET mobile = 'x0123456789abcdef' WHERE campaign_id = %s AND mobile = %s",
            [campaign_id, numbers(71)[5]],
        )
    rows = fetched(app, browser, alice, campaign=campaign_id)
    assert [row[0] for row in rows[1:]].count("Erased number") == 1
    assert not any("x0123" in cell for row in rows for cell in row)


def test_slices_leave_nobody_out_and_nobody_twice(
    app: Flask, database: Database, browser: FlaskClient, alice: Person, account: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    campaign_id = spread_out(app, database, alice, account)
    monkeypatch.setattr(export_rows, "SLICE", 7)
    rows = fetched(app, browser, alice, campaign=campaign_id)
    assert sorted(row[0] for row in rows[1:]) == numbers(71)


def test_words_are_in_the_language_of_who_asked(
    app: Flask, database: Database, browser: FlaskClient, alice: Person, account: int
) -> None:
    campaign_id = spread_out(app, database, alice, account)
    browser.post("/language", data={"language": "zh", "next": "/"})
    rows = fetched(app, browser, alice, campaign=campaign_id)
    assert "已送达" in {row[2] for row in rows}


# ---- who gets them -----------------------------------------------------------------------------------


def test_the_link_is_for_the_person_who_asked(
    app: Flask, database: Database, browser: FlaskClient, alice: Person, account: int
) -> None:
    campaign_id = spread_out(app, database, alice, account)
    assert ask(browser, alice, campaign=campaign_id) == 303
    waiting = browser.get(f"/t/{alice.team}/exports")
    assert "Preparing 71 rows." in said(waiting)
    assert faults(waiting.text) == []
    fetch = place(app, alice)
    assert browser.get(fetch, buffered=True).status_code == 404, "half a file must not be offered"
    make_all(app, alice)
    ready = browser.get(f"/t/{alice.team}/exports")
    assert link(ready, "Download") == fetch
    assert "every" not in ready.text
    bob = make_person(app, "bob")
    add_member(app, bob, alice, Role.ADMIN)
    colleague = sign_in(app, bob)
    assert colleague.get(fetch).status_code == 404
    assert "Download" not in said(colleague.get(f"/t/{alice.team}/exports"))
    assert colleague.get(fetch.replace(alice.team, bob.team)).status_code == 404
    assert app.test_client().get(fetch).status_code == 302 or app.test_client().get(fetch).status_code == 303
    answer = browser.get(fetch, buffered=True)
    assert answer.status_code == 200
    assert "Recipients of" in answer.headers["Content-Disposition"]
    assert answer.headers["Cache-Control"] == "no-store"


def test_a_link_lasts_for_an_hour(
    app: Flask, database: Database, browser: FlaskClient, alice: Person, account: int
) -> None:
    campaign_id = spread_out(app, database, alice, account)
    assert ask(browser, alice, campaign=campaign_id) == 303
    make_all(app, alice)
    fetch = place(app, alice)
    with time_machine.travel(clock.now() + timedelta(minutes=61), tick=True):
        late = browser.get(fetch, buffered=True)
        assert late.status_code == 404
        assert "This file is not there any more." in said(late)
        assert "No longer kept" in said(browser.get(f"/t/{alice.team}/exports"))
        with app.app_context():
            forget_imports()
    with database.owner() as owner:
        assert owner.execute("SELECT count(*) FROM file_chunk").fetchone() == (0,)
        assert owner.execute("SELECT file_id FROM export").fetchone() == (None,)


def test_a_viewer_makes_no_file(app: Flask, alice: Person, account: int) -> None:
    bob = make_person(app, "bob")
    add_member(app, bob, alice, Role.VIEWER)
    viewer = sign_in(app, bob)
    assert viewer.get(f"/t/{alice.team}/exports").status_code == 403
    assert viewer.post(f"/t/{alice.team}/exports", data={"format": "csv"}).status_code == 403


def test_an_old_sign_in_is_not_enough(
    app: Flask, database: Database, browser: FlaskClient, alice: Person, account: int
) -> None:
    campaign_id = spread_out(app, database, alice, account)
    with time_machine.travel(clock.now() + timedelta(minutes=16), tick=True):
        answer = browser.post(f"/t/{alice.team}/exports", data={"format": "csv", "campaign": campaign_id})
        assert "/me/confirm" in answer.location
    with database.owner() as owner:
        assert owner.execute("SELECT count(*) FROM export").fetchone() == (0,)


def test_another_teams_campaign_is_none(app: Flask, database: Database, alice: Person, account: int) -> None:
    campaign_id = spread_out(app, database, alice, account)
    bob = sign_in(app, person := make_person(app, "bob"))
    assert ask(bob, person, campaign=campaign_id) == 404
    assert bob.get(f"/t/{person.team}/exports?campaign={campaign_id}").status_code == 404


@pytest.mark.parametrize("campaign", ["0", "-1", "x", "99999999999999999999", "１２", "1 OR 1=1"])
def test_an_id_that_is_none(browser: FlaskClient, alice: Person, campaign: str) -> None:
    assert ask(browser, alice, campaign=campaign) == 404


@pytest.mark.parametrize(
    "form",
    [
        {"format": "exe"},
        {"format": ""},
        {"first": "", "last": ""},
        {"first": "2026-11-09", "last": ""},
        {"first": "2026-11-09", "last": "2026-11-01"},
        {"first": "9 Nov", "last": "2026-13-01"},
        {"first": "0001-01-01", "last": "9999-12-31"},
        {"what": "people", "first": "x", "last": "x"},
    ],
)
def test_a_wrong_form_is_said(browser: FlaskClient, alice: Person, form: dict[str, str]) -> None:
    answer = browser.post(f"/t/{alice.team}/exports", data={"what": "days", "format": "csv", **form})
    assert answer.status_code == 422
    assert "Please look at this again" in said(answer)
    assert faults(answer.text) == []


def test_owners_are_told_and_it_is_noted(
    app: Flask, settings: Settings, database: Database, browser: FlaskClient, alice: Person, account: int
) -> None:
    campaign_id = spread_out(app, database, alice, account)
    assert ask(browser, alice, campaign=campaign_id) == 303
    make_all(app, alice)
    with tenancy.team_scope(alice.team_id, app):
        export_id = int(place(app, alice).split("/")[-2])
        jobs.tell_export(export_id, alice.user_id)
    [mail] = read_outbox(settings.instance)
    assert mail.to == alice.email
    assert "the numbers of 71 recipients" in mail.body
    browser.get(place(app, alice), buffered=True)
    with database.owner() as owner:
        noted = [row[0] for row in owner.execute("SELECT action FROM audit_entry ORDER BY id")]
        queued = owner.execute(
            "SELECT count(*) FROM procrastinate_jobs WHERE task_name = 'team:reports.tell_export'"
        )
        assert queued.fetchone() == (1,)
    assert noted[-2:] == ["export.asked", "export.fetched"]


def test_there_are_five_an_hour(
    app: Flask, database: Database, browser: FlaskClient, alice: Person, account: int
) -> None:
    campaign_id = spread_out(app, database, alice, account)
    assert [ask(browser, alice, campaign=campaign_id) for _ in range(6)] == [303] * 5 + [429]
    with database.owner() as owner:
        assert owner.execute("SELECT count(*) FROM export").fetchone() == (5,)


# ---- when something goes wrong -----------------------------------------------------------------------


def test_a_worker_that_dies_leaves_no_half_file(
    app: Flask, database: Database, browser: FlaskClient, alice: Person, account: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    campaign_id = spread_out(app, database, alice, account)
    assert ask(browser, alice, campaign=campaign_id) == 303
    monkeypatch.setattr(stored_files, "PIECE", 100)
    monkeypatch.setattr(sheets, "PIECE", 100)
    fetch, export_id = place(app, alice), int(place(app, alice).split("/")[-2])
    real = stored_files._pieces

    def dying(content: Any) -> Any:
        for no, piece in enumerate(real(content)):
            if no == 5:
                # As the database sees a worker that was killed: its connection is gone.
                with database.owner() as owner:
                    pid = tenancy.session().connection().connection.dbapi_connection.info.backend_pid  # type: ignore[union-attr] # psycopg's
                    owner.execute("SELECT pg_terminate_backend(%s)", [pid])
            yield piece

    monkeypatch.setattr(stored_files, "_pieces", dying)
    with pytest.raises(Exception, match=r"terminat|clos"), tenancy.team_scope(alice.team_id, app):
        jobs.make_export(export_id)
    monkeypatch.setattr(stored_files, "_pieces", real)
    assert browser.get(fetch, buffered=True).status_code == 404
    with database.owner() as owner:
        assert owner.execute("SELECT count(*) FROM stored_file").fetchone() == (0,)
    make_all(app, alice)
    assert len(table(browser.get(fetch, buffered=True))) == 72
    with tenancy.team_scope(alice.team_id, app):
        jobs.make_export(export_id)
    with database.owner() as owner:
        assert owner.execute("SELECT count(*) FROM stored_file").fetchone() == (1,), "made twice"


def test_more_rows_than_an_xlsx_holds(
    app: Flask, database: Database, browser: FlaskClient, alice: Person, account: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    campaign_id = spread_out(app, database, alice, account)
    monkeypatch.setattr(exports, "MOST_XLSX_ROWS", 71)
    answer = browser.post(f"/t/{alice.team}/exports", data={"format": "xlsx", "campaign": campaign_id})
    assert answer.status_code == 422
    assert "Choose CSV." in said(answer)
    monkeypatch.undo()
    assert ask(browser, alice, campaign=campaign_id, format="xlsx") == 303
    monkeypatch.setattr(sheets, "MOST_XLSX_ROWS", 71)
    make_all(app, alice)
    assert "There were more rows than an XLSX file holds." in said(browser.get(f"/t/{alice.team}/exports"))
    with database.owner() as owner:
        assert owner.execute("SELECT count(*) FROM stored_file").fetchone() == (0,)


def test_what_no_job_makes_says_so(
    app: Flask, database: Database, browser: FlaskClient, alice: Person, account: int
) -> None:
    campaign_id = spread_out(app, database, alice, account)
    assert ask(browser, alice, campaign=campaign_id) == 303
    with time_machine.travel(clock.now() + timedelta(hours=3), tick=True), app.app_context():
        jobs.give_up()
    assert "It could not be made. Ask for it again." in said(browser.get(f"/t/{alice.team}/exports"))


def test_the_list_is_looked_at_again_until_a_file_is_ready(
    app: Flask, database: Database, browser: FlaskClient, alice: Person, account: int
) -> None:
    campaign_id = spread_out(app, database, alice, account)
    assert ask(browser, alice, campaign=campaign_id) == 303
    page = browser.get(f"/t/{alice.team}/exports").text
    again = page.split('hx-get="')[1].split('"')[0]
    assert browser.get(again, headers=PART).status_code == 204
    make_all(app, alice)
    part = browser.get(again, headers=PART)
    assert part.status_code == 200
    assert "Download" in part.text
    assert faults(part.text, fragment=True) == []
