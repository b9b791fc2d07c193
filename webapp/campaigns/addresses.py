"""Names for phone numbers in addresses.

An address is logged by proxies and kept by browsers, and somebody who sees masked numbers only may look at
it; so no number stands in one. Instead there stands a token: sealed with a key of this site, the same each
time, and tied to its team, its campaign and its purpose, so that it opens nowhere else.
"""

from __future__ import annotations

import base64
import binascii
import functools
import re
from typing import cast

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from flask import current_app

from webapp import tenancy

LONGEST = 80
_RECIPIENT = re.compile(r"(1[3-9][0-9]{9}|x[0-9a-f]{16}):([0-9]{1,5})", re.ASCII)
_DIGITS = re.compile(r"[0-9]{2,11}", re.ASCII)

Recipient = tuple[str, int]
"""A number of a campaign and which copy of it: the key of its message."""


def token_of(campaign_id: int, recipient: Recipient) -> str:
    """The name of one message of a campaign, 40 characters or so."""
    return _sealed("message", campaign_id, f"{recipient[0]}:{recipient[1]}")


def recipient_of(campaign_id: int, token: str) -> Recipient | None:
    """The message that a token names; None for a token of another campaign or team, or none at all."""
    found = _RECIPIENT.fullmatch(_opened("message", campaign_id, token))
    return (found[1], int(found[2])) if found else None


def search_token(campaign_id: int, digits: str) -> str:
    """The name of a search for some digits of a number."""
    return _sealed("search", campaign_id, digits)


def searched_digits(campaign_id: int, token: str) -> str | None:
    """What a search is for; None for a token that is none here."""
    digits = _opened("search", campaign_id, token)
    return digits if _DIGITS.fullmatch(digits) else None


def _sealed(purpose: str, campaign_id: int, text: str) -> str:
    sealed = _cipher().encrypt(text.encode("ascii"), _place(purpose, campaign_id))
    return base64.urlsafe_b64encode(sealed).decode("ascii").rstrip("=")


def _opened(purpose: str, campaign_id: int, token: str) -> str:
    """What was sealed, "" where nothing of this place was."""
    if not token.isascii() or len(token) > LONGEST:
        return ""
    try:
        sealed = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
        return _cipher().decrypt(sealed, _place(purpose, campaign_id)).decode("ascii")
    except (binascii.Error, ValueError, InvalidTag):
        return ""


def _place(purpose: str, campaign_id: int) -> list[bytes]:
    return [purpose.encode("ascii"), str(tenancy.scope()).encode("ascii"), str(campaign_id).encode("ascii")]


def _cipher() -> AESSIV:
    return _cipher_for(cast(str, current_app.config["SECRET_KEY"]))


@functools.lru_cache(maxsize=4)
def _cipher_for(secret_key: str) -> AESSIV:
    derive = HKDF(algorithm=SHA256(), length=64, salt=None, info=b"tidings: numbers in addresses")
    return AESSIV(derive.derive(secret_key.encode("utf-8")))
