"""Posting delivery reports: a heap of what is due, and a few connections to each callback address.

Reports wait as batches (one request's numbers share a due time), so a million waiting reports are a few
hundred heap entries; the word of a number is worked out only when its turn comes. Each address has
connections and a back-off of its own: one that is away holds up nobody else. Being kinder than the real
gateway, a report that was not answered 200 is posted again; with `report_tries` at 1 it is not.

All of it lives on the program's one event loop. Unposted batches are handed over at a clean end and taken
up again.
"""

from __future__ import annotations

import asyncio
import heapq
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from webapp.practice.callback import Callback, group_size, read_callback, spell
from webapp.practice.dial import Dial
from webapp.practice.fates import Chance, report_word
from webapp.practice.ledger import Ledger
from webapp.practice.posting import Line

MAX_PENDING = 2_000_000
KEEP_SECONDS = 3600
WATCH_SECONDS = 5


@dataclass(slots=True)
class Batch:
    """Reports that are due together. `due`, `expires`: times of the event loop; `stamp`: Unix seconds."""

    uid: str
    msgid: str
    mobiles: list[str]
    due: float
    stamp: int
    word: str = ""
    tries: int = 1
    repeated: bool = False
    expires: float = 0
    done: Callable[[], None] | None = None
    under_way: int = 0
    again: list[str] = field(default_factory=list)

    def finish(self) -> None:
        """Tell whoever waits for this batch, once."""
        done, self.done = self.done, None
        if done is not None:
            done()


@dataclass(frozen=True, slots=True)
class Report:
    """One report that is being posted."""

    batch: Batch
    mobile: str
    word: str


class Postman:
    """Plans and posts all reports; `callback_of` gives a uid's address, or nothing."""

    def __init__(
        self,
        dial: Callable[[], Dial],
        chance: Chance,
        ledger: Ledger,
        callback_of: Callable[[str], str],
        allowed_hosts: frozenset[str],
    ) -> None:
        self.dial = dial
        self.chance = chance
        self.posted = 0
        self.given_up = 0
        self.pending = 0
        self.loop = asyncio.get_running_loop()
        self._ledger = ledger
        self._callback_of = callback_of
        self._allowed_hosts = allowed_hosts
        self._heap: list[tuple[float, int, Batch]] = []
        self._planned = 0
        self._reports = 0
        self._doors: dict[str, Door] = {}
        self._alarm: asyncio.TimerHandle | None = None
        self._watch: asyncio.TimerHandle | None = None

    def plan(self, batch: Batch) -> None:
        """Post this batch when it is due."""
        if not batch.mobiles or self.pending + len(batch.mobiles) > MAX_PENDING:
            self.given_up += len(batch.mobiles)
            batch.finish()
            return
        batch.expires = batch.expires or batch.due + KEEP_SECONDS
        self.pending += len(batch.mobiles)
        self._planned += 1
        heapq.heappush(self._heap, (batch.due, self._planned, batch))
        if self._heap[0][2] is batch:
            self._set_alarm()

    def _set_alarm(self) -> None:
        if self._alarm is not None:
            self._alarm.cancel()
        self._alarm = self.loop.call_at(self._heap[0][0], self._ring) if self._heap else None

    def _ring(self) -> None:
        self._alarm = None
        now = self.loop.time()
        doors = set()
        # The loop's timers are coarser than its clock: what is due within a millisecond is due.
        while self._heap and self._heap[0][0] <= now + 0.001:
            batch = heapq.heappop(self._heap)[2]
            door = self._door(batch.uid)
            if door is None:
                self._abandon(batch)
            else:
                door.ready.append(batch)
                doors.add(door)
        self._set_alarm()
        for door in doors:
            door.pump()
        if doors and self._watch is None:
            self._watch = self.loop.call_later(WATCH_SECONDS, self._look)

    def _door(self, uid: str) -> Door | None:
        url = self._callback_of(uid)
        if not url:
            return None
        if url not in self._doors:
            self._doors[url] = Door(self, read_callback(url, self._allowed_hosts))
        return self._doors[url]

    def _abandon(self, batch: Batch) -> None:
        self.pending -= len(batch.mobiles)
        self.given_up += len(batch.mobiles)
        batch.mobiles.clear()
        batch.finish()

    def _look(self) -> None:
        """Close idle connections and those that were not answered; runs only while there are some."""
        for url, door in list(self._doors.items()):
            if not door.look():
                del self._doors[url]
        self._watch = self.loop.call_later(WATCH_SECONDS, self._look) if self._doors else None

    def draw_up(self, batch: Batch, dial: Dial) -> Report | None:
        """The next report of a batch, None where this number is never reported."""
        mobile = batch.mobiles.pop()
        word = batch.word or report_word(mobile, self.chance, dial.delivered_percent, dial.failed_percent)
        if word is None:
            self.pending -= 1
            return None
        may_repeat = dial.repeat_percent and not batch.repeated
        if may_repeat and self.chance.of("repeat", f"{batch.msgid} {mobile}") < dial.repeat_percent:
            batch.again.append(mobile)
        batch.under_way += 1
        return Report(batch, mobile, word)

    def drawn(self, batch: Batch) -> None:
        """Called when a batch has nothing left to draw up."""
        if batch.again:
            later = self.loop.time() + 0.5
            self.plan(
                Batch(batch.uid, batch.msgid, batch.again, later, batch.stamp, batch.word, repeated=True)
            )
            batch.again = []
        self._finish(batch)

    def _finish(self, batch: Batch) -> None:
        if not batch.mobiles and not batch.under_way:
            batch.finish()

    def settle(self, reports: list[Report], status: int) -> None:
        """Note how posted reports were answered (0: not at all) and plan those that are tried again."""
        tries = self.dial().report_tries
        for report in reports:
            batch = report.batch
            batch.under_way -= 1
            self.pending -= 1
            now = self.loop.time()
            # Nobody there is no try of the report, or a restart of the receiver would use them all up.
            final = (
                status == 200 or tries == 1 or now > batch.expires or (status != 0 and batch.tries >= tries)
            )
            if status == 200:
                self.posted += 1
            elif final:
                self.given_up += 1
            else:
                wait = min(30.0, 0.25 * 2**batch.tries) if status else 0.0
                more = batch.tries + (status != 0)
                self.plan(
                    Batch(
                        batch.uid, batch.msgid, [report.mobile], now + wait, batch.stamp, report.word, more,
                        repeated=True, expires=batch.expires,
                    )
                )  # fmt: skip
            if self._ledger.on:
                self._write(report, status, final and status != 200)
            self._finish(batch)

    def _write(self, report: Report, status: int, given_up: bool) -> None:
        self._reports += 1
        line: dict[str, object] = {
            "report": self._reports,
            "at": time.time(),
            "uid": report.batch.uid,
            "msgid": report.batch.msgid,
            "mobile": report.mobile,
            "status": report.word,
            "try": report.batch.tries,
            "answer": status,
        }
        if given_up:
            line["given_up"] = True
        self._ledger.write(line)

    def unposted(self) -> list[Batch]:
        """Everything not posted yet, for the next run; call it after `close`."""
        return [batch for _, _, batch in sorted(self._heap)]

    def close(self) -> None:
        """End all connections; what was under way is waiting again afterwards."""
        for timer in (self._alarm, self._watch):
            if timer is not None:
                timer.cancel()
        for door in self._doors.values():
            for batch in door.close():
                self._planned += 1
                heapq.heappush(self._heap, (batch.due, self._planned, batch))
        self._doors.clear()
        if self._alarm is not None:
            self._alarm.cancel()


class Door:
    """One callback address: the batches that are due for it and its connections."""

    def __init__(self, postman: Postman, callback: Callback) -> None:
        self.ready: deque[Batch] = deque()
        self.callback = callback
        self._postman = postman
        self._head = f"POST {callback.path} HTTP/1.1\r\nHost: {callback.host_header}\r\n"
        self._lines: set[Line] = set()
        self._idle: list[Line] = []
        self._opening: asyncio.Task[None] | None = None
        self._failures = 0
        self._resume: asyncio.TimerHandle | None = None
        self._closed = False

    def pump(self) -> None:
        """Put every free connection to work; open one more where all are busy."""
        while self.ready and not self._closed and self._resume is None:
            line = self._idle_line()
            if line is None:
                if self._opening is None and len(self._lines) < self._postman.dial().report_connections:
                    self._opening = self._postman.loop.create_task(self._open())
                return
            reports = self._draw_up()
            if not reports:
                self._idle.append(line)
                return
            line.post(reports, self._request(reports))

    def _idle_line(self) -> Line | None:
        while self._idle:
            line = self._idle.pop()
            # A peer may be closing what was idle for long; no report should be lost to that race.
            if line.usable and self._postman.loop.time() - line.since < 1:
                return line
            line.end()
        return None

    def _draw_up(self) -> list[Report]:
        dial = self._postman.dial()
        size = group_size(dial.spelling)
        reports: list[Report] = []
        while self.ready and len(reports) < size:
            batch = self.ready[0]
            while batch.mobiles and len(reports) < size:
                report = self._postman.draw_up(batch, dial)
                if report is not None:
                    reports.append(report)
            if not batch.mobiles:
                self.ready.popleft()
                self._postman.drawn(batch)
        return reports

    def _request(self, reports: list[Report]) -> bytes:
        values = [(one.batch.msgid, one.mobile, one.word, one.batch.stamp) for one in reports]
        spelled = spell(values, self._postman.dial().spelling)
        return (
            f"{self._head}{spelled.headers}Content-Length: {len(spelled.body)}\r\n\r\n".encode()
            + spelled.body
        )

    async def _open(self) -> None:
        line = Line(self)
        for host in self.callback.hosts:
            try:
                async with asyncio.timeout(5):
                    await self._postman.loop.create_connection(lambda: line, host, self.callback.port)
                break
            except (OSError, TimeoutError):
                continue
        self._opening = None
        if line.usable:
            self._lines.add(line)
            self._idle.append(line)
            self.pump()
        else:
            self._back_off()
            # Someone who wants one try only gets it: what is due is given up with the connection.
            if self._postman.dial().report_tries == 1:
                while reports := self._draw_up():
                    self._postman.settle(reports, 0)

    def answered(self, line: Line, reports: list[Report], status: int) -> None:
        """Called by a connection with the HTTP status, 0 if it ended without one."""
        if status:
            self._failures = 0
        else:
            self._back_off()
        self._postman.settle(reports, status)
        if line.usable:
            self._idle.append(line)
        self.pump()

    def ended(self, line: Line) -> None:
        """Called by a connection that is closed."""
        self._lines.discard(line)
        self.pump()

    def _back_off(self) -> None:
        if self._resume is None and not self._closed:
            wait = min(30.0, 0.25 * 2**self._failures)
            self._failures = min(self._failures + 1, 10)
            self._resume = self._postman.loop.call_later(wait, self._go_on)

    def _go_on(self) -> None:
        self._resume = None
        self.pump()

    def look(self) -> bool:
        """End stuck and workless connections; False when the door can be forgotten."""
        now = self._postman.loop.time()
        for line in list(self._lines):
            if now - line.since > (20 if line.reports else WATCH_SECONDS):
                line.end()
        return bool(self._lines or self.ready or self._opening or self._resume)

    def close(self) -> list[Batch]:
        """End everything; what was not posted comes back, also through `settle`."""
        self._closed = True
        if self._resume is not None:
            self._resume.cancel()
        if self._opening is not None:
            self._opening.cancel()
        for line in list(self._lines):
            line.end()
        return list(self.ready)
