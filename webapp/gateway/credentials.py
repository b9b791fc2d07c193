"""From an account to what a call needs: the gateway's address and the opened credentials.

Opened where they are used and kept nowhere: no cache, no attribute of a row.
"""

from __future__ import annotations

from dataclasses import dataclass

from flask import current_app
from flask_babel import lazy_gettext as _l

from webapp.errors import DomainError
from webapp.gateway.models import GatewayAccount
from webapp.sealing import Secret, unseal
from webapp.sealing import key_ring as key_ring
from webapp.settings import settings_of

UID, PWD, TOKEN = "uid", "pwd", "callback_token"  # names of sealed fields


class GatewayGoneError(DomainError):
    """The operator no longer lists this account's gateway."""


@dataclass(frozen=True)
class Credentials:
    """What one call needs. `version` is the account's when they were opened."""

    base_url: str
    uid: Secret
    pwd: Secret
    version: int


def base_url_of(gateway: str) -> str:
    """The address behind a key of the operator's list. Raises GatewayGoneError."""
    url = settings_of(current_app).gateways.get(gateway)
    if url is None:
        raise GatewayGoneError(
            _l("The operator of this site no longer offers the gateway of this account. Nothing was sent.")
        )
    return url


def open_credentials(account: GatewayAccount) -> Credentials:
    """Open an account's credentials. Raises GatewayGoneError, SealError, MissingKeyError."""
    ring = key_ring()
    return Credentials(
        base_url=base_url_of(account.gateway),
        uid=unseal(ring, account.team_id, account.id, UID, account.sealed_uid),
        pwd=unseal(ring, account.team_id, account.id, PWD, account.sealed_pwd),
        version=account.version,
    )
