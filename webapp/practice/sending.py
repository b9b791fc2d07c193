"""A send request from its first byte to its answer, with everything that the dial and the fates do to it."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from webapp.practice.answers import odd_answer, refusal, success
from webapp.practice.dial import Dial
from webapp.practice.fates import FATES, Chance, Fate
from webapp.practice.gateway import Decision, Gateway, Request, digest_of, read_request
from webapp.practice.http import Connection
from webapp.practice.kinds import OK, Kind, parse_kind
from webapp.practice.ledger import Ledger
from webapp.practice.reports import Batch, Postman

EARLY_WAIT_SECONDS = 5
LOST = parse_kind("lost")
CODE_7 = parse_kind("code7+taken")


@dataclass(slots=True)
class Submission:
    """One send request; times are Unix seconds."""

    number: int
    request: Request
    kind: Kind
    decision: Decision
    opened_at: float | None
    ended: str = ""
    timers: list[asyncio.TimerHandle] = field(default_factory=list)


class Sender:
    """Draws what becomes of each send request, lets the rules decide, plans the reports, answers."""

    def __init__(
        self, gateway: Gateway, chance: Chance, ledger: Ledger, postman: Postman, changed: Callable[[], None]
    ) -> None:
        self.recent: deque[Submission] = deque(maxlen=50)
        self.count = 0
        self.next_kinds: deque[Kind] = deque()
        self._open: dict[int, Submission] = {}
        self._gateway = gateway
        self._chance = chance
        self._ledger = ledger
        self._postman = postman
        self._changed = changed

    def opens(self, connection: Connection, dial: Dial) -> bool:
        """Called before the body is read; False where the request is reset unread."""
        connection.note = kind = self._draw(dial)
        if kind is None or kind.base != "reset_before":
            return True
        self.count += 1
        submission = Submission(self.count, read_request(b""), kind, Decision(""), None)
        connection.reset()
        self._end(submission, "lost")
        return False

    def _draw(self, dial: Dial) -> Kind | None:
        """What the dial wants of the next request; None leaves it to the numbers' fates."""
        if self.next_kinds:
            return self.next_kinds.popleft()
        if dial.failures:
            drawn = self._chance.draw()
            for name, percent in dial.failures.items():
                drawn -= percent
                if drawn < 0:
                    return parse_kind(name)
        return None

    def submit(self, connection: Connection, body: bytes, dial: Dial) -> None:
        """Take a request that was read in full and answer it in its time."""
        wanted = connection.note if isinstance(connection.note, Kind) else None
        opened_at = time.time()
        request = read_request(body)
        self.count += 1
        number = self.count
        if self._ledger.on:
            self._ledger.write(
                {"open": number, "at": opened_at, "uid": request.uid, "body_sha256": request.body_sha256}
            )
        decision = self._gateway.send(request, dial) if wanted is None or wanted.taken else Decision("")
        kind = wanted or OK
        if wanted is None and Fate.ANSWER_LOST in decision.fates:
            kind = LOST
        elif wanted is None and Fate.CODE_7 in decision.fates:
            kind = CODE_7
        submission = Submission(number, request, kind, decision, opened_at)
        self._open[number] = submission
        connection.on_gone = lambda: self._gone(submission)
        latency = self._latency(dial)
        waits = 1

        def one_less() -> None:
            nonlocal waits
            waits -= 1
            if waits == 0 and not submission.ended:
                self._answer(connection, submission, dial)

        if decision.delivered:
            self._changed()
            early = self._plan(submission, dial, latency)
            if early is not None:
                waits += 1
                early.done = one_less
                # A receiver that is away must not keep the answer back for ever.
                self._later(submission, EARLY_WAIT_SECONDS, early.finish)
                self._postman.plan(early)
        if latency:
            self._later(submission, latency, one_less)
        else:
            one_less()

    def _later(self, submission: Submission, seconds: float, call: Callable[[], None]) -> None:
        submission.timers.append(asyncio.get_running_loop().call_later(seconds, call))

    def _latency(self, dial: Dial) -> float:
        low, high = dial.latency_ms, dial.latency_max_ms
        if high > low:
            low += int((high - low) * self._chance.draw() / 100)
        return low / 1000

    # --- reports

    def _plan(self, submission: Submission, dial: Dial, latency: float) -> Batch | None:
        """Plan the reports of what was taken; the early ones are given back, as the answer waits for them."""
        request, decision = submission.request, submission.decision
        if not self._gateway.accounts[request.uid].callback:
            return None
        due = asyncio.get_running_loop().time() + latency + dial.report_delay_ms / 1000
        stamp = int(time.time())

        def batch(mobiles: list[str], seconds: float = 0.0, word: str = "") -> Batch:
            return Batch(request.uid, decision.msgid, mobiles, due + seconds, stamp, word)

        early: list[str] = []
        rest = decision.delivered
        if decision.fates or dial.early_percent:
            early = [mobile for mobile in rest if self._is_early(mobile, decision.msgid, dial)]
            late = [mobile for mobile in rest if FATES.get(mobile) is Fate.LATE]
            twice = [mobile for mobile in rest if FATES.get(mobile) is Fate.TWICE]
            apart = {*early, *late}
            rest = [mobile for mobile in rest if mobile not in apart]
            self._postman.plan(batch(late, dial.late_seconds))
            self._postman.plan(batch(list(twice), 0.5))
            self._postman.plan(batch(twice, 1.0, "UNKNOWN"))
        for seconds, mobiles in self._shuffled(rest, decision.msgid) if dial.shuffle else [(0.0, rest)]:
            # A batch is used up from its end.
            self._postman.plan(batch(mobiles[::-1], seconds))
        return Batch(request.uid, decision.msgid, early, 0.0, stamp, expires=due + 3600) if early else None

    def _is_early(self, mobile: str, msgid: str, dial: Dial) -> bool:
        fate = FATES.get(mobile)
        if fate is not None:
            return fate is Fate.EARLY
        return self._chance.of("early", f"{msgid} {mobile}") < dial.early_percent

    def _shuffled(self, mobiles: list[str], msgid: str) -> list[tuple[float, list[str]]]:
        keyed = sorted((self._chance.of("order", f"{msgid} {mobile}"), mobile) for mobile in mobiles)
        pieces = 16
        size = -(-len(keyed) // pieces) or 1
        cuts = [[mobile for _, mobile in keyed[at : at + size]] for at in range(0, len(keyed), size)]
        return [(index / pieces, cut) for index, cut in enumerate(cuts)]

    # --- answers

    def _answer(self, connection: Connection, submission: Submission, dial: Dial) -> None:
        base = submission.kind.base
        decision = submission.decision
        plain = success("send success", decision.msgid) if decision.code == "0" else refusal(decision.code)
        if base == "ok":
            answered = connection.answer(plain)
        elif base in ("lost", "eof"):
            (connection.reset if base == "lost" else connection.hang_up)()
            self._end(submission, "lost")
            return
        elif base in ("hang", "drip", "huge"):
            self._linger(connection, submission, dial)
            return
        else:
            answered = connection.answer(*odd_answer(base, plain))
        self._end(submission, "answered" if answered else "gone")

    def _linger(self, connection: Connection, submission: Submission, dial: Dial) -> None:
        """The answers that do not end: silence, a byte a second, and more than anybody wants."""
        base = submission.kind.base
        connection.on_gone = lambda: self._end(submission, "lost")
        if base == "huge":
            connection.start(dial.huge_megabytes << 20)
            left = dial.huge_megabytes << 4
            block = b" " * (1 << 16)

            def more() -> bytes:
                nonlocal left
                left -= 1
                return block if left >= 0 else b""

            connection.pour(more)
            return

        def over() -> None:
            connection.reset()
            self._end(submission, "lost")

        self._later(submission, dial.hang_seconds, over)
        if base == "drip":
            connection.start(100_000)

            def drop() -> None:
                if not submission.ended:
                    connection.piece(b" ")
                    submission.timers[1:] = [asyncio.get_running_loop().call_later(1, drop)]

            drop()

    def _gone(self, submission: Submission) -> None:
        """The caller left before its answer; what was taken stays taken."""
        self._end(submission, "gone")

    def _end(self, submission: Submission, how: str) -> None:
        if submission.ended:
            return
        submission.ended = how
        for timer in submission.timers:
            timer.cancel()
        submission.timers.clear()
        self._open.pop(submission.number, None)
        if self._ledger.on:
            self._write(submission)
        if len(submission.request.mobile) > 200:
            # The page shows a few numbers; five thousand, fifty times over, would stay in memory for nothing.
            _shorten(submission)
        self.recent.appendleft(submission)

    def _write(self, submission: Submission) -> None:
        request, decision = submission.request, submission.decision
        self._ledger.write(
            {
                "submission": submission.number,
                "opened_at": submission.opened_at,
                "closed_at": time.time(),
                "uid": request.uid,
                "body_sha256": request.body_sha256,
                "content_sha256": digest_of(request.content),
                "content_length": len(request.content),
                "mobiles": request.mobiles,
                "decision": decision.code,
                "kind": submission.kind.name,
                "msgid": decision.msgid,
                "delivered": decision.delivered,
                "swallowed": decision.swallowed,
                "cost": decision.cost,
                "ended": submission.ended,
            }
        )

    def close(self) -> None:
        """Note the requests that this program's end leaves unanswered."""
        for submission in list(self._open.values()):
            self._end(submission, "stopped")


def _shorten(submission: Submission) -> None:
    submission.request = Request(
        submission.request.uid, "", submission.request.mobile[:200], submission.request.content[:200], ""
    )
    submission.decision = Decision(
        submission.decision.code, submission.decision.msgid, cost=submission.decision.cost
    )
