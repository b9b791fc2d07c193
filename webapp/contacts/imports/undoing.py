"""Undoing an import, the last slice first, each in one transaction that also forgets what it took back.

Nothing is taken from somebody who was changed by hand since, was put into another group, or was sent
something: such people stay, and are counted. Whether something was sent is known further up, in campaigns;
the application connects the question.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from datetime import datetime

from flask import Flask, current_app
from sqlalchemy import ARRAY, BigInteger, BindParameter, any_, delete, func, literal, select, update

from webapp import clock, tenancy
from webapp.accounts.audit import audit
from webapp.contacts import groups
from webapp.contacts.imports import files, queries
from webapp.contacts.imports.models import ContactImport, ImportChange, ImportSlice, ImportState
from webapp.contacts.models import Contact, GroupedContact, OptOut

# Of these numbers, those to which something was sent, or is on its way, since a moment.
SentTo = Callable[[Sequence[str], datetime], set[str]]
_EXTENSION = "tidings_sent_to"


def connect(app: Flask, sent_to: SentTo) -> None:
    """Tell undoing whom something was sent to."""
    app.extensions[_EXTENSION] = sent_to


def undo(import_id: int) -> None:
    """Take back what is not taken back yet, a slice a transaction."""
    session = tenancy.session()
    while (one := queries.locked(import_id, ImportState.UNDOING)) is not None:
        take_back_next(one)
        session.commit()
        session.expunge_all()
    session.rollback()


def take_back_next(one: ContactImport) -> None:
    """Take back the last slice that is left, or end the undoing; the caller commits."""
    session = tenancy.session()
    part = session.scalar(
        select(ImportSlice)
        .where(ImportSlice.team_id == one.team_id, ImportSlice.import_id == one.id)
        .order_by(ImportSlice.no.desc())
        .limit(1)
    )
    if part is None:
        _finish(one)
        return
    if one.opt_outs:
        _count(one, deleted=_opt_in(part))
    else:
        _take_back(one, part)
    session.delete(part)
    session.flush()


def _finish(one: ContactImport) -> None:
    now = clock.now()
    _take_back_group(one)
    one.state, one.undone_at, one.queued_at = ImportState.UNDONE, now, None
    files.keep_longer(one)
    audit("import.undone", "import", one.id, **{name: int(count) for name, count in one.undo.items()})


def _take_back_group(one: ContactImport) -> None:
    """Delete the group that was made for this import if nobody is left in it and no other file is for it."""
    group = groups.group(one.group_id) if one.group_id is not None else None
    if group is None or group.size or one.started_at is None or group.created_at < one.started_at:
        return
    for_another = tenancy.session().scalar(
        select(ContactImport.id)
        .where(
            ContactImport.team_id == one.team_id,
            ContactImport.group_id == group.id,
            ContactImport.id != one.id,
            ContactImport.state != ImportState.UNDONE,
        )
        .limit(1)
    )
    if for_another is None:
        groups.delete(group.id)


def _count(one: ContactImport, **more: int) -> None:
    one.undo = {name: int(one.undo.get(name, 0)) + more.get(name, 0) for name in {**one.undo, **more}}


def _opt_in(part: ImportSlice) -> int:
    taken_back = tenancy.session().execute(
        delete(OptOut)
        .where(OptOut.team_id == part.team_id, OptOut.opted_out_at == part.at, OptOut.how == "import")
        .returning(OptOut.mobile)
        .execution_options(synchronize_session=False)
    )
    return len(taken_back.all())


def _take_back(one: ContactImport, part: ImportSlice) -> None:
    session = tenancy.session()
    there = session.execute(
        select(Contact.id, Contact.mobile, Contact.changed_at)
        .where(Contact.team_id == part.team_id, Contact.id == any_(_array(part.added)))
        .order_by(Contact.mobile)
        .with_for_update()
    ).all()
    elsewhere = _in_other_groups(one, part)
    untouched = [row for row in there if row.changed_at == part.at and row.id not in elsewhere]
    sent_to = _sent_to([row.mobile for row in untouched], one.started_at or part.at)
    doomed = [row.id for row in untouched if row.mobile not in sent_to]
    restored, changed = _restore(part)
    if one.group_id is not None and part.grouped:
        # Before the people go: going one by one they would be counted out of the group one by one.
        session.execute(
            delete(GroupedContact)
            .where(
                GroupedContact.team_id == part.team_id,
                GroupedContact.group_id == one.group_id,
                GroupedContact.contact_id == any_(_array(part.grouped)),
            )
            .execution_options(synchronize_session=False)
        )
    session.execute(
        delete(Contact)
        .where(Contact.team_id == part.team_id, Contact.id == any_(_array(doomed)))
        .execution_options(synchronize_session=False)
    )
    _count(
        one,
        deleted=len(doomed),
        restored=restored,
        kept_sent=len(sent_to),
        kept_changed=len(there) - len(untouched) + changed - restored,
    )


def _in_other_groups(one: ContactImport, part: ImportSlice) -> set[int]:
    asked = select(GroupedContact.contact_id).where(
        GroupedContact.team_id == part.team_id, GroupedContact.contact_id == any_(_array(part.added))
    )
    if one.group_id is not None:
        asked = asked.where(GroupedContact.group_id != one.group_id)
    return set(tenancy.session().scalars(asked))


def _sent_to(mobiles: Sequence[str], since: datetime) -> set[str]:
    sent_to: SentTo = current_app.extensions[_EXTENSION]
    return sent_to(mobiles, since) if mobiles else set()


def _restore(part: ImportSlice) -> tuple[int, int]:
    """Give those whom the slice changed what they had; returns how many, and how many it had changed."""
    session = tenancy.session()
    own = (
        ImportChange.team_id == part.team_id,
        ImportChange.import_id == part.import_id,
        ImportChange.no == part.no,
    )
    changed = session.scalar(select(func.count()).where(*own)) or 0
    if not changed:
        return 0, 0
    restored = session.execute(
        update(Contact)
        .where(
            *own,
            Contact.team_id == part.team_id,
            Contact.id == ImportChange.contact_id,
            Contact.changed_at == part.at,
        )
        .values(name=ImportChange.before_name, fields=ImportChange.before_fields, changed_at=clock.now())
        .returning(Contact.id)
        .execution_options(synchronize_session=False)
    )
    return len(restored.all()), changed


def _array(ids: Collection[int]) -> BindParameter[Sequence[int]]:
    return literal(list(ids), ARRAY(BigInteger))
