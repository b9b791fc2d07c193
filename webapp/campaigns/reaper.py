"""R: attempts whose worker did not come back before its lease ended become "unknown".

A lease, not a guess, says that a worker is dead. What it had posted may have reached people, so the batch
goes to hold and its messages are "not confirmed" until evidence or a person says more.
"""

from __future__ import annotations

from datetime import datetime, timedelta

import structlog
from sqlalchemy import select, update

from webapp import tenancy
from webapp.campaigns import endings, pausing, repeats, rollups, statements, tallies
from webapp.campaigns.models import Attempt, Batch
from webapp.campaigns.restored_statements import RESTORED
from webapp.campaigns.rollups import BatchMove
from webapp.campaigns.states import BatchState
from webapp.settings import Times

log = structlog.get_logger(__name__)


def reap(now: datetime, times: Times) -> int:
    """Put the team's batches with an expired lease on hold; returns how many. The caller commits."""
    session = tenancy.session()
    team_id = tenancy.scope()
    expired = session.execute(statements.EXPIRED_LEASES, {"team": team_id, "now": now}).all()
    for row in expired:
        attempt = (
            Attempt.team_id == team_id,
            Attempt.campaign_id == row.campaign_id,
            Attempt.batch_no == row.no,
            Attempt.n == row.attempts,
        )
        started_at, why = session.execute(select(Attempt.started_at, Attempt.why).where(*attempt)).one()
        first_unknown_at = row.first_unknown_at or started_at
        # What another program knows about it since, this copy of the database does not.
        may_repeat = why != RESTORED
        wake_at = repeats.next_repeat(row.repeats, first_unknown_at, times, now) if may_repeat else None
        session.execute(
            update(Attempt)
            .where(*attempt, Attempt.outcome.is_(None))
            .values(outcome="unknown", why="reaped", finished_at=now)
            .execution_options(synchronize_session=False)
        )
        session.execute(
            update(Batch)
            .where(Batch.team_id == team_id, Batch.campaign_id == row.campaign_id, Batch.no == row.no)
            .values(
                state=BatchState.HOLD,
                lease_until=None,
                why="reaped",
                first_unknown_at=first_unknown_at,
                wake_at=wake_at,
            )
            .execution_options(synchronize_session=False)
        )
        log.warning("attempt without an answer", campaign=row.campaign_id, batch=row.no)
    moves: list[BatchMove] = []
    for row in sorted(expired, key=lambda row: row.campaign_id):
        before = tallies.tally_of(BatchState.INFLIGHT, row.first_unknown_at is not None)
        after = tallies.tally_of(BatchState.HOLD, first_unknown=True)
        tallies.move(row.campaign_id, tallies.moved([(before, after, row.open)]))
        moves.append(BatchMove(row.campaign_id, row.no, before, after))
    rollups.move_batches(moves, now)
    return len(expired)


def close_abandoned(now: datetime, times: Times) -> int:
    """Close attempts of dead workers whose batch went on without them; returns how many.

    Reports may settle a batch while a repeat of it is under way; then nothing of its own ends that repeat.
    """
    waited_for = (
        select(Batch.no)
        .where(
            Batch.team_id == Attempt.team_id,
            Batch.campaign_id == Attempt.campaign_id,
            Batch.no == Attempt.batch_no,
            Batch.state == BatchState.INFLIGHT,
            Batch.attempts == Attempt.n,
        )
        .exists()
    )
    closed = tenancy.session().execute(
        update(Attempt)
        .where(
            Attempt.team_id == tenancy.scope(),
            Attempt.outcome.is_(None),
            Attempt.started_at < now - timedelta(seconds=times.lease),
            ~waited_for,
        )
        .values(outcome="unknown", why="reaped", finished_at=now)
        .returning(Attempt.n)
        .execution_options(synchronize_session=False)
    )
    return len(closed.all())


def give_up_asking(now: datetime, times: Times) -> int:
    """Hand over to a person what neither reports nor repeats have settled; returns how many batches."""
    rows = tenancy.session().execute(
        statements.UNDECIDED,
        {
            "team": tenancy.scope(),
            "now": now,
            "answered_by": now + timedelta(seconds=times.call_limit),
            "evidence": times.evidence,
        },
    )
    campaign_ids = [row.campaign_id for row in rows]
    # On hold or unconfirmed, its messages are counted as not confirmed, so no tally moves.
    for campaign_id in sorted(set(campaign_ids)):
        endings.note_handed_over(campaign_id, now)
    pausing.pause_if_unclear(campaign_ids, now)
    return len(campaign_ids)
