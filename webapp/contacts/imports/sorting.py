"""What becomes of a row: somebody to import, or a problem with its kind.

It depends on the file and the chosen columns alone, never on what the database holds: so a check and the
import after it agree, and an import that is taken up again after a crash comes to the same sums.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from enum import StrEnum
from json.encoder import encode_basestring
from typing import NamedTuple

from webapp.contacts.fields import MOST_FIELD_VALUE
from webapp.contacts.imports.models import Column
from webapp.contacts.imports.records import Record
from webapp.contacts.numbers import MOBILE, Reason, read_mobile
from webapp.contacts.pastes import MOST_VALUE, clean_name

# A value that clean_name would hand back as it is; most are, and this is quicker.
PLAIN = re.compile(r"[\w.,/:%&+()-]+(?: [\w.,/:%&+()-]+)*")
BROKEN = re.compile("[\0\ufffd\ud800-\udfff]")
# All eleven digits of a number in a spreadsheet's short form: nothing of it is lost.
EXACT = re.compile(r"\s*(1)\.([0-9]{10})[eE]\+?10\s*")

# Different values of a column that are remembered, so that a column of unlike ones takes no memory.
MOST_REMEMBERED = 5000


class Kind(StrEnum):
    """Why a row is left out."""

    NOT_MOBILE = "not_mobile"
    ROUNDED = "rounded"
    FOREIGN = "foreign"
    EMPTY = "empty"
    TWICE = "twice"
    NAME = "name"
    VALUE = "value"
    CELLS = "cells"
    BROKEN = "broken"
    QUOTES = "quotes"
    LINE = "line"


class Ready(NamedTuple):
    """Somebody to import: 11 digits, the name or "", and the fields as JSON."""

    mobile: str
    name: str
    fields: str


class Problem(NamedTuple):
    """A row that is left out: why, and in which column (from 0), if in one."""

    kind: Kind
    column: int | None


class _BadValueError(Exception):
    """A value cannot be kept."""

    def __init__(self, kind: Kind) -> None:
        super().__init__(kind)
        self.kind = kind


class _Field:
    """A column that becomes a field. Values stand in many rows, so what became of one is remembered."""

    def __init__(self, at: int, name: str) -> None:
        self.at = at
        self._key = f"{encode_basestring(name)}: "
        self._known: dict[str, str] = {}

    def json(self, said: str) -> str:
        """The field with its value as a piece of JSON; "" where there is none. Raises _BadValueError."""
        piece = self._known.get(said)
        if piece is None:
            value = _value(said, MOST_FIELD_VALUE, Kind.VALUE)
            piece = self._key + encode_basestring(value) if value else ""
            if len(self._known) < MOST_REMEMBERED:
                self._known[said] = piece
        return piece


class Sorter:
    """Sorts the rows of one file in their order: of a number that stands in several, the first counts."""

    def __init__(self, columns: Sequence[Column]) -> None:
        self._width = len(columns)
        self._mobile = next(at for at, one in enumerate(columns) if one["to"] == "mobile")
        self._name = next((at for at, one in enumerate(columns) if one["to"] == "name"), None)
        self._fields = [_Field(at, one["field"]) for at, one in enumerate(columns) if one["to"] == "field"]
        self._seen: set[int] = set()

    def sort(self, record: Record) -> Ready | Problem:
        """What becomes of this row."""
        _no, cells, fault = record
        if fault is not None:
            return Problem(Kind(fault), None)
        if len(cells) != self._width:
            if any(cell.strip() for cell in cells[self._width :]):
                return Problem(Kind.CELLS, self._width)
            cells = cells + [""] * (self._width - len(cells))
        said = cells[self._mobile]
        mobile = said if MOBILE.fullmatch(said) else _mended(said)
        if isinstance(mobile, Kind):
            return Problem(mobile, self._mobile)
        number = int(mobile)
        if number in self._seen:
            return Problem(Kind.TWICE, self._mobile)
        name, pieces, at = "", [], self._name
        try:
            if at is not None:
                name = _value(cells[at], MOST_VALUE, Kind.NAME)
            for field in self._fields:
                at = field.at
                if piece := field.json(cells[at]):
                    pieces.append(piece)
        except _BadValueError as error:
            return Problem(error.kind, at)
        self._seen.add(number)
        return Ready(mobile, name, f"{{{', '.join(pieces)}}}")


def number_words(said: str) -> str | Reason:
    """The number that a cell stands for, or why it is none. One shortened without loss is one."""
    exact = EXACT.fullmatch(said)
    return read_mobile(exact[1] + exact[2] if exact else said)


def _mended(said: str) -> str | Kind:
    if not said.strip():
        return Kind.EMPTY
    number = number_words(said)
    if not isinstance(number, Reason):
        return number
    if BROKEN.search(said):
        return Kind.BROKEN
    return {Reason.ROUNDED: Kind.ROUNDED, Reason.FOREIGN: Kind.FOREIGN}.get(number, Kind.NOT_MOBILE)


def _value(said: str, most: int, kind: Kind) -> str:
    """A value as it is kept. Raises _BadValueError where it cannot be filled into a text."""
    if len(said) <= most and PLAIN.fullmatch(said):
        return said
    if BROKEN.search(said):
        raise _BadValueError(Kind.BROKEN)
    value = clean_name(said)
    if len(value) > most or "【" in value or "】" in value:
        raise _BadValueError(kind)
    return value
