"""That the benchmarks of sending run: a few numbers each, and nothing is timed."""

from __future__ import annotations

import pytest

from benchmarks import p3_dispatch, p4_texts, workers
from benchmarks.p3_dispatch import Round
from benchmarks.sending import house


def test_each_of_them_hands_over_what_it_was_given() -> None:
    with house() as one:
        sent = p3_dispatch._round(one, 300)
        texts = p4_texts._round(one, 20)
        rate = workers._rate(one, 3, 2)
    assert (sent.people, sent.rows > 0, sent.requests > 0) == (300, True, True)
    assert min(texts.floor, texts.program, rate) > 0


@pytest.mark.parametrize(
    ("rows", "seconds", "mib", "code", "end"),
    [
        (0.5, 1.0, 120, 0, "P3 ratio 1.67 target <= 2.0 ok"),
        (0.5, 1.5, 120, 1, "P3 ratio 2.50 target <= 2.0 short"),
        (0.5, 1.0, 160, 1, "P3 ratio 1.67 target <= 2.0 short"),
        (1.5, 1.0, 120, 2, "P3 floor too slow: 66,667 rows/s, less than 100,000"),
    ],
    ids=["ok", "slow", "fat", "floor"],
)
def test_the_last_line_says_how_it_went(
    capsys: pytest.CaptureFixture[str], rows: float, seconds: float, mib: float, code: int, end: str
) -> None:
    assert p3_dispatch._verdict("quick", [Round(100_000, rows, 0.1, seconds, mib)] * 3) == code
    assert capsys.readouterr().out.splitlines()[-1] == end
