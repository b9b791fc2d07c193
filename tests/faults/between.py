"""Stands between a process and PostgreSQL, and holds the process at a named point of its work.

    with Between(database.program_url) as between:
        environ["DATABASE_URL"] = between.url
        stop = between.arm(Point("T1", committed=False), pid)
        stop.wait()      # its COMMIT has arrived here and has not gone on
        worker.kill()
        stop.cut()       # the server rolls back

Nothing of the program knows of it: it reads the statements that pass in PostgreSQL's own protocol, and the
COMMIT after them. Everything passes unchanged.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import re
import shutil
import socket
import struct
import tempfile
import threading
from pathlib import Path
from typing import Self
from urllib.parse import unquote

# By what is in one of its statements a transaction is known; the first that fits.
KNOWN = {
    "T1": re.compile(rb"INSERT INTO attempt\b"),
    "T2": re.compile(rb"UPDATE attempt\b.*\bresp_code\b", re.DOTALL),
    "planning": re.compile(rb"INSERT INTO message\b"),
}
SOCKET = ".s.PGSQL.5432"
PIECE = 1 << 16


@dataclasses.dataclass(frozen=True)
class Point:
    """A moment in a transaction: with its COMMIT on the way to the server, or its answer on the way back."""

    transaction: str
    committed: bool

    def __str__(self) -> str:
        return f"{'after' if self.committed else 'before'} {self.transaction}"


POINTS = tuple(Point(name, committed) for name in KNOWN for committed in (False, True))


class Stop:
    """One place at which a process is to be held. `wait` until one is there, then `release` or `cut`."""

    def __init__(self, point: Point, pid: int, loop: asyncio.AbstractEventLoop) -> None:
        self.point, self.pid = point, pid
        self._loop = loop
        self._reached = threading.Event()
        self._goes: asyncio.Future[bool] = loop.create_future()

    async def hold(self, pid: int) -> bool:
        """Say that this process has reached it; later whether it is to go on."""
        self.pid = pid
        self._reached.set()
        return await self._goes

    def wait(self, seconds: float = 60) -> int:
        """Until a process is there, and which one; an AssertionError where none comes."""
        assert self._reached.wait(seconds), f"nobody came {self.point}"
        return self.pid

    def release(self) -> None:
        """Let it go on."""
        self._end(goes=True)

    def cut(self) -> None:
        """Close the connection on both sides instead."""
        self._end(goes=False)

    def _end(self, *, goes: bool) -> None:
        def end() -> None:
            if not self._goes.done():
                self._goes.set_result(goes)

        self._loop.call_soon_threadsafe(end)


class Between:
    """Listens as PostgreSQL does, in a folder of its own, and passes on to the server of an address."""

    def __init__(self, url: str) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="between-"))
        place = re.search(r"(?<=[?&]host=)[^&]+", url)
        assert place, "the tests' PostgreSQL listens on a socket"
        self.server = Path(unquote(place[0])) / SOCKET
        self.url = url.replace(place[0], str(self._folder))
        self._loop = asyncio.new_event_loop()
        self._stops: list[Stop] = []
        self._armed: list[Stop] = []
        self._links: set[_Link] = set()
        self._thread = threading.Thread(target=self._loop.run_forever, name="between")

    def __enter__(self) -> Self:
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._listen(), self._loop).result(20)
        return self

    def __exit__(self, *_error: object) -> None:
        asyncio.run_coroutine_threadsafe(self._close(), self._loop).result(20)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(20)
        self._loop.close()
        shutil.rmtree(self._folder)

    def arm(self, point: Point, pid: int = 0) -> Stop:
        """Hold this process at its next such point; without one whoever comes there first."""
        stop = Stop(point, pid, self._loop)
        self._stops.append(stop)
        self._loop.call_soon_threadsafe(self._armed.append, stop)
        return stop

    async def _connected(self, caller: asyncio.StreamReader, answers: asyncio.StreamWriter) -> None:
        peer = answers.get_extra_info("socket").getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)
        try:
            server, onward = await asyncio.open_unix_connection(self.server)
        except OSError:
            answers.close()
            return
        link = _Link(struct.unpack("3i", peer)[0], self._armed, (caller, onward), (server, answers))
        self._links.add(link)
        await link.run()
        self._links.discard(link)

    async def _listen(self) -> None:
        self._listening = await asyncio.start_unix_server(self._connected, self._folder / SOCKET)

    async def _close(self) -> None:
        self._listening.close()
        for stop in self._stops:
            stop.cut()
        while self._links:
            for link in self._links:
                link.close()
            await asyncio.sleep(0.01)


class _Link:
    """One connection of a process."""

    def __init__(
        self,
        pid: int,
        armed: list[Stop],
        there: tuple[asyncio.StreamReader, asyncio.StreamWriter],
        back: tuple[asyncio.StreamReader, asyncio.StreamWriter],
    ) -> None:
        self.pid, self._armed, self._there, self._back = pid, armed, there, back
        self._prepared: dict[bytes, str] = {}
        self._transaction = ""
        # Where the answer to a COMMIT is to be held.
        self._holding: Stop | None = None

    async def run(self) -> None:
        ways = {asyncio.create_task(self._requests()), asyncio.create_task(self._answers())}
        _done, left = await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        for way in left:
            way.cancel()
        await asyncio.gather(*ways, return_exceptions=True)
        self.close()

    def close(self) -> None:
        self._there[1].close()
        self._back[1].close()

    async def _requests(self) -> None:
        source, target = self._there
        with contextlib.suppress(asyncio.IncompleteReadError, OSError):
            # The first message alone has no letter before its length.
            letter, rest = b"", await _message(source)
            while True:
                stop = self._look(letter, rest[4:])
                if stop is not None and stop.point.committed:
                    self._holding = stop
                elif stop is not None and not await stop.hold(self.pid):
                    return
                target.write(letter + rest)
                await target.drain()
                letter, rest = await source.readexactly(1), await _message(source)

    async def _answers(self) -> None:
        source, target = self._back
        with contextlib.suppress(OSError):
            while piece := await source.read(PIECE):
                if self._holding is not None:
                    stop, self._holding = self._holding, None
                    if not await stop.hold(self.pid):
                        return
                target.write(piece)
                await target.drain()

    def _look(self, letter: bytes, body: bytes) -> Stop | None:
        """What a message tells of the transaction; the stop for this point, if it is a COMMIT with one."""
        if letter == b"P":
            name, statement = body.split(b"\0", 2)[:2]
            self._prepared[name] = _known(statement)
        elif letter == b"B":
            self._transaction = self._prepared.get(body.split(b"\0", 2)[1], "") or self._transaction
        elif letter == b"Q" and body.startswith((b"COMMIT", b"ROLLBACK")):
            transaction, self._transaction = self._transaction, ""
            return self._stop_for(transaction) if body.startswith(b"COMMIT") else None
        elif letter == b"Q":
            self._transaction = _known(body) or self._transaction
        return None

    def _stop_for(self, transaction: str) -> Stop | None:
        for stop in self._armed:
            if stop.pid in (0, self.pid) and stop.point.transaction == transaction:
                self._armed.remove(stop)
                return stop
        return None


async def _message(source: asyncio.StreamReader) -> bytes:
    """The rest of a message: its length and what it says."""
    length = await source.readexactly(4)
    return length + await source.readexactly(int.from_bytes(length, "big") - 4)


def _known(statement: bytes) -> str:
    return next((name for name, words in KNOWN.items() if words.search(statement)), "")
