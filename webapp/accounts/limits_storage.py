"""Where the limiter counts: an unlogged table, so that a limit holds over all processes and machines.

The library's own stores are either per process, which multiplies each limit by the number of workers, or
another server to run. A count is one atomic statement in a transaction of its own: it must stand even when
the request that made it fails, and must not wait for that request to end.

Keys are kept as digests: they hold mail addresses and what strangers type, of any length.
"""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta
from typing import Any

from flask import Flask
from limits.storage import Storage
from sqlalchemy import Engine, Text, case, delete, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Mapped, mapped_column

from webapp import clock, jobs
from webapp.database import Base
from webapp.extensions import db


class RateLimit(Base):
    """Hits within one window. The window begins with its first hit."""

    __tablename__ = "rate_limit"

    key: Mapped[str] = mapped_column(Text, primary_key=True)
    hits: Mapped[int]
    expires_at: Mapped[datetime]


class PostgresStorage(Storage):
    """Counts of fixed windows. The engine comes as a storage option, see `bind`."""

    STORAGE_SCHEME = ["tidings-postgres"]

    def __init__(self, uri: str | None = None, wrap_exceptions: bool = False, **options: Any) -> None:
        super().__init__(uri, wrap_exceptions=wrap_exceptions)
        engine: Engine = options["engine"]
        self._engine = engine.execution_options(isolation_level="AUTOCOMMIT")

    @property
    def base_exceptions(self) -> type[Exception] | tuple[type[Exception], ...]:
        """What a database can answer instead."""
        return SQLAlchemyError

    def incr(self, key: str, expiry: float, amount: int = 1) -> int:
        """Add hits (a negative amount gives some back) and return how many the window now holds."""
        now = clock.now()
        new = insert(RateLimit).values(
            key=_digest(key), hits=max(amount, 0), expires_at=now + timedelta(seconds=expiry)
        )
        over = RateLimit.expires_at <= now
        statement = new.on_conflict_do_update(
            index_elements=[RateLimit.key],
            set_={
                "hits": func.greatest(0, case((over, 0), else_=RateLimit.hits) + amount),
                "expires_at": case((over, new.excluded.expires_at), else_=RateLimit.expires_at),
            },
        ).returning(RateLimit.hits)
        with self._engine.connect() as connection:
            return int(connection.execute(statement).scalar_one())

    def get(self, key: str) -> int:
        """How many hits the present window holds."""
        row = self._row(key)
        return int(row.hits) if row is not None else 0

    def get_expiry(self, key: str) -> float:
        """When the present window ends, in seconds since 1970; now, when there is none."""
        row = self._row(key)
        return float((row.expires_at if row is not None else clock.now()).timestamp())

    def check(self) -> bool:
        """Whether the table answers."""
        try:
            self.get("")
        except SQLAlchemyError:
            return False
        return True

    def reset(self) -> int | None:
        """Forget every count."""
        with self._engine.connect() as connection:
            return connection.execute(delete(RateLimit)).rowcount

    def clear(self, key: str) -> None:
        """Forget one count."""
        with self._engine.connect() as connection:
            connection.execute(delete(RateLimit).where(RateLimit.key == _digest(key)))

    def _row(self, key: str) -> Any:
        wanted = select(RateLimit.hits, RateLimit.expires_at).where(
            RateLimit.key == _digest(key), RateLimit.expires_at > clock.now()
        )
        with self._engine.connect() as connection:
            return connection.execute(wanted).one_or_none()


def bind(app: Flask) -> None:
    """Have the limiter of this application count in its database; call before the limiter's `init_app`."""
    with app.app_context():
        app.config["RATELIMIT_STORAGE_OPTIONS"] = {"engine": db.engine}


@jobs.periodic("limits.clear", "7 * * * * 0")
def clear_ended_windows() -> None:
    """Remove the counts of windows that are over; every hour."""
    db.session.execute(delete(RateLimit).where(RateLimit.expires_at <= clock.now()))
    db.session.commit()


def _digest(key: str) -> str:
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()
