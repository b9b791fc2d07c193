"""Whose callback address a token belongs to, answered from memory.

All valid tokens (their hashes) are read every 30 seconds; one that is not among them makes the cache look
again, so that a new address works at once. A copy on disk lets a receiver begin while the database is away.
Then a token that is not known may be a new one, which is for the caller to say: "not now" instead of "no".
"""

from __future__ import annotations

import json
import os
import secrets
import threading
import time
from collections.abc import Callable
from pathlib import Path

import structlog

from webapp.delivery.inbox import InboxError

log = structlog.get_logger(__name__)

FRESH_SECONDS = 30.0
# An unknown token is not looked up again so soon, and all unknown ones together not more often than this.
UNKNOWN_SECONDS = 2.0
LOOKUPS_A_SECOND = 10.0
MOST_UNKNOWN = 1000
# A look-up that takes longer is left to others: the database does not answer.
LOOKUP_SECONDS = 5.0

Tokens = dict[bytes, tuple[int, int]]


class UnsureError(RuntimeError):
    """The token is not known, and the database cannot be asked."""


class TokenCache:
    """Team and account of each valid token, for any number of threads. `load` may raise InboxError."""

    def __init__(self, load: Callable[[], Tokens], copy: Path) -> None:
        self._load = load
        self._copy = copy
        self._lock = threading.Lock()
        self._gate = threading.Lock()
        self._tokens: Tokens | None = None
        self._sure = False
        self._fresh_until = 0.0
        self._unknown: dict[bytes, float] = {}
        self._allowance = LOOKUPS_A_SECOND
        self._allowed_at = time.monotonic()

    def find(self, token_hash: bytes) -> tuple[int, int] | None:
        """(team id, account id) of a token, None if there is no such token. Raises UnsureError."""
        now = time.monotonic()
        if self._tokens is None or now >= self._fresh_until:
            self._refresh(now)
        whose = (self._tokens or {}).get(token_hash)
        if whose is None and self._may_look_again(token_hash, now):
            self._refresh(now, again=True)
            whose = (self._tokens or {}).get(token_hash)
        if whose is not None:
            return whose
        if not self._sure:
            raise UnsureError
        self._unknown[token_hash] = now + UNKNOWN_SECONDS
        return None

    def _may_look_again(self, token_hash: bytes, now: float) -> bool:
        if now < self._unknown.get(token_hash, 0.0):
            return False
        with self._gate:
            if len(self._unknown) > MOST_UNKNOWN:
                self._unknown.clear()
            passed, self._allowed_at = now - self._allowed_at, now
            self._allowance = min(LOOKUPS_A_SECOND, self._allowance + passed * LOOKUPS_A_SECOND)
            if self._allowance < 1:
                return False
            self._allowance -= 1
            return True

    def _refresh(self, now: float, *, again: bool = False) -> None:
        """Read all tokens anew. While one thread does, others go on with what is known, if anything is."""
        must = again or self._tokens is None
        if not self._lock.acquire(timeout=LOOKUP_SECONDS if must else 0):
            if must:
                raise UnsureError
            return
        try:
            if not again and self._tokens is not None and now < self._fresh_until:
                return
            self._read()
        finally:
            self._lock.release()

    def _read(self) -> None:
        try:
            tokens = self._load()
        except InboxError as error:
            if self._sure or self._tokens is None:
                log.warning("callback tokens could not be read", error=str(error))
            if self._tokens is None:
                self._tokens = _read_copy(self._copy)
            self._sure = False
            self._fresh_until = time.monotonic() + UNKNOWN_SECONDS
            return
        if tokens != self._tokens:
            _write_copy(self._copy, tokens)
        self._tokens, self._sure = tokens, True
        self._fresh_until = time.monotonic() + FRESH_SECONDS


def _read_copy(path: Path) -> Tokens:
    try:
        rows = json.loads(path.read_bytes())
        return {bytes.fromhex(row[0]): (int(row[1]), int(row[2])) for row in rows}
    except (OSError, ValueError, TypeError, IndexError, KeyError):
        return {}


def _write_copy(path: Path, tokens: Tokens) -> None:
    """Whole or not at all; without it only a start while the database is away is worse off."""
    data = json.dumps([[token.hex(), *whose] for token, whose in sorted(tokens.items())]).encode()
    unnamed = path.with_name(f"{path.name}.{secrets.token_hex(4)}.new")
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle = os.open(unnamed, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        unnamed.rename(path)
    except OSError as error:
        log.warning("the copy of callback tokens could not be written", error=type(error).__name__)
        unnamed.unlink(missing_ok=True)
