"""When a campaign has handed over, and when it has finished."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import select, update

from webapp import jobs, tenancy
from webapp.campaigns import statements
from webapp.campaigns.models import Batch, Campaign
from webapp.campaigns.states import BatchState, CampaignState
from webapp.gateway.models import GatewayAccount


def note_handed_over(campaign_id: int, now: datetime) -> None:
    """When no batch of a campaign waits for anything any more, it waits for reports."""
    session = tenancy.session()
    row = session.execute(
        statements.HANDED_OVER, {"team": tenancy.scope(), "campaign": campaign_id, "now": now}
    ).first()
    if row is not None:
        _ask_balance(row.account_id)
        note_finished([campaign_id], now)


def note_stopped(campaign_id: int, now: datetime) -> None:
    """A stopping campaign has stopped once nothing of it is under way and its plan is complete."""
    row = tenancy.session().execute(
        statements.STOPPED, {"team": tenancy.scope(), "campaign": campaign_id, "now": now}
    ).first()  # fmt: skip
    if row is not None:
        _ask_balance(row.account_id)


def note_finished(campaign_ids: Sequence[int], now: datetime) -> None:
    """Campaigns of which every message is known have finished; a later report may still change a number."""
    tenancy.session().execute(
        update(Campaign)
        .where(
            Campaign.team_id == tenancy.scope(),
            Campaign.id.in_(campaign_ids),
            Campaign.state == CampaignState.WAITING_FOR_REPORTS,
            Campaign.waiting == 0,
            Campaign.unconfirmed == 0,
            Campaign.no_report == 0,
        )
        .values(state=CampaignState.FINISHED, finished_at=now)
        .execution_options(synchronize_session=False)
    )


def finish_those_no_longer_reported(now: datetime) -> None:
    """Reports are waited for as long as the account says (72 hours); then the campaign has finished too.

    Not while a person has to decide about a part of it. What they closed stays not confirmed for good.
    """
    session = tenancy.session()
    undecided = (
        select(Batch.no)
        .where(
            Batch.team_id == Campaign.team_id,
            Batch.campaign_id == Campaign.id,
            Batch.state == BatchState.UNCONFIRMED,
            Batch.open > 0,
        )
        .exists()
    )
    for account in session.scalars(select(GatewayAccount).where(GatewayAccount.team_id == tenancy.scope())):
        session.execute(
            update(Campaign)
            .where(
                Campaign.team_id == tenancy.scope(),
                Campaign.account_id == account.id,
                Campaign.state == CampaignState.WAITING_FOR_REPORTS,
                ~undecided,
                Campaign.handed_over_at < now - timedelta(seconds=account.report_expired_seconds),
            )
            .values(state=CampaignState.FINISHED, finished_at=now)
            .execution_options(synchronize_session=False)
        )


def _ask_balance(account_id: int) -> None:
    jobs.enqueue("gateway.check_balance", tenancy.scope(), once=str(account_id), account_id=account_id)
