"""What was answered 200 is there afterwards, whoever is killed meanwhile."""

from __future__ import annotations

import http.client
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from tests.conftest import Database
from tests.delivery.building import Account, Connection, make_account
from tests.delivery.conftest import Settler
from tests.delivery.serving import Server, serving, wait_until
from webapp.connections import conninfo
from webapp.delivery.inbox import Inbox
from webapp.delivery.spool import Spool, spool_folder
from webapp.settings import Settings

CLIENTS = 12


class Load:
    """Clients that post numbered reports over keep-alive connections and remember what was answered 200."""

    def __init__(self, account: Account) -> None:
        self.account = account
        self.taken: set[str] = set()
        self.statuses: set[int] = set()
        self.stop = threading.Event()
        self.server: Server | None = None

    def client(self, number: int) -> None:
        count = 0
        line: http.client.HTTPConnection | None = None
        used: Server | None = None
        while not self.stop.is_set():
            server = self.server
            if server is None or server.process.poll() is not None:
                self.stop.wait(0.01)
                continue
            if line is not None and used is not server:
                line.close()
                line = None
            if line is None:
                line, used = server.connect(), server
            msgid = f"{number}-{count}"
            count += 1
            body = f"Report={msgid},13800000000,DELIVRD,1700000000".encode()
            try:
                line.request("POST", f"/r/{self.account.token}", body)
                # Closed with its end: an answer that was cut off would keep the connection's socket.
                with line.getresponse() as status:
                    status.read()
            except (OSError, http.client.HTTPException):
                line.close()
                line = None
                continue
            self.statuses.add(status.status)
            if status.status == 200:
                self.taken.add(msgid)
        if line is not None:
            line.close()


@contextmanager
def under(load: Load) -> Iterator[None]:
    threads = [threading.Thread(target=load.client, args=(number,)) for number in range(CLIENTS)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        load.stop.set()
        for thread in threads:
            thread.join(timeout=30)


@pytest.fixture
def account(owner: Connection) -> Account:
    return make_account(owner)


def known(owner: Connection) -> set[str]:
    rows = owner.execute("SELECT msgid FROM report_inbox UNION SELECT msgid FROM report").fetchall()
    return {msgid for (msgid,) in rows}


def test_kill_9_of_the_receiver_loses_nothing(
    owner: Connection, account: Account, empty: Database, settings: Settings, tmp_path: Path
) -> None:
    environ = {**empty.environ(), "TIDINGS_INSTANCE": str(settings.instance)}
    load = Load(account)
    with under(load):
        for round_no in range(3):
            before = len(load.taken)
            with serving(environ, tmp_path / "serve", workers=2) as server:
                load.server = server
                wait_until(lambda it=before: len(load.taken) > it + 150, f"too few taken in round {round_no}")
                server.kill()
    assert len(load.taken) > 450
    assert load.taken - known(owner) == set()


def test_a_database_that_goes_and_comes_back_loses_nothing(
    owner: Connection,
    account: Account,
    empty: Database,
    settings: Settings,
    settler: Settler,
    tmp_path: Path,
) -> None:
    """Connections are cut and refused under load, then let in again; then the receiver is killed."""
    environ = {**empty.environ(), "TIDINGS_INSTANCE": str(settings.instance)}
    spool = Spool(spool_folder(settings.instance))
    load = Load(account)
    name = empty.program_url.split("?")[0].split("/")[-1]
    with (
        psycopg.connect(conninfo(empty.superuser_url), autocommit=True) as superuser,
        under(load),
        serving(environ, tmp_path / "serve", workers=2) as server,
    ):
        load.server = server
        wait_until(lambda: len(load.taken) > 100, "nothing taken")
        superuser.execute("ALTER ROLE tidings_program NOLOGIN")
        try:
            superuser.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE usename = 'tidings_program' AND datname = %s",
                (name,),
            )
            wait_until(spool.has_files, "nothing goes to disk")
            away = len(load.taken)
            wait_until(lambda: len(load.taken) > away + 200, "it does not go on without the database")
        finally:
            superuser.execute("ALTER ROLE tidings_program LOGIN")
        back = len(load.taken)
        wait_until(lambda: len(load.taken) > back + 200, "it does not go on with the database")
        server.kill()
    assert load.statuses == {200}
    inbox = Inbox(empty.program_url)
    spool.drain(inbox.take)
    inbox.close()
    assert not spool.has_files()
    assert load.taken - known(owner) == set()
    while settler.settle(account.team_id):
        pass
    ((reports, inboxed),) = owner.execute(
        "SELECT (SELECT count(DISTINCT msgid) FROM report), (SELECT count(*) FROM report_inbox)"
    ).fetchall()
    assert (reports >= len(load.taken), inboxed) == (True, 0)
