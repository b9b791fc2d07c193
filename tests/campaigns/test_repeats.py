"""After an answer that never came: evidence, then the identical request in time, then a person.

Time is moved by handing another moment to the claim; the practice gateway's ledger tells what reached phones.
"""

from __future__ import annotations

import dataclasses
from datetime import datetime, timedelta

import pytest
from flask import Flask

from tests.campaigns.running import batches_of, campaign_of, sender
from tests.campaigns.test_late_answers import answered, claim, code, reap, store
from tests.factories import Person, confirm, numbers, uids
from tests.practice.fixture import PracticeGateway, wait_until
from webapp import clock, tenancy
from webapp.campaigns import adoption, claims, reaper, stopping
from webapp.campaigns.answers import Answered
from webapp.campaigns.claims import Claim
from webapp.campaigns.models import GatewayMessage
from webapp.gateway.answers import judge
from webapp.gateway.exchange import Exchange, Kind
from webapp.gateway.models import GatewayAccount
from webapp.gateway.operations import change_credentials
from webapp.sealing import Secret
from webapp.settings import Times, settings_of

LOST = Exchange(Kind.LOST_AFTER_SEND)


def set_account(app: Flask, person: Person, account: int, **values: object) -> None:
    with tenancy.team_scope(person.team_id, app) as session:
        found = session.get_one(GatewayAccount, (person.team_id, account))
        for name, value in values.items():
            setattr(found, name, value)
        session.commit()


def claim_at(app: Flask, person: Person, moment: datetime) -> list[Claim]:
    with tenancy.team_scope(person.team_id, app) as session:
        claimed = claims.claim_batches(moment, settings_of(app).times, 64)
        session.commit()
        return claimed


def give_up_at(app: Flask, person: Person, moment: datetime) -> int:
    with tenancy.team_scope(person.team_id, app) as session:
        given = reaper.give_up_asking(moment, settings_of(app).times)
        session.commit()
        return given


def lost(app: Flask, person: Person, account: int) -> tuple[int, Claim]:
    """A campaign whose only request got no answer."""
    campaign_id = confirm(app, person, account, numbers(5))
    (claimed,) = claim(app, person)
    store(app, person, [answered(claimed, LOST)])
    return campaign_id, claimed


def after(claimed: Claim, seconds: float) -> datetime:
    return claimed.claimed_at + timedelta(seconds=seconds)


def test_the_identical_request_is_made_again_after_the_evidence_and_twice_at_most(
    app: Flask, alice: Person, account: int
) -> None:
    campaign_id, first = lost(app, alice, account)
    assert claim_at(app, alice, after(first, 80)) == []
    (second,) = claim_at(app, alice, after(first, 91))
    assert (second.mobiles, second.content, second.n) == (first.mobiles, first.content, 2)
    assert campaign_of(app, alice, campaign_id).unconfirmed == 5
    store(app, alice, [answered(second, LOST)])
    assert claim_at(app, alice, after(first, 200)) == []
    (third,) = claim_at(app, alice, after(first, 301))
    store(app, alice, [answered(third, LOST)])
    assert claim_at(app, alice, after(first, 700)) == []
    assert give_up_at(app, alice, after(first, 302)) == 1
    assert [batch.state for batch in batches_of(app, alice, campaign_id)] == ["unconfirmed"]
    assert campaign_of(app, alice, campaign_id).state == "waiting_for_reports"


def test_a_repeat_that_is_answered_settles_the_batch(app: Flask, alice: Person, account: int) -> None:
    campaign_id, first = lost(app, alice, account)
    (second,) = claim_at(app, alice, after(first, 91))
    store(app, alice, [answered(second, code(0, "m2"))])
    assert campaign_of(app, alice, campaign_id).no_report == 5


@pytest.mark.parametrize("number", [1, 2, 3, 4, 5, 6, 7, 8, 42])
def test_no_other_answer_to_a_repeat_moves_the_batch(
    app: Flask, alice: Person, account: int, number: int
) -> None:
    campaign_id, first = lost(app, alice, account)
    (second,) = claim_at(app, alice, after(first, 91))
    verdict = judge(code(number), numbers=5, unknown_before=True)
    store(app, alice, [Answered(second, verdict, 200, None)])
    assert [batch.state for batch in batches_of(app, alice, campaign_id)] == ["hold"]
    assert campaign_of(app, alice, campaign_id).unconfirmed == 5


@pytest.mark.parametrize(
    ("seconds", "changes"),
    [
        (811, {}),
        (-60, {}),
        (91, {"repeat_mode": "ask"}),
        (91, {"fingerprint": b"another account of 32 bytes here"[:32]}),
        (91, {"state": "broken"}),
        (91, {"disabled_at": datetime.fromisoformat("2026-01-01T00:00:00+00:00")}),
        (100, {"dedup_seconds": 180}),
    ],
    ids=["too late", "clock set back", "ask", "another uid", "broken", "switched off", "short time"],
)
def test_no_repeat(
    app: Flask, alice: Person, account: int, seconds: float, changes: dict[str, object]
) -> None:
    _campaign_id, first = lost(app, alice, account)
    set_account(app, alice, account, **changes)
    assert claim_at(app, alice, after(first, seconds)) == []


def test_a_changed_password_is_no_other_request_but_a_changed_uid_is(
    app: Flask, alice: Person, account: int
) -> None:
    _campaign_id, first = lost(app, alice, account)
    with tenancy.team_scope(alice.team_id, app) as session:
        found = session.get_one(GatewayAccount, (alice.team_id, account))
        change_credentials(found, Secret(uids[account]), Secret("a new password"), by=None)
        session.commit()
    assert len(claim_at(app, alice, after(first, 91))) == 1
    reap(app, alice)
    with tenancy.team_scope(alice.team_id, app) as session:
        found = session.get_one(GatewayAccount, (alice.team_id, account))
        change_credentials(found, Secret("another uid"), Secret("x"), by=None)
        session.commit()
    assert claim_at(app, alice, after(first, 301)) == []


def test_nothing_is_repeated_at_an_address_that_the_operator_changed(
    app: Flask, alice: Person, account: int
) -> None:
    campaign_id, first = lost(app, alice, account)
    settings = settings_of(app)
    elsewhere = {**settings.gateways, "practice": "http://127.0.0.1:9/elsewhere"}
    app.extensions["tidings_settings"] = dataclasses.replace(settings, gateways=elsewhere)
    assert claim_at(app, alice, after(first, 91)) == []
    assert give_up_at(app, alice, after(first, 92)) == 1
    assert [batch.state for batch in batches_of(app, alice, campaign_id)] == ["unconfirmed"]


def test_a_pause_sends_no_repeat_and_the_time_runs_on(app: Flask, alice: Person, account: int) -> None:
    campaign_id, first = lost(app, alice, account)
    with app.test_request_context(), tenancy.team_scope(alice.team_id, app) as session:
        stopping.pause_campaign(campaign_id)
        session.commit()
    assert claim_at(app, alice, after(first, 91)) == []
    assert give_up_at(app, alice, after(first, 91)) == 0
    assert give_up_at(app, alice, after(first, 811)) == 1
    with app.test_request_context(), tenancy.team_scope(alice.team_id, app) as session:
        stopping.resume_campaign(campaign_id)
        session.commit()
    assert claim_at(app, alice, after(first, 812)) == []


def test_an_account_that_asks_waits_for_evidence_alone(app: Flask, alice: Person, account: int) -> None:
    set_account(app, alice, account, repeat_mode="ask")
    _campaign_id, first = lost(app, alice, account)
    assert give_up_at(app, alice, after(first, 89)) == 0
    assert give_up_at(app, alice, after(first, 91)) == 1


def test_reports_under_the_first_msgid_still_find_a_batch_whose_repeat_was_answered(
    app: Flask, alice: Person, account: int
) -> None:
    campaign_id, first = lost(app, alice, account)
    (second,) = claim_at(app, alice, after(first, 91))
    store(app, alice, [answered(second, code(0, "m2"))])
    with tenancy.team_scope(alice.team_id, app) as session:
        assert adoption.adopt_msgid(account, "m1", numbers(5), clock.now())
        session.commit()
        rows = session.query(GatewayMessage).filter(GatewayMessage.team_id == alice.team_id)
        assert sorted(row.msgid for row in rows) == ["m1", "m2"]
    assert campaign_of(app, alice, campaign_id).no_report == 5


def test_a_lost_answer_is_settled_by_its_repeat_and_nobody_gets_it_twice(
    app: Flask, practice: PracticeGateway, alice: Person, account: int
) -> None:
    """With the real loop and the real de-duplication of the practice gateway."""
    times = Times(evidence=0.2, first_repeat=0.2, second_repeat=0.6, reaper=0.2)
    settings = settings_of(app)
    app.extensions["tidings_settings"] = dataclasses.replace(settings, times=times)
    practice.dial(next=["lost"])
    campaign_id = confirm(app, alice, account, numbers(7))
    with sender(app):
        wait_until(lambda: campaign_of(app, alice, campaign_id).no_report == 7)
    ours = [line for line in practice.submissions() if line["uid"] == uids[account]]
    assert len(ours) == 2
    assert len({line["body_sha256"] for line in ours}) == 1
    assert sorted(mobile for line in ours for mobile in line["delivered"]) == numbers(7)
