"""When a campaign begins and until when it may go on, by the clock.

The sender asks at each turn. A start that comes too late is no start: people get nothing at an hour that
nobody chose. What a clock that jumps has done is never undone by it; a person can give a new time.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from flask_babel import gettext as _
from sqlalchemy import or_, select

from webapp import clock, jobs, tenancy
from webapp.accounts.audit import audit
from webapp.accounts.models import AuditEntry
from webapp.campaigns.locking import locked_campaign
from webapp.campaigns.models import Attempt, Campaign
from webapp.campaigns.moments import start_by
from webapp.campaigns.operations import ACCOUNT_REASONS
from webapp.campaigns.states import CampaignState
from webapp.database import id_at
from webapp.errors import DomainError

# Until its first request a campaign can get another time, or be edited; one that was missed has none yet.
NOT_BEGUN = (CampaignState.PLANNING, CampaignState.SCHEDULED, CampaignState.READY, CampaignState.MISSED)

# A clock may have been set back since the campaign was made.
_SET_BACK = timedelta(days=2)


def start_due(now: datetime) -> list[int]:
    """Scheduled campaigns whose time has come begin, or are missed; returns their ids.

    One that another worker is at is left to that one, a paused one to whoever resumes it.
    """
    due = list(
        tenancy.session().scalars(
            select(Campaign)
            .where(
                Campaign.team_id == tenancy.scope(),
                Campaign.state == CampaignState.SCHEDULED,
                Campaign.send_at <= now,
                Campaign.paused_by_person.is_(None),
                Campaign.paused_by_machine.is_(None),
            )
            .order_by(Campaign.id)
            .with_for_update(skip_locked=True, key_share=True)
            .execution_options(populate_existing=True)
        )
    )
    for campaign in due:
        start_or_miss(campaign, now)
    return [campaign.id for campaign in due]


def start_or_miss(campaign: Campaign, now: datetime) -> None:
    """Begin a locked campaign if it is scheduled and its time has come; found too late it is missed."""
    at, latest = campaign.send_at, campaign.start_by
    if campaign.state != CampaignState.SCHEDULED or at is None or latest is None or at > now:
        return
    if now > latest:
        campaign.state = CampaignState.MISSED
        audit("campaign.missed", "campaign", campaign.id, send_at=at.isoformat())
    else:
        campaign.state, campaign.begin_at = CampaignState.READY, at


def expire(now: datetime) -> list[int]:
    """Pause what may not go out any more by its owner's own limit; returns the ids.

    It replaces a pause that ends with its account's trouble: that one would end by itself.
    """
    late = list(
        tenancy.session().scalars(
            select(Campaign)
            .where(
                Campaign.team_id == tenancy.scope(),
                Campaign.state.in_((CampaignState.READY, CampaignState.SENDING)),
                Campaign.not_after < now,
                Campaign.waiting > 0,
                or_(Campaign.paused_by_machine.is_(None), Campaign.paused_by_machine.in_(ACCOUNT_REASONS)),
            )
            .order_by(Campaign.id)
            .with_for_update(skip_locked=True, key_share=True)
            .execution_options(populate_existing=True)
        )
    )
    for campaign in late:
        campaign.paused_by_machine, campaign.paused_at = "expired", now
        audit("campaign.paused_by_machine", "campaign", campaign.id, why="expired")
    return [campaign.id for campaign in late]


def reschedule(campaign_id: int, send_at: datetime | None, key: str) -> Campaign:
    """Give a campaign that has not begun another time (None: now); its audience and its confirm stay.

    `key` is the one-use key of the page; used before, nothing changes. Raises DomainError for a campaign that
    has begun, and for a time that has passed or lies behind the campaign's own limit.
    """
    campaign = locked_campaign(campaign_id)
    if noted(campaign, "campaign.time_changed", "key", key):
        return campaign
    now = clock.now()
    if not has_not_begun(campaign):
        raise DomainError(_("This campaign has begun, or is over. Its time cannot be changed any more."))
    if send_at is not None and send_at <= now:
        raise DomainError(_("This time has passed. Nothing was changed; choose a later one."), "send_at")
    if campaign.not_after is not None and campaign.not_after <= (send_at or now):
        raise DomainError(
            _(
                "The campaign has a limit, and then would be past it: nothing could be sent. "
                "Choose an earlier time, or go back to editing and change the limit."
            ),
            "send_at",
        )
    campaign.send_at, campaign.start_by, campaign.begin_at = send_at, start_by(send_at), send_at or now
    if campaign.state != CampaignState.PLANNING:
        campaign.state = CampaignState.READY if send_at is None else CampaignState.SCHEDULED
    said = "now" if send_at is None else send_at.isoformat()
    audit("campaign.time_changed", "campaign", campaign.id, send_at=said, key=key)
    jobs.enqueue("campaigns.wake_sender", campaign.team_id, once="wake")
    return campaign


def has_not_begun(campaign: Campaign) -> bool:
    """Whether nothing of a confirmed campaign has ever been tried."""
    return campaign.state in NOT_BEGUN and not tenancy.session().scalar(
        select(
            select(Attempt.n)
            .where(Attempt.team_id == tenancy.scope(), Attempt.campaign_id == campaign.id)
            .exists()
        )
    )


def noted(campaign: Campaign, action: str, name: str, value: str) -> bool:
    """Whether the log of what was done says this of a campaign: an entry is there exactly if its deed is."""
    return tenancy.session().scalar(
        select(AuditEntry.id)
        .where(
            AuditEntry.team_id == tenancy.scope(),
            # Ids grow with time, so this reads little more of the log than the campaign has lived through.
            AuditEntry.id > id_at(campaign.created_at - _SET_BACK),
            AuditEntry.action == action,
            AuditEntry.object_id == campaign.id,
            AuditEntry.details[name].astext == value,
        )
        .limit(1)
    ) is not None  # fmt: skip
