"""A clock that was moved. It is held against one that nobody can set and that goes on while a machine sleeps.

Set back, it cannot tell any more how long ago an answer went missing, and the identical request is made again
only while the gateway still swallows it. Moved by more, either way, it may be wrong by a day: nothing new
begins, and nothing is given up for being late, until it has gone right for a while. A step made while no
worker ran is seen by the last heartbeat, if that lies in the future then.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import datetime, timedelta

from webapp import clock, heartbeats
from webapp.settings import Times

# Beaten by a worker for as long as it does not trust the clock; so every process can tell.
DOUBTED = "the clock is doubted"
# Smaller steps change nothing: a repeat is made a whole call limit before it might not be swallowed any more.
SMALLEST_STEP = 5.0
# A worker beats every ten seconds. Before or after: the clock may have been set back since.
_HEARD_WITHIN = timedelta(seconds=25)
# Linux counts on while the machine sleeps; where that is not known, a sleep is taken for a step.
_NEVER_SET = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


class ClockWatch:
    """Compares the clock with one that cannot be set. `beats`: when each loop last wrote the time.

    A worker that starts while another one doubts the clock doubts it too.
    """

    def __init__(self, beats: Mapping[str, datetime], loop: str, times: Times) -> None:
        now = clock.now()
        latest = max(beats.values(), default=now)
        self._times = times
        self._ahead = max(now, latest).timestamp() - _running()
        self._steady = max(now, beats.get(loop, now)).timestamp() - _running()
        self._steady_since = _running()
        self._trusted_at = _running() + (times.clock_stable if _is_heard(beats, now) else 0.0)

    def set_back(self) -> bool:
        """Whether the clock was set back, until `trust` is called."""
        ahead = _ahead()
        if self._ahead - ahead > SMALLEST_STEP:
            return True
        self._ahead = max(self._ahead, ahead)
        return False

    def trust(self) -> None:
        """Take the clock as it is from now on, for what repeats need."""
        self._ahead = _ahead()

    def is_steady(self) -> bool:
        """Whether it made no large step for a while; many small ones within that while are a large one."""
        ahead, running = _ahead(), _running()
        if abs(ahead - self._steady) > self._times.clock_step:
            self._steady, self._steady_since = ahead, running
            self._trusted_at = running + self._times.clock_stable
        elif running - self._steady_since >= self._times.clock_stable:
            self._steady, self._steady_since = ahead, running
        return running >= self._trusted_at


def is_doubted(now: datetime) -> bool:
    """Whether nothing new begins because of the clock, as far as this process can tell."""
    return _is_heard(heartbeats.all_beats(), now)


def _is_heard(beats: Mapping[str, datetime], now: datetime) -> bool:
    beat = beats.get(DOUBTED)
    return beat is not None and abs(now - beat) < _HEARD_WITHIN


def _running() -> float:
    return time.clock_gettime(_NEVER_SET)


def _ahead() -> float:
    return clock.now().timestamp() - _running()
