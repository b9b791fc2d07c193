"""What pages, campaigns and imports read of contacts: one of them, how many there are, where others lie."""

from __future__ import annotations

from sqlalchemy import select

from webapp import tenancy
from webapp.contacts.models import Contact, ContactCount


def contact(contact_id: int) -> Contact | None:
    """The contact of this id, or None."""
    return tenancy.session().get(Contact, (tenancy.scope(), contact_id))


def by_mobile(mobile: str) -> Contact | None:
    """The contact with this number (11 digits), or None."""
    return tenancy.session().scalar(
        select(Contact).where(Contact.team_id == tenancy.scope(), Contact.mobile == mobile)
    )


def count() -> int:
    """How many contacts the team has."""
    return _counted(0)


def version() -> int:
    """A number that is another one whenever a contact was added, changed or deleted."""
    return _counted(1)


def _counted(place: int) -> int:
    row = (
        tenancy.session()
        .execute(
            select(ContactCount.contacts, ContactCount.version).where(ContactCount.team_id == tenancy.scope())
        )
        .one_or_none()
    )
    return int(row[place]) if row is not None else 0
