"""The receiver over HTTP, as shipped, on a real database."""

from __future__ import annotations

import gzip
import json
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Database
from tests.delivery.building import Account, Connection, add_token, make_account
from tests.delivery.serving import Answer, Server, free_port, serving, wait_until

PLAIN = b"Report=800000,13800000000,DELIVRD,1700000000"
ROW = ("800000", "13800000000", "DELIVRD", "1700000000")


def environ_of(database: Database, instance: Path, **more: str) -> dict[str, str]:
    return {**database.environ(), "TIDINGS_INSTANCE": str(instance), **more}


@pytest.fixture
def account(owner: Connection) -> Account:
    return make_account(owner, "aGoodToken_with-160bits")


@pytest.fixture
def server(account: Account, empty: Database, tmp_path: Path) -> Iterator[Server]:
    with serving(environ_of(empty, tmp_path / "instance"), tmp_path / "serve") as running:
        yield running


def path(account: Account) -> str:
    return f"/r/{account.token}"


def inbox(owner: Connection) -> list[tuple[Any, ...]]:
    query = "SELECT team_id, account_id, msgid, mobile, status, time_text FROM report_inbox ORDER BY id"
    return owner.execute(query).fetchall()


def test_the_report_of_the_document(server: Server, owner: Connection, account: Account) -> None:
    answer = server.post(path(account), PLAIN)
    assert (answer.status, answer.body) == (200, b"ok")
    assert answer.headers["content-type"] == "text/plain"
    assert "set-cookie" not in answer.headers
    assert inbox(owner) == [(account.team_id, account.id, *ROW)]
    ((received, reported),) = owner.execute("SELECT received_at, reported_at FROM report_inbox").fetchall()
    assert reported.timestamp() == 1_700_000_000
    assert received > reported


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Content_Type": "application/x-www-form-urlencoded"},
        {"Content_Type": "application/json; charset=nonsense"},
        {"Content_Type": ""},
        {"Content_Type": "multipart/form-data"},
        {"Cookie": "a=b", "Origin": "https://example.org", "Sec_Fetch_Site": "cross-site"},
    ],
)
def test_headers_mean_nothing(
    server: Server, owner: Connection, account: Account, headers: dict[str, str]
) -> None:
    assert server.post(path(account), PLAIN, **headers).status == 200
    assert [row[2:] for row in inbox(owner)] == [ROW]


def test_packed_and_chunked(server: Server, owner: Connection, account: Account) -> None:
    packed = gzip.compress(PLAIN + b"\n" + PLAIN)
    assert server.post(path(account), packed, Content_Encoding="gzip").status == 200
    assert server.post(path(account), iter([PLAIN[:7], PLAIN[7:]])).status == 200
    assert [row[2:] for row in inbox(owner)] == [ROW] * 3


def test_what_cannot_be_read_is_answered_200_and_kept(
    server: Server, owner: Connection, account: Account
) -> None:
    bad = [b"Report=800000, mobile number, DELIVRD, timestamp", b"\x00\xff\xfe", b"x" * 5000]
    for body in bad:
        assert server.post(path(account), body).status == 200
    mixed = server.post(path(account), b"<p>\n" + PLAIN)
    assert (mixed.status, mixed.body) == (200, b"ok")
    rows = owner.execute(
        "SELECT team_id, account_id, raw, size FROM unreadable_report ORDER BY id"
    ).fetchall()
    expected = [*bad, b"<p>"]
    assert rows == [(account.team_id, account.id, body[:2048], len(body)) for body in expected]
    assert owner.execute("SELECT team_id, seen FROM unreadable_day").fetchall() == [(account.team_id, 4)]
    assert [row[2:] for row in inbox(owner)] == [ROW]


def test_unreadable_ones_are_bounded_a_day_but_counted(
    server: Server, owner: Connection, account: Account
) -> None:
    owner.execute(
        "INSERT INTO unreadable_day SELECT %s, (now() AT TIME ZONE 'UTC')::date + offsets, 1000 "
        "FROM generate_series(0, 1) AS offsets",
        (account.team_id,),
    )
    assert server.post(path(account), b"rubbish").status == 200
    assert owner.execute("SELECT count(*) FROM unreadable_report").fetchall() == [(0,)]
    assert owner.execute("SELECT sum(seen) FROM unreadable_day").fetchall() == [(2001,)]


def test_a_token_that_does_not_exist(server: Server, owner: Connection, account: Account) -> None:
    gone = make_account(owner)
    owner.execute("UPDATE callback_token SET retired_at = now() WHERE account_id = %s", (gone.id,))
    odd = [
        "/r/",
        "/r/unknown",
        path(account) + "/",
        path(account) + "x",
        "/r/%00",
        "/r/" + "x" * 300,
        path(gone),
    ]
    for wrong in odd:
        answer = server.post(wrong, PLAIN)
        assert (answer.status, answer.body) == (404, b""), wrong
        assert answer.headers["content-length"] == "0"
    assert inbox(owner) == []


def test_a_new_address_works_at_once_and_beside_the_old_one(
    server: Server, owner: Connection, account: Account
) -> None:
    assert server.post(path(account), PLAIN).status == 200
    assert server.post("/r/unknown", PLAIN).status == 404
    add_token(owner, account.team_id, account.id, "second")
    assert server.post("/r/second", PLAIN).status == 200
    assert server.post(path(account), PLAIN).status == 200
    assert [row[1] for row in inbox(owner)] == [account.id] * 3


def test_other_methods_and_sizes(server: Server, owner: Connection, account: Account) -> None:
    for method in ("GET", "PUT", "DELETE", "OPTIONS"):
        for where in (path(account), "/r/unknown"):
            answer = server.request(method, where)
            assert (answer.status, answer.body, answer.headers["allow"]) == (405, b"", "POST")
    assert server.request("HEAD", path(account)).status == 405
    for empty in (b"", b" \r\n", b";&;"):
        assert server.post(path(account), empty).status == 400
    largest = (PLAIN + b"\n") * (65536 // (len(PLAIN) + 1))
    assert server.post(path(account), largest.ljust(65536, b"\n")).status == 200
    assert server.post(path(account), largest.ljust(65537, b"\n")).status == 413
    assert server.post(path(account), gzip.compress(b"x" * 70_000)).status == 413
    assert server.post(path(account), iter([b"x" * 40_000] * 2)).status == 413
    assert len(inbox(owner)) == 65536 // (len(PLAIN) + 1)
    assert owner.execute("SELECT count(*) FROM unreadable_report").fetchall() == [(0,)]


def test_a_body_cut_short_is_not_taken(server: Server, owner: Connection, account: Account) -> None:
    head = f"POST {path(account)} HTTP/1.1\r\nHost: x\r\nContent-Length: 900\r\n\r\n".encode()
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as line:
        line.sendall(head + PLAIN)
        line.shutdown(socket.SHUT_WR)
        answer = line.recv(1000)
    assert b" 200 " not in answer
    assert inbox(owner) == []


def test_a_report_of_a_foreign_msgid_gets_the_same_bytes(
    server: Server, owner: Connection, account: Account
) -> None:
    stranger = make_account(owner)

    def comparable(answer: Answer) -> Answer:
        return Answer(answer.status, answer.body, {**answer.headers, "date": ""})

    assert comparable(server.post(path(account), PLAIN)) == comparable(server.post(path(stranger), PLAIN))
    assert [row[:2] for row in inbox(owner)] == [
        (account.team_id, account.id),
        (stranger.team_id, stranger.id),
    ]


def test_everything_else_goes_to_the_other_application(server: Server, account: Account) -> None:
    for where in ("/", "/r", "/rx/y", "/R/" + account.token):
        assert server.post(where, PLAIN).status == 418


def test_the_token_is_never_written_down(
    server: Server, owner: Connection, account: Account, tmp_path: Path
) -> None:
    server.post(path(account), PLAIN)
    server.post(path(account), b"x" * 70_000)
    server.kill()
    copy = tmp_path / "instance" / "spool" / "tokens.json"
    assert copy.stat().st_mode & 0o777 == 0o600
    assert copy.parent.stat().st_mode & 0o777 == 0o700
    assert [row[1:] for row in json.loads(copy.read_text())] == [[account.team_id, account.id]]
    for file in tmp_path.rglob("*"):
        if file.is_file():
            assert account.token.encode() not in file.read_bytes(), file


def away(database: Database, port: int) -> dict[str, str]:
    """Settings of a database that refuses connections."""
    url = database.program_url.split("?")[0].replace("@/", f"@127.0.0.1:{port}/")
    return {"DATABASE_URL": url, "DATABASE_OWNER_URL": url}


def test_without_a_database_reports_go_to_disk_and_come_back(
    owner: Connection, account: Account, empty: Database, tmp_path: Path
) -> None:
    instance, folder = tmp_path / "instance", tmp_path / "serve"
    with serving(environ_of(empty, instance), folder) as server:
        assert server.post(path(account), PLAIN).status == 200
    with serving({**environ_of(empty, instance), **away(empty, free_port())}, folder) as server:
        for number in range(5):
            body = b"Report=8000%d,13800000000,DELIVRD,1700000000\nrubbish" % number
            assert server.post(path(account), body).status == 200
        assert server.post("/r/unknown", PLAIN).status == 503
        files = list((instance / "spool").glob("reports-*.jsonl"))
        assert files
        assert all(file.stat().st_mode & 0o777 == 0o600 for file in files)
        server.kill()
    assert len(inbox(owner)) == 1
    with serving(environ_of(empty, instance), folder) as server:
        assert server.post(path(account), PLAIN).status == 200
        wait_until(lambda: len(inbox(owner)) == 7, "the spool is not read in")
        wait_until(lambda: not list((instance / "spool").glob("reports-*")), "the spool stays")
    assert sorted(row[2] for row in inbox(owner)) == sorted(
        ["800000", "800000", *(f"8000{number}" for number in range(5))]
    )
    assert owner.execute("SELECT sum(seen) FROM unreadable_day").fetchall() == [(5,)]


def test_without_database_and_copy_the_receiver_cannot_say(
    account: Account, empty: Database, tmp_path: Path
) -> None:
    environ = {**environ_of(empty, tmp_path / "instance"), **away(empty, free_port())}
    with serving(environ, tmp_path / "serve") as server:
        assert server.post(path(account), PLAIN).status == 503
        assert server.request("GET", path(account)).status == 405


def test_nowhere_to_write_is_said(account: Account, empty: Database, tmp_path: Path) -> None:
    instance = tmp_path / "instance"
    with serving(environ_of(empty, instance), tmp_path / "serve") as server:
        assert server.post(path(account), PLAIN).status == 200
    tokens = (instance / "spool" / "tokens.json").read_bytes()
    with serving({**environ_of(empty, instance), **away(empty, free_port())}, tmp_path / "serve") as server:
        assert server.post(path(account), PLAIN).status == 200
        for file in (instance / "spool").iterdir():
            file.unlink()
        (instance / "spool").rmdir()
        (instance / "spool").write_bytes(tokens)
        wait_until(lambda: server.post(path(account), PLAIN).status == 503, "it answers as if it had stored")
