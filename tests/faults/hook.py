"""A hook before the gateway: it looks at the database at each POST, before a byte of it goes on (I4).

    python tests/faults/hook.py GATEWAY_PORT DATABASE FILE

Requests and answers pass unchanged. For each send request one JSON line goes to FILE: {"at": seconds,
"open_attempt": whether a batch of exactly these numbers had an attempt that was committed and not ended}. The
port it listens on is printed first. A connection that one side gives up is given up on the other side too, so
that the gateway's ledger still tells when a caller is gone.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import sys
import time
from pathlib import Path

import psycopg

OPEN_ATTEMPT = """
SELECT EXISTS (
    SELECT FROM attempt JOIN batch ON batch.team_id = attempt.team_id
        AND batch.campaign_id = attempt.campaign_id AND batch.no = attempt.batch_no
    WHERE batch.mobiles = %s AND attempt.n = batch.attempts AND attempt.outcome IS NULL
)
"""
LENGTH = re.compile(rb"(?i)\r\ncontent-length: *(\d+)")


class Hook:
    """Passes connections on to the gateway's port and notes what it finds."""

    def __init__(self, port: int, database: psycopg.AsyncConnection[tuple[bool]], file: Path) -> None:
        self.port = port
        self.database = database
        self.file = file.open("a", encoding="utf-8", buffering=1)

    async def connected(self, caller: asyncio.StreamReader, answer: asyncio.StreamWriter) -> None:
        """Serve one connection until either side ends it."""
        try:
            back, onward = await asyncio.open_connection("127.0.0.1", self.port)
        except OSError:
            answer.transport.abort()
            return
        ways = {
            asyncio.create_task(self._requests(caller, onward)),
            asyncio.create_task(_copy(back, answer)),
        }
        _done, left = await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        for way in left:
            way.cancel()
        await asyncio.gather(*ways, return_exceptions=True)
        onward.close()
        answer.close()

    async def _requests(self, caller: asyncio.StreamReader, onward: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, OSError):
            while True:
                head = await caller.readuntil(b"\r\n\r\n")
                length = LENGTH.search(head)
                body = await caller.readexactly(int(length[1])) if length else b""
                if b"/Message/send " in head.partition(b"\r\n")[0]:
                    await self._note(json.loads(body)["mobile"].split(","))
                onward.write(head + body)
                await onward.drain()

    async def _note(self, mobiles: list[str]) -> None:
        cursor = await self.database.execute(OPEN_ATTEMPT, [mobiles])
        row = await cursor.fetchone()
        line = {"at": time.time(), "open_attempt": row is not None and row[0]}
        self.file.write(json.dumps(line) + "\n")


async def _copy(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while piece := await source.read(65536):
            target.write(piece)
            await target.drain()


async def main(port: int, conninfo: str, file: Path) -> None:
    """Serve until the process is ended."""
    # Without autocommit every look would see the snapshot of the first.
    async with await psycopg.AsyncConnection.connect(conninfo, autocommit=True) as database:
        server = await asyncio.start_server(Hook(port, database, file).connected, "127.0.0.1", 0)
        sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
        sys.stdout.flush()
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), sys.argv[2], Path(sys.argv[3])))
