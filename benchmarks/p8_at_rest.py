"""P8: what the whole program costs while nothing happens, and how soon its first page is there.

Memory is PSS, which counts a shared page once however many processes hold it; CPU is what the kernel charged
all processes during the watch.
"""

from __future__ import annotations

import os
import tempfile
import time
from pathlib import Path

from benchmarks.program import Program

MOST_MIB = 300
MOST_CPU_PERCENT = 2.0
MOST_SECONDS = 5.0
WATCH_SECONDS = {"small": 3, "quick": 20, "full": 120}
TICKS = os.sysconf("SC_CLK_TCK")


def run(size: str) -> int:
    """Start everything in a folder of its own, twice (the first start makes the database), and measure."""
    with tempfile.TemporaryDirectory(prefix="tidings-bench-") as folder:
        Path(folder).chmod(0o755)
        first = Program(folder)
        first.stop()
        print(f"first start, with the making of the database: first page after {first.seconds:.1f} s")
        program = Program(folder)
        try:
            time.sleep(5)
            watch = WATCH_SECONDS[size]
            before = _cpu_seconds(program.process.pid)
            time.sleep(watch)
            cpu = 100 * (_cpu_seconds(program.process.pid) - before) / watch
            mib = _report_memory(program.process.pid)
        finally:
            program.stop()
    print(f"first page {program.seconds:.1f} s after the start (bound {MOST_SECONDS:.0f} s)")
    print(f"CPU at rest {cpu:.2f} % of one core over {watch} s (bound {MOST_CPU_PERCENT:.0f} %)")
    print(f"memory at rest {mib:.0f} MiB PSS (bound {MOST_MIB} MiB)")
    ratio = max(mib / MOST_MIB, cpu / MOST_CPU_PERCENT, program.seconds / MOST_SECONDS)
    print(f"P8 ratio {ratio:.2f} target <= 1.00 {'ok' if ratio <= 1 else 'short'}")
    return 0 if ratio <= 1 else 1


def _tree(root: int) -> list[int]:
    """The process and all that descend from it."""
    parents: dict[int, int] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            stat = _read(entry / "stat")
            if stat:
                parents[int(entry.name)] = int(stat.rpartition(")")[2].split()[1])
    members = {root}
    while True:
        more = {pid for pid, parent in parents.items() if parent in members} - members
        if not more:
            return sorted(members)
        members |= more


def _cpu_seconds(root: int) -> float:
    total = 0
    for pid in _tree(root):
        fields = _read(Path(f"/proc/{pid}/stat")).rpartition(")")[2].split()
        total += int(fields[11]) + int(fields[12]) if len(fields) > 12 else 0
    return total / TICKS


def _report_memory(root: int) -> float:
    by_name: dict[str, float] = {}
    for pid in _tree(root):
        command = _read(Path(f"/proc/{pid}/cmdline")).replace("\0", " ")
        name = _name_of(command)
        rollup = _read(Path(f"/proc/{pid}/smaps_rollup"))
        kib = next((int(line.split()[1]) for line in rollup.splitlines() if line.startswith("Pss:")), 0)
        by_name[name] = by_name.get(name, 0) + kib / 1024
    for name, mib in sorted(by_name.items(), key=lambda item: -item[1]):
        print(f"  {name:18} {mib:6.1f} MiB")
    return sum(by_name.values())


def _name_of(command: str) -> str:
    for mark, name in (
        ("gunicorn", "web"), ("webapp worker", "worker"), ("webapp.practice", "practice gateway"),
        ("supervisor", "supervisor"), ("postgres", "database"),
    ):  # fmt: skip
        if mark in command:
            return name
    return "other"


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""
