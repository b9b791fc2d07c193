"""The command line and the life of the program, from the first line printed to the exit code."""

from __future__ import annotations

import argparse
import asyncio
import os
import secrets
import signal
import sys
from dataclasses import fields
from pathlib import Path

from webapp.practice.dial import Dial, DialError
from webapp.practice.ledger import Ledger
from webapp.practice.server import Options, Practice


def read_arguments(arguments: list[str]) -> Options:
    """Read the command line; ends the program with a sentence where it is wrong."""
    parser = argparse.ArgumentParser(
        prog="python -m webapp.practice",
        description="A practice SMS gateway: it speaks the real protocol and sends nothing to any phone.",
    )
    parser.add_argument(
        "--bind", default="127.0.0.1:8010", metavar="HOST:PORT", help="port 0 takes a free one"
    )
    parser.add_argument(
        "--ledger",
        type=Path,
        metavar="FILE",
        # `webapp up` starts this program with options of its own; who wants a ledger there names it so.
        default=os.environ.get("TIDINGS_PRACTICE_LEDGER") or None,
        help="write every submission and report, as JSON lines (or TIDINGS_PRACTICE_LEDGER)",
    )
    parser.add_argument(
        "--state", type=Path, metavar="FILE", help="keep accounts and balances across restarts"
    )
    parser.add_argument("--seed", type=int, help="makes chance repeat itself")
    parser.add_argument(
        "--allow-callback-host",
        action="append",
        default=[],
        metavar="HOST",
        help="let reports go to this host too",
    )
    dial = parser.add_argument_group("positions of the dial at the start (the page explains them)")
    for spec in fields(Dial):
        dial.add_argument(f"--{spec.name.replace('_', '-')}", dest=f"dial_{spec.name}", metavar="VALUE")
    given = parser.parse_args(arguments)
    host, _, port = given.bind.rpartition(":")
    if not host or not (port.isascii() and port.isdigit()) or int(port) > 65535:
        parser.error(f"--bind {given.bind}: write it as HOST:PORT, such as 127.0.0.1:8010.")
    changes = {
        name[5:]: value
        for name, value in vars(given).items()
        if name.startswith("dial_") and value is not None
    }
    if "away" in changes:
        parser.error("--away: the practice gateway cannot be away from its start.")
    try:
        position = Dial().turned(changes)
    except DialError as error:
        parser.error(str(error))
    seed = secrets.randbits(32) if given.seed is None else given.seed
    return Options(
        host.strip("[]"),
        int(port),
        position,
        seed,
        given.ledger,
        given.state,
        frozenset(given.allow_callback_host),
    )


async def run(options: Options, ledger: Ledger) -> int:
    """Serve until SIGTERM or SIGINT; the exit code."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    practice = Practice(options, ledger)
    try:
        await practice.listen()
    except OSError as error:
        sys.stderr.write(
            f"The practice gateway cannot listen on {options.host}:{options.port} "
            f"({os.strerror(error.errno or 0)}); choose another address with --bind.\n"
        )
        return 1
    practice.restore()
    host = f"[{options.host}]" if ":" in options.host else options.host
    sys.stdout.write(
        f"Practice gateway on http://{host}:{practice.port}/ (seed {options.seed}). "
        "Nothing leaves this computer.\n"
    )
    sys.stdout.flush()
    await stop.wait()
    practice.close()
    return 0


def main() -> int:
    """Run the program; the exit code."""
    options = read_arguments(sys.argv[1:])
    try:
        ledger = Ledger(options.ledger)
    except OSError as error:
        sys.stderr.write(f"The ledger {options.ledger} cannot be written ({error.strerror}).\n")
        return 1
    try:
        return asyncio.run(run(options, ledger))
    finally:
        ledger.close()
