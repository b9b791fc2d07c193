"""When the identical request is made again after an answer that never came.

The order is always: wait for reports, then the identical request while the gateway still swallows it, then a
person. An account that is set to ask skips the second step, and so does a clock that was set back.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta

from sqlalchemy import select, tuple_, update

from webapp import tenancy
from webapp.campaigns.models import Batch
from webapp.campaigns.states import BatchState
from webapp.settings import Times


def next_repeat(made: int, first_unknown_at: datetime, times: Times, now: datetime) -> datetime | None:
    """When a batch on hold may be asked about again, `made` repeats having been made; None: not any more."""
    if first_unknown_at > now:
        # The clock was set back since.
        return None
    waits = (max(times.first_repeat, times.evidence), times.second_repeat)
    return first_unknown_at + timedelta(seconds=waits[made]) if made < len(waits) else None


def make_no_more() -> int:
    """The clock was set back: no batch of the team on hold is asked about again; returns how many.

    Reports may still tell, else the next sweep hands them over to a person. The caller commits.
    """
    session = tenancy.session()
    held = session.execute(
        select(Batch.campaign_id, Batch.no)
        .where(Batch.team_id == tenancy.scope(), Batch.state == BatchState.HOLD, Batch.wake_at.is_not(None))
        .order_by(Batch.campaign_id, Batch.no)
        .with_for_update(key_share=True)
    ).all()
    end([(row.campaign_id, row.no) for row in held])
    return len(held)


def end(keys: Collection[tuple[int, int]]) -> None:
    """No batch of these (campaign, no), which are locked, is asked about again."""
    if keys:
        tenancy.session().execute(
            update(Batch)
            .where(Batch.team_id == tenancy.scope(), tuple_(Batch.campaign_id, Batch.no).in_(keys))
            .values(wake_at=None)
            .execution_options(synchronize_session=False)
        )
