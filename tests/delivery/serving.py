"""A receiver as it is run: a gunicorn process with the shipped configuration, and plain HTTP to it."""

from __future__ import annotations

import dataclasses
import http.client
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
START_SECONDS = 30

# Takes the place of wsgi.py: the receiver in front of an application that only says that it was reached.
PROGRAM = """
import os
from webapp.delivery.receiver import Mounted, Receiver
from webapp.settings import Settings

settings = Settings.from_environ()


def beside(environ, start_response):
    start_response("418 beside", [("Content-Length", "0")])
    return [b""]


def forget_connections():
    pass


app = Mounted(Receiver(settings, settings.database_url), beside)
"""


@dataclasses.dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    body: bytes
    headers: dict[str, str]


@dataclasses.dataclass
class Server:
    """A running receiver."""

    process: subprocess.Popen[bytes]
    port: int

    def connect(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)

    def post(self, path: str, body: bytes | Iterator[bytes], **headers: str) -> Answer:
        return self.request("POST", path, body, **headers)

    def request(
        self, method: str, path: str, body: bytes | Iterator[bytes] | None = None, **headers: str
    ) -> Answer:
        connection = self.connect()
        try:
            named = {name.replace("_", "-"): value for name, value in headers.items()}
            connection.request(method, path, body, named, encode_chunked=not isinstance(body, bytes | None))
            response = connection.getresponse()
            return Answer(response.status, response.read(), {k.lower(): v for k, v in response.getheaders()})
        finally:
            connection.close()

    def kill(self) -> None:
        """SIGKILL for the whole process group, as a power cut would do it."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(timeout=30)


@contextmanager
def serving(environ: dict[str, str], folder: Path, *, workers: int = 1) -> Iterator[Server]:
    """Run a receiver with these settings until the end of the block."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "wsgi.py").write_text(PROGRAM)
    port = free_port()
    command = [
        sys.executable, "-m", "gunicorn", "--config", "webapp/gunicorn_config.py",
        "--workers", str(workers), "--bind", f"127.0.0.1:{port}",
        "--pythonpath", f"{ROOT},{folder}", "--graceful-timeout", "1", "wsgi:app",
    ]  # fmt: skip
    with (folder / "gunicorn.log").open("ab") as errors:
        process = subprocess.Popen(
            command, cwd=ROOT, env={**os.environ, **environ}, start_new_session=True, stderr=errors
        )
    server = Server(process, port)
    try:
        wait_until(lambda: process.poll() is None and _answers(port), "the receiver does not answer")
        yield server
    finally:
        if process.poll() is None:
            server.kill()


def wait_until(condition: object, why: str, seconds: float = START_SECONDS) -> None:
    """Wait for a condition; fail when it does not come true in time."""
    assert callable(condition)
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, why
        time.sleep(0.05)


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _answers(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1):
            return True
    except OSError:
        return False
