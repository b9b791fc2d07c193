"""What a text weighs: characters as the gateway counts them, and parts as it bills them.

The seed counts every character as one, a letter like a Chinese character; code points are assumed. Up to
70 characters are one part; a longer text is billed in parts of 67 (the four numbers are settings of the
gateway account: docs/gateway.md).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

# What no phone shows, some gateways choke on, or turns a preview round so that what is seen is not what is
# sent. A line break may stay, and the joiners U+200C and U+200D, of which emoji are made.
CONTROL = re.compile(
    r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u00ad\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff]"
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


def sign(signature: str, body: str, *, added_by_gateway: bool) -> str:
    """Put the signature in its full-width brackets before the text.

    Where the gateway adds it by itself, the text alone is sent.
    """
    if added_by_gateway or not signature:
        return body
    return f"【{signature}】{body}"
