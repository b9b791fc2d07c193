"""A file is brought: kept as it came, looked at, and its columns proposed."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from flask_babel import gettext as _

from webapp import clock, stored_files, tenancy
from webapp.accounts.audit import audit
from webapp.characters import CONTROL, storable
from webapp.contacts.imports import checking, decoding, files, guessing, queries, waking
from webapp.contacts.imports.models import ContactImport, ImportState, Source
from webapp.database import new_id
from webapp.errors import DomainError

ZIP, OLE = b"PK\x03\x04", b"\xd0\xcf\x11\xe0"


@dataclass(frozen=True)
class Brought:
    """A file as it comes: its bytes in pieces, and the name that the browser gave it."""

    name: str
    content: Iterable[bytes]
    pasted: bool = False


def take_in(
    brought: Brought, by: int, *, opt_outs: bool = False, like: ContactImport | None = None
) -> ContactImport:
    """Keep a file and look at it. `like`: an import whose choices are taken over.

    Raises DomainError (field "file") for an empty file, and for one that is no table at all.
    """
    now = clock.now()
    name = file_name(brought.name) or _("Pasted rows")
    file = stored_files.keep(name, brought.content, files.LIFETIME)
    start = next(stored_files.read(file.id), b"")
    if not start.strip():
        raise DomainError(_("This file is empty. Nothing was imported."), "file")
    if start.startswith(OLE):
        sentence = _(
            "This is a workbook of the old format (.xls), or one with a password. Save it as .xlsx without a "
            "password, or as CSV, and try again. Nothing was imported."
        )
        raise DomainError(sentence, "file")
    one = ContactImport(
        team_id=tenancy.scope(), id=new_id(), file_id=file.id, file_name=name,
        source=Source.PASTE if brought.pasted else Source.CSV, state=ImportState.UPLOADED,
        opt_outs=opt_outs, created_at=now, created_by=by, sheets=[], columns=[], problems={}, undo={},
        if_exists="update",
    )  # fmt: skip
    if like is not None:
        one.if_exists, one.group_id, one.group_name = like.if_exists, like.group_id, like.group_name
        one.columns = like.columns
    tenancy.session().add(one)
    if start.startswith(ZIP):
        one.source, one.state, one.queued_at = Source.XLSX, ImportState.READING, now
        waking.wake()
    else:
        look(one)
    audit("import.brought", "import", one.id, bytes=file.bytes, opt_outs=opt_outs)
    tenancy.session().flush()
    return one


def file_name(said: str) -> str:
    """The last part of a file's name, without what no page may show."""
    return CONTROL.sub("", storable(re.split(r"[/\\]", said)[-1])).strip()[: stored_files.MOST_NAME]


def look(one: ContactImport) -> None:
    """Find out encoding, separator, headings and columns; a file without rows or with too many columns fails.

    Raises DomainError for what is no text.
    """
    if one.rows_file_id is None:
        return
    seen = decoding.look(stored_files.read(one.rows_file_id))
    if not seen.text:
        raise DomainError(
            _("This file is no table: it is neither CSV nor XLSX. Nothing was imported."), "file"
        )
    one.encoding, one.last_row = seen.encoding.value, seen.lines
    if one.source == Source.XLSX:
        one.encoding, one.separator = decoding.Encoding.UTF_8, ","
    else:
        piece = next(stored_files.read(one.rows_file_id), b"")
        text = next(decoding.texts([piece], one.encoding), "")
        one.separator = guessing.separator(text, blanks=one.source == Source.PASTE)
    propose_columns(one)


def propose_columns(one: ContactImport, header: bool | None = None) -> None:
    """Guess what the columns are; `header`: whether there are headings, if somebody said so.

    Columns that the import has already (those of an earlier file) are kept where the headings are the same.
    """
    rows = [record.cells for record in files.beginning(one)]
    before = {column["head"]: column for column in one.columns if column["head"]}
    one.has_header = guessing.has_header(rows) if header is None else header
    found = guessing.columns(rows, one.has_header, only_numbers=one.opt_outs)
    if any(before[column["head"]]["to"] == "mobile" for column in found if column["head"] in before):
        found = [before.get(column["head"], column) for column in found]
    one.columns = found
    if not found:
        checking.give_up(one, "empty")
    elif len(found) > guessing.MOST_COLUMNS:
        one.columns = []
        checking.give_up(one, "too_many_columns")


def read_again(import_id: int, encoding: str, separator: str, sheet: str, header: bool) -> None:
    """Read the file otherwise than it was guessed; the columns are guessed anew.

    Raises DomainError where the import is past that.
    """
    one = queries.in_state(import_id, ImportState.UPLOADED, ImportState.CHECKED)
    one.state, one.columns = ImportState.UPLOADED, []
    if one.source != Source.XLSX:
        one.encoding, one.separator = encoding, separator
    elif sheet != one.sheet and sheet in one.sheets:
        one.sheet, one.state, one.queued_at = sheet, ImportState.READING, clock.now()
        waking.wake()
        return
    propose_columns(one, header)
    files.keep_longer(one)
