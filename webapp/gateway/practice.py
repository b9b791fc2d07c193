"""Connecting the practice gateway without typing anything.

A real gateway's customer service makes the account and enters the callback address by hand; the practice
gateway has a small HTTP door for both. It is reached over HTTP alone, like the real one.
"""

from __future__ import annotations

import json
from dataclasses import dataclass

from flask import current_app
from flask_babel import lazy_gettext as _l

from webapp.errors import DomainError
from webapp.gateway import addresses
from webapp.gateway.client import SHORT, shared_client
from webapp.gateway.exchange import Exchange, Kind
from webapp.sealing import Secret
from webapp.settings import settings_of


@dataclass(frozen=True)
class PracticeAccount:
    """What the practice gateway made for us, and the token of the address that it will post reports to."""

    uid: Secret
    pwd: Secret
    token: str


def is_on() -> bool:
    """Whether the operator runs a practice gateway."""
    return settings_of(current_app).practice


def make_account() -> PracticeAccount:
    """Let the practice gateway make an account that knows its callback address.

    Call it with no transaction open. Raises DomainError where the practice gateway does not answer.
    """
    token = addresses.new_token()
    values = _ask("accounts", {"url": _address(token)})
    uid, pwd = values.get("uid"), values.get("pwd")
    if not isinstance(uid, str) or not isinstance(pwd, str) or not uid or not pwd:
        raise DomainError(_l("The practice gateway answered something unreadable. Try again in a minute."))
    return PracticeAccount(Secret(uid), Secret(pwd), token)


def enter_address(uid: Secret, pwd: Secret, token: str) -> None:
    """Tell the practice gateway where an account's reports go from now on. Raises DomainError."""
    _ask("callback", {"uid": uid.reveal(), "pwd": pwd.reveal(), "url": _address(token)})


def _address(token: str) -> str:
    return addresses.callback_url(settings_of(current_app), token, practice=True)


def _ask(door: str, values: dict[str, str]) -> dict[str, object]:
    settings = settings_of(current_app)
    if not settings.practice:
        raise DomainError(_l("The practice gateway is switched off on this site."))
    url = f"http://{settings.practice_bind}/practice/{door}"
    return _values(shared_client().post(url, json.dumps(values).encode(), SHORT))


def _values(exchange: Exchange) -> dict[str, object]:
    if exchange.kind is not Kind.ANSWERED:
        raise DomainError(
            _l(
                "The practice gateway is not running. Whoever runs this site starts it together with the "
                "program (“make run”) or by itself (“python -m webapp.practice”)."
            )
        )
    try:
        values = json.loads(exchange.body)
    except (ValueError, RecursionError):
        return {}
    if not isinstance(values, dict):
        return {}
    if exchange.http_status == 422:
        raise DomainError(_l("The practice gateway refused: %(reason)s", reason=str(values.get("error"))))
    return values
