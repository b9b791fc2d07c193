"""How the machine pauses a campaign: with its reason, once, in the transaction of what made it pause."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

import structlog
from sqlalchemy import func, select

from webapp import jobs, tenancy
from webapp.accounts.audit import audit
from webapp.campaigns.models import Batch, Campaign
from webapp.campaigns.states import STOPPABLE, BatchState, CampaignState

log = structlog.get_logger(__name__)

# More unclear answers than these are no accident any more: what is left would go the same way.
MOST_UNCLEAR = 3
UNCLEAR = "unclear"
# The account's gateway sends to the others when it refuses a batch for one bad number.
SENDS_REST = "sends_rest"
# Nobody else tells the owners of these; an account that stops has a mail of its own.
TOLD_TO_OWNERS = frozenset({UNCLEAR, SENDS_REST})


def pause(campaign: Campaign, reason: str, now: datetime) -> None:
    """Pause a locked campaign; the first reason stays until a person or the cause lifts it."""
    if campaign.paused_by_machine is not None or campaign.state not in STOPPABLE:
        return
    campaign.paused_by_machine, campaign.paused_at = str(reason), now
    log.warning("campaign paused", campaign=campaign.id, why=str(reason))
    audit("campaign.paused_by_machine", "campaign", campaign.id, why=str(reason))
    if reason in TOLD_TO_OWNERS:
        once = str(campaign.id)
        jobs.enqueue("campaigns.tell_owners", campaign.team_id, once=once, campaign_id=campaign.id)


def pause_if_unclear(campaign_ids: Iterable[int], now: datetime) -> None:
    """Pause those that have more unconfirmed batches since they began, or were last resumed, than may be.

    Batches must be locked before, as everywhere; their new states flushed.
    """
    unclear = (
        select(func.count())
        .where(
            Batch.team_id == Campaign.team_id,
            Batch.campaign_id == Campaign.id,
            Batch.state == BatchState.UNCONFIRMED,
            Batch.first_unknown_at >= func.coalesce(Campaign.resumed_at, Campaign.started_at),
        )
        .scalar_subquery()
    )
    for campaign in tenancy.session().scalars(
        select(Campaign)
        .where(
            Campaign.team_id == tenancy.scope(),
            Campaign.id.in_(list(campaign_ids)),
            Campaign.state == CampaignState.SENDING,
            Campaign.paused_by_machine.is_(None),
            unclear > MOST_UNCLEAR,
        )
        .order_by(Campaign.id)
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    ):
        pause(campaign, UNCLEAR, now)
