"""A team's line of imports: one is worked on at a time, the others wait.

Two of a team at once would wait for each other's rows slice by slice. Who works on a team's line holds a lock
that PostgreSQL gives back by itself when the worker dies, so the next one takes up what was left within
seconds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import structlog
from flask import g
from sqlalchemy import func, select
from sqlalchemy.exc import DBAPIError

from webapp import tenancy
from webapp.contacts.imports import checking, queries, reading, running, undoing
from webapp.contacts.imports.models import IN_LINE, ContactImport, ImportState
from webapp.extensions import db

log = structlog.get_logger(__name__)

_STEPS: dict[str, Callable[[int], None]] = {
    ImportState.READING: reading.read_workbook,
    ImportState.CHECKING: checking.check,
    ImportState.IMPORTING: running.run,
    ImportState.UNDOING: undoing.undo,
}


def work() -> None:
    """Work on the team's line until nothing is left in it, unless another worker does already."""
    # Rules that are not met are said in words, even where nobody reads them: a heading that is no field.
    g.language = "en"
    with _alone() as alone:
        before = None
        while alone and (here := _first()) is not None and here != before:
            before = here
            import_id, state, _cursor = here
            try:
                _STEPS[state](import_id)
            except DBAPIError:
                # The database was away or refused: the sweep comes back to it.
                raise
            except Exception:
                # Whatever it is, it would be the same again, and the team's line would stand still for ever.
                log.exception("an import was given up", import_id=import_id, state=state)
                tenancy.session().rollback()
                _give_up(import_id, "fault")
            tenancy.session().expunge_all()


def _first() -> tuple[int, str, int] | None:
    found = (
        tenancy.session()
        .execute(
            select(ContactImport.id, ContactImport.state, ContactImport.cursor)
            .where(ContactImport.team_id == tenancy.scope(), ContactImport.state.in_(IN_LINE))
            .order_by(ContactImport.queued_at, ContactImport.id)
            .limit(1)
        )
        .first()
    )
    tenancy.session().rollback()
    return None if found is None else (found.id, found.state, found.cursor)


def _give_up(import_id: int, why: str) -> None:
    one = queries.locked(import_id, *IN_LINE)
    if one is not None and one.state in {ImportState.IMPORTING, ImportState.UNDOING}:
        running.finish(one, why)
    elif one is not None:
        checking.give_up(one, why)
    tenancy.session().commit()


@contextmanager
def _alone() -> Iterator[bool]:
    """Whether this worker is the only one at the team's line, for as long as it is."""
    key = func.hashtextextended("tidings.imports", tenancy.scope())
    with db.engine.connect() as connection:
        # A connection of its own, which is closed in the end, and the lock with it.
        connection.detach()
        held = connection.scalar(select(func.pg_try_advisory_lock(key)))
        connection.commit()
        yield bool(held)
