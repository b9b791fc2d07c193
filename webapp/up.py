"""`python -m webapp up`: everything on one machine, started by one command and ended by Ctrl-C.

After checking what could stand in the way this process becomes supervisord, so nothing else stays in memory;
a short lived announcer beside it migrates, starts the rest and prints the address. Neither loads Flask or
SQLAlchemy.

Order: database, web, practice gateway, worker. It ends the other way round: the worker first finishes the
request it has under way while everything still answers, the practice gateway then has nobody to report for,
the web still takes reports until then, and the database goes last.
"""

from __future__ import annotations

import errno
import json
import os
import secrets
import shlex
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from webapp import up_orphans
from webapp.demo import EMAIL, PASSWORD
from webapp.embedded import RUN_MARK, EmbeddedError, prepare
from webapp.embedded_place import FolderLock, open_instance, own_folder, run_folder, runner_for

if TYPE_CHECKING:
    from webapp.settings import Address, Settings

_ROOT = Path(__file__).resolve().parent.parent

#: Supervisord closes every descriptor from 5 upwards; the lock must live as long as it does.
_LOCK_FD = 3


class UpError(Exception):
    """Tidings cannot be started; the text is a sentence for the person who tried."""


@dataclass(frozen=True)
class Program:
    """One process that is kept running.

    `stop_signal` asks it to end and `stop_seconds` is how long it may take; `backends_apart` is for
    PostgreSQL, whose own processes must never be killed as a group.
    """

    name: str
    argv: Sequence[str]
    stop_signal: str = "TERM"
    stop_seconds: int = 30
    backends_apart: bool = False


@dataclass(frozen=True)
class Plan:
    """What is started: `programs` in this order, and `migrate` (may be empty) once the database answers.

    `ready` is a command that ends with 0 once everything answers, and otherwise with a sentence; `demo` (may
    be empty) puts the demonstration in after that. `seconds`
    are given to the database, `patience` to a program that is started again and again without staying up.
    """

    programs: Sequence[Program]
    migrate: Sequence[str]
    ready: Sequence[str]
    demo: Sequence[str] = ()
    seconds: float = 60
    patience: float = 12


def plan_for(settings: Settings, *, demo: bool = False) -> Plan:
    """The processes that these settings ask for."""
    tidings = [sys.executable, "-m", "webapp"]
    programs = []
    if settings.database_url is None:
        programs.append(Program("postgres", [*tidings, "postgres"], "INT", 60, backends_apart=True))
    programs.append(Program("web", [*tidings, "web"], "TERM", 40))
    if settings.practice:
        bind = str(settings.practice_bind)
        # Accounts there must live as long as the credentials that we keep for them.
        state = str(settings.instance / "practice.json")
        argv = [sys.executable, "-m", "webapp.practice", "--bind", bind, "--state", state]
        programs.append(Program("practice", argv, "TERM", 10))
    programs.append(Program("worker", [*tidings, "worker"], "TERM", int(settings.times.call_limit) + 10))
    owned = settings.database_url is None or settings.database_owner_url is not None
    return Plan(
        programs,
        migrate=[*tidings, "migrate"] if owned else [],
        ready=[*tidings, "wait-ready", "--timeout", "60"],
        demo=[*tidings, "demo"] if demo else [],
    )


def main(environ: Mapping[str, str], *, demo: bool = False) -> int:
    """Start everything; returns only when that was not possible, with the exit code."""
    from webapp.settings import Settings, SettingsError

    try:
        settings = Settings.from_environ(environ)
        run(settings, plan_for(settings, demo=demo))
    except (SettingsError, UpError, EmbeddedError) as error:
        sys.stderr.write(f"{error}\n")
    except KeyboardInterrupt:
        return 130
    return 1


def run(settings: Settings, plan: Plan) -> None:
    """Become the supervisor of `plan`; does not return unless it raises UpError or EmbeddedError."""
    embedded = settings.database_url is None
    runner = runner_for(settings.instance.resolve() / "postgres") if embedded else None
    instance = open_instance(settings.instance, runner)
    lock = _take_instance(instance)
    up_orphans.end(str(lock.read().get("mark") or ""), plan.programs)
    _check_ports(settings)
    if embedded:
        prepare(instance)
    notes = own_folder(instance / "run", 0o711 if runner else 0o700)
    own_folder(instance / "logs", 0o700)
    (notes / "failed").unlink(missing_ok=True)
    mark = secrets.token_hex(8)
    lock.write({"pid": os.getpid(), "address": f"http://{settings.bind}", "mark": mark})
    control = run_folder(instance, runner) / "ctl.sock"
    _write(notes / "supervisord.conf", _configuration(plan.programs, control))
    announcement = {
        "plan": asdict(plan),
        "instance": str(instance),
        "embedded": embedded,
        "control": str(control),
        "lines": _lines(settings, instance, demo=bool(plan.demo)),
    }
    _write(notes / "plan.json", json.dumps(announcement))
    env = {**os.environ, RUN_MARK: mark, "TIDINGS_INSTANCE": str(instance)}
    os.umask(0o077)
    os.chdir(_ROOT)
    subprocess.Popen([sys.executable, "-m", "webapp.up_announcer", str(notes / "plan.json")], env=env)  # noqa: S603
    os.dup2(lock.fd, _LOCK_FD)
    os.set_inheritable(_LOCK_FD, True)  # by itself: dup2 leaves a descriptor as it was when both are the same
    argv = [sys.executable, "-m", "webapp.up_supervisor", str(notes)]
    os.execve(sys.executable, argv, env)  # noqa: S606 - our own argument list, no shell


def _take_instance(instance: Path) -> FolderLock:
    lock = FolderLock(instance / "run.lock")
    if not lock.take():
        address = lock.read().get("address") or "an address it has not told yet"
        raise UpError(f"Tidings is already running at {address} (folder {instance}).")
    return lock


def _check_ports(settings: Settings) -> None:
    _check_port(settings.bind, "TIDINGS_BIND")
    if settings.practice:
        _check_port(settings.practice_bind, "TIDINGS_PRACTICE_BIND")


def _check_port(address: Address, setting: str) -> None:
    """Bind and let go again: a taken port is told now in a sentence, not later in a log."""
    try:
        found = socket.getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM)[0]
        with socket.socket(found[0], socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(found[4])
    except OSError as error:
        raise UpError(_port_sentence(address, setting, error)) from error


def _port_sentence(address: Address, setting: str, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return (
            f"Port {address.port} on {address.host} is taken by another program. Stop that one, or set "
            f"{setting} to "
            f"a free address, for example {setting}={address.host}:{address.port + 1}."
        )
    if error.errno == errno.EACCES:
        return f"This user may not use port {address.port}. Set {setting} to a port from 1024 upwards."
    return (
        f"Tidings cannot listen on {address}: {error.strerror}. Set {setting} to an address of this machine."
    )


def _lines(settings: Settings, instance: Path, *, demo: bool) -> list[str]:
    lines = [f"Tidings is ready: http://{settings.bind}"]
    if demo:
        lines.append(f"Demonstration:    sign in as {EMAIL} with the password: {PASSWORD}")
    if settings.practice:
        lines.append(f"Practice gateway: http://{settings.practice_bind} (it reaches no phone)")
    lines.append(f"Data and logs:    {instance}")
    lines.append("Ctrl-C stops it.")
    return lines


def _write(path: Path, text: str) -> Path:
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write(text)
    return path


def _configuration(programs: Sequence[Program], control: Path) -> str:
    """Supervisord's file. Only the database begins by itself; the announcer starts the others.

    Paths are relative to the instance folder where they can be: supervisord would expand a % in some of them
    twice.
    """
    parts: list[tuple[str, dict[str, object]]] = [
        ("unix_http_server", {"file": control, "chmod": "0700"}),
        (
            "supervisord",
            {
                "logfile": "logs/supervisord.log",
                "logfile_maxbytes": "1MB",
                "logfile_backups": 1,
                "pidfile": "run/supervisord.pid",
                "nocleanup": "true",
            },
        ),
        (
            "rpcinterface:supervisor",
            {"supervisor.rpcinterface_factory": "supervisor.rpcinterface:make_main_rpcinterface"},
        ),
    ]
    parts += [
        (f"program:{program.name}", _program(program, 10 * (place + 1)))
        for place, program in enumerate(programs)
    ]
    return "".join(
        f"[{name}]\n" + "".join(f"{key} = {_ini(value)}\n" for key, value in values.items()) + "\n"
        for name, values in parts
    )


def _program(program: Program, priority: int) -> dict[str, object]:
    """Restarted whatever its exit code: a worker ends with 0 when the database goes away for a moment.

    `startsecs` is longer than a program takes to load, so that one that cannot load is started at growing
    intervals.
    """
    return {
        "command": shlex.join(program.argv),
        "directory": _ROOT,
        "priority": priority,
        "autostart": "true" if program.backends_apart else "false",
        "autorestart": "true",
        "startsecs": 5,
        "startretries": 1000,
        "stopsignal": program.stop_signal,
        "stopwaitsecs": program.stop_seconds,
        "stopasgroup": "false",
        "killasgroup": "false" if program.backends_apart else "true",
        "redirect_stderr": "true",
        "stdout_logfile": f"logs/{program.name}.log",
        "stdout_logfile_maxbytes": "10MB",
        "stdout_logfile_backups": 3,
    }


def _ini(value: object) -> str:
    """A value as supervisord reads it: % is doubled; a blank before ; or # would begin a comment."""
    text = str(value)
    if any(mark in text for mark in (" ;", " #", "\n", "\t;", "\t#")):
        raise UpError(
            f"{text} holds a blank before ; or #, which the supervisor cannot read. Choose another folder."
        )
    return text.replace("%", "%%")
