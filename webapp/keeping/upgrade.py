"""`python -m webapp upgrade-db`: the embedded database, carried over to a newer major version of PostgreSQL.

A data folder fits the version that made it. The old server and a new one run side by side for as long as the
rows are copied; then the new folder takes the place of the old one, which stays beside it under a name that
says what it is. Until that moment nothing of the old folder is changed.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import psycopg

from webapp import clock, embedded, schema
from webapp.connections import conninfo
from webapp.embedded import Cluster
from webapp.keeping import KeepingError, restore
from webapp.keeping.archive import Reader, Writer
from webapp.keeping.backup import copy_out

# The new folder is of the size of the old one at most, the rows between them a part of that.
ROOM = 1.6
LEAST_ROOM = 256 * 1024 * 1024
# What the migrations keep for themselves.
OWN = frozenset({"alembic_version"})


@dataclass(frozen=True)
class Upgraded:
    """From which version to which, how many rows, and where the old folder is now."""

    before: str
    after: str
    rows: int
    kept: Path


def upgrade(instance: Path, say: Callable[[str], None]) -> Upgraded | None:
    """Carry the database of `instance` over; None where it is of the newest version that is here already.

    Raises KeepingError and EmbeddedError; then the old folder is in its place, as it was.
    """
    instance = instance.resolve()
    if not (instance / "postgres" / "PG_VERSION").exists():
        raise KeepingError(f"There is no embedded database in {instance}. Nothing was changed.")
    old = embedded.prepare(instance, older=True)
    newest = embedded.find_binaries()
    if old.version >= newest.version:
        return None
    with embedded.hold(old):
        _check_room(old)
        aside = instance / "upgrade"
        shutil.rmtree(aside, ignore_errors=True)
    try:
        new = _prepare_beside(old, aside)
        say(f"Copying the rows from PostgreSQL {old.version} to PostgreSQL {new.version} …")
        rows = _carry_over(old, new, aside / "rows")
        kept = _switch(old, new)
    finally:
        shutil.rmtree(aside, ignore_errors=True)
    return Upgraded(old.binaries.full_version, new.binaries.full_version, rows, kept)


def _carry_over(old: Cluster, new: Cluster, file: Path) -> int:
    """Copy all rows by way of a file; returns how many. Sessions and jobs too: nobody is to notice."""
    with embedded.start_for(old.instance, older=True), psycopg.connect(conninfo(old.owner_url)) as base:
        base.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        base.read_only = True
        writer = Writer(file)
        try:
            writer.finish(copy_out(base, writer, None, _all))
        finally:
            writer.discard()
    reader = Reader(file)
    try:
        with embedded.start_for(new.instance):
            with schema.transaction(new.owner_url) as connection:
                rows = restore.fill(connection, new.program_url, reader, _all)
            restore.tell_planner(new.owner_url, rows)
    finally:
        reader.close()
    return sum(rows.values())


def _all(table: str) -> bool:
    return table not in OWN


def _check_room(old: Cluster) -> None:
    size = sum(file.lstat().st_size for file in old.data.rglob("*") if file.is_file())
    needed = int(size * ROOM) + LEAST_ROOM
    free = shutil.disk_usage(old.instance).free
    if free < needed:
        raise KeepingError(
            f"There is not enough room at {old.instance}: {free // 2**20:,} MiB are free and about "
            f"{needed // 2**20:,} MiB are needed, since the old database is kept. Nothing was changed."
        )


def _prepare_beside(old: Cluster, aside: Path) -> Cluster:
    """An empty database of the newest version, with the passwords of the old one."""
    aside.mkdir(mode=0o700)
    passwords = aside / "postgres.json"
    passwords.touch(mode=0o600)
    passwords.write_bytes((old.instance / passwords.name).read_bytes())
    return embedded.prepare(aside)


def _switch(old: Cluster, new: Cluster) -> Path:
    """Let the new folder take the place of the old one; returns where that one is now.

    Between the two moves there is no folder of the name. Whoever starts then finishes what was begun here
    (see `embedded.prepare`), so a power cut leaves the one database or the other, never an empty one.
    """
    day = clock.now().strftime("%Y-%m-%d-%H%M%S")
    kept = old.instance / f"postgres-{old.version}-before-upgrade-{day}"
    ready = old.instance / embedded.UPGRADED
    with embedded.hold(old):
        shutil.rmtree(ready, ignore_errors=True)
        new.data.rename(ready)
        _sync(old.instance)
        old.data.rename(kept)
        with contextlib.suppress(FileNotFoundError):
            ready.rename(old.data)
        _sync(old.instance)
    return kept


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
