"""Opt-outs at the last moment: who opted out since the planning is taken out of a request before it is made.

Only a request that nobody can have seen yet is changed. The claim that asks for this holds the gateway
account's row, so a campaign that somebody else has is not waited for: its batch is left for the next round.
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
        if campaign_id in ours:
            left[campaign_id, no] = tuple(mobile for mobile in mobiles if mobile not in gone)
            tally, count = _shorten(campaign_id, no, left[campaign_id, no], gone & set(mobiles), now)
            dropped[campaign_id, tally] += count
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


def _shorten(campaign_id: int, no: int, left: Mobiles, gone: set[str], now: datetime) -> tuple[str, int]:
    """Leave a batch with the numbers that are left; returns what the others count as now, and how many."""
    session = tenancy.session()
    key = {"team": tenancy.scope(), "campaign": campaign_id, "no": no}
    if apart.is_second_sending(campaign_id, no):
        tally = "unconfirmed"
        still_open = session.scalars(decision_statements.OPEN_NUMBERS, {**key, "mobiles": sorted(gone)})
        going = sorted(still_open)
        count = len(going)
        if going:
            apart.set_apart(campaign_id, no, no, going, now)
    else:
        tally = "not_sent"
        count = session.execute(statements.MARK_NOT_SENT, {**key, "mobiles": sorted(gone)}).scalar_one()
    shortened = (
        update(Batch)
        .where(Batch.team_id == tenancy.scope(), Batch.campaign_id == campaign_id, Batch.no == no)
        .values(mobiles=list(left), size=len(left), open=Batch.open - count)
        .execution_options(synchronize_session=False)
    )
    session.execute(shortened if left else shortened.values(state=BatchState.STOPPED, wake_at=None))
    return tally, count
