"""Passwords: which ones are taken, and how they are kept.

No rules of composition: length and a list of what everybody uses are what helps. Hashing is meant to cost
memory and time, so at most two run at once in a process; whoever would wait longer is told to try again,
instead of a flood of tries taking the machine with it.
"""

from __future__ import annotations

import functools
import threading
import unicodedata
from collections.abc import Iterable
from pathlib import Path

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from flask_babel import gettext as _
from werkzeug.exceptions import TooManyRequests

from webapp.errors import DomainError

SHORTEST = 12
MOST_BYTES = 1024
WAIT_SECONDS = 2.0
# What must remain of a password when the person's own words and all digits are taken out.
OWN_SHARE = 5

COMMON = Path(__file__).with_name("common_passwords.txt")
PRODUCT = "tidings"

# The least that OWASP's password storage sheet advises for argon2id; about 50 ms here.
_hasher = PasswordHasher(memory_cost=19456, time_cost=2, parallelism=1)
_slots = threading.BoundedSemaphore(2)


class TooBusy(TooManyRequests):
    """More passwords are waiting to be checked than this process takes on at once."""


def check_password(password: str, context: Iterable[str] = ()) -> None:
    """Raise DomainError (field "password") for one that may not be chosen.

    `context` is what belongs to the person: e-mail address, team names.
    """
    if _bytes(password) is None:
        raise DomainError(_("This password is too long. Use at most 1,024 bytes."), "password")
    text = unicodedata.normalize("NFC", password)
    if len(text) < SHORTEST:
        raise DomainError(
            _("Use at least %(n)s characters. A few words in a row are fine.", n=SHORTEST), "password"
        )
    if _is_common(text):
        raise DomainError(_("Too many people use this password. Choose another one."), "password")
    if _is_own_name(text, context):
        raise DomainError(
            _("This password is your address or a name with a few characters added. Choose another one."),
            "password",
        )


def hash_password(password: str) -> str:
    """The argon2id hash to keep. Raises TooBusy; ValueError for a password over 1,024 bytes."""
    data = _bytes(password)
    if data is None:
        raise ValueError("a password that check_password refuses")
    with _Slot():
        return _hasher.hash(data)


def verify_password(kept: str | None, password: str) -> bool:
    """Whether the password is the one kept. With None (nobody by that name) it takes as long and says no.

    Raises TooBusy.
    """
    data = _bytes(password)
    # Made for everybody, so that the first try for nobody does not take longer by having to make it.
    nobody = _nobody()
    known = kept if kept is not None and data is not None else nobody
    with _Slot():
        try:
            _hasher.verify(known, data or b"-")
        except (VerificationError, InvalidHashError):
            return False
    return known is kept


def needs_rehash(kept: str) -> bool:
    """Whether a hash was made with older costs than today's."""
    return _hasher.check_needs_rehash(kept)


class _Slot:
    """One of the two places at the hasher; TooBusy when none is free in time."""

    def __enter__(self) -> None:
        if not _slots.acquire(timeout=WAIT_SECONDS):
            raise TooBusy

    def __exit__(self, *_error: object) -> None:
        _slots.release()


def _bytes(password: str) -> bytes | None:
    """What is hashed: the same characters give the same bytes however a keyboard composes them."""
    # Normalising a long run of combining characters takes minutes.
    if len(password) > 2 * MOST_BYTES:
        return None
    data = unicodedata.normalize("NFC", password).encode("utf-8", "surrogatepass")
    return data if len(data) <= MOST_BYTES else None


@functools.cache
def _nobody() -> str:
    return _hasher.hash(b"the password of nobody")


@functools.cache
def common_passwords() -> frozenset[str]:
    """The shipped list of refused passwords, casefolded."""
    lines = COMMON.read_text(encoding="utf-8").splitlines()
    return frozenset(line.casefold() for line in lines if line and not line.startswith("#"))


def _is_common(text: str) -> bool:
    folded = text.casefold()
    return folded in common_passwords() or _is_one_piece_repeated(folded)


def _is_one_piece_repeated(text: str) -> bool:
    """ "aaaaaaaaaaaa", "abcabcabcabc": up to four characters over and over."""
    return any((text[:size] * len(text))[: len(text)] == text for size in range(1, 5))


def _is_own_name(text: str, context: Iterable[str]) -> bool:
    squeezed = _squeeze(text)
    for name in (PRODUCT, *_pieces(context)):
        piece = _squeeze(name)
        if len(piece) >= 3 and piece in squeezed:
            rest = [character for character in squeezed.replace(piece, "") if not character.isdigit()]
            if len(rest) < OWN_SHARE:
                return True
    # Only digits and signs around too little else is caught by the list; a whole sentence never is.
    return False


def _pieces(context: Iterable[str]) -> Iterable[str]:
    for text in context:
        yield text
        local, _at, domain = text.partition("@")
        yield local
        yield domain.partition(".")[0]


def _squeeze(text: str) -> str:
    return "".join(character for character in text.casefold() if character.isalnum())
