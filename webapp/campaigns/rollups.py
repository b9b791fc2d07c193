"""Roll-ups: how many messages were handed over in each UTC hour, and what is known of them now.

Reports over weeks and months are read from here, never from messages. A batch enters when it leaves
"waiting" for the first time (`handed_at`), and its messages stay in that hour whatever becomes of them later.
Everything here runs in the transaction that moves the tallies, after the campaign's row is locked.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from webapp import tenancy
from webapp.campaigns import rollup_statements as statements

# Tallies of messages that were handed over; the others have not left.
HANDED = frozenset({"unconfirmed", "no_report", "delivered", "failed"})


@dataclass(frozen=True)
class BatchMove:
    """A batch whose open messages went from one tally to another; None for a replaced batch."""

    campaign_id: int
    no: int
    before: str | None
    after: str | None


class MessageMove(NamedTuple):
    """Messages of one hour, account and operator whose own outcome took them from one tally to another.

    `parts`: how many all of them are billed as.
    """

    account_id: int
    hour: datetime
    operator: str
    before: str | None
    after: str | None
    messages: int
    parts: int


def move_batches(moves: Iterable[BatchMove], now: datetime) -> None:
    """Roll up what batches were moved. Their new states must be flushed, their rows locked."""
    told = sorted(
        (move for move in moves if move.before != move.after and {move.before, move.after} & HANDED),
        key=lambda move: (move.campaign_id, move.no),
    )
    if not told:
        return
    values = {
        "team": tenancy.scope(),
        "now": now,
        "campaigns": [move.campaign_id for move in told],
        "numbers": [move.no for move in told],
        "befores": [move.before if move.before in HANDED else None for move in told],
        "afters": [move.after if move.after in HANDED else None for move in told],
    }
    session = tenancy.session()
    session.execute(statements.LOCK_ROLLUPS, {"team": tenancy.scope()})
    session.execute(statements.NOTE_HANDED, values)
    session.execute(statements.ROLL_UP_BATCHES, values)
    session.execute(statements.FORGET_HANDED, values)


def move_messages(moves: Iterable[MessageMove]) -> None:
    """Roll up what messages were moved by themselves, in one statement however many there are."""
    messages: Counter[tuple[int, datetime, str, str]] = Counter()
    parts: Counter[tuple[int, datetime, str, str]] = Counter()
    for move in moves:
        for outcome, sign in ((move.before, -1), (move.after, 1)):
            if outcome in HANDED:
                place = (move.account_id, move.hour, move.operator, outcome)
                messages[place] += sign * move.messages
                parts[place] += sign * move.parts
    told = [(*place, count, parts[place]) for place, count in messages.items() if count or parts[place]]
    if not told:
        return
    names = ("accounts", "hours", "operators", "outcomes", "messages", "parts")
    values: dict[str, Any] = dict(zip(names, map(list, zip(*told, strict=True)), strict=True))
    session = tenancy.session()
    session.execute(statements.LOCK_ROLLUPS, {"team": tenancy.scope()})
    session.execute(statements.ROLL_UP_MESSAGES, {"team": tenancy.scope(), **values})
