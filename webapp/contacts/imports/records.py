"""Text as rows of cells: separated values, read line by line in little memory, whatever they say.

A row has the number that a spreadsheet shows beside it: rows are counted from 1, blank ones too, and a cell
of several lines is one row. A quotation mark that nobody closed must not swallow the rows after it, so a row
has a bound; one beyond it is handed out as faulty by itself, and reading goes on with the next line.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from typing import NamedTuple

MOST_LINE = 64 * 1024
MOST_LINES_OF_A_ROW = 50
# Of a line that is too long, so much is kept to be shown.
KEPT_OF_A_LINE = 200
SEPARATORS = (",", ";", "|", "\t")
BLANKS = " \t\u00a0\u3000\ufeff\0"


class Record(NamedTuple):
    """A row: its number in the file from 1, its cells, and what is wrong with it as a whole, if anything.

    `fault`: "quotes" or "line" (too long).
    """

    no: int
    cells: list[str]
    fault: str | None


def records(texts: Iterable[str], separator: str) -> Iterator[Record]:
    """The rows of a text that comes in pieces; blank ones are counted and left away."""
    lines = _Lines(texts)
    blank = BLANKS + separator
    no = 0
    for line in lines:
        if no == 0 and is_separator_line(line):
            continue
        no += 1
        if len(line) > MOST_LINE:
            yield Record(no, [line[:KEPT_OF_A_LINE]], "line")
        elif not line.strip(blank):
            continue
        elif '"' not in line:
            yield Record(no, line.split(separator), None)
        else:
            cells = _quoted(line, lines, separator)
            if cells is None:
                yield Record(no, line.split(separator), "quotes")
            elif any(cell.strip(BLANKS) for cell in cells):
                yield Record(no, cells, None)


def is_separator_line(line: str) -> bool:
    """Whether it is the line by which some programs tell a spreadsheet the separator; it shows none."""
    return len(line) == 5 and line.lower().startswith("sep=")


class _Lines:
    """Lines without their ends, one after the other; some can be handed back."""

    def __init__(self, texts: Iterable[str]) -> None:
        self._lines = _split(texts)
        self._again: list[str] = []

    def __iter__(self) -> Iterator[str]:
        while True:
            if self._again:
                yield self._again.pop()
                continue
            for line in self._lines:
                yield line
                if self._again:
                    break
            else:
                return

    def more(self) -> str | None:
        """The next line, or None at the end."""
        return self._again.pop() if self._again else next(self._lines, None)

    def hand_back(self, lines: list[str]) -> None:
        """Let these lines come once more."""
        self._again.extend(reversed(lines))


def _split(texts: Iterable[str]) -> Iterator[str]:
    kept = ""
    for piece in texts:
        text = kept + piece
        # The second half of a line's end may stand in the next piece.
        held = "\r" if text.endswith("\r") else ""
        if "\r" in text:
            text = text[: len(text) - len(held)].replace("\r\n", "\n").replace("\r", "\n")
        lines = text.split("\n")
        # Of a line without an end only as much is kept as shows that it is too long.
        kept = lines.pop()[: MOST_LINE + 1] + held
        yield from lines
    if kept:
        yield kept.removesuffix("\r")


def _quoted(first: str, lines: _Lines, separator: str) -> list[str] | None:
    """The cells of a row with quotation marks, maybe of several lines; None where the marks do not match."""
    taken = [first]

    def feed() -> Iterator[str]:
        yield first + "\n"
        size = len(first)
        while len(taken) < MOST_LINES_OF_A_ROW:
            line = lines.more()
            if line is None:
                return
            taken.append(line)
            size += len(line)
            if size > MOST_LINE:
                return
            yield line + "\n"

    try:
        return next(csv.reader(feed(), delimiter=separator, strict=True))
    except (csv.Error, StopIteration):
        lines.hand_back(taken[1:])
        return None
