r"""Strict reading of a gateway's body.

A lax reading costs money here: in Python `false == 0`, the last of two equal keys wins, a deep nesting raises
RecursionError and a huge integer raises ValueError. So numbers stay the text they were written as, two equal
keys make the whole body unreadable, and only exact shapes are believed. Neither Content-Type nor the `status`
field decides anything: the documented field is `respCode`.

Two things are forgiven because they cannot change a meaning: a byte order mark (PHP files saved by some
editors send one), and GB18030 where the bytes are not UTF-8 (keys and codes are ASCII in both). And one
because it stands in the gateway's own document: its example of a good answer ends in one quotation mark too
many.
"""

import codecs
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NoReturn

MSGID = re.compile(r"[0-9A-Za-z_-]{1,64}", re.ASCII)
RESP_CODE = re.compile(r"0|[1-9][0-9]{0,2}", re.ASCII)
SAID_LENGTH = 200
_EXTRA_QUOTE = re.compile(r'("msgid"\s*:\s*"[0-9A-Za-z_-]{1,64}")"(\s*\}\s*)', re.ASCII)
# What PostgreSQL cannot store (NUL, lone surrogates) and what would break a line of a page or a log.
_UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]+")


@dataclass(frozen=True)
class Answer:
    """A body that could be read.

    resp_code is None where the field is missing or not of the documented shape, msgid where it is not usable;
    said is respMsg on one line, at most 200 characters.
    """

    resp_code: int | None
    msgid: str | None
    said: str


class _Number(str):
    """A JSON number as the text that it was."""

    __slots__ = ()


class _UnreadableError(ValueError):
    pass


def _unique(pairs: Sequence[tuple[str, object]]) -> dict[str, object]:
    content = dict(pairs)
    if len(content) != len(pairs):
        raise _UnreadableError
    return content


def _no_constant(_name: str) -> NoReturn:
    raise _UnreadableError


def _decode(body: bytes) -> str:
    body = body.removeprefix(codecs.BOM_UTF8)
    try:
        return body.decode("utf-8")
    except UnicodeDecodeError:
        return body.decode("gb18030")


def _load(text: str) -> object:
    return json.loads(
        text,
        object_pairs_hook=_unique,
        parse_int=_Number,
        parse_float=_Number,
        parse_constant=_no_constant,
    )


def _as_text(value: object) -> str:
    """A string or a number as text; anything else (a bool above all) as nothing."""
    return str(value) if isinstance(value, str) else ""


def parse_answer(body: bytes) -> Answer | None:
    """Read a gateway's body; None if it is not one whole JSON object."""
    try:
        text = _decode(body)
        try:
            content = _load(text)
        except ValueError:
            mended = _EXTRA_QUOTE.search(text)
            if mended is None or mended.end() != len(text):
                return None
            content = _load(text[: mended.start()] + mended[1] + mended[2])
    except (ValueError, RecursionError):
        return None
    if not isinstance(content, dict):
        return None
    code = _as_text(content.get("respCode"))
    msgid = _as_text(content.get("msgid"))
    return Answer(
        resp_code=int(code) if RESP_CODE.fullmatch(code) else None,
        msgid=msgid if MSGID.fullmatch(msgid) else None,
        said=_UNPRINTABLE.sub(" ", _as_text(content.get("respMsg"))).strip()[:SAID_LENGTH],
    )


def looks_like_html(body: bytes) -> bool:
    """Whether a body begins as a web page does; only used for words, never for a decision."""
    return body.removeprefix(codecs.BOM_UTF8).lstrip()[:1] == b"<"
