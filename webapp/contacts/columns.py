"""A paste whose first line names its columns, as it comes out of a spreadsheet.

One column is the number, one may be the name, and the others are fields that a text can have in braces. Where
the first line names no further column, the lines are read as people write them by hand (`pastes.py`).
"""

from __future__ import annotations

import csv
from collections.abc import Collection, Iterator

from webapp.contacts import fields
from webapp.contacts.numbers import AROUND, Reason, read_mobile
from webapp.contacts.pastes import (
    DIGITS_OF_A_NUMBER,
    MOST_VALUE,
    NAME_HEADINGS,
    PHONE_HEADINGS,
    Entry,
    Pasted,
    clean_name,
    read_paste,
)
from webapp.errors import DomainError

MOST_COLUMNS = 50
# A longer first line is no heading; to look whether it is takes time.
MOST_HEADING = 2000
# The first of these that stands in the heading separates the columns, and nothing else does.
SEPARATORS = "\t,;，；、|"
PHONE, NAME, NONE = "mobile", "name", ""


def read(text: str, wanted: Collection[str], *, each_line: bool = False) -> Pasted:
    """Read a paste, with its columns where its first line names some; else as `read_paste` does.

    Values of fields that are not `wanted` are passed over.
    """
    lines = iter(enumerate(text.splitlines(), start=1))
    heading = next((line for _number, line in lines if line.strip()), "")
    columns = _columns(heading)
    if columns is None:
        return read_paste(text, named=NAME in wanted, each_line=each_line)
    return _Columns(_separator(heading), columns, frozenset(wanted), each_line).read(lines)


def _separator(heading: str) -> str:
    return next((mark for mark in SEPARATORS if mark in heading), "")


def _columns(heading: str) -> list[str] | None:
    """What each column is: the number, the name, a field, or nothing that can be used. None: no heading."""
    separator = _separator(heading)
    if not separator or len(heading) > MOST_HEADING:
        return None
    cells = [cell.strip().strip(AROUND).strip() for cell in _cells(heading, separator)]
    if len(cells) > MOST_COLUMNS or any(_like_a_number(cell) for cell in cells):
        return None
    columns: list[str] = []
    for cell in cells:
        column = _column(cell)
        columns.append(NONE if column in columns else column)
    further = [column for column in columns if column not in {PHONE, NAME, NONE}]
    return columns if PHONE in columns and further else None


def _column(cell: str) -> str:
    word = cell.casefold()
    if word in PHONE_HEADINGS or word == PHONE:
        return PHONE
    if word in NAME_HEADINGS:
        return NAME
    try:
        return fields.tidy(cell)
    except DomainError:
        return NONE


def _like_a_number(cell: str) -> bool:
    return sum(map(str.isdigit, cell)) >= DIGITS_OF_A_NUMBER or not isinstance(read_mobile(cell), Reason)


def _cells(line: str, separator: str) -> list[str]:
    """The cells of a line; one in quotes may hold the separator."""
    try:
        return next(csv.reader([line], delimiter=separator), [])
    except csv.Error:
        return line.split(separator)


class _Columns:
    """Reads line after line by the columns, and remembers which numbers it has seen with which values."""

    def __init__(self, separator: str, columns: list[str], wanted: frozenset[str], each_line: bool) -> None:
        self._separator = separator
        self._columns = columns
        self._wanted = wanted
        self._each_line = each_line
        self._seen: dict[str, dict[str, str]] = {}
        kept = tuple(column for column in columns if column not in {PHONE, NAME, NONE})
        self.pasted = Pasted(columns=kept)

    def read(self, lines: Iterator[tuple[int, str]]) -> Pasted:
        """Read what follows the heading."""
        for line, content in lines:
            if content.strip():
                self._read(line, content)
        return self.pasted

    def _read(self, line: int, content: str) -> None:
        cells = [cell.strip() for cell in _cells(content, self._separator)]
        values = {
            column: clean_name(cell)
            for column, cell in zip(self._columns, cells, strict=False)
            if column in self._wanted and column != PHONE
        }
        said = next((cell for column, cell in zip(self._columns, cells, strict=False) if column == PHONE), "")
        number = read_mobile(said)
        name = values.pop(NAME, "")
        if isinstance(number, Reason):
            self._leave_out(line, said or content.strip(), number)
        elif any(cells[len(self._columns) :]):
            self._leave_out(line, content.strip(), Reason.EXTRA)
        elif len(name) > MOST_VALUE:
            self._leave_out(line, content.strip(), Reason.NAME_TOO_LONG)
        elif any(len(value) > fields.MOST_FIELD_VALUE for value in values.values()):
            self._leave_out(line, content.strip(), Reason.VALUE_TOO_LONG)
        elif any(mark in value for value in (name, *values.values()) for mark in "【】"):
            self._leave_out(line, content.strip(), Reason.NAME_BRACKETS)
        else:
            self._take(line, content, number, name, {key: value for key, value in values.items() if value})

    def _take(self, line: int, content: str, mobile: str, name: str, values: dict[str, str]) -> None:
        all_values = {NAME: name, **values}
        if self._each_line or mobile not in self._seen:
            self._seen[mobile] = all_values
            self.pasted.entries.append(Entry(mobile, name or None, line, values))
        elif self._seen[mobile] == all_values:
            self._leave_out(line, mobile, Reason.TWICE)
        else:
            self._leave_out(line, content.strip(), Reason.TWICE_OTHER)

    def _leave_out(self, line: int, said: str, reason: str) -> None:
        self.pasted.left_out.add(line, said, reason)
