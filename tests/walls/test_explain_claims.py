"""Claiming stays quick however many batches wait: nothing it asks reads the batches from end to end."""

from __future__ import annotations

import pytest
from flask import Flask

from tests.conftest import Database
from tests.factories import Person, confirm, connect_practice, make_person, numbers
from tests.practice.fixture import PracticeGateway
from tests.walls.test_explain import plans_of
from webapp import clock, tenancy
from webapp.campaigns import claims
from webapp.gateway.models import GatewayAccount
from webapp.settings import settings_of

WAITING = 60_000


@pytest.fixture
def alice(app: Flask) -> Person:
    return make_person(app)


@pytest.fixture
def account(app: Flask, database: Database, practice: PracticeGateway, alice: Person) -> int:
    """One with a campaign of very many batches among two hundred that send."""
    made = connect_practice(app, alice, practice)
    large = confirm(app, alice, made, numbers(2))
    with database.owner() as owner:
        owner.execute("UPDATE campaign SET state = 'sending', begin_at = now(), started_at = now()")
        owner.execute(
            "INSERT INTO campaign (team_id, id, account_id, kind, state, name, body, created_at, begin_at) "
            "SELECT team_id, id + n, account_id, kind, state, name, body, created_at, begin_at "
            "FROM campaign, generate_series(1, 200) AS n"
        )
        owner.execute(
            "INSERT INTO batch (team_id, campaign_id, no, account_id, state, content, mobiles, size, open) "
            "SELECT %s, %s + CASE WHEN n %% 100 = 0 THEN n / 100 %% 200 ELSE 0 END, n, %s, "
            "CASE WHEN n %% 7 = 0 THEN 'blocked' WHEN n %% 5 = 0 THEN 'accepted' ELSE 'planned' END, "
            "'x', ARRAY['13700000000'], 1, 1 FROM generate_series(1, %s) AS n",
            [alice.team_id, large, made, WAITING],
        )
        owner.execute("ANALYZE campaign, batch")
    return made


@pytest.mark.parametrize("state", ["ok", "out_of_balance"])
def test_no_claim_reads_the_batches_from_end_to_end(
    app: Flask, alice: Person, account: int, state: str
) -> None:
    now = clock.now()
    with tenancy.team_scope(alice.team_id, app) as session:
        found = session.get_one(GatewayAccount, (alice.team_id, account))
        found.state, found.probe_at, found.in_flight = state, now, 16
        session.commit()

    def read() -> None:
        claimed = claims.claim_batches(now, settings_of(app).times, 64)
        assert len(claimed) == (16 if state == "ok" else 1)
        tenancy.session().rollback()

    plans = plans_of(app, alice, read)
    assert any("lateral" in plan.lower() or "Nested Loop" in plan for plan in plans)
    for plan in plans:
        assert "Seq Scan on batch" not in plan, plan
        # Whole indexes are no better: what is due of one campaign is walked in its order, and a little of it.
        assert "Bitmap Heap Scan on batch" not in plan, plan
