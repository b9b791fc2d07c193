"""In which words it is said why something that was pasted did not become a contact."""

from __future__ import annotations

from flask_babel import LazyString
from flask_babel import lazy_gettext as _l

from webapp.contacts.numbers import Reason

REASON_WORDS: dict[str, LazyString] = {
    Reason.ROUNDED: _l("Excel has rounded it: format the column as text and copy again"),
    Reason.TOO_SHORT: _l("too short: a mobile number has 11 digits"),
    Reason.TOO_LONG: _l("too long: a mobile number has 11 digits"),
    Reason.FOREIGN: _l("not a mainland number"),
    Reason.NOT_MOBILE: _l("not a mobile number: these begin with 13 to 19"),
    Reason.NOT_NUMBER: _l("not a number"),
    Reason.TWICE: _l("stands in the list twice: it is one person"),
    Reason.TWICE_OTHER: _l("stands here already with other values: the first line counts"),
    Reason.EXTRA: _l(
        "one value too many: a line may have a number and a name, or as many values as its heading"
    ),
    Reason.NAME_TOO_LONG: _l("the name is too long: it can have 40 characters"),
    Reason.NAME_BRACKETS: _l("the brackets 【 】 may not stand in a name"),
    Reason.VALUE_TOO_LONG: _l("a value is too long: it can have 200 characters"),
}
