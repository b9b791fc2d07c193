"""The table of faults: what makes a row red, how rows become a table, and that its runner ends by itself."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.faults.__main__ import FAULTS, descendants, table
from tests.faults.rows import FILE, Row, full, merged, read_rows, row_of, sized, tell

GOOD = Row("F1", tried=20, hit=10)


@pytest.mark.parametrize(
    ("row", "why"),
    [
        (GOOD, []),
        (Row("F1", 20, 20, note="so many"), []),
        (Row("F1", 20, 9), ["only 9 of 20 found their moment, so they tried too little"]),
        (Row("F1", 0, 0), ["nothing was tried"]),
        (Row("F1", 2, 2, lost=1), ["1 lost"]),
        (Row("F1", 2, 2, twice=3, second_digests=1), ["3 twice", "1 second digests"]),
        (Row("F1", 2, 2, wrong=("the page differs",)), ["the page differs"]),
    ],
    ids=["good", "noted", "missed", "untried", "lost", "twice", "wrong"],
)
def test_what_makes_a_row_red(
    row: Row, why: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(FILE, str(tmp_path / "rows"))
    assert row.red == why
    if why:
        with pytest.raises(AssertionError, match="F1: "):
            tell(row)
    else:
        tell(row)
    assert read_rows(tmp_path / "rows") == [row]


def test_several_tests_of_a_fault_make_one_row() -> None:
    rows = [
        GOOD,
        Row("F2", 1, 1),
        Row("F1", 2, 1, twice=1, note="ask"),
        Row("F1", 2, 2, note="ask", wrong=("x",)),
    ]
    assert merged("F1", rows) == Row("F1", 24, 13, twice=1, note="ask", wrong=("x",))
    assert merged("F9", rows).red == ["nothing was tried"]


def test_the_table() -> None:
    rows = [Row("F1", 1200, 1100, note="100,000 numbers"), Row("F14", 2, 0, lost=1)]
    assert table(rows).splitlines() == [
        "fault · tried · hit   · lost · twice · second digests · notes",
        "F1    · 1,200 · 1,100 · 0    · 0     · 0              · 100,000 numbers",
        "F14   · 2     · 0     · 1    · 0     · 0              · RED: 1 lost, only 0 of 2 "
        "found their moment, so they tried too little",
    ]


def test_figures_become_a_row() -> None:
    found = {"tried": 4, "hit": 3, "lost": 2, "twice": 1, "second_digests": 0, "unconfirmed": 9}
    assert row_of("F4", found, note="n") == Row("F4", 4, 3, 2, 1, 0, "n")
    assert row_of("F4", found, tried=1, hit=1).tried == 1


def test_sizes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TIDINGS_FAULTS", raising=False)
    assert (full(), sized(1, 2)) == (False, 1)
    monkeypatch.setenv("TIDINGS_FAULTS", "full")
    assert (full(), sized(1, 2, 0)) == (True, 2)
    monkeypatch.setenv("TIDINGS_FAULTS", "tiny")
    assert (sized(1, 2), sized(1, 2, 0)) == (1, 0)


def test_the_tests_of_each_fault_are_there() -> None:
    folder = Path(__file__).parent
    for fault in FAULTS.values():
        for test in fault.tests:
            file, _colons, name = test.partition("::")
            assert (folder / file).is_file(), test
            assert f"def {name.partition('[')[0]}" in (folder / file).read_text(encoding="utf-8"), test


def test_what_a_test_process_started_is_found() -> None:
    script = (
        "import subprocess, sys; subprocess.run([sys.executable, '-c', 'input()'], start_new_session=True)"
    )
    with subprocess.Popen([sys.executable, "-c", script], stdin=subprocess.PIPE) as running:
        deadline = time.monotonic() + 20
        while not (found := descendants(running.pid)) and time.monotonic() < deadline:
            time.sleep(0.01)
        assert len(found) == 1
        assert found[0] in descendants(os.getpid())
