"""Forms of contacts and groups: shape and words. What may be kept is said by the operations."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm
from wtforms import SelectField, StringField, TelField, TextAreaField
from wtforms.validators import InputRequired

from webapp.characters import CONTROL
from webapp.contacts import fields
from webapp.contacts.models import ContactGroup
from webapp.errors import DomainError

# What no page may hold; in a paste it is made visible, so that a damaged number stays damaged.
_BROKEN = re.compile(r"[\x00-\x08\x0e-\x1f\x7f-\x9f\ufffe\uffff\ud800-\udfff]")
NEW_FIELD = "new"


def one_line(text: str | None) -> str:
    """A text without what no phone shows."""
    return CONTROL.sub("", text or "")


def pasted(text: str | None) -> str:
    """A paste in which what no page may hold is visible."""
    return _BROKEN.sub("\ufffd", (text or "").replace("\x0b", "\n").replace("\x0c", "\n"))


def _group_field() -> SelectField:
    """A group of the team, or none. The view looks whether there is such a group."""
    return SelectField(_l("Group"), coerce=str, validate_choice=False)


def offer(field: SelectField, offered: list[ContactGroup]) -> None:
    """Say which groups there are."""
    field.choices = [("", _("No group")), *((str(one.id), one.name) for one in offered)]


class ContactForm(FlaskForm):  # type: ignore[misc] # the library carries no types
    """One person. The fields come beside it, for each team has its own: see `Value`."""

    mobile = TelField(_l("Mobile number"), [InputRequired(_l("Enter a mobile number."))], filters=[one_line])
    name = StringField(_l("Name"), filters=[one_line])
    into = _group_field()


class PasteForm(FlaskForm):  # type: ignore[misc] # the library carries no types
    """Many people at once."""

    numbers = TextAreaField(
        _l("Numbers and names"),
        [InputRequired(_l("Paste at least one number."))],
        filters=[pasted],
        description=_l(
            "One person a line: the number and the name. With a heading line, further columns become fields."
        ),
    )
    into = _group_field()


class GroupForm(FlaskForm):  # type: ignore[misc] # the library carries no types
    """The name of a group."""

    name = StringField(_l("Name of the group"), filters=[one_line])


@dataclass
class Value:
    """What a contact has in one field, as it stands in the form. `place`: its inputs are named after it."""

    place: str
    name: str
    said: str
    error: str = ""


def values_for(held: Mapping[str, str]) -> list[Value]:
    """An input for each field of the team, with what somebody has in it, and one for a new field."""
    names = [*fields.names(), *(name for name in held if name not in fields.names())]
    shown = [Value(str(place), name, held.get(name, "")) for place, name in enumerate(names)]
    return [*shown, Value(NEW_FIELD, "", "")]


def values_of(form: Mapping[str, str]) -> list[Value]:
    """What was sent of the inputs that `values_for` made."""
    places = [str(place) for place in range(fields.MOST_FIELDS)] + [NEW_FIELD]
    return [
        Value(place, one_line(form.get(f"field-{place}"))[:200], one_line(form.get(f"value-{place}"))[:1000])
        for place in places
        if f"field-{place}" in form
    ]


def tidied(values: list[Value]) -> dict[str, str]:
    """The values by the names of their fields. Raises DomainError for a value without the name of a field."""
    found: dict[str, str] = {}
    for value in values:
        if value.place == NEW_FIELD and not value.name.strip() and not value.said.strip():
            continue
        name = fields.tidy(value.name)
        if name in found and value.place == NEW_FIELD:
            raise DomainError(_("There is a field called “%(name)s” already.", name=name), "field")
        found[name] = value.said
    return found
