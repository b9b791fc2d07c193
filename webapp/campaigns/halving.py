"""A refused batch is cut into two halves to find the number that spoils it.

The halves are children with numbers of their own and count instead of their parent, which counts nothing
from then on. Their messages move with them in the same transaction, so a report always finds its batch.

All this takes a refused request for one that reached nobody. Where reports come for it all the same, that is
not so, and nothing more is cut for that account.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime

import structlog
from sqlalchemy import insert, select, update

from webapp import tenancy
from webapp.accounts.audit import audit
from webapp.campaigns import decision_statements, endings, pausing, rollups, statements, tallies
from webapp.campaigns.models import Batch, Campaign
from webapp.campaigns.rollups import BatchMove
from webapp.campaigns.states import BatchState
from webapp.gateway import operations as gateway
from webapp.gateway import queries as accounts

log = structlog.get_logger(__name__)

# The most times one campaign is cut: each costs a call, and a list full of bad numbers is for a person.
MOST_HALVINGS = 200


def replace_by_halves(campaign_id: int, no: int, *, counted: bool) -> None:
    """Cut one locked batch of at least two numbers into two planned ones. Tallies do not change by it.

    `counted`: as a search for a bad number, of which a campaign has a limited allowance.
    """
    session = tenancy.session()
    team_id = tenancy.scope()
    parent = session.execute(
        select(Batch.account_id, Batch.content, Batch.parts, Batch.mobiles, Batch.size, Batch.open).where(
            Batch.team_id == team_id, Batch.campaign_id == campaign_id, Batch.no == no
        )
    ).one()
    middle = len(parent.mobiles) // 2
    halves = (parent.mobiles[:middle], parent.mobiles[middle:])
    first = session.scalars(
        update(Campaign)
        .where(Campaign.team_id == team_id, Campaign.id == campaign_id)
        .values(next_batch=Campaign.next_batch + 2, halvings=Campaign.halvings + int(counted))
        .returning(Campaign.next_batch - 2)
        .execution_options(synchronize_session=False)
    ).one()
    for child, mobiles in enumerate(halves, start=first):
        session.execute(
            insert(Batch).values(
                team_id=team_id, campaign_id=campaign_id, no=child, account_id=parent.account_id,
                state=BatchState.PLANNED, content=parent.content, parts=parent.parts, mobiles=mobiles,
                size=len(mobiles), open=len(mobiles), parent=no,
            )
        )  # fmt: skip
        values = {"team": team_id, "campaign": campaign_id, "child": child, "parent": no, "mobiles": mobiles}
        session.execute(statements.MOVE_MESSAGES, values)
        if parent.open < parent.size:
            # Reports have settled some of them already.
            session.execute(decision_statements.COUNT_OPEN, values)
    session.execute(
        update(Batch)
        .where(Batch.team_id == team_id, Batch.campaign_id == campaign_id, Batch.no == no)
        .values(state=BatchState.REPLACED, open=0, lease_until=None)
        .execution_options(synchronize_session=False)
    )


def was_halved(account_id: int, mobiles: Sequence[str], first_heard: datetime, fewest: int) -> bool:
    """Whether these numbers all were in one request that was refused for a bad number and cut.

    `fewest` of them must be there, or all but one of a smaller batch: the bad one itself is not sent to.
    """
    found = tenancy.session().execute(
        decision_statements.HALVED,
        {
            "team": tenancy.scope(),
            "account": account_id,
            "mobiles": sorted(set(mobiles)),
            "heard": first_heard,
            "fewest": fewest,
        },
    )
    return found.first() is not None


def stop_for(account_id: int, now: datetime) -> bool:
    """Cut nothing more for an account whose gateway sends to the others; True if that was news.

    Halves that were not posted yet are not: their people may have got the message by the refused request, so
    a person decides.
    """
    session = tenancy.session()
    team_id = tenancy.scope()
    rows = session.execute(
        decision_statements.HALVES_NOT_POSTED, {"team": team_id, "account": account_id}
    ).all()  # fmt: skip
    account = accounts.account(account_id)
    if not rows and account is not None and account.sends_rest_at is not None:
        return False
    moved: dict[int, list[BatchMove]] = defaultdict(list)
    counts: dict[int, int] = defaultdict(int)
    for row in rows:
        held = session.scalars(
            update(Batch)
            .where(Batch.team_id == team_id, Batch.campaign_id == row.campaign_id, Batch.no == row.no)
            .values(
                state=BatchState.UNCONFIRMED,
                first_unknown_at=row.started_at,
                wake_at=None,
                why=pausing.SENDS_REST,
            )
            .returning(Batch.open)
            .execution_options(synchronize_session=False)
        ).one()
        moved[row.campaign_id].append(BatchMove(row.campaign_id, row.no, "waiting", "unconfirmed"))
        counts[row.campaign_id] += held
    for campaign_id, count in counts.items():
        tallies.move(campaign_id, tallies.moved([("waiting", "unconfirmed", count)]))
    rollups.move_batches([move for moves in moved.values() for move in moves], now)
    for campaign_id, moves in moved.items():
        audit("batch.not_cut", "campaign", campaign_id, batches=len(moves), people=counts[campaign_id])
        endings.note_handed_over(campaign_id, now)
    pausing.pause_if_unclear(moved, now)
    gateway.note_sends_rest(account_id)
    log.warning("a gateway sends to the others when it refuses one number", account=account_id)
    return True
