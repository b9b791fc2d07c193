"""Characters and parts, as the gateway's page and the market count them."""

from __future__ import annotations

import pytest

from webapp.campaigns.texts import Lengths, clean, sign


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
