"""A request whose answer was lost is recognised by its reports.

A msgid that nobody knows, reported for numbers that all stand in exactly one batch without a clear answer, is
that batch's msgid: the gateway took the request. Too few numbers, or more than one such batch, prove nothing;
then the batch waits, and a person decides in the end.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import structlog
from sqlalchemy import func, or_, select, tuple_
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import aliased

from webapp import clock, tenancy
from webapp.accounts.audit import audit
from webapp.campaigns import endings, halving, late_news, rollups, tallies
from webapp.campaigns.late_news import Taken
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
    """Look what an unknown msgid tells; True if that changed something.

    It is given to the one batch it can belong to, or shows that the gateway sends to the others when it
    refuses a batch for one bad number. `mobiles` are all numbers reported under it, `first_heard` when the
    first of them came. The caller commits.
    """
    candidates = _candidates(account_id, mobiles, first_heard)
    if halving.was_halved(account_id, mobiles, first_heard, FEWEST_NUMBERS):
        # Never adopted: where a half waits for its answer too, it cannot be told which of the two is meant.
        return not candidates and halving.stop_for(account_id, clock.now())
    if len(candidates) != 1:
        return False
    batch = _locked(candidates[0])
    if not _may_be_given(batch, mobiles):
        return False
    if batch.state == BatchState.REPLACED:
        late_news.heed(batch, Taken(msgid, "adopted"), clock.now())
    else:
        _accept(batch, account_id, msgid)
    endings.note_handed_over(batch.campaign_id, clock.now())
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
    child = aliased(Batch)
    sent_again = (
        select(child.no)
        .where(
            child.team_id == Batch.team_id,
            child.campaign_id == Batch.campaign_id,
            child.parent == Batch.no,
            child.again,
        )
        .exists()
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
                (Batch.state == BatchState.REPLACED) & sent_again,
            ),
            Batch.mobiles.contains(list(mobiles)),
            started <= first_heard,
        )
        .limit(2)
    )
    return [(row.campaign_id, row.no) for row in rows]


def _locked(key: tuple[int, int]) -> Batch:
    """The batch, and locked with it, in the order of all keys, what it was sent again as."""
    keys = {key, *late_news.descendants([key])}
    rows = tenancy.session().scalars(
        select(Batch)
        .where(Batch.team_id == tenancy.scope(), tuple_(Batch.campaign_id, Batch.no).in_(keys))
        .order_by(Batch.campaign_id, Batch.no)
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    )
    return next(row for row in rows.all() if (row.campaign_id, row.no) == key)


def _may_be_given(batch: Batch, mobiles: Sequence[str]) -> bool:
    """Whether the locked batch still waits for a msgid: an answer may have come since it was found."""
    first_msgid_missing = batch.why == NO_MSGID or batch.first_unknown_at is not None
    waits = batch.state in (*WITHOUT_ANSWER, BatchState.REPLACED)
    if not (waits or (batch.state == BatchState.ACCEPTED and first_msgid_missing)):
        return False
    first_answer_due = batch.state == BatchState.INFLIGHT and batch.first_unknown_at is None
    return not first_answer_due and len(set(mobiles)) >= min(FEWEST_NUMBERS, batch.size)


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
    batch.lease_until = batch.wake_at = None
    batch.why = "adopted"
    session.flush()
    after = tallies.tally_of(batch.state, first_unknown=True)
    tallies.move(batch.campaign_id, tallies.moved([(before, after, batch.open)]))
    rollups.move_batches([BatchMove(batch.campaign_id, batch.no, before, after)], now)
    audit("batch.adopted", "campaign", batch.campaign_id, batch=batch.no)
    log.info("a request without an answer was recognised by its reports", campaign=batch.campaign_id)
