"""Why messages did not arrive, in plain words: one dictionary for pages, files and the help.

Networks do not agree on what their words mean, and several say one for different things, so most of these
are "probably". The word itself always stands beside them. A word that is not here is shown as it came.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from webapp.errors import Words

WORDS: dict[str, Words] = {
    "UNDELIV": _l("Could not be delivered: the phone is probably switched off or out of range"),
    "EXPIRED": _l("Not delivered in time: the phone was probably switched off"),
    "REJECTD": _l("Refused by the network, probably by a filter"),
    "DELETED": _l("Deleted by the network"),
    "UNKNOWN": _l("The network does not know what became of it"),
    "BLACK": _l("The number is probably on a block list of the network"),
    "MK:0001": _l("The number probably does not exist"),
}
# Codes of two letters and four characters; the letters say who gave up (delivery/words.py).
CODES: dict[str, Words] = {
    "MK": _l("The number probably does not exist, or the phone is switched off"),
    "MI": WORDS["EXPIRED"],
    "MJ": WORDS["DELETED"],
    "MN": _l("Refused by the network: the number is probably not in service"),
    "MM": WORDS["UNKNOWN"],
    **dict.fromkeys(("MA", "MB"), _l("The message centre of the network had an error")),
    **dict.fromkeys(
        ("CA", "CB", "DA", "DB", "IA", "IB", "ID"), _l("Lost on its way between the gateway and the network")
    ),
    **dict.fromkeys(("MC", "IC"), _l("The network reported nothing in its time")),
}
_CODE = re.compile(r"([A-Z]{2}):[0-9A-Z]{4}", re.ASCII)


@dataclass(frozen=True)
class Said:
    """What a status word means. `code`: the word as it came."""

    words: str
    code: str
    known: bool


def said(status: str) -> Said:
    """The meaning of a status word, whatever its case."""
    word = status.upper()
    code = _CODE.fullmatch(word)
    words = WORDS.get(word) or (CODES.get(code[1]) if code else None)
    if words is None:
        return Said(_("Reason not known"), status, known=False)
    return Said(str(words), status, known=True)
