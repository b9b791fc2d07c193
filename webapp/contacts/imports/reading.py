"""Reading a sheet of a workbook into rows that the other steps read like any file."""

from __future__ import annotations

from webapp import clock, stored_files, tenancy
from webapp.contacts.imports import bringing, checking, files, queries, workbook
from webapp.contacts.imports.models import ContactImport, ImportState


def read_workbook(import_id: int) -> None:
    """Read the chosen sheet, else the first one; what cannot be read ends the import in words."""
    session = tenancy.session()
    one = queries.get(import_id)
    if one is None or one.state != ImportState.READING or one.file_id is None:
        return
    try:
        with workbook.open_sheet(stored_files.read(one.file_id), one.sheet or "") as sheet:
            kept = stored_files.keep(f"{one.file_name[:150]} {sheet.name}", sheet.content, files.LIFETIME)
            name, names = sheet.name, sheet.names
    except workbook.UnreadableError as error:
        session.rollback()
        _end(import_id, error.why)
        return
    # The person may have stopped it meanwhile; then the rows are not kept either.
    locked = queries.locked(import_id, ImportState.READING)
    if locked is None:
        session.rollback()
        return
    if locked.sheet_file_id is not None:
        stored_files.forget(locked.sheet_file_id)
    _take(locked, kept.id, name, names)
    session.commit()


def _take(one: ContactImport, file_id: int, name: str, names: list[str]) -> None:
    one.sheet_file_id, one.sheet, one.sheets = file_id, name, names
    bringing.look(one)
    one.queued_at = None
    if one.state == ImportState.READING:
        one.state = ImportState.UPLOADED
    files.keep_longer(one)


def _end(import_id: int, why: str) -> None:
    locked = queries.locked(import_id, ImportState.READING)
    if locked is not None:
        checking.give_up(locked, why)
        locked.finished_at, locked.queued_at = clock.now(), None
    tenancy.session().commit()
