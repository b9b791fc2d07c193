"""The audit log stays quick: with many entries no page of it reads the table from end to end."""

from __future__ import annotations

from datetime import date

import pytest
from flask import Flask

from tests.conftest import Database
from tests.factories import Person, make_person
from tests.walls.test_explain import plans_of
from webapp.accounts import audit_log
from webapp.accounts.audit_log import Wanted

ROWS = 50_000


@pytest.fixture
def alice(app: Flask, database: Database) -> Person:
    """A person whose team has a long log, in which she stands seldom."""
    person = make_person(app)
    with database.owner() as owner:
        owner.execute(
            "INSERT INTO audit_entry (team_id, id, at, user_id, action, address) "
            "SELECT %s, n, now(), CASE n WHEN 9 THEN %s ELSE 7 END, 'campaign.drafted', 'job' "
            "FROM generate_series(1, %s) AS n",
            [person.team_id, person.user_id, ROWS],
        )
        owner.execute("ANALYZE audit_entry")
    return person


def test_no_page_reads_the_whole_log(app: Flask, alice: Person) -> None:
    def read() -> None:
        audit_log.page(Wanted(), "Asia/Shanghai")
        audit_log.page(Wanted(family="team", start=date(2026, 1, 1)), "Asia/Shanghai", before=ROWS)
        assert len(audit_log.page(Wanted(person=alice.user_id), "Asia/Shanghai")) == 1

    plans = plans_of(app, alice, read)
    assert len(plans) == 3
    assert not any("Seq Scan" in plan for plan in plans), plans
    assert "ix_audit_entry_user_id" in plans[2]
