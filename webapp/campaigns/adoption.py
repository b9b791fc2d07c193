"""A request whose answer was lost is recognised by its reports.

A msgid that nobody knows, reported for numbers that all stand in exactly one batch without a clear answer, is
that batch's msgid: the gateway took the request. Too few numbers, or more than one such batch, prove nothing;
then the batch waits, and a person decides in the end.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import structlog
from sqlalchemy import func, or_, select
from sqlalchemy.dialects.postgresql import insert

from webapp import clock, tenancy
from webapp.accounts.audit import audit
from webapp.campaigns import endings, rollups, tallies
from webapp.campaigns.models import Attempt, Batch, GatewayMessage
from webapp.campaigns.rollups import BatchMove
from webapp.campaigns.states import BatchState

log = structlog.get_logger(__name__)

# States in which a request may have been taken without our knowing its msgid.
WITHOUT_ANSWER = (BatchState.INFLIGHT, BatchState.HOLD, BatchState.UNCONFIRMED, BatchState.CLOSED)
NO_MSGID = "accepted_without_msgid"
# Fewer numbers than this prove nothing, except where they are all that the batch has.
FEWEST_NUMBERS = 3


def adopt_msgid(account_id: int, msgid: str, mobiles: Sequence[str], first_heard: datetime) -> bool:
    """Give an unknown msgid to the one batch it can belong to; True if that was possible.

    `mobiles` are all numbers reported under it, `first_heard` when the first of them came. The caller
    commits.
    """
    candidates = _candidates(account_id, mobiles, first_heard)
    if len(candidates) != 1:
        return False
    campaign_id, no = candidates[0]
    batch = tenancy.session().scalars(
        select(Batch)
        .where(Batch.team_id == tenancy.scope(), Batch.campaign_id == campaign_id, Batch.no == no)
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    ).one()  # fmt: skip
    # An answer may have come between the look and the lock.
    first_msgid_missing = batch.why == NO_MSGID or batch.first_unknown_at is not None
    if not (batch.state in WITHOUT_ANSWER or (batch.state == BatchState.ACCEPTED and first_msgid_missing)):
        return False
    first_answer_due = batch.state == BatchState.INFLIGHT and batch.first_unknown_at is None
    if first_answer_due or len(set(mobiles)) < min(FEWEST_NUMBERS, batch.size):
        return False
    _accept(batch, account_id, msgid)
    return True


def _candidates(account_id: int, mobiles: Sequence[str], first_heard: datetime) -> list[tuple[int, int]]:
    """Batches of the account that hold all the numbers and may have been taken unnoticed."""
    started = (
        select(func.min(Attempt.started_at))
        .where(
            Attempt.team_id == Batch.team_id,
            Attempt.campaign_id == Batch.campaign_id,
            Attempt.batch_no == Batch.no,
        )
        .scalar_subquery()
    )
    rows = tenancy.session().execute(
        select(Batch.campaign_id, Batch.no)
        .where(
            Batch.team_id == tenancy.scope(),
            Batch.account_id == account_id,
            or_(
                Batch.state.in_(WITHOUT_ANSWER),
                (Batch.state == BatchState.ACCEPTED)
                & or_(Batch.why == NO_MSGID, Batch.first_unknown_at.is_not(None)),
            ),
            Batch.mobiles.contains(list(mobiles)),
            started <= first_heard,
        )
        .limit(2)
    )
    return [(row.campaign_id, row.no) for row in rows]


def _accept(batch: Batch, account_id: int, msgid: str) -> None:
    session = tenancy.session()
    now = clock.now()
    session.execute(
        insert(GatewayMessage)
        .values(
            team_id=batch.team_id,
            account_id=account_id,
            msgid=msgid,
            campaign_id=batch.campaign_id,
            batch_no=batch.no,
            source="adopted",
            noted_at=now,
        )
        .on_conflict_do_nothing()
    )
    before = tallies.tally_of(batch.state, batch.first_unknown_at is not None)
    batch.state = BatchState.ACCEPTED
    batch.lease_until = None
    batch.why = "adopted"
    session.flush()
    after = tallies.tally_of(batch.state, first_unknown=True)
    tallies.move(batch.campaign_id, tallies.moved([(before, after, batch.open)]))
    rollups.move_batches([BatchMove(batch.campaign_id, batch.no, before, after)], now)
    audit("batch.adopted", "campaign", batch.campaign_id, batch=batch.no)
    endings.note_handed_over(batch.campaign_id, now)
    log.info("a request without an answer was recognised by its reports", campaign=batch.campaign_id)
