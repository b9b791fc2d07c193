"""What the words of reports mean.

The gateway documents two, `DELIVRD` and `UNKNOWN`. Others come from the networks behind it, whose protocol
(CMPP, "Stat" of a status report) knows seven words and codes of two letters and four characters. The letters
say who gave up: MI, MJ, MK, MM and MN stand for EXPIRED, DELETED, UNDELIV, UNKNOWN and REJECTD as the message
centre said them, ML for ACCEPTD; MA, MB, CA, CB, DA, DB, IA, IB and ID for an error on the way; MC and IC for
"nobody reported". What is not known is never guessed: it is shown as it came and counts as no report.
"""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Word:
    """How a word counts: the higher rank wins, and between equals the earlier report.

    `outcome` is what it makes of a message: delivered, failed, other; None where it changes nothing.
    """

    rank: int
    outcome: str | None


ACCEPTED = Word(1, None)
NOT_KNOWN = Word(2, "failed")
OTHER = Word(2, "other")
FAILED = Word(3, "failed")
DELIVERED = Word(4, "delivered")

_WORDS = {
    "DELIVRD": DELIVERED,
    "UNKNOWN": NOT_KNOWN,
    "UNDELIV": FAILED,
    "EXPIRED": FAILED,
    "REJECTD": FAILED,
    "DELETED": FAILED,
    "ACCEPTD": ACCEPTED,
}
_CODE = re.compile(r"([A-Z]{2}):[0-9A-Z]{4}", re.ASCII)
_CODES = {"ML": ACCEPTED, "MM": NOT_KNOWN, "MC": NOT_KNOWN, "IC": NOT_KNOWN} | dict.fromkeys(
    ("MI", "MJ", "MK", "MN", "MA", "MB", "CA", "CB", "DA", "DB", "IA", "IB", "ID"), FAILED
)


def meaning(status: str) -> Word:
    """What a status word says, whatever its case."""
    word = status.upper()
    code = _CODE.fullmatch(word)
    if code:
        return _CODES.get(code[1], OTHER)
    return _WORDS.get(word, OTHER)
