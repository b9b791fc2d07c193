"""Names, for addresses, of what must not stand in one.

An address is logged by proxies and kept by browsers, and somebody who sees masked numbers only may look at
it; so neither a number nor what somebody searched for stands in one. Instead there stands a token: sealed
with a key of this site, the same each time, and tied to its team, its purpose and its place, so that it
opens nowhere else.
"""

from __future__ import annotations

import base64
import binascii
import functools
from typing import cast

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from flask import current_app

from webapp import tenancy

# Longer is none of ours: the longest holds the ids of the people of a page.
LONGEST = 2000


def seal(purpose: str, place: int, text: str) -> str:
    """The name of `text` for a purpose, at a place of the team at hand (a campaign's id; 0: all of it)."""
    sealed = _cipher().encrypt(text.encode("utf-8"), _place(purpose, place))
    return base64.urlsafe_b64encode(sealed).decode("ascii").rstrip("=")


def unseal(purpose: str, place: int, token: str) -> str:
    """What was sealed, "" where nothing of this purpose, place and team was."""
    if not token.isascii() or len(token) > LONGEST:
        return ""
    try:
        sealed = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
        return _cipher().decrypt(sealed, _place(purpose, place)).decode("utf-8")
    except (binascii.Error, ValueError, InvalidTag):
        return ""


def _place(purpose: str, place: int) -> list[bytes]:
    return [part.encode("ascii") for part in (purpose, str(tenancy.scope()), str(place))]


def _cipher() -> AESSIV:
    return _cipher_for(cast(str, current_app.config["SECRET_KEY"]))


@functools.lru_cache(maxsize=4)
def _cipher_for(secret_key: str) -> AESSIV:
    derive = HKDF(algorithm=SHA256(), length=64, salt=None, info=b"tidings: numbers in addresses")
    return AESSIV(derive.derive(secret_key.encode("utf-8")))
