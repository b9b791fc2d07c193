"""What is done to many contacts at once, and taken back again.

Everything but deleting can be undone for an hour. What was changed is found again by the moment at which it
was changed, so an undo takes back exactly that, however many people it was and whatever was done since.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from flask_babel import gettext as _
from sqlalchemy import ARRAY, BigInteger, any_, literal, select

from webapp import clock, sealed_names, tenancy
from webapp.accounts.audit import audit
from webapp.contacts import groups, operations, optouts
from webapp.contacts.models import Contact, ContactGroup, GroupedContact, OptOut
from webapp.errors import DomainError

UNDO_FOR = timedelta(hours=1)
_PURPOSE = "contacts-done"


class Deed(StrEnum):
    """What can be done to those who are ticked, or to all of a list."""

    ADD = "add"
    TAKE_OUT = "take_out"
    OPT_OUT = "opt_out"
    DELETE = "delete"


@dataclass(frozen=True)
class Done:
    """Something that was done and can be undone. `contact_ids`: whom, where nothing else tells."""

    deed: Deed
    number: int
    at: datetime
    group_id: int = 0
    contact_ids: tuple[int, ...] = ()

    @property
    def token(self) -> str:
        """Its name in an address."""
        ids = ",".join(map(str, self.contact_ids))
        said = f"{self.deed} {self.number} {self.at.isoformat()} {self.group_id} {ids}"
        return sealed_names.seal(_PURPOSE, 0, said)

    @property
    def can_be_undone(self) -> bool:
        """Whether it is not too long ago."""
        return clock.now() - self.at <= UNDO_FOR


def named(token: str) -> Done | None:
    """What a token names; None for one of another team, or none at all."""
    said = sealed_names.unseal(_PURPOSE, 0, token)
    if not said:
        return None
    deed, number, at, group_id, ids = said.split(" ")
    return Done(
        Deed(deed),
        int(number),
        datetime.fromisoformat(at),
        int(group_id),
        tuple(map(int, ids.split(","))) if ids else (),
    )


def existing(contact_ids: Collection[int]) -> list[int]:
    """Those of these ids that are contacts of the team."""
    return list(
        tenancy.session().scalars(
            select(Contact.id).where(
                Contact.team_id == tenancy.scope(),
                Contact.id == any_(literal(list(contact_ids), ARRAY(BigInteger))),
            )
        )
    )


def add_to_group(group: ContactGroup, contact_ids: Collection[int]) -> Done:
    """Put these contacts into a group."""
    now = clock.now()
    number = groups.add(group.id, contact_ids, now)
    audit("contacts.grouped", "group", group.id, name=group.name, people=number)
    return Done(Deed.ADD, number, now, group.id)


def take_out_of_group(group: ContactGroup, contact_ids: Collection[int]) -> Done:
    """Take these contacts, a page of them at most, out of a group."""
    there = tenancy.session().scalars(
        select(GroupedContact.contact_id).where(
            GroupedContact.team_id == tenancy.scope(),
            GroupedContact.group_id == group.id,
            GroupedContact.contact_id == any_(literal(list(contact_ids), ARRAY(BigInteger))),
        )
    )
    gone = tuple(there)
    number = groups.take_out(group.id, gone)
    audit("contacts.taken_out", "group", group.id, name=group.name, people=number)
    return Done(Deed.TAKE_OUT, number, clock.now(), group.id, gone)


def opt_out(contact_ids: Collection[int], by: int | None) -> Done:
    """Note that these contacts get nothing any more."""
    mobiles = tenancy.session().scalars(
        select(Contact.mobile).where(
            Contact.team_id == tenancy.scope(),
            Contact.id == any_(literal(list(contact_ids), ARRAY(BigInteger))),
        )
    )
    now = clock.now()
    number = optouts.opt_out(mobiles.all(), "hand", by, now)
    audit("contacts.opted_out", people=number)
    return Done(Deed.OPT_OUT, number, now)


def delete(contact_ids: Collection[int]) -> int:
    """Take these contacts out of the address book for good; returns how many."""
    number = operations.delete(contact_ids)
    audit("contacts.deleted", people=number)
    return number


def undo(done: Done) -> int:
    """Take back what was done; returns for how many. Raises DomainError where the group is gone."""
    if done.deed is Deed.OPT_OUT:
        number = optouts.opt_in(_opted_out_at(done.at))
    else:
        group = groups.group(done.group_id)
        if group is None:
            raise DomainError(_("The group was deleted meanwhile. Nothing was changed."))
        if done.deed is Deed.ADD:
            number = groups.take_out(group.id, _added_at(done.at, group.id))
        else:
            number = groups.add(group.id, done.contact_ids)
    audit("contacts.undone", "group" if done.group_id else None, done.group_id or None,
          deed=str(done.deed), people=number)  # fmt: skip
    return number


def _opted_out_at(at: datetime) -> list[str]:
    return list(
        tenancy.session().scalars(
            select(OptOut.mobile).where(
                OptOut.team_id == tenancy.scope(), OptOut.opted_out_at == at, OptOut.how == "hand"
            )
        )
    )


def _added_at(at: datetime, group_id: int) -> list[int]:
    return list(
        tenancy.session().scalars(
            select(GroupedContact.contact_id).where(
                GroupedContact.team_id == tenancy.scope(),
                GroupedContact.group_id == group_id,
                GroupedContact.added_at == at,
            )
        )
    )


def first_of(contact_ids: Collection[int], most: int) -> list[Contact]:
    """The first of these contacts, to be named."""
    first = list(contact_ids)[:most]
    return list(
        tenancy.session().scalars(
            select(Contact).where(
                Contact.team_id == tenancy.scope(), Contact.id == any_(literal(first, ARRAY(BigInteger)))
            )
        )
    )
