"""Lists stay quick behind row-level security: with many rows no list reads a team's table from end to end.

An operator that is not leakproof never reaches an index there, and nobody notices with ten rows. The plans
are made as the program's role, with the statements that the pages really send.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import Connection, event
from sqlalchemy.engine import Engine

from tests.conftest import Database
from tests.factories import Person, confirm, connect_practice, make_person, numbers
from tests.practice.fixture import PracticeGateway
from webapp import clock, tenancy
from webapp.campaigns import listing, planning, recipients, tracing
from webapp.campaigns.models import Campaign
from webapp.campaigns.recounting import differences
from webapp.contacts import bulk, groups, optout_listing, optouts
from webapp.contacts import listing as contacts
from webapp.contacts.imports import queries as imports
from webapp.extensions import db
from webapp.gateway import queries as gateway
from webapp.gateway.models import GatewayAccount
from webapp.reports import person

ROWS = 100_000


@pytest.fixture
def alice(app: Flask) -> Person:
    return make_person(app)


@pytest.fixture
def campaign_id(app: Flask, database: Database, practice: PracticeGateway, alice: Person) -> int:
    """One planned campaign among a hundred thousand messages of others, and many campaigns."""
    account = connect_practice(app, alice, practice)
    planned = confirm(app, alice, account, numbers(60))
    with tenancy.team_scope(alice.team_id, app) as session:
        while planning.plan_chunk(planned):
            session.commit()
        session.commit()
    with database.owner() as owner:
        owner.execute(
            "INSERT INTO message (team_id, campaign_id, mobile, batch_no) "
            "SELECT %s, %s + 1 + n %% 50, (13000000000 + n)::text, 1 FROM generate_series(1, %s) AS n",
            [alice.team_id, planned, ROWS],
        )
        owner.execute(
            "INSERT INTO campaign (team_id, id, account_id, kind, state, name, body, created_at) "
            "SELECT %s, n, %s, 'notice', 'draft', 'x', 'x', now() FROM generate_series(1, 20000) AS n",
            [alice.team_id, account],
        )
        owner.execute(
            "INSERT INTO balance_reading (team_id, account_id, id, read_at, cause, outcome, why, said) "
            "SELECT %s, %s, n, now(), 'periodic', 'ok', 'accepted', '1' FROM generate_series(1, 20000) AS n",
            [alice.team_id, account],
        )
        owner.execute("ANALYZE")
    return planned


def plans_of(app: Flask, person: Person, read: Callable[[], Any]) -> list[str]:
    """The plan of each SELECT that `read` sends, in the team's scope."""
    sent: list[tuple[str, Any]] = []

    def note(_c: Connection, _cursor: Any, statement: str, parameters: Any, *_more: Any) -> None:
        if statement.lstrip().upper().startswith(("SELECT", "WITH")) and "set_config" not in statement:
            sent.append((statement, parameters))

    with tenancy.team_scope(person.team_id, app) as session:
        engine: Engine = db.engine
        event.listen(engine, "before_cursor_execute", note)
        try:
            read()
        finally:
            event.remove(engine, "before_cursor_execute", note)
        connection = session.connection()
        return [
            "\n".join(row[0] for row in connection.exec_driver_sql(f"EXPLAIN {statement}", parameters))
            for statement, parameters in sent
        ]


def test_no_list_reads_a_teams_table_from_end_to_end(app: Flask, alice: Person, campaign_id: int) -> None:
    def read() -> None:
        session = tenancy.session()
        campaign = session.get_one(Campaign, (alice.team_id, campaign_id))
        account = session.get_one(GatewayAccount, (alice.team_id, campaign.account_id))
        session.expunge(campaign)
        now, last = clock.now(), ("13700000030", 0)
        assert len(recipients.page(campaign, account, now, after=last).rows) > 0
        assert len(recipients.page(campaign, account, now, before=last).rows) > 0
        for chosen in recipients.Filter:
            setattr(campaign, "recipients" if chosen is recipients.Filter.ALL else chosen, 60)
            recipients.page(campaign, account, now, chosen=chosen)
        for digits in ("13700000030", "137", "0030"):
            recipients.page(campaign, account, now, search=recipients.Search(digits))
        recipients.page(campaign, account, now, search=recipients.Search("0030", end_only=True))
        with app.test_request_context():
            assert tracing.trace(campaign, account, last, now) is not None
        for tab in listing.Tab:
            assert len(listing.page(tab, before=15_000)) == (51 if tab in {"all", "drafts"} else 0)
        assert len(listing.page(listing.Tab.ALL, "x")) == listing.PAGE + 1
        assert not listing.ever_delivered()
        assert len(gateway.readings(account.id)) > 0
        assert gateway.last_good_reading(account.id) is not None

    plans = plans_of(app, alice, read)
    assert len(plans) >= 5
    for plan in plans:
        for table in ("message", "campaign", "balance_reading"):
            assert f"Seq Scan on {table}" not in plan, plan


def test_a_plan_that_reads_everything_is_noticed(app: Flask, alice: Person, campaign_id: int) -> None:
    assert campaign_id

    def read() -> None:
        tenancy.session().query(Campaign).filter(Campaign.name.like("%x%")).limit(5).all()
        differences()

    assert any("Seq Scan on" in plan for plan in plans_of(app, alice, read))


@pytest.fixture
def book(app: Flask, database: Database, alice: Person) -> list[int]:
    """An address book of a hundred thousand, a large group and a small one, and many imports."""
    with database.owner() as owner:
        owner.execute(
            "INSERT INTO contact (team_id, id, mobile, name, created_at, changed_at) "
            "SELECT %s, n, (13000000000 + n * 97)::text, chr(19968 + n %% 900) || n, now(), now() "
            "FROM generate_series(1, %s) AS n",
            [alice.team_id, ROWS],
        )
        owner.execute(
            "INSERT INTO contact_group (team_id, id, name, created_at) "
            "SELECT %s, n, 'group ' || n, now() FROM generate_series(1, 400) AS n",
            [alice.team_id],
        )
        for group_id, every in ((1, 2), (2, 4000)):
            owner.execute(
                "INSERT INTO grouped_contact (team_id, group_id, contact_id, added_at) "
                "SELECT %s, %s, n, now() FROM generate_series(1, %s, %s) AS n",
                [alice.team_id, group_id, ROWS, every],
            )
        owner.execute(
            "INSERT INTO opt_out (team_id, mobile, opted_out_at, how) "
            "SELECT %s, (13000000000 + n * 97)::text, now(), 'hand' FROM generate_series(1, 20000) AS n",
            [alice.team_id],
        )
        owner.execute(
            "INSERT INTO contact_import (team_id, id, file_name, source, state, created_at) "
            "SELECT %s, n, 'x.csv', 'csv', 'discarded', now() FROM generate_series(1, 20000) AS n",
            [alice.team_id],
        )
        owner.execute("ANALYZE")
    return [1, 2]


TABLES_OF_PEOPLE = ("contact", "grouped_contact", "opt_out", "contact_import", "message", "campaign")


def test_no_list_of_people_reads_a_teams_table_from_end_to_end(
    app: Flask, alice: Person, book: list[int], campaign_id: int
) -> None:
    searches = [
        None,
        *(contacts.Search(contacts.Kind.NUMBER, text) for text in ("1300", "0097", "13000000097")),
        contacts.Search(contacts.Kind.END, "0097"),
        *(contacts.Search(contacts.Kind.NAME, text) for text in ("一", "一9", "\U0010ffff", "nobody")),
    ]

    def read() -> None:
        for group_id in (None, *book):
            for search in searches:
                chosen = contacts.Selection(group_id, search)
                page = contacts.page(chosen)
                contacts.count(chosen)
                for row in page.rows[-1:]:
                    contacts.page(chosen, after=row.spot)
                    contacts.page(chosen, before=row.spot)
        ids = [row.contact.id for row in contacts.page(contacts.Selection()).rows]
        assert len(groups.groups()) == 400
        assert len(groups.by_contact(ids)) == 25
        assert optouts.opted_out_among(["13000000097"]) == {"13000000097"}
        out = optout_listing.page()
        assert optout_listing.page(after=(out.rows[-1].opted_out_at, out.rows[-1].mobile)).rows
        for kind, text in ((contacts.Kind.NUMBER, "1300"), (contacts.Kind.END, "0097")):
            assert optout_listing.page(contacts.Search(kind, text)).rows
        assert bulk.existing(ids)
        assert imports.history(None)
        assert person.messages("13700000030", clock.now()).rows

    for plan in plans_of(app, alice, read):
        for table in TABLES_OF_PEOPLE:
            assert f"Seq Scan on {table} " not in plan, plan
