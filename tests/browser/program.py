"""The whole program as a newcomer starts it: one command, a fresh folder, nothing else set up.

The team of the demonstration is in it, for pages that need campaigns in states which take hours to come
about. The gateway that it calls "the real one" is the practice gateway too, so that entering a uid and a
password by hand can be tried without leaving this machine.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import threading
from pathlib import Path

from tests.practice.fixture import ROOT, PracticeGateway, wait_until
from tests.up.conftest import free_port, pids
from webapp.embedded_place import _outside

READY = "Ctrl-C stops it."


class Program:
    """`python -m webapp up --demo` on free ports, with its data in `instance`."""

    def __init__(self, instance: Path) -> None:
        self.instance = instance
        port, practice_port = free_port(), free_port()
        self.address = f"http://127.0.0.1:{port}"
        self.practice = PracticeGateway(instance.parent, port=practice_port)
        """Only spoken to; the program runs it."""
        self.said = ""
        settings = {
            "TIDINGS_INSTANCE": str(instance),
            "TIDINGS_BIND": f"127.0.0.1:{port}",
            "TIDINGS_PRACTICE_BIND": f"127.0.0.1:{practice_port}",
            "TIDINGS_GATEWAY_URL": self.practice.base_url,
            "TIDINGS_PRACTICE_LEDGER": str(self.practice.ledger_file),
        }
        own = {
            key: value for key, value in os.environ.items() if not key.startswith(("TIDINGS_", "DATABASE_"))
        }
        self._process = subprocess.Popen(
            [sys.executable, "-m", "webapp", "up", "--demo"],
            cwd=ROOT,
            env={**own, **settings},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        assert self._process.stdout
        for line in self._process.stdout:
            self.said += line

    def wait_until_ready(self) -> None:
        """Wait for what a person waits for: the line that ends the start."""
        wait_until(lambda: READY in self.said or self._process.poll() is not None, 120)
        assert READY in self.said, self.said
        assert self.address in self.said

    def press_ctrl_c(self) -> int:
        """What a terminal does to the whole foreground group; the exit code once everything has ended."""
        os.killpg(self._process.pid, signal.SIGINT)
        return self._process.wait(90)

    def left_running(self) -> dict[str, int]:
        """Living processes of this run."""
        return pids(self.instance)

    def clean_up(self) -> None:
        """End by id whatever is left, and take the folders away that lie outside the instance."""
        for pid in (self._process.pid, *self.left_running().values()):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self._process.wait(60)
        self._reader.join(60)
        assert self._process.stdout
        self._process.stdout.close()
        for folder in _outside(self.instance.resolve()):
            shutil.rmtree(folder, ignore_errors=True)

    def log(self) -> str:
        """What web and worker wrote; for a failing test's message."""
        files = sorted((self.instance / "logs").glob("w*.log"))
        return "\n".join(file.read_text(encoding="utf-8", errors="replace")[-3000:] for file in files)
