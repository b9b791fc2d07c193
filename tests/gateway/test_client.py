"""The client against servers that behave badly, over real sockets."""

import gzip
import logging
import os
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.gateway.hostile import (
    HostileServer,
    Script,
    answering,
    http,
    read_request,
    reset,
    wait_for_client_to_leave,
)
from tests.gateway.seed import seed
from tests.practice.fixture import wait_until
from webapp.gateway.client import CallLimits, GatewayClient, balance_body, send_body
from webapp.gateway.exchange import Exchange, Kind
from webapp.sealing import Secret

UID, PWD = Secret("10086"), Secret("login password")
MOBILES = ("13800000000", "13800000001")
TEXT = "【青禾茶】您的订单已发出。"
PATIENT = CallLimits(connect=5, answer=20, total=20)
HASTY = CallLimits(connect=5, answer=0.3, total=0.6)
TAKEN = seed("send_taken")


@pytest.fixture
def client() -> Iterator[GatewayClient]:
    with GatewayClient() as made:
        yield made


def send(client: GatewayClient, url: str, limits: CallLimits = PATIENT) -> Exchange:
    return client.send(url, UID, PWD, MOBILES, TEXT, limits)


def test_bodies_are_those_of_the_document() -> None:
    assert send_body(UID, PWD, MOBILES, TEXT) == seed("send_request")
    assert balance_body(UID, PWD) == seed("balance_request")


@pytest.mark.parametrize("mobiles", [(), ("",), ("138 0000",), ("１３８",), ("1,2",), ("+8613800000000",)])
def test_a_request_that_could_mean_something_else_is_not_built(mobiles: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match="number"):
        send_body(UID, PWD, mobiles, TEXT)


def test_half_a_character_is_not_built() -> None:
    with pytest.raises(UnicodeEncodeError):
        send_body(UID, PWD, MOBILES, "\ud83d")


def test_a_repeat_is_identical_on_the_wire(client: GatewayClient) -> None:
    server = HostileServer(read_request)

    def script(connection: socket.socket) -> None:
        server.keep(read_request(connection))
        connection.sendall(http(TAKEN))

    server.script = script
    with server:
        first, second = send(client, server.url), send(client, server.url)
    assert first == second == Exchange(Kind.ANSWERED, 200, TAKEN)
    assert server.requests[0] == server.requests[1]
    head, _, body = server.requests[0].partition(b"\r\n\r\n")
    assert head.startswith(b"POST /Admin/index.php/Message/send HTTP/1.1\r\n")
    assert body == seed("send_request")
    assert b"login" not in head


def test_balance_goes_to_its_own_path(client: GatewayClient) -> None:
    server = HostileServer(read_request)

    def script(connection: socket.socket) -> None:
        server.keep(read_request(connection))
        connection.sendall(http(seed("balance_ok")))

    server.script = script
    with server:
        exchange = client.balance(server.url + "/", UID, PWD, PATIENT)
    assert exchange.body == seed("balance_ok")
    assert server.requests[0].startswith(b"POST /Admin/index.php/Message/balance HTTP/1.1\r\n")
    assert server.requests[0].endswith(seed("balance_request"))


# --- nothing left this machine ---------------------------------------------------------------------------


def test_refused(client: GatewayClient, free_port: int) -> None:
    assert send(client, f"http://127.0.0.1:{free_port}/x") == Exchange(Kind.REFUSED)


@pytest.mark.parametrize("host", ["no-such-host.invalid", "a" * 64 + ".example", "xn--.invalid"])
def test_name_unknown(client: GatewayClient, host: str) -> None:
    assert send(client, f"http://{host}/x") == Exchange(Kind.NAME_UNKNOWN)


def test_unreachable(client: GatewayClient) -> None:
    # TCP to the broadcast address is refused by the kernel itself.
    assert send(client, "http://255.255.255.255:9/x").kind is Kind.UNREACHABLE


def test_connect_timeout(client: GatewayClient) -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        # A full backlog: the kernel drops further SYNs, as a firewall would.
        fillers = []
        for _ in range(4):
            filler = socket.socket()
            filler.setblocking(False)
            filler.connect_ex(listener.getsockname())
            fillers.append(filler)
        try:
            url = f"http://127.0.0.1:{listener.getsockname()[1]}/x"
            exchange = send(client, url, CallLimits(connect=0.3, answer=5, total=5))
        finally:
            for filler in fillers:
                filler.close()
    assert exchange == Exchange(Kind.CONNECT_TIMEOUT)


@pytest.mark.parametrize(
    "url", ["ftp://127.0.0.1/x", "127.0.0.1", "http://", "http://u:p@127.0.0.1/x", "http://[::"]
)
def test_what_is_no_address_is_a_mistake_of_the_caller(client: GatewayClient, url: str) -> None:
    with pytest.raises(ValueError, match="address"):
        send(client, url)


def test_withheld_sends_not_one_byte(client: GatewayClient) -> None:
    server = HostileServer(lambda connection: server.keep(read_request(connection)))
    with server:
        asked: list[int] = []

        def too_late() -> bool:
            asked.append(server.connections)
            return False

        exchange = client.send(server.url, UID, PWD, MOBILES, TEXT, PATIENT, may_send=too_late)
        client.close()
        wait_until(lambda: server.requests)
    assert exchange == Exchange(Kind.WITHHELD)
    assert len(asked) == 1
    assert server.requests == [b""]


def test_time_that_ran_out_before_the_first_byte_sends_nothing(client: GatewayClient) -> None:
    server = HostileServer(lambda connection: server.keep(read_request(connection)))

    def slow_yes() -> bool:
        time.sleep(0.3)
        return True

    with server:
        limits = CallLimits(connect=5, answer=5, total=0.2)
        exchange = client.send(server.url, UID, PWD, MOBILES, TEXT, limits, may_send=slow_yes)
        wait_until(lambda: server.requests)
    assert exchange == Exchange(Kind.CONNECT_TIMEOUT)
    assert server.requests == [b""]


def test_plain_text_behind_https_is_no_tls_and_gets_no_request(client: GatewayClient) -> None:
    server = HostileServer(lambda connection: server.keep(connection.recv(65536)))
    with server:
        exchange = send(client, server.url.replace("http:", "https:"))
        wait_until(lambda: server.requests)
    assert exchange == Exchange(Kind.TLS_FAILED)
    assert b"10086" not in server.requests[0]


# --- something left, and no whole answer came ------------------------------------------------------------


def hang_up_before_reading(connection: socket.socket) -> None:
    connection.recv(1)
    reset(connection)


def reset_after_reading(connection: socket.socket) -> None:
    read_request(connection)
    reset(connection)


def hang_up_after_reading(connection: socket.socket) -> None:
    read_request(connection)


def silent(connection: socket.socket) -> None:
    read_request(connection)
    wait_for_client_to_leave(connection)


def half_an_answer_then(data: bytes, end: Script) -> Script:
    def script(connection: socket.socket) -> None:
        read_request(connection)
        connection.sendall(data)
        end(connection)

    return script


def reset_within_the_body(connection: socket.socket) -> None:
    read_request(connection)
    connection.sendall(http(TAKEN)[:-10])
    # The client must have read the half before the reset throws it away.
    time.sleep(0.2)
    reset(connection)


CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
LOST: list[tuple[str, Script, Kind, int | None]] = [
    ("reset before reading", hang_up_before_reading, Kind.LOST_AFTER_SEND, None),
    ("reset after reading", reset_after_reading, Kind.LOST_AFTER_SEND, None),
    ("hang up after reading", hang_up_after_reading, Kind.LOST_AFTER_SEND, None),
    ("cut body", answering(http(TAKEN)[:-10]), Kind.CUT, 200),
    ("reset within the body", reset_within_the_body, Kind.CUT, 200),
    ("cut chunk", answering(CHUNKED + b"ff\r\n{"), Kind.CUT, 200),
    ("chunk of no size", answering(CHUNKED + b"zz\r\n{}\r\n0\r\n\r\n"), Kind.CUT, 200),
    ("no last chunk", answering(CHUNKED + b"2\r\n{}\r\n"), Kind.CUT, 200),
    ("not HTTP", answering(b"SSH-2.0-OpenSSH_9.2\r\n"), Kind.GARBLED, None),
    ("JSON without HTTP", answering(TAKEN + b"\r\n\r\n"), Kind.GARBLED, None),
    ("bad status", answering(b"HTTP/1.1 twohundred OK\r\n\r\n"), Kind.GARBLED, None),
    ("two lengths", answering(b"HTTP/1.1 200 OK\r\nContent-Length: 1, 2\r\n\r\n{}"), Kind.GARBLED, None),
    ("many headers", answering(b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 5000 + b"\r\n"), Kind.GARBLED, None),
    ("endless header", answering(b"HTTP/1.1 200 OK\r\nA: " + b"b" * 200_000), Kind.GARBLED, None),
    (
        "endless chunk size",
        answering(CHUNKED + b"0" * 2_000_000),
        Kind.CUT,
        200,
    ),
    (
        "endless 100-continue",
        answering(b"HTTP/1.1 100 Continue\r\n\r\n" * 20_000),
        Kind.TOO_LONG,
        None,
    ),
]  # fmt: skip


@pytest.mark.parametrize(
    ("script", "kind", "status"), [row[1:] for row in LOST], ids=[row[0] for row in LOST]
)
def test_lost(client: GatewayClient, script: Script, kind: Kind, status: int | None) -> None:
    with HostileServer(script) as server:
        exchange = send(client, server.url)
    assert (exchange.kind, exchange.http_status) == (kind, status)
    assert not exchange.kind.nothing_left


def drip(pieces: bytes) -> Script:
    def script(connection: socket.socket) -> None:
        read_request(connection)
        for byte in pieces:
            connection.sendall(bytes([byte]))
            time.sleep(0.05)
        wait_for_client_to_leave(connection)

    return script


@pytest.mark.parametrize(
    ("script", "status"),
    [
        (silent, None),
        (half_an_answer_then(b"HTTP/1.1 200 OK\r\n", wait_for_client_to_leave), None),
        (half_an_answer_then(http(TAKEN)[:-1], wait_for_client_to_leave), 200),
        (drip(http(TAKEN)), None),
        (half_an_answer_then(http(b"")[:-2], drip(b"A: b\r\n" * 500)), None),
    ],
    ids=["silence", "half a head", "half a body", "drip", "drip of headers"],
)
def test_no_answer_in_time(client: GatewayClient, script: Script, status: int | None) -> None:
    with HostileServer(script) as server:
        exchange = send(client, server.url, HASTY)
    assert (exchange.kind, exchange.http_status) == (Kind.ANSWER_TIMEOUT, status)


def test_a_drip_within_the_body_ends_with_the_call(client: GatewayClient) -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n"

    def script(connection: socket.socket) -> None:
        read_request(connection)
        connection.sendall(head)
        while True:
            connection.sendall(b"x")
            time.sleep(0.02)

    with HostileServer(script) as server:
        exchange = send(client, server.url, CallLimits(connect=5, answer=20, total=0.5))
    assert (exchange.kind, exchange.http_status) == (Kind.ANSWER_TIMEOUT, 200)


def does_not_read(_connection: socket.socket) -> None:
    time.sleep(1)


def test_a_server_that_does_not_read_ends_with_the_call(client: GatewayClient) -> None:
    with HostileServer(does_not_read) as server:
        content = "x" * 30_000_000
        exchange = client.send(server.url, UID, PWD, MOBILES, content, CallLimits(5, 20, 0.4))
    assert exchange.kind is Kind.ANSWER_TIMEOUT


def test_a_gigabyte_is_not_read(client: GatewayClient) -> None:
    sent = 0
    done = threading.Event()

    def script(connection: socket.socket) -> None:
        nonlocal sent
        read_request(connection)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n")
        try:
            while sent < 1_000_000_000:
                sent += connection.send(b"x" * 65536)
        finally:
            done.set()

    with HostileServer(script) as server:
        exchange = send(client, server.url)
        assert done.wait(20)
    assert (exchange.kind, exchange.http_status) == (Kind.TOO_LONG, 200)
    assert len(exchange.body) <= 64 * 1024
    assert sent < 100_000_000


# --- an HTTP answer came ---------------------------------------------------------------------------------

BOMB = gzip.compress(b"0" * 50_000_000)
ANSWERS: list[tuple[str, bytes, Exchange]] = [
    ("false", http(b"false"), Exchange(Kind.ANSWERED, 200, b"false")),
    ("HTML", http(b"<p>", "200 OK", "Content-Type: text/html"), Exchange(Kind.ANSWERED, 200, b"<p>")),
    ("500", http(b"", "500 Internal Server Error"), Exchange(Kind.ANSWERED, 500)),
    ("502", http(b"<p>", "502 Bad Gateway"), Exchange(Kind.ANSWERED, 502, b"<p>")),
    ("401", http(b"<p>", "401 Unauthorized"), Exchange(Kind.ANSWERED, 401, b"<p>")),
    ("404", http(b"<p>", "404 Not Found"), Exchange(Kind.ANSWERED, 404, b"<p>")),
    ("204", b"HTTP/1.1 204 No Content\r\n\r\n", Exchange(Kind.ANSWERED, 204)),
    ("no length", b"HTTP/1.1 200 OK\r\n\r\n" + TAKEN, Exchange(Kind.ANSWERED, 200, TAKEN)),
    ("HTTP/1.0", b"HTTP/1.0 200 OK\r\n\r\n" + TAKEN, Exchange(Kind.ANSWERED, 200, TAKEN)),
    ("EOF within the head", b"HTTP/1.1 200 OK\r\nServer: x", Exchange(Kind.ANSWERED, 200)),
    ("100-continue", b"HTTP/1.1 100 Continue\r\n\r\n" + http(TAKEN), Exchange(Kind.ANSWERED, 200, TAKEN)),
    (
        "chunked",
        CHUNKED + b"a;x=y\r\n" + TAKEN[:10] + b"\r\n43\r\n" + TAKEN[10:] + b"\r\n0\r\n\r\n",
        Exchange(Kind.ANSWERED, 200, TAKEN),
    ),
    (
        "wrong charset",
        http(TAKEN, "200 OK", "Content-Type: application/json; charset=utf-16"),
        Exchange(Kind.ANSWERED, 200, TAKEN),
    ),
    (
        "gzip is left as it is",
        http(gzip.compress(TAKEN, mtime=0), "200 OK", "Content-Encoding: gzip"),
        Exchange(Kind.ANSWERED, 200, gzip.compress(TAKEN, mtime=0)),
    ),
    (
        "gzip bomb stays small",
        http(BOMB, "200 OK", "Content-Encoding: gzip"),
        Exchange(Kind.ANSWERED, 200, BOMB),
    ),
    ("exactly 64 KiB", http(b"x" * 65536), Exchange(Kind.ANSWERED, 200, b"x" * 65536)),
    ("64 KiB and a byte", http(b"x" * 65537), Exchange(Kind.TOO_LONG, 200, b"x" * 65536)),
    ("more than the length", http(TAKEN) + b"HTTP/1.1 200 OK", Exchange(Kind.ANSWERED, 200, TAKEN)),
]  # fmt: skip


@pytest.mark.parametrize(("data", "expected"), [row[1:] for row in ANSWERS], ids=[row[0] for row in ANSWERS])
def test_answered(client: GatewayClient, data: bytes, expected: Exchange) -> None:
    with HostileServer(answering(data)) as server:
        exchange = send(client, server.url)
    assert (exchange.kind, exchange.http_status) == (expected.kind, expected.http_status)
    assert exchange.body == expected.body


@pytest.mark.parametrize(
    "status", ["301 Moved", "302 Found", "303 See Other", "307 Temporary", "308 Permanent"]
)
def test_a_redirect_is_never_followed(client: GatewayClient, status: str) -> None:
    with HostileServer(answering(http(TAKEN))) as elsewhere:
        data = http(b"", status, f"Location: {elsewhere.url}/Message/send")
        with HostileServer(answering(data)) as server:
            exchange = send(client, server.url)
        assert elsewhere.connections == 0
    assert exchange == Exchange(Kind.ANSWERED, int(status[:3]))


def test_no_proxy_of_the_environment_is_used(client: GatewayClient, monkeypatch: pytest.MonkeyPatch) -> None:
    with HostileServer(answering(http(b"false"))) as proxy, HostileServer(answering(http(TAKEN))) as server:
        for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
        assert send(client, server.url).body == TAKEN
        assert proxy.connections == 0


# --- connections -----------------------------------------------------------------------------------------


KEPT = http(TAKEN, "200 OK", "Connection: Keep-Alive")


def keeping_alive(connection: socket.socket) -> None:
    while read_request(connection):
        connection.sendall(KEPT)


def test_a_connection_is_not_used_again_unless_the_server_says_so(client: GatewayClient) -> None:
    def script(connection: socket.socket) -> None:
        while read_request(connection):
            connection.sendall(http(TAKEN))

    with HostileServer(script) as server:
        assert [send(client, server.url).body for _ in range(3)] == [TAKEN] * 3
        assert server.connections == 3


def test_a_connection_is_used_again(client: GatewayClient) -> None:
    with HostileServer(keeping_alive) as server:
        assert [send(client, server.url).body for _ in range(5)] == [TAKEN] * 5
        assert server.connections == 1
        client.close()


def test_a_chunked_answer_leaves_the_connection_usable(client: GatewayClient) -> None:
    def script(connection: socket.socket) -> None:
        while read_request(connection):
            head = CHUNKED.replace(b"\r\n\r\n", b"\r\nKeep-Alive: timeout=5\r\n\r\n")
            connection.sendall(head + b"5\r\nfalse\r\n0\r\n\r\n")

    with HostileServer(script) as server:
        assert [send(client, server.url).body for _ in range(3)] == [b"false"] * 3
        assert server.connections == 1
        client.close()


def test_a_connection_that_was_idle_is_not_used_again(
    client: GatewayClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("webapp.gateway.client.IDLE_SECONDS", -1)
    with HostileServer(keeping_alive) as server:
        assert [send(client, server.url).body for _ in range(3)] == [TAKEN] * 3
        assert server.connections == 3
        client.close()


def test_what_comes_unasked_is_not_taken_for_the_next_answer(client: GatewayClient) -> None:
    first_read, extra = threading.Event(), threading.Event()

    def script(connection: socket.socket) -> None:
        read_request(connection)
        connection.sendall(KEPT)
        assert first_read.wait(10)
        connection.sendall(http(seed("send_code_8")))
        extra.set()
        wait_for_client_to_leave(connection)

    with HostileServer(script) as server:
        assert send(client, server.url).body == TAKEN
        first_read.set()
        assert extra.wait(10)
        server.script = answering(http(TAKEN))
        assert send(client, server.url).body == TAKEN
        assert server.connections == 2


def test_a_process_does_not_share_its_parents_connections(
    client: GatewayClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    with HostileServer(keeping_alive) as server:
        send(client, server.url)
        parent = os.getpid()
        monkeypatch.setattr("webapp.gateway.client.os.getpid", lambda: parent + 1)
        send(client, server.url)
        assert server.connections == 2
        client.close()


def test_sixteen_threads_each_get_their_own_answer(client: GatewayClient) -> None:
    def script(connection: socket.socket) -> None:
        while request := read_request(connection):
            mobile = request.rpartition(b'"mobile":"')[2][:11]
            answer = b'{"respCode":"0","msgid":"' + mobile + b'"}'
            connection.sendall(http(answer, "200 OK", "Connection: keep-alive"))

    def call(number: int) -> bool:
        mobile = str(number)
        exchange = client.send(server.url, UID, PWD, (mobile,), TEXT, PATIENT)
        return mobile.encode() in exchange.body

    with HostileServer(script) as server:
        with ThreadPoolExecutor(16) as pool:
            results = list(pool.map(call, range(13800000000, 13800000320)))
        client.close()
    assert results == [True] * 320
    assert server.connections < 320


def test_nothing_of_a_call_is_logged(client: GatewayClient, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    echo = b"HTTP/1.1 200 OK\r\nno colon: login password 10086 13800000000\r\nbad line\r\n\r\nlogin password"
    with HostileServer(answering(echo)) as server:
        send(client, server.url)
    for text in ("login password", "10086", "13800000000", TEXT):
        assert text not in caplog.text
