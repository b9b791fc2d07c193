"""The table of faults: what one fault was tried on, and what it did.

Each fault test tells one row or more, with the figures that its own run gave:

    def test_something(…) -> None:
        found = figures_of(practice, empty, folder, uid, kills=kills)
        tell(row_of("F1", found, note="10,000 numbers"))

`tell` fails the test where the row is red, and otherwise adds it to the table. In the test run the sizes are
small; `python -m tests.faults` (`make faults`) runs the same tests with the full ones, which a test asks for
by `sized(short, full)`, and prints the table. A third size is for planted bugs, which any size must show.
"""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, TypeVar

T = TypeVar("T")

# Set by the runner: "full" or "tiny" for other sizes than the short ones, and the file of the rows.
SIZE = "TIDINGS_FAULTS"
FILE = "TIDINGS_FAULTS_ROWS"
HARM = ("lost", "twice", "second_digests")


@dataclasses.dataclass(frozen=True)
class Row:
    """How often a fault was tried and found its moment, and the harm that it did.

    `hit` are those of the tries that found a request open or a transaction under way. `wrong` says in words
    what else is not as it must be; it makes the row red.
    """

    fault: str
    tried: int
    hit: int
    lost: int = 0
    twice: int = 0
    second_digests: int = 0
    note: str = ""
    wrong: tuple[str, ...] = ()

    @property
    def red(self) -> list[str]:
        """Why the row cannot be accepted, in words; nothing where it can."""
        harm = [f"{getattr(self, name)} {name.replace('_', ' ')}" for name in HARM if getattr(self, name)]
        if not self.tried:
            harm.append("nothing was tried")
        elif self.hit * 2 < self.tried:
            harm.append(f"only {self.hit} of {self.tried} found their moment, so they tried too little")
        return [*harm, *self.wrong]


def full() -> bool:
    """Whether the full sizes are asked for."""
    return os.environ.get(SIZE) == "full"


def sized(short: T, large: T, tiny: T | None = None) -> T:
    """The first in the test run, the second for `make faults`, the third (if any) for a planted bug."""
    if full():
        return large
    return tiny if tiny is not None and os.environ.get(SIZE) == "tiny" else short


def row_of(
    fault: str,
    found: Mapping[str, Any],
    *,
    tried: int | None = None,
    hit: int | None = None,
    note: str = "",
    wrong: Iterable[str] = (),
) -> Row:
    """A row from what tests/faults/figures.py found. Tries and hits are those of its kills unless given."""
    return Row(
        fault=fault,
        tried=found["tried"] if tried is None else tried,
        hit=found["hit"] if hit is None else hit,
        lost=found["lost"],
        twice=found["twice"],
        second_digests=found["second_digests"],
        note=note,
        wrong=tuple(wrong),
    )


def unlike(found: Mapping[str, Any], wanted: Mapping[str, Any]) -> list[str]:
    """Where figures are not as wanted, in words."""
    return [
        f"{name} is {found[name]!r}, not {value!r}" for name, value in wanted.items() if found[name] != value
    ]


def tell(row: Row) -> None:
    """Add the row to the table, if there is one; an AssertionError where it is red."""
    if path := os.environ.get(FILE):
        with Path(path).open("a", encoding="utf-8") as file:
            file.write(json.dumps(dataclasses.asdict(row)) + "\n")
    assert row.red == [], f"{row.fault}: {'; '.join(row.red)} in {row}"


def read_rows(path: Path) -> list[Row]:
    """The rows that were told."""
    if not path.exists():
        return []
    lines = path.read_text(encoding="utf-8").splitlines()
    return [Row(**{**said, "wrong": tuple(said["wrong"])}) for said in map(json.loads, lines)]


def merged(fault: str, rows: Iterable[Row]) -> Row:
    """All rows of one fault as one: what they counted together, and what each had to say, once."""
    own = [row for row in rows if row.fault == fault]
    return Row(
        fault=fault,
        tried=sum(row.tried for row in own),
        hit=sum(row.hit for row in own),
        lost=sum(row.lost for row in own),
        twice=sum(row.twice for row in own),
        second_digests=sum(row.second_digests for row in own),
        note="; ".join(dict.fromkeys(row.note for row in own if row.note)),
        wrong=tuple(word for row in own for word in row.wrong),
    )
