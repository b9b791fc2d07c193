"""What a person does to a campaign on its way: pause, resume, stop. It takes effect within one batch.

A request that is under way cannot be called back; it finishes and is counted as what its answer says. A
person's pause and the machine's are two columns: sending needs both empty.
"""

from __future__ import annotations

from datetime import datetime

from flask_babel import gettext as _
from sqlalchemy import delete, select, update

from webapp import clock, jobs, tenancy
from webapp.accounts.audit import Detail, audit
from webapp.campaigns import endings, hours, late_news, schedule, tallies
from webapp.campaigns.locking import locked_campaign
from webapp.campaigns.models import Batch, Campaign, DraftPaste
from webapp.campaigns.operations import ACCOUNT_REASONS
from webapp.campaigns.states import STOPPABLE, AtHoursEnd, BatchState, CampaignState
from webapp.errors import DomainError
from webapp.gateway import queries as accounts

# What has not left goes no more; an unclear answer is not asked about again.
_NOT_GONE = (BatchState.PLANNED, BatchState.RETRY, BatchState.BLOCKED)


class ExpiredError(DomainError):
    """The campaign's own limit has passed: it goes on only with another one, or with none."""


def pause_campaign(campaign_id: int) -> None:
    """Hold a campaign until a person resumes it. Nothing happens to one that is over or paused already."""
    campaign = locked_campaign(campaign_id)
    if campaign.state in STOPPABLE and campaign.paused_by_person is None:
        campaign.paused_by_person, campaign.paused_at = "person", clock.now()
        audit("campaign.paused", "campaign", campaign.id)


def resume_campaign(campaign_id: int) -> None:
    """Let a paused campaign go on. Raises DomainError while what made the machine pause is still there.

    One that was to start in the meantime starts now, or was missed.
    """
    keys = _lock_batches(campaign_id, (BatchState.BLOCKED,))
    campaign = locked_campaign(campaign_id)
    if campaign.state not in STOPPABLE or not (campaign.paused_by_person or campaign.paused_by_machine):
        return
    now = clock.now()
    if campaign.paused_by_machine == "sums":
        raise DomainError(_("The planned numbers do not add up, so nothing may be sent. Please report this."))
    if campaign.not_after is not None and campaign.not_after <= now:
        raise ExpiredError(
            _("The campaign's limit has passed. To let it go on, give it a later one or none.")
        )
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
    campaign.resumed_at = now
    audit("campaign.resumed", "campaign", campaign.id)
    schedule.start_or_miss(campaign, now)
    jobs.enqueue("campaigns.wake_sender", campaign.team_id, once="wake")


def resume_with_limit(campaign_id: int, not_after: datetime | None) -> None:
    """Let an expired campaign go on until another limit, or without one; the same again changes nothing.

    Raises DomainError for a limit that has passed too, and as `resume_campaign` does.
    """
    _lock_batches(campaign_id, (BatchState.BLOCKED,))
    campaign = locked_campaign(campaign_id)
    if campaign.paused_by_machine != "expired":
        return
    if not_after is not None and not_after <= clock.now():
        raise DomainError(_("This time has passed. Nothing was changed; choose a later one."), "not_after")
    campaign.not_after = not_after
    said = None if not_after is None else not_after.isoformat()
    audit("campaign.limit_changed", "campaign", campaign.id, not_after=said)
    tenancy.session().flush()
    resume_campaign(campaign_id)


def stop_campaign(campaign_id: int) -> None:
    """End a campaign for good: what has not left is not sent. Nothing happens to one that is over."""
    _stop(campaign_id, (*STOPPABLE, CampaignState.MISSED), clock.now())


def cut_off_campaigns(now: datetime) -> list[int]:
    """Ids of campaigns under way whose owner wanted the rest dropped, and whose sending hours have ended.

    The hours in which it began count: those of the next day must not carry on what nobody was there to end.
    """
    rows = tenancy.session().execute(
        select(Campaign.id, Campaign.kind, Campaign.started_at).where(
            Campaign.team_id == tenancy.scope(),
            Campaign.state == CampaignState.SENDING,
            Campaign.at_hours_end == AtHoursEnd.DROP,
            Campaign.waiting > 0,
        )
    ).all()  # fmt: skip
    return [row.id for row in rows if _hours_ended(row.kind, row.started_at, now)]


def cut_off(campaign_id: int, now: datetime) -> None:
    """Drop the rest of one of them, as a person's stop does."""
    _stop(campaign_id, (CampaignState.SENDING,), now, why="hours")


def was_cut_off(campaign: Campaign) -> bool:
    """Whether a stopped campaign was ended by its sending hours, not by a person."""
    dropped = campaign.at_hours_end == AtHoursEnd.DROP
    return dropped and schedule.noted(campaign, "campaign.stopped", "why", "hours")


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
    if _has_old_plan(campaign_id):
        # Its batches are of an earlier version and are not counted; planning deletes them, and ends this one.
        return
    _set_state(campaign_id, (BatchState.HOLD,), BatchState.UNCONFIRMED)
    late_news.close_second_sendings(campaign_id, now)
    stopped = _set_state(campaign_id, _NOT_GONE, BatchState.STOPPED)
    tallies.move(campaign_id, tallies.moved([("waiting", "not_sent", stopped)]))
    endings.note_stopped(campaign_id, now)


def _stop(campaign_id: int, of: tuple[CampaignState, ...], now: datetime, **details: Detail) -> None:
    _lock_batches(campaign_id, (*_NOT_GONE, BatchState.HOLD))
    campaign = locked_campaign(campaign_id)
    if campaign.state not in of:
        return
    campaign.state = CampaignState.STOPPING
    campaign.paused_by_person = campaign.paused_by_machine = campaign.paused_at = None
    session = tenancy.session()
    session.flush()
    # Nothing of it can be edited any more.
    session.execute(
        delete(DraftPaste).where(
            DraftPaste.team_id == tenancy.scope(), DraftPaste.campaign_id == campaign.id
        )
    )  # fmt: skip
    stop_what_has_not_left(campaign_id, now)
    audit("campaign.stopped", "campaign", campaign.id, **details)
    jobs.enqueue("campaigns.wake_sender", campaign.team_id, once="wake")


def _has_old_plan(campaign_id: int) -> bool:
    stale = tenancy.session().scalar(
        select(Campaign.stale_rows).where(Campaign.team_id == tenancy.scope(), Campaign.id == campaign_id)
    )
    return bool(stale)


def _hours_ended(kind: str, started_at: datetime | None, now: datetime) -> bool:
    if kind not in hours.open_kinds(now):
        return True
    ended = None if started_at is None else hours.closes_at(kind, started_at)
    return ended is not None and ended <= now


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
