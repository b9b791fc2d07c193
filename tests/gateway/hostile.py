"""A server on a raw socket that answers as badly as a test wants it to."""

import contextlib
import re
import socket
import struct
import threading
from collections.abc import Callable
from typing import Self

Script = Callable[[socket.socket], object]


class HostileServer:
    """Runs a script for each connection, in a thread of its own; keeps what it was sent."""

    def __init__(self, script: Script) -> None:
        self.script = script
        self.requests: list[bytes] = []
        self.connections = 0
        self._lock = threading.Lock()
        self._open: list[socket.socket] = []
        self._threads: list[threading.Thread] = []
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port: int = self._listener.getsockname()[1]
        self._accepting = threading.Thread(target=self._accept, daemon=True)
        self._accepting.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/Admin/index.php"

    def _accept(self) -> None:
        while True:
            try:
                connection, _address = self._listener.accept()
            except OSError:
                return
            thread = threading.Thread(target=self._run, args=(connection,), daemon=True)
            with self._lock:
                self.connections += 1
                self._open.append(connection)
                self._threads.append(thread)
            thread.start()

    def _run(self, connection: socket.socket) -> None:
        # The client hangs up in the middle of most scripts; that is what is being tested.
        with contextlib.suppress(OSError), connection:
            self.script(connection)

    def keep(self, request: bytes) -> None:
        with self._lock:
            self.requests.append(request)

    def close(self) -> None:
        # shutdown wakes the thread in accept(); close alone would leave it there.
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        with self._lock:
            connections = list(self._open)
        for connection in connections:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        self._accepting.join(10)
        for thread in self._threads:
            thread.join(10)
            assert not thread.is_alive()
        for connection in connections:
            connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.close()


def read_request(connection: socket.socket) -> bytes:
    """One whole request: head and body. Empty if the client hung up."""
    data = b""
    while b"\r\n\r\n" not in data:
        piece = connection.recv(65536)
        if not piece:
            return b""
        data += piece
    head, _, body = data.partition(b"\r\n\r\n")
    length = re.search(rb"(?i)\r\ncontent-length: *(\d+)", head)
    while length and len(body) < int(length[1]):
        piece = connection.recv(65536)
        if not piece:
            return b""
        body += piece
    return head + b"\r\n\r\n" + body


def reset(connection: socket.socket) -> None:
    """Close with an RST instead of a FIN."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def http(body: bytes, status: str = "200 OK", *headers: str) -> bytes:
    """A whole answer with its length."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def answering(data: bytes) -> Script:
    """Read the request, write these bytes, hang up."""

    def script(connection: socket.socket) -> None:
        read_request(connection)
        connection.sendall(data)

    return script


def wait_for_client_to_leave(connection: socket.socket) -> None:
    """Block until the client has closed its side."""
    with contextlib.suppress(OSError):
        while connection.recv(65536):
            pass
