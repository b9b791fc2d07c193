"""Files that a team takes away."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from webapp.database import Base, TeamOwned, new_id


class Export(TeamOwned, Base):
    """A file that somebody asked for: `what` it lists, with which `choices`, and how far it is."""

    __tablename__ = "export"

    id: Mapped[int] = mapped_column(primary_key=True, default=new_id)
    what: Mapped[str] = mapped_column(Text)
    format: Mapped[str] = mapped_column(Text)
    choices: Mapped[dict[str, Any]] = mapped_column(JSONB, default=dict)
    state: Mapped[str] = mapped_column(Text, default="making")
    why: Mapped[str | None] = mapped_column(Text)
    rows: Mapped[int] = mapped_column(default=0)
    file_id: Mapped[int | None]
    created_at: Mapped[datetime]
    created_by: Mapped[int]
    ready_at: Mapped[datetime | None]
