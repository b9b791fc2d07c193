"""What becomes of a row: what Excel does to numbers, what people type, what must not be kept."""

from __future__ import annotations

import json

import pytest

from webapp.contacts.imports import guessing
from webapp.contacts.imports.models import Column
from webapp.contacts.imports.records import Record
from webapp.contacts.imports.sorting import Kind, Problem, Ready, Sorter

COLUMNS = [
    Column(head="手机", to="mobile", field=""),
    Column(head="姓名", to="name", field=""),
    Column(head="城市", to="field", field="城市"),
    Column(head="x", to="skip", field=""),
]


def sort(*cells: str) -> Ready | Problem:
    return Sorter(COLUMNS).sort(Record(2, list(cells), None))


@pytest.mark.parametrize(
    "said",
    [
        "13800138000", "138 0013 8000", "138-0013-8000", "+86 138 0013 8000", "0086-13800138000",
        "8613800138000", "13800138000.0", "13800138000.00",
        "１３８００１３８０００", "＋８６１３８００１３８０００",
        " 13800138000\u00a0", "\u200e13800138000\u202c", "'13800138000", '"13800138000"',
        "1.3800138000E+10", "1.3800138000e10",
    ],
)  # fmt: skip
def test_what_can_be_mended_without_guessing_is(said: str) -> None:
    assert sort(said, "王芳", "", "") == Ready("13800138000", "王芳", "{}")


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        ("1.38E+10", Kind.ROUNDED), ("1.38001E+10", Kind.ROUNDED), ("1,38E+10", Kind.NOT_MOBILE),
        ("+1 380 013 8000", Kind.FOREIGN), ("+852 9123 4567", Kind.FOREIGN),
        ("0044 7700 900123", Kind.FOREIGN),
        ("1380013800", Kind.NOT_MOBILE), ("138001380000", Kind.NOT_MOBILE), ("12800138000", Kind.NOT_MOBILE),
        ("hello", Kind.NOT_MOBILE), ("13800138000.5", Kind.NOT_MOBILE), ("1380013800O", Kind.NOT_MOBILE),
        ("13800138000/13900139000", Kind.NOT_MOBILE), ("#N/A", Kind.NOT_MOBILE), ("=A1", Kind.NOT_MOBILE),
        ("", Kind.EMPTY), ("  ", Kind.EMPTY), ("\u3000", Kind.EMPTY), ("1380013\ufffd000", Kind.BROKEN),
        ("138\x000138000", Kind.BROKEN), ("9" * 60_000, Kind.NOT_MOBILE),
    ],
)  # fmt: skip
def test_what_cannot_is_named(said: str, kind: Kind) -> None:
    assert sort(said, "王芳", "", "") == Problem(kind, 0)


def test_of_a_number_the_first_good_row_counts() -> None:
    sorter = Sorter(COLUMNS)
    results = [
        sorter.sort(Record(no, [mobile, name, "", ""], None))
        for no, (mobile, name) in enumerate(
            [("13800138000", "x" * 41), ("138 00138000", "a"), ("+8613800138000", "b"), ("13800138000", "a")]
        )
    ]
    assert results == [
        Problem(Kind.NAME, 1),
        Ready("13800138000", "a", "{}"),
        Problem(Kind.TWICE, 0),
        Problem(Kind.TWICE, 0),
    ]


def test_values_are_tidied_and_empty_ones_are_not_there() -> None:
    assert sort("13800138000", ' "王\t 芳"\u200b ', " 北\n京 ", "skipped") == Ready(
        "13800138000", "王 芳", '{"城市": "北 京"}'
    )
    assert sort("13800138000", "", "  ", "") == Ready("13800138000", "", "{}")
    assert sort("13800138000") == Ready("13800138000", "", "{}")


@pytest.mark.parametrize(
    "value", ['a"b', "a\\b", "\\N", "{0}", "</script>", "=1+1", "é", "👩‍👩‍👧", "\u0301a", "a/b"]
)
def test_odd_values_are_kept_as_they_are(value: str) -> None:
    result = sort("13800138000", value, value, "")
    assert isinstance(result, Ready)
    assert (result.name, json.loads(result.fields)) == (value, {"城市": value})


@pytest.mark.parametrize(
    ("name", "city", "problem"),
    [
        ("x" * 41, "", Problem(Kind.NAME, 1)),
        ("【店】", "", Problem(Kind.NAME, 1)),
        ("", "x" * 201, Problem(Kind.VALUE, 2)),
        ("", "a】", Problem(Kind.VALUE, 2)),
        ("王\ufffd", "", Problem(Kind.BROKEN, 1)),
        ("", "a\0b", Problem(Kind.BROKEN, 2)),
    ],
)
def test_values_that_no_text_can_take(name: str, city: str, problem: Problem) -> None:
    assert sort("13800138000", name, city, "") == problem


def test_what_stands_in_a_skipped_column_does_not_matter() -> None:
    assert sort("13800138000", "a", "b", "\ufffd" + "x" * 999) == Ready("13800138000", "a", '{"城市": "b"}')


def test_more_cells_than_columns() -> None:
    assert sort("13800138000", "a", "b", "", "", " ") == Ready("13800138000", "a", '{"城市": "b"}')
    assert sort("13800138000", "a", "b", "", "extra") == Problem(Kind.CELLS, 4)


def test_a_faulty_row_keeps_its_fault() -> None:
    assert Sorter(COLUMNS).sort(Record(1, ["13800138000"], "quotes")) == Problem(Kind.QUOTES, None)


# ---- guesses -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "separator"),
    [
        ("a,b\n1,2\n", ","), ("a;b\n1,5;2\n3;4,5\n", ";"), ("a\tb,c\n1\t2,3\n", "\t"), ("a|b\n1|2", "|"),
        ("a\nb\n", ","),
        ("", ","), ("sep=;\na,b;c\n", ";"), ('"a;b",c\n"d;e",f\n', ","), ("a,b\n" * 9 + "c\n", ","),
    ],
)  # fmt: skip
def test_the_separator_is_found(text: str, separator: str) -> None:
    assert guessing.separator(text) == separator


def test_in_a_paste_a_blank_may_separate() -> None:
    text = "13800138000 王芳\n13900139000 陈建国\n"
    assert guessing.separator(text) == ","
    assert guessing.separator(text, blanks=True) == " "


def guessed(*rows: list[str]) -> list[tuple[str, str]]:
    return [(one["to"], one["field"]) for one in guessing.columns(rows, guessing.has_header(rows))]


def test_columns_are_guessed_from_headings_and_content() -> None:
    found = guessed(
        ["会员号", "姓名", "手机", "城市", "", "problem", "{x}"],
        ["1001", "王芳", "13800138000", "北京", "", "why", "1"],
    )
    assert found[:4] == [("field", "会员号"), ("name", ""), ("mobile", ""), ("field", "城市")]
    assert found[4:] == [("skip", "")] * 3


def test_the_column_with_the_numbers_wins_over_one_that_is_called_so() -> None:
    assert guessed(["电话", "x"], ["", "13800138000"], ["", "13900139000"])[1] == ("mobile", "")
    assert guessed(["x", "手机"], ["13800138000", "13900139000"])[1] == ("mobile", "")


def test_a_column_of_shortened_numbers_is_the_phone() -> None:
    assert guessed(["列1", "列2"], ["1.38E+10", "a"], ["1.39E+10", "b"])[0] == ("mobile", "")


def test_without_headings() -> None:
    assert guessed(["13800138000", "王芳", "x9"], ["13900139000", "Li", "y8"]) == [
        ("mobile", ""), ("name", ""), ("skip", ""),
    ]  # fmt: skip


def test_no_phone_column_is_none() -> None:
    assert "mobile" not in {to for to, _field in guessed(["姓名", "会员号"], ["王芳", "1001"])}


def test_the_same_heading_twice_is_one_field() -> None:
    assert guessed(["手机", "城市", "城市"], ["13800138000", "a", "b"])[1:] == [
        ("field", "城市"),
        ("skip", ""),
    ]
