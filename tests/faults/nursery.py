"""A process that has loaded the program once, and becomes a worker by a fork whenever one is asked for.

Two hundred starts of a worker cost more than all that it does between them: most of a start is the loading of
modules. What a fork runs is the command itself, from its first line, under the environment that is asked for.

    python -m tests.faults.nursery

A JSON line on its input: {"command": "worker", "environ": {…}, "log": file}; on its output the process id.
"""

from __future__ import annotations

import importlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Self

from tests.faults.processes import ROOT, Process

LOADED = (
    "webapp.__main__",
    "webapp.application",
    "webapp.worker",
    "webapp.health.checks",
    "webapp.health.start_check",
)


class Nursery:
    """The process, as a test has it."""

    def __init__(self, running: subprocess.Popen[str]) -> None:
        self._running = running
        self._lock = threading.Lock()

    def fork(self, command: str, environ: Mapping[str, str], log: Path) -> int:
        """A new process that runs this command; its id."""
        assert self._running.stdin is not None
        assert self._running.stdout is not None
        with self._lock:
            asked = {"command": command, "environ": dict(environ), "log": str(log)}
            self._running.stdin.write(json.dumps(asked) + "\n")
            self._running.stdin.flush()
            return int(self._running.stdout.readline())


@contextmanager
def nursery() -> Iterator[Nursery]:
    """One nursery; it ends with the block."""
    with subprocess.Popen(
        [sys.executable, "-m", "tests.faults.nursery"],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as running:
        yield Nursery(running)
        assert running.stdin is not None
        running.stdin.close()
        running.wait(timeout=20)


class ForkedProcess(Process):
    """One command of the program, forked from a nursery."""

    def __init__(
        self, nursery: Nursery, folder: Path, command: str, environ: Mapping[str, str], log: str = ""
    ) -> None:
        super().__init__(folder, command, environ, log)
        self._nursery = nursery
        self._pid = 0

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._pid

    def start(self) -> Self:
        self._pid = self._nursery.fork(self.command, self.environ, self.log)
        return self

    def kill(self) -> None:
        """SIGKILL to the process and everything it started."""
        os.killpg(self._pid, signal.SIGKILL)
        self._gone(30)

    def stop(self) -> int:
        """End it in order."""
        if self._is_there():
            self.ask_to_end()
            self._gone(60)
        return 0

    def _is_there(self) -> bool:
        return Path(f"/proc/{self._pid}").exists()

    def _gone(self, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while self._is_there():
            assert time.monotonic() < deadline, f"process {self._pid} does not end"
            time.sleep(0.002)


def main() -> None:
    """Load, then fork as asked until the input ends."""
    for name in LOADED:
        importlib.import_module(name)
    # Nobody waits for what is forked: the kernel takes it away.
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    for line in sys.stdin:
        asked = json.loads(line)
        if pid := os.fork():
            sys.stdout.write(f"{pid}\n")
            sys.stdout.flush()
        else:
            become(asked["command"], asked["environ"], asked["log"])


def become(command: str, environ: dict[str, str], log: str) -> None:
    """In the fork: run the command as if it had just been started; does not return."""
    code = 1
    try:
        os.setsid()
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        nothing, said = os.open(os.devnull, os.O_RDONLY), os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        for kept, descriptor in enumerate((nothing, said, said)):
            os.dup2(descriptor, kept)
        os.environ.clear()
        os.environ.update(environ)
        code = importlib.import_module("webapp.__main__").main([command])
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


if __name__ == "__main__":
    main()
