"""The embedded PostgreSQL: a database of one's own under `instance/`, with nothing to install or configure.

The data always lies in `instance/postgres`. Started as root, the server runs as an unprivileged user; where
that user cannot walk down to the folder (a clone under /root, a private temporary folder) it is handed the
open folder itself and uses it as `/proc/self/fd/N`, so that no data ends up elsewhere and no foreign folder's
mode is changed.

A file lock that the server inherits says who has the folder. It cannot go stale: it ends with the last
process of the server, even after a SIGKILL. Roles and database are made in single-user mode before the folder
gets its final name, so a folder of that name is always complete.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from webapp.embedded_binaries import Binaries, find_binaries
from webapp.embedded_cluster import UPGRADED, Cluster, DataArgument, prepare
from webapp.embedded_place import (
    EmbeddedError,
    FolderLock,
    leave_run_folder,
    own_folder,
    started_at,
    works_in,
)

__all__ = [
    "UPGRADED",
    "Binaries",
    "Cluster",
    "EmbeddedError",
    "exec_postmaster",
    "find_binaries",
    "hold",
    "is_accepting",
    "prepare",
    "start_for",
]

#: How long an ending server (ours, or one left behind) may take before it is cut off.
STOP_SECONDS = 60.0

#: Names the run of `webapp up` that a process belongs to.
RUN_MARK = "TIDINGS_RUN"

#: What the server's otherwise empty environment keeps, so that the next `webapp up` knows an orphan.
_KEPT = (RUN_MARK, "SUPERVISOR_PROCESS_NAME")


class AlreadyRunningError(EmbeddedError):
    """A living server that somebody looks after has this folder."""


def exec_postmaster(instance: Path) -> NoReturn:
    """Become the database server of `instance`, in the foreground, for a supervisor to watch.

    Raises EmbeddedError when another server has the folder. One that was left behind by a supervisor that was
    killed is stopped cleanly first.
    """
    cluster = prepare(instance)
    lock = _take_folder(cluster)
    command = _command(cluster, {})
    lock.write(_particulars(os.getpid(), os.getppid()))
    for fd in (lock.fd, *command.argument.fds):
        os.set_inheritable(fd, True)
    os.chdir("/")
    os.umask(0o077)
    if cluster.runner:
        cluster.runner.become()
    os.execve(command.argv[0], command.argv, command.env)  # noqa: S606 - our own argument list, no shell


@contextlib.contextmanager
def start_for(
    instance: Path, settings: Mapping[str, str] | None = None, *, older: bool = False
) -> Iterator[Cluster]:
    """A running database of `instance` for a test or a single command.

    Uses the server that already runs; else starts one with `settings` (PostgreSQL's own) and stops it at the
    end. `older` as for `prepare`.
    """
    cluster = prepare(instance, older=older)
    try:
        lock = _take_folder(cluster)
    except AlreadyRunningError:
        _wait_until_accepting(cluster, None)
        yield cluster
        return
    try:
        own_folder(cluster.socket_dir, 0o700, cluster.runner)
        server = _spawn(cluster, lock, settings or {})
    finally:
        lock.close()
    try:
        _wait_until_accepting(cluster, server)
        yield cluster
    finally:
        _stop(server)
        leave_run_folder(cluster.instance)


@contextlib.contextmanager
def hold(cluster: Cluster) -> Iterator[None]:
    """Its folder, with no server on it and none to be started meanwhile.

    Raises EmbeddedError where one runs that somebody looks after.
    """
    lock = _take_folder(cluster)
    try:
        yield
    finally:
        lock.close()


def is_accepting(cluster: Cluster) -> bool:
    """Whether the server takes connections now, found out without one."""
    state = _pid_file(cluster)
    if len(state) < 8 or state[7].strip() != "ready":
        return False
    with socket.socket(socket.AF_UNIX) as probe:
        return probe.connect_ex(str(cluster.socket_dir / ".s.PGSQL.5432")) == 0


@dataclass(frozen=True)
class _Command:
    argv: list[str]
    env: dict[str, str]
    argument: DataArgument


def _command(cluster: Cluster, settings: Mapping[str, str]) -> _Command:
    """The server's command line; its environment holds nothing, so no secret of ours reaches another user."""
    argument = DataArgument(cluster.data, cluster.runner)
    folder = str(cluster.socket_dir).replace('"', '""')
    options = {"unix_socket_directories": f'"{folder}"', **settings}
    argv = [cluster.binaries.program("postgres"), "-D", argument.text]
    for name, value in options.items():
        argv += ["-c", f"{name}={value}"]
    env = {"PATH": os.defpath, "LC_ALL": "C"}
    env.update((name, os.environ[name]) for name in _KEPT if name in os.environ)
    return _Command(argv, env, argument)


def _particulars(pid: int, parent: int) -> dict[str, object]:
    return {"pid": pid, "parent": parent, "parent_started": started_at(parent)}


def _take_folder(cluster: Cluster) -> FolderLock:
    """Lock the folder; stop a server that nobody looks after any more, refuse one that somebody does."""
    lock = FolderLock(cluster.instance / "postgres.lock")
    try:
        deadline = time.monotonic() + STOP_SECONDS
        stopped: set[int] = set()
        while not lock.take(wait=0.2):
            _end_orphan(cluster, lock.read(), stopped)
            if time.monotonic() > deadline:
                raise AlreadyRunningError(_busy(cluster, lock.read().get("pid")))
        lock.write({})
        _clear_stale_pids(cluster)
    except BaseException:
        # An interrupt too: whatever ended the try, the lock must not outlive it.
        lock.close()
        raise
    return lock


def _end_orphan(cluster: Cluster, holder: dict[str, object], stopped: set[int]) -> None:
    pid, parent = holder.get("pid"), holder.get("parent")
    if not isinstance(pid, int) or not isinstance(parent, int):
        return  # it is only just starting
    if not works_in(pid, cluster.data):
        return  # it has died, and its last helpers are about to
    if started_at(parent) == holder.get("parent_started"):
        raise AlreadyRunningError(_busy(cluster, pid))
    if pid not in stopped:
        stopped.add(pid)
        os.kill(pid, signal.SIGINT)


def _busy(cluster: Cluster, pid: object) -> str:
    return f"The embedded database in {cluster.data} already runs (process {pid}). Stop that Tidings first."


def _clear_stale_pids(cluster: Cluster) -> None:
    """Remove what a killed server left; PostgreSQL alone would believe any living process of that number."""
    first = (_pid_file(cluster) or [""])[0].strip()
    if first.isdigit() and works_in(int(first), cluster.data):
        raise AlreadyRunningError(_busy(cluster, first))
    (cluster.data / "postmaster.pid").unlink(missing_ok=True)
    for name in (".s.PGSQL.5432", ".s.PGSQL.5432.lock"):
        (cluster.socket_dir / name).unlink(missing_ok=True)


def _pid_file(cluster: Cluster) -> list[str]:
    try:
        return (cluster.data / "postmaster.pid").read_text(errors="replace").splitlines()
    except OSError:
        return []


def _log_file(cluster: Cluster) -> Path:
    return own_folder(cluster.instance / "logs", 0o700) / "postgres.log"


def _spawn(cluster: Cluster, lock: FolderLock, settings: Mapping[str, str]) -> subprocess.Popen[bytes]:
    command = _command(cluster, settings)
    runner = cluster.runner
    log = os.open(_log_file(cluster), os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        server = subprocess.Popen(  # noqa: S603 - our own argument list, no shell
            command.argv,
            env=command.env,
            cwd="/",
            umask=0o077,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,  # a Ctrl-C at the terminal is for us; we stop the server when we are done
            pass_fds=(lock.fd, *command.argument.fds),
            user=runner.uid if runner else None,
            group=runner.gid if runner else None,
            extra_groups=[] if runner else None,
        )
    finally:
        os.close(log)
        command.argument.close()
    lock.write(_particulars(server.pid, os.getpid()))
    return server


def _wait_until_accepting(
    cluster: Cluster, server: subprocess.Popen[bytes] | None, seconds: float = 60.0
) -> None:
    deadline = time.monotonic() + seconds
    while not is_accepting(cluster):
        if server is not None and server.poll() is not None:
            raise EmbeddedError(f"PostgreSQL ended while it was starting; {_log_file(cluster)} says why.")
        if time.monotonic() > deadline:
            raise EmbeddedError(
                f"PostgreSQL takes no connections after {seconds:.0f} seconds; see {_log_file(cluster)}."
            )
        time.sleep(0.02)


def _stop(server: subprocess.Popen[bytes]) -> None:
    """Stop the server the fast way: open transactions are rolled back, everything committed is kept."""
    for number, seconds in ((signal.SIGINT, STOP_SECONDS), (signal.SIGQUIT, 10.0), (signal.SIGKILL, 10.0)):
        if server.poll() is None:
            server.send_signal(number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            server.wait(seconds)
            return
