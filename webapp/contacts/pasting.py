"""Pasted numbers become contacts: with the names beside them, and with fields where the paste has a heading.

Who is in the address book already stays as they are; a paste never writes over what somebody typed.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from flask_babel import gettext as _
from sqlalchemy import ARRAY, BigInteger, DateTime, Text, any_, cast, func, literal, select
from sqlalchemy.dialects.postgresql import JSONB, insert

from webapp import clock, tenancy
from webapp.accounts.audit import audit
from webapp.contacts import columns, fields, groups, optouts
from webapp.contacts.models import Contact, ContactGroup
from webapp.contacts.pastes import Entry, LeftOuts, Pasted
from webapp.database import new_id
from webapp.errors import DomainError

MOST_PASTED = 10_000
MOST_PASTE_CHARACTERS = 600_000


@dataclass(frozen=True)
class Outcome:
    """What became of a paste. `added` + `already` are the usable numbers; `opted_out`: those of both."""

    added: int
    already: int
    grouped: int
    opted_out: int
    left_out: LeftOuts


def add_pasted(text: str, group: ContactGroup | None, by: int | None) -> Outcome:
    """Add everybody who is pasted, and put them into a group if one is given.

    Raises DomainError (field "numbers") for a paste that is too large or has nobody in it, and for a field
    too many.
    """
    pasted = _read(text)
    fields.ensure(pasted.columns)
    now = clock.now()
    mobiles = pasted.mobiles
    optouts.remembered(mobiles, now)
    added = _insert(pasted.entries, by, now)
    outcome = Outcome(
        added=added,
        already=len(mobiles) - added,
        grouped=groups.add(group.id, _ids_of(mobiles), now) if group is not None else 0,
        opted_out=len(optouts.opted_out_among(mobiles)),
        left_out=pasted.left_out,
    )
    audit(
        "contacts.pasted",
        "group" if group is not None else None,
        group.id if group is not None else None,
        added=outcome.added,
        already=outcome.already,
        left_out=sum(outcome.left_out.counts.values()),
        name=group.name if group is not None else None,
    )
    return outcome


def _read(text: str) -> Pasted:
    if len(text) > MOST_PASTE_CHARACTERS:
        raise DomainError(
            _("That is too much for a paste. Import it as a file. Nothing was added."), "numbers"
        )
    heading = next((line for line in text.splitlines() if line.strip()), "")
    named = columns.read(heading, ()).columns
    pasted = columns.read(text, {columns.NAME, *named})
    if not pasted.entries and not pasted.left_out.counts:
        raise DomainError(_("Paste at least one number."), "numbers")
    if len(pasted.entries) > MOST_PASTED:
        raise DomainError(
            _(
                "A paste can have at most %(n)s numbers. Import more as a file. Nothing was added.",
                n=f"{MOST_PASTED:,}",
            ),
            "numbers",
        )
    return pasted


def _insert(entries: Sequence[Entry], by: int | None, now: datetime) -> int:
    """Those that are not there yet; returns how many these were."""
    # In order, so that two pastes of the same people wait for each other one way only.
    ordered = sorted(entries, key=lambda entry: entry.mobile)
    # One after the other from one id: so many random ones of one moment would meet.
    first = new_id()
    rows = select(
        literal(tenancy.scope(), BigInteger),
        func.unnest(literal([first + place for place in range(len(ordered))], ARRAY(BigInteger))),
        func.unnest(literal([entry.mobile for entry in ordered], ARRAY(Text))),
        func.unnest(literal([entry.name or "" for entry in ordered], ARRAY(Text))),
        cast(func.unnest(literal([json.dumps(dict(entry.fields)) for entry in ordered], ARRAY(Text))), JSONB),
        literal(now, DateTime(timezone=True)),
        literal(now, DateTime(timezone=True)),
        literal(by, BigInteger),
    )
    names = ["team_id", "id", "mobile", "name", "fields", "created_at", "changed_at", "created_by"]
    added = tenancy.session().execute(
        insert(Contact)
        .from_select(names, rows)
        .on_conflict_do_nothing(index_elements=["team_id", "mobile"])
        .returning(Contact.id)
    )
    return len(added.all())


def _ids_of(mobiles: Sequence[str]) -> list[int]:
    return list(
        tenancy.session().scalars(
            select(Contact.id).where(
                Contact.team_id == tenancy.scope(), Contact.mobile == any_(literal(mobiles, ARRAY(Text)))
            )
        )
    )
