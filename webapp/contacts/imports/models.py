"""An import of a file, the rows that it left out, and what it did to each contact."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any, TypedDict

from sqlalchemy import BigInteger, Boolean, Integer, SmallInteger, Text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from webapp.database import Base, TeamOwned, new_id


class ImportState(StrEnum):
    """Where an import stands; `docs/glossary.md` has the words."""

    READING = "reading"
    UPLOADED = "uploaded"
    CHECKING = "checking"
    CHECKED = "checked"
    IMPORTING = "importing"
    DONE = "done"
    FAILED = "failed"
    UNDOING = "undoing"
    UNDONE = "undone"
    DISCARDED = "discarded"


# In these a worker has something to do.
IN_LINE = (ImportState.READING, ImportState.CHECKING, ImportState.IMPORTING, ImportState.UNDOING)


class Source(StrEnum):
    """How the rows came."""

    CSV = "csv"
    XLSX = "xlsx"
    PASTE = "paste"


class Column(TypedDict):
    """A column of the file: its heading, and whether it is "mobile", "name", "field" or "skip"."""

    head: str
    to: str
    field: str


class ContactImport(TeamOwned, Base):
    """One file of contacts. `cursor`: the last row of it that the step at hand has been through."""

    __tablename__ = "contact_import"

    id: Mapped[int] = mapped_column(primary_key=True, default=new_id)
    file_id: Mapped[int | None]
    sheet_file_id: Mapped[int | None]
    file_name: Mapped[str] = mapped_column(Text)
    source: Mapped[str] = mapped_column(Text)
    state: Mapped[str] = mapped_column(Text, default=ImportState.UPLOADED)
    why: Mapped[str | None] = mapped_column(Text)
    encoding: Mapped[str | None] = mapped_column(Text)
    separator: Mapped[str | None] = mapped_column(Text)
    sheet: Mapped[str | None] = mapped_column(Text)
    sheets: Mapped[list[str]] = mapped_column(JSONB, default=list)
    has_header: Mapped[bool] = mapped_column(Boolean, default=True)
    columns: Mapped[list[Column]] = mapped_column(JSONB, default=list)
    if_exists: Mapped[str] = mapped_column(Text, default="update")
    group_id: Mapped[int | None]
    group_name: Mapped[str | None] = mapped_column(Text)
    opt_outs: Mapped[bool] = mapped_column(Boolean, default=False)
    cursor: Mapped[int] = mapped_column(default=0)
    last_row: Mapped[int] = mapped_column(default=0)
    rows: Mapped[int] = mapped_column(default=0)
    ready: Mapped[int] = mapped_column(default=0)
    already: Mapped[int] = mapped_column(default=0)
    opted_out: Mapped[int] = mapped_column(default=0)
    added: Mapped[int] = mapped_column(default=0)
    updated: Mapped[int] = mapped_column(default=0)
    same: Mapped[int] = mapped_column(default=0)
    left_out: Mapped[int] = mapped_column(default=0)
    problems: Mapped[dict[str, int]] = mapped_column(JSONB, default=dict)
    undo: Mapped[dict[str, Any]] = mapped_column(JSONB, default=dict)
    created_at: Mapped[datetime]
    created_by: Mapped[int | None]
    queued_at: Mapped[datetime | None]
    checked_at: Mapped[datetime | None]
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]
    undone_at: Mapped[datetime | None]
    undone_by: Mapped[int | None]

    @property
    def rows_file_id(self) -> int | None:
        """The file that its rows are read from; None: not kept any more."""
        return self.sheet_file_id if self.source == Source.XLSX else self.file_id


class ImportProblem(TeamOwned, Base):
    """A row that is left out: its number in the file (from 1), why, the bad column (from 0), its cells."""

    __tablename__ = "import_problem"

    import_id: Mapped[int] = mapped_column(primary_key=True)
    row_no: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(Text)
    column: Mapped[int | None] = mapped_column(SmallInteger)
    cells: Mapped[list[str]] = mapped_column(ARRAY(Text))


class ImportSlice(TeamOwned, Base):
    """What one transaction of an import did: ids of contacts made, and of those put into the group."""

    __tablename__ = "import_slice"

    import_id: Mapped[int] = mapped_column(primary_key=True)
    no: Mapped[int] = mapped_column(Integer, primary_key=True)
    at: Mapped[datetime]
    added: Mapped[list[int]] = mapped_column(ARRAY(BigInteger))
    grouped: Mapped[list[int]] = mapped_column(ARRAY(BigInteger))


class ImportChange(TeamOwned, Base):
    """What a contact was before a slice changed it."""

    __tablename__ = "import_change"

    import_id: Mapped[int] = mapped_column(primary_key=True)
    no: Mapped[int] = mapped_column(Integer, primary_key=True)
    contact_id: Mapped[int] = mapped_column(primary_key=True)
    before_name: Mapped[str] = mapped_column(Text)
    before_fields: Mapped[dict[str, str]] = mapped_column(JSONB)
