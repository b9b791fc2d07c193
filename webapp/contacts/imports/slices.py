"""A file's rows, sorted and cut into slices of one transaction each.

A step that is taken up again reads the file from its beginning, for which numbers a file has said before can
be known in no other way, and hands out what lies behind the cursor.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from webapp.contacts.imports import files
from webapp.contacts.imports.models import ContactImport
from webapp.contacts.imports.records import Record
from webapp.contacts.imports.sorting import Problem, Ready, Sorter

# Rows of a slice. The more there are, the longer its commit takes, for which others who add contacts wait.
ROWS = 2000


@dataclass
class Slice:
    """Rows from behind `before` up to `cursor`: those to import, and those with a problem."""

    before: int
    cursor: int = 0
    ready: list[Ready] = field(default_factory=list)
    problems: list[tuple[Record, Problem]] = field(default_factory=list)

    @property
    def rows(self) -> int:
        """How many rows it has."""
        return len(self.ready) + len(self.problems)


def slices(one: ContactImport) -> Iterator[Slice]:
    """What is left of the import's file behind its cursor. Raises files.GoneError."""
    sort = Sorter(one.columns).sort
    before = one.cursor
    current = Slice(before)
    ready, problems = current.ready.append, current.problems.append
    count = 0
    for record in files.body(one):
        result = sort(record)
        if record.no <= before:
            continue
        if isinstance(result, Ready):
            ready(result)
        else:
            problems((record, result))
        count += 1
        if count == ROWS:
            current.cursor = record.no
            yield current
            current = Slice(record.no)
            ready, problems = current.ready.append, current.problems.append
            count = 0
    if count:
        current.cursor = record.no
        yield current
