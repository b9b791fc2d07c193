"""The base of all models: names of constraints, ids, time and text helpers.

Every team-owned table has a primary key that begins with `team_id`, so that a key, a foreign key, a get
and an UPDATE carry the team by themselves (see docs/decisions/0002-team-walls.md).
"""

from __future__ import annotations

import secrets
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import BigInteger, DateTime, MetaData, event
from sqlalchemy.engine import Dialect, Engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, registry
from sqlalchemy.types import TypeDecorator

from webapp import clock

EPOCH = datetime(2020, 1, 1, tzinfo=UTC)
RANDOM_BITS = 22

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}


class UtcDateTime(TypeDecorator[datetime]):
    """An aware moment in UTC. A naive one is refused: it would be read in the server's own zone."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Refuse naive moments on their way in."""
        del dialect
        if value is not None and value.tzinfo is None:
            raise ValueError("a moment without a time zone")
        return value

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Hand moments out in UTC, whatever the connection's zone is."""
        del dialect
        return value.astimezone(UTC) if value is not None else None


class Base(DeclarativeBase):
    """Base of all models."""

    # A registry of our own: Flask-SQLAlchemy copies the class, and a copied type map is refused.
    registry = registry(
        metadata=MetaData(naming_convention=NAMING),
        type_annotation_map={datetime: UtcDateTime, int: BigInteger},
    )


class TeamOwned:
    """Marks a table whose rows belong to one team; `team_id` is the first column of its key."""

    team_id: Mapped[int] = mapped_column(primary_key=True, sort_order=-1)


def new_id() -> int:
    """A 63-bit id that grows with time: milliseconds since 2020-01-01 UTC, then 22 random bits."""
    milliseconds = int((clock.now() - EPOCH).total_seconds() * 1000)
    return milliseconds << RANDOM_BITS | secrets.randbits(RANDOM_BITS)


def id_at(moment: datetime) -> int:
    """The smallest id that `new_id` can make at this moment; bounds of a partition."""
    return int((moment - EPOCH).total_seconds() * 1000) << RANDOM_BITS


def new_address() -> str:
    """A team's address in URLs: 8 random characters that are easy to read out."""
    return "".join(secrets.choice("abcdefghjkmnpqrstuvwxyz23456789") for _ in range(8))


@event.listens_for(Engine, "connect")
def _speak_utc(dbapi_connection: Any, _record: Any) -> None:
    """Each connection reads and writes in UTC, whatever the server's default is."""
    with dbapi_connection.cursor() as cursor:
        cursor.execute("SET TIME ZONE 'UTC'")
    dbapi_connection.commit()
