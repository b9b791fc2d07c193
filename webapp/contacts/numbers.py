"""What is a mainland mobile number, and what a person meant when they pasted something like one.

Numbers come out of spreadsheets and chat windows: with spaces and dashes, in full-width digits, with +86 or
0086, or damaged by Excel. What can be mended without guessing is mended; the rest is listed with the reason.
A number that cannot be read is never sent to "probably".
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, field
from enum import StrEnum

# Mainland mobile numbers: 11 digits, the first 1, the second 3 to 9.
MOBILE = re.compile(r"1[3-9][0-9]{9}")
SEPARATORS = re.compile(r"[,;\t\r\n、，；|]+")
# What people put between the digits of one number.
INSIDE = re.compile(r"[\s\-\u2010-\u2015\u00a0().·]+")
ROUNDED = re.compile(r"[0-9](\.[0-9]+)?[eE]\+?[0-9]{1,2}")
# Quotation marks, and the invisible marks that chat windows and spreadsheets put around a number.
AROUND = "'\"`\u200b\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2060\ufeff"
MOST_SHOWN = 40
# Longer is no number, however it is spaced; and normalising a long run of combining characters takes minutes.
MOST_READ = 64


class Reason(StrEnum):
    """Why a pasted number is left out."""

    ROUNDED = "rounded"
    TOO_SHORT = "too_short"
    TOO_LONG = "too_long"
    FOREIGN = "foreign"
    NOT_MOBILE = "not_mobile"
    NOT_NUMBER = "not_number"
    TWICE = "twice"


@dataclass(frozen=True)
class LeftOut:
    """One piece of a paste that is not a recipient: its line (from 1), what it said, and why."""

    line: int
    said: str
    reason: Reason


@dataclass
class Pasted:
    """What a paste holds: usable numbers in the order given, each once, and what is left out."""

    mobiles: list[str] = field(default_factory=list)
    left_out: list[LeftOut] = field(default_factory=list)

    def counts(self) -> dict[Reason, int]:
        """How many were left out, by reason."""
        counts: dict[Reason, int] = {}
        for entry in self.left_out:
            counts[entry.reason] = counts.get(entry.reason, 0) + 1
        return counts


def read_mobile(said: str) -> str | Reason:
    """The number that `said` stands for, as 11 digits, or why it is none.

    Mends full-width digits, spaces and dashes, +86 / 0086 / 86 in front and a trailing `.0`. A `+` that is
    not +86 is foreign even where 11 digits beginning with 1 follow: +1 380… is American.
    """
    if len(said) > MOST_READ:
        return Reason.TOO_LONG if said.isdigit() else Reason.NOT_NUMBER
    text = unicodedata.normalize("NFKC", said).strip().strip(AROUND)
    if ROUNDED.fullmatch(text):
        return Reason.ROUNDED
    text = re.sub(r"\.0+$", "", text)
    international = text.startswith(("+", "00"))
    digits = INSIDE.sub("", text).removeprefix("+")
    if not (digits.isascii() and digits.isdigit()):
        return Reason.NOT_NUMBER
    digits = digits.removeprefix("00") if international else digits
    if digits.startswith("86") and (international or len(digits) == 13):
        digits = digits[2:]
    elif international:
        return Reason.FOREIGN
    if MOBILE.fullmatch(digits):
        return digits
    if len(digits) < 11:
        return Reason.TOO_SHORT
    return Reason.TOO_LONG if len(digits) > 11 else Reason.NOT_MOBILE


def read_paste(text: str) -> Pasted:
    """Read numbers separated by lines, commas, semicolons or tabs, or by spaces between whole numbers."""
    pasted = Pasted()
    seen: set[str] = set()
    for line, content in enumerate(text.splitlines(), start=1):
        for piece in _pieces(content):
            number = read_mobile(piece)
            if isinstance(number, Reason):
                pasted.left_out.append(LeftOut(line, piece[:MOST_SHOWN], number))
            elif number in seen:
                pasted.left_out.append(LeftOut(line, piece[:MOST_SHOWN], Reason.TWICE))
            else:
                seen.add(number)
                pasted.mobiles.append(number)
    return pasted


def _pieces(line: str) -> list[str]:
    """The pieces of a line. Spaces separate numbers only where each side is a number of its own."""
    pieces: list[str] = []
    for part in SEPARATORS.split(line):
        stripped = part.strip()
        if not stripped:
            continue
        if isinstance(read_mobile(stripped), Reason):
            words = stripped.split()
            whole = [word for word in words if not isinstance(read_mobile(word), Reason)]
            if whole and len(words) > 1:
                pieces.extend(words)
                continue
        pieces.append(stripped)
    return pieces
