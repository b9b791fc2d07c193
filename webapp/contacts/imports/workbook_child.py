"""Reads one sheet of a workbook and writes its rows as CSV: alone, in a cage, for the file may be hostile.

`python -I workbook_child.py FILE [SHEET]` writes a line of JSON ({"sheets": [...], "sheet": name}) and then
the rows to its output, UTF-8. Ends with 0, or with one of the codes below. It knows nothing of the program: a
thousand bytes of workbook can ask for a terabyte of memory, and then this process is what dies.
"""

from __future__ import annotations

import csv
import io
import json
import resource
import sys
import zipfile
from datetime import date, datetime, time
from typing import Any

UNREADABLE, TOO_LARGE, TOO_WIDE, TOO_LONG, NO_SHEET = 10, 11, 12, 13, 14
MEMORY = 1 << 30
CPU_SECONDS = 30
MOST_MEMBERS = 1000
MOST_UNPACKED = 200 << 20
MOST_COLUMNS = 50
MOST_ROWS = 1_000_001
MOST_CELL = 65_000


def main() -> int:
    """Put up the bars, then read."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS + 1))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    path, wanted = sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else ""
    with zipfile.ZipFile(path) as packed:
        members = packed.infolist()
        if len(members) > MOST_MEMBERS or sum(one.file_size for one in members) > MOST_UNPACKED:
            return TOO_LARGE
    import openpyxl

    # It takes the guarded parser by itself where that is installed.
    if not openpyxl.DEFUSEDXML:
        return UNREADABLE
    book = openpyxl.load_workbook(path, read_only=True, data_only=True, keep_links=False)
    sheets = [sheet.title for sheet in book.worksheets]
    if not sheets:
        return NO_SHEET
    chosen = wanted if wanted in sheets else sheets[0]
    return write(book[chosen], sheets)


def write(sheet: Any, sheets: list[str]) -> int:
    """Write the rows. A blank row is a blank line, so that rows keep their numbers."""
    output = io.TextIOWrapper(sys.stdout.buffer, encoding="utf-8", errors="replace", newline="")
    output.write(json.dumps({"sheets": sheets, "sheet": sheet.title}) + "\n")
    writer = csv.writer(output, lineterminator="\n")
    sheet.reset_dimensions()
    blank = 0
    rows = 0
    for row in sheet.iter_rows(values_only=True):
        cells = [said(value) for value in row]
        while cells and not cells[-1]:
            cells.pop()
        if not cells:
            blank += 1
            continue
        if len(cells) > MOST_COLUMNS:
            return TOO_WIDE
        rows += 1
        if rows > MOST_ROWS:
            return TOO_LONG
        output.write("\n" * blank)
        blank = 0
        writer.writerow(cells)
    output.flush()
    return 0


def said(value: Any) -> str:
    """What a cell says. A number without a fraction has no point: a spreadsheet keeps all digits of it."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    if isinstance(value, datetime):
        whole_day = value.time() == time()
        return value.date().isoformat() if whole_day else value.isoformat(sep=" ", timespec="minutes")
    if isinstance(value, date | time):
        return value.isoformat()
    return str(value)[:MOST_CELL]


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (MemoryError, Exception):  # noqa: BLE001 # whatever is wrong with the file, it is the file
        sys.exit(UNREADABLE)
