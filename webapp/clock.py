"""The one clock of the program.

Every time that a decision rests on is taken here and handed to SQL as a parameter, so that a test can
shift it and so that one statement never mixes two clocks.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime

_stands_at: ContextVar[datetime | None] = ContextVar("stands_at", default=None)


def now() -> datetime:
    """The present moment, aware, in UTC."""
    return _stands_at.get() or datetime.now(UTC)


@contextmanager
def standing_at(moment: datetime) -> Iterator[None]:
    """Let it be this moment within the block, in this thread: a demonstration tells of the past."""
    token = _stands_at.set(moment)
    try:
        yield
    finally:
        _stands_at.reset(token)
