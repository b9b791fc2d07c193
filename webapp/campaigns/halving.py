"""A refused batch is cut into two halves to find the number that spoils it.

The halves are children with numbers of their own and count instead of their parent, which counts nothing
from then on. Their messages move with them in the same transaction, so a report always finds its batch.
"""

from __future__ import annotations

from sqlalchemy import insert, select, update

from webapp import tenancy
from webapp.campaigns import statements
from webapp.campaigns.models import Batch, Campaign
from webapp.campaigns.states import BatchState

# The most times one campaign is cut: each costs a call, and a list full of bad numbers is for a person.
MOST_HALVINGS = 200


def replace_by_halves(campaign_id: int, no: int, *, counted: bool) -> None:
    """Cut one locked batch of at least two numbers into two planned ones. Tallies do not change by it.

    `counted`: as a search for a bad number, of which a campaign has a limited allowance.
    """
    session = tenancy.session()
    team_id = tenancy.scope()
    parent = session.execute(
        select(Batch.account_id, Batch.content, Batch.mobiles).where(
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
                state=BatchState.PLANNED, content=parent.content, mobiles=mobiles, size=len(mobiles),
                open=len(mobiles), parent=no,
            )
        )  # fmt: skip
        session.execute(
            statements.MOVE_MESSAGES,
            {"team": team_id, "campaign": campaign_id, "child": child, "parent": no, "mobiles": mobiles},
        )
    session.execute(
        update(Batch)
        .where(Batch.team_id == team_id, Batch.campaign_id == campaign_id, Batch.no == no)
        .values(state=BatchState.REPLACED, open=0, lease_until=None)
        .execution_options(synchronize_session=False)
    )
