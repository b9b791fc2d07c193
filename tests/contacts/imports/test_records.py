"""Rows of separated text: their numbers as a spreadsheet counts them, and quotes that would swallow rows."""

from __future__ import annotations

import random

import pytest

from webapp.contacts.imports.records import MOST_LINE, MOST_LINES_OF_A_ROW, Record, records


def rows(text: str, separator: str = ",", size: int = 5) -> list[Record]:
    pieces = [text[at : at + size] for at in range(0, len(text), size)]
    return list(records(pieces, separator))


def plain(text: str, separator: str = ",") -> list[tuple[int, list[str]]]:
    found = rows(text, separator)
    assert all(one.fault is None for one in found)
    return [(one.no, one.cells) for one in found]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_rows_and_separators(end: str, separator: str) -> None:
    text = end.join(separator.join(cells) for cells in (["a", "b"], ["c", ""], ["", "d"])) + end
    assert plain(text, separator) == [(1, ["a", "b"]), (2, ["c", ""]), (3, ["", "d"])]


def test_blank_rows_are_counted_and_left_away() -> None:
    assert plain("a,b\n\n , \n,,\n\u3000\nc,d") == [(1, ["a", "b"]), (6, ["c", "d"])]


def test_the_last_line_needs_no_end() -> None:
    assert plain("a,b\nc,d") == [(1, ["a", "b"]), (2, ["c", "d"])]
    assert plain("a,b\r") == [(1, ["a", "b"])]


def test_nothing_is_no_row() -> None:
    assert plain("") == plain("\n\n") == []


def test_quoted_cells() -> None:
    text = 'a,"b, c"\n"d ""e""",f\n"g\nh",i\n5" nail,j\n"",k\n""\n'
    assert plain(text) == [
        (1, ["a", "b, c"]),
        (2, ['d "e"', "f"]),
        (3, ["g\nh", "i"]),
        (4, ['5" nail', "j"]),
        (5, ["", "k"]),
    ]


def test_a_quotation_mark_that_nobody_closed_swallows_no_row() -> None:
    text = '1,"a\n2,b\n3,c\n' + "".join(f"{n},d\n" for n in range(4, 200))
    found = rows(text, size=50)
    assert [one.no for one in found] == list(range(1, 200))
    assert found[0] == Record(1, ["1", '"a'], "quotes")
    assert {one.fault for one in found[1:]} == {None}
    assert found[1].cells == ["2", "b"]


def test_two_such_marks_do_not_pair_up() -> None:
    text = '1,"a\n2,b\n3,"c\n4,d\n'
    assert [(one.no, one.fault) for one in rows(text)] == [(1, "quotes"), (2, None), (3, "quotes"), (4, None)]


def test_a_mark_at_the_very_end() -> None:
    assert [(one.no, one.fault) for one in rows('1,a\n2,"')] == [(1, None), (2, "quotes")]


def test_a_row_may_have_some_lines_but_not_any_number() -> None:
    few = '1,"' + "x\n" * (MOST_LINES_OF_A_ROW - 1) + '",2\n'
    assert [(one.no, one.fault) for one in rows(few, size=100)] == [(1, None)]
    many = '1,"' + "x\n" * MOST_LINES_OF_A_ROW + '",2\n'
    found = rows(many, size=100)
    assert found[0].fault == "quotes"
    assert found[1] == Record(2, ["x"], None)


def test_a_line_that_never_ends_is_one_faulty_row_and_takes_no_memory() -> None:
    text = "a,b\n" + "x" * (5 * MOST_LINE) + ",y\nc,d\n"
    found = rows(text, size=MOST_LINE // 3)
    assert [(one.no, one.fault) for one in found] == [(1, None), (2, "line"), (3, None)]
    assert len(found[1].cells[0]) <= 200


def test_a_long_quoted_cell_is_faulty_too() -> None:
    text = '1,"' + "\n".join(["x" * 9000] * 10) + '"\n2,b\n'
    found = rows(text, size=1000)
    assert found[0].fault == "quotes"
    assert found[-1].cells == ["2", "b"]


def test_the_line_that_tells_a_spreadsheet_the_separator_is_no_row() -> None:
    assert plain("sep=;\na;b\n", ";") == [(1, ["a", "b"])]


def test_odd_characters_end_no_line() -> None:
    assert plain("a\x0bb\x0cc\x85d\u2028e,f\n") == [(1, ["a\x0bb\x0cc\x85d\u2028e", "f"])]


def test_whatever_is_written_with_quotes_is_read_as_it_was() -> None:
    chance = random.Random(7)
    table = [
        ["".join(chance.choice('ab",\n\r;王 ') for _ in range(chance.randrange(6))) + "." for _ in range(3)]
        for _ in range(300)
    ]
    text = "".join(",".join('"' + cell.replace('"', '""') + '"' for cell in row) + "\r\n" for row in table)
    wanted = [[cell.replace("\r\n", "\n").replace("\r", "\n") for cell in row] for row in table]
    assert [one.cells for one in rows(text)] == wanted
