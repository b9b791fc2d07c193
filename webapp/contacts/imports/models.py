"""An import of a file, the rows that it left out, and what it did to each contact."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Boolean, SmallInteger, Text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from webapp.database import Base, TeamOwned, new_id


class ImportState(StrEnum):
    """Where an import stands; `docs/glossary.md` has the words."""

    UPLOADED = "uploaded"
    CHECKING = "checking"
    CHECKED = "checked"
    IMPORTING = "importing"
    DONE = "done"
    FAILED = "failed"
    UNDOING = "undoing"
    UNDONE = "undone"
    DISCARDED = "discarded"


class ContactImport(TeamOwned, Base):
    """One file of contacts. `cursor`: rows of it that the step at hand has been through."""

    __tablename__ = "contact_import"

    id: Mapped[int] = mapped_column(primary_key=True, default=new_id)
    file_id: Mapped[int | None]
    file_name: Mapped[str] = mapped_column(Text)
    source: Mapped[str] = mapped_column(Text)
    state: Mapped[str] = mapped_column(Text, default=ImportState.UPLOADED)
    why: Mapped[str | None] = mapped_column(Text)
    encoding: Mapped[str | None] = mapped_column(Text)
    separator: Mapped[str | None] = mapped_column(Text)
    sheet: Mapped[str | None] = mapped_column(Text)
    has_header: Mapped[bool] = mapped_column(Boolean, default=True)
    columns: Mapped[list[dict[str, Any]]] = mapped_column(JSONB, default=list)
    if_exists: Mapped[str] = mapped_column(Text, default="update")
    group_id: Mapped[int | None]
    opt_outs: Mapped[bool] = mapped_column(Boolean, default=False)
    cursor: Mapped[int] = mapped_column(default=0)
    rows: Mapped[int] = mapped_column(default=0)
    ready: Mapped[int] = mapped_column(default=0)
    already: Mapped[int] = mapped_column(default=0)
    added: Mapped[int] = mapped_column(default=0)
    updated: Mapped[int] = mapped_column(default=0)
    same: Mapped[int] = mapped_column(default=0)
    left_out: Mapped[int] = mapped_column(default=0)
    problems: Mapped[dict[str, int]] = mapped_column(JSONB, default=dict)
    created_at: Mapped[datetime]
    created_by: Mapped[int | None]
    checked_at: Mapped[datetime | None]
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]
    undone_at: Mapped[datetime | None]
    undone_by: Mapped[int | None]


class ImportProblem(TeamOwned, Base):
    """A row that is left out: its number in the file (from 1), why, the bad column (from 0), its cells."""

    __tablename__ = "import_problem"

    import_id: Mapped[int] = mapped_column(primary_key=True)
    row_no: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(Text)
    column: Mapped[int | None] = mapped_column(SmallInteger)
    cells: Mapped[list[str]] = mapped_column(ARRAY(Text))


class ImportChange(TeamOwned, Base):
    """What an import did to a contact, and how that was before; kept while it can be undone."""

    __tablename__ = "import_change"

    import_id: Mapped[int] = mapped_column(primary_key=True)
    contact_id: Mapped[int] = mapped_column(primary_key=True)
    added: Mapped[bool] = mapped_column(Boolean)
    grouped: Mapped[bool] = mapped_column(Boolean)
    before_name: Mapped[str | None] = mapped_column(Text)
    before_fields: Mapped[dict[str, str] | None] = mapped_column(JSONB)
