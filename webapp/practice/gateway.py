"""The gateway's rules: who may send, what is taken, what it costs, and what is swallowed.

Pure: no sockets, no clock but the one handed in, no chance. The order of the checks (account, numbers, text,
balance) is the order of the codes, save that a frozen account is told before its request is looked at.
"""

from __future__ import annotations

import json
import re
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import sha256
from hmac import compare_digest

from webapp.practice.answers import REASONS, refusal, success
from webapp.practice.dial import Dial
from webapp.practice.fates import Fate, fates_in

MAX_NUMBERS = 5000
MAX_CHARACTERS = 268
MAX_ACCOUNTS = 10_000
MAX_REMEMBERED = 3_000_000
PRACTICE_BALANCE = 48_210
_NUMBERS = re.compile(r"1[3-9][0-9]{9}(?:,1[3-9][0-9]{9})*")
_UID = re.compile(r"[0-9A-Za-z_.@-]{1,64}")


class RuleError(ValueError):
    """Something asked of the control door cannot be done; the text is a sentence."""


@dataclass(slots=True)
class Account:
    """One uid of the practice gateway; `callback` is where its reports go, empty for nowhere."""

    uid: str
    pwd: str
    balance: int
    frozen: bool = False
    callback: str = ""


@dataclass(frozen=True, slots=True)
class Request:
    """A send request as far as it could be read; what is missing or no text is empty."""

    uid: str
    pwd: str
    mobile: str
    content: str
    body_sha256: str

    @property
    def mobiles(self) -> list[str]:
        """The numbers as they were sent, in order."""
        return self.mobile.split(",") if self.mobile else []


@dataclass(slots=True)
class Decision:
    """What the rules made of a request: `code` 0 when taken, then with a msgid and both lists of numbers."""

    code: str
    msgid: str = ""
    delivered: list[str] = field(default_factory=list)
    swallowed: list[str] = field(default_factory=list)
    cost: int = 0
    fates: set[Fate] = field(default_factory=set)


@dataclass(slots=True)
class Memory:
    """Numbers of one submission that identical repeats are measured against."""

    at: float
    uid: str
    content_sha256: str
    msgid: str
    numbers: list[int]


def parts_of(content: str) -> int:
    """Billed parts of a text: one up to 70 characters, then one for each 67."""
    return 1 if len(content) <= 70 else -(-len(content) // 67)


def digest_of(content: str) -> str:
    """SHA-256 of a text in hex; a lone surrogate, which JSON may carry, is kept apart from any other text."""
    return sha256(content.encode("utf-8", "surrogatepass")).hexdigest()


def read_request(body: bytes) -> Request:
    """Read a body the way a lenient JSON reader does: unreadable means that every value is empty."""
    try:
        values = json.loads(body)
    except (ValueError, RecursionError):
        values = None
    if not isinstance(values, dict):
        values = {}

    def text(key: str) -> str:
        value = values.get(key)
        return value if isinstance(value, str) else ""

    digest = sha256(body).hexdigest()
    return Request(text("uid"), text("pwd"), text("mobile"), text("content"), digest)


class Gateway:
    """Accounts, msgids and the memory of what was sent; `clock` gives seconds that never go back."""

    def __init__(self, clock: Callable[[], float], first_msgid: int = 800_000) -> None:
        self.accounts: dict[str, Account] = {}
        self.memories: deque[Memory] = deque()
        self.next_msgid = first_msgid
        self._clock = clock
        self._seen: dict[tuple[str, str], dict[int, Memory]] = {}
        self._remembered = 0
        for uid, balance, frozen in (
            ("practice", PRACTICE_BALANCE, False),
            ("frozen", 1000, True),
            ("empty", 0, False),
        ):
            self.accounts[uid] = Account(uid, "practice-only", balance, frozen)

    def put_account(self, account: Account) -> None:
        """Create an account or replace the one of the same uid; raises RuleError."""
        if not _UID.fullmatch(account.uid) or not 0 < len(account.pwd) <= 128:
            raise RuleError("A uid is 1 to 64 letters, digits or _.@-, a pwd 1 to 128 characters.")
        if not 0 <= account.balance <= 10**12:
            raise RuleError("A balance is a whole number of parts from 0 to 1,000,000,000,000.")
        if account.uid not in self.accounts and len(self.accounts) >= MAX_ACCOUNTS:
            raise RuleError(f"There are {MAX_ACCOUNTS} practice accounts already.")
        self.accounts[account.uid] = account

    def find(self, uid: str, pwd: str) -> Account | None:
        """The account that these credentials open."""
        account = self.accounts.get(uid)
        known = account.pwd if account else ""
        matches = compare_digest(known.encode("utf-8", "replace"), pwd.encode("utf-8", "replace"))
        return account if account and matches and pwd else None

    def balance(self, request: Request) -> bytes:
        """The body of the answer to a balance request."""
        account = self.find(request.uid, request.pwd)
        if account is None:
            return refusal("1")
        if account.frozen:
            return refusal("2", REASONS["8"])
        return success(str(account.balance), "")

    def send(self, request: Request, dial: Dial) -> Decision:
        """Decide on a send request and, where it is taken, charge it and remember its numbers."""
        account = self.find(request.uid, request.pwd)
        code = "1" if account is None else "8" if account.frozen else _fault(request)
        if code or account is None:
            return Decision(code)
        fates = fates_in(request.mobile)
        if Fate.REFUSED in fates:
            return Decision("2")
        return self._take(account, request, dial, fates)

    def _take(self, account: Account, request: Request, dial: Dial, fates: set[Fate]) -> Decision:
        now = self._clock()
        self.forget(now - dial.dedup_seconds)
        digest = digest_of(request.content)
        known = self._seen.setdefault((request.uid, digest), {})
        memory = Memory(now, request.uid, digest, "", [])
        delivered: list[str] = []
        swallowed: list[str] = []
        fresh: dict[int, Memory] = {}
        first: Memory | None = None
        for mobile in request.mobiles:
            number = int(mobile)
            earlier = known.get(number) or fresh.get(number)
            if earlier is None:
                fresh[number] = memory
                delivered.append(mobile)
            else:
                first = first or earlier
                swallowed.append(mobile)
        charged = len(delivered) + (len(swallowed) if dial.dedup_charged else 0)
        cost = parts_of(request.content) * charged
        if cost > account.balance:
            if not known:
                del self._seen[request.uid, digest]
            return Decision("5")
        account.balance -= cost
        if dial.dedup_same_msgid and not delivered and first is not None:
            memory.msgid = first.msgid
        else:
            memory.msgid = str(self.next_msgid)
            self.next_msgid += 1
        if fresh:
            memory.numbers = list(fresh)
            known.update(fresh)
            self._remember(memory)
        if swallowed and fates:
            fates = fates_in(",".join(delivered))
        return Decision("0", memory.msgid, delivered, swallowed, cost, fates)

    def restore(self, memory: Memory) -> None:
        """Take up a memory of an earlier run."""
        self._seen.setdefault((memory.uid, memory.content_sha256), {}).update(
            dict.fromkeys(memory.numbers, memory)
        )
        self._remember(memory)

    def _remember(self, memory: Memory) -> None:
        self.memories.append(memory)
        self._remembered += len(memory.numbers)
        while self._remembered > MAX_REMEMBERED:
            self._drop(self.memories.popleft())

    def forget(self, before: float) -> None:
        """Drop what was remembered up to this time of the clock."""
        while self.memories and self.memories[0].at <= before:
            self._drop(self.memories.popleft())

    def _drop(self, memory: Memory) -> None:
        self._remembered -= len(memory.numbers)
        key = memory.uid, memory.content_sha256
        known = self._seen.get(key, {})
        for number in memory.numbers:
            if known.get(number) is memory:
                del known[number]
        if not known:
            self._seen.pop(key, None)


def _fault(request: Request) -> str:
    """The code a request is refused with for what stands in it, or nothing."""
    if not request.mobile:
        return "2"
    if request.mobile.count(",") >= MAX_NUMBERS:
        return "6"
    if not _NUMBERS.fullmatch(request.mobile):
        return "2"
    if not request.content:
        return "3"
    return "4" if len(request.content) > MAX_CHARACTERS else ""
