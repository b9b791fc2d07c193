"""News about a batch that a person had sent again: the gateway took the first request after all.

What was not posted a second time stays unsent, and the first batch has its messages back, accepted. What was
posted keeps its messages; reports under the first msgid find them there too.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

import structlog
from sqlalchemy import select, tuple_

from webapp import tenancy
from webapp.accounts.audit import audit
from webapp.campaigns import apart, rollups, tallies
from webapp.campaigns import decision_statements as statements
from webapp.campaigns.models import Batch
from webapp.campaigns.rollups import BatchMove
from webapp.campaigns.states import BatchState

log = structlog.get_logger(__name__)

Key = tuple[int, int]

# Why a batch is accepted, or not sent: an earlier request to the same people was taken.
TAKEN_AFTER_ALL = "taken_after_all"
# Proved not to have been taken, and not under way: their messages can still be held back.
_NOT_POSTED = frozenset({BatchState.PLANNED, BatchState.RETRY, BatchState.BLOCKED, BatchState.STOPPED})
# Whether the second request was taken nobody knows; that the first was is known now.
_UNCLEAR = frozenset({BatchState.HOLD, BatchState.UNCONFIRMED, BatchState.CLOSED})


@dataclass(frozen=True)
class Taken:
    """That a request was taken: by its answer, or by reports under a msgid nobody else has (`adopted`)."""

    msgid: str | None
    source: str


def descendants(keys: Iterable[Key]) -> set[Key]:
    """What batches were sent again as, if they were; to be locked with them, in the order of all keys."""
    pairs = list(keys)
    if not pairs:
        return set()
    rows = tenancy.session().execute(
        statements.DESCENDANTS,
        {
            "team": tenancy.scope(),
            "campaigns": [campaign_id for campaign_id, _ in pairs],
            "numbers": [no for _, no in pairs],
        },
    )
    return {(row.campaign_id, row.no) for row in rows}


def close_second_sendings(campaign_id: int, now: datetime) -> None:
    """What was to be sent a second time and is not any more stays not confirmed, as after the first time.

    "Not sent" would be more than anybody knows. Batches and campaign must be locked.
    """
    rows = tenancy.session().execute(
        statements.CLOSE_SECOND, {"team": tenancy.scope(), "campaign": campaign_id}
    ).all()  # fmt: skip
    if rows:
        held = sum(row.open for row in rows)
        tallies.move(campaign_id, tallies.moved([("waiting", "unconfirmed", held)]))
        moves = [BatchMove(campaign_id, row.no, "waiting", "unconfirmed") for row in rows]
        rollups.move_batches(moves, now)


def heed(parent: Batch, taken: Taken, now: datetime) -> None:
    """Act on it that this batch was taken, if it was sent again. It must be locked."""
    if parent.state != BatchState.REPLACED:
        return
    family = _locked(descendants([(parent.campaign_id, parent.no)]))
    if not family:
        return
    if taken.msgid is not None:
        for batch in (parent, *family):
            _note_msgid(batch, taken.msgid, taken.source, now)
    live = [one for one in family if one.state != BatchState.REPLACED]
    unsent = [one for one in live if one.state in _NOT_POSTED and one.first_unknown_at is None]
    # Who was not to be sent to again; as such only in the first request.
    kept_out = [one for one in live if one.state == BatchState.CLOSED and one.why == apart.OPTED_OUT]
    deltas: Counter[str] = Counter()
    moves: list[BatchMove] = []
    if len(unsent) + len(kept_out) == len(live):
        rolled = [BatchMove(one.campaign_id, one.no, "unconfirmed", None) for one in kept_out]
        rollups.move_batches(rolled, now)
        for child in (*unsent, *kept_out):
            deltas.update(_take_back(parent, child))
        parent.state, parent.why = BatchState.ACCEPTED, TAKEN_AFTER_ALL
        moves.append(BatchMove(parent.campaign_id, parent.no, None, "no_report"))
    else:
        # A part of it is under way or through: each keeps its people, and who is not sent to again was
        # sent to by the first request.
        for child in (one for one in live if one in unsent or one.state in _UNCLEAR):
            before = tallies.tally_of(child.state, child.first_unknown_at is not None)
            child.state, child.wake_at, child.why = BatchState.ACCEPTED, None, TAKEN_AFTER_ALL
            deltas.update(tallies.moved([(before, "no_report", child.open)]))
            moves.append(BatchMove(child.campaign_id, child.no, before, "no_report"))
    tenancy.session().flush()
    tallies.move(parent.campaign_id, deltas)
    rollups.move_batches(moves, now)
    audit(
        "batch.taken_after_all", "campaign", parent.campaign_id,
        batch=parent.no, people=sum(one.open for one in (parent, *live)), not_sent_again=len(unsent),
    )  # fmt: skip
    log.warning("a batch sent again had been taken", campaign=parent.campaign_id, batch=parent.no)


def _locked(keys: set[Key]) -> list[Batch]:
    """These batches, locked. Nearly always they are already; only what was made a moment ago is not."""
    if not keys:
        return []
    return list(
        tenancy.session().scalars(
            select(Batch)
            .where(Batch.team_id == tenancy.scope(), tuple_(Batch.campaign_id, Batch.no).in_(keys))
            .order_by(Batch.campaign_id, Batch.no)
            .with_for_update(key_share=True)
            .execution_options(populate_existing=True)
        )
    )


def _take_back(parent: Batch, child: Batch) -> Counter[str]:
    """Give the parent the messages of a child that was not posted; returns what that moves."""
    session = tenancy.session()
    session.flush()
    before = tallies.tally_of(child.state, first_unknown=False)
    held: int = session.execute(
        statements.TAKE_BACK,
        {
            "team": parent.team_id,
            "campaign": parent.campaign_id,
            "parent": parent.no,
            "child": child.no,
            "mobiles": parent.mobiles,
        },
    ).scalar_one()
    child.state, child.open, child.wake_at = BatchState.STOPPED, 0, None
    child.why = TAKEN_AFTER_ALL
    parent.open += held
    return tallies.moved([(before, "no_report", held)])


def _note_msgid(batch: Batch, msgid: str, source: str, now: datetime) -> None:
    tenancy.session().execute(
        statements.NOTE_MSGID,
        {
            "team": batch.team_id,
            "account": batch.account_id,
            "msgid": msgid,
            "campaign": batch.campaign_id,
            "no": batch.no,
            "source": source,
            "now": now,
        },
    )
