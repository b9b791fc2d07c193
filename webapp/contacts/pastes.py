"""What a person meant when they pasted numbers, or lines of a number and a name.

A line with one number may hold a name too, before or after it. What may be a damaged number is never taken
for a name: somebody would be left out and nobody told. Lines under a heading of their own are read by
`columns.py`.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from webapp.characters import CONTROL
from webapp.contacts.numbers import AROUND, Reason, read_mobile

SEPARATORS = re.compile(r"[,;\t\r\n、，；|]+")
MOST_SHOWN = 40
# Characters of a name.
MOST_VALUE = 40
# Left-out pieces that are kept to be listed; all of them are counted.
MOST_LISTED = 500
# A text with so many digits is a number gone wrong ("1380013800O"), not a name.
DIGITS_OF_A_NUMBER = 5
# A number beside a name with a blank between them; blanks in the number are its own.
MOST_BESIDE = 128
NUMBER_FIRST = re.compile(r"([+＋(]*\d[\d\s\-\u2010-\u2015().·]*)\s+([^\d\s].*)")
NUMBER_LAST = re.compile(r"(.*[^\d\s+＋(])\s+([+＋(]*\d[\d\s\-\u2010-\u2015().·]*)")
_PHONES = (
    "手机 手机号 手机号码 电话 电话号码 联系电话 联系方式 号码 移动电话 "
    "phone mobile number numbers phones tel telephone cell"
)
_NAMES = "姓名 名字 名称 称呼 客户 客户姓名 联系人 name names full first last customer contact"
PHONE_HEADINGS = frozenset(_PHONES.split())
NAME_HEADINGS = frozenset(_NAMES.split())
HEADINGS = PHONE_HEADINGS | NAME_HEADINGS


@dataclass(frozen=True)
class LeftOut:
    """One thing that is left out: the line it stands in (from 1; 0: of a group), what it said, and why."""

    line: int
    said: str
    reason: str


class LeftOuts:
    """What is left out: all of it counted by reason, the first of it kept to be listed."""

    def __init__(self) -> None:
        self.counts: dict[str, int] = {}
        self.listed: list[LeftOut] = []

    def add(self, line: int, said: str, reason: str) -> None:
        """Leave out what `said`; only its beginning is kept."""
        reason = str(reason)  # not a member of an enumeration: it is kept as JSON
        self.count({reason: 1})
        self.keep(LeftOut(line, said[:MOST_SHOWN], reason))

    def count(self, counts: Mapping[str, int]) -> None:
        """Count so many more by reason."""
        for reason, number in counts.items():
            if number:
                self.counts[reason] = self.counts.get(reason, 0) + number

    def keep(self, one: LeftOut) -> None:
        """Keep one of those that are counted to be listed, while there is room."""
        if len(self.listed) < MOST_LISTED:
            self.listed.append(one)


@dataclass(frozen=True)
class Entry:
    """A number of a paste, as 11 digits, the name beside it or None, and the line it stands in (from 1).

    `fields`: what stands in its other columns, by their names.
    """

    mobile: str
    name: str | None
    line: int
    fields: Mapping[str, str] = field(default_factory=dict)


@dataclass
class Pasted:
    """What a paste holds: usable numbers in the order given, each once, and what is left out.

    `columns`: the fields that its heading names, beside the number and the name.
    """

    entries: list[Entry] = field(default_factory=list)
    left_out: LeftOuts = field(default_factory=LeftOuts)
    columns: tuple[str, ...] = ()

    @property
    def mobiles(self) -> list[str]:
        """The usable numbers."""
        return [entry.mobile for entry in self.entries]

    @property
    def names(self) -> dict[str, str | None]:
        """The name that stands beside each usable number."""
        return {entry.mobile: entry.name for entry in self.entries}


def clean_name(said: str) -> str:
    """A name as it is filled in: in one line, without quotes around it and what no phone shows."""
    return " ".join(CONTROL.sub("", re.sub(r"\s", " ", said)).split()).strip(AROUND + " ")


def read_paste(text: str, *, named: bool = True, each_line: bool = False) -> Pasted:
    """Read numbers separated by lines, commas, semicolons or tabs, or by spaces between whole numbers.

    A line with exactly one number gives it the name beside it, if there is one. Without `named` such a name
    is passed over. With `each_line` a number that stands in several lines is kept as often. Takes time in
    proportion to the length of the text, whatever it says.
    """
    reader = _Reader(named, each_line)
    first = True
    for line, content in enumerate(text.splitlines(), start=1):
        if not content.strip():
            continue
        if not (first and _is_heading(content)):
            reader.read(line, content.strip())
        first = False
    return reader.pasted


class _Piece(NamedTuple):
    """A piece of a line: the number it is or why it is none, and whether it may be a name."""

    said: str
    number: str | Reason
    nameable: bool

    @property
    def good(self) -> bool:
        return not isinstance(self.number, Reason)


class _Reader:
    """Reads line after line, and remembers which numbers it has seen with which name."""

    def __init__(self, named: bool, each_line: bool) -> None:
        self.pasted = Pasted()
        self._named = named
        self._each_line = each_line
        self._seen: dict[str, str | None] = {}

    def read(self, line: int, content: str) -> None:
        """Take the numbers of one line, and leave out the rest of it."""
        pieces = _pieces(content)
        good = sum(piece.good for piece in pieces)
        words = [piece for piece in pieces if piece.nameable]
        # One number, whole or damaged, has the first word for its name; of several nobody knows whose it is.
        lone = good == 1 or (good == 0 and len(pieces) - len(words) == 1)
        beside = words[0] if words and lone else None
        name = clean_name(beside.said) if beside and self._named else None
        for piece in pieces:
            if piece is beside:
                continue
            if piece.good:
                self._take(line, content, piece, name)
            elif beside and piece.nameable:
                self._leave_out(line, piece.said, Reason.EXTRA)
            else:
                said = content if beside and not good else piece.said
                self._leave_out(line, said, piece.number)

    def _take(self, line: int, content: str, piece: _Piece, name: str | None) -> None:
        mobile = piece.number
        if name is not None and len(name) > MOST_VALUE:
            self._leave_out(line, content, Reason.NAME_TOO_LONG)
        elif name is not None and ("【" in name or "】" in name):
            self._leave_out(line, content, Reason.NAME_BRACKETS)
        elif self._each_line or mobile not in self._seen:
            self._seen[mobile] = name
            self.pasted.entries.append(Entry(mobile, name, line))
        elif name is None or name == self._seen[mobile]:
            self._leave_out(line, piece.said, Reason.TWICE)
        else:
            self._leave_out(line, content, Reason.TWICE_OTHER)

    def _leave_out(self, line: int, said: str, reason: str) -> None:
        self.pasted.left_out.add(line, said, reason)


def _is_heading(line: str) -> bool:
    """Whether a first line only says what stands in its columns."""
    if len(line) > MOST_BESIDE:
        return False
    words = [word.strip(AROUND).casefold() for word in SEPARATORS.sub(" ", line).split()]
    return bool(words) and all(word in HEADINGS for word in words)


def _piece(said: str) -> _Piece:
    number = read_mobile(said)
    return _Piece(said, number, number is Reason.NOT_NUMBER and _nameable(said))


def _nameable(said: str) -> bool:
    """Whether it may be a name: it has a letter, and too few digits for a number gone wrong."""
    return any(map(str.isalpha, said)) and sum(map(str.isdigit, said)) < DIGITS_OF_A_NUMBER


def _pieces(line: str) -> list[_Piece]:
    """The pieces of a line. Spaces separate a number from a name, and whole numbers."""
    pieces: list[_Piece] = []
    for part in SEPARATORS.split(line):
        stripped = part.strip()
        if stripped:
            whole = _piece(stripped)
            words = [] if whole.good else stripped.split()
            several = len(words) > 1 and (_beside(stripped) or _worded(words))
            pieces.extend(several or [whole])
    return pieces


def _beside(part: str) -> list[_Piece] | None:
    """A number and a name with a blank between them; None where it is not so."""
    if len(part) > MOST_BESIDE:
        return None
    for pattern in (NUMBER_FIRST, NUMBER_LAST):
        found = pattern.fullmatch(part)
        if found is not None:
            pieces = [_piece(said.strip()) for said in found.groups()]
            if sum(piece.good for piece in pieces) == 1 and any(piece.nameable for piece in pieces):
                return pieces
    return None


def _worded(said_words: list[str]) -> list[_Piece] | None:
    """The words of a part if a number is among them; the words of a name stay together."""
    words = [_piece(word) for word in said_words]
    if not any(word.good or word.number is Reason.ROUNDED for word in words):
        return None
    pieces: list[_Piece] = []
    for nameable, group in itertools.groupby(words, key=lambda word: word.nameable):
        if nameable:
            said = " ".join(word.said for word in group)
            pieces.append(_Piece(said, Reason.NOT_NUMBER, nameable=True))
        else:
            pieces.extend(group)
    return pieces
