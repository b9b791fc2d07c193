"""Names for the recipients of a campaign, and for searches among them, in addresses (see sealed_names)."""

from __future__ import annotations

import re

from webapp import sealed_names

_RECIPIENT = re.compile(r"(1[3-9][0-9]{9}|x[0-9a-f]{16}):([0-9]{1,5})", re.ASCII)
_DIGITS = re.compile(r"[0-9]{2,11}", re.ASCII)

Recipient = tuple[str, int]
"""A number of a campaign and which copy of it: the key of its message."""


def token_of(campaign_id: int, recipient: Recipient) -> str:
    """The name of one message of a campaign, 40 characters or so."""
    return sealed_names.seal("message", campaign_id, f"{recipient[0]}:{recipient[1]}")


def recipient_of(campaign_id: int, token: str) -> Recipient | None:
    """The message that a token names; None for a token of another campaign or team, or none at all."""
    found = _RECIPIENT.fullmatch(sealed_names.unseal("message", campaign_id, token))
    return (found[1], int(found[2])) if found else None


def search_token(campaign_id: int, digits: str) -> str:
    """The name of a search for some digits of a number."""
    return sealed_names.seal("search", campaign_id, digits)


def searched_digits(campaign_id: int, token: str) -> str | None:
    """What a search is for; None for a token that is none here."""
    digits = sealed_names.unseal("search", campaign_id, token)
    return digits if _DIGITS.fullmatch(digits) else None
