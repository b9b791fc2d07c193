"""Deleting a campaign's rows of one table in slices, in the order of their key."""

from __future__ import annotations

from typing import Any

from sqlalchemy import delete, select, tuple_
from sqlalchemy.orm import InstrumentedAttribute

from webapp import tenancy
from webapp.campaigns.models import Audience, CampaignText, Message

# Rows that are deleted at once: much quicker than making them.
MOST_CLEARED = 200_000


def delete_next(
    model: type[Audience | CampaignText | Message],
    key: tuple[InstrumentedAttribute[Any], ...],
    campaign_id: int,
    most: int | None = None,
    first: tuple[Any, ...] | None = None,
) -> tuple[Any, ...] | None:
    """Delete `most` (else MOST_CLEARED) rows of a campaign by their key, from `first` on.

    Returns the key of the next row; None: nothing is left. A range of the key is one walk over its index,
    whatever the planner expects.
    """
    session, most = tenancy.session(), most or MOST_CLEARED
    doomed = [model.team_id == tenancy.scope(), model.campaign_id == campaign_id]
    if first is not None:
        doomed.append(tuple_(*key) >= tuple_(*first))
    left = session.execute(select(*key).where(*doomed).order_by(*key).offset(most).limit(1)).first()
    if left is not None:
        doomed.append(tuple_(*key) < tuple_(*left))
    session.execute(delete(model).where(*doomed).execution_options(synchronize_session=False))
    return None if left is None else tuple(left)
