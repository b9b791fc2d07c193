"""The wire to a gateway: it can be cut at any moment, and mended again."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
from typing import Self

# Closing with this set resets the connection instead of ending it in order.
RESET = struct.pack("ii", 1, 0)


class Wire:
    """Passes connections on to a port of this machine. While it is cut nobody can connect."""

    def __init__(self, port: int) -> None:
        self._target = port
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        self._threads: list[threading.Thread] = []
        self._listener: socket.socket | None = None
        self.port = 0

    def mend(self) -> None:
        """Whoever connects reaches the gateway."""
        self._listener = socket.create_server(("127.0.0.1", self.port), backlog=64)
        self.port = self._listener.getsockname()[1]
        self._begin(self._accept, self._listener)

    def cut(self) -> None:
        """Every connection is reset, and none comes about any more."""
        assert self._listener is not None
        listener, self._listener = self._listener, None
        # shutdown wakes the thread in accept(); close alone would leave it there.
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        with self._lock:
            ends, self._open = self._open, set()
        for end in ends:
            with contextlib.suppress(OSError):
                end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
                end.shutdown(socket.SHUT_RDWR)
            end.close()

    def _begin(self, work: object, *arguments: object) -> None:
        thread = threading.Thread(target=work, args=arguments, daemon=True)  # type: ignore[arg-type] # a method
        self._threads.append(thread)
        thread.start()

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                caller, _address = listener.accept()
                onward = socket.create_connection(("127.0.0.1", self._target))
            except OSError:
                return
            with self._lock:
                if self._listener is not listener:
                    caller.close()
                    onward.close()
                    return
                self._open |= {caller, onward}
            self._begin(self._pass, caller, onward)
            self._begin(self._pass, onward, caller)

    def _pass(self, source: socket.socket, target: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while piece := source.recv(65536):
                target.sendall(piece)
        # One side has ended: the other has nobody to talk to any more.
        for end in (source, target):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def __enter__(self) -> Self:
        self.mend()
        return self

    def __exit__(self, *_error: object) -> None:
        if self._listener is not None:
            self.cut()
        for thread in self._threads:
            thread.join(10)
