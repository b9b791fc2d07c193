"""A small HTTP/1.1 server protocol: requests in, and every way of answering one badly.

Written here because the interesting answers of the practice gateway are the broken ones (a reset without
reading, a gigabyte, one byte a second), which server libraries rightly refuse to give. One request of a
connection is handled at a time; what a client sends ahead waits in a bounded buffer. A connection costs no
timer: one sweep closes the silent ones and runs only while connections exist.
"""

from __future__ import annotations

import asyncio
import json
import re
import socket
import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, cast

MAX_HEAD = 16 * 1024
MAX_BODY = 10 * 1024 * 1024
MAX_CONNECTIONS = 900
AHEAD = 64 * 1024
SWEEP_SECONDS = 20
SILENT_SWEEPS = 4
HTML = "text/html; charset=utf-8"
JSON = "application/json"
REASONS = {
    200: "OK",
    302: "Found",
    303: "See Other",
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    409: "Conflict",
    411: "Length Required",
    413: "Content Too Large",
    422: "Unprocessable Content",
    431: "Request Header Fields Too Large",
    500: "Internal Server Error",
    501: "Not Implemented",
    503: "Service Unavailable",
}
_CHUNK = re.compile(rb"[0-9A-Fa-f]{1,8}")
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_RESET = struct.pack("ii", 1, 0)


class HttpError(Exception):
    """The request cannot be read as HTTP; answered with this status and closed."""

    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(sentence)
        self.status = status
        self.sentence = sentence


@dataclass(slots=True)
class Head:
    """Request line and headers; header names are lower case."""

    method: str
    path: str
    query: str
    headers: dict[str, str]
    length: int
    chunked: bool
    keep_alive: bool


class App(Protocol):
    """What a connection hands its requests to."""

    def opens(self, connection: Connection, head: Head) -> bool:
        """Called when the head is read; False: the connection was dealt with, read nothing more."""

    def handle(self, connection: Connection, head: Head, body: bytes) -> None:
        """Called with the whole request; must see to it that the connection is answered, now or later."""


def read_head(raw: bytes) -> Head:
    """Read everything before the empty line; raises HttpError."""
    lines = raw.decode("latin-1").split("\r\n")
    request_line = lines[0].split(" ")
    if (
        len(request_line) != 3
        or not _TOKEN.fullmatch(request_line[0])
        or not request_line[2].startswith("HTTP/1.")
    ):
        raise HttpError(400, "This is no HTTP/1.1 request.")
    headers: dict[str, str] = {}
    for line in lines[1:]:
        name, colon, value = line.partition(":")
        name = name.lower()
        if not colon or not _TOKEN.fullmatch(name):
            raise HttpError(400, "A header line cannot be read.")
        if name in headers and name in ("content-length", "transfer-encoding", "host"):
            raise HttpError(400, f"There are two {name} headers.")
        headers[name] = value.strip(" \t")
    length_text = headers.get("content-length", "0")
    if not (length_text.isascii() and length_text.isdigit() and len(length_text) < 16):
        raise HttpError(400, "The Content-Length is no number.")
    coding = headers.get("transfer-encoding", "").lower()
    if coding and (coding != "chunked" or "content-length" in headers):
        raise HttpError(400 if "content-length" in headers else 501, "This transfer encoding cannot be read.")
    if int(length_text) > MAX_BODY:
        raise HttpError(413, "The body is larger than 10 MB.")
    token = headers.get("connection", "").lower()
    keep_alive = "close" not in token and (request_line[2] != "HTTP/1.0" or "keep-alive" in token)
    path, _, query = request_line[1].partition("?")
    return Head(request_line[0], path, query, headers, int(length_text), bool(coding), keep_alive)


def take_chunks(buffer: bytearray, body: bytearray) -> bool:
    """Move whole chunks from the buffer to the body; True when the last one was met."""
    while True:
        end = buffer.find(b"\r\n")
        if end < 0:
            if len(buffer) > 256:
                raise HttpError(400, "A chunk cannot be read.")
            return False
        size_text = bytes(buffer[:end]).partition(b";")[0].strip()
        if not _CHUNK.fullmatch(size_text):
            raise HttpError(400, "A chunk cannot be read.")
        size = int(size_text, 16)
        if size == 0:
            trailer = buffer.find(b"\r\n\r\n", end)
            if trailer >= 0:
                del buffer[: trailer + 4]
            elif len(buffer) > MAX_HEAD:
                raise HttpError(431, "The trailers are too long.")
            return trailer >= 0
        if len(body) + size > MAX_BODY:
            raise HttpError(413, "The body is larger than 10 MB.")
        stop = end + 2 + size
        if len(buffer) < stop + 2:
            return False
        if buffer[stop : stop + 2] != b"\r\n":
            raise HttpError(400, "A chunk cannot be read.")
        body += buffer[end + 2 : stop]
        del buffer[: stop + 2]


class Connection(asyncio.Protocol):
    """One connection of a client; `note` is what the app remembers between opens and handle."""

    def __init__(self, app: App, house: Connections) -> None:
        self.app = app
        self.house = house
        self.note: object = None
        self.on_gone: Callable[[], None] | None = None
        self.quiet_sweeps = 0
        self._buffer = bytearray()
        self._chunks = bytearray()
        self._head: Head | None = None
        self._busy = False
        self._keep_alive = True
        self._transport: asyncio.Transport
        self._writable: Callable[[], None] | None = None

    # --- asyncio's side

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        if not self.house.add(self):
            self._transport.abort()

    def connection_lost(self, _exc: Exception | None) -> None:
        self.house.remove(self)
        gone, self.on_gone, self._writable = self.on_gone, None, None
        if gone is not None:
            gone()

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        self.quiet_sweeps = 0
        if not self._busy:
            self._advance()
        elif len(self._buffer) > AHEAD:
            self._transport.pause_reading()

    def resume_writing(self) -> None:
        if self._writable is not None:
            self._writable()

    # --- reading

    @property
    def busy(self) -> bool:
        """Whether a request is being handled at the moment."""
        return self._busy

    @property
    def open(self) -> bool:
        """Whether an answer could still be written."""
        return not self._transport.is_closing()

    def _advance(self) -> None:
        try:
            while not self._busy and self.open and self._step():
                pass
        except HttpError as error:
            self._keep_alive = False
            self.answer(f"{error.sentence}\n".encode(), error.status, "text/plain; charset=utf-8")

    def _step(self) -> bool:
        """Get one step further in the buffer; False when more bytes are needed."""
        if self._head is None:
            while self._buffer.startswith(b"\r\n"):
                del self._buffer[:2]
            end = self._buffer.find(b"\r\n\r\n", 0, MAX_HEAD)
            if end < 0:
                if len(self._buffer) >= MAX_HEAD:
                    raise HttpError(431, "The request's head is longer than 16 KiB.")
                return False
            head = read_head(bytes(self._buffer[:end]))
            del self._buffer[: end + 4]
            self._head, self._keep_alive = head, head.keep_alive
            if not self.app.opens(self, head):
                return False
            if head.headers.get("expect", "").lower() == "100-continue" and not self._buffer:
                self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        head = self._head
        if head.chunked:
            if not take_chunks(self._buffer, self._chunks):
                return False
            body = bytes(self._chunks)
            self._chunks.clear()
        elif len(self._buffer) < head.length:
            return False
        else:
            body = bytes(self._buffer[: head.length])
            del self._buffer[: head.length]
        self._head = None
        self._busy = True
        self.app.handle(self, head, body)
        return True

    # --- answering

    def answer(self, body: bytes, status: int = 200, kind: str = HTML, headers: str = "") -> bool:
        """Answer the request; False when the client had left. `headers` are whole lines ending in CRLF."""
        if not self.open:
            return False
        closing = "" if self._keep_alive else "Connection: close\r\n"
        head = (
            f"HTTP/1.1 {status} {REASONS[status]}\r\nContent-Type: {kind}\r\n"
            f"Content-Length: {len(body)}\r\n{headers}{closing}\r\n"
        )
        self._transport.write(head.encode("latin-1") + body)
        self.on_gone = None
        if not self._keep_alive:
            self._transport.close()
            return True
        if self._busy:
            self._busy = False
            self._transport.resume_reading()
            if self._buffer:
                asyncio.get_running_loop().call_soon(self._advance)
        return True

    def answer_json(self, values: object, status: int = 200) -> bool:
        """Answer with a JSON value."""
        return self.answer(json.dumps(values).encode(), status, JSON)

    def reset(self) -> None:
        """End the connection at once, so that the client sees a reset."""
        self.on_gone = None
        if self.open:
            peer = self._transport.get_extra_info("socket")
            peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            self._transport.abort()

    def hang_up(self) -> None:
        """End the connection in good order, without an answer."""
        self.on_gone = None
        self._transport.close()

    def start(self, length: int) -> None:
        """Write the head of an answer whose body follows in pieces."""
        self._keep_alive = False
        self._transport.write(
            f"HTTP/1.1 200 OK\r\nContent-Type: {HTML}\r\nContent-Length: {length}\r\n\r\n".encode("latin-1")
        )

    def piece(self, data: bytes) -> None:
        """Write a piece of the body."""
        if self.open:
            self._transport.write(data)

    def pour(self, more: Callable[[], bytes]) -> None:
        """Write pieces as fast as the client reads them until `more` has none left."""

        def go() -> None:
            while self.open and self._transport.get_write_buffer_size() < AHEAD:
                data = more()
                if not data:
                    self.hang_up()
                    return
                self._transport.write(data)

        self._writable = go
        go()


class Connections:
    """All open connections of the program."""

    def __init__(self) -> None:
        self._all: set[Connection] = set()
        self._sweep: asyncio.TimerHandle | None = None

    def add(self, connection: Connection) -> bool:
        """Take note of a connection; False when there are too many."""
        self._all.add(connection)
        if self._sweep is None:
            self._sweep = asyncio.get_running_loop().call_later(SWEEP_SECONDS, self._look)
        return len(self._all) <= MAX_CONNECTIONS

    def remove(self, connection: Connection) -> None:
        """Forget a connection that is closed."""
        self._all.discard(connection)

    def reset_others(self, but: Connection) -> None:
        """Reset every connection but the one that asked for it."""
        for connection in [one for one in self._all if one is not but]:
            connection.reset()

    def close(self) -> None:
        """Close all; used at the end of the program."""
        if self._sweep is not None:
            self._sweep.cancel()
        for connection in list(self._all):
            connection.reset()

    def _look(self) -> None:
        self._sweep = None
        for connection in list(self._all):
            connection.quiet_sweeps += not connection.busy
            if connection.quiet_sweeps >= SILENT_SWEEPS:
                connection.hang_up()
        if self._all:
            self._sweep = asyncio.get_running_loop().call_later(SWEEP_SECONDS, self._look)
