"""Whether the balance reaches: before the first batch, while sending, and after a top-up."""

from __future__ import annotations

from datetime import timedelta

import pytest
import time_machine
from flask import Flask
from flask.testing import FlaskClient

from tests.campaigns.running import campaign_of, sender
from tests.campaigns.timing import confirmed, did, told
from tests.conftest import Database
from tests.factories import Person, numbers, sign_in, uids
from tests.faults.moving import set_times
from tests.practice.fixture import PracticeGateway, wait_until
from webapp import clock, tenancy
from webapp.accounts.models import Team
from webapp.accounts.queries import owners
from webapp.campaigns import affording, claims, notices, queries, stopping
from webapp.gateway import jobs as gateway_jobs
from webapp.gateway import operations as gateway
from webapp.gateway.answers import Why
from webapp.gateway.balances import BalanceOutcome, BalanceVerdict
from webapp.gateway.models import BalanceCause
from webapp.settings import Times

WAITING = Times(reaper=0.2)


def read(app: Flask, person: Person, account: int, left: int | None, said: str = "odd") -> None:
    """As if the gateway had been asked."""
    verdict = BalanceVerdict(BalanceOutcome.OK, Why.ACCEPTED, said, left, 0)
    did(app, person, lambda: gateway.record_balance(account, 1, verdict, BalanceCause.CAMPAIGN))


def not_reached(app: Flask, person: Person, account: int) -> None:
    verdict = BalanceVerdict(BalanceOutcome.UNREACHABLE, Why.CONNECT_TIMEOUT)
    did(app, person, lambda: gateway.record_balance(account, 1, verdict, BalanceCause.CAMPAIGN))


def begin(app: Flask, person: Person) -> None:
    did(app, person, lambda: claims.begin_ready_campaigns(clock.now()))


def state(app: Flask, person: Person, campaign_id: int) -> tuple[str, str | None]:
    campaign = campaign_of(app, person, campaign_id)
    return campaign.state, campaign.paused_by_machine


def queued(database: Database, task: str) -> int:
    with database.owner() as owner:
        row = owner.execute(
            "SELECT count(*) FROM procrastinate_jobs WHERE task_name = %s", (f"team:{task}",)
        ).fetchone()
    assert row is not None
    return int(row[0])


def test_one_that_it_does_not_reach_for_begins_after_a_top_up(
    app: Flask, alice: Person, account: int
) -> None:
    campaign_id = confirmed(app, alice, account, numbers(5))
    read(app, alice, account, 4)
    begin(app, alice)
    assert state(app, alice, campaign_id) == ("ready", "not_enough")
    with app.test_request_context(), tenancy.team_scope(alice.team_id, app):
        campaign = queries.campaign(campaign_id)
        assert campaign is not None
        assert "what waits here needs 5" in affording.notice(campaign)
    begin(app, alice)
    read(app, alice, account, 4)
    begin(app, alice)
    assert state(app, alice, campaign_id) == ("ready", "not_enough")
    read(app, alice, account, 5)
    begin(app, alice)
    assert state(app, alice, campaign_id) == ("sending", None)
    assert [one["why"] for one in told(app, alice, "campaign.resumed_by_machine")] == ["not_enough"]


def test_what_is_being_sent_is_promised(app: Flask, alice: Person, account: int) -> None:
    read(app, alice, account, 5)
    both = [confirmed(app, alice, account, numbers(3, first)) for first in (13_000_000_000, 13_100_000_000)]
    begin(app, alice)
    assert [state(app, alice, one) for one in both] == [("sending", None), ("ready", "not_enough")]
    did(app, alice, lambda: stopping.stop_campaign(both[0]))
    read(app, alice, account, 5)
    begin(app, alice)
    assert state(app, alice, both[1]) == ("sending", None)


def test_a_person_may_send_as_far_as_it_reaches(app: Flask, alice: Person, account: int) -> None:
    campaign_id = confirmed(app, alice, account, numbers(5))
    read(app, alice, account, 4)
    begin(app, alice)
    did(app, alice, lambda: stopping.resume_campaign(campaign_id))
    begin(app, alice)
    assert state(app, alice, campaign_id) == ("sending", None)


@pytest.mark.parametrize("last", ["no number", "not reached"])
def test_what_tells_no_number_holds_nothing_up(app: Flask, alice: Person, account: int, last: str) -> None:
    campaign_id = confirmed(app, alice, account, numbers(5))
    set_times(app, WAITING)
    if last == "no number":
        read(app, alice, account, None)
    else:
        not_reached(app, alice, account)
    begin(app, alice)
    assert state(app, alice, campaign_id) == ("sending", None)
    with app.test_request_context(), tenancy.team_scope(alice.team_id, app):
        campaign = queries.campaign(campaign_id)
        assert campaign is not None
        assert "nobody knows whether it reaches" in affording.notice(campaign)


def test_an_old_reading_is_asked_anew_and_waited_for_a_few_seconds(
    app: Flask, alice: Person, account: int, database: Database
) -> None:
    set_times(app, WAITING)
    read(app, alice, account, 4)
    now = clock.now()
    with time_machine.travel(now + timedelta(seconds=70), tick=False):
        campaign_id = confirmed(app, alice, account, numbers(4))
        asked = queued(database, "gateway.check_balance")
        begin(app, alice)
        assert (state(app, alice, campaign_id), asked) == (("ready", None), 1)
    with time_machine.travel(now + timedelta(seconds=74), tick=False):
        begin(app, alice)
        assert state(app, alice, campaign_id) == ("ready", None)
    with time_machine.travel(now + timedelta(seconds=76), tick=False):
        begin(app, alice)
        assert state(app, alice, campaign_id) == ("sending", None)


def test_out_of_balance_holds_and_goes_on_by_itself_after_a_top_up(
    app: Flask, alice: Person, account: int, practice: PracticeGateway, database: Database
) -> None:
    set_times(app, Times(reaper=0.2, balance_wait=0))
    with database.owner() as owner:
        owner.execute("UPDATE gateway_account SET numbers_per_request = 2, in_flight = 1")
    practice.add_user(uids[account], "secret-pwd", balance=3)
    campaign_id = confirmed(app, alice, account, numbers(6))

    def read_now() -> None:
        with tenancy.team_scope(alice.team_id, app):
            gateway_jobs.read_balance(account, BalanceCause.CAMPAIGN)

    with sender(app):
        wait_until(lambda: campaign_of(app, alice, campaign_id).paused_by_machine == "balance")
        held = campaign_of(app, alice, campaign_id)
        assert (held.state, held.waiting) == ("sending", 4)
        read_now()
        assert campaign_of(app, alice, campaign_id).paused_by_machine == "balance"
        practice.add_user(uids[account], "secret-pwd", balance=100)
        read_now()
        wait_until(lambda: campaign_of(app, alice, campaign_id).state == "waiting_for_reports")
    ours = [line for line in practice.submissions() if line["uid"] == uids[account]]
    assert sorted(mobile for line in ours for mobile in line["delivered"]) == numbers(6)


def test_the_page_says_when_it_will_not_reach(app: Flask, alice: Person, account: int) -> None:
    browser: FlaskClient = sign_in(app, alice)
    read(app, alice, account, 100)
    campaign_id = confirmed(app, alice, account, numbers(5))
    begin(app, alice)
    page = f"/t/{alice.team}/campaigns/{campaign_id}"
    assert "The balance may not reach" not in browser.get(page).text
    read(app, alice, account, 3)
    assert "3 messages were left" in browser.get(page).text


@pytest.mark.parametrize(("people", "mails"), [(5, 0), (6, 1)])
def test_owners_hear_of_a_large_campaign_once(
    app: Flask, alice: Person, account: int, database: Database, people: int, mails: int
) -> None:
    with tenancy.team_scope(alice.team_id, app) as session:
        session.get_one(Team, alice.team_id).campaign_cap = 10
        session.commit()
    confirmed(app, alice, account, numbers(people))
    begin(app, alice)
    begin(app, alice)
    assert queued(database, "campaigns.tell_large") == mails


def test_the_mail_of_a_large_campaign(
    app: Flask, alice: Person, account: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[tuple[str, str, str]] = []
    monkeypatch.setattr(notices, "send_mail", lambda *mail: sent.append(mail))
    campaign_id = confirmed(app, alice, account, numbers(6))
    with app.test_request_context(), tenancy.team_scope(alice.team_id, app):
        campaign = queries.campaign(campaign_id)
        assert campaign is not None
        notices.tell_large(campaign, owners()[0])
    [(to, subject, text)] = sent
    assert (to, subject) == (alice.email, "A large campaign has begun: 6 messages")
    assert f"/campaigns/{campaign_id}" in text
