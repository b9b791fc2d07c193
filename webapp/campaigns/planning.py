"""Planning: the frozen audience becomes messages and batches, a slice a transaction, inside the database.

It may be repeated at any point. The cursor moves in the transaction that writes the slice, so a crash leaves
either both or neither, and the check at the end compares the sums before the first batch may go.
"""

from __future__ import annotations

import structlog
from sqlalchemy import delete, select

from webapp import clock, tenancy
from webapp.accounts.audit import audit
from webapp.campaigns import endings, statements, tallies
from webapp.campaigns.models import Audience, Campaign
from webapp.campaigns.states import BatchState, CampaignState
from webapp.gateway.models import GatewayAccount

log = structlog.get_logger(__name__)

# Recipients a transaction: a tenth of a second of work, and the most that a crash does again.
CHUNK = 5000
PLANNED_NOW = (CampaignState.PLANNING, CampaignState.STOPPING)


def campaigns_to_plan() -> list[int]:
    """Ids of this team's campaigns whose audience is not planned yet; one that is being stopped is too."""
    return list(
        tenancy.session().scalars(
            select(Campaign.id)
            .where(
                Campaign.team_id == tenancy.scope(),
                Campaign.state.in_(PLANNED_NOW),
                Campaign.planned_at.is_(None),
            )
            .order_by(Campaign.id)
        )
    )


def plan_chunk(campaign_id: int) -> bool:
    """Plan the next slice of a campaign; True while there is more to do.

    False too where another worker is at it or the campaign is not being planned any more.
    """
    session = tenancy.session()
    campaign = session.scalar(
        select(Campaign)
        .where(
            Campaign.team_id == tenancy.scope(),
            Campaign.id == campaign_id,
            Campaign.state.in_(PLANNED_NOW),
            Campaign.planned_at.is_(None),
            Campaign.paused_by_machine.is_distinct_from("sums"),
        )
        .with_for_update(skip_locked=True, key_share=True)
    )
    if campaign is None:
        return False
    stopping = campaign.state == CampaignState.STOPPING
    limit = session.scalars(
        select(GatewayAccount.numbers_per_request).where(
            GatewayAccount.team_id == campaign.team_id, GatewayAccount.id == campaign.account_id
        )
    ).one()
    planned = session.execute(
        statements.PLAN_CHUNK,
        {
            "team": campaign.team_id,
            "campaign": campaign.id,
            "account": campaign.account_id,
            # Stopped while it was planned: the plan is finished, so that every recipient has a row.
            "state": BatchState.STOPPED if stopping else BatchState.PLANNED,
            "content": campaign.content,
            "limit": limit,
            # Whole batches, so that a slice does not end in a needlessly small request.
            "chunk": max(1, CHUNK // limit) * limit,
            "first_no": campaign.next_batch,
            "hash": campaign.cursor_hash or b"",
            "mobile": campaign.cursor_mobile or "",
            "copy": campaign.cursor_copy if campaign.cursor_copy is not None else -1,
        },
    ).one()
    if planned.messages:
        campaign.next_batch = planned.last_no + 1
        campaign.cursor_hash, campaign.cursor_mobile, campaign.cursor_copy = (
            planned.hash,
            planned.mobile,
            planned.copy,
        )
        if stopping:
            session.flush()
            tallies.move(campaign.id, tallies.moved([("waiting", "not_sent", planned.messages)]))
        return True
    _finish(campaign)
    return False


def _finish(campaign: Campaign) -> None:
    session = tenancy.session()
    sums = session.execute(statements.PLANNED_SUMS, {"team": campaign.team_id, "campaign": campaign.id}).one()
    if not sums.batched == sums.messages == campaign.recipients:
        log.error(
            "planned sums differ", campaign=campaign.id, batched=sums.batched, messages=sums.messages,
            recipients=campaign.recipients,
        )  # fmt: skip
        if campaign.state != CampaignState.STOPPING:
            # The audience is kept: whoever looks into this needs it.
            campaign.paused_by_machine = "sums"
            campaign.paused_at = clock.now()
            audit("campaign.paused_by_machine", "campaign", campaign.id, why="sums")
            return
    session.execute(
        delete(Audience).where(Audience.team_id == campaign.team_id, Audience.campaign_id == campaign.id)
    )
    campaign.planned_at = clock.now()
    if campaign.state == CampaignState.STOPPING:
        session.flush()
        endings.note_stopped(campaign.id, campaign.planned_at)
    else:
        campaign.state = CampaignState.READY
