"""Runs parts of the program as processes of their own, to be killed."""

from __future__ import annotations

import http.client
import os
import signal
import socket
import subprocess
import sys
import threading
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

    def freeze(self) -> None:
        """SIGSTOP: it does nothing any more until it is woken."""
        self._signal(signal.SIGSTOP)

    def wake(self) -> None:
        """SIGCONT: it goes on where it was, and does not know how long that is ago."""
        self._signal(signal.SIGCONT)

    def ask_to_end(self) -> None:
        """SIGTERM, also to one that was stopped and would not hear it."""
        self._signal(signal.SIGTERM)
        self.wake()

    def _signal(self, number: signal.Signals) -> None:
        os.kill(self.pid, number)

    @property
    def pid(self) -> int:
        """Its process id."""
        assert self.running is not None
        return self.running.pid

    def ports_to(self, port: int) -> set[int]:
        """Its own ports of the connections to this one that it has at the moment, as the kernel says."""
        fields = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
        ports = {
            f"socket:[{line[9]}]": int(line[1].rpartition(":")[2], 16)
            for line in fields
            if line[2].endswith(f":{port:04X}") and line[3] == ESTABLISHED
        }
        try:
            links = [str(link.readlink()) for link in Path(f"/proc/{self.pid}/fd").iterdir()]
        except OSError:  # one of them was closed meanwhile, or all of them
            return set()
        return {ports[link] for link in links if link in ports}

    def connections_to(self, port: int) -> int:
        """How many connections to this port it has at the moment."""
        return len(self.ports_to(port))

    def stop(self) -> int:
        assert self.running is not None
        if self.running.poll() is None:
            self.ask_to_end()
        return self.running.wait(timeout=60)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_error: object) -> None:
        self.stop()


class KeptProcess(Process):
    """One that is started again whenever it ends, as the supervisor does."""

    def __enter__(self) -> Self:
        self.start()
        self._over = threading.Event()
        self._keeper = threading.Thread(target=self._keep)
        self._keeper.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._over.set()
        self._keeper.join()
        self.stop()

    def _keep(self) -> None:
        while not self._over.wait(0.1):
            if self.running is not None and self.running.poll() is not None:
                self.start()


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
