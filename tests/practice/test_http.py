"""The HTTP side: what clients may send, and what they must not."""

from __future__ import annotations

import json
import socket

import pytest

from tests.practice.fixture import PracticeGateway
from tests.practice.test_failures import BODY, HEAD, talk

SEND = b"POST /Admin/index.php/Message/send HTTP/1.1\r\nHost: x\r\n"


def test_requests_ahead_on_one_connection_are_answered_in_order(gateway: PracticeGateway) -> None:
    last = HEAD.replace(b"Host: x", b"Connection: close") + BODY
    read, _ = talk(gateway, request=(HEAD + BODY) * 20 + last)
    msgids = [int(part.partition(b'"')[0]) for part in read.split(b'"msgid":"')[1:]]
    assert len(msgids) == 21
    assert msgids == sorted(msgids)


def test_a_request_may_come_a_byte_at_a_time(gateway: PracticeGateway) -> None:
    with socket.create_connection(("127.0.0.1", gateway.port), timeout=20) as peer:
        peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in HEAD + BODY:
            peer.sendall(bytes([byte]))
        assert b'"respCode":"0"' in peer.recv(4096)


def test_chunked_bodies(gateway: PracticeGateway) -> None:
    half = len(BODY) // 2
    chunks = b"%x;a=b\r\n%s\r\n%x\r\n%s\r\n0\r\nTrailer: x\r\n\r\n" % (
        half,
        BODY[:half],
        len(BODY) - half,
        BODY[half:],
    )
    read, _ = talk(
        gateway, request=SEND + b"Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n" + chunks
    )
    assert b'"respCode":"0"' in read


def test_expect_100_continue(gateway: PracticeGateway) -> None:
    with socket.create_connection(("127.0.0.1", gateway.port), timeout=20) as peer:
        peer.sendall(SEND + b"Expect: 100-continue\r\nContent-Length: %d\r\n\r\n" % len(BODY))
        assert peer.recv(4096) == b"HTTP/1.1 100 Continue\r\n\r\n"
        peer.sendall(BODY)
        assert b'"respCode":"0"' in peer.recv(4096)


@pytest.mark.parametrize(
    ("request_bytes", "status"),
    [
        (b"nonsense\r\n\r\n", 400),
        (b"GET / HTTP/2.0\r\n\r\n", 400),
        (b"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nno colon\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nspace : x\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nX: " + b"y" * 20_000, 431),
        (SEND + b"Content-Length: -1\r\n\r\n", 400),
        (SEND + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\n", 400),
        (SEND + b"Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
        (SEND + b"Transfer-Encoding: gzip\r\n\r\n", 501),
        (SEND + b"Transfer-Encoding: chunked\r\n\r\nxyz\r\n", 400),
        (SEND + b"Transfer-Encoding: chunked\r\n\r\n-1\r\n", 400),
        (SEND + b"Transfer-Encoding: chunked\r\n\r\nfffffff\r\n", 413),
        (SEND + b"Content-Length: 99999999\r\n\r\n", 413),
        (b"PUT / HTTP/1.1\r\nConnection: close\r\n\r\n", 405),
        (b"GET /Admin/index.php/Message/send HTTP/1.1\r\nConnection: close\r\n\r\n", 405),
        (b"GET /nothing HTTP/1.1\r\nConnection: close\r\n\r\n", 404),
        (b"GET /../../etc/passwd HTTP/1.1\r\nConnection: close\r\n\r\n", 404),
    ],
)
def test_what_is_no_request(shared: PracticeGateway, request_bytes: bytes, status: int) -> None:
    read, _ = talk(shared, request=request_bytes)
    assert read.startswith(b"HTTP/1.1 %d " % status)
    assert shared.balance().status == 200


def test_a_body_of_ten_megabytes_is_read(gateway: PracticeGateway) -> None:
    body = json.dumps(
        {"uid": "practice", "pwd": "practice-only", "content": "x" * 9_000_000, "mobile": "13800000001"}
    )
    assert gateway.request("POST", "/Admin/index.php/Message/send", body).json()["respCode"] == "4"


def test_a_body_that_never_ends_is_let_go_with_its_caller(gateway: PracticeGateway) -> None:
    with socket.create_connection(("127.0.0.1", gateway.port), timeout=20) as peer:
        peer.sendall(SEND + b"Content-Length: 1000\r\n\r\nhalf")
    assert gateway.balance().status == 200
    assert gateway.ledger() == []
