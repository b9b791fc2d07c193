"""A clock that was set back: how long ago an answer went missing cannot be told by it any more.

The identical request is made again only while the gateway still swallows it, and that time is counted on the
clock. Set back, the clock says that less has passed than really has. The machine's monotonic clock cannot be
set, so a step is seen as the two drifting apart; one that was made while no worker ran is seen by the last
heartbeat, which then lies in the future.
"""

from __future__ import annotations

import time
from datetime import datetime

from webapp import clock

# Smaller steps change nothing: a repeat is made a whole call limit before it might not be swallowed any more.
SMALLEST_STEP = 5.0


class ClockWatch:
    """Compares the clock with one that cannot be set. `last_beat` is when any worker last wrote the time."""

    def __init__(self, last_beat: datetime | None) -> None:
        now = clock.now()
        self._ahead = max(now, last_beat or now).timestamp() - time.monotonic()

    def set_back(self) -> bool:
        """Whether the clock was set back, until `trust` is called."""
        ahead = _ahead()
        if self._ahead - ahead > SMALLEST_STEP:
            return True
        self._ahead = max(self._ahead, ahead)
        return False

    def trust(self) -> None:
        """Take the clock as it is from now on."""
        self._ahead = _ahead()


def _ahead() -> float:
    return clock.now().timestamp() - time.monotonic()
