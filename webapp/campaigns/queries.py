"""What pages read of campaigns."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import or_, select

from webapp import clock, tenancy
from webapp.campaigns import hours
from webapp.campaigns.models import Batch, Campaign
from webapp.campaigns.states import STOPPABLE, BatchState, CampaignState
from webapp.statuses import CampaignStatus

_PLAIN: dict[str, CampaignStatus] = {
    CampaignState.DRAFT: CampaignStatus.DRAFT,
    CampaignState.SCHEDULED: CampaignStatus.SCHEDULED,
    CampaignState.PLANNING: CampaignStatus.PLANNING,
    CampaignState.READY: CampaignStatus.STARTING,
    CampaignState.SENDING: CampaignStatus.SENDING,
    CampaignState.STOPPING: CampaignStatus.STOPPING,
    CampaignState.STOPPED: CampaignStatus.STOPPED,
    CampaignState.MISSED: CampaignStatus.MISSED,
    CampaignState.WAITING_FOR_REPORTS: CampaignStatus.WAITING_FOR_REPORTS,
    CampaignState.FINISHED: CampaignStatus.FINISHED,
}


def campaign(campaign_id: int) -> Campaign | None:
    """A campaign of this team, or None."""
    return tenancy.session().get(Campaign, (tenancy.scope(), campaign_id))


def status_of(campaign: Campaign, now: datetime | None = None) -> CampaignStatus:
    """What a page calls the campaign's state, at `now` (None: by the clock)."""
    if campaign.state in STOPPABLE and (campaign.paused_by_person or campaign.paused_by_machine):
        return CampaignStatus.PAUSED
    if campaign.state in {CampaignState.READY, CampaignState.SENDING} and campaign.waiting:
        opening = hours.next_opening(campaign.kind, clock.now() if now is None else now)
        if opening is not None:
            return CampaignStatus.WAITING_FOR_HOURS
    over = not campaign.waiting and campaign.state not in STOPPABLE
    if campaign.unconfirmed and over and is_undecided(campaign):
        return CampaignStatus.NEEDS_ATTENTION
    return _PLAIN[campaign.state]


def is_undecided(campaign: Campaign) -> bool:
    """Whether a batch is still to be decided about; what was closed stays not confirmed for good."""
    return tenancy.session().scalar(
        select(Batch.no)
        .where(
            Batch.team_id == tenancy.scope(),
            Batch.campaign_id == campaign.id,
            or_(
                Batch.state.in_((BatchState.HOLD, BatchState.UNCONFIRMED)),
                (Batch.state == BatchState.INFLIGHT) & Batch.first_unknown_at.is_not(None),
            ),
            Batch.open > 0,
        )
        .limit(1)
    ) is not None  # fmt: skip
