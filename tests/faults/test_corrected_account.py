"""A mistyped uid: what the gateway refused goes out, all of it, once a person has corrected it."""

from __future__ import annotations

import secrets

import pytest
from flask import Flask

from tests.campaigns.running import batches_of, campaign_of, sender
from tests.conftest import Database
from tests.factories import Person, confirm, make_person, numbers, sign_in, uids
from tests.faults.dump import figures_of
from tests.faults.moving import set_times
from tests.practice.fixture import PracticeGateway, wait_until
from webapp import tenancy
from webapp.campaigns import claims, invariants
from webapp.campaigns.models import Attempt
from webapp.gateway import operations
from webapp.sealing import Secret
from webapp.settings import Times

PEOPLE = numbers(500, 13_200_000_000)
BATCHES = 50


@pytest.fixture
def alice(app: Flask) -> Person:
    return make_person(app)


def outcomes(app: Flask, person: Person) -> dict[int, list[str | None]]:
    """How the attempts of each batch ended."""
    with tenancy.team_scope(person.team_id, app) as session:
        rows = session.query(Attempt).filter(Attempt.team_id == person.team_id).order_by(Attempt.n)
        found: dict[int, list[str | None]] = {}
        for row in rows:
            found.setdefault(row.batch_no, []).append(row.outcome)
        return found


def test_fifty_blocked_batches_all_go_out(
    app: Flask, empty: Database, practice: PracticeGateway, alice: Person, monkeypatch: pytest.MonkeyPatch,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:  # fmt: skip
    uid, pwd = f"fault-{secrets.token_hex(4)}", secrets.token_hex(8)
    practice.add_user(uid, pwd, balance=10_000)
    # All are on their way when the first of them is refused.
    practice.dial(latency_ms=1500)
    monkeypatch.setattr(claims, "_in_flight", lambda _account_id: 0)
    set_times(app, Times(reaper=0.2))
    with tenancy.team_scope(alice.team_id, app) as session:
        account = operations.connect_account("Typo", "practice", Secret(f"{uid}x"), Secret(pwd), by=None)
        account.numbers_per_request = len(PEOPLE) // BATCHES
        account_id = account.id
        session.commit()
    uids[account_id] = uid
    campaign_id = confirm(app, alice, account_id, PEOPLE)

    def states() -> list[str]:
        return [batch.state for batch in batches_of(app, alice, campaign_id)]

    with sender(app):
        wait_until(lambda: states() == ["blocked"] * BATCHES, 30)
        assert campaign_of(app, alice, campaign_id).paused_by_machine == "credentials"
        monkeypatch.undo()
        practice.dial(latency_ms=0)
        corrected = sign_in(app, alice).post(
            f"/t/{alice.team}/settings/gateways/{account_id}/credential", data={"uid": uid, "pwd": pwd}
        )
        assert corrected.status_code == 303
        wait_until(lambda: states() == ["accepted"] * BATCHES, 30)
    campaign = campaign_of(app, alice, campaign_id)
    assert (campaign.state, campaign.no_report, campaign.unconfirmed) == ("waiting_for_reports", 500, 0)
    with tenancy.team_scope(alice.team_id, app):
        assert invariants.broken() == []
    assert outcomes(app, alice) == {no: ["refused", "taken"] for no in range(1, BATCHES + 1)}
    found = figures_of(practice, empty, tmp_path_factory.mktemp("dump"), uid)
    wanted = {
        "delivered": 500,
        "lost": 0,
        "twice": 0,
        "second_digests": 0,
        "unconfirmed": 0,
        "differences": 0,
    }
    assert {name: found[name] for name in wanted} == wanted
