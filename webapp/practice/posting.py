"""One client connection over which reports are posted, one request at a time."""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from webapp.practice.reports import Door, Report

MAX_ANSWER = 64 * 1024
_LENGTH = re.compile(rb"\r\ncontent-length:[ \t]*([0-9]{1,9})[ \t]*\r\n")


class Line(asyncio.Protocol):
    """A keep-alive connection to a callback address; `since` is its last change of idle and busy."""

    def __init__(self, door: Door) -> None:
        self.reports: list[Report] | None = None
        self.since = 0.0
        self._door = door
        self._buffer = bytearray()
        self._transport: asyncio.Transport | None = None

    @property
    def usable(self) -> bool:
        """Whether the connection is open."""
        return self._transport is not None and not self._transport.is_closing()

    def post(self, reports: list[Report], request: bytes) -> None:
        """Send a request that carries these reports."""
        self.reports = reports
        self.since = asyncio.get_running_loop().time()
        if self._transport is not None:
            self._transport.write(request)

    def end(self) -> None:
        """Close the connection; reports under way are handed back as not answered."""
        if self._transport is not None:
            self._transport.abort()
        self._give_back(0)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self.since = asyncio.get_running_loop().time()

    def connection_lost(self, _exc: Exception | None) -> None:
        self._give_back(0)
        self._door.ended(self)

    def _give_back(self, status: int) -> None:
        reports, self.reports = self.reports, None
        if reports is not None:
            self.since = asyncio.get_running_loop().time()
            self._door.answered(self, reports, status)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0:
            if len(self._buffer) > MAX_ANSWER:
                self.end()
            return
        head = bytes(self._buffer[: end + 2]).lower()
        if not head.startswith(b"http/1.") or not head[9:12].isdigit() or self.reports is None:
            self.end()
            return
        status = int(head[9:12])
        if status < 200:
            del self._buffer[: end + 4]
            return
        found = _LENGTH.search(head)
        length = 0 if status in (204, 304) else int(found[1]) if found else None
        if length is not None and length <= MAX_ANSWER and len(self._buffer) < end + 4 + length:
            return
        # Without a length the body ends with the connection; the status is all that matters here.
        keep = length is not None and length <= MAX_ANSWER and b"\r\nconnection: close" not in head
        if self._transport is not None and (not keep or head.startswith(b"http/1.0")):
            self._transport.close()
        self._buffer.clear()
        self._give_back(status)
