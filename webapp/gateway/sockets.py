"""Sockets that keep one clock and one byte budget for a whole call.

The timeouts of HTTP libraries start anew with each byte, so a server that drips one byte a minute holds a
call for days, in the head as well as in the body; and a header or chunk-size line without an end fills the
memory. Both are bounded here, below the library, where every read and write passes. The same place knows
the first moment at which a byte can have left this machine.
"""

import socket
import ssl
import time
from typing import Any

from urllib3.connection import HTTPConnection, HTTPSConnection

from webapp.gateway.exchange import Kind


class ConnectError(Exception):
    """No connection; nothing left this machine."""

    def __init__(self, kind: Kind) -> None:
        super().__init__(kind.value)
        self.kind = kind


class Call:
    """The clock and the byte budget of one call: seconds in all, seconds of silence, bytes received."""

    def __init__(self, total: float, silence: float, room: int) -> None:
        self.deadline = time.monotonic() + total
        self.silence = silence
        self.room = room
        self.left_machine = False
        self.overlong = False

    def patience(self) -> float:
        """How long the next read or write may wait, in seconds. Raises TimeoutError when the time is up."""
        left = self.deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError("the call's time is up")
        return min(self.silence, left)

    def received(self, count: int) -> None:
        """Count bytes that came in. Raises OSError when more came than an answer can need."""
        self.room -= count
        if self.room < 0:
            self.overlong = True
            raise OSError("the answer is too long")


class TimedSocket(socket.socket):
    """A TCP socket under a call's clock."""

    call: Call | None = None

    def recv_into(self, buffer: Any, nbytes: int = 0, flags: int = 0) -> int:
        count = super().recv_into(buffer, nbytes, _arm(self, flags))
        return _counted(self.call, count)

    def sendall(self, data: Any, flags: int = 0) -> None:
        flags = _arm(self, flags)
        _mark(self.call)
        super().sendall(data, flags)


class TimedTLS(ssl.SSLSocket):
    """A TLS socket under a call's clock."""

    call: Call | None = None

    def recv_into(self, buffer: Any, nbytes: int | None = None, flags: int = 0) -> int:
        count = super().recv_into(buffer, nbytes, _arm(self, flags))
        return _counted(self.call, count)

    def send(self, data: Any, flags: int = 0) -> int:
        # `sendall` of a TLS socket is a loop around this, each round with a timeout of its own.
        flags = _arm(self, flags)
        _mark(self.call)
        return super().send(data, flags)


def _arm(sock: TimedSocket | TimedTLS, flags: int) -> int:
    if sock.call is not None:
        sock.settimeout(sock.call.patience())
    return flags


def _mark(call: Call | None) -> None:
    if call is not None:
        call.left_machine = True


def _counted(call: Call | None, count: int) -> int:
    if call is not None:
        call.received(count)
    return count


def connect(host: str, port: int, seconds: float) -> TimedSocket:
    """Open a TCP connection within so many seconds, over all addresses of the name. Raises ConnectError.

    Looking up the name has the resolver's own time limit; it cannot be cut short, but nothing has left by
    then.
    """
    try:
        addresses = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise ConnectError(Kind.NAME_UNKNOWN) from None
    deadline = time.monotonic() + seconds
    kind = Kind.NAME_UNKNOWN
    for index, (family, socktype, protocol, _name, address) in enumerate(addresses):
        # A first address that swallows packets must not eat the time of the second.
        share = (deadline - time.monotonic()) / (len(addresses) - index)
        if share <= 0:
            raise ConnectError(Kind.CONNECT_TIMEOUT)
        sock: TimedSocket | None = None
        try:
            sock = TimedSocket(family, socktype, protocol)
            sock.settimeout(share)
            sock.connect(address)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            # What is left of the time is for the TLS handshake, where there is one.
            sock.settimeout(max(deadline - time.monotonic(), 0.001))
        except OSError as error:
            kind = _kind_of(error)
            if sock is not None:
                sock.close()
        else:
            return sock
    raise ConnectError(kind)


def _kind_of(error: OSError) -> Kind:
    if isinstance(error, ConnectionRefusedError):
        return Kind.REFUSED
    if isinstance(error, TimeoutError):
        return Kind.CONNECT_TIMEOUT
    return Kind.UNREACHABLE


class PlainConnection(HTTPConnection):
    """An http connection on a timed socket."""

    def _new_conn(self) -> socket.socket:
        return connect(self._dns_host, self.port, _seconds(self.timeout))


class TLSConnection(HTTPSConnection):
    """An https connection on a timed socket."""

    def _new_conn(self) -> socket.socket:
        return connect(self._dns_host, self.port, _seconds(self.timeout))


def _seconds(timeout: object) -> float:
    return float(timeout) if isinstance(timeout, int | float) else 5.0


Connection = PlainConnection | TLSConnection


def under(connection: Connection, call: Call) -> None:
    """Put an open connection under a call's clock."""
    sock = connection.sock
    if isinstance(sock, TimedSocket | TimedTLS):
        sock.call = call
    else:
        raise TypeError("not a timed socket")


def tls_context() -> ssl.SSLContext:
    """Certificates are always checked, against the machine's own store; the environment is not asked."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_default_certs()
    return context
