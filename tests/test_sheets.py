"""Sheets open as what was written, whatever somebody put into a name."""

from __future__ import annotations

import csv
import io
import tracemalloc
import zipfile
from collections.abc import Iterator

import pytest
from openpyxl import load_workbook

from webapp import sheets

HOSTILE = [
    '=HYPERLINK("http://x","click")',
    "+44 20 7946 0958",
    "-2+3",
    "@SUM(A1)",
    "\t=1+1",
    "\r=1+1",
    "\n=1+1",
    "\0=1+1",
    "  =1+1",
    "＝1+1",
    "＋1",
    "－1",
    "＠x",
]


def _csv(rows: list[list[sheets.Cell]]) -> list[list[str]]:
    text = b"".join(sheets.csv_bytes(rows)).decode("utf-8-sig")
    return list(csv.reader(io.StringIO(text, newline="")))


def _xlsx(rows: list[list[sheets.Cell]], title: str = "People") -> list[list[object]]:
    content = io.BytesIO(b"".join(sheets.xlsx_bytes(title, rows)))
    sheet = load_workbook(content, read_only=True).worksheets[0]
    return [[cell.value for cell in row] for row in sheet.iter_rows()]


@pytest.mark.parametrize("cell", HOSTILE)
def test_a_formula_is_only_a_text_in_a_csv(cell: str) -> None:
    assert sheets.safe(cell) == "'" + cell
    assert _csv([[cell]])[0][0].startswith("'")


@pytest.mark.parametrize("cell", HOSTILE[:9])
def test_a_formula_is_only_a_text_in_an_xlsx(cell: str) -> None:
    content = io.BytesIO(b"".join(sheets.xlsx_bytes("People", [[cell]])))
    first = load_workbook(content).worksheets[0]["A1"]
    assert first.data_type == "s"
    assert str(first.value).strip("\ufffd\n\t ") == cell.strip("\0\r\n\t ")
    with zipfile.ZipFile(content) as packed:
        sheet = packed.read("xl/worksheets/sheet1.xml")
    assert b"<f>" not in sheet
    assert b"hyperlink" not in sheet


@pytest.mark.parametrize("cell", ["王芳", "a=b", "13800002071", "O'Neill", "1-2", "", " x", "'=1"])
def test_what_is_no_formula_stays_as_it_is(cell: str) -> None:
    assert sheets.safe(cell) == cell


def test_a_csv_holds_whatever_a_cell_holds() -> None:
    rows: list[list[sheets.Cell]] = [
        ["手机号", "姓名", "note"],
        ["13800002071", 'says "hi", then\r\nleaves', "😀"],
        [13800002071, None, -5],
    ]
    raw = b"".join(sheets.csv_bytes(rows))
    assert raw.startswith(b"\xef\xbb\xbf")
    assert raw.endswith(b"\r\n")
    assert _csv(rows) == [*rows[:2], ["13800002071", "", "-5"]]


def test_an_empty_sheet_is_a_sheet() -> None:
    assert b"".join(sheets.csv_bytes([])) == b"\xef\xbb\xbf"
    assert _xlsx([]) == []


def test_an_xlsx_keeps_texts_as_texts_and_numbers_as_numbers() -> None:
    rows: list[list[sheets.Cell]] = [
        ["手机号", "parts"],
        ["013800002071", 2],
        ["http://x/", None],
        ["1e5", 0],
    ]
    assert _xlsx(rows) == rows


@pytest.mark.parametrize("cell", ["a\x00b", "a\x0bb", "a\x1fb", "a\ufffeb", "a\uffffb", "a\ud800b"])
def test_what_xml_cannot_say_does_not_break_an_xlsx(cell: str) -> None:
    assert _xlsx([[cell]]) == [["a\ufffdb"]]
    assert _csv([[cell]])[0][0].startswith("a")


@pytest.mark.parametrize("letter", ["长", "😀"])
def test_a_cell_that_is_too_long_is_cut_and_marked(letter: str) -> None:
    [[cell]] = _xlsx([[letter * 40_000]])
    assert isinstance(cell, str)
    assert cell.endswith("…")
    assert len(cell.encode("utf-16-le")) <= 2 * sheets.MOST_XLSX_TEXT
    assert set(cell[:-1]) == {letter}


@pytest.mark.parametrize("title", ["", "'", "a/b:c[d]*?\\", "x" * 80, "History", "' name '", "双11：😀\x00"])
def test_any_name_can_be_a_title(title: str) -> None:
    assert _xlsx([["x"]], title) == [["x"]]


def test_more_rows_than_an_xlsx_holds_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sheets, "MOST_XLSX_ROWS", 3)
    assert len(_xlsx([["x"]] * 3)) == 3
    with pytest.raises(sheets.TooManyRowsError):
        _xlsx([["x"]] * 4)


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
def test_many_rows_take_little_memory(kind: str) -> None:
    def rows() -> Iterator[list[sheets.Cell]]:
        for n in range(20_000):
            yield [f"1380000{n:04}", "王芳" * 20, n]

    tracemalloc.start()
    try:
        made = sheets.csv_bytes(rows()) if kind == "csv" else sheets.xlsx_bytes("x", rows())
        size = sum(len(piece) for piece in made)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert size > 100_000
    assert peak < 2_000_000
