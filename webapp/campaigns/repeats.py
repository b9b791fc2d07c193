"""When the identical request is made again after an answer that never came.

The order is always: wait for reports, then the identical request while the gateway still swallows it, then a
person. An account that is set to ask skips the second step.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from webapp.settings import Times


def next_repeat(made: int, first_unknown_at: datetime, times: Times) -> datetime | None:
    """When a batch on hold may be asked about again, `made` repeats having been made; None: not any more."""
    waits = (max(times.first_repeat, times.evidence), times.second_repeat)
    return first_unknown_at + timedelta(seconds=waits[made]) if made < len(waits) else None
