"""Runs beside a fresh supervisord until Tidings is ready: migrates, starts the rest, prints the address.

When something does not come up it says which program and where its log is, and has everything stopped.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import subprocess
import sys
import time
import xmlrpc.client
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, cast

from supervisor.xmlrpc import SupervisorTransport

from webapp.embedded import is_accepting, prepare

_PAUSE = 0.1

_UNREACHABLE = (OSError, http.client.HTTPException, xmlrpc.client.Error)


class _Stopped(Exception):  # noqa: N818 - not an error: somebody pressed Ctrl-C meanwhile
    """The supervisor is gone or ending, so there is nothing left to announce."""


class _Failed(Exception):  # noqa: N818 - ends the start with its sentence
    """Something did not come up."""


class Announcer:
    """What was planned, and the supervisor that it is planned for (our parent)."""

    def __init__(self, announcement: dict[str, Any]) -> None:
        self.plan = announcement["plan"]
        self.instance = Path(announcement["instance"])
        self.embedded: bool = announcement["embedded"]
        self.lines: list[str] = announcement["lines"]
        self.supervisor = os.getppid()
        self.control: str = announcement["control"]
        self.down_since: dict[str, float] = {}

    def announce(self) -> None:
        """Bring everything up and print the address. Raises _Failed or _Stopped."""
        self._wait(lambda: self._state() is not None, "The supervisor", "supervisord")
        if self.embedded:
            cluster = prepare(self.instance)
            self._wait(lambda: is_accepting(cluster), "The database", "postgres")
        if self.plan["migrate"]:
            self._command(self.plan["migrate"], "migrate", "The database could not be brought up to date")
        for program in self.plan["programs"]:
            if not program["backends_apart"]:
                self._ask("startProcess", program["name"], False)
        self._command(self.plan["ready"], "ready", "Tidings did not become ready")
        if self.plan["demo"]:
            self._command(self.plan["demo"], "demo", "The demonstration could not be made")
        _say("\n".join(self.lines))

    def stop(self) -> None:
        """Ask the supervisor to end everything in order, and leave word that the start has failed."""
        (self.instance / "run" / "failed").touch(mode=0o600)
        with contextlib.suppress(*_UNREACHABLE):
            self._ask("shutdown")

    def _ask(self, method: str, *arguments: object) -> object:
        """Call the supervisor, each time anew: a connection that once failed cannot be used again."""
        transport = SupervisorTransport(None, None, f"unix://{self.control}")
        try:
            remote = xmlrpc.client.ServerProxy("http://127.0.0.1", transport=transport)
            return getattr(remote.supervisor, method)(*arguments)
        finally:
            transport.close()

    def _state(self) -> str | None:
        """The supervisor's state, None while it does not answer yet."""
        if os.getppid() != self.supervisor:
            raise _Stopped
        try:
            state = cast("dict[str, str]", self._ask("getState"))
        except _UNREACHABLE:
            return None
        return state["statename"]

    def _check_supervisor(self) -> None:
        if self._state() != "RUNNING":
            raise _Stopped

    def _wait(self, condition: Callable[[], bool], what: str, log: str) -> None:
        deadline = time.monotonic() + self.plan["seconds"]
        while not condition():
            if self._state() not in (None, "RUNNING"):
                raise _Stopped
            self._check_programs()
            if time.monotonic() > deadline:
                raise _Failed(f"{what} did not start within {self.plan['seconds']} seconds. {self._see(log)}")
            time.sleep(_PAUSE)

    def _command(self, argv: Sequence[str], name: str, failure: str) -> None:
        """Run one command to its end, its words in a log; stop waiting when the supervisor ends."""
        log = self.instance / "logs" / f"{name}.log"
        with log.open("ab") as output:
            begin = output.tell()
            process = subprocess.Popen(argv, stdout=output, stderr=output, start_new_session=True)  # noqa: S603
        try:
            while process.poll() is None:
                self._check_supervisor()
                self._check_programs()
                time.sleep(_PAUSE)
        finally:
            if process.poll() is None:
                process.terminate()
                process.wait()
        if process.returncode != 0:
            self._check_supervisor()
            said = log.read_bytes()[begin:].decode(errors="replace").strip().splitlines()
            reason = f": {said[-1]}" if said else "."
            raise _Failed(f"{failure}{reason}\n{self._troubled() or self._see(name)}")

    def _check_programs(self) -> None:
        """Give up early on a program that is started again and again without ever staying."""
        states = self._states()
        for name, state in states.items():
            if state == "RUNNING":
                self.down_since.pop(name, None)
            elif state in ("BACKOFF", "EXITED", "FATAL"):
                self.down_since.setdefault(name, time.monotonic())
        for name, since in self.down_since.items():
            if time.monotonic() - since > self.plan["patience"]:
                raise _Failed(f"The program {name} does not stay up. {self._see(name)}")

    def _troubled(self) -> str:
        """A line for each program that is not running."""
        names = [name for name, state in self._states().items() if state != "RUNNING"]
        return "\n".join(f"The program {name} is not running. {self._see(name)}" for name in names)

    def _states(self) -> dict[str, str]:
        try:
            programs = cast("list[dict[str, str]]", self._ask("getAllProcessInfo"))
        except _UNREACHABLE:
            return {}
        return {program["name"]: program["statename"] for program in programs}

    def _see(self, name: str) -> str:
        log = self.instance / "logs" / f"{name}.log"
        with contextlib.suppress(OSError):
            lines = log.read_text(errors="replace").strip().splitlines()
            if lines:
                return f"Its log {log} ends with: {lines[-1]}"
        return f"Its log is {log}."


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def main(path: str) -> int:
    """Announce what the file `path` describes; the exit code is for nobody but a person who looks."""
    announcer = Announcer(json.loads(Path(path).read_text(encoding="utf-8")))
    try:
        announcer.announce()
    except (_Stopped, KeyboardInterrupt):
        return 0
    except Exception as error:  # noqa: BLE001 - whatever it was: said, and nothing is left half started
        _say(str(error) or repr(error))
        announcer.stop()
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
