"""The worker's loop: it finds what is there, whatever happens to the database meanwhile."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import psycopg
import pytest
from flask import Flask

from tests.conftest import Database
from tests.delivery.building import (
    NOW,
    Account,
    Connection,
    make_account,
    make_campaign,
    note_msgid,
    tallies,
    tell,
    told,
)
from tests.delivery.serving import wait_until
from webapp import clock, heartbeats
from webapp.connections import conninfo
from webapp.delivery import queries, settler, settling
from webapp.delivery.inbox import Arrival
from webapp.delivery.parse import Report
from webapp.delivery.spool import Spool, spool_folder
from webapp.settings import Settings
from webapp.tenancy import team_scope

A, B = "13800000001", "13800000002"


@contextmanager
def running(app: Flask) -> Iterator[None]:
    stop = threading.Event()
    failed: list[BaseException] = []

    def guarded() -> None:
        try:
            settler.run(app, stop)
        except BaseException as error:
            failed.append(error)
            raise

    loop = threading.Thread(target=guarded)
    loop.start()
    try:
        yield
    finally:
        stop.set()
        loop.join(timeout=30)
    assert not loop.is_alive()
    assert not failed


def sent(owner: Connection, account: Account, msgid: str = "1") -> int:
    campaign_id = make_campaign(owner, account, [("accepted", [A, B])])
    note_msgid(owner, account, msgid, campaign_id, 1)
    return campaign_id


def test_reports_of_every_team_are_settled(owner: Connection, bare: Flask) -> None:
    accounts = [make_account(owner) for _ in range(3)]
    campaigns = [sent(owner, account) for account in accounts]
    for account in accounts:
        tell(owner, account, [told("1", A, "DELIVRD")], clock.now())
    with running(bare):
        for campaign in campaigns:
            wait_until(
                lambda campaign=campaign: tallies(owner, campaign).get("delivered") == 1, "not settled"
            )
        with bare.app_context():
            wait_until(lambda: "settler" in heartbeats.all_beats(), "no heartbeat")
            assert settler.lag_seconds() == 0


def test_a_waiting_report_is_found_when_its_msgid_comes(owner: Connection, bare: Flask) -> None:
    account = make_account(owner)
    tell(owner, account, [told("1", A, "DELIVRD")], clock.now())
    with running(bare):
        wait_until(lambda: owner.execute("SELECT 1 FROM report").fetchone(), "not settled")
        campaign = sent(owner, account)
        wait_until(lambda: tallies(owner, campaign).get("delivered") == 1, "not found")


def test_old_waiting_reports_are_given_up(owner: Connection, bare: Flask) -> None:
    account = make_account(owner)
    tell(owner, account, [told("1", A, "DELIVRD")], clock.now() - timedelta(hours=80))
    with running(bare):
        wait_until(lambda: owner.execute("SELECT state FROM report").fetchone() is not None, "not settled")
    with running(bare):
        wait_until(
            lambda: owner.execute("SELECT state FROM report").fetchone() == ("unmatched",), "not given up"
        )


def test_connections_that_are_cut_are_survived(owner: Connection, bare: Flask, empty: Database) -> None:
    account = make_account(owner)
    campaign = sent(owner, account)
    cut = (
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'tidings_program' "
        "AND datname = current_database()"
    )
    with running(bare), psycopg.connect(conninfo(empty.superuser_url), autocommit=True) as superuser:
        for seconds, status in enumerate(("UNKNOWN", "EXPIRED", "DELIVRD")):
            superuser.execute(cut)
            tell(owner, account, [told("1", A, status, seconds)], clock.now())
            wait_until(
                lambda status=status: owner.execute(
                    "SELECT 1 FROM message WHERE status = %s", (status,)
                ).fetchone(),
                f"{status} not settled",
            )
    assert tallies(owner, campaign) == {"delivered": 1, "no_report": 1}


def test_what_lies_in_the_spool_is_read_in(owner: Connection, bare: Flask, settings: Settings) -> None:
    account = make_account(owner)
    campaign = sent(owner, account)
    spool = Spool(spool_folder(settings.instance))
    spool.append([Arrival(account.team_id, account.id, NOW, Report("1", A, "DELIVRD", "1700000000", None))])
    spool.close()
    with running(bare):
        wait_until(lambda: tallies(owner, campaign).get("delivered") == 1, "not read in")
    assert not spool.has_files()


def test_a_team_that_cannot_be_settled_does_not_hold_up_others(
    owner: Connection, bare: Flask, caplog: pytest.LogCaptureFixture
) -> None:
    broken, well = make_account(owner), make_account(owner)
    wrong, right = sent(owner, broken), sent(owner, well)
    # A tally that is already wrong: the database refuses to take one more from it.
    owner.execute("UPDATE campaign SET no_report = 0, recipients = 0 WHERE id = %s", (wrong,))
    for account in (broken, well):
        tell(owner, account, [told("1", A, "DELIVRD")], clock.now())
    with running(bare):
        wait_until(lambda: tallies(owner, right).get("delivered") == 1, "held up")
    assert owner.execute("SELECT team_id FROM report_inbox").fetchall() == [(broken.team_id,)]
    with bare.app_context():
        assert settler.lag_seconds() > 0
    owner.execute("UPDATE campaign SET no_report = 2, recipients = 2 WHERE id = %s", (wrong,))
    with running(bare):
        wait_until(lambda: tallies(owner, wrong).get("delivered") == 1, "not taken up again")


def test_two_settlers_at_once_settle_everything_once(owner: Connection, bare: Flask) -> None:
    account = make_account(owner)
    numbers = [f"139{number:08d}" for number in range(3000)]
    campaign = make_campaign(owner, account, [("accepted", numbers)])
    note_msgid(owner, account, "1", campaign, 1)
    with running(bare), running(bare):
        for start in range(0, 3000, 100):
            tell(owner, account, [told("1", number, "DELIVRD") for number in numbers[start : start + 100]])
        wait_until(lambda: tallies(owner, campaign) == {"delivered": 3000}, "not settled")
    assert owner.execute("SELECT count(*), sum(seen) FROM report").fetchall() == [(3000, 3000)]


def test_settling_holds_the_locks_in_the_order_of_sending(owner: Connection, bare: Flask) -> None:
    """While somebody who stores answers has a batch, settling waits before it touches a campaign."""
    account = make_account(owner)
    campaign = sent(owner, account)
    tell(owner, account, [told("1", A, "DELIVRD")])
    done = threading.Event()

    def settle() -> None:
        with team_scope(account.team_id, bare) as session:
            settling.settle(account.team_id)
            session.commit()
        done.set()

    thread = threading.Thread(target=settle)
    with owner.transaction():
        owner.execute("SELECT 1 FROM batch FOR UPDATE")
        thread.start()
        waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted"
        wait_until(lambda: owner.execute(waiting).fetchone() == (1,), "settling does not wait")
        # What the other one does next must not have to wait for settling.
        owner.execute("SET LOCAL lock_timeout = '2s'")
        owner.execute("UPDATE campaign SET halvings = 1 WHERE id = %s", (campaign,))
        owner.execute("UPDATE gateway_account SET troubles = 1")
    thread.join(timeout=30)
    assert done.is_set()
    assert tallies(owner, campaign) == {"delivered": 1, "no_report": 1}


def test_counts_for_pages(owner: Connection, bare: Flask) -> None:
    account, stranger = make_account(owner), make_account(owner)
    now = clock.now()
    tell(owner, account, [told("1", A, "DELIVRD"), told("1", A, "DELIVRD"), told("2", B, "DELIVRD")], now)
    tell(owner, account, [told("3", A, "DELIVRD")], now - timedelta(days=4))
    tell(owner, stranger, [told("4", A, "DELIVRD")], now)
    owner.execute(
        "INSERT INTO unreadable_day (team_id, day, seen) VALUES (%s, %s, 5), (%s, %s, 7)",
        (account.team_id, now.date(), account.team_id, now.date() - timedelta(days=40)),
    )
    for team_id in (account.team_id, stranger.team_id):
        with team_scope(team_id, bare) as session:
            settling.settle(team_id)
            settling.give_up_waiting(team_id, now)
            session.commit()
    with team_scope(account.team_id, bare):
        assert queries.report_counts() == queries.ReportCounts(waiting=2, unmatched=1, unreadable=5)
        assert queries.unreadable_reports() == []
    with team_scope(stranger.team_id, bare):
        assert queries.report_counts() == queries.ReportCounts(waiting=1, unmatched=0, unreadable=0)
        with pytest.raises(Exception, match="scope"):
            settling.settle(account.team_id)
