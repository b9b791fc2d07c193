"""What pages read of campaigns."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import and_, select

from webapp import tenancy
from webapp.campaigns.models import Attempt, Audience, Batch, Campaign, Message
from webapp.campaigns.states import BatchState, CampaignState
from webapp.gateway.models import GatewayAccount
from webapp.statuses import CampaignStatus, MessageStatus

PAGE = 50

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

_BY_BATCH: dict[str, MessageStatus] = {
    BatchState.PLANNED: MessageStatus.QUEUED,
    BatchState.RETRY: MessageStatus.QUEUED,
    BatchState.BLOCKED: MessageStatus.QUEUED,
    BatchState.INFLIGHT: MessageStatus.SENDING,
    BatchState.HOLD: MessageStatus.UNCONFIRMED,
    BatchState.UNCONFIRMED: MessageStatus.UNCONFIRMED,
    BatchState.CLOSED: MessageStatus.UNCONFIRMED,
    BatchState.REJECTED: MessageStatus.REJECTED,
    BatchState.STOPPED: MessageStatus.NOT_SENT,
}


@dataclass(frozen=True)
class Recipient:
    """One row of a campaign's recipients. `other`: its report is a word that nobody knows."""

    mobile: str
    status: MessageStatus
    other: bool
    report: str | None
    reported_at: datetime | None


def campaign(campaign_id: int) -> Campaign | None:
    """A campaign of this team, or None."""
    return tenancy.session().get(Campaign, (tenancy.scope(), campaign_id))


def campaigns(before: int | None = None) -> list[Campaign]:
    """The newest campaigns, one more than a page holds; `before` is the id of the last one seen."""
    statement = select(Campaign).where(Campaign.team_id == tenancy.scope())
    if before is not None:
        statement = statement.where(Campaign.id < before)
    return list(tenancy.session().scalars(statement.order_by(Campaign.id.desc()).limit(PAGE + 1)))


def status_of(campaign: Campaign) -> CampaignStatus:
    """What a page calls the campaign's state."""
    active = campaign.state in {CampaignState.PLANNING, CampaignState.READY, CampaignState.SENDING}
    if active and (campaign.paused_by_person or campaign.paused_by_machine):
        return CampaignStatus.PAUSED
    if campaign.unconfirmed and not campaign.waiting and campaign.state != CampaignState.DRAFT:
        return CampaignStatus.NEEDS_ATTENTION
    return _PLAIN[campaign.state]


def recipients(campaign: Campaign, account: GatewayAccount, after: str, now: datetime) -> list[Recipient]:
    """A page of recipients in the order of their numbers, one more than a page holds."""
    rows = tenancy.session().execute(
        select(
            Message.mobile,
            Message.outcome,
            Message.status,
            Message.reported_at,
            Batch.state,
            Batch.first_unknown_at,
            Attempt.finished_at,
        )
        .join(
            Batch,
            and_(
                Batch.team_id == Message.team_id,
                Batch.campaign_id == Message.campaign_id,
                Batch.no == Message.batch_no,
            ),
        )
        .outerjoin(
            Attempt,
            and_(
                Attempt.team_id == Batch.team_id,
                Attempt.campaign_id == Batch.campaign_id,
                Attempt.batch_no == Batch.no,
                Attempt.n == Batch.attempts,
            ),
        )
        .where(Message.team_id == tenancy.scope(), Message.campaign_id == campaign.id, Message.mobile > after)
        .order_by(Message.mobile, Message.copy)
        .limit(PAGE + 1)
    )
    return [
        Recipient(
            mobile=row.mobile,
            status=_recipient_status(
                row.outcome, row.state, row.first_unknown_at is not None, row.finished_at, account, now
            ),
            other=row.outcome == "other",
            report=row.status,
            reported_at=row.reported_at,
        )
        for row in rows
    ]


def audience_numbers(campaign: Campaign, most: int) -> list[str]:
    """The numbers of a draft, else of the planned campaign; to begin another one from it."""
    source = Audience if campaign.state == CampaignState.DRAFT else Message
    return list(
        tenancy.session().scalars(
            select(source.mobile)
            .where(source.team_id == tenancy.scope(), source.campaign_id == campaign.id)
            .order_by(source.mobile)
            .limit(most)
        )
    )


def _recipient_status(
    outcome: str | None,
    batch_state: str,
    unknown: bool,
    accepted_at: datetime | None,
    account: GatewayAccount,
    now: datetime,
) -> MessageStatus:
    if outcome is not None and outcome != "other":
        return MessageStatus(outcome)
    if batch_state == BatchState.INFLIGHT and unknown:
        return MessageStatus.UNCONFIRMED
    if batch_state != BatchState.ACCEPTED:
        return _BY_BATCH[batch_state]
    age = now - (accepted_at or now)
    if age >= timedelta(seconds=account.report_expired_seconds):
        return MessageStatus.EXPIRED
    if age >= timedelta(seconds=account.no_report_seconds):
        return MessageStatus.NO_REPORT
    return MessageStatus.ACCEPTED
