"""What a person does to a campaign on its way: pause, resume, stop. It takes effect within one batch.

A request that is under way cannot be called back; it finishes and is counted as what its answer says. A
person's pause and the machine's are two columns: sending needs both empty.
"""

from __future__ import annotations

from datetime import datetime

from flask_babel import gettext as _
from sqlalchemy import select, update

from webapp import clock, jobs, tenancy
from webapp.accounts.audit import audit
from webapp.campaigns import endings, tallies
from webapp.campaigns.models import Batch, Campaign
from webapp.campaigns.operations import ACCOUNT_REASONS
from webapp.campaigns.states import STOPPABLE, BatchState, CampaignState
from webapp.errors import DomainError
from webapp.gateway import queries as accounts

# What has not left goes no more; an unclear answer is not asked about again.
_NOT_GONE = (BatchState.PLANNED, BatchState.RETRY, BatchState.BLOCKED)


def pause_campaign(campaign_id: int) -> None:
    """Hold a campaign until a person resumes it. Nothing happens to one that is over or paused already."""
    campaign = _locked(campaign_id)
    if campaign.state in STOPPABLE and campaign.paused_by_person is None:
        campaign.paused_by_person, campaign.paused_at = "person", clock.now()
        audit("campaign.paused", "campaign", campaign.id)


def resume_campaign(campaign_id: int) -> None:
    """Let a paused campaign go on. Raises DomainError while what made the machine pause is still there."""
    keys = _lock_batches(campaign_id, (BatchState.BLOCKED,))
    campaign = _locked(campaign_id)
    if campaign.state not in STOPPABLE or not (campaign.paused_by_person or campaign.paused_by_machine):
        return
    if campaign.paused_by_machine == "sums":
        raise DomainError(_("The planned numbers do not add up, so nothing may be sent. Please report this."))
    account = accounts.account(campaign.account_id)
    if account is None or not account.usable:
        raise DomainError(
            _("The gateway account does not work yet. Mend and test the account first; nothing is lost.")
        )
    if campaign.paused_by_machine not in (None, *ACCOUNT_REASONS):
        campaign.halvings = 0
    if keys:
        _set_state(campaign_id, (BatchState.BLOCKED,), BatchState.PLANNED)
    campaign.paused_by_person = campaign.paused_by_machine = campaign.paused_at = None
    audit("campaign.resumed", "campaign", campaign.id)
    jobs.enqueue("campaigns.wake_sender", campaign.team_id, once="wake")


def stop_campaign(campaign_id: int) -> None:
    """End a campaign for good: what has not left is not sent. Nothing happens to one that is over."""
    _lock_batches(campaign_id, (*_NOT_GONE, BatchState.HOLD))
    campaign = _locked(campaign_id)
    if campaign.state not in STOPPABLE:
        return
    campaign.state = CampaignState.STOPPING
    campaign.paused_by_person = campaign.paused_by_machine = campaign.paused_at = None
    tenancy.session().flush()
    stop_what_has_not_left(campaign_id, clock.now())
    audit("campaign.stopped", "campaign", campaign.id)
    jobs.enqueue("campaigns.wake_sender", campaign.team_id, once="wake")


def stopping_campaigns() -> list[int]:
    """Ids of campaigns that are being stopped; the sweep ends what came back to them."""
    return list(
        tenancy.session().scalars(
            select(Campaign.id)
            .where(Campaign.team_id == tenancy.scope(), Campaign.state == CampaignState.STOPPING)
            .order_by(Campaign.id)
        )
    )


def stop_what_has_not_left(campaign_id: int, now: datetime) -> None:
    """Bring the batches of a stopping campaign to their end, also those that an answer made meanwhile."""
    _set_state(campaign_id, (BatchState.HOLD,), BatchState.UNCONFIRMED)
    stopped = _set_state(campaign_id, _NOT_GONE, BatchState.STOPPED)
    tallies.move(campaign_id, tallies.moved([("waiting", "not_sent", stopped)]))
    endings.note_stopped(campaign_id, now)


def _locked(campaign_id: int) -> Campaign:
    return tenancy.session().scalars(
        select(Campaign)
        .where(Campaign.team_id == tenancy.scope(), Campaign.id == campaign_id)
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    ).one()  # fmt: skip


def _lock_batches(campaign_id: int, states: tuple[BatchState, ...]) -> list[int]:
    """Batches are locked before their campaign, as everywhere; one being claimed is waited for."""
    return list(
        tenancy.session().scalars(
            select(Batch.no)
            .where(
                Batch.team_id == tenancy.scope(), Batch.campaign_id == campaign_id, Batch.state.in_(states)
            )
            .order_by(Batch.no)
            .with_for_update(key_share=True)
        )
    )


def _set_state(campaign_id: int, before: tuple[BatchState, ...], after: BatchState) -> int:
    """Move batches to another state; returns how many open messages they hold."""
    rows = tenancy.session().execute(
        update(Batch)
        .where(Batch.team_id == tenancy.scope(), Batch.campaign_id == campaign_id, Batch.state.in_(before))
        .values(state=after, wake_at=None)
        .returning(Batch.open)
        .execution_options(synchronize_session=False)
    )
    return sum(row.open for row in rows)
