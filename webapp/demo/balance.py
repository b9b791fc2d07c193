"""The demonstration's balance: weeks of readings with a top-up among them, and a line to be told at."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import func, select

from webapp import clock, tenancy
from webapp.campaigns.models import Batch, Campaign
from webapp.campaigns.states import BatchState
from webapp.database import id_at
from webapp.gateway import alerts
from webapp.gateway import operations as gateway
from webapp.gateway.answers import Why
from webapp.gateway.balances import BalanceOutcome, BalanceVerdict
from webapp.gateway.models import BalanceCause, BalanceReading, GatewayAccount

LINE = 20_000
# What was left that many days ago; the account was topped up when it had run low.
_BEFORE = ((24, 36_400), (21, 33_900), (18, 29_750), (16, 26_100), (14, 21_300), (12, 18_900), (11, 68_900))
_SINCE = (
    (9, 66_200),
    (7, 63_150),
    (6, 60_480),
    (5, 58_020),
    (4, 55_760),
    (3, 53_930),
    (2, 52_410),
    (1, 51_120),
)


def tell_history(account: GatewayAccount, now: datetime) -> None:
    """Let the weeks before today go by, a reading every few days; the caller commits."""
    alerts.set_line(account, LINE, None)
    for days, left in (*_BEFORE, *_SINCE):
        with clock.standing_at(now - timedelta(days=days)):
            read(account, left, BalanceCause.PERIODIC)
    with clock.standing_at(now - timedelta(hours=20)):
        no_answer = BalanceVerdict(BalanceOutcome.UNREACHABLE, Why.CONNECT_TIMEOUT)
        gateway.record_balance(account.id, account.version, no_answer, BalanceCause.PERIODIC)


def read(account: GatewayAccount, left: int, cause: BalanceCause) -> None:
    """As if the gateway had been asked for the balance."""
    said = BalanceVerdict(BalanceOutcome.OK, Why.ACCEPTED, str(left), left, 0)
    gateway.record_balance(account.id, account.version, said, cause)


def note_unchanged(account_id: int, at: datetime) -> None:
    """A reading that tells what the one before it told."""
    before = _before(account_id, at)
    if before is not None:
        _note(account_id, at, before)


def note_spent(campaign: Campaign, at: datetime, besides: int = 0) -> None:
    """A reading after a campaign was handed over: less what was taken, also besides."""
    session = tenancy.session()
    session.flush()
    taken = session.execute(
        select(func.coalesce(func.sum(Batch.parts * Batch.size), 0)).where(
            Batch.team_id == tenancy.scope(),
            Batch.campaign_id == campaign.id,
            Batch.state == BatchState.ACCEPTED,
        )
    ).scalar_one()
    before = _before(campaign.account_id, at)
    if before is not None:
        _note(campaign.account_id, at, before - int(taken) - besides)


def _before(account_id: int, at: datetime) -> int | None:
    return tenancy.session().scalar(
        select(BalanceReading.messages)
        .where(
            BalanceReading.team_id == tenancy.scope(),
            BalanceReading.account_id == account_id,
            BalanceReading.messages.is_not(None),
            BalanceReading.read_at < at,
        )
        .order_by(BalanceReading.read_at.desc())
        .limit(1)
    )


def _note(account_id: int, at: datetime, left: int) -> None:
    """A reading put in between those that are there, once; nobody is told of it, as nobody was then."""
    if tenancy.session().get(BalanceReading, (tenancy.scope(), account_id, id_at(at))) is not None:
        return
    tenancy.session().add(
        BalanceReading(
            team_id=tenancy.scope(),
            account_id=account_id,
            id=id_at(at),
            read_at=at,
            cause=BalanceCause.CAMPAIGN,
            outcome=BalanceOutcome.OK,
            why=Why.ACCEPTED,
            resp_code=0,
            said=str(left),
            messages=left,
        )
    )
    tenancy.session().flush()
