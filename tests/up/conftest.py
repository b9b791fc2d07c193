"""Whole runs of `webapp up` with stand-in programs, each in a process group of its own as at a terminal."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from webapp import up_orphans
from webapp.embedded_place import _outside

DRIVE = str(Path(__file__).with_name("drive.py"))


class Run:
    """One `webapp up`: its process and what it has said so far."""

    def __init__(self, environ: dict[str, str], variant: str) -> None:
        self.instance = Path(environ["TIDINGS_INSTANCE"])
        self.process = subprocess.Popen(
            [sys.executable, DRIVE, variant],
            env=environ,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        self.said = ""
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout
        for line in self.process.stdout:
            self.said += line

    def wait_until_ready(self) -> None:
        wait_for(lambda: "Ctrl-C stops it." in self.said or self.process.poll() is not None)
        assert "Ctrl-C stops it." in self.said, self.said

    def press_ctrl_c(self) -> None:
        """What a terminal does: the signal goes to the whole foreground group."""
        os.killpg(self.process.pid, signal.SIGINT)

    def end(self) -> int:
        """The exit code, once it has ended and its output with it."""
        code = self.process.wait(60)
        self._reader.join(60)
        assert not self._reader.is_alive(), "something still holds the console"
        return code

    def clean_up(self) -> None:
        """Kill whatever is left of this run."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        for pid in pids(self.instance).values():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.process.wait(60)
        self._reader.join(60)
        assert self.process.stdout
        self.process.stdout.close()


def pids(instance: Path) -> dict[str, int]:
    """The living processes of the latest run on `instance`: program's name → its first process."""
    with contextlib.suppress(OSError, ValueError):
        mark = json.loads((instance / "run.lock").read_text())["mark"]
        found = sorted(up_orphans._find(mark), key=lambda process: -process.pid)
        return {process.program: process.pid for process in found}
    return {}


def wait_for(condition: Callable[[], object], seconds: float = 60) -> None:
    """Wait until `condition` holds; fail after `seconds`."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)


def free_port() -> int:
    """A port that nobody uses now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def environ(tmp_path: Path) -> Iterator[dict[str, str]]:
    """Settings of a fresh folder (with blanks and a percent sign in its path) and free ports."""
    instance = tmp_path / "100% of it" / "instance"
    yield {
        "PATH": os.defpath,
        "TIDINGS_INSTANCE": str(instance),
        "TIDINGS_BIND": f"127.0.0.1:{free_port()}",
        "TIDINGS_PRACTICE_BIND": f"127.0.0.1:{free_port()}",
    }
    for folder in _outside(instance.resolve()):
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def up(environ: dict[str, str]) -> Iterator[Callable[..., Run]]:
    """Start a run; whatever is left of it is killed after the test."""
    started: list[Run] = []

    def start(variant: str = "", **changes: str) -> Run:
        started.append(Run({**environ, **changes}, variant))
        return started[-1]

    yield start
    for run in started:
        run.clean_up()
