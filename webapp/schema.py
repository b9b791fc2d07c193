"""Brings the database's schema up to this version, as the role *owner*.

Alembic is loaded only where it is needed: whoever merely asks for the newest revision starts faster.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from webapp.settings import SettingsError

if TYPE_CHECKING:
    from alembic.config import Config

MIGRATIONS = Path(__file__).parent.parent / "migrations"
REVISION = re.compile(r"""^(down_)?revision = ["'](\w+)["']""", re.MULTILINE)


def upgrade(owner_url: str, program_url: str) -> None:
    """Run the missing migrations, then give the program's role its rights.

    Raises SettingsError with a sentence where the database or its roles are not such that this can be done.
    """
    from alembic import command
    from alembic.util import CommandError
    from sqlalchemy import create_engine, pool
    from sqlalchemy.engine import make_url
    from sqlalchemy.exc import OperationalError

    from webapp import walls

    program = make_url(program_url).username
    if program is None:
        raise SettingsError("DATABASE_URL must name a role.")
    config = _config()
    config.attributes["owner_url"] = owner_url
    engine = create_engine(owner_url, poolclass=pool.NullPool)
    try:
        with engine.begin() as connection:
            walls.check_owner(connection, program)
            walls.ensure_door(connection)
        command.upgrade(config, "head")
        with engine.begin() as connection:
            walls.grant_rights(connection, program)
    except OperationalError as error:
        raise SettingsError(f"The database cannot be used: {first_line(error.orig)}") from error
    except CommandError as error:
        raise SettingsError(f"The tables cannot be brought up to date: {error}.") from error


def head() -> str:
    """The newest revision that this version of the program knows: the one that no other builds on."""
    own: set[str] = set()
    built_on: set[str] = set()
    for file in (MIGRATIONS / "versions").glob("*.py"):
        for down, name in REVISION.findall(file.read_text(encoding="utf-8")):
            (built_on if down else own).add(name)
    (newest,) = own - built_on
    return newest


def first_line(error: object) -> str:
    """What a database says, without the lines about where."""
    lines = str(error).strip().splitlines()
    return lines[0].strip() if lines else "it gave no reason."


def _config() -> Config:
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    return config
