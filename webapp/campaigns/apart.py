"""Who opted out of a second sending is set apart from it.

They may have had the first one, so "not sent" would be more than anybody knows: they stay not confirmed, in a
batch of their own that is closed. Reports, a late answer and an adopted msgid find them there as before.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import insert, select, update

from webapp import tenancy
from webapp.campaigns import decision_statements, rollups, statements
from webapp.campaigns.models import Batch, Campaign
from webapp.campaigns.rollups import BatchMove
from webapp.campaigns.states import BatchState

OPTED_OUT = "opted_out"


def is_second_sending(campaign_id: int, no: int) -> bool:
    """Whether this batch, or what it was cut from, is one that a person had sent again."""
    key = {"team": tenancy.scope(), "campaign": campaign_id, "no": no}
    return bool(tenancy.session().execute(decision_statements.IS_SECOND, key).scalar_one())


def set_apart(campaign_id: int, no: int, source: int, mobiles: Collection[str], now: datetime) -> None:
    """Put open messages of batch `source` into a closed batch that descends from `no`, and roll them up.

    Batches and campaign must be locked. The tallies are the caller's: the messages count as unconfirmed.
    """
    session = tenancy.session()
    first = session.execute(
        select(Batch.account_id, Batch.content, Batch.parts).where(
            Batch.team_id == tenancy.scope(), Batch.campaign_id == campaign_id, Batch.no == no
        )
    ).one()
    closed = session.scalars(
        update(Campaign)
        .where(Campaign.team_id == tenancy.scope(), Campaign.id == campaign_id)
        .values(next_batch=Campaign.next_batch + 1)
        .returning(Campaign.next_batch - 1)
        .execution_options(synchronize_session=False)
    ).one()
    session.execute(
        insert(Batch).values(
            team_id=tenancy.scope(), campaign_id=campaign_id, no=closed, account_id=first.account_id,
            state=BatchState.CLOSED, content=first.content, parts=first.parts, mobiles=sorted(mobiles),
            size=len(mobiles), open=len(mobiles), parent=no, why=OPTED_OUT,
        )
    )  # fmt: skip
    session.execute(
        statements.MOVE_MESSAGES,
        {
            "team": tenancy.scope(),
            "campaign": campaign_id,
            "child": closed,
            "parent": source,
            "mobiles": sorted(mobiles),
        },
    )
    rollups.move_batches([BatchMove(campaign_id, closed, None, "unconfirmed")], now)
