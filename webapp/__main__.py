"""The program's commands: `python -m webapp COMMAND`."""

from __future__ import annotations

import argparse
import errno
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

from webapp.embedded import EmbeddedError
from webapp.keeping import KeepingError
from webapp.settings import Settings, SettingsError

UNWRITABLE = frozenset({errno.EROFS, errno.EACCES, errno.EPERM, errno.ENOSPC})
GUNICORN_CONFIG = Path(__file__).with_name("gunicorn_config.py")


def main(arguments: list[str] | None = None) -> int:
    """Run one command; a fault that a person can mend is one sentence, not a trace."""
    parser = argparse.ArgumentParser(prog="python -m webapp", description="Tidings")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, (function, words) in COMMANDS.items():
        command = commands.add_parser(name, help=words, description=words)
        command.set_defaults(function=function)
        if name == "create-user":
            command.add_argument("email", metavar="EMAIL")
        if name == "up":
            command.add_argument("--demo", action="store_true", help="with a team to look at")
        if name == "receive":
            command.add_argument("--bind", metavar="HOST:PORT", help="instead of TIDINGS_BIND")
        if name == "wait-ready":
            command.add_argument("--timeout", type=float, default=60)
        if name in {"backup", "restore"}:
            command.add_argument("file", metavar="FILE", type=Path)
        if name == "restore":
            command.add_argument("--replace", action="store_true", help="delete what is in the database now")
        if name == "rotate-keys":
            command.add_argument("--forget", action="store_true", help="take out keys that nothing needs")
    options = parser.parse_args(arguments)
    try:
        settings = Settings.from_environ()
        _make_instance(settings)
        return int(options.function(settings, options))
    except KeepingError as error:
        print(str(error), file=sys.stderr)
        return 1
    except (SettingsError, EmbeddedError) as error:
        print(f"Tidings cannot start: {error}", file=sys.stderr)
    except OSError as error:
        if error.errno not in UNWRITABLE:
            raise
        print(
            f"Tidings cannot start: {error.filename} cannot be written ({error.strerror}). "
            "TIDINGS_INSTANCE names the folder for its data.",
            file=sys.stderr,
        )
    return 2


def _make_instance(settings: Settings) -> None:
    """Raises SettingsError where the instance folder neither is there nor can be made."""
    try:
        settings.instance.mkdir(parents=True, mode=0o700, exist_ok=True)
    except OSError as error:
        raise SettingsError(
            f"TIDINGS_INSTANCE: the folder {settings.instance} cannot be made ({error.strerror})."
        ) from error


def up(_settings: Settings, options: argparse.Namespace) -> int:
    """Everything on this machine."""
    from webapp import up as supervisor

    return supervisor.main(os.environ, demo=options.demo)


def postgres(settings: Settings, _options: argparse.Namespace) -> int:
    """The embedded database in the foreground."""
    from webapp import embedded

    embedded.exec_postmaster(settings.instance)


def web(settings: Settings, _options: argparse.Namespace) -> int:
    """The web processes, with the receiver mounted in them."""
    from webapp.health import start_check

    settings.make_secret_key()
    start_check.check(settings, without_database=True)
    os.execv(  # noqa: S606 # our own interpreter and our own arguments; the web server takes this process over
        sys.executable,
        [
            sys.executable, "-m", "gunicorn", "--config", str(GUNICORN_CONFIG),
            "--bind", str(settings.bind), "--workers", str(settings.workers), "wsgi:app",
        ],
    )  # fmt: skip


def receive(settings: Settings, options: argparse.Namespace) -> int:
    """The receiver of delivery reports by itself."""
    from webapp.health import start_check

    start_check.check(settings, without_database=True)
    os.execv(  # noqa: S606 # our own interpreter and our own arguments; the web server takes this process over
        sys.executable,
        [
            sys.executable, "-m", "gunicorn", "--config", str(GUNICORN_CONFIG),
            "--bind", options.bind or str(settings.bind), "--workers", str(settings.workers),
            "webapp.delivery.alone:app",
        ],
    )  # fmt: skip


def worker(settings: Settings, _options: argparse.Namespace) -> int:
    """Jobs, the sender and the settler."""
    from webapp import create_app, heartbeats
    from webapp import worker as work
    from webapp.health import checks, start_check

    start_check.check(settings)
    app = create_app(settings)
    with app.app_context():
        heartbeats.beat(checks.WORKER_STARTED)
    work.run(app)
    return 0


def migrate(settings: Settings, _options: argparse.Namespace) -> int:
    """Bring the database's tables up to this version."""
    from webapp import connections, schema

    schema.upgrade(connections.owner_url(settings), connections.program_url(settings))
    return 0


def doctor(settings: Settings, _options: argparse.Namespace) -> int:
    """Look at everything and say what is wrong."""
    from webapp.health import doctor as examination

    return examination.examine(settings)


def recount(settings: Settings, _options: argparse.Namespace) -> int:
    """Count messages anew and compare with the tallies."""
    from webapp import create_app
    from webapp.campaigns import recounting
    from webapp.health import start_check

    start_check.check(settings)
    return recounting.recount_all(create_app(settings))


def outbox(settings: Settings, _options: argparse.Namespace) -> int:
    """Show the mails that wait here because no mail server is set."""
    from webapp import mail

    for message in mail.read_outbox(settings.instance):
        print(message, end="\n\n")
    return 0


def create_user(settings: Settings, options: argparse.Namespace) -> int:
    """Make a person with a team of their own; the password is asked for, never an argument."""
    from webapp import create_user as making
    from webapp.health import start_check

    start_check.check(settings)
    return making.run(settings, options.email)


def wait_ready(settings: Settings, options: argparse.Namespace) -> int:
    """Wait until the web answers and the worker's loops were heard; says what is missing if not."""
    from webapp.health import readiness

    since = readiness.began_at(settings)
    deadline = time.monotonic() + options.timeout
    missing = readiness.missing(settings, since)
    while missing and time.monotonic() < deadline:
        time.sleep(0.1)
        missing = readiness.missing(settings, since)
    if missing:
        print(f"Not ready after {options.timeout:.0f} seconds: {missing}.", file=sys.stderr)
    return 1 if missing else 0


def demo(settings: Settings, _options: argparse.Namespace) -> int:
    """Put the demonstration's team into a running Tidings, once, and say how to sign in there."""
    from webapp import create_app
    from webapp.demo import EMAIL, PASSWORD, seeding
    from webapp.errors import DomainError
    from webapp.health import start_check

    start_check.check(settings)
    try:
        address = seeding.seed(create_app(settings))
    except DomainError as error:
        print(str(error), file=sys.stderr)
        return 1
    print(f"The demonstration is the team {address}. Sign in at {settings.public_url}/login as")
    print(f"  {EMAIL}\n  {PASSWORD}")
    return 0


def backup(settings: Settings, options: argparse.Namespace) -> int:
    """Write everything that teams have into one file, while Tidings runs or not."""
    from webapp.keeping import commands

    return commands.backup(settings, options.file, print)


def restore(settings: Settings, options: argparse.Namespace) -> int:
    """Fill an empty database from a backup; what was on its way waits for a person."""
    from webapp.keeping import commands

    return commands.restore(settings, options.file, print, replace=options.replace)


def upgrade_db(settings: Settings, _options: argparse.Namespace) -> int:
    """Carry the embedded database over to the newest PostgreSQL that is here."""
    from webapp.keeping import commands

    return commands.upgrade_db(settings, print)


def rotate_keys(settings: Settings, options: argparse.Namespace) -> int:
    """Seal all credentials with a new key; with --forget, take out the keys that nothing needs."""
    from webapp.keeping import commands

    return commands.rotate_keys(settings, print, forget=options.forget)


Command = Callable[[Settings, argparse.Namespace], int]

COMMANDS: dict[str, tuple[Command, str]] = {
    "up": (up, "start everything on this machine and watch over it"),
    "web": (web, "the web processes"),
    "receive": (receive, "the receiver of delivery reports alone"),
    "worker": (worker, "jobs, sending, settling of reports"),
    "postgres": (postgres, "the embedded database, in the foreground"),
    "migrate": (migrate, "bring the database's tables up to this version"),
    "doctor": (doctor, "look at everything and say what is wrong"),
    "recount": (recount, "count messages anew and compare with what the pages show"),
    "create-user": (create_user, "make a person with a team of their own; asks for the password"),
    "demo": (demo, "put a team with campaigns in every state into a running Tidings, to look at"),
    "backup": (backup, "write everything that teams have into one file, also while Tidings runs"),
    "restore": (restore, "fill an empty database from a backup; nothing in it is sent by itself"),
    "upgrade-db": (upgrade_db, "carry the embedded database over to the newest PostgreSQL that is here"),
    "rotate-keys": (rotate_keys, "seal all credentials with a new key, also while Tidings runs"),
    "outbox": (outbox, "show the mails that wait here because no mail server is set"),
    "wait-ready": (wait_ready, "wait until everything answers"),
}

if __name__ == "__main__":
    sys.exit(main())
