"""How much may be asked of a gateway account at once, and when: the rules alone, so that each can be a test.

The breaker counts calls in a row that did not reach the gateway or got no clear answer. It opens after the
third; then one batch at a time probes, later each time, until the gateway takes or refuses one. Times that a
clock which was set back has left far ahead are not believed: they would keep an account silent for days.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from webapp.gateway.answers import Meaning, Verdict
from webapp.settings import Times

OPEN_AFTER = 3
# More doublings than these are past any longest pause.
_MOST_DOUBLINGS = 16
# After 15 min, then 1 h, then every 4 h, where the first is 15 min.
_LONGEST_BALANCE_PROBE = 2
# Requests are claimed so far ahead of their turn; nobody has to wake up for each of them.
AHEAD = timedelta(milliseconds=100)


def is_open(troubles: int) -> bool:
    """Whether only probes are made."""
    return troubles >= OPEN_AFTER


def pause(troubles: int, times: Times) -> timedelta:
    """How long an account is left alone after so many calls in a row that went wrong."""
    if not is_open(troubles):
        return timedelta()
    doublings = min(troubles - OPEN_AFTER, _MOST_DOUBLINGS)
    return timedelta(seconds=min(times.retry_most, times.retry_first * 2**doublings))


def is_quiet(troubles: int, quiet_until: datetime | None, now: datetime, times: Times) -> bool:
    """Whether an open breaker lets not even a probe through yet."""
    return quiet_until is not None and now < quiet_until <= now + pause(troubles, times)


def after_call(
    troubles: int,
    quiet_until: datetime | None,
    verdict: Verdict,
    *,
    asked_at: datetime | None,
    now: datetime,
    times: Times,
) -> tuple[int, datetime | None]:
    """The count and the end of the pause after one more call; `asked_at` is when it was claimed."""
    if verdict.meaning in {Meaning.TAKEN, Meaning.REFUSED}:
        return 0, None
    if not verdict.trouble:
        return troubles, quiet_until
    if asked_at and quiet_until and asked_at < quiet_until <= now + pause(troubles, times):
        # It was under way when the breaker opened: no probe, so it tells nothing new.
        return troubles, quiet_until
    troubles += 1
    return troubles, now + pause(troubles, times) if is_open(troubles) else None


def places(in_flight: int, troubles: int, *, unproved: bool) -> int:
    """How many requests may be under way at once: halved by each trouble, one for a probe and a first try."""
    if unproved or is_open(troubles):
        return 1
    return max(1, in_flight >> troubles)


def waits_for_itself(troubles: int) -> bool:
    """Whether a batch that never left waits its own time.

    In good order it need not, and behind an open breaker it is the breaker that waits.
    """
    return 0 < troubles < OPEN_AFTER


def turns(
    per_second: int | None, rate_at: datetime | None, now: datetime, most: int
) -> tuple[list[datetime], datetime | None]:
    """The moments at which up to `most` requests may go, none too close to another, and the next one.

    Without a rate all of them may go now, and there is no next moment.
    """
    if per_second is None:
        return [now] * most, None
    step = timedelta(microseconds=-(-1_000_000 // per_second))
    at = now
    if rate_at is not None and now < rate_at <= now + AHEAD + step:
        at = rate_at
    moments: list[datetime] = []
    while len(moments) < most and at <= now + AHEAD:
        moments.append(at)
        at += step
    return moments, at


def balance_pause(probes: int, times: Times) -> timedelta:
    """How long after so many probes of an account without balance the next one is made."""
    return timedelta(seconds=times.balance_probe * 4 ** min(probes, _LONGEST_BALANCE_PROBE))


def balance_probe_is_due(probe_at: datetime | None, probes: int, now: datetime, times: Times) -> bool:
    """Whether a batch is sent to see if there is balance again."""
    return probe_at is not None and not now < probe_at <= now + balance_pause(probes, times)
