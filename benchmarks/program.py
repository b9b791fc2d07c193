"""Starts the whole program in a folder of its own, as `make run` does, and stops it."""

from __future__ import annotations

import http.client
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path


class Program:
    """A running Tidings. `seconds` is how long its first page took."""

    def __init__(self, folder: str) -> None:
        self.web, self.practice = free_port(), free_port()
        kept = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("TIDINGS_", "DATABASE_"))
        }
        environ = {
            **kept,
            "TIDINGS_INSTANCE": str(Path(folder) / "instance"),
            "TIDINGS_BIND": f"127.0.0.1:{self.web}",
            "TIDINGS_PRACTICE_BIND": f"127.0.0.1:{self.practice}",
        }
        began = time.monotonic()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "webapp", "up"],
            env=environ,
            stdout=subprocess.DEVNULL,
            start_new_session=True,
        )
        while not self._first_page():
            if time.monotonic() - began > 60 or self.process.poll() is not None:
                self.stop()
                raise SystemExit("the program did not start")
            time.sleep(0.02)
        self.seconds = time.monotonic() - began

    def stop(self) -> None:
        """End it in order, as Ctrl-C does."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
        self.process.wait(timeout=120)

    def _first_page(self) -> bool:
        connection = http.client.HTTPConnection("127.0.0.1", self.web, timeout=2)
        try:
            connection.request("GET", "/login")
            return connection.getresponse().status == 200
        except OSError:
            return False
        finally:
            connection.close()


def free_port() -> int:
    """A port that nobody listens on at the moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
