"""Brings the database's schema up to this version, as the role *owner*."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, pool
from sqlalchemy.engine import make_url

from webapp import walls

MIGRATIONS = Path(__file__).parent.parent / "migrations"


def upgrade(owner_url: str, program_url: str) -> None:
    """Run the missing migrations, then give the program's role its rights."""
    config = _config()
    config.attributes["owner_url"] = owner_url
    command.upgrade(config, "head")
    program = make_url(program_url).username
    if program is None:
        raise ValueError("DATABASE_URL names no role")
    engine = create_engine(owner_url, poolclass=pool.NullPool)
    with engine.begin() as connection:
        walls.grant_rights(connection, program)


def head() -> str | None:
    """The newest revision that this version of the program knows."""
    return ScriptDirectory.from_config(_config()).get_current_head()


def current(url: str) -> str | None:
    """The revision that a database is at; None for an empty one."""
    engine = create_engine(url, poolclass=pool.NullPool)
    with engine.connect() as connection:
        return MigrationContext.configure(connection).get_current_revision()


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    return config
