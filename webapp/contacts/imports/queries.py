"""What pages and jobs ask about imports."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from flask_babel import gettext as _
from sqlalchemy import Select, select

from webapp import tenancy
from webapp.contacts.imports.models import IN_LINE, ContactImport, ImportProblem, ImportState
from webapp.errors import DomainError

PAGE = 25
SHOWN_PROBLEMS = 50


def get(import_id: int) -> ContactImport | None:
    """The team's import of this id."""
    return tenancy.session().get(ContactImport, (tenancy.scope(), import_id))


def locked(import_id: int, *states: ImportState) -> ContactImport | None:
    """The import, locked and read anew, if it is in one of these states."""
    return tenancy.session().scalar(
        select(ContactImport)
        .where(ContactImport.team_id == tenancy.scope(), ContactImport.id == import_id)
        .where(ContactImport.state.in_(states))
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    )


def in_state(import_id: int, *states: ImportState) -> ContactImport:
    """The import, locked, with its file. Raises DomainError where it is not there or not at that step."""
    one = locked(import_id, *states)
    if one is None:
        raise DomainError(_("This import is not at that step any more. Nothing was changed."))
    if one.rows_file_id is None:
        raise DomainError(_("The file is not kept any more. Bring it once more."))
    return one


def history(before: int | None) -> list[ContactImport]:
    """A page of imports and one more, the newest first. `before`: an id to begin behind."""
    asked = select(ContactImport).where(ContactImport.team_id == tenancy.scope())
    if before is not None:
        asked = asked.where(ContactImport.id < before)
    return list(tenancy.session().scalars(asked.order_by(ContactImport.id.desc()).limit(PAGE + 1)))


def line() -> Sequence[int]:
    """The ids of the imports that a worker has something to do for, in the order in which it will."""
    return (
        tenancy.session()
        .scalars(
            select(ContactImport.id)
            .where(ContactImport.team_id == tenancy.scope(), ContactImport.state.in_(IN_LINE))
            .order_by(ContactImport.queued_at, ContactImport.id)
        )
        .all()
    )


def problems_of(import_id: int, kind: str) -> list[ImportProblem]:
    """The first rows that are left out for this reason."""
    return list(
        tenancy.session().scalars(
            _problems(import_id)
            .where(ImportProblem.kind == kind)
            .order_by(ImportProblem.row_no)
            .limit(SHOWN_PROBLEMS)
        )
    )


def all_problems(import_id: int) -> Iterator[ImportProblem]:
    """All rows that are left out, in the order of the file, some thousands at a time."""
    after = 0
    while True:
        page = (
            tenancy.session()
            .scalars(
                _problems(import_id)
                .where(ImportProblem.row_no > after)
                .order_by(ImportProblem.row_no)
                .limit(2000)
            )
            .all()
        )
        yield from page
        tenancy.session().expunge_all()
        if len(page) < 2000:
            return
        after = page[-1].row_no


def keeps_problems(import_id: int) -> bool:
    """Whether rows that were left out are still kept."""
    return tenancy.session().scalar(_problems(import_id).limit(1)) is not None


def _problems(import_id: int) -> Select[ImportProblem]:
    return select(ImportProblem).where(
        ImportProblem.team_id == tenancy.scope(), ImportProblem.import_id == import_id
    )
