"""What a text weighs: characters as the gateway counts them, and parts as it bills them.

The seed counts every character as one, a letter like a Chinese character; code points are assumed. Up to
70 characters are one part; a longer text is billed in parts of 67 (the four numbers are settings of the
gateway account: docs/gateway.md).
"""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from flask_babel import gettext as _

from webapp.characters import CONTROL
from webapp.errors import DomainError

# What every recipient may have; the other fields are those of the team's contacts and the columns of a paste.
NAME = "name"
# Fields that are named in one sentence; a team may have many.
MOST_NAMED = 12
# What people write for a field in their own words.
_MEANT = {"姓名": "name", "名字": "name", "名称": "name", "称呼": "name", "客户": "name"}
_BRACED = re.compile(r"\{([^{}\n]*)\}")
_WIDE = re.compile(r"[{｛]([^{}｛｝\n]*)[}｝]")
_REFUSAL = re.compile(
    r"退订|退訂|拒收|\b(?:reply|text|send)\W{1,3}(?:stop|no|r|t|td|n)\b|unsubscribe|opt[ -]?out",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Lengths:
    """The limits of one gateway account, in characters."""

    text: int = 268
    first_part: int = 70
    next_part: int = 67

    def parts(self, content: str) -> int:
        """How many parts this text is billed as; 0 for an empty one."""
        length = len(content)
        if length <= self.first_part:
            return 1 if length else 0
        return -(-length // self.next_part)

    def too_many(self, content: str) -> int:
        """How many characters over the limit this text is; 0 if it fits."""
        return max(0, len(content) - self.text)


def clean(text: str) -> str:
    """The text as it will be sent: line breaks as \\n, control characters and outer blanks taken out."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n").replace("\t", " ")
    return CONTROL.sub("", lines).strip()


def fields_of(text: str) -> tuple[str, ...]:
    """The words that stand in braces in a text, each once, in their order; whether they are fields or not."""
    return tuple(dict.fromkeys(match[1] for match in _BRACED.finditer(text)))


def times_of(text: str, field: str) -> int:
    """How often a field stands in a text."""
    return sum(match[1] == field for match in _BRACED.finditer(text))


def fill(text: str, values: Mapping[str, str]) -> str:
    """Put the values where their fields stand, in one pass: braces in a value are a person's own.

    A field without a value stays as it is written.
    """
    return _BRACED.sub(lambda match: values.get(match[1], match[0]), text)


def check_fields(text: str, known: Collection[str]) -> None:
    """Raise DomainError for a `{word}` that is none of the `known` fields, or one in full-width braces.

    A brace without its partner is plain text.
    """
    for match in _BRACED.finditer(text):
        if match[1] not in known:
            raise _no_field(match[0], nearest(match[1], known), known)
    for match in _WIDE.finditer(text):
        meant = nearest(match[1], known)
        if match[0] != f"{{{match[1]}}}" and meant is not None:
            raise DomainError(
                _(
                    "%(said)s has full-width braces and would be sent as it stands. Write {%(field)s}.",
                    said=match[0],
                    field=meant,
                ),
                "body",
            )


def check_refusal(text: str) -> None:
    """Raise DomainError where a marketing text does not say how to refuse further ones."""
    if not _REFUSAL.search(unicodedata.normalize("NFKC", text)):
        raise DomainError(
            _(
                "A marketing text must say how to refuse more of them. "
                "Add for example 拒收请回复R or 回T退订 at its end."
            ),
            "body",
        )


def nearest(said: str, known: Collection[str]) -> str | None:
    """The field that was probably meant."""
    word = unicodedata.normalize("NFKC", said).strip().casefold()
    if word in _MEANT:
        return _MEANT[word]
    folded = {field.casefold(): field for field in known}
    return next((folded[near] for near in difflib.get_close_matches(word, folded, 1)), None)


def _no_field(said: str, meant: str | None, known: Collection[str]) -> DomainError:
    if meant is not None:
        sentence = _("%(said)s is not a field. Did you mean {%(field)s}?", said=said, field=meant)
    else:
        fields = ", ".join(f"{{{name}}}" for name in list(known)[:MOST_NAMED])
        sentence = _("%(said)s is not a field. A text can have %(fields)s.", said=said, fields=fields)
    return DomainError(sentence, "body")


def sign(signature: str, body: str, *, added_by_gateway: bool) -> str:
    """Put the signature in its full-width brackets before the text.

    Where the gateway adds it by itself, the text alone is sent.
    """
    if added_by_gateway or not signature:
        return body
    return f"【{signature}】{body}"
