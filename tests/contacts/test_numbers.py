"""What people paste, and what Excel does to it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webapp.contacts.numbers import MOBILE, Reason, read_mobile
from webapp.contacts.pastes import read_paste


@pytest.mark.parametrize(
    "said",
    [
        "13800138000",
        " 138 0013 8000 ",
        "138-0013-8000",
        "+86 138 0013 8000",
        "0086 13800138000",
        "8613800138000",
        "１３８００１３８０００",
        "13800138000.0",
        "'13800138000",
        "\u202d13800138000\u202c",
        "\ufeff13800138000",
        "138\u00a00013\u00a08000",
        "138–0013–8000",
        "(138) 0013.8000",
    ],
)
def test_what_can_be_mended_is_mended(said: str) -> None:
    assert read_mobile(said) == "13800138000"


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ("1.38E+10", Reason.ROUNDED),
        ("1.38e10", Reason.ROUNDED),
        ("1380013800", Reason.TOO_SHORT),
        ("", Reason.NOT_NUMBER),
        ("138001380001", Reason.TOO_LONG),
        ("12800138000", Reason.NOT_MOBILE),
        ("02164312345", Reason.NOT_MOBILE),
        ("+1 380 013 8000", Reason.FOREIGN),
        ("+4915112345678", Reason.FOREIGN),
        ("0044 7911 123456", Reason.FOREIGN),
        ("abc", Reason.NOT_NUMBER),
        ("1380013800O", Reason.NOT_NUMBER),
        ("١٣٨٠٠١٣٨٠٠٠", Reason.NOT_NUMBER),
        ("138\x0000138000", Reason.NOT_NUMBER),
    ],
)
def test_what_cannot_be_read_is_named(said: str, reason: Reason) -> None:
    assert read_mobile(said) is reason


def test_a_paste_keeps_the_order_names_lines_and_takes_each_number_once() -> None:
    pasted = read_paste("13900000001\n\n13900000002, 139 0000 0003；abc\n+86 13900000001\t1.38E+10")
    assert pasted.mobiles == ["13900000001", "13900000002", "13900000003"]
    assert [(entry.line, entry.said, entry.reason) for entry in pasted.left_out.listed] == [
        (3, "abc", Reason.NOT_NUMBER),
        (4, "+86 13900000001", Reason.TWICE),
        (4, "1.38E+10", Reason.ROUNDED),
    ]
    assert pasted.left_out.counts == {Reason.NOT_NUMBER: 1, Reason.TWICE: 1, Reason.ROUNDED: 1}


def test_numbers_with_only_spaces_between_them_are_several() -> None:
    assert read_paste("13900000001 13900000002").mobiles == ["13900000001", "13900000002"]


def test_a_long_run_of_combining_characters_is_not_even_normalised(monkeypatch: pytest.MonkeyPatch) -> None:
    """It took minutes, during which nobody was served."""
    read: list[int] = []

    def normalize(_form: str, text: str) -> str:
        read.append(len(text))
        return text

    monkeypatch.setattr("webapp.contacts.numbers.unicodedata.normalize", normalize)
    pasted = read_paste("1" + "\u0315\u0300" * 100_000)
    assert [entry.reason for entry in pasted.left_out.listed] == [Reason.NOT_NUMBER]
    assert all(length <= 64 for length in read)


@given(st.text(max_size=200))
def test_any_text_is_read_without_a_fault_and_only_mobile_numbers_come_out(text: str) -> None:
    pasted = read_paste(text)
    assert all(MOBILE.fullmatch(mobile) for mobile in pasted.mobiles)
    assert len(set(pasted.mobiles)) == len(pasted.mobiles)
