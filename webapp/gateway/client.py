"""The HTTP client of the gateway: one call, one `Exchange`, never an exception for what the other side does.

No retries, no redirects (a redirect would post the password somewhere else), no proxies from the
environment, no decoding of compressed answers, at most 64 KiB read. Bodies are never logged. A connection
that was idle for more than a second is not used again: the other side may be closing it just then, and a
request lost on it is a batch that nobody can vouch for.
"""

import json
import logging
import os
import ssl
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Self

import urllib3.exceptions
from urllib3.response import BaseHTTPResponse
from urllib3.util import Url, parse_url

from webapp.gateway.exchange import Exchange, Kind
from webapp.gateway.sockets import (
    Call,
    ConnectError,
    Connection,
    PlainConnection,
    TimedTLS,
    TLSConnection,
    tls_context,
    under,
)
from webapp.sealing import Secret

BODY_LIMIT = 64 * 1024
# For status line, headers and chunk sizes, beside the body.
HEAD_ROOM = 64 * 1024
READ_SIZE = 4096
IDLE_SECONDS = 1.0
HEADERS = {
    "Content-Type": "application/json; charset=utf-8",
    "Accept-Encoding": "identity",
    "User-Agent": "Tidings",
}

# urllib3 warns with the text of malformed headers, which may echo what was sent.
logging.getLogger("urllib3.connection").setLevel(logging.ERROR)


@dataclass(frozen=True)
class CallLimits:
    """Seconds: to connect, of silence while an answer is awaited, and of the call in all."""

    connect: float = 5
    answer: float = 60
    total: float = 90


# For a person who waits in front of a page.
SHORT = CallLimits(connect=5, answer=10, total=10)


def send_body(uid: Secret, pwd: Secret, mobiles: Sequence[str], content: str) -> bytes:
    """The body of a send call: the same bytes for the same arguments, always, since a repeat must be
    identical.

    Raises ValueError for no numbers, a number that is not digits, or a text that is not Unicode.
    """
    if not mobiles:
        raise ValueError("a send call needs a number")
    if not all(mobile.isascii() and mobile.isdigit() for mobile in mobiles):
        raise ValueError("a number holds something else than digits")
    return _json({"uid": uid.reveal(), "pwd": pwd.reveal(), "mobile": ",".join(mobiles), "content": content})


def balance_body(uid: Secret, pwd: Secret) -> bytes:
    """The body of a balance call."""
    return _json({"uid": uid.reveal(), "pwd": pwd.reveal()})


def _json(values: dict[str, str]) -> bytes:
    return json.dumps(values, ensure_ascii=False, separators=(",", ":")).encode("utf-8")


class GatewayClient:
    """Calls to gateways; one per process, for any number of threads."""

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self._tls = tls or tls_context()
        self._tls.sslsocket_class = TimedTLS
        self._lock = threading.Lock()
        self._idle: dict[tuple[int, str], list[tuple[float, Connection]]] = {}

    def send(
        self,
        base_url: str,
        uid: Secret,
        pwd: Secret,
        mobiles: Sequence[str],
        content: str,
        limits: CallLimits,
        may_send: Callable[[], bool] | None = None,
    ) -> Exchange:
        """Send one text to many numbers.

        may_send is asked when the connection stands, just before the first byte is written; if it says no,
        the exchange is `withheld` and nothing has left.
        """
        body = send_body(uid, pwd, mobiles, content)
        return self.post(f"{base_url.rstrip('/')}/Message/send", body, limits, may_send)

    def balance(self, base_url: str, uid: Secret, pwd: Secret, limits: CallLimits) -> Exchange:
        """Ask for the balance."""
        return self.post(f"{base_url.rstrip('/')}/Message/balance", balance_body(uid, pwd), limits)

    def post(
        self, url: str, body: bytes, limits: CallLimits, may_send: Callable[[], bool] | None = None
    ) -> Exchange:
        """POST a body and read the answer. Raises ValueError if the address is none."""
        target = _parse(url)
        call = Call(limits.total, limits.answer, BODY_LIMIT + HEAD_ROOM)
        try:
            connection = self._connected(target, call, limits)
        except ConnectError as error:
            return Exchange(error.kind)
        clean = False
        try:
            if may_send is not None and not may_send():
                clean = True
                return Exchange(Kind.WITHHELD)
            exchange, clean = _converse(connection, target.request_uri, body, call)
            return exchange
        finally:
            self._put_back(target, connection, clean=clean)

    def close(self) -> None:
        """Close the idle connections."""
        with self._lock:
            idle, self._idle = self._idle, {}
        for entries in idle.values():
            for _since, connection in entries:
                connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.close()

    def _connected(self, target: Url, call: Call, limits: CallLimits) -> Connection:
        connection = self._take_idle(target) or self._open(target, min(limits.connect, limits.total))
        under(connection, call)
        return connection

    def _open(self, target: Url, seconds: float) -> Connection:
        connection: Connection
        host = (target.host or "").removeprefix("[").removesuffix("]")
        if target.scheme == "https":
            connection = TLSConnection(host, target.port, timeout=seconds, ssl_context=self._tls)
        else:
            connection = PlainConnection(host, target.port, timeout=seconds)
        try:
            connection.connect()
        except ConnectError:
            raise
        except TimeoutError:
            connection.close()
            raise ConnectError(Kind.CONNECT_TIMEOUT) from None
        except (OSError, urllib3.exceptions.HTTPError):
            connection.close()
            raise ConnectError(Kind.TLS_FAILED) from None
        return connection

    def _take_idle(self, target: Url) -> Connection | None:
        now = time.monotonic()
        while True:
            with self._lock:
                entries = self._idle.get(_origin(target))
                if not entries:
                    return None
                since, connection = entries.pop()
            # Something to read on an idle connection is a farewell, or an answer nobody asked for.
            if now - since <= IDLE_SECONDS and connection.is_connected:
                return connection
            connection.close()

    def _put_back(self, target: Url, connection: Connection, *, clean: bool) -> None:
        if not clean or connection.sock is None:
            connection.close()
            return
        now = time.monotonic()
        with self._lock:
            entries = self._idle.setdefault(_origin(target), [])
            stale = [entry for entry in entries if now - entry[0] > IDLE_SECONDS]
            entries[:] = [entry for entry in entries if now - entry[0] <= IDLE_SECONDS]
            entries.append((now, connection))
        for _since, old in stale:
            old.close()


def _parse(url: str) -> Url:
    try:
        target = parse_url(url)
    except urllib3.exceptions.LocationParseError:
        raise ValueError("not an address") from None
    if target.scheme not in {"http", "https"} or not target.host or target.auth:
        raise ValueError("not an http(s) address without a user")
    return target


def _origin(target: Url) -> tuple[int, str]:
    # With the process id: two processes that talk on one connection would read each other's answers.
    return os.getpid(), f"{target.scheme}://{target.netloc}"


def _converse(connection: Connection, path: str, body: bytes, call: Call) -> tuple[Exchange, bool]:
    """Write the request, read the answer; whatever goes wrong becomes a kind.

    The second value tells whether the connection may be used again.
    """
    answer = _PartialAnswer()
    try:
        _write(connection, path, body)
        answer.read(connection)
    except Exception as error:
        # Whatever it was, the one thing that counts is whether a byte had left.
        if not call.left_machine:
            if isinstance(error, TimeoutError):
                return Exchange(Kind.CONNECT_TIMEOUT), False
            raise
        return Exchange(_kind_of(error, call, answer), answer.status, answer.body), False
    finally:
        answer.close()
    if len(answer.body) > BODY_LIMIT:
        return Exchange(Kind.TOO_LONG, answer.status, answer.body[:BODY_LIMIT]), False
    return Exchange(Kind.ANSWERED, answer.status, answer.body), answer.keeps_alive


def _write(connection: Connection, path: str, body: bytes) -> None:
    try:
        connection.request("POST", path, body, HEADERS, preload_content=False, decode_content=False)
    except (BrokenPipeError, ConnectionResetError):
        # The other side may have answered without reading to the end; the read that follows will tell.
        return


class _PartialAnswer:
    """What has come in so far, kept when the rest fails."""

    def __init__(self) -> None:
        self.status: int | None = None
        self.body = b""
        # Only where it is said: a server that closes without a word may do so while the next request is
        # under way, and that request would be lost.
        self.keeps_alive = False
        self._response: BaseHTTPResponse | None = None

    def read(self, connection: Connection) -> None:
        self._response = connection.getresponse()
        self.status = self._response.status
        headers = self._response.headers
        self.keeps_alive = "keep-alive" in headers.get("connection", "").lower() or "keep-alive" in headers
        for piece in self._response.stream(READ_SIZE, decode_content=False):
            self.body += piece
            if len(self.body) > BODY_LIMIT:
                return

    def close(self) -> None:
        if self._response is not None:
            self._response.close()


def _kind_of(error: Exception, call: Call, answer: _PartialAnswer) -> Kind:
    if call.overlong:
        return Kind.TOO_LONG
    if isinstance(error, TimeoutError | urllib3.exceptions.TimeoutError):
        return Kind.ANSWER_TIMEOUT
    if answer.status is not None:
        return Kind.CUT
    if isinstance(error, OSError):
        return Kind.LOST_AFTER_SEND
    return Kind.GARBLED


@cache
def shared_client() -> GatewayClient:
    """The client of this process."""
    return GatewayClient()
