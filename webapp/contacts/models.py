"""People who must not get messages any more."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Text
from sqlalchemy.orm import Mapped, mapped_column

from webapp.database import Base, TeamOwned


class OptOut(TeamOwned, Base):
    """A number that gets nothing from this team any more, whatever kind of campaign it is."""

    __tablename__ = "opt_out"

    mobile: Mapped[str] = mapped_column(Text, primary_key=True)
    opted_out_at: Mapped[datetime]
    how: Mapped[str] = mapped_column(Text)
    by_user: Mapped[int | None]
