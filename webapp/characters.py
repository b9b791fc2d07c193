"""Characters that do not belong in what people write."""

from __future__ import annotations

import re

# What no phone shows, some gateways choke on, or turns a preview round so that what is seen is not what is
# sent. A line break may stay, and the joiners U+200C and U+200D, of which emoji are made.
CONTROL = re.compile(
    r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u00ad\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff]"
)
# What the database cannot keep in a text.
_UNSTORABLE = re.compile(r"[\x00\ud800-\udfff]")


def storable(text: str) -> str:
    """The text with what the database refuses made visible, so that a damaged number stays damaged."""
    return _UNSTORABLE.sub("\ufffd", text)
