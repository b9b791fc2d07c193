"""Small programs that stand in for web, worker and the commands: `python stand_in.py <what> <word>`."""

from __future__ import annotations

import http.server
import signal
import socket
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))


def serve(port: str) -> None:
    with http.server.ThreadingHTTPServer(
        ("127.0.0.1", int(port)), http.server.BaseHTTPRequestHandler
    ) as server:
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
        server.serve_forever()


def work(_order: str) -> None:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    signal.signal(signal.SIGINT, lambda *_: sys.exit("the terminal's Ctrl-C reached the worker"))
    while True:
        time.sleep(60)


def nothing(*_words: str) -> None:
    """End well at once."""


def migrate(instance: str) -> None:
    import psycopg

    from webapp.embedded import prepare

    with psycopg.connect(prepare(Path(instance)).conninfo("owner")) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS start (at timestamptz DEFAULT now())")
        connection.execute("INSERT INTO start DEFAULT VALUES")


def ready(port: str) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", int(port))) == 0:
                return
        time.sleep(0.05)
    sys.exit("The web program does not answer.")


def postgres(instance: str) -> None:
    from webapp.embedded import exec_postmaster

    exec_postmaster(Path(instance))


def fail(*_words: str) -> None:
    sys.exit("It failed on purpose.")


if __name__ == "__main__":
    {
        "serve": serve,
        "work": work,
        "migrate": migrate,
        "nothing": nothing,
        "ready": ready,
        "postgres": postgres,
        "fail": fail,
    }[sys.argv[1]](*sys.argv[2:])
