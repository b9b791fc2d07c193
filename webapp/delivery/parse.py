"""Reads delivery reports out of the bytes of a request, in every spelling that is known or to be feared.

The gateway documents `Report=msgid,mobile,status,time` and nothing else: not the encoding, not whether
several may come together, not how the time is written. A report that is not understood is not sent again,
so this reader is generous about how something is written and strict about what it means: what has not
exactly four fields with a usable msgid and a number is kept as it came, never half believed.

A framework's form parser is not used: one bad byte or an unexpected content type makes it return nothing.
The content type is not looked at at all, since it says nothing that the bytes do not say.
"""

from __future__ import annotations

import codecs
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from urllib.parse import unquote_to_bytes

MOST_BYTES = 64 * 1024
RAW_KEPT = 2048
STATUS_LENGTH = 32
TIME_LENGTH = 64
# China has had one zone without summer time since 1991; a fixed offset needs no table of zones.
CHINA = timezone(timedelta(hours=8))
EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
LATEST = datetime(2100, 1, 1, tzinfo=UTC)

_SEPARATORS = re.compile(rb"[&;\r\n]+")
_NAME = re.compile(r"\s*report\s*=", re.IGNORECASE)
_MSGID = re.compile(r"[0-9A-Za-z_-]{1,64}", re.ASCII)
_NUMBER = re.compile(r"[0-9]{3,20}", re.ASCII)
_MAINLAND = re.compile(r"(?:00)?86(1[3-9][0-9]{9})", re.ASCII)
_PUNCTUATION_OF_NUMBERS = str.maketrans("", "", " +-()\t\u00a0\u3000")
# Controls (NUL among them) and halves of characters: PostgreSQL cannot store some and no word has any.
_UNPRINTABLE = re.compile(
    "[\x00-\x08\x0a-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff]"
)
_ENCODED = re.compile(rb"%[0-9A-Fa-f]{2}")
_PLUS_IN_TIME = re.compile(r"^([0-9]{4}[-/][0-9]{1,2}[-/][0-9]{1,2})\+", re.ASCII)
_TIME = re.compile(
    r"([0-9]{4})[-/]([0-9]{1,2})[-/]([0-9]{1,2})[ T]([0-9]{1,2}):([0-9]{2}):([0-9]{2})", re.ASCII
)


@dataclass(frozen=True, slots=True)
class Report:
    """One report: what became of one number of one message.

    `mobile` is 11 digits for a mainland number however it was written, else its digits; `status` and
    `time_text` stand as they came; `reported_at` is None where the time cannot be read.
    """

    msgid: str
    mobile: str
    status: str
    time_text: str
    reported_at: datetime | None


@dataclass(frozen=True, slots=True)
class Unreadable:
    """Bytes that are no report: the first 2 KiB of them, and how many there were."""

    raw: bytes
    size: int


@dataclass(frozen=True, slots=True)
class Parsed:
    """Everything that a body held. `too_large` when it unpacks to more than 64 KiB and was not read."""

    reports: list[Report]
    unreadable: list[Unreadable]
    too_large: bool = False


def parse(body: bytes, content_encoding: str = "") -> Parsed:
    """Read a body. Never raises; each piece of it is a report or part of something unreadable."""
    try:
        plain = _unpack(body, content_encoding)
    except zlib.error:
        return Parsed([], [_unreadable(body)])
    if plain is None:
        return Parsed([], [_unreadable(body)], too_large=True)
    parsed = Parsed([], [])
    bad = bytearray()
    for raw, piece in _pieces(plain):
        report = read(piece)
        if report is None:
            # Neighbours are kept together: a page of HTML is one unreadable thing, not a thousand lines.
            bad += b"\n" + raw if bad else raw
            continue
        parsed.reports.append(report)
        if bad:
            parsed.unreadable.append(_unreadable(bytes(bad)))
            bad.clear()
    if bad:
        parsed.unreadable.append(_unreadable(bytes(bad)))
    return parsed


def read(piece: bytes) -> Report | None:
    """Read one `Report=msgid,mobile,status,time` (the name may be missing); None if it is none."""
    text = _decode(piece)
    if text is None or _UNPRINTABLE.search(text):
        return None
    name = _NAME.match(text)
    # In a form a plus sign is a space, so the spaces of the document's own example may come as those.
    fields = [field.strip(" \t+") for field in text[name.end() if name else 0 :].split(",")]
    if len(fields) != 4:
        return None
    msgid, mobile, status, time_text = fields
    mobile = _number(mobile)
    time_text = _PLUS_IN_TIME.sub(r"\1 ", time_text)
    if not _MSGID.fullmatch(msgid) or not mobile or not status:
        return None
    if len(status) > STATUS_LENGTH or len(time_text) > TIME_LENGTH:
        return None
    return Report(msgid, mobile, status, time_text, read_time(time_text))


def read_time(text: str) -> datetime | None:
    """Read Unix seconds, Unix milliseconds or `YYYY-MM-DD HH:MM:SS` in China's time; else None."""
    try:
        moment = _moment(text)
    except (ValueError, OverflowError):
        return None
    return moment if moment is not None and EARLIEST <= moment < LATEST else None


def _moment(text: str) -> datetime | None:
    if text.isascii() and text.isdigit():
        if len(text) == 13:
            return datetime.fromtimestamp(int(text[:10]), UTC) + timedelta(milliseconds=int(text[10:]))
        return datetime.fromtimestamp(int(text), UTC) if len(text) in (9, 10) else None
    written = _TIME.fullmatch(text)
    if written is None:
        return None
    year, month, day, hour, minute, second = (int(part) for part in written.groups())
    return datetime(year, month, day, hour, minute, second, tzinfo=CHINA).astimezone(UTC)


def _number(text: str) -> str:
    digits = text.translate(_PUNCTUATION_OF_NUMBERS)
    mainland = _MAINLAND.fullmatch(digits)
    if mainland:
        return mainland[1]
    return digits if _NUMBER.fullmatch(digits) else ""


def _decode(piece: bytes) -> str | None:
    try:
        return piece.decode("utf-8")
    except UnicodeDecodeError:
        pass
    try:
        return piece.decode("gb18030")
    except UnicodeDecodeError:
        return None


def _pieces(plain: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Cut at separators, written plainly or percent-encoded; yields each piece as it came and decoded.

    What is empty between two separators is left out.
    """
    plain = plain.removeprefix(codecs.BOM_UTF8)
    for part in filter(bytes.strip, _SEPARATORS.split(plain)):
        if not _ENCODED.search(part):
            yield part, part
            continue
        inner = list(filter(bytes.strip, _SEPARATORS.split(unquote_to_bytes(part))))
        if len(inner) == 1:
            yield part, inner[0]
        else:
            yield from ((piece, piece) for piece in inner)


def _unpack(body: bytes, content_encoding: str) -> bytes | None:
    """Undo gzip or deflate; None if that is more than 64 KiB. Raises zlib.error if it is broken."""
    encoding = content_encoding.strip().lower()
    if body[:2] == b"\x1f\x8b":
        return _inflate(body, 16 + zlib.MAX_WBITS)
    if encoding == "deflate" and not _looks_plain(body):
        try:
            return _inflate(body, zlib.MAX_WBITS)
        except zlib.error:
            return _inflate(body, -zlib.MAX_WBITS)
    # Said to be packed but not: believed as it stands.
    return body if len(body) <= MOST_BYTES else None


def _looks_plain(body: bytes) -> bool:
    return _NAME.match(body[:16].decode("latin-1")) is not None


def _inflate(body: bytes, window: int) -> bytes | None:
    plain = bytearray()
    while body:
        unpacker = zlib.decompressobj(wbits=window)
        plain += unpacker.decompress(body, MOST_BYTES + 1 - len(plain))
        if len(plain) > MOST_BYTES:
            return None
        if not unpacker.eof:
            raise zlib.error("cut short")
        # A gzip body may have several members, one after another.
        body = unpacker.unused_data
    return bytes(plain)


def _unreadable(raw: bytes) -> Unreadable:
    return Unreadable(raw[:RAW_KEPT], len(raw))
