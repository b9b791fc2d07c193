"""`python -m webapp rotate-keys`: a new key seals everything, also while Tidings runs.

The key is in the file before anything is sealed with it, and every process looks at the file before it opens
a row, so none ever meets a row that it cannot open. Cut short at any moment it leaves rows of both keys, and
both keys are in the file; run again it carries on, and makes no third one.
"""

from __future__ import annotations

import dataclasses
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import psycopg
from cryptography.fernet import Fernet
from psycopg import sql

from webapp.keeping import KeepingError
from webapp.keeping.backup import Base
from webapp.sealing import KeyRing, KeyRingError, SealError, key_id_of, key_ids, reseal, save

# A few rows a transaction: nobody waits long for a row, and what is done stays done.
CHUNK = 200
# A page that sealed with the key before may still be about to store it; none takes as long as this.
SETTLED_SECONDS = 120.0


@dataclasses.dataclass(frozen=True)
class Sealed:
    """A table with sealed columns, and the columns that make its key."""

    table: str
    key: tuple[str, ...]
    columns: tuple[str, ...]


SEALED = (
    Sealed("gateway_account", ("team_id", "id"), ("sealed_uid", "sealed_pwd")),
    Sealed("callback_token", ("team_id", "account_id", "token_hash"), ("sealed_token",)),
)


@dataclasses.dataclass(frozen=True)
class Rotated:
    """What was done. `left`: sealed values that are not under the newest key, by the key that they need."""

    newest: str
    made: bool
    resealed: int
    left: dict[str, int]
    forgotten: list[str] = dataclasses.field(default_factory=list)


def rotate(conninfo: str, keys_file: Path, between: Callable[[], None] = lambda: None) -> Rotated:
    """Seal everything with a new key; one that was begun before is carried on instead.

    `between` is called after each transaction. Raises KeepingError.
    """
    ring = _load(keys_file)
    with psycopg.connect(conninfo, autocommit=True) as base:
        # What an earlier run did not come to; also where somebody put a key into the file by hand.
        resealed = _reseal_all(base, ring, between)
        made = not resealed
        if made:
            ring = dataclasses.replace(ring, keys=(Fernet.generate_key(), *ring.keys))
            _save(ring, keys_file)
            resealed = _reseal_all(base, ring, between)
        return Rotated(key_ids(ring)[0], made, resealed, _others(_counts(base), ring))


def forget(conninfo: str, keys_file: Path) -> Rotated:
    """Seal what is left with the newest key, and take out of the file the keys that nothing needs any more.

    Raises KeepingError.
    """
    ring = _load(keys_file)
    age = time.time() - keys_file.stat().st_mtime
    if age < SETTLED_SECONDS:
        raise KeepingError(
            f"The key file was changed {max(age, 0):.0f} seconds ago, so somebody may still be about to "
            "store what the key before sealed. Nothing was changed. Try again in "
            f"{SETTLED_SECONDS:.0f} seconds."
        )
    with psycopg.connect(conninfo, autocommit=True) as base:
        resealed = _reseal_all(base, ring, lambda: None)
        with base.transaction():
            for sealed in SEALED:
                # Whoever is writing is waited for, and nobody writes until the file is the new one.
                base.execute(sql.SQL("LOCK TABLE {} IN SHARE MODE").format(sql.Identifier(sealed.table)))
            needed = _counts(base)
            kept = [
                key
                for place, (key, name) in enumerate(zip(ring.keys, key_ids(ring), strict=True))
                if place == 0 or name in needed
            ]
            gone = [name for name in key_ids(ring)[1:] if name not in needed]
            if gone:
                ring = dataclasses.replace(ring, keys=tuple(kept))
                _save(ring, keys_file)
    return Rotated(key_ids(ring)[0], False, resealed, _others(needed, ring), gone)


def _reseal_all(base: Base, ring: KeyRing, between: Callable[[], None]) -> int:
    return sum(_reseal_table(base, ring, sealed, between) for sealed in SEALED)


def _reseal_table(base: Base, ring: KeyRing, sealed: Sealed, between: Callable[[], None]) -> int:
    """Walk the table by its key, a few rows a transaction; returns how many values were sealed anew."""
    done = 0
    after: Sequence[Any] | None = None
    while True:
        with base.transaction():
            rows = base.execute(*_next_rows(sealed, after)).fetchall()
            for row in rows:
                done += _reseal_row(base, ring, sealed, row)
        between()
        if len(rows) < CHUNK:
            return done
        after = rows[-1][: len(sealed.key)]


def _next_rows(sealed: Sealed, after: Sequence[Any] | None) -> tuple[sql.Composed, Sequence[Any]]:
    key = sql.SQL(", ").join(map(sql.Identifier, sealed.key))
    beyond: sql.Composable = sql.SQL("")
    if after is not None:
        places = sql.SQL(", ").join([sql.Placeholder()] * len(sealed.key))
        beyond = sql.SQL("WHERE ({}) > ({})").format(key, places)
    statement = sql.SQL("SELECT {}, {} FROM {} {} ORDER BY {} LIMIT {} FOR NO KEY UPDATE").format(
        key,
        sql.SQL(", ").join(map(sql.Identifier, sealed.columns)),
        sql.Identifier(sealed.table),
        beyond,
        key,
        sql.Literal(CHUNK),
    )
    return statement, after or ()


def _reseal_row(base: Base, ring: KeyRing, sealed: Sealed, row: Sequence[Any]) -> int:
    """Seal the values of a row anew that need it; what cannot be opened stays as it is."""
    newest = key_ids(ring)[0]
    fresh: dict[str, bytes] = {}
    for column, value in zip(sealed.columns, row[len(sealed.key) :], strict=True):
        if key_id_of(value) != newest:
            try:
                fresh[column] = reseal(ring, value)
            except SealError:
                continue
    if fresh:
        base.execute(
            sql.SQL("UPDATE {} SET {} WHERE ({}) = ({})").format(
                sql.Identifier(sealed.table),
                sql.SQL(", ").join(sql.SQL("{} = %s").format(sql.Identifier(name)) for name in fresh),
                sql.SQL(", ").join(map(sql.Identifier, sealed.key)),
                sql.SQL(", ").join([sql.Placeholder()] * len(sealed.key)),
            ),
            (*fresh.values(), *row[: len(sealed.key)]),
        )
    return len(fresh)


def _counts(base: Base) -> Counter[str]:
    """How many sealed values there are under each key."""
    found: Counter[str] = Counter()
    for sealed in SEALED:
        for column in sealed.columns:
            statement = sql.SQL("SELECT substring({} FROM 1 FOR 8), count(*) FROM {} GROUP BY 1").format(
                sql.Identifier(column), sql.Identifier(sealed.table)
            )
            found.update({key_id_of(head): int(count) for head, count in base.execute(statement)})
    return found


def _others(counts: Counter[str], ring: KeyRing) -> dict[str, int]:
    """Those that are not under the newest key."""
    return {name: count for name, count in sorted(counts.items()) if name != key_ids(ring)[0]}


def _load(keys_file: Path) -> KeyRing:
    try:
        return KeyRing.load(keys_file)
    except KeyRingError as error:
        raise KeepingError(f"{error} Nothing was changed.") from error


def _save(ring: KeyRing, keys_file: Path) -> None:
    try:
        save(ring, keys_file)
    except OSError as error:
        raise KeepingError(
            f"The key file {keys_file} cannot be written: {error.strerror}. Nothing was changed. A file that "
            "is mounted for Tidings is changed where it comes from: put the new key in front of the others "
            "there, then run this again."
        ) from error
