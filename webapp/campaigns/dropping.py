"""Opt-outs at the last moment: who opted out since the planning is taken out of a request before it is made.

Only a request that nobody can have seen yet is changed. The claim that asks for this holds the gateway
account's row, so nothing that somebody else has is waited for: such a batch is left for the next round.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import select, update

from webapp import tenancy
from webapp.campaigns import apart, decision_statements, endings, statements, tallies
from webapp.campaigns.models import Batch, Campaign
from webapp.campaigns.states import BatchState
from webapp.contacts import optouts

BatchKey = tuple[int, int]
Mobiles = tuple[str, ...]


def drop_opted_out(due: Mapping[BatchKey, Mobiles], now: datetime) -> dict[BatchKey, Mobiles]:
    """Take opted-out numbers out of locked batches (campaign, no) that no attempt may have handed over.

    Returns what is left of each batch that had such numbers, in its order: nothing where it must not be
    posted, be it that all of them opted out or that its campaign is in somebody else's hands.
    """
    gone = optouts.opted_out_among([mobile for mobiles in due.values() for mobile in mobiles])
    touched = {key: mobiles for key, mobiles in due.items() if not gone.isdisjoint(mobiles)}
    if not touched:
        return {}
    ours = _campaigns_not_held({campaign_id for campaign_id, _no in touched})
    left = dict.fromkeys(touched, Mobiles())
    dropped: dict[tuple[int, str], int] = defaultdict(int)
    for (campaign_id, no), mobiles in sorted(touched.items()):
        if campaign_id not in ours:
            continue
        second = apart.is_second_sending(campaign_id, no)
        if second and not _may_roll_up():
            continue
        left[campaign_id, no] = tuple(mobile for mobile in mobiles if mobile not in gone)
        count = _shorten(campaign_id, no, left[campaign_id, no], gone & set(mobiles), now, second=second)
        dropped[campaign_id, "unconfirmed" if second else "not_sent"] += count
    for (campaign_id, tally), count in sorted(dropped.items()):
        tallies.move(campaign_id, tallies.moved([("waiting", tally, count)]))
        endings.note_handed_over(campaign_id, now)
    return left


def _campaigns_not_held(campaign_ids: set[int]) -> set[int]:
    """Lock those campaigns that nobody else has at this moment."""
    return set(
        tenancy.session().scalars(
            select(Campaign.id)
            .where(Campaign.team_id == tenancy.scope(), Campaign.id.in_(campaign_ids))
            .order_by(Campaign.id)
            .with_for_update(skip_locked=True, key_share=True)
        )
    )


def _may_roll_up() -> bool:
    """Whether nobody else rolls up this team at this moment; nobody will then until this is committed."""
    may = tenancy.session().execute(statements.TRY_LOCK_ROLLUPS, {"team": tenancy.scope()})
    return bool(may.scalar_one())


def _shorten(campaign_id: int, no: int, left: Mobiles, gone: set[str], now: datetime, *, second: bool) -> int:
    """Leave a batch with the numbers that are left; returns how many open messages the others have.

    `second`: a person had it sent again, so the others may have got the first one.
    """
    session = tenancy.session()
    key = {"team": tenancy.scope(), "campaign": campaign_id, "no": no, "mobiles": sorted(gone)}
    if second:
        going = session.scalars(decision_statements.OPEN_NUMBERS, key).all()
        count = len(going)
        if going:
            apart.set_apart(campaign_id, no, no, going, now)
    else:
        count = session.execute(statements.MARK_NOT_SENT, key).scalar_one()
    shortened = (
        update(Batch)
        .where(Batch.team_id == tenancy.scope(), Batch.campaign_id == campaign_id, Batch.no == no)
        .values(mobiles=list(left), size=len(left), open=Batch.open - count)
        .execution_options(synchronize_session=False)
    )
    session.execute(shortened if left else shortened.values(state=BatchState.STOPPED, wake_at=None))
    return count
