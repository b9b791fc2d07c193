"""Runs migrations as the role *owner*: the program's own role may not change tables."""

from __future__ import annotations

from alembic import context
from sqlalchemy import create_engine, pool

from webapp.database import Base

engine = create_engine(context.config.attributes["owner_url"], poolclass=pool.NullPool)

with engine.connect() as connection:
    context.configure(connection=connection, target_metadata=Base.metadata, transaction_per_migration=True)
    with context.begin_transaction():
        context.run_migrations()
