"""SEARCH: how long somebody waits who looks for a contact among very many, through the program's own pages.

A search is what a browser does: the form is posted, the answer sends it on, and the list comes back. Both
requests count, with the whole page.
"""

from __future__ import annotations

import random
import statistics
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks.first_campaign import Browser
from benchmarks.program import Program

PEOPLE = {"small": 20_000, "quick": 200_000, "full": 1_000_000}
SEARCHES = {"small": 60, "quick": 300, "full": 300}
MOST_MS = 60.0
PASTE = 10_000
SEED = 20_261_124
FAMILIES = "王李张刘陈杨黄赵周吴徐孙马朱胡林何郭高罗"
GIVEN = "芳伟娜敏静丽强磊洋艳勇军杰娟涛明超霞平刚"


def run(size: str) -> int:
    """Fill an address book by pasting, search it in every way that has an index, and print the waits."""
    people = _people(PEOPLE[size])
    with tempfile.TemporaryDirectory(prefix="tidings-bench-") as folder:
        Path(folder).chmod(0o755)
        program = Program(folder)
        try:
            waits = _search(program, people, SEARCHES[size])
        finally:
            program.stop()
    for kind, times in waits.items():
        print(f"{kind}: median {statistics.median(times):.1f} ms, longest {max(times):.1f} ms")
    every = sorted(wait for times in waits.values() for wait in times)
    p95 = every[int(len(every) * 0.95)]
    well = p95 < MOST_MS
    print(
        f"{len(every)} searches among {len(people):,} contacts, one after the other: "
        f"median {statistics.median(every):.1f} ms"
    )
    print(f"SEARCH p95 {p95:.1f} ms target < {MOST_MS:.0f} ms {'ok' if well else 'short'}")
    return 0 if well else 1


def _people(number: int) -> list[tuple[str, str]]:
    chance = random.Random(SEED)  # the same people each time
    taken = chance.sample(range(13_000_000_000, 20_000_000_000), number)
    return [(str(mobile), chance.choice(FAMILIES) + "".join(chance.choices(GIVEN, k=2))) for mobile in taken]


def _search(program: Program, people: list[tuple[str, str]], searches: int) -> dict[str, list[float]]:
    browser = Browser(f"http://127.0.0.1:{program.web}")
    browser.get("/signup")
    browser.post("/signup", email="search@example.org", password="a pass-phrase of some length")  # noqa: S106
    team = browser.get("/").removesuffix("/start")
    for first in range(0, len(people), PASTE):
        lines = "\n".join(f"{mobile}, {name}" for mobile, name in people[first : first + PASTE])
        browser.get(f"{team}/contacts/paste")
        browser.post(f"{team}/contacts/paste", numbers=lines)
    waits: dict[str, list[float]] = {}
    browser.get(f"{team}/contacts")
    for kind, typed in _typed(people, searches):
        began = time.perf_counter()
        browser.post(f"{team}/contacts/find", q=typed)
        waits.setdefault(kind, []).append((time.perf_counter() - began) * 1000)
        if kind == "a whole number" and f"{typed[:3]} {typed[3:7]} {typed[7:]}" not in browser.page:
            raise SystemExit("somebody who is there was not found")
    return waits


def _typed(people: list[tuple[str, str]], searches: int) -> Iterator[tuple[str, str]]:
    """What is typed, each kind in turn, about somebody who is there."""
    chance = random.Random(SEED + 1)  # the same searches each time
    for _round in range(searches // 6):
        mobile, name = chance.choice(people)
        yield "a whole number", mobile
        yield "how a number begins", mobile[:7]
        yield "how very many numbers begin", mobile[:3]
        yield "the last four digits", mobile[-4:]
        yield "a whole name", name
        yield "a family name", name[0]
