"""Why somebody is left out of a campaign, and in which words that is said."""

from __future__ import annotations

from enum import StrEnum

from flask_babel import LazyString
from flask_babel import lazy_gettext as _l

from webapp.contacts.numbers import Reason


class Absent(StrEnum):
    """Why somebody with a good number is left out all the same."""

    IN_MINUS = "in_minus"
    OPTED_OUT = "opted_out"
    BRACKETS = "value_brackets"
    NO_VALUE = "no_value"
    TOO_LONG_TEXT = "too_long_text"


REASON_WORDS: dict[str, LazyString] = {
    Reason.ROUNDED: _l("Excel has rounded it: format the column as text and copy again"),
    Reason.TOO_SHORT: _l("too short: a mobile number has 11 digits"),
    Reason.TOO_LONG: _l("too long: a mobile number has 11 digits"),
    Reason.FOREIGN: _l("not a mainland number"),
    Reason.NOT_MOBILE: _l("not a mobile number: these begin with 13 to 19"),
    Reason.NOT_NUMBER: _l("not a number"),
    Reason.TWICE: _l("stands here already: it gets the message once"),
    Reason.TWICE_OTHER: _l("stands here already with other values: the first line counts"),
    Reason.EXTRA: _l(
        "one value too many: a line may have a number and a name, or as many values as its heading"
    ),
    Reason.NAME_TOO_LONG: _l("the name is too long: it can have 40 characters"),
    Reason.NAME_BRACKETS: _l("the brackets 【 】 may not stand in a name"),
    Reason.VALUE_TOO_LONG: _l("a value is too long: it can have 200 characters"),
    Absent.IN_MINUS: _l("is in a group that is not to get it"),
    Absent.OPTED_OUT: _l("has opted out"),
    Absent.BRACKETS: _l("the brackets 【 】 may not stand in a value"),
    Absent.NO_VALUE: _l("has nothing to fill in"),
    Absent.TOO_LONG_TEXT: _l("the text is too long with these values"),
}
