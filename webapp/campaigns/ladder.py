"""How long reports take, in steps that grow: a count per step tells the middle one of millions of times.

The roll-ups keep the number of a step, not seconds. So these edges are data: another edge gives the numbers
another meaning, and the roll-ups would have to be counted anew by a migration.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping

# Seconds. Step n is from edge n - 1 up to, without it, the next one; the last step has no end.
EDGES = (
    0, 1, 2, 3, 4, 5, 6, 8, 10, 12, 15, 20, 25, 30, 40, 50,
    60, 80, 100, 120, 150, 180, 240, 300, 360, 480, 600, 720, 900, 1200, 1500, 1800, 2400, 3000,
    3600, 5400, 7200, 10800, 14400, 21600, 28800, 43200, 64800, 86400, 129600, 172800, 259200,
)  # fmt: skip
# The report had no time that can be read.
NOT_KNOWN = 0
LAST = len(EDGES)
# Ends of the coarse bands that people read, in seconds; each is an edge. What is longer is in none.
BANDS = (10, 60, 600, 3600, 259200)


def step(seconds: float | None) -> int:
    """The step of so many seconds, from 1 to LAST; NOT_KNOWN for None.

    Less than none counts as none: the clocks of gateways and ours differ. SQL has the same in
    `rollup_statements.STEP`.
    """
    return NOT_KNOWN if seconds is None else bisect_right(EDGES, max(seconds, 0))


def median(counts: Mapping[int, int]) -> int | None:
    """About how many seconds the middle one of these messages took (step -> messages); None for no times.

    Within its step the messages are taken to be evenly spread. At least 1: reports tell whole seconds, so
    less would say more than is known.
    """
    known = sorted((place, count) for place, count in counts.items() if place != NOT_KNOWN and count > 0)
    middle = sum(count for _, count in known) / 2
    below = 0
    for place, count in known:
        if below + count >= middle:
            first = EDGES[place - 1]
            following = first if place == LAST else EDGES[place]
            return max(1, round(first + (following - first) * (middle - below) / count))
        below += count
    return None


def bands(counts: Mapping[int, int]) -> tuple[list[int], int, int]:
    """Messages in each of BANDS, then how many took longer than the last, and how many have no known time."""
    found = [0] * len(BANDS)
    longer = 0
    for place, count in counts.items():
        if place == LAST:
            longer += count
        elif place != NOT_KNOWN:
            found[bisect_right(BANDS, EDGES[place - 1])] += count
    return found, longer, counts.get(NOT_KNOWN, 0)
