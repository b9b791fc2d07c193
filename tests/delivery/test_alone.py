"""The receiver as a program of its own: reports are taken where no page is served."""

from __future__ import annotations

import http.client
from pathlib import Path

from flask import Flask

from tests.conftest import Database
from tests.factories import make_person
from tests.faults.processes import Process, free_port
from tests.practice.fixture import wait_until
from webapp import tenancy
from webapp.gateway import addresses, operations
from webapp.sealing import Secret


def post(port: int, path: str, body: bytes) -> tuple[int, bytes] | None:
    """The answer, or None while nobody listens."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("POST", path, body)
        answer = connection.getresponse()
        return answer.status, answer.read()
    except ConnectionError:
        return None
    finally:
        connection.close()


def test_it_takes_reports_and_serves_nothing_else(app: Flask, database: Database, tmp_path: Path) -> None:
    alice = make_person(app)
    token = addresses.new_token()
    with tenancy.team_scope(alice.team_id, app) as session:
        operations.connect_account("One", "main", Secret("u"), Secret("p"), by=None, token=token)
        session.commit()
    port = free_port()
    environ = {
        **database.environ(),
        "TIDINGS_INSTANCE": str(tmp_path / "receiver"),
        "TIDINGS_BIND": f"127.0.0.1:{port}",
        "TIDINGS_PRACTICE": "off",
    }
    with Process(tmp_path, "receive", environ):
        wait_until(lambda: post(port, "/r/unknown", b"x") is not None, 60)
        assert post(port, f"/r/{token}", b"Report=800000,13800000000,DELIVRD,1700000000") == (200, b"ok")
        assert post(port, f"/r/{'0' * 27}", b"Report=1,13800000000,DELIVRD,1") == (404, b"")
        assert post(port, "/login", b"") == (404, b"")
    with database.owner() as owner:
        rows = owner.execute("SELECT team_id, msgid, mobile FROM report_inbox").fetchall()
    assert rows == [(alice.team_id, "800000", "13800000000")]
