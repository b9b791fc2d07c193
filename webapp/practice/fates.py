"""What becomes of a number: fixed fates for ten numbers, chance for all others.

The ten numbers lie in a range of their own, so that a generated list of ten thousand does not meet them by
accident. Chance is a keyed hash, not a generator with a state: the same number under the same seed ends the
same way whatever the order and however many requests are under way, so a run can be repeated.
"""

from __future__ import annotations

from enum import StrEnum
from hashlib import blake2b

PREFIX = "1990000000"
FAILURE_WORDS = ("UNKNOWN", "UNDELIV", "EXPIRED", "REJECTD", "MK:0001", "MK:0012", "DB:0141")


class Fate(StrEnum):
    """The fixed fates; the value names the explanation on the page."""

    DELIVERED = "delivered"
    CODE_WORD = "code_word"
    UNDELIVERED = "undelivered"
    NEVER = "never"
    LATE = "late"
    REFUSED = "refused"
    ANSWER_LOST = "answer_lost"
    CODE_7 = "code_7"
    EARLY = "early"
    TWICE = "twice"


FATES: dict[str, Fate] = {f"{PREFIX}{digit}": fate for digit, fate in enumerate(Fate)}
_FIXED_WORDS: dict[str, str | None] = {
    number: {Fate.CODE_WORD: "MK:0001", Fate.UNDELIVERED: "UNDELIV", Fate.NEVER: None}.get(fate, "DELIVRD")
    for number, fate in FATES.items()
}


class Chance:
    """Repeatable chance under one seed."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self._key = str(seed).encode()[:64]
        self._draws = 0

    def of(self, about: str, word: str) -> float:
        """A number from 0 up to, not including, 100 that belongs to this question and word."""
        digest = blake2b(f"{about} {word}".encode(errors="replace"), digest_size=6, key=self._key).digest()
        return int.from_bytes(digest) * 100 / (1 << 48)

    def draw(self) -> float:
        """The next number of the one sequence of this run, from 0 up to, not including, 100."""
        self._draws += 1
        return self.of("draw", str(self._draws))


def fates_in(mobiles: str) -> set[Fate]:
    """The fixed fates among numbers joined by commas; cheap where there are none."""
    if PREFIX not in mobiles:
        return set()
    return {FATES[mobile] for mobile in mobiles.split(",") if mobile in FATES}


def report_word(mobile: str, chance: Chance, delivered_percent: float, failed_percent: float) -> str | None:
    """The status word a number is reported with, or None where it is never reported."""
    if mobile in _FIXED_WORDS:
        return _FIXED_WORDS[mobile]
    if delivered_percent >= 100:
        return "DELIVRD"
    share = chance.of("word", mobile)
    if share < delivered_percent:
        return "DELIVRD"
    if share < delivered_percent + failed_percent:
        return FAILURE_WORDS[int(chance.of("failure", mobile) * len(FAILURE_WORDS) / 100)]
    return None
