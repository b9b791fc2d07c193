"""A team's contacts, the groups they are in, and who must not get messages any more.

The sizes of groups and of the whole address book are kept by the database itself (`contact_count`,
`contact_group.size`), so no operation here counts.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Computed, LargeBinary, Text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from webapp.database import Base, TeamOwned, new_id


class Contact(TeamOwned, Base):
    """A person of the address book: a mobile number that is there once, a name, and fields by name."""

    __tablename__ = "contact"

    id: Mapped[int] = mapped_column(primary_key=True, default=new_id)
    mobile: Mapped[str] = mapped_column(Text)
    name: Mapped[str] = mapped_column(Text, default="")
    fields: Mapped[dict[str, str]] = mapped_column(JSONB, default=dict)
    created_at: Mapped[datetime]
    changed_at: Mapped[datetime]
    created_by: Mapped[int | None]
    mobile_backwards: Mapped[str] = mapped_column(Text, Computed("reverse(mobile)"))
    name_folded: Mapped[str] = mapped_column(Text, Computed("lower(name)"))


class ContactField(TeamOwned, Base):
    """The name of a field that contacts of this team can have, as it stands in braces in a text."""

    __tablename__ = "contact_field"

    name: Mapped[str] = mapped_column(Text, primary_key=True)
    created_at: Mapped[datetime]


class ContactGroup(TeamOwned, Base):
    """A group of contacts, made by hand. `version` goes up whenever somebody comes or goes."""

    __tablename__ = "contact_group"

    id: Mapped[int] = mapped_column(primary_key=True, default=new_id)
    name: Mapped[str] = mapped_column(Text)
    size: Mapped[int] = mapped_column(default=0)
    version: Mapped[int] = mapped_column(default=1)
    created_at: Mapped[datetime]
    created_by: Mapped[int | None]


class GroupedContact(TeamOwned, Base):
    """A contact in a group."""

    __tablename__ = "grouped_contact"

    group_id: Mapped[int] = mapped_column(primary_key=True)
    contact_id: Mapped[int] = mapped_column(primary_key=True)
    added_at: Mapped[datetime]


class ContactCount(TeamOwned, Base):
    """How many contacts the team has; `version` goes up whenever one is added, changed or deleted."""

    __tablename__ = "contact_count"

    contacts: Mapped[int]
    version: Mapped[int]


class OptOut(TeamOwned, Base):
    """A number that gets nothing from this team any more, whatever kind of campaign it is."""

    __tablename__ = "opt_out"

    mobile: Mapped[str] = mapped_column(Text, primary_key=True)
    opted_out_at: Mapped[datetime]
    how: Mapped[str] = mapped_column(Text)
    by_user: Mapped[int | None]
    mobile_backwards: Mapped[str] = mapped_column(Text, Computed("reverse(mobile)"))


class ErasedOptOut(TeamOwned, Base):
    """A number that had opted out when it was erased: a keyed hash is all that is left of it."""

    __tablename__ = "erased_opt_out"

    hash: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    opted_out_at: Mapped[datetime]
    how: Mapped[str] = mapped_column(Text)


class Erasure(TeamOwned, Base):
    """A number that is to be erased; `mobile` is None once that is done. `found`: how much, by table."""

    __tablename__ = "erasure"

    id: Mapped[int] = mapped_column(primary_key=True, default=new_id)
    mobile: Mapped[str | None] = mapped_column(Text)
    asked_at: Mapped[datetime]
    asked_by: Mapped[int | None]
    done_at: Mapped[datetime | None]
    found: Mapped[dict[str, Any]] = mapped_column(JSONB, default=dict)
