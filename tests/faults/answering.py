"""Every answer of the table as bytes on a wire, and what must become of batch, account and campaign."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import socket
import threading
import time

from tests.gateway.hostile import HostileServer, Script, answering, http, read_request, reset

# Where the name of a gateway leads when nothing can be reached there any more; None: nowhere.
GONE: dict[str, str | None] = {
    "name": None,
    "refused": "127.0.0.2",
    "timeout": "127.0.0.3",
    "unreachable": "255.255.255.255",
}
TEXT = "Content-Type: text/html; charset=utf-8"
JSON = "Content-Type: application/json"
PAGE = b"<!DOCTYPE html><title>System error</title><h1>:(</h1>"


@dataclasses.dataclass(frozen=True)
class Row:
    """One row of the table: what happens on the wire, and the states that must be found then.

    `batch` and `tally` hold for a first answer. After an unknown one the batch is on hold, unless the answer
    says that it was taken; `account`, `pause` and `limit` are the same.
    """

    name: str
    happens: Script | str
    batch: str
    meaning: str
    why: str
    account: str = "untested"
    pause: str | None = None
    size: int = 4
    limit: int = 5000

    @property
    def taken(self) -> bool:
        """Whether the answer says that the messages went out."""
        return self.meaning == "taken"


def said(code: object, msgid: str = "m-1", **more: object) -> bytes:
    """A body of the documented form."""
    return json.dumps({"status": "x", "respCode": code, "respMsg": "y", "msgid": msgid, **more}).encode()


def body(content: bytes, status: str = "200 OK", *headers: str) -> Script:
    """A whole answer, with the content type that the real gateway gives."""
    return answering(http(content, status, *(headers or (TEXT,))))


def reset_after_reading(connection: socket.socket) -> None:
    """What was read may have been taken."""
    read_request(connection)
    reset(connection)


def silence(connection: socket.socket) -> None:
    """No answer for as long as the caller stays."""
    read_request(connection)
    with contextlib.suppress(OSError):
        connection.recv(1)


def drip(connection: socket.socket) -> None:
    """A byte at a time, never silent for long."""
    read_request(connection)
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
    while True:
        connection.sendall(b" ")
        time.sleep(0.05)


class Flood:
    """A gigabyte in answer; counts how much of it could be written before the caller had enough."""

    def __init__(self) -> None:
        self.written = 0

    def __call__(self, connection: socket.socket) -> None:
        read_request(connection)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1073741824\r\n\r\n")
        block = b" " * 65536
        while self.written < 1 << 30:
            connection.sendall(block)
            self.written += len(block)


def code(number: int, batch: str, why: str, **more: object) -> Row:
    """A row for one of the documented codes, refused unless said otherwise."""
    row = Row(f"code {number}", body(said(str(number), "")), batch, "refused", why)
    return dataclasses.replace(row, **more)  # type: ignore[arg-type] # fields of Row


def taken(name: str, content: bytes, *headers: str, status: str = "200 OK", **more: object) -> Row:
    """A row for an answer that says: taken."""
    row = Row(name, body(content, status, *headers), "accepted", "taken", "accepted", "ok")
    return dataclasses.replace(row, **more)  # type: ignore[arg-type] # fields of Row


def unknown(name: str, happens: Script, why: str) -> Row:
    """A row for an answer that says nothing."""
    return Row(name, happens, "hold", "unknown", why)


def wrong_address(name: str, status: str, why: str, *headers: str) -> Row:
    """A row for an answer of something that is not the gateway."""
    happens = body(PAGE, status, TEXT, *headers)
    return Row(name, happens, "unconfirmed", "wrong_address", why, "misconfigured", "wrong_address")


def not_left(name: str, why: str) -> Row:
    """A row for a gateway to which no connection comes about."""
    return Row(name, name, "retry", "not_left", why)


NO_MSGID = "accepted_without_msgid"
ROWS = (
    taken("code 0", said("0")),
    taken("code 0 without msgid", said("0", ""), why=NO_MSGID),
    taken("code 0 with a msgid of 65 letters", said("0", "m" * 65), why=NO_MSGID),
    taken("code 0 as a number", said(0)),
    taken("code 0 behind a byte order mark", b"\xef\xbb\xbf" + said("0")),
    taken("code 0 as JSON", said("0"), JSON),
    taken("code 0 as a picture", said("0"), "Content-Type: image/png"),
    taken("code 0 without a content type", said("0"), "Server: old"),
    taken("code 0 with status 404", said("0"), status="404 Not Found"),
    code(1, "blocked", "bad_credentials", account="broken", pause="credentials"),
    # The halves are taken.
    code(2, "replaced", "bad_number", account="ok"),
    code(2, "rejected", "bad_number", name="code 2 for one number", size=1),
    code(3, "rejected", "content_empty", pause="content_empty"),
    code(4, "rejected", "content_too_long", pause="content_too_long"),
    code(5, "blocked", "no_balance", account="out_of_balance", pause="balance"),
    code(6, "replaced", "too_many_numbers", account="ok", limit=2),
    code(6, "rejected", "too_many_numbers", name="code 6 for one number", size=1, pause="request_too_large"),
    code(7, "hold", "failed_to_send", meaning="unknown"),
    code(8, "blocked", "frozen", account="frozen", pause="frozen"),
    code(42, "unconfirmed", "odd_code", meaning="unknown", pause="odd_code"),
    code(999, "unconfirmed", "odd_code", meaning="unknown", pause="odd_code"),
    unknown("reset after reading", reset_after_reading, "lost"),
    unknown("end without a byte", answering(b""), "lost"),
    unknown("silence", silence, "no_answer"),
    unknown("drip", drip, "no_answer"),
    unknown("cut on the wire", answering(http(said("0"))[:-9]), "cut"),
    unknown("cut JSON", body(said("0")[:-9]), "not_readable"),
    unknown("no HTTP", answering(b"SSH-2.0-OpenSSH_9.2\r\n"), "garbled"),
    unknown("empty", body(b""), "empty"),
    unknown("HTML", body(PAGE), "html"),
    unknown("HTML as JSON", body(PAGE, "200 OK", JSON), "html"),
    unknown("false", body(b"false"), "not_readable"),
    unknown("false as the code", body(said(code=False)), "no_code"),
    unknown("no code", body(b'{"status":"success","msgid":"m-1"}'), "no_code"),
    unknown("code -0", body(said("-0")), "no_code"),
    unknown("code 0.0", body(said("m").replace(b'"m"', b"0.0")), "no_code"),
    unknown("a list", body(b"[" + said("0") + b"]"), "not_readable"),
    unknown("duplicate keys", body(b'{"respCode":"7",' + said("0")[1:]), "not_readable"),
    unknown("huge integer", body(said("m").replace(b'"m"', b"9" * 5000)), "no_code"),
    unknown("deep nesting", body(b"[" * 60_000), "not_readable"),
    unknown("a gigabyte", Flood(), "too_long"),
    unknown("code 0 with status 500", body(said("0"), "500 Oops"), "server_error"),
    unknown("status 502", body(PAGE, "502 Bad Gateway"), "server_error"),
    unknown("status 503", body(b"", "503 Busy"), "server_error"),
    wrong_address("redirect", "302 Found", "redirected", "Location: http://127.0.0.1:9/elsewhere"),
    wrong_address("status 401", "401 Who", "forbidden"),
    wrong_address("status 403", "403 No", "forbidden"),
    wrong_address("status 404", "404 Where", "not_found"),
    not_left("name", "name_unknown"),
    not_left("refused", "connection_refused"),
    not_left("timeout", "connect_timeout"),
    not_left("unreachable", "unreachable"),
)  # fmt: skip


class Names:
    """Stands in for the resolver: gateways by name, each on a loopback address until it is gone."""

    def __init__(self) -> None:
        self.places: dict[str, str | None] = {}
        self._ask = socket.getaddrinfo

    def lead(self, host: str, place: str | None) -> None:
        """Let the name lead to this address from now on; None: it is not known any more."""
        self.places[host] = place

    def __call__(self, host: object, port: object, *more: object, **named: object) -> object:
        if host not in self.places:
            return self._ask(host, port, *more, **named)  # type: ignore[arg-type] # passed on as it came
        place = self.places[str(host)]
        if place is None:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (place, port))]


class Answerer:
    """The gateway of one case: it loses the first request if told to, then does what the row says, then takes
    everything."""

    def __init__(self, row: Row, names: Names, host: str, *, after_unknown: bool) -> None:
        self.row, self.names, self.host = row, names, host
        self._lock = threading.Lock()
        self._coming: list[Script] = [self._lose] if after_unknown else []
        if not isinstance(row.happens, str):
            self._coming.append(row.happens)
        self.server = HostileServer(self._next)
        self._swallowing = swallowing(self.server.port) if row.happens == "timeout" else []
        names.lead(host, "127.0.0.1")
        if not after_unknown:
            self._go()

    @property
    def url(self) -> str:
        """The address of this gateway, by its name."""
        return f"http://{self.host}:{self.server.port}/Admin/index.php"

    def _lose(self, connection: socket.socket) -> None:
        self._go()
        reset_after_reading(connection)

    def _go(self) -> None:
        if isinstance(self.row.happens, str):
            self.names.lead(self.host, GONE[self.row.happens])

    def _next(self, connection: socket.socket) -> None:
        with self._lock:
            script = self._coming.pop(0) if self._coming else body(said("0", f"m-{time.monotonic_ns()}"))
        script(connection)

    def close(self) -> None:
        """End the server."""
        self.server.close()
        for one in self._swallowing:
            one.close()


def swallowing(port: int) -> list[socket.socket]:
    """A listener where connections time out; to be closed, with what fills it."""
    listener = socket.socket()
    listener.bind((GONE["timeout"], port))
    listener.listen(0)
    # A full backlog: the kernel drops further attempts, as a firewall would.
    fillers = [socket.socket() for _ in range(4)]
    for filler in fillers:
        filler.setblocking(False)
        filler.connect_ex(listener.getsockname())
    return [listener, *fillers]
