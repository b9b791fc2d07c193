"""`python -m tests.faults [F1 F2 …]`: every fault at its full size, and the table of what each did.

The tests are those of the test run; only their sizes differ. Each fault is a test process of its own with a
bound, in turn, so that none disturbs another and all of it ends by itself. What an interrupted run leaves is
in temporary folders alone: it can be begun anew at any time, with the faults that are missing.
"""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from tests.faults.rows import FILE, SIZE, Row, merged, read_rows

ROOT = Path(__file__).parents[2]
HEAD = ("fault", "tried", "hit", "lost", "twice", "second digests", "notes")
# For a test process that was told to end: it stops what it started.
END_SECONDS = 60


@dataclasses.dataclass(frozen=True)
class Fault:
    """The tests of a fault (a file or a test in it, in tests/faults), and how long they may take together."""

    tests: Sequence[str]
    minutes: float = 10


FAULTS = {
    "F1": Fault(["test_kills.py"], minutes=30),
    "F2": Fault(["test_stopped_worker.py"], minutes=15),
    "F3": Fault(["test_many_due.py"], minutes=10),
    "F4": Fault(["test_database_gone.py"], minutes=20),
    "F7": Fault(["test_answer_table.py"], minutes=10),
    "F8": Fault(["test_one_campaign.py", "test_one_cap.py"], minutes=5),
    "F9": Fault(["test_gateway_gone.py"], minutes=10),
    "F10": Fault(["test_moved_clock.py"], minutes=5),
    "F11": Fault(["test_corrected_account.py"], minutes=5),
    "F12": Fault(["test_full_disk.py"], minutes=10),
    "F13": Fault(["test_jumping_clock.py"], minutes=10),
    "F14": Fault(["test_random_moments.py"], minutes=15),
}


def main() -> int:
    """Run what is asked for; 1 if a row is red or missing."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults")
    parser.add_argument("faults", nargs="*", metavar="fault", help=f"of {', '.join(FAULTS)}; all unless said")
    chosen: list[str] = parser.parse_args().faults or list(FAULTS)
    if unknown := sorted(set(chosen) - set(FAULTS)):
        parser.error(f"no such fault: {', '.join(unknown)}")
    rows = [run(name, FAULTS[name]) for name in chosen]
    print("\n" + table(rows))
    return int(any(row.red for row in rows))


def run(name: str, fault: Fault) -> Row:
    """One fault: its row. Says at once how it went."""
    with tempfile.TemporaryDirectory(prefix="tidings-faults-") as folder:
        rows, log = Path(folder) / "rows", Path(folder) / "log"
        began = time.monotonic()
        code = _pytest(fault, rows, log, Path(folder) / "tests")
        seconds = time.monotonic() - began
        row = merged(name, read_rows(rows))
        if code != 0:
            sys.stdout.write(log.read_text(encoding="utf-8", errors="replace"))
            row = dataclasses.replace(row, wrong=(*row.wrong, ended(code, fault)))
    print(f"{name}: {'red' if row.red else 'green'} after {seconds:.0f} s", flush=True)
    return row


def ended(code: int | None, fault: Fault) -> str:
    """What a test process that did not end well is called in the table."""
    return f"not over after {fault.minutes:g} minutes" if code is None else "a test of it failed"


def _pytest(fault: Fault, rows: Path, log: Path, folder: Path) -> int | None:
    """The exit code of the fault's tests; None where they had to be ended."""
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", f"--basetemp={folder}",
               *(f"tests/faults/{test}" for test in fault.tests)]  # fmt: skip
    environ = {**os.environ, SIZE: "full", FILE: str(rows)}
    with log.open("wb") as file, subprocess.Popen(
        command, cwd=ROOT, env=environ, stdout=file, stderr=subprocess.STDOUT
    ) as running:  # fmt: skip
        try:
            return running.wait(timeout=fault.minutes * 60)
        except subprocess.TimeoutExpired:
            _end(running)
            return None


def _end(running: subprocess.Popen[bytes]) -> None:
    """Let the tests stop what they started; what is left after that is killed with them."""
    running.send_signal(signal.SIGINT)
    with contextlib.suppress(subprocess.TimeoutExpired):
        running.wait(timeout=END_SECONDS)
        return
    for pid in (*descendants(running.pid), running.pid):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def descendants(pid: int) -> list[int]:
    """The processes that this one started, and those that they started."""
    parents: dict[int, int] = {}
    for status in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            # The name in brackets may hold anything; the parent is the second word behind it.
            parents[int(status.parent.name)] = int(status.read_text().rpartition(")")[2].split()[1])
    found = [pid]
    for one in found:
        found += [child for child, parent in parents.items() if parent == one]
    return found[1:]


def table(rows: Sequence[Row]) -> str:
    """The rows as text, in columns."""
    lines = [HEAD, *(cells(row) for row in rows)]
    widths = [max(len(line[at]) for line in lines) for at in range(len(HEAD))]
    return "\n".join(" · ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
                     for line in lines)  # fmt: skip


def cells(row: Row) -> tuple[str, ...]:
    """A row's cells."""
    counts = (row.tried, row.hit, row.lost, row.twice, row.second_digests)
    said = [f"RED: {', '.join(row.red)}"] if row.red else []
    note = "; ".join([*said, row.note] if row.note else said)
    return (row.fault, *(f"{count:,}" for count in counts), note)


if __name__ == "__main__":
    sys.exit(main())
