"""What is kept of an import only for a time: the rows that were left out, and what is needed to undo it.

Both hold what stood in somebody's file, so they go when they are of no use any more; the figures stay.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ColumnElement, delete, or_, select, update

from webapp import tenancy
from webapp.contacts.imports.files import LIFETIME
from webapp.contacts.imports.models import ContactImport, ImportProblem, ImportSlice, ImportState

UNFINISHED = (ImportState.UPLOADED, ImportState.CHECKED)
FINISHED = (ImportState.DONE, ImportState.UNDONE, ImportState.FAILED)


def forget(now: datetime) -> None:
    """Forget the rows of the present team's imports that ended a day ago, and files nobody went on with."""
    session = tenancy.session()
    over = _ids(ContactImport.state.in_(FINISHED), ContactImport.finished_at <= now - LIFETIME)
    left = _ids(
        ContactImport.state.in_(UNFINISHED),
        or_(ContactImport.checked_at.is_(None), ContactImport.checked_at <= now - LIFETIME),
        ContactImport.created_at <= now - LIFETIME,
    )
    for model in (ImportProblem, ImportSlice):
        session.execute(
            delete(model)
            .where(model.team_id == tenancy.scope(), model.import_id.in_([*over, *left]))
            .execution_options(synchronize_session=False)
        )
    session.execute(
        update(ContactImport)
        .where(ContactImport.team_id == tenancy.scope(), ContactImport.id.in_(left))
        .where(ContactImport.state.in_(UNFINISHED))
        .values(state=ImportState.DISCARDED, finished_at=now, problems={})
        .execution_options(synchronize_session=False)
    )


def _ids(*conditions: ColumnElement[bool]) -> list[int]:
    asked = select(ContactImport.id).where(ContactImport.team_id == tenancy.scope(), *conditions)
    return list(tenancy.session().scalars(asked))
