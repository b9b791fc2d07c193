"""`python -m webapp restore FILE`: a backup into a database, whole or not at all.

The tables are made by the program's own migrations as they were when the backup was made, filled, and then
brought up to this version, all in one transaction: roles, rights and walls are this database's own, and a
failure leaves everything as it was. A copy does not know what was sent after it was made: what was on its
way waits for a person afterwards.
"""

from __future__ import annotations

import graphlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, LiteralString

import psycopg
from psycopg import sql
from sqlalchemy import Connection
from sqlalchemy.engine import make_url

from webapp import clock, schema
from webapp.campaigns.restored_statements import hold_everything
from webapp.database import new_id
from webapp.keeping import KeepingError, statements
from webapp.keeping.archive import Manifest, Reader
from webapp.keeping.backup import Base, kept
from webapp.sealing import KeyRing, key_ids, numbers_id
from webapp.settings import Settings


@dataclass(frozen=True)
class Restored:
    """What was restored: the rows of each table, and how many campaigns wait for a person now."""

    manifest: Manifest
    rows: dict[str, int]
    paused: int


def restore(
    owner_url: str, program_url: str, file: Path, ring: KeyRing | None, *, replace: bool = False
) -> Restored:
    """Fill the database from a backup. With `replace` what is in it goes; else it must be empty.

    Raises KeepingError and SettingsError with a sentence; then the database is as it was.
    """
    reader = Reader(file)
    try:
        _check_revision(reader)
        _check_keys(reader, ring)
        with schema.transaction(owner_url) as connection:
            base = raw(connection)
            _check_target(base, make_url(program_url).username or "", replace=replace)
            rows = fill(connection, program_url, reader, kept)
            paused = hold_everything(connection, clock.now(), new_id())
        tell_planner(owner_url, rows)
        return Restored(reader.manifest, rows, paused)
    finally:
        reader.close()


def fill(
    connection: Connection, program_url: str, reader: Reader, wanted: Callable[[str], bool]
) -> dict[str, int]:
    """Make the tables anew, fill them, bring them up to this version; returns the rows of each."""
    base, manifest = raw(connection), reader.manifest
    for statement in statements.SPEAK_PLAINLY:
        base.execute(statement)
    for (removal,) in base.execute(statements.REMOVALS).fetchall():
        base.execute(removal)
    schema.upgrade_on(connection, program_url, to=manifest.revision)
    for statement in statements.SPEAK_PLAINLY:
        base.execute(statement)
    _check_columns(base, reader, wanted)
    _make_partitions(base, manifest)
    rows = _copy_in(base, reader)
    _set_sequences(base, manifest)
    schema.upgrade_on(connection, program_url)
    return rows


def raw(connection: Connection) -> Base:
    """The driver's own connection, in the same transaction: SQLAlchemy has no COPY."""
    driver: Any = connection.connection.driver_connection
    if not isinstance(driver, psycopg.Connection):
        raise TypeError("not a connection of psycopg")
    return driver


def tell_planner(owner_url: str, tables: Iterable[str]) -> None:
    """Let the planner know of the new rows, else the first questions take long."""
    with schema.transaction(owner_url) as connection:
        for table in tables:
            raw(connection).execute(sql.SQL("ANALYZE {}").format(sql.Identifier("public", table)))


def _check_revision(reader: Reader) -> None:
    manifest = reader.manifest
    if manifest.revision not in schema.revisions():
        raise KeepingError(
            f"{reader.file} was made by Tidings {manifest.tidings}, which is newer than this one (its tables "
            f"are at revision {manifest.revision}, this program knows {schema.head()}). Nothing was changed. "
            "Restore it with that version or a later one."
        )


def _check_keys(reader: Reader, ring: KeyRing | None) -> None:
    manifest = reader.manifest
    missing = [one for one in manifest.keys if ring is None or one not in key_ids(ring)]
    if missing:
        raise KeepingError(
            f"The credentials in {reader.file} are sealed with the key {', '.join(missing)}, which is not in "
            "the key file. Nothing was changed. Put the key file that was kept apart from this backup in its "
            "place (TIDINGS_KEYS_FILE, else the file keys in TIDINGS_INSTANCE), then restore again."
        )
    erased = manifest.tables.get("erased_opt_out")
    if erased and erased.rows and (ring is None or numbers_id(ring) != manifest.numbers):
        raise KeepingError(
            f"{reader.file} holds opt-outs of erased numbers, which are known again only with the line "
            "“numbers:” of the key file that was in use. Nothing was changed. Put that key file in its "
            "place, then restore again."
        )


def _check_target(base: Base, program: str, *, replace: bool) -> None:
    if _row(base, statements.OTHERS_CONNECTED, (program,))[0]:
        raise KeepingError(
            "Tidings is running on this database. Nothing was changed. Stop it (web, worker, receiver), "
            "then restore."
        )
    if replace or _row(base, statements.IS_EMPTY)[0]:
        return
    teams, people = _row(base, statements.IN_USE)
    if teams or people:
        raise KeepingError(
            f"This database is in use: it has {teams} teams and {people} people. Nothing was changed. With "
            "--replace they are deleted, and the backup takes their place; make a backup of them first."
        )


def _row(base: Base, statement: LiteralString, values: tuple[object, ...] = ()) -> tuple[Any, ...]:
    """The one row of a question that always has one."""
    return base.execute(statement, values).fetchall()[0]


def _check_columns(base: Base, reader: Reader, wanted: Callable[[str], bool]) -> None:
    """The tables of the backup must be those that the migrations make, column for column."""
    there = {table: columns for table, columns in base.execute(statements.COLUMNS) if wanted(table)}
    told = {name: table.columns for name, table in reader.manifest.tables.items()}
    if {name: sorted(columns) for name, columns in there.items()} != {
        name: sorted(columns) for name, columns in told.items()
    }:
        raise KeepingError(
            f"The tables in {reader.file} are not those of revision {reader.manifest.revision}. "
            "Nothing was changed."
        )


def _make_partitions(base: Base, manifest: Manifest) -> None:
    """The months that the backup has messages of; what the migrations made is there already."""
    there = {name for (name, _bounds) in base.execute(statements.PARTITIONS)}
    for name, (low, high) in manifest.partitions.items():
        if name not in there:
            base.execute(
                sql.SQL(
                    "CREATE TABLE {} PARTITION OF message FOR VALUES FROM ({}) TO ({}) WITH (fillfactor = 70)"
                ).format(sql.Identifier(name), sql.Literal(low), sql.Literal(high))
            )


def _copy_in(base: Base, reader: Reader) -> dict[str, int]:
    """Copy every table in, those that others refer to first; the walls' policies and counting stand aside."""
    # COPY is refused where row-level security holds for the one who copies; what triggers count is a row too.
    forced = _names(base, statements.FORCED)
    triggered = _names(base, statements.TRIGGERED)
    _alter(base, forced, "NO FORCE ROW LEVEL SECURITY")
    _alter(base, triggered, "DISABLE TRIGGER USER")
    rows = {table: _copy_table(base, reader, table) for table in _in_order(base, reader.manifest.tables)}
    _alter(base, triggered, "ENABLE TRIGGER USER")
    _alter(base, forced, "FORCE ROW LEVEL SECURITY")
    return rows


def _copy_table(base: Base, reader: Reader, table: str) -> int:
    told = reader.manifest.tables[table]
    statement = sql.SQL("COPY {} ({}) FROM STDIN").format(
        sql.Identifier(table), sql.SQL(", ").join(map(sql.Identifier, told.columns))
    )
    try:
        with base.cursor() as cursor:
            with cursor.copy(statement) as copy:
                for piece in reader.pieces(table):
                    copy.write(piece)
            found = cursor.rowcount
    except psycopg.DataError as error:
        raise KeepingError(
            f"{reader.file} is damaged: the rows of {table} cannot be read. Nothing was changed."
        ) from error
    if found != told.rows:
        raise KeepingError(
            f"{reader.file} is damaged: {table} has {found} rows and should have {told.rows}. "
            "Nothing was changed."
        )
    return found


def _in_order(base: Base, tables: Iterable[str]) -> list[str]:
    wanted = set(tables)
    order: graphlib.TopologicalSorter[str] = graphlib.TopologicalSorter(dict.fromkeys(sorted(wanted), ()))
    for child, parent in base.execute(statements.REFERENCES):
        if child in wanted and parent in wanted:
            order.add(child, parent)
    return list(order.static_order())


def _set_sequences(base: Base, manifest: Manifest) -> None:
    for sequence, value in manifest.sequences.items():
        base.execute("SELECT setval(to_regclass(%s), %s, false)", (f'public."{sequence}"', value))


def _names(base: Base, statement: LiteralString) -> list[str]:
    return [name for (name,) in base.execute(statement).fetchall()]


def _alter(base: Base, tables: Iterable[str], change: LiteralString) -> None:
    for table in tables:
        base.execute(sql.SQL("ALTER TABLE {} {}").format(sql.Identifier(table), sql.SQL(change)))


def ring_of(settings: Settings) -> KeyRing | None:
    """The key ring of the settings; None where there is no file yet. Raises KeyRingError."""
    if not settings.keys_file.exists():
        return None
    return KeyRing.load(settings.keys_file)
