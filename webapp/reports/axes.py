"""Where the axes of charts end."""

from __future__ import annotations

# Lines across a chart, each of which has a number of its own.
PARTS = 4


def round_top(most: int) -> int:
    """A round number of at least `most` to end an axis with, of which a fourth is round too."""
    unit = 1
    while True:
        for factor in (1, 2, 5):
            if PARTS * factor * unit >= most:
                return PARTS * factor * unit
        unit *= 10
