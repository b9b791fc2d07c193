"""Runs parts of the program as processes of their own, to be killed."""

from __future__ import annotations

import http.client
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Self

from tests.practice.fixture import wait_until

ROOT = Path(__file__).parents[2]
ESTABLISHED = "01"


class Process:
    """One command of the program; its output goes to a file."""

    def __init__(self, folder: Path, command: str, environ: Mapping[str, str], log: str = "") -> None:
        self.command = command
        self.environ = {**os.environ, **environ}
        self.log = folder / f"{log or command}.log"
        self.running: subprocess.Popen[bytes] | None = None

    def start(self) -> Self:
        with self.log.open("ab") as log:
            self.running = subprocess.Popen(
                [sys.executable, "-m", "webapp", self.command], env=self.environ, cwd=ROOT,
                stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip
        return self

    def kill(self) -> None:
        """SIGKILL to the process and everything it started."""
        assert self.running is not None
        os.killpg(self.running.pid, signal.SIGKILL)
        self.running.wait(timeout=30)

    def connections_to(self, port: int) -> int:
        """How many connections to this port the process has at the moment, as the kernel says."""
        assert self.running is not None
        fields = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
        inodes = {line[9] for line in fields if line[2].endswith(f":{port:04X}") and line[3] == ESTABLISHED}
        try:
            links = [str(link.readlink()) for link in Path(f"/proc/{self.running.pid}/fd").iterdir()]
        except OSError:  # one of them was closed meanwhile, or all of them
            return 0
        return sum(f"socket:[{inode}]" in links for inode in inodes)

    def stop(self) -> int:
        assert self.running is not None
        if self.running.poll() is None:
            self.running.terminate()
        return self.running.wait(timeout=60)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_error: object) -> None:
        self.stop()


def free_port() -> int:
    """A port that nobody listens on at the moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for_web(port: int) -> None:
    """Until the web processes answer."""

    def answers() -> bool:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
        try:
            connection.request("GET", "/readyz")
            return connection.getresponse().status == 200
        except OSError:
            return False
        finally:
            connection.close()

    wait_until(answers, 60)
