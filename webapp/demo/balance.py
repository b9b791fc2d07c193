"""The demonstration's balance: weeks of readings with a top-up among them, and a line to be told at."""

from __future__ import annotations

from datetime import datetime, timedelta

from webapp import clock
from webapp.gateway import alerts
from webapp.gateway import operations as gateway
from webapp.gateway.answers import Why
from webapp.gateway.balances import BalanceOutcome, BalanceVerdict
from webapp.gateway.models import BalanceCause, GatewayAccount

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
