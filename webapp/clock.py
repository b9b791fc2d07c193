"""The one clock of the program.

Every time that a decision rests on is taken here and handed to SQL as a parameter, so that a test can
shift it and so that one statement never mixes two clocks.
"""

from __future__ import annotations

from datetime import UTC, datetime


def now() -> datetime:
    """The present moment, aware, in UTC."""
    return datetime.now(UTC)
