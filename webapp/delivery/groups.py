"""Group commit: reports that come at the same time are stored together.

A commit costs the disk as much for one report as for fifty. The first thread that waits leads: it gives
others a millisecond to join, stores everything that is there, and passes the lead on. Threads of the server
are used as they are; nothing runs in the background, so nothing has to survive a fork.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence

from webapp.delivery.inbox import Arrival

DWELL_SECONDS = 0.001
# A leader that takes longer than this is stuck on a database that does not answer; others go past it.
STUCK_SECONDS = 3.0

Store = Callable[[Sequence[Arrival]], None]


class NotStoredError(RuntimeError):
    """The reports are nowhere on disk."""


class _Waiting:
    """One request's arrivals and the event that ends its wait. Made anew for each request."""

    __slots__ = ("arrivals", "failed", "leads", "woken")

    def __init__(self, arrivals: Sequence[Arrival]) -> None:
        self.arrivals = arrivals
        self.woken = threading.Event()
        self.leads = False
        self.failed = False


class GroupCommit:
    """Stores what any number of threads hand in. `aside` is the way past a leader that is stuck."""

    def __init__(self, store: Store, aside: Store) -> None:
        self._store = store
        self._aside = aside
        self._lock = threading.Lock()
        self._queue: list[_Waiting] = []
        self._leading = False
        self._busy_since: float | None = None

    def put(self, arrivals: Sequence[Arrival]) -> None:
        """Return when the arrivals are on disk. Raises NotStoredError."""
        me = _Waiting(arrivals)
        with self._lock:
            stuck = self._busy_since is not None and time.monotonic() > self._busy_since + STUCK_SECONDS
            if not stuck:
                self._queue.append(me)
                me.leads = not self._leading
                self._leading = True
        if stuck:
            self._aside(arrivals)
            return
        if not me.leads and not me.woken.wait(STUCK_SECONDS) and not self._must_lead(me):
            # It may be stored twice then, which settling finds out.
            self._aside(arrivals)
            return
        if me.leads:
            self._lead()
        if me.failed:
            raise NotStoredError

    def _must_lead(self, me: _Waiting) -> bool:
        """After waiting in vain: leave the queue, unless the lead was passed on just now."""
        with self._lock:
            if me in self._queue and not me.leads:
                self._queue.remove(me)
            return me.leads

    def _lead(self) -> None:
        time.sleep(DWELL_SECONDS)
        with self._lock:
            group, self._queue = self._queue, []
            self._busy_since = time.monotonic()
        stored = False
        try:
            self._store([arrival for waiting in group for arrival in waiting.arrivals])
            stored = True
        except NotStoredError:
            pass
        finally:
            self._pass_on(group, failed=not stored)

    def _pass_on(self, group: list[_Waiting], *, failed: bool) -> None:
        with self._lock:
            self._busy_since = None
            following = self._queue[0] if self._queue else None
            self._leading = following is not None
            if following is not None:
                following.leads = True
        for waiting in group:
            waiting.failed = failed
            waiting.woken.set()
        if following is not None:
            following.woken.set()
