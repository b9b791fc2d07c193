"""Brings the database's schema up to this version, as the role *owner*.

Alembic is loaded only where it is needed: whoever merely asks for the newest revision starts faster.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from webapp.settings import SettingsError

if TYPE_CHECKING:
    from alembic.config import Config
    from sqlalchemy import Connection

MIGRATIONS = Path(__file__).parent.parent / "migrations"
REVISION = re.compile(r"""^(down_)?revision = ["'](\w+)["']""", re.MULTILINE)


def upgrade(owner_url: str, program_url: str) -> None:
    """Run the missing migrations, then give the program's role its rights, all or nothing.

    Raises SettingsError with a sentence where the database or its roles are not such that this can be done.
    """
    with transaction(owner_url) as connection:
        upgrade_on(connection, program_url)


def upgrade_on(connection: Connection, program_url: str, to: str = "head") -> None:
    """The same in a transaction of the role *owner*, and if wanted to an older revision than the newest."""
    from alembic import command
    from alembic.util import CommandError
    from sqlalchemy.engine import make_url

    from webapp import walls

    program = make_url(program_url).username
    if program is None:
        raise SettingsError("DATABASE_URL must name a role.")
    config = _config()
    config.attributes["connection"] = connection
    walls.check_owner(connection, program)
    walls.ensure_door(connection)
    try:
        command.upgrade(config, to)
    except CommandError as error:
        raise SettingsError(f"The tables cannot be brought up to date: {error}.") from error
    walls.grant_rights(connection, program)


@contextmanager
def transaction(owner_url: str) -> Iterator[Connection]:
    """A transaction of the role *owner*, on a connection of its own. Raises SettingsError if it has none."""
    from sqlalchemy import create_engine, pool
    from sqlalchemy.exc import OperationalError

    engine = create_engine(owner_url, poolclass=pool.NullPool)
    try:
        with engine.begin() as connection:
            yield connection
    except OperationalError as error:
        raise SettingsError(f"The database cannot be used: {first_line(error.orig)}") from error


def head() -> str:
    """The newest revision that this version of the program knows: the one that no other builds on."""
    own, built_on = _revisions()
    (newest,) = own - built_on
    return newest


def revisions() -> set[str]:
    """All revisions that this version of the program knows."""
    return _revisions()[0]


def _revisions() -> tuple[set[str], set[str]]:
    """Those that are there, and those that others build on."""
    own: set[str] = set()
    built_on: set[str] = set()
    for file in (MIGRATIONS / "versions").glob("*.py"):
        for down, name in REVISION.findall(file.read_text(encoding="utf-8")):
            (built_on if down else own).add(name)
    return own, built_on


def first_line(error: object) -> str:
    """What a database says, without the lines about where."""
    lines = str(error).strip().splitlines()
    return lines[0].strip() if lines else "it gave no reason."


def _config() -> Config:
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    return config
