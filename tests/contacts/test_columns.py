"""A paste whose first line names its columns: what is a heading, what a column, what Excel does to both."""

from __future__ import annotations

import pytest
from flask import Flask

from webapp.contacts.columns import MOST_COLUMNS, read
from webapp.contacts.pastes import Pasted

A, B = "13800138000", "13800138001"
WANTED = ("name", "城市", "时间")


@pytest.fixture(autouse=True)
def words(app: Flask) -> object:
    with app.test_request_context():
        yield


def entries(pasted: Pasted) -> list[tuple[str, str | None, dict[str, str]]]:
    return [(one.mobile, one.name, dict(one.fields)) for one in pasted.entries]


@pytest.mark.parametrize(
    "text",
    [
        f"手机,姓名,时间\n{A},王芳,9点",
        "\n\n\ufeff手机\t姓名\t时间\r\n+86 138-0013-8000\t王芳\t9点\r\n",
        f"时间；姓名；手机号码\n9点；王芳；{A}",
        f'"手机","姓名","时间"\n"{A}","王芳","9点"',
        f"客户姓名|Phone|时间|备注\n王芳|{A}.0|9点|x",
        "时间,时间,手机,姓名\n9点,10点,１３８００１３８０００,王芳",
    ],
)
def test_columns_are_found_by_their_heading(text: str) -> None:
    pasted = read(text, WANTED)
    assert entries(pasted) == [(A, "王芳", {"时间": "9点"})]
    assert pasted.left_out.counts == {}
    assert "时间" in pasted.columns


@pytest.mark.parametrize(
    ("text", "columns", "values"),
    [
        # The separator of the heading alone separates.
        (f"手机\t城市\n{A}\t北京,上海；广州", ("城市",), {"城市": "北京,上海；广州"}),
        (f'手机,城市\n{A},"北京,上海"', ("城市",), {"城市": "北京,上海"}),
        # What cannot be a field is a column all the same, so that the others stay where they are.
        (f"手机,{{x}},城市\n{A},y,北京", ("城市",), {"城市": "北京"}),
        (f"手机,,城市\n{A},y,北京", ("城市",), {"城市": "北京"}),
        (f"手机,城市\n{A}", ("城市",), {}),
        (f"手机,城市\n{A},  {{name}} \u200b ", ("城市",), {"城市": "{name}"}),
        # A value is not taken where the text has no place for it.
        (f"手机,积分\n{A},5", ("积分",), {}),
    ],
)
def test_what_stands_in_a_column(text: str, columns: tuple[str, ...], values: dict[str, str]) -> None:
    pasted = read(text, WANTED)
    assert pasted.columns == columns
    assert entries(pasted) == [(A, None, values)]


@pytest.mark.parametrize(
    "text",
    [
        f"{A}, 王芳, 9点", f"手机,姓名\n{A}, 王芳", f"姓名,时间\n{A}, 王芳", f"手机\n{A}, 王芳",
        f"手机,时间,{B}\n{A}, 王芳", "手机,时间,1380013\n" + A, "x" * 3000 + f",手机\n{A}",
        ",".join(["手机", *(f"c{n}" for n in range(MOST_COLUMNS))]) + f"\n{A}",
    ],
)  # fmt: skip
def test_other_first_lines_name_no_columns(text: str) -> None:
    pasted = read(text, WANTED)
    assert pasted.columns == ()
    assert A in pasted.mobiles


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("12345,王芳,9点", "too_short"),
        ("1.38E+10,王芳,9点", "rounded"),
        (",王芳,9点", "not_number"),
        ("王芳,9点", "not_number"),
        (f"{A},王芳,9点,x", "extra"),
        (f"{A},{'芳' * 41},9点", "name_too_long"),
        (f"{A},王芳,{'9' * 201}", "value_too_long"),
        (f"{A},【王】,9点", "name_brackets"),
        (f"{A},王芳,】", "name_brackets"),
        (f"{B},李雷,8点", "twice_other"),
        (f"{B},李雷,10点", "twice"),
    ],
)
def test_a_line_that_is_left_out_says_why(line: str, reason: str) -> None:
    pasted = read(f"手机,姓名,时间\n{B},李雷,10点\n{line}", WANTED)
    assert pasted.mobiles == [B]
    assert [(one.line, one.reason) for one in pasted.left_out.listed] == [(3, reason)]


def test_each_line_stays_where_that_is_asked_for() -> None:
    text = f"手机,时间\n{A},9点\n{A},10点\n{A},9点"
    assert [one.fields["时间"] for one in read(text, WANTED, each_line=True).entries] == [
        "9点",
        "10点",
        "9点",
    ]


def test_a_paste_of_any_size_takes_its_length() -> None:
    # Were it not so, this would not end.
    for text in ("手机,城市\n" + '13800138000,"' * 50_000, "手机,城市\n" + "x," * 300_000, "手机," * 200_000):
        assert sum(read(text, WANTED).left_out.counts.values()) >= 1
