"""The embedded database as files: its folder, its roles and passwords, and how it is made.

Everything here happens without a running server. Roles and database are made in single-user mode while the
folder is still called `postgres.new`; a folder called `postgres` is therefore always complete.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from urllib.parse import quote

from webapp.embedded_binaries import Binaries, find_binaries, readable_binaries
from webapp.embedded_place import (
    EmbeddedError,
    FolderLock,
    Runner,
    open_instance,
    own_folder,
    run_as,
    run_folder,
    runner_for,
)

Role = Literal["superuser", "owner", "program"]

DATABASE = "tidings"

#: A whole data folder that is about to be called `postgres`; see webapp/keeping/upgrade.py.
UPGRADED = "postgres.upgraded"
_LOGINS: dict[Role, str] = {
    "superuser": "postgres",
    "owner": "tidings_owner",
    "program": "tidings_program",
}

#: Small for a laptop, safe for people's numbers: a failed statement is logged without its text or values.
_CONFIGURATION = """
# Tidings: written once, yours to tune afterwards.
listen_addresses = ''
unix_socket_permissions = 0700
max_connections = 60
shared_buffers = 64MB
jit = off
huge_pages = off
timezone = 'UTC'
log_timezone = 'UTC'
lc_messages = 'C'
logging_collector = off
log_destination = 'stderr'
log_checkpoints = off
log_min_error_statement = panic
log_error_verbosity = terse
"""


@dataclass(frozen=True)
class Cluster:
    """One embedded database: where it lies and how each role reaches it. It need not be running."""

    instance: Path
    data: Path
    socket_dir: Path
    binaries: Binaries
    runner: Runner | None
    passwords: Mapping[Role, str]

    def __repr__(self) -> str:
        return f"Cluster({str(self.data)!r}, PostgreSQL {self.version})"

    @property
    def version(self) -> int:
        """Major version of PostgreSQL."""
        return self.binaries.version

    @property
    def superuser_url(self) -> str:
        """SQLAlchemy URL of the superuser: backup, upgrade, tests."""
        return self._url("superuser")

    @property
    def owner_url(self) -> str:
        """SQLAlchemy URL of the owner of the tables: migrations alone."""
        return self._url("owner")

    @property
    def program_url(self) -> str:
        """SQLAlchemy URL of the role that web and worker use."""
        return self._url("program")

    def _url(self, role: Role) -> str:
        socket = quote(str(self.socket_dir), safe="/")
        return (
            f"postgresql+psycopg://{_LOGINS[role]}:{self.passwords[role]}@/{DATABASE}?host={socket}&port=5432"
        )

    def conninfo(self, role: Role, database: str = DATABASE) -> str:
        """The same as a connection text for psycopg and for PostgreSQL's own tools."""
        parts = {
            "host": str(self.socket_dir),
            "port": "5432",
            "dbname": database,
            "user": _LOGINS[role],
            "password": self.passwords[role],
        }
        return " ".join(f"{key}='{_quoted(value)}'" for key, value in parts.items())


def _quoted(value: str) -> str:
    return value.replace("\\", "\\\\").replace("'", "\\'")


def prepare(instance: Path, *, older: bool = False) -> Cluster:
    """The embedded database of `instance`, made on first use; needs no running server and starts none.

    Raises EmbeddedError with a sentence when it cannot be had here. A folder of another major version is left
    alone; with `older` it may be of one that is kept for carrying it over alone.
    """
    data = instance.resolve() / "postgres"
    if not data.exists():
        # A newer database was about to take the place of the old one, which has left it.
        with contextlib.suppress(FileNotFoundError):
            data.with_name(UPGRADED).rename(data)
    runner = runner_for(data)
    instance = open_instance(instance, runner)
    made = data / "PG_VERSION"
    binaries = find_binaries(_version_of(made) if data.exists() else None, older=older)
    binaries = readable_binaries(binaries, instance, runner)
    socket_dir = own_folder(run_folder(instance, runner) / "db", 0o700, runner)
    passwords = _read_passwords(instance)
    if not (made.exists() and passwords):
        lock = FolderLock(instance / "prepare.lock")
        try:
            if not lock.take(wait=120):
                raise EmbeddedError(
                    f"Another process has been preparing the database in {instance} for two minutes."
                )
            if made.exists():
                passwords = _read_passwords(instance) or _renew_passwords(data, binaries, runner)
                _keep_passwords(instance, passwords)
            else:
                passwords = _read_passwords(instance) or _new_passwords()
                _keep_passwords(instance, passwords)
                _make(data, binaries, runner, passwords)
        finally:
            lock.close()
    return Cluster(instance, data, socket_dir, binaries, runner, passwords)


def _version_of(file: Path) -> int:
    try:
        return int(file.read_text().strip())
    except (OSError, ValueError) as error:
        raise EmbeddedError(
            f"{file.parent} is there but is not a whole database folder (its PG_VERSION cannot be read). "
            "Nothing was "
            "changed. Put it back from a backup, or move it away to start with an empty database."
        ) from error


def _new_passwords() -> dict[Role, str]:
    return {role: secrets.token_urlsafe(32) for role in _LOGINS}


def _read_passwords(instance: Path) -> dict[Role, str] | None:
    try:
        found = json.loads((instance / "postgres.json").read_text())
        return {role: str(found[role]) for role in _LOGINS}
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError):  # cut short by a full disk: new ones are made
        return None


def _keep_passwords(instance: Path, passwords: Mapping[Role, str]) -> None:
    fresh = instance / "postgres.json.new"
    fresh.unlink(missing_ok=True)
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        json.dump(passwords, file)
        file.flush()
        os.fsync(file.fileno())
    fresh.rename(instance / "postgres.json")


class DataArgument:
    """The data folder as an argument for PostgreSQL, by an open descriptor where its path is closed.

    A process may use `/proc/self/fd/N` although it could not walk to that folder; the server works relative
    to its data folder from then on and never asks for its path again.
    """

    def __init__(self, data: Path, runner: Runner | None) -> None:
        self.fds: tuple[int, ...] = ()
        self.text = str(data)
        if runner is None or runner.may_pass(data):
            return
        if not Path("/proc/self/fd").exists():
            raise EmbeddedError(
                f"The user {runner.name}, who runs PostgreSQL because Tidings was started as root, cannot "
                "enter "
                f"{data.parent}. Set TIDINGS_INSTANCE to a folder that others may enter, such as "
                "/var/lib/tidings."
            )
        fd = os.open(data, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        self.fds = (fd,)
        self.text = f"/proc/self/fd/{fd}"

    def close(self) -> None:
        """Close our descriptor; a program started with it keeps its own."""
        for fd in self.fds:
            os.close(fd)


def _make(data: Path, binaries: Binaries, runner: Runner | None, passwords: Mapping[Role, str]) -> None:
    fresh = data.with_name("postgres.new")
    if fresh.exists():  # an earlier first start was cut short
        shutil.rmtree(fresh)
    for locale in _locales(binaries.version):
        own_folder(fresh, 0o700, runner)
        said = _initdb(fresh, binaries, runner, locale, passwords["superuser"])
        if said.returncode == 0:
            break
        shutil.rmtree(fresh)
    else:
        raise EmbeddedError(f"PostgreSQL could not make a database in {fresh}: {_last_line(said.stderr)}")
    with (fresh / "postgresql.conf").open("a", encoding="utf-8") as file:
        file.write(_CONFIGURATION)
    _single_user(fresh, binaries, runner, "postgres", _roles_and_database(passwords))
    _single_user(fresh, binaries, runner, DATABASE, _rights())
    fresh.rename(data)


def _locales(version: int) -> Sequence[Sequence[str]]:
    """Arguments for initdb to try in turn: never the machine's LANG, which may be missing or not UTF-8."""
    if version >= 17:
        builtin = "--locale-provider=builtin"
        return ([builtin, "--locale=C.UTF-8"], [builtin, "--builtin-locale=C.UTF-8", "--locale=C"])
    return (["--locale=C.UTF-8"], ["--locale=C"])


def _initdb(
    fresh: Path, binaries: Binaries, runner: Runner | None, locale: Sequence[str], password: str
) -> subprocess.CompletedProcess[str]:
    reading, writing = os.pipe()
    argument = DataArgument(fresh, runner)
    try:
        if runner:
            os.fchown(reading, runner.uid, runner.gid)
        os.write(writing, password.encode() + b"\n")
        os.close(writing)
        argv = [binaries.program("initdb"), "-D", argument.text, "--encoding=UTF8", *locale]
        argv += [
            "--username=postgres",
            "--auth=scram-sha-256",
            f"--pwfile=/dev/fd/{reading}",
            "--no-instructions",
        ]
        return run_as(runner, argv, files=(reading, *argument.fds))
    finally:
        os.close(reading)
        argument.close()


def _roles_and_database(passwords: Mapping[Role, str]) -> list[str]:
    """The three roles and the database.

    The owner is a member of the door so that a migration may hand it a function. For that statement the door
    also needs CREATE on the schema; the owner (as the database's owner) grants and takes it back inside the
    migration's transaction, so that the door has no such right while the program runs.
    """
    least = "NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS"
    return [
        f"CREATE ROLE tidings_owner LOGIN {least} PASSWORD '{passwords['owner']}'",
        f"CREATE ROLE tidings_program LOGIN {least} PASSWORD '{passwords['program']}'",
        f"CREATE ROLE tidings_door NOLOGIN {least}",
        "GRANT tidings_door TO tidings_owner",
        f"CREATE DATABASE {DATABASE} OWNER tidings_owner",
    ]


def _rights() -> list[str]:
    """Who may come into the database: temporary tables are how the program writes in bulk."""
    return [
        f"REVOKE ALL ON DATABASE {DATABASE} FROM PUBLIC",
        f"GRANT CONNECT, TEMPORARY ON DATABASE {DATABASE} TO tidings_program",
        "REVOKE ALL ON SCHEMA public FROM PUBLIC",
        "GRANT USAGE ON SCHEMA public TO tidings_program, tidings_door",
    ]


def _renew_passwords(data: Path, binaries: Binaries, runner: Runner | None) -> dict[Role, str]:
    """New passwords for a folder whose `postgres.json` was lost; works only while no server runs on it."""
    passwords = _new_passwords()
    commands = [f"ALTER ROLE {_LOGINS[role]} PASSWORD '{password}'" for role, password in passwords.items()]
    _single_user(data, binaries, runner, "postgres", commands)
    return passwords


def _single_user(
    data: Path, binaries: Binaries, runner: Runner | None, database: str, commands: Sequence[str]
) -> None:
    argument = DataArgument(data, runner)
    try:
        argv = [binaries.program("postgres"), "--single", "-D", argument.text]
        argv += ["-c", "exit_on_error=on", "-c", "log_checkpoints=off", database]
        said = run_as(runner, argv, stdin="".join(f"{command}\n" for command in commands), files=argument.fds)
    finally:
        argument.close()
    if said.returncode != 0:
        raise EmbeddedError(
            f"PostgreSQL could not set up the database in {data}: {_last_line(said.stderr)} "
            "If Tidings is running, stop it and start again."
        )


def _last_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else "it gave no reason."
