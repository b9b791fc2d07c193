"""The floor of handing over: requests that are made already, posted over keep-alive connections.

One event loop, no library: as soon as an answer is there the connection posts what is next. Nothing is looked
at in an answer but how long it is and that the gateway took it.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterator, Sequence
from typing import cast

TAKEN = b'"respCode":"0"'


def bodies(uid: str, pwd: str, messages: Sequence[tuple[Sequence[str], str]]) -> list[bytes]:
    """The bodies of requests with these numbers and texts."""
    return [
        json.dumps(
            {"uid": uid, "pwd": pwd, "mobile": ",".join(mobiles), "content": content},
            ensure_ascii=False,
            separators=(",", ":"),
        ).encode()
        for mobiles, content in messages
    ]


def measure(port: int, path: str, made: Sequence[bytes], connections: int) -> float:
    """Seconds until the last of these bodies was answered. Raises SystemExit if one was not taken."""
    return asyncio.run(_measure(port, path, made, connections))


async def _measure(port: int, path: str, made: Sequence[bytes], connections: int) -> float:
    loop = asyncio.get_running_loop()
    head = f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Type: application/json\r\n".encode()
    coming = iter(made)
    began = time.monotonic()
    lines = [
        (await loop.create_connection(lambda: _Line(head, coming), "127.0.0.1", port))[1]
        for _ in range(connections)
    ]
    taken = sum([await line.done for line in lines])
    took = time.monotonic() - began
    if taken != len(made):
        raise SystemExit(f"the gateway took {taken} of {len(made)} requests")
    return took


class _Line(asyncio.Protocol):
    """One connection; `done` becomes the number of requests that were taken over it."""

    def __init__(self, head: bytes, coming: Iterator[bytes]) -> None:
        self.done: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._head = head
        self._coming = coming
        self._taken = 0
        self._buffer = b""
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._next()

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0:
            return
        mark = self._buffer.find(b"Content-Length: ") + 16
        length = int(self._buffer[mark : self._buffer.find(b"\r\n", mark)])
        if len(self._buffer) < end + 4 + length:
            return
        self._taken += self._buffer.startswith(b"HTTP/1.1 200") and TAKEN in self._buffer
        self._buffer = b""
        self._next()

    def connection_lost(self, _exc: Exception | None) -> None:
        if not self.done.done():
            self.done.set_result(self._taken)

    def _next(self) -> None:
        body = next(self._coming, None)
        if body is None:
            self._transport.close()
            return
        self._transport.write(b"%sContent-Length: %d\r\n\r\n%s" % (self._head, len(body), body))
