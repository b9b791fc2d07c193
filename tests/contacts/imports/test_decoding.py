"""Which encoding a file is in, and its text: what Excel, WPS and old programs write, and what is broken."""

from __future__ import annotations

import codecs

import pytest

from webapp.contacts.imports.decoding import Encoding, look, texts

ROWS = "手机,姓名\n13800138000,王芳\n13900139000,陈建国\n" * 3


def cut(content: bytes, size: int) -> list[bytes]:
    return [content[at : at + size] for at in range(0, len(content), size)]


def text_of(content: bytes, encoding: str, size: int = 7) -> str:
    return "".join(texts(cut(content, size), encoding))


@pytest.mark.parametrize(
    ("content", "encoding"),
    [
        (ROWS.encode(), Encoding.UTF_8),
        (ROWS.encode("utf-8-sig"), Encoding.UTF_8),
        (ROWS.encode("utf-16"), Encoding.UTF_16),
        (codecs.BOM_UTF16_BE + ROWS.encode("utf-16-be"), Encoding.UTF_16),
        (ROWS.encode("utf-16-le"), Encoding.UTF_16),
        (ROWS.encode("utf-16-be"), Encoding.UTF_16),
        (ROWS.encode("gbk"), Encoding.GB18030),
        (ROWS.replace("王", "𠮷").encode("gb18030"), Encoding.GB18030),
        (b"13800138000\n13900139000\n", Encoding.UTF_8),
    ],
)
@pytest.mark.parametrize("size", [1, 2, 3, 1000])
def test_the_encoding_is_found_and_the_text_is_whole(content: bytes, encoding: Encoding, size: int) -> None:
    seen = look(cut(content, size))
    assert (seen.encoding, seen.text) == (encoding, True)
    # Without a mark UTF-16 is told by the first piece, which is large.
    marked = encoding != Encoding.UTF_16 or content[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
    read = text_of(content, encoding, size if marked and size > 1 else 1000)
    assert read in (ROWS, ROWS.replace("王", "𠮷"), "13800138000\n13900139000\n")


def test_chinese_far_behind_the_first_megabyte_counts_too() -> None:
    plain = b"13800138000,x\n" * 120_000
    assert look(cut(plain + "王芳\n".encode("gbk"), 1 << 20)).encoding is Encoding.GB18030
    assert look(cut(plain + "王芳\n".encode(), 1 << 20)).encoding is Encoding.UTF_8


def test_one_broken_byte_does_not_turn_a_file_into_other_characters() -> None:
    content = ROWS.encode() * 5 + b"13800138001,\xff\n"
    assert look([content]).encoding is Encoding.UTF_8
    assert text_of(content, Encoding.UTF_8).endswith("13800138001,\ufffd\n")


def test_a_character_that_is_cut_off_at_the_end_is_broken() -> None:
    content = ROWS.encode("gbk") + "王".encode("gbk")[:1]
    assert text_of(content, Encoding.GB18030).endswith("\n\ufffd")


@pytest.mark.parametrize(
    ("content", "lines"),
    [
        (b"a\nb\n", 2),
        (b"a\nb", 2),
        (b"a\r\nb\r\n", 2),
        (b"a\rb\r", 2),
        (b"a\rb", 2),
        (b"", 0),
        ("a\nb\n".encode("utf-16"), 2),
    ],
)
def test_lines_are_counted(content: bytes, lines: int) -> None:
    assert look([content]).lines == lines


@pytest.mark.parametrize("content", [bytes(range(256)) * 50, b"\x89PNG\r\n\x1a\n" + bytes(2000), b"\0" * 500])
def test_what_is_no_text_is_known(content: bytes) -> None:
    assert not look([content]).text
