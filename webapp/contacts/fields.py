"""The names of the fields that a team's contacts have, and what may stand in a field.

A name is what people write in braces in a text, so it holds no brace, and none that already means the number
or the name of a contact. Names are kept in the order in which they were made: that is the order of the
columns of somebody's file.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping
from datetime import timedelta

from flask_babel import gettext as _
from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from webapp import clock, tenancy
from webapp.characters import CONTROL
from webapp.contacts.models import ContactField
from webapp.contacts.pastes import clean_name
from webapp.errors import DomainError

MOST_FIELDS = 50
MOST_FIELD_NAME = 40
MOST_FIELD_VALUE = 200
# What a contact has anyway, in the words that people use for it.
RESERVED = frozenset(("name", "mobile", "phone", "手机", "手机号", "手机号码", "电话", "姓名", "名字"))
BRACES = frozenset("{}[]【】")


def names() -> list[str]:
    """The names of the team's fields, in the order in which they were made."""
    return list(
        tenancy.session().scalars(
            select(ContactField.name)
            .where(ContactField.team_id == tenancy.scope())
            .order_by(ContactField.created_at, ContactField.name)
        )
    )


def tidy(said: str) -> str:
    """The name of a field as it is kept: NFKC, in one line, without what no phone shows.

    Raises DomainError (field "field") for a name that is empty or too long, has braces or brackets, or means
    the number or the name of a contact.
    """
    # Normalising a long run of combining characters takes minutes; nothing so long is a name.
    text = unicodedata.normalize("NFKC", said) if len(said) <= 4 * MOST_FIELD_NAME else said
    name = " ".join(CONTROL.sub("", " ".join(text.split())).split())
    if not name:
        raise DomainError(_("Give the field a name."), "field")
    if len(name) > MOST_FIELD_NAME:
        sentence = _("The name of a field can have at most %(n)s characters.", n=MOST_FIELD_NAME)
        raise DomainError(sentence, "field")
    if BRACES & set(name):
        sentence = _("The name of a field cannot hold braces or brackets: { } [ ] 【 】.")
        raise DomainError(sentence, "field")
    if name.casefold() in RESERVED:
        raise DomainError(
            _("Every contact has a number and a name already. Give the field another name."), "field"
        )
    return name


def ensure(wanted: Iterable[str]) -> None:
    """Make those of these fields (names as `tidy` gives them) that the team does not have yet.

    Raises DomainError where the team would have more than MOST_FIELDS.
    """
    known = set(names())
    missing = [name for name in dict.fromkeys(wanted) if name not in known]
    if not missing:
        return
    if len(known) + len(missing) > MOST_FIELDS:
        raise DomainError(_("A team can have at most %(n)s fields.", n=MOST_FIELDS), "field")
    now = clock.now()
    rows = [
        # A microsecond apart, so that they stay in the order given.
        {"team_id": tenancy.scope(), "name": name, "created_at": now + timedelta(microseconds=place)}
        for place, name in enumerate(missing)
    ]
    # In order of their names: two who make the same fields at once wait for each other one way only.
    rows.sort(key=lambda row: str(row["name"]))
    tenancy.session().execute(insert(ContactField).values(rows).on_conflict_do_nothing())


def clean_values(said: Mapping[str, str]) -> dict[str, str]:
    """Values by the names of fields, each in one line; empty ones are left away.

    Raises DomainError (field: the field's name) for a value that is too long or has the brackets of a
    signature.
    """
    values = {name: clean_name(value) for name, value in said.items()}
    for name, value in values.items():
        if len(value) > MOST_FIELD_VALUE:
            sentence = _(
                "What stands in “%(field)s” can have at most %(n)s characters.",
                field=name,
                n=MOST_FIELD_VALUE,
            )
            raise DomainError(sentence, name)
        if "【" in value or "】" in value:
            raise DomainError(
                _("The brackets 【 】 may not stand in “%(field)s”: they are for the signature.", field=name),
                name,
            )
    return {name: value for name, value in values.items() if value}
