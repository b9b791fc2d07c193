"""The program: holds the parts together, listens and routes.

Gateway calls, the control door and the page share one address, as a person has one address to know.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from webapp.practice import control, page, state
from webapp.practice.answers import odd_answer
from webapp.practice.callback import read_callback
from webapp.practice.dial import Dial
from webapp.practice.fates import Chance
from webapp.practice.gateway import Gateway, read_request
from webapp.practice.http import Connection, Connections, Head
from webapp.practice.kinds import OK, Kind
from webapp.practice.ledger import Ledger
from webapp.practice.reports import Postman
from webapp.practice.sending import Sender

BASE = "/Admin/index.php"
SAVE_SECONDS = 1
FORGET_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Options:
    """How the program was started."""

    host: str
    port: int
    dial: Dial
    seed: int
    ledger: Path | None = None
    state: Path | None = None
    allowed_hosts: frozenset[str] = frozenset()


class Practice:
    """Everything that lives while the program runs; made inside the event loop."""

    def __init__(self, options: Options, ledger: Ledger) -> None:
        self.options = options
        self.dial = options.dial
        self.loop = asyncio.get_running_loop()
        self.ledger = ledger
        self.chance = Chance(options.seed)
        # Msgids begin where the clock stands: a start without a state file hands none out twice.
        self.gateway = Gateway(self.loop.time, int(time.time() * 10_000))
        self.postman = Postman(
            lambda: self.dial, self.chance, ledger, self._callback_of, options.allowed_hosts
        )
        self.sender = Sender(self.gateway, self.chance, ledger, self.postman, self.changed)
        self.connections = Connections()
        self.balance_kinds: list[Kind] = []
        self.port = options.port
        self._server: asyncio.Server | None = None
        self._saving: asyncio.TimerHandle | None = None
        self._forgetting: asyncio.TimerHandle | None = None
        self._returning: asyncio.TimerHandle | None = None
        self._routes: dict[str, Callable[[Connection, Head, bytes], None]] = {
            f"{BASE}/Message/send": lambda connection, _, body: self.sender.submit(
                connection, body, self.dial
            ),
            f"{BASE}/Message/balance": self._balance,
            **control.doors(self),
        }
        self._pages: dict[str, Callable[[Connection, Head], None]] = {
            "/": self._page,
            "/practice.css": self._style,
            "/practice/dial": lambda connection, _: control.show_dial(self, connection),
            "/practice/counts": self._counts,
            "/healthz": lambda connection, _: void(connection.answer(b"ok\n", 200, "text/plain")),
        }

    def check_callback(self, url: str) -> None:
        """Raise CallbackError where reports may not be posted to this address."""
        read_callback(url, self.options.allowed_hosts)

    def _callback_of(self, uid: str) -> str:
        account = self.gateway.accounts.get(uid)
        return account.callback if account else ""

    # --- life

    async def listen(self) -> None:
        """Open the address; raises OSError where it is taken."""
        self._server = await self.loop.create_server(
            lambda: Connection(self, self.connections), self.options.host, self.port, backlog=512
        )
        self.port = self._server.sockets[0].getsockname()[1]

    def restore(self) -> None:
        """Take up the state of an earlier run."""
        if self.options.state is None:
            return
        saved = state.load(self.options.state)
        try:
            unposted = state.restore(saved, self.gateway, self.loop.time(), self.check_callback)
        except (TypeError, ValueError, KeyError, AttributeError):
            state.set_aside(self.options.state)
            unposted = []
        for batch in unposted:
            self.postman.plan(batch)
        self.changed()

    def changed(self) -> None:
        """Something that outlives a restart was changed: save soon, forget later."""
        if self._saving is None and self.options.state is not None:
            self._saving = self.loop.call_later(SAVE_SECONDS, self.save)
        if self._forgetting is None and self.gateway.memories:
            self._forgetting = self.loop.call_later(FORGET_SECONDS, self._forget)

    def save(self) -> None:
        """Write the state file now."""
        self._saving = None
        if self.options.state is not None:
            state.save(self.options.state, state.collect(self.gateway))

    def _forget(self) -> None:
        self._forgetting = None
        self.gateway.forget(self.loop.time() - self.dial.dedup_seconds)
        if self.gateway.memories:
            self._forgetting = self.loop.call_later(FORGET_SECONDS, self._forget)

    def close(self) -> None:
        """End at once: nothing more is read, what is unposted is kept, the ledger is complete."""
        for timer in (self._saving, self._forgetting, self._returning):
            if timer is not None:
                timer.cancel()
        if self._server is not None:
            self._server.close()
        self.sender.close()
        self.connections.close()
        self.postman.close()
        if self.options.state is not None:
            rest = state.collect_rest(self.gateway, self.postman.unposted(), self.loop.time())
            state.save(self.options.state, state.collect(self.gateway) | rest)
        self.ledger.close()

    # --- requests

    def opens(self, connection: Connection, head: Head) -> bool:
        """Decide before the body is read: away, reset unread, or go on."""
        if not head.path.startswith(f"{BASE}/"):
            return True
        if self.dial.away != "no":
            connection.reset()
            return False
        if head.method == "POST" and head.path == f"{BASE}/Message/send":
            return self.sender.opens(connection, self.dial)
        return True

    def handle(self, connection: Connection, head: Head, body: bytes) -> None:
        """Answer a whole request."""
        known = head.path in self._routes or head.path in self._pages
        if head.method == "POST" and head.path in self._routes:
            if head.path.startswith("/practice/") and not control.from_here(head):
                _plain(connection, 403, "This comes from another site's page.")
                return
            self._routes[head.path](connection, head, body)
        elif head.method == "GET" and head.path in self._pages:
            self._pages[head.path](connection, head)
        elif known:
            _plain(connection, 405, "Only POST is answered here.")
        else:
            _plain(connection, 404, "There is nothing here.")

    def _balance(self, connection: Connection, _: Head, body: bytes) -> None:
        kind = self.balance_kinds.pop(0) if self.balance_kinds else OK
        plain = self.gateway.balance(read_request(body))
        if kind.base == "ok":
            connection.answer(plain)
        elif kind.base in ("lost", "reset_before", "eof", "huge", "drip", "hang"):
            connection.reset()
        else:
            connection.answer(*odd_answer(kind.base, plain))

    def go_away(self, connection: Connection) -> None:
        """Put the dial's `away` into effect; the connection that asked for it stays."""
        if self._returning is not None:
            self._returning.cancel()
            self._returning = None
        if self.dial.away != "no":
            self.connections.reset_others(connection)
        if self.dial.away == "refuse":
            if self._server is not None:
                self._server.close()
                self._server = None
            self._returning = self.loop.call_later(self.dial.away_seconds, self._come_back)
        elif self._server is None:
            self._reopening = self.loop.create_task(self._reopen())

    def _come_back(self) -> None:
        self._returning = None
        self.dial = self.dial.turned({"away": "no"})
        self._reopening = self.loop.create_task(self._reopen())

    async def _reopen(self) -> None:
        # Somebody may have taken the port meanwhile.
        while self._server is None and self.dial.away != "refuse":
            try:
                await self.listen()
            except OSError:
                await asyncio.sleep(1)

    # --- pages

    def _counts(self, connection: Connection, _: Head) -> None:
        # Whoever asks may read the ledger next: it is complete up to here.
        self.ledger.settle()
        connection.answer_json(self.counts())

    def counts(self) -> dict[str, object]:
        """Running figures: requests, reports posted, given up and waiting."""
        man = self.postman
        return {
            "submissions": self.sender.count,
            "reports_posted": man.posted,
            "reports_given_up": man.given_up,
            "reports_pending": man.pending,
        }

    def render(self, head: Head, problem: str = "") -> bytes:
        """The page in the language the request asks for."""
        host = head.headers.get("host", "") or f"{self.options.host}:{self.port}"
        accounts = list(self.gateway.accounts.values())
        view = page.View(
            page.language(head.query),
            host,
            BASE,
            self.dial,
            accounts,
            list(self.sender.recent),
            self.counts(),
            problem,
        )
        return page.render(view)

    def _page(self, connection: Connection, head: Head) -> None:
        connection.answer(self.render(head), headers=page.HEADERS)

    def _style(self, connection: Connection, _: Head) -> None:
        connection.answer(page.style(), 200, "text/css; charset=utf-8", "Cache-Control: max-age=3600\r\n")


def void(_: object) -> None:
    """Swallow a value where a call is wanted for its effect alone."""


def _plain(connection: Connection, status: int, sentence: str) -> None:
    connection.answer(f"{sentence}\n".encode(), status, "text/plain; charset=utf-8")
