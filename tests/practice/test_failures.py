"""Every way in which the dial lets a request go wrong, seen from a bare socket."""

from __future__ import annotations

import json
import socket
from http.client import BadStatusLine, HTTPConnection, RemoteDisconnected

import pytest

from tests.practice.fixture import PracticeGateway, wait_until

BODY = json.dumps(
    {"uid": "practice", "pwd": "practice-only", "mobile": "13800000001", "content": "hello"}
).encode()
HEAD = b"POST /Admin/index.php/Message/send HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(BODY)


def talk(
    gateway: PracticeGateway, at_most: int = 1 << 22, request: bytes = HEAD + BODY
) -> tuple[bytes, bool]:
    """Send a request and read until the end, a reset or `at_most`; the bytes, and whether it was a reset."""
    with socket.create_connection(("127.0.0.1", gateway.port), timeout=20) as peer:
        peer.sendall(request)
        read = b""
        try:
            while len(read) < at_most:
                piece = peer.recv(1 << 16)
                if not piece:
                    return read, False
                read += piece
        except ConnectionResetError:
            return read, True
        return read, False


def answers(gateway: PracticeGateway) -> bool:
    """Whether it can be reached."""
    try:
        return gateway.balance().status == 200
    except ConnectionRefusedError:
        return False


@pytest.mark.parametrize(
    ("kind", "status", "body", "taken"),
    [
        ("code1", 200, b'"respCode":"1"', False),
        ("code5", 200, b'"respCode":"5"', False),
        ("code7", 200, b'"respCode":"7"', False),
        ("code7+taken", 200, b'"respCode":"7"', True),
        ("code99", 200, b'"respCode":"99"', False),
        ("no_msgid", 200, b'"respCode":"0","respMsg":"send success","msgid":""}', True),
        ("no_code", 200, b'{"status":"success"}', False),
        ("duplicate_keys", 200, b'{"respCode":"7","status":"success","respCode":"0"', True),
        ("false", 200, b"false", False),
        ("html", 200, b"<!DOCTYPE html>", False),
        ("deep", 200, b"[[[[[[", False),
        ("http500", 500, b"<!DOCTYPE html>", False),
        ("http500+taken", 500, b"<!DOCTYPE html>", True),
        ("http503", 503, b"<!DOCTYPE html>", False),
        ("http401", 401, b"<!DOCTYPE html>", False),
        ("http403", 403, b"<!DOCTYPE html>", False),
        ("http404", 404, b"<!DOCTYPE html>", False),
        ("redirect", 302, b"<!DOCTYPE html>", False),
    ],
)
def test_odd_answers(gateway: PracticeGateway, kind: str, status: int, body: bytes, taken: bool) -> None:
    gateway.dial(next=[kind])
    answer = gateway.send("13800000001")
    assert answer.status == status
    assert body in answer.body
    assert bool(gateway.submissions()[-1]["delivered"]) is taken
    assert gateway.submissions()[-1]["kind"] == kind


def test_a_cut_answer_is_half_of_a_success(gateway: PracticeGateway) -> None:
    gateway.dial(next=["cut"])
    body = gateway.send("13800000001").body
    assert body.startswith(b'{"status":"success","resp')
    with pytest.raises(json.JSONDecodeError):
        json.loads(body)
    assert gateway.submissions()[-1]["delivered"]


@pytest.mark.parametrize(
    ("kind", "reset", "opened", "taken"),
    [("reset_before", True, False, False), ("lost", True, True, True), ("eof", False, True, True)],
)
def test_no_answer_at_all(
    gateway: PracticeGateway, kind: str, reset: bool, opened: bool, taken: bool
) -> None:
    gateway.dial(next=[kind])
    assert talk(gateway) == (b"", reset)
    line = wait_until(gateway.submissions)[-1]
    assert (line["ended"], bool(line["opened_at"]), bool(line["delivered"])) == ("lost", opened, taken)
    assert any("open" in one for one in gateway.ledger()) is opened


def test_a_hanging_answer_ends_with_a_reset(gateway: PracticeGateway) -> None:
    gateway.dial(next=["hang"], hang_seconds=1)
    assert talk(gateway) == (b"", True)
    line = wait_until(gateway.submissions)[-1]
    assert line["closed_at"] - line["opened_at"] >= 0.9
    assert line["delivered"]


def test_a_dripping_answer_goes_on_byte_by_byte(gateway: PracticeGateway) -> None:
    gateway.dial(next=["drip"], hang_seconds=2)
    read, reset = talk(gateway)
    head, _, body = read.partition(b"\r\n\r\n")
    assert b"200 OK" in head
    assert 1 <= len(body) <= 4
    assert not body.strip()
    assert reset


def test_a_huge_answer_is_as_large_as_the_dial_says(gateway: PracticeGateway) -> None:
    gateway.dial(next=["huge"], huge_megabytes=3)
    read, _ = talk(gateway, at_most=1 << 30)
    assert len(read.partition(b"\r\n\r\n")[2]) == 3 << 20


def test_a_huge_answer_ends_when_the_caller_leaves(gateway: PracticeGateway) -> None:
    gateway.dial(next=["huge"])
    talk(gateway, at_most=1 << 16)
    assert wait_until(gateway.submissions)[-1]["ended"] == "lost"
    assert gateway.balance().status == 200


def test_a_caller_that_leaves_while_waiting_has_still_sent(gateway: PracticeGateway) -> None:
    gateway.dial(latency_ms=60_000)
    with socket.create_connection(("127.0.0.1", gateway.port)) as peer:
        peer.sendall(HEAD + BODY)
        wait_until(gateway.open_requests)
    line = wait_until(gateway.submissions)[-1]
    assert (line["ended"], line["delivered"]) == ("gone", ["13800000001"])
    assert gateway.open_requests() == set()


def test_latency_lies_between_its_bounds(gateway: PracticeGateway) -> None:
    gateway.dial(latency_ms=30, latency_max_ms=60)
    for n in range(5):
        gateway.send(f"1380000000{n}")
    for line in gateway.submissions():
        assert line["closed_at"] - line["opened_at"] >= 0.029


def test_percents_are_met_and_repeat_under_a_seed(gateway: PracticeGateway) -> None:
    gateway.dial(failures={"http500": 20, "lost": 10, "code7": 5})
    for _ in range(400):
        talk(gateway, request=HEAD.replace(b"Host: x", b"Host: x\r\nConnection: close") + BODY)
    wait_until(lambda: len(gateway.submissions()) == 400)
    kinds = [line["kind"] for line in gateway.submissions()]
    # The seed is fixed, so these are too; the bounds say what they may be under any.
    assert 50 <= kinds.count("http500") <= 115
    assert 18 <= kinds.count("lost") <= 66
    assert 6 <= kinds.count("code7") <= 40


def test_away_resets_gateway_requests_but_not_the_dial(gateway: PracticeGateway) -> None:
    gateway.dial(away="close")
    assert talk(gateway) == (b"", True)
    with pytest.raises((ConnectionResetError, RemoteDisconnected, BadStatusLine)):
        gateway.balance()
    gateway.dial(away="no")
    assert gateway.balance().status == 200
    assert gateway.submissions() == []


def test_refusing_connections_ends_by_itself(gateway: PracticeGateway) -> None:
    gateway.dial(away="refuse", away_seconds=1)
    with pytest.raises(ConnectionRefusedError):
        gateway.balance()
    wait_until(lambda: answers(gateway))


def test_refusing_connections_ends_over_a_connection_that_stayed(gateway: PracticeGateway) -> None:
    door = HTTPConnection("127.0.0.1", gateway.port, timeout=20)
    door.request("POST", "/practice/dial", json.dumps({"away": "refuse", "away_seconds": 3600}))
    door.getresponse().read()
    with pytest.raises(ConnectionRefusedError):
        gateway.balance()
    door.request("POST", "/practice/dial", json.dumps({"away": "no"}))
    door.getresponse().read()
    door.close()
    wait_until(lambda: answers(gateway))


def test_balance_requests_can_go_wrong_too(gateway: PracticeGateway) -> None:
    gateway.dial(balance_next=["http500", "false", "lost"])
    assert gateway.balance().status == 500
    assert gateway.balance().body == b"false"
    with pytest.raises((ConnectionResetError, RemoteDisconnected)):
        gateway.balance()
    assert gateway.balance().json()["respCode"] == "0"
