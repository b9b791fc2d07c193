"""From a confirmed campaign to what the gateway has and what the rows say, over HTTP."""

from __future__ import annotations

import pytest
from flask import Flask

from tests.campaigns.running import batches_of, campaign_of, sender
from tests.factories import Person, confirm, connect_practice, numbers, uids
from tests.practice.fixture import PracticeGateway, wait_until
from webapp import tenancy
from webapp.gateway.models import GatewayAccount


def submitted(practice: PracticeGateway, account: int) -> list[str]:
    """Every number that phones got through this account, in the order in which the gateway took it."""
    return [
        mobile
        for line in practice.submissions()
        if line["uid"] == uids[account]
        for mobile in line["delivered"]
    ]


def test_a_campaign_reaches_the_gateway_once_and_waits_for_reports(
    app: Flask, practice: PracticeGateway, alice: Person
) -> None:
    account = connect_practice(app, alice, practice)
    people = numbers(12_345, 13_700_000_000)
    campaign_id = confirm(app, alice, account, people)
    with sender(app):
        wait_until(lambda: campaign_of(app, alice, campaign_id).state == "waiting_for_reports", 30)
    campaign = campaign_of(app, alice, campaign_id)
    assert (campaign.recipients, campaign.no_report, campaign.waiting) == (12_345, 12_345, 0)
    assert sorted(submitted(practice, account)) == people
    assert [batch.size for batch in batches_of(app, alice, campaign_id)] == [5000, 5000, 2345]


@pytest.mark.parametrize(
    ("fault", "state", "tally"),
    [
        ("lost", "hold", "unconfirmed"),
        ("code7", "hold", "unconfirmed"),
        ("false", "hold", "unconfirmed"),
        ("cut", "hold", "unconfirmed"),
        ("html", "hold", "unconfirmed"),
        ("code5", "blocked", "waiting"),
        ("code1", "blocked", "waiting"),
        ("code4", "rejected", "failed"),
    ],
)
def test_each_answer_ends_in_its_state(
    app: Flask, practice: PracticeGateway, alice: Person, fault: str, state: str, tally: str
) -> None:
    account = connect_practice(app, alice, practice)
    practice.dial(next=[fault])
    campaign_id = confirm(app, alice, account, numbers(3, 13_600_000_000))
    with sender(app):
        wait_until(lambda: [b.state for b in batches_of(app, alice, campaign_id)] == [state])
    campaign = campaign_of(app, alice, campaign_id)
    assert getattr(campaign, tally) == 3


def test_a_number_that_spoils_the_request_is_found_and_the_others_go(
    app: Flask, practice: PracticeGateway, alice: Person
) -> None:
    account = connect_practice(app, alice, practice)
    people = [*numbers(20, 13_500_000_000), "19900000005"]
    campaign_id = confirm(app, alice, account, people)
    with sender(app):
        wait_until(lambda: campaign_of(app, alice, campaign_id).state == "waiting_for_reports")
    campaign = campaign_of(app, alice, campaign_id)
    assert (campaign.no_report, campaign.failed) == (20, 1)
    assert sorted(submitted(practice, account)) == people[:-1]


def test_nothing_more_goes_after_code_1_and_all_goes_on_when_the_account_is_well(
    app: Flask, practice: PracticeGateway, alice: Person
) -> None:
    account = connect_practice(app, alice, practice)
    practice.dial(next=["code1"])
    campaign_id = confirm(app, alice, account, numbers(30, 13_400_000_000))
    with sender(app):
        wait_until(lambda: campaign_of(app, alice, campaign_id).paused_by_machine == "credentials")
        with tenancy.team_scope(alice.team_id, app) as session:
            found = session.get(GatewayAccount, (alice.team_id, account))
            assert found is not None
            assert found.state == "broken"
        assert submitted(practice, account) == []
        release(app, alice, account)
        wait_until(lambda: campaign_of(app, alice, campaign_id).state == "waiting_for_reports")
    assert campaign_of(app, alice, campaign_id).no_report == 30


def release(app: Flask, person: Person, account_id: int) -> None:
    """What the job `campaigns.account_well` does once a test of the account passed."""
    from webapp.campaigns import operations

    with tenancy.team_scope(person.team_id, app) as session:
        account = session.get(GatewayAccount, (person.team_id, account_id))
        assert account is not None
        account.state = "ok"
        operations.release_account(account_id)
        session.commit()


def test_a_batch_is_cut_when_the_gateway_takes_fewer_numbers(
    app: Flask, practice: PracticeGateway, alice: Person
) -> None:
    account = connect_practice(app, alice, practice)
    practice.dial(next=["code6"])
    people = numbers(40, 13_300_000_000)
    campaign_id = confirm(app, alice, account, people)
    with sender(app):
        wait_until(lambda: campaign_of(app, alice, campaign_id).state == "waiting_for_reports")
    assert sorted(submitted(practice, account)) == people
    assert [b.size for b in batches_of(app, alice, campaign_id) if b.state == "accepted"] == [20, 20]
