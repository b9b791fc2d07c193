"""Changes to contacts. They flush; views, jobs and commands commit.

Deleting a contact takes a person out of the address book, no more: messages, opt-outs and campaigns stay as
they are. A number is in the address book once, and the database sees to it when two add it at the same time.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from flask_babel import gettext as _
from sqlalchemy import ARRAY, BigInteger, BindParameter, any_, literal, select
from sqlalchemy import delete as delete_from
from sqlalchemy.dialects.postgresql import insert

from webapp import clock, tenancy
from webapp.accounts.audit import audit
from webapp.contacts import fields as contact_fields
from webapp.contacts import groups, optouts, queries
from webapp.contacts.models import Contact, GroupedContact
from webapp.contacts.numbers import Reason, read_mobile
from webapp.contacts.pastes import MOST_VALUE, clean_name
from webapp.database import new_id
from webapp.errors import DomainError
from webapp.reading import mask


class TakenError(DomainError):
    """The number belongs to a contact already; nothing was changed. `contact` is that one."""

    def __init__(self, contact: Contact) -> None:
        super().__init__(_("This number is here already."), "mobile")
        self.contact = contact


def add(mobile_said: str, name: str, fields: Mapping[str, str], by: int | None) -> Contact:
    """Add one person. Fields that the team does not have yet are made.

    Raises TakenError where the number is here already, DomainError (fields "mobile", "name", or the name of
    a field) for what cannot be kept.
    """
    mobile, name, values = number_of(mobile_said), name_of(name), contact_fields.clean_values(fields)
    contact_fields.ensure(values)
    session, now = tenancy.session(), clock.now()
    added = session.scalar(
        insert(Contact)
        .values(
            team_id=tenancy.scope(),
            id=new_id(),
            mobile=mobile,
            name=name,
            fields=values,
            created_at=now,
            changed_at=now,
            created_by=by,
        )
        .on_conflict_do_nothing(index_elements=["team_id", "mobile"])
        .returning(Contact)
    )
    if added is None:
        raise TakenError(_must_be(mobile))
    # Somebody who opted out and was erased since has still opted out.
    optouts.remembered([mobile], now)
    audit("contact.added", "contact", added.id, number=mask(mobile))
    return added


def change(contact_id: int, mobile_said: str, name: str, fields: Mapping[str, str]) -> Contact:
    """Change a person. Fields that are not named keep what they hold; an empty value takes it away.

    Raises TakenError where the number is another contact's, DomainError as `add` does.
    """
    mobile, name = number_of(mobile_said), name_of(name)
    values = contact_fields.clean_values(fields)
    contact_fields.ensure(values)
    session = tenancy.session()
    contact = session.get_one(Contact, (tenancy.scope(), contact_id), with_for_update=True)
    other = queries.by_mobile(mobile)
    if other is not None and other.id != contact_id:
        raise TakenError(other)
    kept = {key: value for key, value in contact.fields.items() if key not in fields}
    before = mask(contact.mobile)
    contact.mobile, contact.name, contact.fields = mobile, name, kept | values
    if session.is_modified(contact):
        contact.changed_at = clock.now()
        audit("contact.changed", "contact", contact_id, number=mask(mobile), before=before)
    optouts.remembered([mobile], contact.changed_at)
    session.flush()
    return contact


def delete(contact_ids: Collection[int]) -> int:
    """Take these people out of the address book and their groups; returns how many were there."""
    session = tenancy.session()
    session.flush()
    found = session.scalars(
        select(Contact.id)
        .where(Contact.team_id == tenancy.scope(), Contact.id == any_(_ids(contact_ids)))
        .order_by(Contact.id)
        .with_for_update()
    ).all()
    groups.hold_those_of(found)
    ids = _ids(found)
    # Before the contacts, in one statement: the foreign key would delete person by person, and each time the
    # size of every group would be written anew.
    for statement in (
        delete_from(GroupedContact).where(
            GroupedContact.team_id == tenancy.scope(), GroupedContact.contact_id == any_(ids)
        ),
        delete_from(Contact).where(Contact.team_id == tenancy.scope(), Contact.id == any_(ids)),
    ):
        session.execute(statement.execution_options(synchronize_session=False))
    session.expire_all()
    return len(found)


def number_of(said: str) -> str:
    """The mobile number that somebody typed, as 11 digits. Raises DomainError (field "mobile")."""
    read = read_mobile(said.strip())
    if not isinstance(read, Reason):
        return read
    if not said.strip():
        raise DomainError(_("Enter a mobile number."), "mobile")
    if read is Reason.FOREIGN:
        raise DomainError(_("Only mainland mobile numbers can get messages here."), "mobile")
    raise DomainError(_("This is not a mobile number: it has 11 digits and begins with 13 to 19."), "mobile")


def name_of(said: str) -> str:
    """A name as it is kept, "" for none. Raises DomainError (field "name")."""
    name = clean_name(said)
    if len(name) > MOST_VALUE:
        raise DomainError(_("A name can have at most %(n)s characters.", n=MOST_VALUE), "name")
    if "【" in name or "】" in name:
        raise DomainError(
            _("The brackets 【 】 may not stand in a name: they are for the signature."), "name"
        )
    return name


def _must_be(mobile: str) -> Contact:
    """The contact that kept another one from being added."""
    found = queries.by_mobile(mobile)
    if found is None:
        raise DomainError(_("Somebody changed this number at the same time. Try again."), "mobile")
    return found


def _ids(contact_ids: Collection[int]) -> BindParameter[Sequence[int]]:
    """One parameter however many there are."""
    return literal(list(contact_ids), ARRAY(BigInteger))
