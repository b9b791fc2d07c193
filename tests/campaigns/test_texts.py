"""Characters and parts, as the gateway's page and the market count them, and what is filled into a text."""

from __future__ import annotations

import pytest
from flask import Flask
from hypothesis import given
from hypothesis import strategies as st

from webapp.campaigns.texts import Lengths, check_fields, check_refusal, clean, fields_of, fill, sign
from webapp.errors import DomainError


@pytest.mark.parametrize(
    ("length", "parts"), [(0, 0), (1, 1), (70, 1), (71, 2), (134, 2), (135, 3), (201, 3), (202, 4), (268, 4)]
)
def test_parts(length: int, parts: int) -> None:
    assert Lengths().parts("字" * length) == parts


def test_every_code_point_counts_one() -> None:
    assert Lengths().too_many("a中😀 \n" * 53 + "abc") == 0
    assert Lengths().too_many("a中😀 \n" * 53 + "abcd") == 1


def test_a_text_is_cleaned_of_what_no_phone_shows() -> None:
    assert clean("  a\r\nb\x00\x08\u200b\ufeffc\td ") == "a\nbc d"
    assert clean("\u2060\u202e\u00ad\x85") == ""
    assert clean("\U0001f468\u200d\U0001f469") == "\U0001f468\u200d\U0001f469"


def test_the_signature_is_added_once() -> None:
    assert sign("Shop", "Hi", added_by_gateway=False) == "【Shop】Hi"
    assert sign("Shop", "Hi", added_by_gateway=True) == "Hi"
    assert sign("", "Hi", added_by_gateway=False) == "Hi"


@pytest.mark.parametrize(
    ("text", "filled"),
    [
        ("Dear {name}, hello {name}", "Dear 王芳, hello 王芳"),
        ("{{name}}", "{王芳}"),
        ("{name", "{name"),
        ("name}", "name}"),
        ("{other} {name}", "{other} 王芳"),
        ("{}", "{}"),
    ],
)
def test_fields_are_filled_where_they_stand(text: str, filled: str) -> None:
    assert fill(text, {"name": "王芳"}) == filled


def test_a_value_is_not_filled_in_again() -> None:
    assert fill("{name}!", {"name": "{name}"}) == "{name}!"
    assert fill("{name}{name}", {"name": "na{name}me"}) == "na{name}mena{name}me"
    assert fill("{na{name}me}", {"name": "x"}) == "{naxme}"


PIECES = st.lists(
    st.one_of(st.just("{name}"), st.sampled_from(["{", "}", "a", "王", "{x}", " ", "\n"])), max_size=20
)


@given(PIECES, st.text(max_size=20))
def test_filling_neither_loses_nor_doubles_anything(pieces: list[str], value: str) -> None:
    text = "".join(pieces)
    # What stands between the fields stays in its order, and as many values as fields stand between it.
    assert fill(text, {"name": value}) == value.join(text.split("{name}"))
    assert fill(text, {}) == text


def test_the_fields_of_a_text_are_named_once_in_order() -> None:
    assert fields_of("{name} {x} {name}") == ("name", "x")
    assert fields_of("{ name } { {") == (" name ",)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("Dear {nmae}", "{nmae} is not a field. Did you mean {name}?"),
        ("Dear {NAME}", "{NAME} is not a field. Did you mean {name}?"),
        ("Dear { name }", "{ name } is not a field. Did you mean {name}?"),
        ("您好{姓名}", "{姓名} is not a field. Did you mean {name}?"),
        ("{points} left", "{points} is not a field. A text can have {name}."),
        ("{}", "{} is not a field. A text can have {name}."),
        ("{name} {nmae}", "{nmae} is not a field. Did you mean {name}?"),
        ("您好｛name｝", "｛name｝ has full-width braces and would be sent as it stands. Write {name}."),
        ("您好{name｝", "{name｝ has full-width braces and would be sent as it stands. Write {name}."),
        ("您好｛姓名｝", "｛姓名｝ has full-width braces and would be sent as it stands. Write {name}."),
        (
            "您好｛ｎａｍｅ｝",
            "｛ｎａｍｅ｝ has full-width braces and would be sent as it stands. Write {name}.",
        ),
    ],
)
def test_a_field_that_is_none_is_named(app: Flask, text: str, sentence: str) -> None:
    with app.test_request_context(), pytest.raises(DomainError) as raised:
        check_fields(text, ("name",))
    assert str(raised.value.message) == sentence
    assert raised.value.field == "body"


@pytest.mark.parametrize("text", ["", "{name}", "{", "}{", "a } b", "{\n}", "｛注意｝", "｛", "{name"])
def test_other_braces_are_plain_text(text: str) -> None:
    check_fields(text, ("name",))


@pytest.mark.parametrize(
    "text",
    [
        "全场五折,拒收请回复R", "全场五折 回T退订", "退订回T", "五折，退订回复ＴＤ", "Reply STOP to end",
        "Half price, text stop", "Unsubscribe: reply R", "Reply 'N' and we stop", "Opt-out: call us",
    ],
)  # fmt: skip
def test_ways_to_refuse(text: str) -> None:
    check_refusal(text)


@pytest.mark.parametrize(
    "text", ["", "Half price", "全场五折", "Reply now", "Don't stop", "reply to us", "回复R领取"]
)
def test_a_marketing_text_without_a_way_to_refuse_is_told_what_to_add(app: Flask, text: str) -> None:
    with app.test_request_context(), pytest.raises(DomainError, match="拒收请回复R"):
        check_refusal(text)
