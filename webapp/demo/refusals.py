"""Numbers of the demonstration that opted out, and people who asked to be erased."""

from __future__ import annotations

from datetime import datetime, timedelta

from webapp import clock
from webapp.contacts import operations, optout_operations, optouts
from webapp.delivery import erasing
from webapp.demo.acting import crowd

_PASTED = 9


def seed(user_id: int, now: datetime) -> None:
    """Opt-outs by reply, by hand and by paste over three weeks; erasures of six who were once in the list."""
    people = crowd(20 + _PASTED, 8_800_000)
    for place, mobile in enumerate(people[:14]):
        at = now - timedelta(days=20 - place, hours=place % 5)
        by = None if place % 3 else user_id
        optouts.opt_out([mobile], "hand" if by else "reply", by, at)
    with clock.standing_at(now - timedelta(days=2)):
        optout_operations.add("\n".join(people[20:]), user_id, clock.now())
    for place, mobile in enumerate(people[14:20]):
        with clock.standing_at(now - timedelta(hours=6 * (6 - place))):
            operations.add(mobile, "", {}, user_id)
            erasing.ask(mobile, user_id, clock.now())
