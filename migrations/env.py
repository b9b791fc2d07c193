"""Runs migrations as the role *owner*: the program's own role may not change tables.

On a connection that is handed over, in its transaction: all of them hold, and the rights with them, or none.
"""

from __future__ import annotations

from alembic import context

from webapp.database import Base

context.configure(connection=context.config.attributes["connection"], target_metadata=Base.metadata)
with context.begin_transaction():
    context.run_migrations()
