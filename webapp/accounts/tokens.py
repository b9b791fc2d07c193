"""Secrets that open something by themselves: sessions, invitations, links to a new password.

256 random bits each. Only the SHA-256 is kept, so that who reads the tables opens nothing; no salt and no
slow hash are needed where nothing can be guessed.
"""

from __future__ import annotations

import hashlib
import secrets


def new_token() -> str:
    """A new secret, fit for a cookie or an address."""
    return secrets.token_urlsafe(32)


def digest(token: str) -> bytes:
    """What is kept of a secret, 32 bytes; any text has one."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()
