"""Workbooks: what Excel keeps of a number, several sheets, and files made to kill whoever opens them."""

from __future__ import annotations

import datetime
import time
import zipfile
from io import BytesIO
from typing import Any

import pytest

from tests.contacts.imports.books import book, cell, raw_book
from tests.contacts.imports.bringing import Importer, sums
from webapp.contacts.imports import workbook, workbook_child

HEAD = ["手机", "姓名", "生日", "{x}"]


def read(content: bytes, wanted: str = "") -> tuple[str, list[str], list[str]]:
    with workbook.open_sheet([content], wanted) as sheet:
        lines = b"".join(sheet.content).decode().splitlines()
        return sheet.name, sheet.names, lines


def why(content: bytes) -> str:
    with pytest.raises(workbook.UnreadableError) as caught:
        read(content)
    return caught.value.why


def test_numbers_keep_all_their_digits() -> None:
    rows: list[list[Any]] = [
        [13800138000, 13800138000.0, "13800138000"],
        [1.38e10, 0.5, True],
        ["", None, "x"],
        [datetime.date(1990, 5, 1), datetime.datetime(2020, 1, 2, 3, 4), -3],  # noqa: DTZ001 # a cell has no zone
    ]
    assert read(book({"人员": rows}))[2] == [
        "13800138000,13800138000,13800138000",
        "13800000000,0.5,TRUE",
        ",,x",
        "1990-05-01,2020-01-02 03:04,-3",
    ]


def test_a_sheet_is_chosen_by_its_name_else_it_is_the_first() -> None:
    content = book({"一": [["a"]], "二": [["b"]]})
    assert read(content) == ("一", ["一", "二"], ["a"])
    assert read(content, "二") == ("二", ["一", "二"], ["b"])
    assert read(content, "gone")[0] == "一"


def test_blank_rows_keep_their_place() -> None:
    assert read(book({"S": [["a"], [], [None, None], ["b"], []]}))[2] == ["a", "", "", "b"]


def test_text_that_csv_would_misread_is_quoted() -> None:
    assert read(book({"S": [['a,"b"', "c\nd"]]}))[2] == ['"a,""b""","c', 'd"']


def test_two_cells_at_the_corners_of_a_sheet_are_no_bomb() -> None:
    content = raw_book(f'<row r="1">{cell("A1", "x")}</row><row r="1048576">{cell("XFD1048576", "y")}</row>')
    assert len(content) < 3000
    assert why(content) in {"too_many_columns", "unreadable"}


def test_a_workbook_that_unpacks_to_too_much() -> None:
    content = raw_book("", more={"xl/media/big.bin": bytes(workbook_child.MOST_UNPACKED + 1)})
    assert why(content) == "too_large"


def test_a_workbook_of_too_many_members() -> None:
    content = raw_book("", more={f"x/{n}": b"" for n in range(workbook_child.MOST_MEMBERS)})
    assert why(content) == "too_large"


def test_entities_that_multiply() -> None:
    prolog = '<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;">]>'
    assert why(raw_book(f'<row r="1">{cell("A1", "&b;")}</row>', prolog=prolog)) == "unreadable"


def test_entities_from_outside() -> None:
    prolog = '<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]>'
    assert why(raw_book(f'<row r="1">{cell("A1", "&a;")}</row>', prolog=prolog)) == "unreadable"


@pytest.mark.parametrize(
    "content", [b"PK\x03\x04 not really", book({"S": [["a"]]})[:500], b"PK\x03\x04" + bytes(5000)]
)
def test_what_is_no_workbook(content: bytes) -> None:
    assert why(content) == "unreadable"


def test_another_file_that_is_packed_alike() -> None:
    content = BytesIO()
    with zipfile.ZipFile(content, "w") as packed:
        packed.writestr("readme.txt", "hello")
    assert why(content.getvalue()) == "unreadable"


def test_too_many_columns() -> None:
    assert read(book({"S": [["x"] * 50]}))[2] == [",".join("x" * 50)]
    assert why(book({"S": [["x"] * 51]})) == "too_many_columns"


def test_one_that_takes_too_long_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workbook, "SECONDS", 0.3)
    rows = "".join(f'<row r="{n}">{cell(f"A{n}", "x")}</row>' for n in range(1, 200_000))
    began = time.monotonic()
    with pytest.raises(workbook.UnreadableError):
        read(raw_book(rows))
    assert time.monotonic() - began < 20


# ---- through the pages -------------------------------------------------------------------------------


def test_a_workbook_comes_in_like_any_file(imports: Importer) -> None:
    rows: list[list[Any]] = [
        HEAD,
        [13800138000, "王芳", datetime.date(1990, 5, 1)],
        ["1.38E+10", "陈建国", ""],
    ]
    import_id = imports.bring(book({"人员": rows, "空": []}), "people.xlsx")
    assert "Reading the file" in imports.page(import_id)
    imports.work()
    page = imports.page(import_id)
    assert '<option selected value="人员">' in page
    one = imports.check(import_id)
    assert (sums(one), one.problems) == ({"rows": 2, "ready": 1}, {"rounded": 1})
    imports.start(import_id)
    assert imports.people() == {"13800138000": ("王芳", {"生日": "1990-05-01"})}


def test_another_sheet_is_read_when_it_is_chosen(imports: Importer) -> None:
    import_id = imports.bring(
        book({"一": [["手机"], [13800138000]], "二": [["手机"], [13900139000]]}), "a.xlsx"
    )
    imports.work()
    answer = imports.post(
        f"imports/{import_id}/reading", encoding="utf-8", separator=",", sheet="二", header="y"
    )
    assert answer.status_code == 303
    assert imports.get(import_id).state == "reading"
    imports.work()
    imports.check(import_id)
    imports.start(import_id)
    assert list(imports.people()) == ["13900139000"]


def test_a_hostile_workbook_ends_in_words_and_the_next_one_is_read(imports: Importer) -> None:
    bomb = raw_book(f'<row r="1">{cell("A1", "x")}</row><row r="1048576">{cell("XFD1048576", "y")}</row>')
    first = imports.bring(bomb, "bomb.xlsx")
    second = imports.bring(book({"S": [["手机"], [13800138000]]}), "good.xlsx")
    imports.work()
    page = imports.page(first)
    assert "Nothing was imported" in page
    assert (imports.get(first).state, imports.get(second).state) == ("failed", "uploaded")


def test_an_empty_sheet_has_no_rows(imports: Importer) -> None:
    import_id = imports.bring(book({"空": []}), "empty.xlsx")
    imports.work()
    assert imports.get(import_id).why == "empty"
    assert "There is no row in this file" in imports.page(import_id)
