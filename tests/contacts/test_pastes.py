"""Lines of a number and a name, as they come out of spreadsheets and chat windows."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webapp.characters import CONTROL
from webapp.contacts.numbers import MOBILE, Reason
from webapp.contacts.pastes import HEADINGS, LeftOut, clean_name, read_paste


def left_out(text: str) -> list[tuple[int, str, str]]:
    return [(entry.line, entry.said, entry.reason) for entry in read_paste(text).left_out.listed]


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ("13800138000, 王芳", "王芳"),
        ("13800138000，王芳", "王芳"),
        ("13800138000\t王芳", "王芳"),
        ("13800138000;王芳;", "王芳"),
        ("13800138000 王芳", "王芳"),
        ("王芳, 13800138000", "王芳"),
        ("王芳\t13800138000", "王芳"),
        ("王芳 13800138000", "王芳"),
        ("13800138000 Wang Fang", "Wang Fang"),
        ("Wang Fang 13800138000", "Wang Fang"),
        ("+86 138 0013 8000 王芳", "王芳"),
        ("王芳 138-0013-8000", "王芳"),
        ("王芳\u3000１３８００１３８０００", "王芳"),
        ('"13800138000","Wang, Fang"'.replace(", ", "\u00b7"), "Wang\u00b7Fang"),
        ("13800138000, \u202d王\u200b芳\u202c ", "王芳"),
        ("13800138000,  Wang \u00a0 Fang  ", "Wang Fang"),
        ("13800138000, 3号楼王芳", "3号楼王芳"),
        ("13800138000, {name}", "{name}"),
        ("13800138000,", None),
        ("13800138000", None),
        ("13800138000, " + "芳" * 40, "芳" * 40),
    ],
)
def test_a_line_of_a_number_and_a_name(line: str, name: str | None) -> None:
    pasted = read_paste(line)
    assert pasted.names == {"13800138000": name}
    assert pasted.left_out.counts == {}


@pytest.mark.parametrize(
    ("line", "entry"),
    [
        # What may be a number gone wrong is never taken for a name.
        ("13800138000, 1.38E+10", (1, "1.38E+10", "rounded")),
        ("13800138000, 1380013800", (1, "1380013800", "too_short")),
        ("13800138000 1380013800O", (1, "1380013800O", "not_number")),
        ("13800138000, 手机13800138001", (1, "手机13800138001", "not_number")),
        ("13800138000, 02164312345", (1, "02164312345", "not_mobile")),
        ("13800138000, +1 380 013 8000", (1, "+1 380 013 8000", "foreign")),
        ("13800138000, 7", (1, "7", "too_short")),
        ("13800138000, -", (1, "-", "not_number")),
        ("13800138000, 😀", (1, "😀", "not_number")),
    ],
)
def test_what_is_no_name_is_listed_beside_a_good_number(line: str, entry: tuple[int, str, str]) -> None:
    assert read_paste(line).names == {"13800138000": None}
    assert left_out(line) == [entry]


def test_a_third_column_is_listed_and_the_first_word_is_the_name() -> None:
    assert read_paste("13800138000, 王芳, 金卡, 上海").names == {"13800138000": "王芳"}
    assert left_out("13800138000, 王芳, 金卡, 上海") == [(1, "金卡", "extra"), (1, "上海", "extra")]
    assert left_out("1, 王芳, 13800138000") == [(1, "1", "too_short")]


def test_several_numbers_on_a_line_have_no_name() -> None:
    pasted = read_paste("13800138000, 王芳, 13800138001")
    assert pasted.names == {"13800138000": None, "13800138001": None}
    assert left_out("13800138000, 王芳, 13800138001") == [(1, "王芳", "not_number")]


def test_a_damaged_number_and_its_name_are_one_entry() -> None:
    assert left_out("1.38E+10, 王芳") == [(1, "1.38E+10, 王芳", "rounded")]
    assert left_out("王芳 1.38E+10") == [(1, "王芳 1.38E+10", "rounded")]
    assert left_out("王芳 李雷\n王芳, 李雷") == [
        (1, "王芳 李雷", "not_number"),
        (2, "王芳", "not_number"),
        (2, "李雷", "not_number"),
    ]


def test_a_number_again_with_another_name_is_told_apart() -> None:
    text = (
        "13800138000, 王芳\n王芳 +86 13800138000\n13800138000\n13800138000, 李雷\n"
        "13800138001\n13800138001 韩梅"
    )
    assert read_paste(text).names == {"13800138000": "王芳", "13800138001": None}
    assert left_out(text) == [
        (2, "+86 13800138000", "twice"),
        (3, "13800138000", "twice"),
        (4, "13800138000, 李雷", "twice_other"),
        (6, "13800138001 韩梅", "twice_other"),
    ]


def test_a_line_with_a_name_that_cannot_be_sent_is_left_out_and_does_not_count_as_seen() -> None:
    text = f"13800138000, {'芳' * 41}\n13800138000, 【王】\n13800138000, 王芳"
    assert read_paste(text).names == {"13800138000": "王芳"}
    assert [(line, reason) for line, _, reason in left_out(text)] == [
        (1, "name_too_long"),
        (2, "name_brackets"),
    ]


def test_names_are_passed_over_where_nobody_asks_for_them() -> None:
    pasted = read_paste(f"13800138000, {'芳' * 41}\n13800138000, 李雷\n13800138001, 【王】", named=False)
    assert pasted.names == {"13800138000": None, "13800138001": None}
    assert pasted.left_out.counts == {"twice": 1}


@pytest.mark.parametrize(
    "heading", ["手机,姓名", "phone,name", "姓名\t手机号码", "\n\ufeffPhone number; Full name", "name phone"]
)
def test_a_heading_is_skipped_without_a_word_but_only_in_the_first_line(heading: str) -> None:
    assert left_out(f"{heading}\n13800138000, 王芳") == []
    assert read_paste(f"{heading}\n13800138000, 王芳").names == {"13800138000": "王芳"}
    assert left_out(f"13800138000, 王芳\n{heading}")


@pytest.mark.parametrize("line", ["手机,姓名,13800138000", "会员号,姓名", "name 13800138000"])
def test_a_first_line_that_says_more_is_no_heading(line: str) -> None:
    pasted = read_paste(line)
    assert pasted.mobiles or pasted.left_out.counts


def test_a_paste_of_nothing_but_rubbish_is_counted_whole_and_listed_in_part() -> None:
    pasted = read_paste("x," * 5000)
    assert pasted.left_out.counts == {"not_number": 5000}
    assert len(pasted.left_out.listed) == 500
    assert pasted.left_out.listed[0] == LeftOut(1, "x", Reason.NOT_NUMBER)


@pytest.mark.parametrize(
    "text", ["1 " * 100_000, "a," * 100_000, "13800138000 " + "a " * 100_000, ("( 1" * 40 + "\n") * 1000]
)
def test_a_long_paste_of_anything_is_read(text: str) -> None:
    """It must take time in proportion to its length; a run of this file would not end otherwise."""
    assert sum(read_paste(text).left_out.counts.values()) >= 1


@given(st.text(max_size=60))
def test_a_clean_name_is_one_line_that_stays_as_it_is(said: str) -> None:
    name = clean_name(said)
    assert clean_name(name) == name
    assert "\n" not in name
    assert not CONTROL.search(name)


LINES = st.lists(
    st.lists(
        st.sampled_from(
            [
                "13800138000",
                "13900139000",
                "1380013800",
                "王芳",
                "Wang",
                "-",
                "1.38E+10",
                "【x】",
                "号码",
                "芳" * 41,
            ]
        ),
        min_size=1,
        max_size=5,
    ),
    max_size=6,
)


@given(LINES, st.sampled_from([",", "，", "\t", ";", " "]), st.booleans())
def test_every_piece_is_accounted_for(lines: list[list[str]], between: str, named: bool) -> None:
    """Each line with a number or a damaged one is seen again: as a recipient, or with its reason."""
    text = "\n".join(between.join(line) for line in lines)
    pasted = read_paste(text, named=named)
    seen = {entry.line for entry in pasted.entries} | {entry.line for entry in pasted.left_out.listed}
    headings = {1} if lines and all(word.casefold() in HEADINGS for word in lines[0]) else set()
    assert seen == set(range(1, len(lines) + 1)) - headings
    numbers = sum(bool(MOBILE.fullmatch(word)) for line in lines for word in line)
    twice = sum(pasted.left_out.counts.get(reason, 0) for reason in ("twice", "twice_other"))
    bad_names = sum(pasted.left_out.counts.get(reason, 0) for reason in ("name_too_long", "name_brackets"))
    assert numbers == len(pasted.entries) + twice + bad_names
    assert sum(word == "1.38E+10" for line in lines for word in line) == pasted.left_out.counts.get(
        "rounded", 0
    )


@given(st.text(max_size=200))
def test_any_text_gives_clean_names_and_numbers_once(text: str) -> None:
    pasted = read_paste(text)
    assert len(set(pasted.mobiles)) == len(pasted.mobiles)
    for entry in pasted.entries:
        assert MOBILE.fullmatch(entry.mobile)
        assert entry.name is None or (0 < len(entry.name) <= 40 and not re.search("[【】\n\x00]", entry.name))
