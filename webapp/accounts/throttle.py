"""Limits that depend on what was typed, not only on the address: so many tries for an account, a team.

A try is counted before it is looked at; two at the same moment cannot both be the last one allowed.
"""

from __future__ import annotations

from dataclasses import dataclass

from limits import RateLimitItem, parse
from werkzeug.exceptions import TooManyRequests

from webapp.extensions import limiter


class TooManyTries(TooManyRequests):
    """A limit is used up. `minutes` is how long the longest window still lasts, as a rule."""

    def __init__(self, minutes: int) -> None:
        super().__init__()
        self.minutes = minutes


@dataclass(frozen=True)
class Count:
    """One count: of what, how many ("10 per 15 minute"), and of whom."""

    name: str
    limit: str
    whom: tuple[str, ...]

    @property
    def item(self) -> RateLimitItem:
        """The limit in the library's own form."""
        return parse(self.limit)

    @property
    def key(self) -> str:
        """Where it is counted."""
        return self.item.key_for(self.name, *self.whom)


def spend(*counts: Count) -> None:
    """Count one try on each. Raises TooManyTries (429) when one of them is used up."""
    used_up = [count for count in counts if not limiter.limiter.hit(count.item, count.name, *count.whom)]
    if used_up:
        raise TooManyTries(max(1, max(count.item.get_expiry() for count in used_up) // 60))


def give_back(*counts: Count) -> None:
    """Take one try back on each: it turned out to be a right one."""
    for count in counts:
        limiter.storage.incr(count.key, count.item.get_expiry(), -1)


def forget(count: Count) -> None:
    """Begin one count anew."""
    limiter.storage.clear(count.key)
