"""What must hold of the database before web or worker begin. Light: no Flask, no SQLAlchemy.

A program whose role sees every team's rows, or whose tables are of another version, does harm in silence; it
is refused with a sentence. The doctor looks at much more, but nobody has to ask it.
"""

from __future__ import annotations

import sys

import psycopg

from webapp import schema
from webapp.health import readiness
from webapp.settings import Settings, SettingsError

OLDEST_SERVER = 150000

ROLE = """
SELECT current_user::text, current_setting('server_version_num')::int, current_setting('server_version'),
    rolsuper OR rolbypassrls,
    EXISTS (SELECT 1 FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p')
        AND pg_has_role(relowner, 'MEMBER'))
FROM pg_roles WHERE rolname = current_user
"""


def check(settings: Settings, *, without_database: bool = False) -> None:
    """Raise SettingsError where the program must not begin on this database.

    With `without_database` it may begin while the database is away: delivery reports are then kept on disk.
    """
    try:
        with readiness.connect(settings) as base:
            _check_role(base)
            _check_revision(base)
    except psycopg.OperationalError as error:
        sentence = f"The database cannot be reached: {schema.first_line(error)}"
        if not without_database:
            raise SettingsError(sentence) from error
        print(sentence, file=sys.stderr)  # noqa: T201 # logging is not set up this early


def _check_role(base: psycopg.Connection[tuple[object, ...]]) -> None:
    row = base.execute(ROLE).fetchone()
    if row is None:
        raise SettingsError("The database does not know the role that signed in.")
    role, version, shown, bypasses, owns = row
    if not isinstance(version, int) or version < OLDEST_SERVER:
        raise SettingsError(f"PostgreSQL {shown} is too old: Tidings needs 15 or newer.")
    if bypasses:
        raise SettingsError(
            f"The role {role} of DATABASE_URL may bypass row-level security, which keeps teams apart. "
            "Use a role without SUPERUSER and BYPASSRLS."
        )
    if owns:
        raise SettingsError(
            f"The role {role} of DATABASE_URL owns the tables or is a member of the role that does, so it "
            "could see every team's rows. Use a role of its own; DATABASE_OWNER_URL names the owner."
        )


def _check_revision(base: psycopg.Connection[tuple[object, ...]]) -> None:
    try:
        row = base.execute("SELECT version_num FROM public.alembic_version").fetchone()
    except (psycopg.errors.UndefinedTable, psycopg.errors.InsufficientPrivilege):
        row = None
    wanted = schema.head()
    if row is None or row[0] != wanted:
        found = f"at revision {row[0]}" if row else "not there or not to be read"
        raise SettingsError(
            f"The tables are {found}, but this program needs revision {wanted}. "
            "Run `python -m webapp migrate` first."
        )
