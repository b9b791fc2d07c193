"""What outlives a restart: accounts with balances and callback addresses, the next msgid, and at a clean
end reports not yet posted and the numbers that repeats are measured against.

Tidings keeps the credentials of a practice account, so forgetting them here would break that account for
good. One JSON file, replaced as a whole; it is no database and is not forced to the disk.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from webapp.practice.gateway import Account, Gateway, Memory, RuleError
from webapp.practice.reports import Batch

MAX_KEPT = 200_000
VERSION = 1


def load(path: Path) -> dict[str, Any]:
    """The state last saved; a file that is no state is moved aside with a sentence on stderr."""
    try:
        state = json.loads(path.read_bytes())
    except FileNotFoundError:
        return {}
    except (ValueError, RecursionError):
        state = None
    if isinstance(state, dict) and state.get("version") == VERSION:
        return state
    set_aside(path)
    return {}


def set_aside(path: Path) -> None:
    """Keep a file that cannot be used under another name, and say so."""
    aside = path.with_name(path.name + ".unreadable")
    path.replace(aside)
    sys.stderr.write(
        f"The practice gateway's state cannot be read; it starts anew and keeps the file as {aside}.\n"
    )


def save(path: Path, state: dict[str, Any]) -> None:
    """Replace the file; for its owner's eyes, as passwords stand in it. A full disk is told, not raised."""
    beside = path.with_name(path.name + ".new")
    try:
        descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(json.dumps({"version": VERSION} | state, separators=(",", ":")).encode())
        beside.replace(path)
    except OSError as error:
        sys.stderr.write(f"The practice gateway's state cannot be saved ({error.strerror}).\n")


def restore(
    state: dict[str, Any], gateway: Gateway, now: float, check: Callable[[str], object]
) -> list[Batch]:
    """Put a saved state into place; `now`: the loop's time; `check` raises ValueError on a bad callback."""
    for values in state.get("accounts", []):
        account = Account(**values)
        try:
            if account.callback:
                check(account.callback)
        except ValueError:
            account.callback = ""
        try:
            gateway.put_account(account)
        except RuleError:
            continue
    gateway.next_msgid = max(gateway.next_msgid, int(state.get("next_msgid", 0)))
    away = max(0.0, time.time() - float(state.get("saved_at", 0)))
    for kept in state.get("memories", []):
        gateway.restore(
            Memory(now - kept["age"] - away, kept["uid"], kept["content"], kept["msgid"], kept["numbers"])
        )
    return [
        Batch(
            one["uid"], one["msgid"], one["mobiles"], now + max(0.0, one["in"] - away), one["stamp"],
            one["word"], one["tries"], one["repeated"],
        )
        for one in state.get("unposted", [])
    ]  # fmt: skip


def collect(gateway: Gateway) -> dict[str, Any]:
    """The part that is saved while running."""
    return {
        "saved_at": time.time(),
        "next_msgid": gateway.next_msgid,
        "accounts": [asdict(account) for account in gateway.accounts.values()],
    }


def collect_rest(gateway: Gateway, unposted: list[Batch], now: float) -> dict[str, Any]:
    """The part that is saved at a clean end only; bounded, the oldest reports and newest memories first."""
    batches: list[dict[str, Any]] = []
    room = MAX_KEPT
    for batch in unposted:
        room -= len(batch.mobiles)
        if room < 0:
            break
        batches.append(
            {
                "uid": batch.uid, "msgid": batch.msgid, "mobiles": batch.mobiles, "in": batch.due - now,
                "stamp": batch.stamp, "word": batch.word, "tries": batch.tries, "repeated": batch.repeated,
            }
        )  # fmt: skip
    memories: list[dict[str, Any]] = []
    room = MAX_KEPT
    for memory in reversed(gateway.memories):
        room -= len(memory.numbers)
        if room < 0:
            break
        memories.append(
            {
                "age": now - memory.at, "uid": memory.uid, "content": memory.content_sha256,
                "msgid": memory.msgid, "numbers": memory.numbers,
            }
        )  # fmt: skip
    return {"unposted": batches, "memories": memories[::-1]}
