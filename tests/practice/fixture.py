"""The practice gateway as a process of its own, for any test that needs a counterpart on the wire.

with PracticeGateway(tmp_path) as gateway:
    gateway.add_user("team-a", "secret", balance=1000, callback="http://127.0.0.1:9000/r/token")
    gateway.dial(failures={"lost": 3}, report_delay_ms=0)
    …  # point a gateway account at gateway.base_url
    submissions = gateway.submissions()
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

ROOT = Path(__file__).parents[2]
UID, PWD = "practice", "practice-only"
T = TypeVar("T")


def wait_until(condition: Callable[[], T], seconds: float = 20) -> T:
    """Wait for a condition to become true and give its value; an AssertionError when it never does."""
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < deadline, f"{condition} never came true"
        time.sleep(0.01)
    return value


@dataclass(frozen=True)
class Answered:
    """An HTTP answer."""

    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)


class PracticeGateway:
    """A practice gateway with its ledger and its state file in `folder`; options as on its command line."""

    def __init__(self, folder: Path, *, seed: int = 1, port: int = 0, **options: object) -> None:
        self.ledger_file = folder / "ledger.jsonl"
        self.state_file = folder / "practice.json"
        self.port = port
        self._seed = seed
        self._options = options
        self._process: subprocess.Popen[str] | None = None

    # --- life

    def start(self) -> Self:
        """Start the process and wait until it answers; a second start takes the same port."""
        command = [sys.executable, "-m", "webapp.practice", "--bind", f"127.0.0.1:{self.port}"]
        command += [
            "--ledger",
            str(self.ledger_file),
            "--state",
            str(self.state_file),
            "--seed",
            str(self._seed),
        ]
        for name, value in self._options.items():
            command += [f"--{name.replace('_', '-')}", str(value)]
        self._process = subprocess.Popen(
            command, cwd=ROOT, stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONUNBUFFERED": "1"}
        )
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line.startswith("Practice gateway on "), f"it did not start: {line!r}"
        self.port = int(line.split()[3].rstrip("/").rpartition(":")[2])
        return self

    def stop(self) -> int:
        """End it cleanly; the exit code."""
        return self._end(signal.SIGTERM)

    def kill(self) -> int:
        """End it without a chance to save anything."""
        return self._end(signal.SIGKILL)

    def _end(self, number: signal.Signals) -> int:
        process, self._process = self._process, None
        if process is None:
            return 0
        process.send_signal(number)
        code = process.wait(timeout=20)
        if process.stdout is not None:
            process.stdout.close()
        return code

    @property
    def pid(self) -> int:
        """The process id."""
        assert self._process is not None
        return self._process.pid

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    # --- HTTP

    @property
    def url(self) -> str:
        """Where the page and the control door are."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def base_url(self) -> str:
        """The gateway's base address, as a gateway account has it."""
        return f"{self.url}/Admin/index.php"

    def request(
        self, method: str, path: str, body: bytes | str | None = None, headers: dict[str, str] | None = None
    ) -> Answered:
        """One request on a connection of its own."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            raw = body.encode("utf-8", "surrogatepass") if isinstance(body, str) else body
            connection.request(method, path, raw, headers or {})
            answer = connection.getresponse()
            return Answered(answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read())
        finally:
            connection.close()

    def control(self, path: str, **values: object) -> Any:
        """Post to the control door and give its answer; an AssertionError unless it is 200."""
        answer = self.request("POST", f"/practice/{path}", json.dumps(values))
        assert answer.status == 200, answer.body
        return answer.json()

    def dial(self, **changes: object) -> dict[str, Any]:
        """Turn the dial (`next=["lost", "code5"]` for the coming requests); the dial as it stands then."""
        dial: dict[str, Any] = self.control("dial", **changes)
        return dial

    def add_user(
        self, uid: str, pwd: str, *, balance: int = 48_210, frozen: bool = False, callback: str = ""
    ) -> None:
        """Make or replace an account, with the address its reports go to."""
        self.control("users", uid=uid, pwd=pwd, balance=balance, frozen=frozen)
        if callback:
            self.control("callback", uid=uid, pwd=pwd, url=callback)

    def new_account(self, callback: str = "") -> dict[str, Any]:
        """A fresh account with a uid and pwd of its own."""
        account: dict[str, Any] = self.control("accounts", url=callback)
        return account

    def counts(self) -> dict[str, int]:
        """Requests so far, reports posted, given up and pending."""
        counts: dict[str, int] = self.request("GET", "/practice/counts").json()
        return counts

    def send(self, mobile: str, content: str = "【Shop】Hello", uid: str = UID, pwd: str = PWD) -> Answered:
        """A send request as a client makes it."""
        values = {"uid": uid, "pwd": pwd, "mobile": mobile, "content": content}
        return self.request("POST", "/Admin/index.php/Message/send", json.dumps(values))

    def balance(self, uid: str = UID, pwd: str = PWD) -> Answered:
        """A balance request as a client makes it."""
        return self.request("POST", "/Admin/index.php/Message/balance", json.dumps({"uid": uid, "pwd": pwd}))

    # --- the ledger

    def ledger(self) -> list[dict[str, Any]]:
        """All whole lines of the ledger so far; while it runs, everything up to this moment is among them."""
        if self._process is not None and self._process.poll() is None:
            with contextlib.suppress(OSError):  # away
                self.counts()
        if not self.ledger_file.exists():
            return []
        raw = self.ledger_file.read_bytes()
        return [json.loads(line) for line in raw[: raw.rfind(b"\n") + 1].splitlines()]

    def submissions(self) -> list[dict[str, Any]]:
        """The ledger's lines about requests that are over."""
        return [line for line in self.ledger() if "submission" in line]

    def open_requests(self) -> set[int]:
        """Numbers of the requests that were read and are not answered yet."""
        lines = self.ledger()
        opened = {line["open"] for line in lines if "open" in line}
        return opened - {line["submission"] for line in lines if "submission" in line}

    def reports(self) -> list[dict[str, Any]]:
        """The ledger's lines about reports."""
        return [line for line in self.ledger() if "report" in line]
