"""The way into the inbox, on a real database."""

from __future__ import annotations

import os

import psycopg
import pytest

from tests.conftest import Database
from tests.delivery.building import Connection, make_account
from tests.delivery.serving import wait_until
from tests.delivery.test_storing import NOW, arrival
from webapp.connections import conninfo
from webapp.delivery.inbox import Arrival, Inbox, InboxError, RefusedError
from webapp.delivery.parse import Report, Unreadable


def test_one_call_takes_reports_of_several_teams(owner: Connection, empty: Database) -> None:
    accounts = [make_account(owner) for _ in range(2)]
    inbox = Inbox(empty.program_url)
    inbox.take([])
    inbox.take([arrival("1", one.team_id, one.id) for one in accounts])
    inbox.take([Arrival(accounts[0].team_id, accounts[0].id, NOW, Unreadable(b"\x00", 1))])
    assert set(inbox.tokens().values()) == {(one.team_id, one.id) for one in accounts}
    inbox.close()
    rows = owner.execute(
        "SELECT team_id, account_id, msgid, status, received_at FROM report_inbox"
    ).fetchall()
    assert sorted(rows) == sorted((one.team_id, one.id, "1", "成功,;\n", NOW) for one in accounts)


def test_rows_at_fault_and_a_database_at_fault_are_told_apart(empty: Database) -> None:
    inbox = Inbox(empty.program_url)
    with pytest.raises(RefusedError):
        inbox.take([Arrival(1, 2, NOW, Report("\x00", "1", "s", "t", None))])
    with pytest.raises(RefusedError):
        inbox.take([Arrival(1, 2, NOW, Unreadable(b"x" * 3000, 3000))])
    inbox.take([arrival("1")])
    inbox.close()
    nobody = Inbox("postgresql+psycopg://nobody@127.0.0.1:1/none")
    with pytest.raises(InboxError) as raised:
        nobody.take([arrival("1")])
    assert not isinstance(raised.value, RefusedError)


def test_a_cut_connection_is_made_anew(owner: Connection, empty: Database) -> None:
    inbox = Inbox(empty.program_url)
    inbox.take([arrival("1")])
    cut = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'tidings-receiver'"
    with psycopg.connect(conninfo(empty.superuser_url), autocommit=True) as superuser:
        superuser.execute(cut)
        wait_until(
            lambda: superuser.execute(cut.replace("pg_terminate_backend(pid)", "1")).fetchone() is None,
            "still there",
        )
    inbox.take([arrival("2")])
    inbox.close()
    assert owner.execute("SELECT count(*) FROM report_inbox").fetchall() == [(2,)]


def test_a_forked_child_has_a_connection_of_its_own(owner: Connection, empty: Database) -> None:
    inbox = Inbox(empty.program_url)
    inbox.take([arrival("parent")])
    child = os.fork()
    if child == 0:
        try:
            inbox.take([arrival("child")])
            os._exit(0)
        except BaseException:  # noqa: BLE001 # a child must never come back into the test run
            os._exit(1)
    _, status = os.waitpid(child, 0)
    inbox.take([arrival("parent")])
    inbox.close()
    assert status == 0
    assert owner.execute("SELECT count(*) FROM report_inbox").fetchall() == [(3,)]


def test_the_program_may_not_call_what_is_not_its_own(empty: Database) -> None:
    """The way in is the door function; without a team the tables themselves are closed."""
    with empty.program() as connection:
        for table in ("report_inbox", "report", "unreadable_report", "unreadable_day"):
            with pytest.raises(psycopg.Error):
                connection.execute(f"SELECT * FROM {table}")
        connection.execute("SELECT set_config('app.team_id', '5', false)")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute(
                "INSERT INTO report_inbox (team_id, account_id, received_at, msgid, mobile, status, "
                "time_text) VALUES (6, 1, now(), 'm', 'n', 's', 't')"
            )
