"""From what was written to whom it goes: every number with its own final text, and who is left out and why.

Nothing here is stored; `drafts.prepare` writes it down and `looking.look` shows it while somebody types.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from enum import StrEnum

from webapp.campaigns import texts
from webapp.campaigns.written import Written
from webapp.contacts import optouts
from webapp.contacts.pastes import LeftOuts, Pasted, read_paste
from webapp.gateway.models import GatewayAccount


class Absent(StrEnum):
    """Why somebody with a good number is left out all the same."""

    NO_VALUE = "no_value"
    OPTED_OUT = "opted_out"
    TOO_LONG_TEXT = "too_long_text"


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
class Recipient:
    """One number, the name of its own that is filled in, and the text that it gets."""

    mobile: str
    name: str | None
    text: Text


@dataclass
class Laid:
    """A draft laid out. `over_limit`: how many people's text is too long, left out for it or not."""

    fields: tuple[str, ...]
    pasted: Pasted
    recipients: list[Recipient] = field(default_factory=list)
    over_limit: int = 0

    @property
    def left_out(self) -> LeftOuts:
        """All that is left out, by the paste or for a reason of ours."""
        return self.pasted.left_out

    def texts(self) -> dict[bytes, Text]:
        """The different texts, by their hash."""
        return {one.text.hash: one.text for one in self.recipients}

    def digest(self) -> str:
        """Stands for all recipients, texts and weights; `draft_statements.AUDIENCE` makes it too."""
        lines = sorted(
            f"{one.mobile} {one.text.hash.hex()} {one.text.parts} {one.name or ''}" for one in self.recipients
        )
        return hashlib.sha256("\n".join(lines).encode()).hexdigest()


class Weigher:
    """Makes the final texts of one draft, each once, however many people get it."""

    def __init__(self, account: GatewayAccount, written: Written) -> None:
        self._account = account
        self._written = written
        self._lengths = lengths_of(account)
        self._made: dict[str | None, Text] = {}

    def text(self, name: str | None) -> Text:
        """The text with this name filled in; None leaves the fields as they are written."""
        made = self._made.get(name)
        if made is None:
            made = self._made[name] = self._make({} if name is None else {"name": name})
        return made

    def _make(self, values: dict[str, str]) -> Text:
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


def lay_out(account: GatewayAccount, written: Written) -> Laid:
    """Lay out a tidied draft, whatever state it is in."""
    fields = texts.fields_of(written.body)
    laid = Laid(fields, read_paste(written.numbers, named=bool(fields)))
    opted_out = optouts.opted_out_among(laid.pasted.mobiles)
    weigher = Weigher(account, written)
    for entry in laid.pasted.entries:
        value = entry.name or written.defaults.get("name") if fields else None
        if entry.mobile in opted_out:
            laid.left_out.add(entry.line, entry.mobile, Absent.OPTED_OUT)
            continue
        if fields and value is None:
            laid.left_out.add(entry.line, entry.mobile, Absent.NO_VALUE)
            continue
        text = weigher.text(value)
        laid.over_limit += text.over > 0
        if text.over and fields and written.leave_out_long:
            laid.left_out.add(entry.line, entry.mobile, Absent.TOO_LONG_TEXT)
        else:
            laid.recipients.append(Recipient(entry.mobile, entry.name, text))
    return laid


def lengths_of(account: GatewayAccount) -> texts.Lengths:
    """The text limits of an account, in characters."""
    return texts.Lengths(account.text_limit, account.first_part, account.next_part)
