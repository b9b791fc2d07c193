"""Forms of imports: shape and words. What may be imported is said by the operations."""

from __future__ import annotations

from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm
from flask_wtf.file import FileField
from wtforms import BooleanField, HiddenField, RadioField, SelectField, StringField, TextAreaField
from wtforms.fields.choices import SelectChoice  # type: ignore[attr-defined] # newer than its stubs

from webapp.contacts import groups
from webapp.contacts.imports.decoding import Encoding
from webapp.contacts.imports.models import Column, ContactImport
from webapp.contacts.imports.operations import Choices

MOST_PASTE = 3 * 1024 * 1024
ENCODINGS = [
    SelectChoice(Encoding.UTF_8.value, "UTF-8"),
    SelectChoice(Encoding.GB18030.value, "GB18030 / GBK"),
    SelectChoice(Encoding.UTF_16.value, "UTF-16"),
]
SEPARATORS = [
    SelectChoice(",", _l("Comma")),
    SelectChoice(";", _l("Semicolon")),
    SelectChoice("\t", _l("Tab")),
    SelectChoice("|", _l("Vertical bar")),
    SelectChoice(" ", _l("Blank")),
]
PLACES = [
    ("mobile", _l("Phone")),
    ("name", _l("Name")),
    ("field", _l("Field")),
    ("skip", _l("Skip")),
]


class BringForm(FlaskForm):  # type: ignore[misc] # the library carries no types
    """A file, or rows copied out of a table."""

    file = FileField(_l("File"))
    paste = TextAreaField(_l("Or paste rows"))
    like = HiddenField()


class ReadingForm(FlaskForm):  # type: ignore[misc] # the library carries no types
    """How the file is read."""

    encoding = SelectField(_l("Encoding"), choices=ENCODINGS)
    separator = SelectField(_l("Separator"), choices=SEPARATORS)
    sheet = SelectField(_l("Sheet"), validate_choice=False)
    header = BooleanField(_l("The first row has the headings"))

    @classmethod
    def of(cls, one: ContactImport, **more: Any) -> ReadingForm:
        """The form with what is true of this import."""
        form = cls(
            encoding=one.encoding, separator=one.separator, sheet=one.sheet, header=one.has_header, **more
        )
        form.sheet.choices = [SelectChoice(name, name) for name in one.sheets]
        return form


class ColumnsForm(FlaskForm):  # type: ignore[misc] # the library carries no types
    """What does not hang on a column: the group, and what happens to people who are here already."""

    group = SelectField(_l("Put everybody into this group"), coerce=int, validate_choice=False)
    new_group = StringField(_l("Or into a new group"))
    if_exists = RadioField(
        _l("If a person is here already"),
        choices=[
            SelectChoice(
                "update", _l("Update: what the file says replaces what is here; empty cells change nothing")
            ),
            SelectChoice("keep", _l("Keep: they stay as they are, and only join the group")),
        ],
    )

    @classmethod
    def of(cls, one: ContactImport, **more: Any) -> ColumnsForm:
        """The form with what was chosen for this import so far."""
        chosen = one.group_id or 0
        new = "" if chosen else one.group_name or ""
        form = cls(group=chosen, new_group=new, if_exists=one.if_exists, **more)
        form.group.choices = [
            SelectChoice(0, _("No group")),
            *(SelectChoice(made.id, made.name) for made in groups.groups()),
        ]
        return form


def choices_of(form: ColumnsForm, one: ContactImport, said: Any) -> Choices:
    """What the form says, with the columns from `said`, the fields `to-0`, `field-0`, … of the request."""
    known = {place for place, _label in PLACES}
    columns = []
    for at, column in enumerate(one.columns):
        to = said.get(f"to-{at}", column["to"])
        field = said.get(f"field-{at}", "") or column["head"]
        columns.append(Column(head=column["head"], to=to if to in known else "skip", field=field))
    return Choices(
        columns,
        if_exists="keep" if form.if_exists.data == "keep" else "update",
        group=form.group.data or None,
        new_group=form.new_group.data or "",
    )
