"""Heartbeats: when each loop and periodic job last came round, so that a silent stop is seen."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import Text, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, mapped_column

from webapp import clock
from webapp.database import Base
from webapp.extensions import db


class Heartbeat(Base):
    """One loop or periodic job of the program, of no team."""

    __tablename__ = "heartbeat"

    name: Mapped[str] = mapped_column(Text, primary_key=True)
    beat_at: Mapped[datetime]


def beat(name: str) -> None:
    """Record that `name` came round just now, and commit."""
    now = clock.now()
    statement = insert(Heartbeat).values(name=name, beat_at=now)
    db.session.execute(
        statement.on_conflict_do_update(index_elements=[Heartbeat.name], set_={"beat_at": now})
    )
    db.session.commit()


def all_beats() -> dict[str, datetime]:
    """When each one was last heard."""
    return {row.name: row.beat_at for row in db.session.scalars(select(Heartbeat))}


def heard_within(name: str, seconds: float) -> bool:
    """Whether `name` came round in the last `seconds`."""
    beat_at = all_beats().get(name)
    return beat_at is not None and beat_at > clock.now() - timedelta(seconds=seconds)
