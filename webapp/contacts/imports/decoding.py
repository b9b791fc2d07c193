"""Bytes of a file as text: in which encoding they are, and the text in pieces.

Excel in China saves CSV in GBK, elsewhere in UTF-8 with a mark, and "Unicode text" in UTF-16. Nobody who
saves a file knows which; so it is found out from all of the bytes, said on the page, and may be changed.
"""

from __future__ import annotations

import codecs
import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum

# How much of a file without a clear encoding is looked at to tell which one damages less.
SAMPLE = 1 << 20
# Of the characters that are no ASCII, so many in a thousand may be broken before UTF-8 is given up.
MOST_BROKEN_PER_MILLE = 100
REPLACED = "\ufffd"


class Encoding(StrEnum):
    """An encoding that files are read in; GB18030 holds all of GBK and GB2312."""

    UTF_8 = "utf-8"
    UTF_16 = "utf-16"
    GB18030 = "gb18030"


@dataclass(frozen=True)
class Look:
    """What a first walk through a file's bytes told. `text`: whether it is text at all."""

    encoding: Encoding
    lines: int
    text: bool


def look(pieces: Iterable[bytes]) -> Look:
    """Walk through a file once: its encoding, and how many lines it has (line breaks, quoted ones too)."""
    utf_8, gb18030 = (codecs.getincrementaldecoder(name)() for name in (Encoding.UTF_8, Encoding.GB18030))
    is_utf_8 = is_gb18030 = True
    sample, breaks, returns, last = bytearray(), 0, 0, b""
    for piece in pieces:
        if len(sample) < SAMPLE:
            sample += piece[: SAMPLE - len(sample)]
        breaks += piece.count(b"\n")
        returns += piece.count(b"\r")
        last = (last + piece)[-2:]
        is_utf_8 = is_utf_8 and _reads(utf_8, piece)
        is_gb18030 = is_gb18030 and _reads(gb18030, piece)
    is_utf_8 = is_utf_8 and _reads(utf_8, b"", final=True)
    is_gb18030 = is_gb18030 and _reads(gb18030, b"", final=True)
    end = last.rstrip(b"\0")
    lines = (breaks or returns) + bool(end and not end.endswith((b"\n", b"\r")))
    encoding = _encoding(bytes(sample), is_utf_8, is_gb18030)
    return Look(encoding, lines, _is_text(bytes(sample), encoding))


def texts(pieces: Iterable[bytes], encoding: str) -> Iterator[str]:
    """The text of a file in pieces, without its mark; what is broken becomes U+FFFD."""
    decoder: codecs.IncrementalDecoder | None = None
    begun = False
    for piece in itertools.chain(pieces, [b""]):
        if decoder is None:
            decoder = codecs.getincrementaldecoder(_codec(piece, encoding))("replace")
        text = decoder.decode(piece, final=not piece)
        if text:
            yield text if begun else text.removeprefix("\ufeff")
            begun = True


def _codec(first: bytes, encoding: str) -> str:
    """The codec for a file that begins so. Without a mark UTF-16 is told by where its zero bytes stand."""
    if encoding != Encoding.UTF_16:
        return encoding
    if first.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16-be" if first.startswith(codecs.BOM_UTF16_BE) else "utf-16-le"
    return "utf-16-be" if first[::2].count(0) > first[1::2].count(0) else "utf-16-le"


def _encoding(sample: bytes, is_utf_8: bool, is_gb18030: bool) -> Encoding:
    if sample.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) or _looks_like_utf_16(sample):
        return Encoding.UTF_16
    if is_utf_8 or sample.startswith(codecs.BOM_UTF8):
        return Encoding.UTF_8
    text = sample.decode(Encoding.UTF_8, "replace")
    odd = sum(map(str.__gt__, text, "\x7f" * len(text)))
    broken = text.count(REPLACED)
    # A single broken byte must not turn a whole file into other characters.
    if broken * 1000 < odd * MOST_BROKEN_PER_MILLE or not (is_gb18030 or odd > broken):
        return Encoding.UTF_8
    return Encoding.GB18030


def _looks_like_utf_16(sample: bytes) -> bool:
    """Without a mark: line breaks, separators and digits have a zero byte, always on the same side."""
    start = sample[:4096]
    even, odd = start[::2].count(0), start[1::2].count(0)
    return max(even, odd) * 8 > len(start) and min(even, odd) * 20 < max(even, odd)


def _is_text(sample: bytes, encoding: Encoding) -> bool:
    """Whether it is text at all, and not a picture or a program: few control characters."""
    text = sample[:65536].decode(_codec(sample, encoding), "replace")
    odd = sum(character < " " and character not in "\t\r\n" for character in text)
    return odd * 20 <= len(text)


def _reads(decoder: codecs.IncrementalDecoder, piece: bytes, *, final: bool = False) -> bool:
    try:
        decoder.decode(piece, final)
    except UnicodeDecodeError:
        return False
    return True
