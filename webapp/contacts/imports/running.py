"""The import itself: slice by slice, each in one transaction with the cursor and the counts that it moves.

A worker may be killed at any moment: a slice is there with its counts or not at all, and which rows are in it
depends on the file alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, cast

import psycopg

from webapp import clock, tenancy
from webapp.accounts.audit import audit
from webapp.contacts import optouts
from webapp.contacts.imports import files, queries, statements
from webapp.contacts.imports.models import ContactImport, ImportSlice, ImportState
from webapp.contacts.imports.slices import Slice, slices
from webapp.contacts.imports.sorting import Ready
from webapp.database import new_id

MOST_TRIES = 3


class MovedError(Exception):
    """Somebody added or deleted a contact while its row was being looked for; the slice is done again."""


def run(import_id: int) -> None:
    """Import what is not in yet; ends early where somebody else is at it or a person stopped it."""
    one = queries.get(import_id)
    if one is None or one.state != ImportState.IMPORTING:
        return
    session = tenancy.session()
    session.expunge(one)
    for part in slices(one):
        if not _done(import_id, part):
            return
    locked = queries.locked(import_id, ImportState.IMPORTING)
    if locked is not None:
        finish(locked)
    session.commit()


def _done(import_id: int, part: Slice) -> bool:
    """Do a slice and commit it; False where it is not this worker's to do any more."""
    session = tenancy.session()
    for turn in range(MOST_TRIES):
        locked = queries.locked(import_id, ImportState.IMPORTING)
        if locked is None or locked.cursor != part.before:
            session.rollback()
            return False
        try:
            write(locked, part, clock.now())
        except MovedError:
            session.rollback()
            if turn == MOST_TRIES - 1:
                raise
        else:
            session.commit()
            break
    return True


def finish(one: ContactImport, why: str | None = None) -> None:
    """The import is over. `why`: what ended it before its end; the rows after the cursor are left out."""
    one.left_out = one.rows - one.added - one.updated - one.same
    one.state, one.why = ImportState.DONE, why
    one.finished_at, one.queued_at = clock.now(), None
    files.keep_longer(one)
    audit(
        "import.finished", "import", one.id, rows=one.rows, added=one.added, updated=one.updated,
        same=one.same, left_out=one.left_out, opt_outs=one.opt_outs, why=why,
    )  # fmt: skip


def write(one: ContactImport, part: Slice, now: datetime) -> None:
    """Bring a slice's good rows in, and move the cursor; the caller commits.

    Raises MovedError where somebody's contact went away meanwhile.
    """
    if one.opt_outs:
        _opt_out(one, part, now)
    elif part.ready:
        _bring_in(one, part, now)
    one.left_out += len(part.problems)
    one.cursor = part.cursor


def _opt_out(one: ContactImport, part: Slice, now: datetime) -> None:
    mobiles = [ready.mobile for ready in part.ready]
    noted = optouts.opt_out(mobiles, "import", one.created_by, now)
    one.added += noted
    one.same += len(mobiles) - noted
    _begin_slice(one, part, now)


def _bring_in(one: ContactImport, part: Slice, now: datetime) -> None:
    optouts.remembered([ready.mobile for ready in part.ready], now)
    _begin_slice(one, part, now)
    _copy(sorted(part.ready))
    values = {
        "team": one.team_id, "import": one.id, "no": part.before, "at": now, "group": one.group_id,
        "by": one.created_by, "change": one.if_exists == "update",
    }  # fmt: skip
    execute = tenancy.session().execute
    # Asked for first where the check has found some: others wait from the first change on.
    there = execute(statements.CHANGE_CONTACTS, values).one() if one.already else None
    added = execute(statements.ADD_CONTACTS, values).scalar_one()
    if there is None and added < len(part.ready):
        there = execute(statements.CHANGE_CONTACTS, values).one()
    found, changed = (there.found, there.changed) if there is not None else (0, 0)
    if added + found != len(part.ready):
        raise MovedError
    one.added += added
    one.updated += changed
    one.same += found - changed


def _begin_slice(one: ContactImport, part: Slice, now: datetime) -> None:
    """Where it is noted what the slice did, to undo it. Its number is that of the row before, so it grows."""
    tenancy.session().add(
        ImportSlice(team_id=one.team_id, import_id=one.id, no=part.before, at=now, added=[], grouped=[])
    )
    tenancy.session().flush()


def _copy(people: Sequence[Ready]) -> None:
    """Lay the people down where the statements find them, each with an id; in the order of their numbers."""
    session = tenancy.session()
    session.execute(statements.MAKE_INCOMING)
    session.execute(statements.CLEAR_INCOMING)
    first = new_id()
    lines = "".join(
        f"{first + at}\t{mobile}\t{name}\t{fields}\n" for at, (mobile, name, fields) in enumerate(people)
    )
    connection = cast("psycopg.Connection[Any]", session.connection().connection.dbapi_connection)
    with connection.cursor() as cursor, cursor.copy(statements.COPY_INCOMING) as copy:
        # Of what has a meaning to COPY, values hold only this: they are in one line and without tabs.
        copy.write(lines.replace("\\", "\\\\"))
