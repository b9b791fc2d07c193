"""What is done with campaigns: confirming, and letting go on what waited for its gateway account."""

from __future__ import annotations

from datetime import datetime, timedelta

from flask_babel import gettext as _
from sqlalchemy import and_, func, or_, select, update

from webapp import clock, jobs, tenancy
from webapp.accounts.audit import audit
from webapp.campaigns import drafts, halving, moments, statements, tallies
from webapp.campaigns.locking import locked_campaign
from webapp.campaigns.models import Batch, Campaign
from webapp.campaigns.states import STOPPABLE, BatchState, CampaignState, Kind
from webapp.errors import DomainError
from webapp.gateway import operations as accounts
from webapp.gateway.models import AccountState, GatewayAccount

# Reasons of a machine's pause that end when the account answers again.
ACCOUNT_REASONS = ("credentials", "frozen", "balance", "wrong_address", "switched_off")
_REASON_OF: dict[str, str] = {
    AccountState.BROKEN: "credentials",
    AccountState.FROZEN: "frozen",
    AccountState.OUT_OF_BALANCE: "balance",
    AccountState.MISCONFIGURED: "wrong_address",
}


class StalePreviewError(DomainError):
    """What was confirmed is not what would be sent any more; nothing was sent."""


def confirm_campaign(campaign_id: int, key: str, seen: str, user_id: int, delay_seconds: int) -> Campaign:
    """Freeze a draft and let it be sent; the same call again changes nothing.

    `key` is the one-use key of the review, `seen` the digest of the preview it showed. Raises
    StalePreviewError where something changed since, DomainError where it cannot be sent.
    """
    session = tenancy.session()
    # The same key on two drafts at the same moment: the second waits here and then finds the first.
    session.execute(
        select(func.pg_advisory_xact_lock(func.hashtextextended(f"tidings.confirm:{key}", tenancy.scope())))
    )
    used = session.scalar(
        select(Campaign).where(Campaign.team_id == tenancy.scope(), Campaign.confirm_key == key)
    )
    if used is not None:
        return used
    campaign = locked_campaign(campaign_id)
    if campaign.state != CampaignState.DRAFT:
        return campaign
    now = clock.now()
    # Also what time has made impossible since: a start that has passed, a limit before it.
    preview = drafts.recheck(campaign)
    _check_sendable(campaign, preview, seen)
    campaign.confirm_key = key
    campaign.preview_hash = preview.digest
    campaign.confirmed_by = user_id
    campaign.confirmed_at = now
    # Whoever writes to one person waits for the phone beside them.
    at_once = campaign.kind == Kind.TEST or preview.recipients == 1
    campaign.begin_at = campaign.send_at or now + timedelta(seconds=0 if at_once else delay_seconds)
    campaign.start_by = moments.start_by(campaign.send_at)
    campaign.state = CampaignState.PLANNING
    account = drafts.account_of(campaign.account_id)
    if not account.usable:
        # It has nothing left, which may change before this campaign's turn comes.
        campaign.paused_by_machine, campaign.paused_at = _REASON_OF[account.state], now
    tallies.begin(campaign, preview.recipients)
    session.execute(select(func.partition_ensure(now.date())))
    audit("campaign.sent", "campaign", campaign.id, recipients=preview.recipients, parts=preview.cost)
    jobs.enqueue("campaigns.wake_sender", campaign.team_id, once="wake")
    return campaign


def release_account(account_id: int) -> None:
    """The account answers again: its blocked batches are planned and its campaigns go on by themselves."""
    session = tenancy.session()
    keys = session.execute(
        select(Batch.campaign_id, Batch.no)
        .where(
            Batch.team_id == tenancy.scope(),
            Batch.account_id == account_id,
            Batch.state == BatchState.BLOCKED,
        )
        .order_by(Batch.campaign_id, Batch.no)
        .with_for_update(key_share=True)
    ).all()
    if keys:
        # Both states are counted as waiting, so no tally moves.
        session.execute(
            update(Batch)
            .where(
                Batch.team_id == tenancy.scope(),
                Batch.account_id == account_id,
                Batch.state == BatchState.BLOCKED,
            )
            .values(state=BatchState.PLANNED, wake_at=None)
            .execution_options(synchronize_session=False)
        )
    for campaign in session.scalars(
        select(Campaign)
        .where(
            Campaign.team_id == tenancy.scope(),
            Campaign.account_id == account_id,
            Campaign.paused_by_machine.in_(ACCOUNT_REASONS),
        )
        .order_by(Campaign.id)
        .with_for_update(key_share=True)
    ):
        audit("campaign.resumed_by_machine", "campaign", campaign.id, why=campaign.paused_by_machine)
        campaign.paused_by_machine = campaign.paused_at = None
        campaign.resumed_at = clock.now()


def release_well_accounts() -> None:
    """The sweep behind `release_account`: whatever still waits for an account that is well goes on."""
    session = tenancy.session()
    waiting = session.scalars(
        select(GatewayAccount).where(
            GatewayAccount.team_id == tenancy.scope(),
            GatewayAccount.disabled_at.is_(None),
            or_(
                select(Batch.no)
                .where(
                    Batch.team_id == tenancy.scope(),
                    Batch.account_id == GatewayAccount.id,
                    Batch.state == BatchState.BLOCKED,
                )
                .exists(),
                select(Campaign.id)
                .where(
                    Campaign.team_id == tenancy.scope(),
                    Campaign.account_id == GatewayAccount.id,
                    Campaign.state.in_(STOPPABLE),
                    Campaign.paused_by_machine.in_(ACCOUNT_REASONS),
                )
                .exists(),
            ),
        )
    ).all()
    for account in waiting:
        if account.usable:
            release_account(account.id)


def accounts_with_oversized() -> list[int]:
    """The sweep behind the job that cuts batches: accounts that take fewer numbers than was planned for."""
    return list(
        tenancy.session().scalars(
            select(GatewayAccount.id).where(
                GatewayAccount.team_id == tenancy.scope(),
                select(Batch.no)
                .where(
                    Batch.team_id == tenancy.scope(),
                    Batch.account_id == GatewayAccount.id,
                    Batch.state.in_((BatchState.PLANNED, BatchState.RETRY)),
                    Batch.size > GatewayAccount.numbers_per_request,
                )
                .exists(),
            )
        )
    )


def pause_for_accounts(now: datetime) -> None:
    """Campaigns whose account cannot be used pause and say why, whatever it was that stopped the account."""
    session = tenancy.session()
    for campaign in session.scalars(
        select(Campaign)
        .join(
            GatewayAccount,
            and_(GatewayAccount.team_id == Campaign.team_id, GatewayAccount.id == Campaign.account_id),
        )
        .where(
            Campaign.team_id == tenancy.scope(),
            Campaign.state.in_(STOPPABLE),
            Campaign.paused_by_machine.is_(None),
            or_(GatewayAccount.disabled_at.is_not(None), GatewayAccount.state.in_(tuple(_REASON_OF))),
        )
        .order_by(Campaign.id)
        .with_for_update(key_share=True, of=Campaign)
    ):
        account = drafts.account_of(campaign.account_id)
        reason = "switched_off" if account.disabled_at is not None else _REASON_OF[account.state]
        campaign.paused_by_machine, campaign.paused_at = reason, now
        audit("campaign.paused_by_machine", "campaign", campaign.id, why=reason)


def stop_account(account_id: int, now: datetime) -> None:
    """An account cannot be used as it is: its campaigns pause and it waits for a person."""
    session = tenancy.session()
    for campaign in session.scalars(
        select(Campaign)
        .where(
            Campaign.team_id == tenancy.scope(),
            Campaign.account_id == account_id,
            Campaign.state.in_(STOPPABLE),
            Campaign.paused_by_machine.is_(None),
        )
        .order_by(Campaign.id)
        .with_for_update(key_share=True)
    ):
        campaign.paused_by_machine, campaign.paused_at = "wrong_address", now
        audit("campaign.paused_by_machine", "campaign", campaign.id, why="wrong_address")
    session.flush()
    accounts.set_misconfigured(account_id)


def split_oversized(account_id: int) -> int:
    """Cut planned batches that are larger than the account's limit, a hundred at a time; returns how many."""
    session = tenancy.session()
    limit = session.scalar(
        select(GatewayAccount.numbers_per_request).where(
            GatewayAccount.team_id == tenancy.scope(), GatewayAccount.id == account_id
        )
    )
    if limit is None:
        return 0
    rows = session.execute(
        statements.OVERSIZED, {"team": tenancy.scope(), "account": account_id, "limit": limit}
    ).all()
    for row in rows:
        halving.replace_by_halves(row.campaign_id, row.no, counted=False)
    return len(rows)


def _check_sendable(campaign: Campaign, preview: drafts.Preview, seen: str) -> None:
    if preview.digest != seen:
        raise StalePreviewError(
            _("Something changed since you looked. Nothing was sent; please look again before you confirm.")
        )
    account = drafts.account_of(campaign.account_id)
    if account.disabled_at is not None:
        raise DomainError(_("This gateway account is switched off. Nothing was sent."))
    if account.state in {"broken", "frozen", "misconfigured"}:
        raise DomainError(
            _("The gateway refuses this account at the moment. Mend the account first; nothing was sent.")
        )
    if not preview.affordable:
        raise DomainError(
            _(
                "Not enough balance: this needs %(need)s messages and %(have)s are left. Nothing was sent.",
                need=f"{preview.cost:,}",
                have=f"{preview.balance or 0:,}",
            )
        )
