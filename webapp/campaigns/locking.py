"""A campaign's row, or a batch's, locked and as it is now, whatever the session had read of it before.

Batches are locked before their campaign, several of one kind in the order of their keys (docs/sending.md).
"""

from __future__ import annotations

from sqlalchemy import select

from webapp import tenancy
from webapp.campaigns.models import Batch, Campaign


def locked_campaign(campaign_id: int) -> Campaign:
    """A campaign of the team; it must be there."""
    return tenancy.session().scalars(
        select(Campaign)
        .where(Campaign.team_id == tenancy.scope(), Campaign.id == campaign_id)
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    ).one()  # fmt: skip


def locked_batch(campaign_id: int, no: int) -> Batch:
    """A batch of the team; it must be there."""
    return tenancy.session().scalars(
        select(Batch)
        .where(Batch.team_id == tenancy.scope(), Batch.campaign_id == campaign_id, Batch.no == no)
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    ).one()  # fmt: skip
