"""Answers that come late, twice, to old credentials, or cannot be stored: what processes make of the order.

Each test claims as one worker does and lets something happen before that worker's answer is stored.
"""

from __future__ import annotations

import dataclasses
import json
import threading
from collections.abc import Sequence
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy.exc import IntegrityError, OperationalError

from tests.campaigns.running import batches_of, campaign_of, sender
from tests.factories import Person, confirm, connect_practice, make_person, numbers
from tests.practice.fixture import PracticeGateway, wait_until
from webapp import clock, tenancy
from webapp.campaigns import adoption, answers, claims, drafts, operations, planning, reaper, storing
from webapp.campaigns.answers import Answered
from webapp.campaigns.claims import Claim
from webapp.campaigns.models import Attempt, Campaign
from webapp.campaigns.sender import Sender
from webapp.gateway.answers import judge
from webapp.gateway.exchange import Exchange, Kind
from webapp.gateway.models import GatewayAccount
from webapp.gateway.operations import change_credentials
from webapp.sealing import Secret
from webapp.settings import settings_of

LEASE_OVER = timedelta(hours=1)


def claim(app: Flask, person: Person) -> list[Claim]:
    """Plan everything and claim, as one worker does."""
    with tenancy.team_scope(person.team_id, app) as session:
        for campaign_id in planning.campaigns_to_plan():
            while planning.plan_chunk(campaign_id):
                session.commit()
            session.commit()
        claims.begin_ready_campaigns(clock.now())
        session.commit()
        claimed = claims.claim_batches(clock.now(), settings_of(app).times, 64)
        session.commit()
        return claimed


def reap(app: Flask, person: Person) -> None:
    with tenancy.team_scope(person.team_id, app) as session:
        assert reaper.reap(clock.now() + LEASE_OVER, settings_of(app).times) > 0
        session.commit()


def code(number: int, msgid: str = "") -> Exchange:
    status = "success" if number == 0 else "error"
    body = {"status": status, "respCode": str(number), "respMsg": "x", "msgid": msgid}
    return Exchange(Kind.ANSWERED, 200, json.dumps(body).encode())


def answered(claimed: Claim, exchange: Exchange) -> Answered:
    verdict = judge(exchange, numbers=len(claimed.mobiles), unknown_before=False)
    return Answered(claimed, verdict, exchange.http_status, exchange.body or None)


def store(app: Flask, person: Person, taken: Sequence[Answered]) -> None:
    with tenancy.team_scope(person.team_id, app) as session:
        answers.record_answers(taken, clock.now(), settings_of(app).times)
        session.commit()


def attempts(app: Flask, person: Person) -> list[tuple[str | None, str | None]]:
    with tenancy.team_scope(person.team_id, app) as session:
        rows = session.query(Attempt).filter(Attempt.team_id == person.team_id).order_by(Attempt.n)
        return [(row.outcome, row.why) for row in rows]


def test_an_attempt_is_committed_before_the_call(app: Flask, alice: Person, account: int) -> None:
    confirm(app, alice, account, numbers(2))
    (claimed,) = claim(app, alice)
    assert attempts(app, alice) == [(None, None)]
    assert claimed.mobiles == tuple(numbers(2))


def test_a_dead_workers_batch_is_not_confirmed_and_not_claimed_again(
    app: Flask, alice: Person, account: int
) -> None:
    campaign_id = confirm(app, alice, account, numbers(2))
    claim(app, alice)
    reap(app, alice)
    assert campaign_of(app, alice, campaign_id).unconfirmed == 2
    assert claim(app, alice) == []
    assert attempts(app, alice) == [("unknown", "reaped")]


def test_a_late_code_0_is_recorded_and_settles_the_batch(app: Flask, alice: Person, account: int) -> None:
    campaign_id = confirm(app, alice, account, numbers(2))
    (claimed,) = claim(app, alice)
    reap(app, alice)
    store(app, alice, [answered(claimed, code(0, "m1"))])
    assert [batch.state for batch in batches_of(app, alice, campaign_id)] == ["accepted"]
    assert campaign_of(app, alice, campaign_id).no_report == 2
    assert attempts(app, alice) == [("taken", "accepted")]


def test_a_late_code_0_settles_a_batch_whose_repeat_is_under_way(
    app: Flask, alice: Person, account: int
) -> None:
    """Whatever comes of the repeat then: that the request was taken is known."""
    campaign_id = confirm(app, alice, account, numbers(5))
    (first,) = claim(app, alice)
    reap(app, alice)
    with clock.standing_at(clock.now() + timedelta(seconds=120)):
        (again,) = claim(app, alice)
    store(app, alice, [answered(first, code(0, "m1"))])
    assert [batch.state for batch in batches_of(app, alice, campaign_id)] == ["accepted"]
    store(app, alice, [answered(again, Exchange(Kind.ANSWER_TIMEOUT))])
    assert [batch.state for batch in batches_of(app, alice, campaign_id)] == ["accepted"]
    assert campaign_of(app, alice, campaign_id).no_report == 5


@pytest.mark.parametrize("number", [1, 2, 3, 5, 6, 7, 8, 99])
def test_a_late_other_code_leaves_the_batch_on_hold(
    app: Flask, alice: Person, account: int, number: int
) -> None:
    campaign_id = confirm(app, alice, account, numbers(4))
    (claimed,) = claim(app, alice)
    reap(app, alice)
    store(app, alice, [answered(claimed, code(number))])
    assert [batch.state for batch in batches_of(app, alice, campaign_id)] == ["hold"]
    assert campaign_of(app, alice, campaign_id).unconfirmed == 4


def test_a_request_that_was_withheld_past_its_lease_goes_back(
    app: Flask, alice: Person, account: int
) -> None:
    campaign_id = confirm(app, alice, account, numbers(2))
    (claimed,) = claim(app, alice)
    reap(app, alice)
    store(app, alice, [answered(claimed, Exchange(Kind.WITHHELD))])
    assert [batch.state for batch in batches_of(app, alice, campaign_id)] == ["planned"]
    assert campaign_of(app, alice, campaign_id).waiting == 2
    assert attempts(app, alice) == [("never_left", "withheld")]
    assert len(claim(app, alice)) == 1


def test_code_1_to_credentials_that_were_changed_meanwhile_stops_nothing(
    app: Flask, alice: Person, account: int
) -> None:
    campaign_id = confirm(app, alice, account, numbers(2))
    (claimed,) = claim(app, alice)
    with tenancy.team_scope(alice.team_id, app) as session:
        found = session.get_one(GatewayAccount, (alice.team_id, account))
        change_credentials(found, Secret("new"), Secret("new"), by=None)
        session.commit()
    store(app, alice, [answered(claimed, code(1))])
    assert [batch.state for batch in batches_of(app, alice, campaign_id)] == ["planned"]
    assert campaign_of(app, alice, campaign_id).paused_by_machine is None


def test_code_1_stops_every_campaign_of_the_account_and_a_sweep_lets_them_go_on(
    app: Flask, alice: Person, account: int
) -> None:
    first = confirm(app, alice, account, numbers(2))
    second = confirm(app, alice, account, numbers(3), body="Other")
    claimed, other = claim(app, alice)
    store(app, alice, [answered(claimed, code(1)), answered(other, code(0, "m2"))])
    assert campaign_of(app, alice, first).paused_by_machine == "credentials"
    assert campaign_of(app, alice, second).no_report == 3
    with tenancy.team_scope(alice.team_id, app) as session:
        session.get_one(GatewayAccount, (alice.team_id, account)).state = "ok"
        session.commit()
        operations.release_well_accounts()
        session.commit()
    assert campaign_of(app, alice, first).paused_by_machine is None
    assert [batch.state for batch in batches_of(app, alice, first)] == ["planned"]


@pytest.mark.parametrize(
    ("state", "disabled", "reason"),
    [
        ("broken", False, "credentials"),
        ("frozen", False, "frozen"),
        ("out_of_balance", False, "balance"),
        ("misconfigured", False, "wrong_address"),
        ("ok", True, "switched_off"),
    ],
)
def test_whatever_stops_an_account_is_said_on_its_campaigns_and_lifted_with_it(
    app: Flask, alice: Person, account: int, state: str, disabled: bool, reason: str
) -> None:
    campaign_id = confirm(app, alice, account, numbers(2))

    def set_account(to: str, off: bool) -> None:
        with tenancy.team_scope(alice.team_id, app) as session:
            found = session.get_one(GatewayAccount, (alice.team_id, account))
            found.state, found.disabled_at = to, clock.now() if off else None
            session.commit()
            operations.pause_for_accounts(clock.now())
            session.commit()
            operations.release_well_accounts()
            session.commit()

    set_account(state, disabled)
    assert campaign_of(app, alice, campaign_id).paused_by_machine == reason
    assert claim(app, alice) == []
    set_account("ok", False)
    assert campaign_of(app, alice, campaign_id).paused_by_machine is None
    assert len(claim(app, alice)) == 1


def test_a_fault_in_one_teams_rows_leaves_that_team_out_and_a_lost_database_nobody(
    app: Flask, alice: Person
) -> None:
    one = Sender(app, threading.Event())

    def refused(_team: int) -> bool:
        raise IntegrityError("x", {}, Exception("x"))

    def away(_team: int) -> bool:
        raise OperationalError("x", {}, Exception("x"))

    with pytest.raises(OperationalError):
        one._of_team(alice.team_id, away)
    assert alice.team_id not in one.shunned
    assert one._of_team(alice.team_id, refused) is False
    assert alice.team_id in one.shunned


def test_an_account_whose_gateway_is_gone_stops_itself_alone(
    app: Flask, practice: PracticeGateway, alice: Person, account: int
) -> None:
    bob = make_person(app, "bob")
    well = confirm(app, bob, connect_practice(app, bob, practice), numbers(2, 13_100_000_000))
    broken = confirm(app, alice, account, numbers(2))
    with tenancy.team_scope(alice.team_id, app) as session:
        session.get_one(GatewayAccount, (alice.team_id, account)).gateway = "gone"
        session.commit()
    with sender(app):
        wait_until(lambda: campaign_of(app, bob, well).state == "waiting_for_reports")
        wait_until(lambda: campaign_of(app, alice, broken).paused_by_machine == "wrong_address")
    assert campaign_of(app, alice, broken).waiting == 2


def test_an_answer_that_is_refused_for_its_text_is_stored_without_it(
    app: Flask, alice: Person, account: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(storing, "WAIT_SECONDS", 0)
    campaign_id = confirm(app, alice, account, numbers(2))
    (claimed,) = claim(app, alice)
    too_long = dataclasses.replace(answered(claimed, code(0, "m1")), excerpt=b"x" * 5000)
    storing.store(app, alice.team_id, [too_long], settings_of(app).times)
    assert [batch.state for batch in batches_of(app, alice, campaign_id)] == ["accepted"]


def test_an_answer_that_can_never_be_stored_ends_unknown_and_holds_up_nobody(
    app: Flask, alice: Person, account: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(storing, "WAIT_SECONDS", 0)
    bad = confirm(app, alice, account, numbers(2))
    good = confirm(app, alice, account, numbers(3), body="Other")
    first, second = claim(app, alice)
    verdict = dataclasses.replace(answered(first, code(0, "m1")).verdict, msgid="not a msgid")
    storing.store(
        app,
        alice.team_id,
        [Answered(first, verdict, 200, None), answered(second, code(0, "m2"))],
        settings_of(app).times,
    )
    assert campaign_of(app, alice, bad).unconfirmed == 2
    assert campaign_of(app, alice, good).no_report == 3


def adopt(app: Flask, person: Person, account: int, msgid: str, mobiles: Sequence[str]) -> bool:
    with tenancy.team_scope(person.team_id, app) as session:
        adopted = adoption.adopt_msgid(account, msgid, mobiles, clock.now())
        session.commit()
        return adopted


def test_reports_recognise_a_request_without_an_answer(app: Flask, alice: Person, account: int) -> None:
    campaign_id = confirm(app, alice, account, numbers(5))
    claim(app, alice)
    assert not adopt(app, alice, account, "m9", numbers(5)), "its answer may still come"
    reap(app, alice)
    assert not adopt(app, alice, account, "m9", numbers(2)), "two of five prove nothing"
    assert not adopt(app, alice, account, "m9", [*numbers(4), "13999999999"]), "one is not among them"
    assert adopt(app, alice, account, "m9", numbers(3))
    assert [batch.state for batch in batches_of(app, alice, campaign_id)] == ["accepted"]
    assert campaign_of(app, alice, campaign_id).no_report == 5


def test_a_repeat_that_nobody_ends_any_more_is_closed(app: Flask, alice: Person, account: int) -> None:
    """Its worker died, and reports settled the batch meanwhile: no lease is left to end it."""
    confirm(app, alice, account, numbers(5))
    claim(app, alice)
    reap(app, alice)
    with clock.standing_at(clock.now() + timedelta(seconds=120)):
        (again,) = claim(app, alice)
    assert adopt(app, alice, account, "m9", numbers(5))
    assert attempts(app, alice) == [("unknown", "reaped"), (None, None)]
    times = settings_of(app).times
    with tenancy.team_scope(alice.team_id, app) as session:
        assert reaper.close_abandoned(clock.now(), times) == 0, "its worker may still be at it"
        assert reaper.close_abandoned(clock.now() + LEASE_OVER, times) == 1
        session.commit()
    assert attempts(app, alice) == [("unknown", "reaped")] * 2
    store(app, alice, [answered(again, code(0, "m9"))])
    assert attempts(app, alice)[1] == ("taken", "accepted"), "a late answer is never thrown away"


def test_two_batches_that_could_be_meant_prove_nothing(app: Flask, alice: Person, account: int) -> None:
    confirm(app, alice, account, numbers(5))
    confirm(app, alice, account, numbers(5), body="Other")
    claim(app, alice)
    reap(app, alice)
    assert not adopt(app, alice, account, "m9", numbers(5))


def test_a_halved_batch_is_never_adopted(app: Flask, alice: Person, account: int) -> None:
    campaign_id = confirm(app, alice, account, numbers(6))
    (claimed,) = claim(app, alice)
    store(app, alice, [answered(claimed, code(2))])
    adopt(app, alice, account, "m9", numbers(6))
    assert "accepted" not in [batch.state for batch in batches_of(app, alice, campaign_id)]


def set_limit(app: Flask, person: Person, account: int, limit: int) -> None:
    with tenancy.team_scope(person.team_id, app) as session:
        session.get_one(GatewayAccount, (person.team_id, account)).numbers_per_request = limit
        session.commit()


def test_batches_planned_for_larger_requests_are_cut_by_the_sweep(
    app: Flask, alice: Person, account: int
) -> None:
    campaign_id = confirm(app, alice, account, numbers(900))
    with tenancy.team_scope(alice.team_id, app) as session:
        while planning.plan_chunk(campaign_id):
            session.commit()
        session.commit()
    set_limit(app, alice, account, 100)
    with sender(app):
        wait_until(lambda: campaign_of(app, alice, campaign_id).state == "waiting_for_reports", 40)
    campaign = campaign_of(app, alice, campaign_id)
    assert (campaign.no_report, campaign.halvings) == (900, 0)
    accepted = [batch.size for batch in batches_of(app, alice, campaign_id) if batch.state == "accepted"]
    assert max(accepted) <= 100
    assert sum(accepted) == 900


def test_cutting_batches_of_a_campaign_that_is_still_planned_keeps_its_sums(
    app: Flask, alice: Person, account: int
) -> None:
    campaign_id = confirm(app, alice, account, numbers(12_000))
    with tenancy.team_scope(alice.team_id, app) as session:
        assert planning.plan_chunk(campaign_id)
        session.commit()
    set_limit(app, alice, account, 1000)
    with tenancy.team_scope(alice.team_id, app) as session:
        while operations.split_oversized(account):
            session.commit()
        while planning.plan_chunk(campaign_id):
            session.commit()
        session.commit()
    campaign = campaign_of(app, alice, campaign_id)
    assert (campaign.state, campaign.paused_by_machine) == ("ready", None)


def test_cutting_for_the_limit_does_not_spend_the_search_for_bad_numbers(
    app: Flask, alice: Person, account: int
) -> None:
    campaign_id = confirm(app, alice, account, numbers(8))
    (claimed,) = claim(app, alice)
    store(app, alice, [answered(claimed, code(6))])
    assert campaign_of(app, alice, campaign_id).halvings == 0
    half, _other = claim(app, alice)
    store(app, alice, [answered(half, code(2))])
    assert campaign_of(app, alice, campaign_id).halvings == 1


def test_one_key_on_two_drafts_at_once_makes_one_campaign(app: Flask, alice: Person, account: int) -> None:
    with tenancy.team_scope(alice.team_id, app) as session:
        made = [drafts.draft_campaign(account, "13800138000", "Hi", "Shop", alice.user_id) for _ in range(6)]
        seen = {draft.id: drafts.preview(draft).digest for draft in made}
        session.commit()
    found: list[int] = []

    def press(draft_id: int) -> None:
        with tenancy.team_scope(alice.team_id, app) as session:
            one = operations.confirm_campaign(draft_id, "one key", seen[draft_id], alice.user_id, 0)
            session.commit()
            found.append(one.id)

    threads = [threading.Thread(target=press, args=[draft_id]) for draft_id in seen]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 6
    assert len(set(found)) == 1


def test_the_database_refuses_numbers_that_do_not_add_up(app: Flask, alice: Person, account: int) -> None:
    campaign_id = confirm(app, alice, account, numbers(2))
    with tenancy.team_scope(alice.team_id, app) as session:
        campaign = session.get_one(Campaign, (alice.team_id, campaign_id))
        campaign.delivered = 1
        with pytest.raises(Exception, match="ck_campaign_sum"):
            session.flush()
