"""Balances are read every quarter of an hour, and soon after something was sent.

Rows say whose turn it is; the job of an account looks again before it calls, since the account may have
broken or been switched off while the job waited.
"""

from __future__ import annotations

from datetime import timedelta

import structlog
from flask import current_app

from webapp import clock, jobs, tenancy
from webapp.accounts.queries import people_in
from webapp.extensions import db
from webapp.gateway import alerts, calls, notices, queries
from webapp.gateway.credentials import GatewayGoneError
from webapp.gateway.models import AccountState, BalanceCause
from webapp.settings import settings_of

log = structlog.get_logger(__name__)

# While a campaign sends, its account's balance is at most this old.
WANTED_SECONDS = 10
MOST_A_ROUND = 500
ASKED_BY_MACHINES = frozenset({AccountState.UNTESTED, AccountState.OK, AccountState.OUT_OF_BALANCE})


@jobs.periodic("gateway.balances", "* * * * * */10")
def ask_due_balances() -> None:
    """Queue a balance call for each account that is due."""
    now = clock.now()
    every = settings_of(current_app).times.balance_every
    due = tenancy.door(
        "find accounts whose balance is due",
        "door_balances_due",
        regular_before=now - timedelta(seconds=every),
        wanted_before=now - timedelta(seconds=min(every, WANTED_SECONDS)),
        most=MOST_A_ROUND,
    )
    for row in due:
        jobs.enqueue("gateway.poll_balance", row.team_id, once=str(row.account_id), account_id=row.account_id)
    db.session.commit()


@jobs.job("gateway.poll_balance")
def poll_balance(account_id: int) -> None:
    """Read one account's balance because it was due."""
    read_balance(account_id, BalanceCause.PERIODIC)


@jobs.job("gateway.check_balance")
def check_balance(account_id: int) -> None:
    """Read one account's balance because a campaign changed it."""
    read_balance(account_id, BalanceCause.CAMPAIGN)


def read_balance(account_id: int, cause: BalanceCause) -> None:
    """Read an account's balance if a machine may ask for it. Commits."""
    account = queries.account(account_id)
    if account is None or account.disabled_at is not None or account.state not in ASKED_BY_MACHINES:
        return
    try:
        verdict = calls.check_balance(account, cause)
    except GatewayGoneError:
        log.warning("the gateway of an account is no longer listed", account=account_id)
        return
    log.info("balance read", account=account_id, outcome=str(verdict.outcome), why=str(verdict.why))


@jobs.job("gateway.tell_owners")
def tell_owners(account_id: int) -> None:
    """An account stopped working: its team's owners are told once."""
    account = queries.account(account_id)
    if account is not None and not account.usable:
        notices.tell_owners(account)


@jobs.job("gateway.tell_low")
def tell_low(account_id: int, reading_id: int, user_id: int) -> None:
    """A balance fell below its line: one of those who are to know is told."""
    account, reading = queries.account(account_id), queries.reading(account_id, reading_id)
    person = next((one for one in people_in(*alerts.TOLD) if one.id == user_id), None)
    if account is not None and reading is not None and person is not None:
        notices.tell_low(account, reading, person)
