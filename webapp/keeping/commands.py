"""The commands of this folder, with what they say to the operator."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
from sqlalchemy.exc import SQLAlchemyError

from webapp import connections, embedded, schema
from webapp.connections import conninfo
from webapp.keeping import KeepingError
from webapp.keeping import backup as copying
from webapp.keeping import restore as filling
from webapp.keeping import rotate as rotating
from webapp.keeping import upgrade as upgrading
from webapp.sealing import KeyRing, KeyRingError
from webapp.settings import Settings

Say = Callable[[str], None]


def backup(settings: Settings, file: Path, say: Say) -> int:
    """Write a backup and say what is in it, and what is not."""
    with _database(settings):
        manifest, size = copying.back_up(conninfo(connections.owner_url(settings)), file, _ring(settings))
    rows = sum(table.rows for table in manifest.tables.values())
    say(f"{file}: {rows:,} rows of {len(manifest.tables)} tables, {size / 2**20:,.1f} MiB, mode 600.")
    say("")
    say("It holds people's numbers: keep it as carefully as the database. Two things are NOT in it:")
    keys = f"  the keys that seal gateway credentials: {settings.keys_file}"
    say(keys + (f" (keys {', '.join(manifest.keys)})" if manifest.keys else ""))
    say(f"  the key that signs cookies: {_secret_key_place(settings)}")
    say("Keep copies of both too, but apart from this file: whoever has all of them has the credentials.")
    return 0


def restore(settings: Settings, file: Path, say: Say, *, replace: bool) -> int:
    """Restore a backup and say what became of it."""
    ring = _ring(settings)
    with _database(settings):
        done = filling.restore(
            connections.owner_url(settings),
            connections.program_url(settings),
            file,
            ring,
            replace=replace,
        )
    say(f"{file}, made on {done.manifest.made_at} by Tidings {done.manifest.tidings}, is restored.")
    say("")
    say(f"{'table':<24}{'in the backup':>16}{'restored':>16}")
    for table, rows in sorted(done.rows.items()):
        say(f"{table:<24}{done.manifest.tables[table].rows:>16,}{rows:>16,}")
    say("")
    say("Everybody has to sign in again. Nothing that was on its way is sent by itself:")
    say(f"  campaigns that wait until a person resumes or stops them: {done.paused:,}")
    if ring is None and not settings.keys_file.exists():
        say(f"There is no key file yet; {settings.keys_file} is made with the first gateway account.")
    say("Start Tidings, then run `python -m webapp doctor`.")
    return 0


def upgrade_db(settings: Settings, say: Say) -> int:
    """Carry the embedded database over and say what was done."""
    if settings.database_url:
        raise KeepingError(
            "DATABASE_URL is set, so Tidings has no database of its own here. Whoever runs that PostgreSQL "
            "upgrades it. Nothing was changed."
        )
    done = upgrading.upgrade(settings.instance, say)
    if done is None:
        say("The embedded database is of the newest PostgreSQL that is here. Nothing was changed.")
        return 0
    say(f"Carried over from PostgreSQL {done.before} to {done.after}: {done.rows:,} rows. Start Tidings now.")
    say(f"The old folder is {done.kept}. Remove it when all is well.")
    say("What you had changed in its postgresql.conf is there, and not in the new folder.")
    return 0


def rotate_keys(settings: Settings, say: Say, *, forget: bool) -> int:
    """Change the keys and say which are in use; 1 where something is left that no key here opens."""
    with _database(settings):
        owner = conninfo(connections.owner_url(settings))
        done = (
            rotating.forget(owner, settings.keys_file)
            if forget
            else rotating.rotate(owner, settings.keys_file)
        )
    if done.made:
        say(f"A new key, {done.newest}, is in front of the others in {settings.keys_file}.")
    elif not forget:
        say(f"A change of keys that was not finished was carried on with the key {done.newest}.")
    say(f"{done.resealed:,} values were sealed anew with the key {done.newest}.")
    if done.forgotten:
        say(f"Taken out of the file, since nothing here needs them: {', '.join(done.forgotten)}.")
        say("Backups from before still do: keep those keys with them, apart, or let the backups go.")
    elif forget:
        say("No key was taken out: none of them is without use.")
    for key, values in done.left.items():
        say(f"{values:,} values are still sealed with the key {key}; it cannot open them, or is not here.")
    if not forget and not done.left:
        say("Once all is well, `rotate-keys --forget` takes the older keys out of the file.")
    return 1 if done.left else 0


@contextmanager
def _database(settings: Settings) -> Iterator[None]:
    """The database of the settings, running: an embedded one that is not is started for as long.

    What it refuses is told in its own words, without the rows that it was about.
    """
    try:
        if settings.database_url:
            yield
            return
        with embedded.start_for(settings.instance):
            yield
    except psycopg.OperationalError as error:
        raise KeepingError(f"The database cannot be used: {schema.first_line(error)}") from error
    except (psycopg.Error, SQLAlchemyError) as error:
        reason = schema.first_line(getattr(error, "orig", None) or error)
        raise KeepingError(f"The database refused it: {reason}. Nothing was changed.") from error


def _ring(settings: Settings) -> KeyRing | None:
    try:
        return filling.ring_of(settings)
    except KeyRingError as error:
        raise KeepingError(str(error)) from error


def _secret_key_place(settings: Settings) -> str:
    return "TIDINGS_SECRET_KEY" if settings.secret_key else str(settings.instance / "secret_key")
