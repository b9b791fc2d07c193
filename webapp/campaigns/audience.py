"""From whom it is meant for to whom it goes: everybody with their own final text, who is left out and why.

Nothing here is stored, and nothing asks how people came to be meant: `people.py` brings them, a paste at once
or a group in slices, `drafts.prepare` writes down what comes out, and `looking.look` shows it while somebody
types.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from webapp.campaigns import texts
from webapp.campaigns.reasons import Absent
from webapp.campaigns.written import Written
from webapp.contacts import optouts
from webapp.contacts.numbers import Reason
from webapp.contacts.pastes import LeftOuts
from webapp.gateway.models import GatewayAccount


@dataclass(frozen=True)
class Text:
    """One final text. `content` is posted, `shown` is what a phone shows, and what is counted.

    `over` is by how many characters it is too long.
    """

    content: str
    shown: str
    hash: bytes
    parts: int
    over: int


@dataclass(frozen=True)
class Candidate:
    """Somebody it is meant for: a number, the values of their own, and the line of the paste (0: a group).

    `reason`: why they are left out, where that is known already.
    """

    mobile: str
    values: Mapping[str, str] = field(default_factory=dict)
    line: int = 0
    reason: str | None = None


@dataclass(frozen=True)
class Recipient:
    """One number, the values of its own that are filled in, and the text that it gets.

    `copy` counts the messages of one number from 0, where each line of a paste is a message of its own.
    """

    mobile: str
    values: Mapping[str, str]
    text: Text
    copy: int = 0

    @property
    def name(self) -> str | None:
        """The name that is filled in, if one is."""
        return self.values.get(texts.NAME)


@dataclass
class Figures:
    """What an audience comes to. `entries` are usable numbers, those of people who are left out among them.

    `missing`: by field, how many people have no value of their own. `over_limit`: how many people's text is
    too long, left out for it or not. Lengths are in characters; those and parts are of one message.
    """

    entries: int = 0
    recipients: int = 0
    cost: int = 0
    parts_least: int = 0
    parts: int = 0
    shortest: int = 0
    longest: int = 0
    over_limit: int = 0
    missing: dict[str, int] = field(default_factory=dict)

    def weigh(self, people: int, cost: int, parts: tuple[int, int], lengths: tuple[int, int]) -> None:
        """Count so many more recipients; `parts` and `lengths` are the least and the most of theirs."""
        if not people:
            return
        least, shortest = (self.parts_least, self.shortest) if self.recipients else (parts[0], lengths[0])
        self.recipients += people
        self.cost += cost
        self.parts_least, self.parts = min(least, parts[0]), max(self.parts, parts[1])
        self.shortest, self.longest = min(shortest, lengths[0]), max(self.longest, lengths[1])

    def miss(self, field_name: str, people: int = 1) -> None:
        """Count people without a value of this field."""
        if people:
            self.missing[field_name] = self.missing.get(field_name, 0) + people


@dataclass
class Laid:
    """People laid out: those who get it, in order, those who do not, and what it comes to."""

    fields: tuple[str, ...]
    recipients: list[Recipient] = field(default_factory=list)
    left_out: LeftOuts = field(default_factory=LeftOuts)
    figures: Figures = field(default_factory=Figures)

    def texts(self) -> dict[bytes, Text]:
        """The different texts, by their hash."""
        return {one.text.hash: one.text for one in self.recipients}

    def digest(self) -> str:
        """Stands for all recipients, texts and weights; `draft_statements.AUDIENCE` makes it too."""
        lines = sorted(
            f"{one.mobile} {one.text.hash.hex()} {one.copy} {one.text.parts} {_said(one.values)}"
            for one in self.recipients
        )
        return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def _said(values: Mapping[str, str]) -> str:
    return "\x1f".join(f"{key}={value}" for key, value in sorted(values.items()))


class Weigher:
    """Makes the final texts of one draft, each once, however many people get it."""

    def __init__(self, account: GatewayAccount, written: Written, fields: Sequence[str]) -> None:
        self._account = account
        self._written = written
        self._fields = fields
        self._lengths = lengths_of(account)
        self._made: dict[tuple[str | None, ...], Text] = {}

    def text(self, values: Mapping[str, str]) -> Text:
        """The text with these values filled in; a field without one stays as it is written."""
        key = tuple(values.get(one) for one in self._fields)
        made = self._made.get(key)
        if made is None:
            made = self._made[key] = self._make(values)
        return made

    def _make(self, values: Mapping[str, str]) -> Text:
        body, signature = texts.fill(self._written.body, values), self._written.signature
        content = texts.sign(signature, body, added_by_gateway=self._account.adds_signature)
        shown = texts.sign(signature, body, added_by_gateway=False)
        return Text(
            content=content,
            shown=shown,
            hash=hashlib.sha256(content.encode()).digest(),
            parts=self._lengths.parts(shown),
            over=self._lengths.too_many(shown),
        )


class Laying:
    """Lays out people as they are brought, of a tidied draft, whatever state it is in."""

    def __init__(
        self, account: GatewayAccount, written: Written, fields: tuple[str, ...], laid: Laid | None = None
    ) -> None:
        self.laid = laid or Laid(fields)
        self._weigher = Weigher(account, written, fields)
        self._written = written
        self._defaults = {key: value for key, value in written.defaults.items() if key in fields}
        # By number, the texts that its lines have made so far.
        self._had: dict[str, list[bytes]] = {}

    def add(self, people: Sequence[Candidate]) -> None:
        """Lay out these people too."""
        self.laid.figures.entries += len(people)
        opted_out = optouts.opted_out_among([one.mobile for one in people if one.reason is None])
        for one in people:
            reason = one.reason or (Absent.OPTED_OUT if one.mobile in opted_out else None) or self._lay(one)
            if reason is not None:
                self.laid.left_out.add(one.line, one.mobile, reason)

    def _lay(self, one: Candidate) -> str | None:
        """Lay out one person; returns why they are left out, if they are."""
        laid = self.laid
        own = {key: one.values[key] for key in laid.fields if one.values.get(key)}
        if any(mark in value for value in own.values() for mark in "【】"):
            return Absent.BRACKETS
        for key in laid.fields:
            laid.figures.miss(key, key not in own)
        values = self._defaults | own
        if len(values) < len(laid.fields):
            return Absent.NO_VALUE
        text = self._weigher.text(values)
        laid.figures.over_limit += text.over > 0
        if text.over and laid.fields and self._written.leave_out_long:
            return Absent.TOO_LONG_TEXT
        copy = self._copy(one, text)
        if copy is None:
            return Reason.TWICE
        laid.recipients.append(Recipient(one.mobile, own, text, copy))
        length = len(text.shown)
        laid.figures.weigh(1, text.parts, (text.parts, text.parts), (length, length))
        return None

    def _copy(self, one: Candidate, text: Text) -> int | None:
        """Which message of its number this is; None for the same text once more."""
        if not self._written.each_line or not one.line:
            return 0
        had = self._had.setdefault(one.mobile, [])
        if text.hash in had:
            return None
        had.append(text.hash)
        return len(had) - 1


def fields_in(body: str, known: Iterable[str]) -> tuple[str, ...]:
    """Those of the known fields that stand in a text, in its order."""
    usable = set(known)
    return tuple(one for one in texts.fields_of(body) if one in usable)


def lengths_of(account: GatewayAccount) -> texts.Lengths:
    """The text limits of an account, in characters."""
    return texts.Lengths(account.text_limit, account.first_part, account.next_part)
