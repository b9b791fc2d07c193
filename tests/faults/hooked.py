"""The hook before the gateway, as a test sees it: a process, and the file to which it writes."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

from tests.faults.processes import Process
from webapp.connections import conninfo

SCRIPT = Path(__file__).with_name("hook.py")


class Hook:
    """hook.py before a port of a gateway, with an eye on the database of an address."""

    def __init__(self, gateway: int, database: str, file: Path) -> None:
        self.file = file
        self.file.touch()
        self._command = [sys.executable, str(SCRIPT), str(gateway), conninfo(database), str(file)]
        self._read = 0

    def __enter__(self) -> Self:
        self._running = subprocess.Popen(self._command, stdout=subprocess.PIPE, text=True)
        assert self._running.stdout is not None
        self.port = int(self._running.stdout.readline())
        return self

    def __exit__(self, *_error: object) -> None:
        self._running.terminate()
        self._running.communicate(timeout=20)

    def new_posts(self) -> list[dict[str, Any]]:
        """The requests that came since this was asked last."""
        with self.file.open("rb") as file:
            file.seek(self._read)
            lines = file.read()
        whole = lines[: lines.rfind(b"\n") + 1]
        self._read += len(whole)
        return [json.loads(line) for line in whole.splitlines()]

    def all_posts(self) -> list[dict[str, Any]]:
        """All requests so far; what comes after them is new."""
        self._read = 0
        return self.new_posts()

    def wait_for_posts(self, count: int, seconds: float = 120) -> None:
        """Until so many requests have come from now on."""
        self.new_posts()
        deadline = time.monotonic() + seconds
        while count > 0:
            assert time.monotonic() < deadline, f"{count} requests did not come"
            time.sleep(0.02)
            count -= len(self.new_posts())

    def wait_for_post(self, processes: Sequence[Process], seconds: float = 60) -> Process:
        """Until one of them has posted a request that it still waits for; an AssertionError if none does."""
        self.new_posts()
        deadline = time.monotonic() + seconds
        while True:
            ports = {post["port"] for post in self.new_posts()}
            for process in processes if ports else ():
                if ports & process.ports_to(self.port):
                    return process
            assert time.monotonic() < deadline, "nobody posts anything"
            time.sleep(0.005)
