"""Why somebody is left out of a campaign, and in which words that is said."""

from __future__ import annotations

from enum import StrEnum

from flask_babel import LazyString
from flask_babel import lazy_gettext as _l

from webapp.contacts import reasons as contacts
from webapp.contacts.numbers import Reason


class Absent(StrEnum):
    """Why somebody with a good number is left out all the same."""

    IN_MINUS = "in_minus"
    OPTED_OUT = "opted_out"
    BRACKETS = "value_brackets"
    NO_VALUE = "no_value"
    TOO_LONG_TEXT = "too_long_text"


# A line is refused in the words of the address book; only a number that stands twice means something else.
REASON_WORDS: dict[str, LazyString] = {
    **contacts.REASON_WORDS,
    Reason.TWICE: _l("stands here already: it gets the message once"),
    Absent.IN_MINUS: _l("is in a group that is not to get it"),
    Absent.OPTED_OUT: _l("has opted out"),
    Absent.BRACKETS: _l("the brackets 【 】 may not stand in a value"),
    Absent.NO_VALUE: _l("has nothing to fill in"),
    Absent.TOO_LONG_TEXT: _l("the text is too long with these values"),
}
