"""What is a mainland mobile number, and what a person meant when they pasted something like one.

Numbers come out of spreadsheets and chat windows: with spaces and dashes, in full-width digits, with +86 or
0086, or damaged by Excel. What can be mended without guessing is mended; the rest is listed with the reason.
A number that cannot be read is never sent to "probably".
"""

from __future__ import annotations

import re
import unicodedata
from enum import StrEnum

# Mainland mobile numbers: 11 digits, the first 1, the second 3 to 9.
MOBILE = re.compile(r"1[3-9][0-9]{9}")
# What people put between the digits of one number.
INSIDE = re.compile(r"[\s\-\u2010-\u2015\u00a0().·]+")
# What people put between or before the digits when they search for some of them.
BESIDE = re.compile(r"[\s().-]|^(?:\+|00)86(?=\d{11}$)")
ROUNDED = re.compile(r"[0-9](\.[0-9]+)?[eE]\+?[0-9]{1,2}")
# Quotation marks, and the invisible marks that chat windows and spreadsheets put around a number.
AROUND = "'\"`\u200b\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2060\ufeff"
# Longer is no number, however it is spaced; and normalising a long run of combining characters takes minutes.
MOST_READ = 64


class Reason(StrEnum):
    """Why something that was pasted is left out."""

    ROUNDED = "rounded"
    TOO_SHORT = "too_short"
    TOO_LONG = "too_long"
    FOREIGN = "foreign"
    NOT_MOBILE = "not_mobile"
    NOT_NUMBER = "not_number"
    TWICE = "twice"
    TWICE_OTHER = "twice_other"
    EXTRA = "extra"
    NAME_TOO_LONG = "name_too_long"
    NAME_BRACKETS = "name_brackets"
    VALUE_TOO_LONG = "value_too_long"


def read_mobile(said: str) -> str | Reason:
    """The number that `said` stands for, as 11 digits, or why it is none.

    Mends full-width digits, spaces and dashes, +86 / 0086 / 86 in front and a trailing `.0`. A `+` that is
    not +86 is foreign even where 11 digits beginning with 1 follow: +1 380… is American.
    """
    if MOBILE.fullmatch(said):
        return said
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


def typed_digits(typed: str) -> str:
    """What somebody typed to find a number, with nothing between its digits; "" for nothing."""
    return BESIDE.sub("", BESIDE.sub("", unicodedata.normalize("NFKC", typed).strip()))
