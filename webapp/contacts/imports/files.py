"""The rows of an import's file, as they are kept in the database."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from datetime import timedelta

from sqlalchemy import update

from webapp import clock, stored_files, tenancy
from webapp.contacts.imports import decoding, guessing
from webapp.contacts.imports.models import ContactImport
from webapp.contacts.imports.records import Record, records
from webapp.stored_files import StoredFile

MOST_BYTES = 100 * 1024 * 1024
MOST_ROWS = 1_000_000
# How long a file is kept after the last step, and for how long an import can be undone.
LIFETIME = timedelta(hours=24)


class GoneError(Exception):
    """The file has expired and is not kept any more."""


def beginning(one: ContactImport) -> list[Record]:
    """The first rows of an import's file; empty where the file is gone."""
    if one.rows_file_id is None:
        return []
    pieces = itertools.islice(stored_files.read(one.rows_file_id), 1)
    text = next(decoding.texts(pieces, one.encoding or decoding.Encoding.UTF_8), "")
    # The last line may be cut; it is looked at only where it is all there is.
    whole = text.rpartition("\n")[0] if len(text) > decoding.SAMPLE // 4 and "\n" in text else text
    return list(itertools.islice(records([whole], one.separator or ","), guessing.MOST_LOOKED_AT + 1))


def body(one: ContactImport) -> Iterator[Record]:
    """All rows of an import's file but the one with the headings. Raises GoneError."""
    if one.rows_file_id is None:
        raise GoneError
    pieces = stored_files.read(one.rows_file_id)
    texts = decoding.texts(pieces, one.encoding or decoding.Encoding.UTF_8)
    rows = records(texts, one.separator or ",")
    return itertools.islice(rows, 1, None) if one.has_header else rows


def keep_longer(one: ContactImport) -> None:
    """Something was done with the import: its files live a full time from now."""
    ids = [file_id for file_id in (one.file_id, one.sheet_file_id) if file_id is not None]
    if ids:
        tenancy.session().execute(
            update(StoredFile)
            .where(StoredFile.team_id == tenancy.scope(), StoredFile.id.in_(ids))
            .values(expires_at=clock.now() + LIFETIME)
            .execution_options(synchronize_session=False)
        )
