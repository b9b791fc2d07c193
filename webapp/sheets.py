"""Sheets to take away: CSV and XLSX that a spreadsheet opens as what was written, never as a formula.

Names and texts come from outside. A spreadsheet that opens a CSV runs what begins like a formula, so such a
cell gets an apostrophe; in an XLSX a text is stored as a text and needs none. Both are written row by row: a
million rows take no more memory than one.
"""

from __future__ import annotations

import csv
import io
import re
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import xlsxwriter  # type: ignore[import-untyped] # it carries no types

Cell = str | int | None

# A sheet of an XLSX holds no more rows, its header among them.
MOST_XLSX_ROWS = 1_048_576
# No more UTF-16 units fit into one cell there.
MOST_XLSX_TEXT = 32_767
PIECE = 1 << 16

# What begins a formula, in both widths, and characters that some programs skip before they look for one.
_BEGINS_A_FORMULA = ("=", "+", "-", "@", "＝", "＋", "－", "＠", "\t", "\r", "\n", "\0")
_NOT_IN_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_LINE_BREAK = re.compile("\r\n?")
_NOT_IN_A_TITLE = re.compile(r"[\[\]:*?/\\\x00-\x1f]")
_MOST_TITLE = 31


class TooManyRowsError(Exception):
    """There are more rows than a sheet of an XLSX holds; a CSV has no such end."""


def safe(cell: str) -> str:
    """A cell that no spreadsheet takes for a formula: an apostrophe before what begins like one."""
    begins = cell if cell.startswith(_BEGINS_A_FORMULA) else cell.lstrip()
    return f"'{cell}" if begins.startswith(_BEGINS_A_FORMULA) else cell


def csv_bytes(rows: Iterable[Sequence[Cell]]) -> Iterator[bytes]:
    """A CSV in pieces: UTF-8 with its mark, commas, CRLF. Numbers are written as digits, None as nothing."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    text.write("\ufeff")
    for row in rows:
        writer.writerow([safe(cell) if isinstance(cell, str) else cell for cell in row])
        if text.tell() >= PIECE:
            yield _taken(text)
    yield _taken(text)


def xlsx_bytes(title: str, rows: Iterable[Sequence[Cell]]) -> Iterator[bytes]:
    """An XLSX of one sheet in pieces; the first row is its header and stays in sight.

    The file lies on the disk while it is made, for its table of contents comes last. Raises TooManyRowsError.
    """
    with tempfile.TemporaryDirectory(prefix="tidings-sheet-") as folder:
        path = Path(folder) / "sheet.xlsx"
        _write_xlsx(path, folder, title, rows)
        with path.open("rb") as file:
            while piece := file.read(PIECE):
                yield piece


def _write_xlsx(path: Path, folder: str, title: str, rows: Iterable[Sequence[Cell]]) -> None:
    options = {
        "constant_memory": True,
        "tmpdir": folder,
        "strings_to_formulas": False,
        "strings_to_numbers": False,
        "strings_to_urls": False,
    }
    with xlsxwriter.Workbook(str(path), options) as book:
        sheet = book.add_worksheet(_title(title))
        sheet.freeze_panes(1, 0)
        for at, row in enumerate(rows):
            if at >= MOST_XLSX_ROWS:
                raise TooManyRowsError
            for column, cell in enumerate(row):
                if isinstance(cell, str):
                    sheet.write_string(at, column, _fitting(cell))
                elif cell is not None:
                    sheet.write_number(at, column, cell)


def _taken(text: io.StringIO) -> bytes:
    piece = text.getvalue().encode("utf-8", "replace")
    text.seek(0)
    text.truncate()
    return piece


def _fitting(cell: str) -> str:
    """A text that a cell can hold: without what XML cannot say, and with a mark where it was too long."""
    cell = _NOT_IN_XML.sub("\ufffd", _LINE_BREAK.sub("\n", cell))
    units = cell.encode("utf-16-le")
    if len(units) <= 2 * MOST_XLSX_TEXT:
        return cell
    return units[: 2 * (MOST_XLSX_TEXT - 1)].decode("utf-16-le", "ignore") + "…"


def _title(said: str) -> str:
    title = _NOT_IN_A_TITLE.sub(" ", said).strip(" '")[:_MOST_TITLE].strip(" '")
    # A spreadsheet keeps this one word for itself.
    return "Sheet" if title.casefold() in {"", "history"} else title
