"""`python -m webapp backup FILE`: all that teams have, as it is at one moment, in one file.

Read in one transaction as the role that owns the tables, so everything may go on meanwhile. Rows are copied
as COPY writes them and not with pg_dump: that must be of the server's version, and its dump names roles and
rights, which are others on another machine. Restoring makes the tables with the program's own migrations.
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, LiteralString

import psycopg
from psycopg import sql

from webapp import clock
from webapp.keeping import KeepingError, statements
from webapp.keeping.archive import Manifest, Table, Writer
from webapp.sealing import KeyRing, numbers_id

# What begins anew with a copy: who is signed in, counts of limits, what was heard of loops, and waiting jobs,
# which sweeps find again by the rows. Sessions and resets would be a door for whoever finds the file.
NOT_KEPT = frozenset({"alembic_version", "rate_limit", "heartbeat", "login_session", "password_reset"})
ENGINE_PREFIX = "procrastinate_"
BOUNDS = re.compile(r"FOR VALUES FROM \('(\d+)'\) TO \('(\d+)'\)")

Base = psycopg.Connection[tuple[Any, ...]]


def version() -> str:
    """The version of this program."""
    project = Path(__file__).parents[2] / "pyproject.toml"
    return str(tomllib.loads(project.read_text(encoding="utf-8"))["project"]["version"])


def back_up(conninfo: str, file: Path, ring: KeyRing | None) -> tuple[Manifest, int]:
    """Write the backup; returns what it says of itself, and its size. `ring` None: no key file is there.

    Raises KeepingError; then no file of that name was made or changed.
    """
    if os.path.lexists(file):
        raise KeepingError(f"{file} is there already and is not overwritten. Choose another name.")
    try:
        writer = Writer(file)
    except OSError as error:
        raise KeepingError(f"{file} cannot be written: {error.strerror}.") from error
    try:
        with psycopg.connect(conninfo) as base:
            base.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
            base.read_only = True
            manifest = copy_out(base, writer, ring, kept)
        return manifest, writer.finish(manifest)
    except FileExistsError:
        raise KeepingError(f"{file} was made by somebody else meanwhile and is not overwritten.") from None
    except OSError as error:
        raise KeepingError(f"{file} cannot be written: {error.strerror}. Nothing is left of it.") from error
    finally:
        writer.discard()


def kept(table: str) -> bool:
    """Whether the rows of a table belong into a backup."""
    return table not in NOT_KEPT and not table.startswith(ENGINE_PREFIX)


def copy_out(base: Base, writer: Writer, ring: KeyRing | None, wanted: Callable[[str], bool]) -> Manifest:
    """Copy the wanted tables as the present transaction sees them."""
    for statement in statements.SPEAK_PLAINLY:
        base.execute(statement)
    manifest = Manifest(
        tidings=version(),
        revision=_one(base, "SELECT version_num FROM alembic_version"),
        made_at=clock.now().isoformat(timespec="seconds"),
        postgresql=_one(base, "SHOW server_version"),
        keys=[row[0] for row in base.execute(statements.KEYS)],
        numbers=numbers_id(ring) if ring else "",
        partitions=dict(_partitions(base)),
    )
    for table, columns in base.execute(statements.COLUMNS).fetchall():
        if wanted(table):
            manifest.tables[table] = Table(columns, _copy_table(base, writer, table, columns))
    for sequence, table in base.execute(statements.SEQUENCES).fetchall():
        if wanted(table):
            manifest.sequences[sequence] = _next_of(base, sequence)
    return manifest


def _copy_table(base: Base, writer: Writer, table: str, columns: list[str]) -> int:
    """Copy one table; returns how many rows it has."""
    statement = sql.SQL("COPY (SELECT {} FROM {}) TO STDOUT").format(
        sql.SQL(", ").join(map(sql.Identifier, columns)), sql.Identifier(table)
    )
    with base.cursor() as cursor:
        with cursor.copy(statement) as rows:
            writer.add(table, rows)
        return cursor.rowcount


def _partitions(base: Base) -> Iterator[tuple[str, tuple[int, int]]]:
    for name, said in base.execute(statements.PARTITIONS).fetchall():
        bounds = BOUNDS.fullmatch(said)
        if bounds is None:
            raise KeepingError(f"The table {name} has bounds that this program did not make: {said}.")
        yield name, (int(bounds[1]), int(bounds[2]))


def _next_of(base: Base, sequence: str) -> int:
    """The number that the sequence would give out next."""
    row = base.execute(
        sql.SQL("SELECT CASE WHEN is_called THEN last_value + 1 ELSE last_value END FROM {}").format(
            sql.Identifier(sequence)
        )
    ).fetchone()
    return int(row[0]) if row else 1


def _one(base: Base, statement: LiteralString) -> str:
    try:
        row = base.execute(statement).fetchone()
    except psycopg.errors.UndefinedTable:
        row = None
    if row is None:
        raise KeepingError("There are no tables of Tidings in this database, so there is nothing to back up.")
    return str(row[0])
