"""The worker: one process that runs jobs, the sender's loop and the settler's loop.

If any of the three ends, all end in order and the process with them; the supervisor starts a new one. The
task engine ends by itself, with code 0, when the database restarts, and that is no reason to drop what is
under way.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
import threading
from collections.abc import Callable
from types import FrameType

import structlog
from flask import Flask

from webapp import connections, jobs
from webapp.campaigns.sender import Sender
from webapp.delivery import settler
from webapp.settings import settings_of

log = structlog.get_logger(__name__)


def run(app: Flask) -> None:
    """Work until told to stop or until a part fails."""
    stop = threading.Event()
    loops = [
        _thread("sender", Sender(app, stop).run, stop),
        _thread("settler", lambda: settler.run(app, stop), stop),
    ]
    for loop in loops:
        loop.start()
    try:
        asyncio.run(_run_jobs(app, stop))
    finally:
        stop.set()
        # The sender waits for the answers of what it has posted: at most the call limit.
        for loop in loops:
            loop.join()


def _thread(name: str, work: Callable[[], None], stop: threading.Event) -> threading.Thread:
    def guarded() -> None:
        try:
            work()
        except Exception:
            # Said before it ends the process: from a thread it would be told nowhere else.
            log.exception("a loop ended", loop=name)
            raise
        finally:
            stop.set()

    return threading.Thread(target=guarded, name=name)


async def _run_jobs(app: Flask, stop: threading.Event) -> None:
    worker = jobs.build_worker(app, connections.conninfo(connections.program_url(settings_of(app))))
    running = asyncio.create_task(jobs.run_worker(worker))
    _on_signals(stop)
    while not running.done() and not stop.is_set():
        await asyncio.wait([running], timeout=0.5)
    if not running.done():
        running.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await running


def _on_signals(stop: threading.Event) -> None:
    def ask(_signal: int, _frame: FrameType | None = None) -> None:
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, ask)
