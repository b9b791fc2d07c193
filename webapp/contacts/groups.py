"""Groups of contacts: hand-made lists that campaigns are sent to again and again.

How many people a group has is kept by triggers of the database; nothing here counts. Contacts are always
touched before groups, and both in the order of their ids, so that two who work on the same people wait for
each other one way only.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

from flask_babel import gettext as _
from sqlalchemy import (
    ARRAY,
    BigInteger,
    BindParameter,
    DateTime,
    Select,
    any_,
    func,
    literal,
    select,
)
from sqlalchemy import (
    delete as delete_from,
)
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import IntegrityError

from webapp import clock, tenancy
from webapp.accounts.audit import audit
from webapp.contacts.imports.models import ContactImport
from webapp.contacts.models import Contact, ContactGroup, GroupedContact
from webapp.contacts.pastes import clean_name
from webapp.database import new_id
from webapp.errors import DomainError

MOST_GROUP_NAME = 60
# All of them stand on one page and in the choices of a campaign.
MOST_GROUPS = 500


def groups() -> list[ContactGroup]:
    """The team's groups, by name."""
    return list(tenancy.session().scalars(_groups().order_by(func.lower(ContactGroup.name), ContactGroup.id)))


def group(group_id: int) -> ContactGroup | None:
    """The group of this id, or None."""
    return tenancy.session().get(ContactGroup, (tenancy.scope(), group_id))


def by_contact(contact_ids: Collection[int]) -> dict[int, list[ContactGroup]]:
    """The groups that each of these contacts is in, by name."""
    rows = tenancy.session().execute(
        select(GroupedContact.contact_id, ContactGroup)
        .join(
            ContactGroup,
            (ContactGroup.team_id == GroupedContact.team_id) & (ContactGroup.id == GroupedContact.group_id),
        )
        .where(
            GroupedContact.team_id == tenancy.scope(), GroupedContact.contact_id == any_(_ids(contact_ids))
        )
        .order_by(func.lower(ContactGroup.name))
    )
    found: dict[int, list[ContactGroup]] = {}
    for contact_id, one in rows:
        found.setdefault(contact_id, []).append(one)
    return found


def make(name: str, by: int | None) -> ContactGroup:
    """Make a group. Raises DomainError (field "name") for a name that is taken or none."""
    made = ContactGroup(
        team_id=tenancy.scope(),
        id=new_id(),
        name=_tidy(name),
        size=0,
        version=1,
        created_at=clock.now(),
        created_by=by,
    )
    number = select(func.count()).select_from(_groups().limit(MOST_GROUPS).subquery())
    if tenancy.session().scalars(number).one() >= MOST_GROUPS:
        raise DomainError(_("A team can have at most %(n)s groups.", n=MOST_GROUPS), "name")
    _put(made, made.name, new=True)
    audit("group.made", "group", made.id, name=made.name)
    return made


def rename(group_id: int, name: str) -> None:
    """Give a group another name. Raises DomainError (field "name") for a name that is taken or none."""
    renamed = tenancy.session().get_one(ContactGroup, (tenancy.scope(), group_id))
    wanted, before = _tidy(name), renamed.name
    if wanted == before:
        return
    _put(renamed, wanted)
    audit("group.renamed", "group", group_id, name=wanted, before=before)


def delete(group_id: int) -> None:
    """Delete a group; its people stay. One that is gone already is not there afterwards either."""
    session = tenancy.session()
    # Imports into it forget it too, and whoever works on one has that before the group.
    session.scalars(
        select(ContactImport.id)
        .where(ContactImport.team_id == tenancy.scope(), ContactImport.group_id == group_id)
        .order_by(ContactImport.id)
        .with_for_update(key_share=True)
    ).all()
    # First of all: whoever puts somebody in or takes somebody out has the group only at the end.
    gone = session.get(
        ContactGroup, (tenancy.scope(), group_id), with_for_update=True, populate_existing=True
    )
    if gone is None:
        return
    audit("group.deleted", "group", group_id, name=gone.name, people=gone.size)
    # By hand, at once: the foreign key would delete them too, and then the group is there to be counted in.
    session.execute(
        delete_from(GroupedContact)
        .where(GroupedContact.team_id == tenancy.scope(), GroupedContact.group_id == group_id)
        .execution_options(synchronize_session=False)
    )
    session.expire(gone)
    session.delete(gone)
    session.flush()


def add(group_id: int, contact_ids: Collection[int], now: datetime | None = None) -> int:
    """Put contacts into a group; returns how many were not in it before. Ids of nobody are passed over.

    Raises DomainError where the group was deleted meanwhile.
    """
    session = tenancy.session()
    # Held until the commit: who is being deleted at this moment is waited for, and passed over then.
    held = session.scalars(
        select(Contact.id)
        .where(Contact.team_id == tenancy.scope(), Contact.id == any_(_ids(contact_ids)))
        .order_by(Contact.id)
        .with_for_update(read=True, key_share=True)
    ).all()
    there = session.scalar(
        _groups()
        .with_only_columns(ContactGroup.id)
        .where(ContactGroup.id == group_id)
        .with_for_update(read=True, key_share=True)
    )
    if there is None:
        raise DomainError(_("The group was deleted meanwhile. Nothing was changed."))
    rows = select(
        literal(tenancy.scope(), BigInteger),
        literal(group_id, BigInteger),
        func.unnest(_ids(held)),
        literal(now or clock.now(), DateTime(timezone=True)),
    )
    put = session.execute(
        insert(GroupedContact)
        .from_select(["team_id", "group_id", "contact_id", "added_at"], rows)
        .on_conflict_do_nothing()
        .returning(GroupedContact.contact_id)
    )
    return _changed(group_id, len(put.all()))


def hold_those_of(contact_ids: Collection[int]) -> None:
    """Hold the groups that these contacts, which are held already, are in, before they are taken out."""
    tenancy.session().scalars(
        _groups()
        .with_only_columns(ContactGroup.id)
        .where(
            ContactGroup.id.in_(
                select(GroupedContact.group_id).where(
                    GroupedContact.team_id == tenancy.scope(),
                    GroupedContact.contact_id == any_(_ids(contact_ids)),
                )
            )
        )
        .order_by(ContactGroup.id)
        .with_for_update(key_share=True)
    ).all()


def take_out(group_id: int, contact_ids: Collection[int]) -> int:
    """Take contacts out of a group; returns how many were in it."""
    taken = tenancy.session().execute(
        delete_from(GroupedContact)
        .where(
            GroupedContact.team_id == tenancy.scope(),
            GroupedContact.group_id == group_id,
            GroupedContact.contact_id == any_(_ids(contact_ids)),
        )
        .returning(GroupedContact.contact_id)
        .execution_options(synchronize_session=False)
    )
    return _changed(group_id, len(taken.all()))


def _groups() -> Select[ContactGroup]:
    return select(ContactGroup).where(ContactGroup.team_id == tenancy.scope())


def _changed(group_id: int, number: int) -> int:
    """The trigger has changed the size behind the session's back."""
    held = tenancy.session().identity_map.get(
        tenancy.session().identity_key(ContactGroup, (tenancy.scope(), group_id))
    )
    if number and held is not None:
        tenancy.session().expire(held)
    return number


def _tidy(said: str) -> str:
    name = clean_name(said)
    if not name:
        raise DomainError(_("Give the group a name."), "name")
    if len(name) > MOST_GROUP_NAME:
        raise DomainError(
            _("The name of a group can have at most %(n)s characters.", n=MOST_GROUP_NAME), "name"
        )
    return name


def _put(row: ContactGroup, name: str, *, new: bool = False) -> None:
    session = tenancy.session()
    session.flush()
    try:
        with session.begin_nested():
            row.name = name
            if new:
                session.add(row)
    except IntegrityError as error:
        raise DomainError(_("There is a group called “%(name)s” already.", name=name), "name") from error


def _ids(contact_ids: Collection[int]) -> BindParameter[Sequence[int]]:
    """One parameter however many there are."""
    return literal(list(contact_ids), ARRAY(BigInteger))
