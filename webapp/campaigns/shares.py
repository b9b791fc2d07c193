"""How the places of one worker are shared among teams: the rule alone."""

from __future__ import annotations


def share_of(own: int, free: int) -> int:
    """How many more places a team may take that holds `own` while `free` are left.

    It never holds more than it leaves, so that a team whose gateway is slow cannot keep all of them, and
    whoever comes next finds some. One place is everybody's.
    """
    if own == 0 and free > 0:
        return max(1, free // 2)
    return max(0, (free - own) // 2)
