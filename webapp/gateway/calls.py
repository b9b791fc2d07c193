"""Balance calls for people and jobs, with no transaction open while the gateway is being waited for.

This is the one place outside the sender that commits in the middle of a use case, and it must: a call may
take ten seconds, and a connection that is held for so long is one that other requests wait for.
"""

from __future__ import annotations

from webapp.accounts.throttle import Count, spend
from webapp.extensions import db
from webapp.gateway import operations, practice
from webapp.gateway.balances import BalanceVerdict, judge_balance
from webapp.gateway.client import SHORT, shared_client
from webapp.gateway.credentials import base_url_of, open_credentials
from webapp.gateway.models import BalanceCause, GatewayAccount
from webapp.sealing import Secret

# A gateway freezes an account after some wrong tries, so they are counted by account, whoever makes them.
TESTS = "5 per 1 hour"
CHECKS = "20 per 1 hour"


def try_credentials(gateway: str, uid: Secret, pwd: Secret) -> BalanceVerdict:
    """Ask for the balance with credentials that are not stored yet. Ends the present transaction.

    Raises TooManyTries, GatewayGoneError.
    """
    url = base_url_of(gateway)
    _count_test(operations.fingerprint_of(gateway, uid))
    db.session.commit()
    return judge_balance(shared_client().balance(url, uid, pwd, SHORT))


def check_balance(account: GatewayAccount, cause: BalanceCause) -> BalanceVerdict:
    """Ask for an account's balance and store what it brings. Commits before and after the call.

    Raises TooManyTries (for a person's causes), GatewayGoneError, SealError.
    """
    account_id = account.id
    credentials = open_credentials(account)
    if cause is BalanceCause.TEST:
        _count_test(account.fingerprint)
    elif cause is BalanceCause.MANUAL:
        spend(Count("gateway-check", CHECKS, (account.fingerprint.hex(),)))
    db.session.commit()
    exchange = shared_client().balance(credentials.base_url, credentials.uid, credentials.pwd, SHORT)
    verdict = judge_balance(exchange)
    operations.record_balance(account_id, credentials.version, verdict, cause)
    db.session.commit()
    return verdict


def tell_practice(account: GatewayAccount, token: str) -> None:
    """Enter a new callback address at the practice gateway, as customer service does at a real one.

    Ends the present transaction. Raises DomainError where that fails.
    """
    credentials = open_credentials(account)
    db.session.commit()
    practice.enter_address(credentials.uid, credentials.pwd, token)


def _count_test(fingerprint: bytes) -> None:
    spend(Count("gateway-test", TESTS, (fingerprint.hex(),)))
