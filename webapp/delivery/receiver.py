"""The receiver: a small WSGI application that takes delivery reports at `POST /r/<token>`.

It stands in front of Flask because a report needs nothing that a page needs: no session, no cookie, no form.
What it answers tells nothing but whether the address exists; whether a report fits anything is found out
later, so a good and a foreign report get the same bytes. 200 is said only when the report is on disk.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from typing import TYPE_CHECKING

from webapp import clock
from webapp.delivery.groups import GroupCommit, NotStoredError
from webapp.delivery.inbox import Arrival, Inbox
from webapp.delivery.parse import MOST_BYTES, parse
from webapp.delivery.spool import Spool, spool_folder
from webapp.delivery.storing import Storing
from webapp.delivery.tokens import TokenCache, UnsureError
from webapp.gateway.addresses import token_hash

if TYPE_CHECKING:
    from _typeshed.wsgi import InputStream, StartResponse, WSGIApplication, WSGIEnvironment

    from webapp.settings import Settings

PREFIX = "/r/"
_TOKEN = re.compile(r"[0-9A-Za-z_-]{1,200}", re.ASCII)

# The longest pause between two pieces of a request, or of an answer that is read.
SLOW_SECONDS = 5

OK = "200 OK"
EMPTY = "400 Bad Request"
UNKNOWN = "404 Not Found"
WRONG_METHOD = "405 Method Not Allowed"
TOO_SLOW = "408 Request Timeout"
TOO_LARGE = "413 Content Too Large"
NOT_NOW = "503 Service Unavailable"


class Receiver:
    """The WSGI application. Nothing is opened before the first request, so it may be made before a fork.

    `counts` says how often each thing happened in this process: reports, unreadable, and each answer.
    """

    def __init__(self, settings: Settings, database_url: str) -> None:
        folder = spool_folder(settings.instance)
        storing = Storing(database_url, Spool(folder))
        self._groups = GroupCommit(storing.store, storing.spool_aside)
        self._tokens = TokenCache(Inbox(database_url).tokens, folder / "tokens.json")
        self.counts: Counter[str] = Counter()

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request."""
        try:
            status = self._answer(environ)
        except TimeoutError:
            status = TOO_SLOW
        self.counts[status] += 1
        body = b"ok" if status == OK else b""
        headers = [("Content-Length", str(len(body)))]
        if status == OK:
            headers.append(("Content-Type", "text/plain"))
        elif status == WRONG_METHOD:
            headers.append(("Allow", "POST"))
        start_response(status, headers)
        return [body]

    def _answer(self, environ: WSGIEnvironment) -> str:
        if environ.get("REQUEST_METHOD") != "POST":
            return WRONG_METHOD
        token = environ.get("PATH_INFO", "").removeprefix(PREFIX)
        if not _TOKEN.fullmatch(token):
            return UNKNOWN
        try:
            whose = self._tokens.find(token_hash(token))
        except UnsureError:
            return NOT_NOW
        if whose is None:
            return UNKNOWN
        body = _read(environ)
        if body is None:
            return EMPTY
        if len(body) > MOST_BYTES:
            return TOO_LARGE
        return self._take(whose, body, environ.get("HTTP_CONTENT_ENCODING", ""))

    def _take(self, whose: tuple[int, int], body: bytes, content_encoding: str) -> str:
        parsed = parse(body, content_encoding)
        if parsed.too_large:
            return TOO_LARGE
        now = clock.now()
        arrivals = [Arrival(*whose, now, report) for report in parsed.reports]
        arrivals += [Arrival(*whose, now, piece) for piece in parsed.unreadable]
        if not arrivals:
            return EMPTY
        try:
            self._groups.put(arrivals)
        except NotStoredError:
            return NOT_NOW
        self.counts["reports"] += len(parsed.reports)
        self.counts["unreadable"] += len(parsed.unreadable)
        return OK


class Mounted:
    """The receiver beside another application: what is below `/r/` never reaches that one."""

    def __init__(self, receiver: Receiver, application: WSGIApplication) -> None:
        self.receiver = receiver
        self.application = application

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Pass a request to the one that it is for."""
        connection = environ.get("gunicorn.socket")
        if connection is not None:
            # Whoever sends a head and then nothing would hold a thread for ever; forty of them, the site.
            connection.settimeout(SLOW_SECONDS)
        if environ.get("PATH_INFO", "").startswith(PREFIX):
            return self.receiver(environ, start_response)
        return self.application(environ, start_response)


def _read(environ: WSGIEnvironment) -> bytes | None:
    """The body, one byte more than allowed if it is longer; None if it is empty or was cut short."""
    source: InputStream = environ["wsgi.input"]
    stated = environ.get("CONTENT_LENGTH", "").strip()
    if not stated:
        # Without a length only a server that knows where a chunked body ends may be read from.
        return _read_all(source, MOST_BYTES + 1) or None if environ.get("wsgi.input_terminated") else None
    if not (stated.isascii() and stated.isdigit()):
        return None
    length = int(stated[:20])
    if length > MOST_BYTES:
        return bytes(MOST_BYTES + 1)
    body = _read_all(source, length)
    return body if body and len(body) == length else None


def _read_all(source: InputStream, most: int) -> bytes:
    """Read until the end or until `most` bytes; a stream may hand out less than it was asked for."""
    body = bytearray()
    while len(body) < most:
        piece = source.read(most - len(body))
        if not piece:
            break
        body += piece
    return bytes(body)
