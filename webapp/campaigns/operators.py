"""What the operators are called: one dictionary for tables, charts and files."""

from __future__ import annotations

from flask_babel import lazy_gettext as _l

from webapp.errors import Words

# In the order in which lists name them; the keys are those of the database's `operator_of`.
OPERATORS: dict[str, Words] = {
    "mobile": _l("China Mobile"),
    "unicom": _l("China Unicom"),
    "telecom": _l("China Telecom"),
    "broadnet": _l("China Broadnet"),
    "virtual": _l("Virtual operator"),
}
_NOT_KNOWN = _l("Not known")


def operator_words(operator: str) -> Words:
    """The name of an operator; of a range that nobody knows, that it is not known."""
    return OPERATORS.get(operator, _NOT_KNOWN)
