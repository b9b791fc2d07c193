"""Reads about gateway accounts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from flask import current_app, url_for
from flask_babel import gettext as _
from sqlalchemy import select

from webapp import clock, tenancy
from webapp.accounts.models import User
from webapp.extensions import db
from webapp.frame import BalanceView
from webapp.gateway import addresses
from webapp.gateway.balances import BalanceOutcome
from webapp.gateway.credentials import TOKEN, key_ring
from webapp.gateway.models import BalanceReading, CallbackToken, GatewayAccount
from webapp.reading import ago
from webapp.sealing import SealError, unseal
from webapp.settings import settings_of

SHOWN_READINGS = 20


def accounts() -> Sequence[GatewayAccount]:
    """The team's accounts, the oldest first."""
    return db.session.scalars(
        select(GatewayAccount).where(GatewayAccount.team_id == tenancy.scope()).order_by(GatewayAccount.id)
    ).all()


def usable_accounts() -> list[GatewayAccount]:
    """The accounts that a campaign may be sent through now, the oldest first."""
    return [account for account in accounts() if account.usable]


def account(account_id: int) -> GatewayAccount | None:
    """One account of the team, or None."""
    return db.session.get(GatewayAccount, (tenancy.scope(), account_id))


def readings(
    account_id: int, most: int = SHOWN_READINGS, before: int | None = None
) -> Sequence[BalanceReading]:
    """The last balance readings of an account, the newest first; `before`: the id of the last one seen."""
    statement = select(BalanceReading).where(
        BalanceReading.team_id == tenancy.scope(), BalanceReading.account_id == account_id
    )
    if before is not None:
        statement = statement.where(BalanceReading.id < before)
    return db.session.scalars(statement.order_by(BalanceReading.id.desc()).limit(most)).all()


def reading(account_id: int, reading_id: int) -> BalanceReading | None:
    """One reading of an account of the team, or None."""
    return db.session.get(BalanceReading, (tenancy.scope(), account_id, reading_id))


def last_good_reading(account_id: int) -> BalanceReading | None:
    """The newest reading that the gateway answered with a balance."""
    return db.session.scalar(
        select(BalanceReading)
        .where(
            BalanceReading.team_id == tenancy.scope(),
            BalanceReading.account_id == account_id,
            BalanceReading.outcome == BalanceOutcome.OK,
        )
        .order_by(BalanceReading.id.desc())
        .limit(1)
    )


@dataclass(frozen=True)
class CallbackAddress:
    """A callback address as it is shown. url is None where its key is gone."""

    url: str | None
    created_at: datetime


def callback_addresses(of: GatewayAccount) -> list[CallbackAddress]:
    """The addresses that are valid now, the newest first; at most two."""
    rows = db.session.scalars(
        select(CallbackToken)
        .where(
            CallbackToken.team_id == tenancy.scope(),
            CallbackToken.account_id == of.id,
            CallbackToken.retired_at.is_(None),
        )
        .order_by(CallbackToken.created_at.desc())
    )
    return [CallbackAddress(_url(of, row), row.created_at) for row in rows]


def _url(of: GatewayAccount, row: CallbackToken) -> str | None:
    try:
        token = unseal(key_ring(), of.team_id, of.id, TOKEN, row.sealed_token)
    except SealError:
        return None
    settings = settings_of(current_app)
    return addresses.callback_url(settings, token.reveal(), practice=of.practice)


def person(user_id: int | None) -> str | None:
    """Who that was, for "set 12 May by …"; None for nobody or somebody who is gone."""
    user = db.session.get(User, user_id) if user_id is not None else None
    return user.title if user is not None else None


@dataclass(frozen=True)
class Balance:
    """An account with its newest readings, for pages."""

    account: GatewayAccount
    last: BalanceReading | None
    good: BalanceReading | None

    @property
    def left(self) -> int | None:
        """How many messages are left as far as is known."""
        return self.good.messages if self.good is not None else None

    def is_stale(self, now: datetime) -> bool:
        """Whether the last good reading is too old to be relied on."""
        return self.good is not None and now - self.good.read_at > _stale_after()

    @property
    def is_low(self) -> bool:
        """Whether nothing is left, or less than the line at which the team wants to be told."""
        return self.left is not None and self.left < (self.account.alert_below or 1)


def balances() -> list[Balance]:
    """Each account of the team with its last reading and its last good one."""
    return [
        Balance(one, next(iter(readings(one.id, most=1)), None), last_good_reading(one.id))
        for one in accounts()
    ]


def frame_balance() -> BalanceView | None:
    """What the frame of every page shows: the balance of the first account that is switched on."""
    first = next((one for one in accounts() if one.disabled_at is None), None)
    if first is None:
        return None
    balance = Balance(first, None, last_good_reading(first.id))
    return BalanceView(
        account=first.label,
        left=balance.left,
        url=url_for("balance.index"),
        note=_note(balance.good),
        low=balance.is_low,
        stale=balance.is_stale(clock.now()),
        practice=first.practice,
    )


def _stale_after() -> timedelta:
    every = settings_of(current_app).times.balance_every
    return timedelta(seconds=2 * every)


def _note(good: BalanceReading | None) -> str:
    if good is None:
        return ""
    if good.messages is None:
        return str(_("The gateway said “%(text)s”", text=good.said))
    return str(_("Checked %(ago)s", ago=ago(good.read_at)))
