"""The check: a dry run that says of each row what would become of it, and writes nobody."""

from __future__ import annotations

from sqlalchemy import ARRAY, Text, any_, delete, func, insert, literal, select

from webapp import clock, tenancy
from webapp.characters import storable
from webapp.contacts import optouts
from webapp.contacts.imports import files, queries
from webapp.contacts.imports.models import ContactImport, ImportProblem, ImportState
from webapp.contacts.imports.slices import Slice, slices
from webapp.contacts.models import Contact

# Of a cell of a left-out row, so much is kept.
MOST_CELL = 1000


def check(import_id: int) -> None:
    """Check what is not checked yet, a slice a transaction; ends early where somebody else is at it."""
    one = queries.get(import_id)
    if one is None or one.state != ImportState.CHECKING:
        return
    session = tenancy.session()
    session.expunge(one)
    for part in slices(one):
        locked = queries.locked(import_id, ImportState.CHECKING)
        if locked is None or locked.cursor != part.before:
            session.rollback()
            return
        note(locked, part)
        if locked.rows > files.MOST_ROWS:
            give_up(locked, "too_many_rows")
            session.commit()
            return
        session.commit()
    locked = queries.locked(import_id, ImportState.CHECKING)
    if locked is not None:
        finish(locked)
    session.commit()


def forget_problems(one: ContactImport) -> None:
    """Begin anew: no row is checked."""
    tenancy.session().execute(
        delete(ImportProblem)
        .where(ImportProblem.team_id == one.team_id, ImportProblem.import_id == one.id)
        .execution_options(synchronize_session=False)
    )
    one.cursor = one.rows = one.ready = one.already = one.opted_out = 0
    one.problems = {}


def give_up(one: ContactImport, why: str) -> None:
    """The file cannot be imported; nothing of it was."""
    forget_problems(one)
    one.state, one.why, one.finished_at = ImportState.FAILED, why, clock.now()


def note(one: ContactImport, part: Slice) -> None:
    """Note what would become of a slice's rows, and move the cursor; the caller commits."""
    session = tenancy.session()
    mobiles = [ready.mobile for ready in part.ready]
    if part.problems:
        session.execute(
            insert(ImportProblem),
            [
                {
                    "team_id": one.team_id,
                    "import_id": one.id,
                    "row_no": record.no,
                    "kind": problem.kind.value,
                    "column": problem.column,
                    "cells": [storable(cell[:MOST_CELL]) for cell in record.cells],
                }
                for record, problem in part.problems
            ],
        )
    counts = dict(one.problems)
    for _record, problem in part.problems:
        counts[problem.kind.value] = counts.get(problem.kind.value, 0) + 1
    opted_out = len(optouts.opted_out_among(mobiles))
    one.problems = counts
    one.cursor = part.cursor
    one.rows += part.rows
    one.ready += len(part.ready)
    one.opted_out += opted_out
    one.already += opted_out if one.opt_outs else _already_here(mobiles)


def _already_here(mobiles: list[str]) -> int:
    asked = select(func.count()).where(
        Contact.team_id == tenancy.scope(), Contact.mobile == any_(literal(mobiles, ARRAY(Text)))
    )
    return tenancy.session().scalar(asked) or 0


def finish(one: ContactImport) -> None:
    """All rows are checked."""
    now = clock.now()
    one.last_row = one.cursor
    one.checked_at, one.queued_at = now, None
    files.keep_longer(one)
    if not one.rows:
        give_up(one, "empty")
    else:
        one.state = ImportState.CHECKED
