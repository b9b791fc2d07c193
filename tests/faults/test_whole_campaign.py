"""Ten thousand numbers through real processes: what the gateway has, what the pages show, what is counted.

The ledger is the practice gateway's own; nothing of the program writes it.
"""

from __future__ import annotations

import secrets
from collections import Counter

import pytest
from flask import Flask

from tests.campaigns.running import campaign_of
from tests.factories import Person, confirm, make_person, numbers, uids
from tests.faults.processes import Process
from tests.practice.fixture import PracticeGateway, wait_until
from webapp import tenancy
from webapp.campaigns.models import Campaign
from webapp.gateway import addresses, operations
from webapp.sealing import Secret
from webapp.settings import Settings

PEOPLE = numbers(10_000, 13_800_000_000)


def connect(app: Flask, settings: Settings, person: Person, practice: PracticeGateway, limit: int) -> int:
    """An account whose reports reach the receiver of the running web process."""
    uid, pwd = f"fault-{secrets.token_hex(4)}", secrets.token_hex(8)
    token = addresses.new_token()
    practice.add_user(
        uid, pwd, balance=100_000, callback=addresses.callback_url(settings, token, practice=True)
    )
    with tenancy.team_scope(person.team_id, app) as session:
        account = operations.connect_account(
            "Practice", "practice", Secret(uid), Secret(pwd), by=None, token=token
        )
        account.numbers_per_request = limit
        account_id = account.id
        session.commit()
    uids[account_id] = uid
    return account_id


def ledger_figures(practice: PracticeGateway, account: int) -> tuple[Counter[str], dict[str, str]]:
    """How often each number was delivered to a phone, and the last status posted for it."""
    uid = uids[account]
    delivered = Counter(
        mobile for line in practice.submissions() if line["uid"] == uid for mobile in line["delivered"]
    )
    statuses = {
        line["mobile"]: line["status"]
        for line in practice.reports()
        if line["uid"] == uid and line["answer"] == 200
    }
    return delivered, statuses


def check(practice: PracticeGateway, account: int, campaign: Campaign) -> None:
    """Ledger and page say the same: everybody was reached, nobody twice.

    A worker that dies after it wrote its attempt and before it posted leaves messages that nobody got, one
    that dies a moment later leaves some that everybody got. The identical request, which the gateway
    swallows where it had taken the first, brings both to the same end.
    """
    delivered, statuses = ledger_figures(practice, account)
    assert sorted(delivered) == PEOPLE
    assert set(delivered.values()) == {1}
    by_status = Counter("delivered" if status == "DELIVRD" else "failed" for status in statuses.values())
    assert (campaign.delivered, campaign.failed) == (by_status["delivered"], by_status["failed"])
    assert campaign.recipients == len(PEOPLE)
    assert (campaign.waiting, campaign.unconfirmed, campaign.no_report, campaign.not_sent) == (0, 0, 0, 0)


@pytest.fixture
def alice(app: Flask) -> Person:
    return make_person(app)


def test_all_agree_when_nothing_fails(
    app: Flask, settings: Settings, practice: PracticeGateway, alice: Person, web: Process, worker: Process
) -> None:
    practice.dial(delivered_percent=97, failed_percent=3)
    account = connect(app, settings, alice, practice, limit=5000)
    campaign_id = confirm(app, alice, account, PEOPLE)
    wait_until(lambda: campaign_of(app, alice, campaign_id).state == "finished", 90)
    check(practice, account, campaign_of(app, alice, campaign_id))


def test_all_agree_when_the_worker_is_killed_three_times(
    app: Flask, settings: Settings, practice: PracticeGateway, alice: Person, web: Process, worker: Process
) -> None:
    practice.dial(delivered_percent=97, failed_percent=3, latency_ms=60, latency_max_ms=120)
    account = connect(app, settings, alice, practice, limit=100)
    campaign_id = confirm(app, alice, account, PEOPLE)
    for share in (0.1, 0.35, 0.6):
        wait_until(lambda: len(ledger_figures(practice, account)[0]) > share * len(PEOPLE), 60)  # noqa: B023
        wait_until(practice.open_requests, 20)
        worker.kill()
        worker.start()
    # A request whose caller was gone when the answer came: the kill found it open.
    cut_off = [
        line
        for line in practice.submissions()
        if line["uid"] == uids[account] and line["ended"] == "gone" and line["delivered"]
    ]
    assert len(cut_off) >= 2, "the kills found no request open, so they tried nothing"
    wait_until(lambda: campaign_of(app, alice, campaign_id).state == "finished", 120)
    check(practice, account, campaign_of(app, alice, campaign_id))
