"""A callback address: takes what is posted to it and can answer badly."""

from __future__ import annotations

from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock, Thread
from types import TracebackType
from typing import Any, Self


@dataclass(frozen=True)
class Posted:
    """One request that came in."""

    path: str
    headers: dict[str, str]
    body: bytes


class Sink:
    """Collects posted reports on a free port; `answers` are the coming statuses, then 200."""

    def __init__(self, answers: list[int] | None = None) -> None:
        self.answers = answers or []
        self.posted: list[Posted] = []
        lock = Lock()
        sink = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                with lock:
                    sink.posted.append(
                        Posted(self.path, {k.lower(): v for k, v in self.headers.items()}, body)
                    )
                    status = sink.answers.pop(0) if sink.answers else 200
                self.send_response(status)
                self.send_header("Content-Length", "2")
                self.end_headers()
                self.wfile.write(b"ok")

            def log_message(self, *_: Any) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)

    @property
    def url(self) -> str:
        """The address to register."""
        return f"http://127.0.0.1:{self._server.server_port}/r/token"

    @property
    def bodies(self) -> list[str]:
        """The bodies that came, as text, in order."""
        return [one.body.decode() for one in self.posted]

    def reported(self) -> list[tuple[str, str]]:
        """Number and status word of each plain report, in order."""
        return [(body.split(",")[1], body.split(",")[2]) for body in self.bodies]

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
