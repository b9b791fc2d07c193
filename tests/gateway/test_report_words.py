"""Each word that a report may have: what it makes of a message, and which of two wins."""

from __future__ import annotations

import pytest

from webapp.gateway.report_words import meaning

FAILED_CODES = ("MI", "MJ", "MK", "MN", "MA", "MB", "CA", "CB", "DA", "DB", "IA", "IB", "ID")


@pytest.mark.parametrize(
    ("word", "rank", "outcome"),
    [
        ("DELIVRD", 4, "delivered"),
        *((word, 3, "failed") for word in ("UNDELIV", "EXPIRED", "REJECTD", "DELETED")),
        ("UNKNOWN", 2, "failed"),
        ("ACCEPTD", 1, None),
        *((f"{letters}:0001", 3, "failed") for letters in FAILED_CODES),
        *((f"{letters}:0001", 2, "failed") for letters in ("MM", "MC", "IC")),
        ("ML:0001", 1, None),
        ("delivrd", 4, "delivered"),
        ("mk:00a1", 3, "failed"),
        ("ZZ:0001", 2, "other"),
        ("MK:001", 2, "other"),
        ("MK:00001", 2, "other"),
        ("XMK:0001", 2, "other"),
        ("WHATEVER", 2, "other"),
        ("", 2, "other"),
    ],
)
def test_what_a_word_says(word: str, rank: int, outcome: str | None) -> None:
    said = meaning(word)
    assert (said.rank, said.outcome) == (rank, outcome)
