"""Who runs the embedded PostgreSQL, where its sockets lie, and who holds its folder.

PostgreSQL refuses to run as root, a Unix socket's path may hold about 100 bytes, and a process id written in
a file may since belong to somebody else. Each of these needs care of its own, and none of it knows about
databases.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import pwd
import stat
import subprocess
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

#: Longest path of a socket that is used; the limit is 104 bytes on some systems and 108 on others.
LONGEST_SOCKET = 100

#: Longest name of a socket below the run folder.
_SOCKET_NAME = "db/.s.PGSQL.5432"

#: Users that may run the database when Tidings was started as root; nobody is ever added.
_RUNNERS = ("postgres", "nobody")


class EmbeddedError(Exception):
    """The embedded PostgreSQL cannot be used; the text is a sentence for the person who started Tidings."""


@dataclass(frozen=True)
class Runner:
    """The unprivileged user that runs the database when Tidings itself runs as root."""

    name: str
    uid: int
    gid: int

    def become(self) -> None:
        """Turn this process into one of this user, for good."""
        try:
            os.setgroups([])
            os.setgid(self.gid)
            os.setuid(self.uid)
        except OSError as error:
            raise _cannot_change_user(self) from error

    def may_read(self, path: Path) -> bool:
        """Whether this user reaches and reads `path`, asked of the system itself (access lists included)."""
        test = ["/bin/sh", "-c", '[ -r "$0" ] && [ -x "$0" ]', str(path)]
        return run_as(self, test).returncode == 0

    def may_pass(self, folder: Path) -> bool:
        """Whether this user reaches `folder` and may go on to what lies in it."""
        return run_as(self, ["/bin/sh", "-c", '[ -x "$0" ]', str(folder)]).returncode == 0


def _cannot_change_user(runner: Runner) -> EmbeddedError:
    return EmbeddedError(
        f"PostgreSQL does not run as root, and this process is not allowed to become the user {runner.name}. "
        "Start Tidings as an ordinary user, or set DATABASE_URL to a PostgreSQL that runs already."
    )


def run_as(
    runner: Runner | None,
    argv: Sequence[str],
    *,
    stdin: str = "",
    files: Sequence[int] = (),
    env: dict[str, str] | None = None,
) -> subprocess.CompletedProcess[str]:
    """Run a program to its end as `runner` (None: as ourselves) and return what it said."""
    try:
        return subprocess.run(  # noqa: S603 - every caller gives a list made here, never a person's text
            argv,
            input=stdin,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
            cwd="/",
            env={"PATH": os.defpath, "LC_ALL": "C"} if env is None else env,
            pass_fds=files,
            user=runner.uid if runner else None,
            group=runner.gid if runner else None,
            extra_groups=[] if runner else None,
        )
    except PermissionError as error:
        if runner is None:
            raise
        raise _cannot_change_user(runner) from error


def runner_for(data: Path) -> Runner | None:
    """The user that must run the database on folder `data`; None when that is the user we are.

    An existing folder decides by its owner. Raises EmbeddedError when it belongs to somebody we cannot
    become.
    """
    owner = data.stat().st_uid if data.exists() else None
    if os.geteuid() != 0:
        if owner is None or owner == os.geteuid():
            return None
        raise EmbeddedError(
            f"The database folder {data} belongs to the user {_user_name(owner)}, not to "
            f"{_user_name(os.geteuid())}. "
            "Start Tidings as the user who made it, or as root if root made it."
        )
    if owner:
        return Runner(_user_name(owner), owner, data.stat().st_gid)
    for name in _RUNNERS:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return Runner(name, entry.pw_uid, entry.pw_gid)
    raise EmbeddedError(
        "PostgreSQL does not run as root, and this machine has neither a user postgres nor a user nobody. "
        "Start Tidings as an ordinary user, or set DATABASE_URL to a PostgreSQL that runs already."
    )


def _user_name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def own_folder(folder: Path, mode: int, owner: Runner | None = None) -> Path:
    """Make `folder` with exactly `mode` for us; refuse one that somebody else put there.

    With `owner` it is handed to that user; its parent must then be ours, so that nobody else made it.
    """
    with contextlib.suppress(FileExistsError):
        folder.mkdir(mode=0o700)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or (found.st_uid != os.geteuid() and not owner):
        raise EmbeddedError(
            f"{folder} is needed as a private folder, but it belongs to the user {_user_name(found.st_uid)} "
            "or is not a folder. Remove it and start again."
        )
    if owner and found.st_uid != owner.uid:
        os.chown(folder, owner.uid, owner.gid)
    if stat.S_IMODE(found.st_mode) != mode:
        folder.chmod(mode)
    return folder


def open_instance(instance: Path, runner: Runner | None) -> Path:
    """Make the instance folder; under root its contents stay private but the runner may pass through it.

    Everything in it that is secret has mode 600 or lies in a folder of mode 700, so passing through gives
    nothing away.
    """
    instance = instance.resolve()
    if not instance.exists():
        instance.mkdir(parents=True, mode=0o700)
    mode = stat.S_IMODE(instance.stat().st_mode)
    if runner and instance.stat().st_uid == 0 and not mode & stat.S_IXOTH:
        instance.chmod(mode | stat.S_IXOTH)
    return instance


def _outside(instance: Path) -> list[Path]:
    """Where the sockets of `instance` go when they cannot lie in it.

    The first of these does nearly always, so that processes with different TMPDIRs agree.
    """
    name = "tidings-" + hashlib.sha256(os.fsencode(instance)).hexdigest()[:12]
    bases = ("/tmp", "/var/tmp", tempfile.gettempdir())  # noqa: S108 - owner and mode are checked
    return [Path(base) / name for base in dict.fromkeys(bases)]


def leave_run_folder(instance: Path) -> None:
    """Remove the folder outside of `instance` that its sockets were in, if nothing uses it."""
    for folder in _outside(instance.resolve()):
        for empty in (folder / "db", folder):
            with contextlib.suppress(OSError):
                empty.rmdir()


def run_folder(instance: Path, runner: Runner | None) -> Path:
    """The short private folder for sockets: `instance/run`, or one in /tmp named after the instance.

    A path with a comma is not used: PostgreSQL's clients would read a second host after it.
    """
    instance = open_instance(instance, runner)
    mode = 0o711 if runner else 0o700
    inside = own_folder(instance / "run", mode)
    if _fits(inside) and (runner is None or runner.may_pass(inside)):
        return inside
    problem: EmbeddedError | None = None
    for folder in _outside(instance):
        if not folder.parent.is_dir() or not _fits(folder) or (runner and not runner.may_pass(folder.parent)):
            continue
        try:
            return own_folder(folder, mode)
        except EmbeddedError as error:
            problem = error
    raise problem or EmbeddedError(
        f"No folder is short enough for the sockets of {instance}. Set TIDINGS_INSTANCE to a folder with a "
        "shorter path."
    )


def _fits(folder: Path) -> bool:
    return len(os.fsencode(folder / _SOCKET_NAME)) <= LONGEST_SOCKET and "," not in str(folder)


def started_at(pid: int) -> str | None:
    """When process `pid` was started, as a text to compare; None when it has ended or never was."""
    if pid <= 0:
        return None
    try:
        after_name = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except FileNotFoundError:
        if Path("/proc/self/stat").exists():
            return None
        shown = run_as(None, ["ps", "-o", "stat=,lstart=", "-p", str(pid)]).stdout.strip()
        return None if not shown or shown.startswith("Z") else shown.partition(" ")[2].strip()
    except (OSError, IndexError):
        return None
    return None if after_name[0] in "ZX" else after_name[19]


def works_in(pid: int, folder: Path) -> bool:
    """Whether process `pid` has `folder` as its working folder, as a postmaster has its data folder."""
    if started_at(pid) is None:
        return False
    try:
        return Path(f"/proc/{pid}/cwd").samefile(folder)
    except OSError:
        if Path("/proc/self/cwd").exists():
            return False
        return "postgres" in run_as(None, ["ps", "-o", "command=", "-p", str(pid)]).stdout


class FolderLock:
    """An exclusive lock on a file that lasts while any process holds the descriptor, however that one ends.

    The holder's particulars stand in the file as JSON, for the sentence that a second one gets to read.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)

    def take(self, wait: float = 0.0) -> bool:
        """Take the lock, trying for `wait` seconds; False when somebody else keeps it."""
        deadline = time.monotonic() + wait
        while True:
            try:
                fcntl.flock(self.fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() >= deadline:
                    return False
                time.sleep(0.05)
            else:
                return True

    def read(self) -> dict[str, object]:
        """What the holder wrote, {} if nothing legible."""
        try:
            found = json.loads(os.pread(self.fd, 65536, 0) or b"{}")
        except ValueError:
            return {}
        return found if isinstance(found, dict) else {}

    def write(self, particulars: dict[str, object]) -> None:
        """Replace what stands in the file."""
        os.ftruncate(self.fd, 0)
        os.pwrite(self.fd, json.dumps(particulars).encode(), 0)

    def close(self) -> None:
        """Let go of our descriptor; a child that inherited it keeps the lock."""
        os.close(self.fd)
