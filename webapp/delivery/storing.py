"""Where a receiver puts reports: into the inbox, else on disk, from where they are read in later."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from contextlib import suppress

import structlog

from webapp.delivery.groups import NotStoredError
from webapp.delivery.inbox import Arrival, Inbox, InboxError
from webapp.delivery.spool import Spool, take_each

log = structlog.get_logger(__name__)

READ_IN_SECONDS = 1.0
SAID_EVERY_SECONDS = 10.0


class Storing:
    """The inbox with the spool behind it; `store` is for one thread at a time, `spool_aside` for any."""

    def __init__(self, database_url: str, spool: Spool) -> None:
        self._database_url = database_url
        self._inbox = Inbox(database_url)
        self._spool = spool
        self._lock = threading.Lock()
        self._reader: threading.Thread | None = None
        self._looked = False
        self._said_at = -SAID_EVERY_SECONDS

    def store(self, arrivals: Sequence[Arrival]) -> None:
        """Put arrivals on disk, wherever that is possible. Raises NotStoredError."""
        try:
            take_each(self._inbox.take, arrivals)
        except InboxError as error:
            self._say(str(error))
            self.spool_aside(arrivals)
            return
        if not self._looked:
            # An earlier process may have left something.
            self._looked = True
            if self._spool.has_files():
                self._read_in_later()

    def spool_aside(self, arrivals: Sequence[Arrival]) -> None:
        """Put arrivals into the spool. Raises NotStoredError."""
        try:
            self._spool.append(arrivals)
        except OSError as error:
            log.error("reports could not be stored anywhere", error=type(error).__name__)
            raise NotStoredError from error
        self._read_in_later()

    def _say(self, why: str) -> None:
        if time.monotonic() >= self._said_at + SAID_EVERY_SECONDS:
            self._said_at = time.monotonic()
            log.warning("the database does not take reports; they go to disk", error=why)

    def _read_in_later(self) -> None:
        """Have a thread read the spool in. It ends when nothing is left, so an idle receiver has none."""
        with self._lock:
            if self._reader is None or not self._reader.is_alive():
                self._reader = threading.Thread(target=self._read_in, name="spool", daemon=True)
                self._reader.start()

    def _read_in(self) -> None:
        inbox = Inbox(self._database_url)
        try:
            while True:
                time.sleep(READ_IN_SECONDS)
                # A database that is away is said where reports come in.
                with suppress(InboxError, OSError):
                    self._spool.drain(inbox.take)
                with self._lock:
                    if not self._spool.has_files():
                        self._reader = None
                        return
        finally:
            inbox.close()
