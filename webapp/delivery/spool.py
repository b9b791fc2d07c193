"""The spool: where reports go while the database cannot take them.

Files of JSON lines in `instance/spool/`, readable by their owner alone. A line is on disk before its report
is answered. Whoever writes a file holds a lock on it that ends with the process, even by SIGKILL; a file
without one is complete and is read in by the next receiver or worker that looks, then removed. Should that
one die between the two, the file is read again, which changes nothing but a count.
"""

from __future__ import annotations

import base64
import fcntl
import itertools
import json
import os
import secrets
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import Any

import structlog

from webapp.delivery.inbox import Arrival, RefusedError
from webapp.delivery.parse import Report, Unreadable

log = structlog.get_logger(__name__)

MOST_FILE_BYTES = 4 * 1024 * 1024
MOST_FILE_SECONDS = 5.0
TAKEN_AT_ONCE = 1000

Take = Callable[[Sequence[Arrival]], None]


def spool_folder(instance: Path) -> Path:
    """Where an instance's spool is."""
    return instance / "spool"


class Spool:
    """The spool of an instance, for any number of threads and processes."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._lock = threading.Lock()
        self._handle = -1
        self._pid = 0
        self._size = 0
        self._opened_at = 0.0

    def append(self, arrivals: Sequence[Arrival]) -> None:
        """Write arrivals and wait until the disk has them. Raises OSError; nothing of them is kept then."""
        data = "".join(_line(arrival) for arrival in arrivals).encode()
        with self._lock:
            handle = self._writable()
            try:
                _write_all(handle, data)
                os.fsync(handle)
            except OSError:
                self._take_back(handle)
                raise
            self._size += len(data)

    def close(self) -> None:
        """Let others read in what this process wrote."""
        with self._lock:
            self._close()

    def has_files(self) -> bool:
        """Whether anything may be waiting to be read in."""
        return next(self._files(), None) is not None

    def drain(self, take: Take) -> int:
        """Read in every file that nobody writes to; returns how many reports that were.

        What `take` raises (InboxError) ends the turn, and its file stays.
        """
        self._close_old()
        return sum(self._drain_file(path, take) for path in self._files())

    def _files(self) -> Iterator[Path]:
        with suppress(FileNotFoundError):
            yield from sorted(self.folder.glob("reports-*.jsonl"))

    def _drain_file(self, path: Path, take: Take) -> int:
        with _locked(path) as handle:
            if handle is None:
                return 0
            arrivals = _arrivals(handle, path.name)
            count = 0
            try:
                while group := list(itertools.islice(arrivals, TAKEN_AT_ONCE)):
                    take_each(take, group)
                    count += len(group)
            except RefusedError:
                # Kept for a person; it must not stand in the way of the others.
                log.error("a file of the spool was refused by the database", file=path.name)
                path.rename(path.with_name(f"refused-{path.name}"))
                return count
            path.unlink(missing_ok=True)
        log.info("reports read in from disk", reports=count)
        return count

    def _writable(self) -> int:
        mine = self._handle >= 0 and self._pid == os.getpid()
        if mine and self._size < MOST_FILE_BYTES and time.monotonic() < self._opened_at + MOST_FILE_SECONDS:
            return self._handle
        if mine:
            self._close()
        self._handle, self._pid = self._create(), os.getpid()
        self._size, self._opened_at = 0, time.monotonic()
        return self._handle

    def _create(self) -> int:
        """A new file that is locked before it has a name by which readers would find it."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        name = f"reports-{time.time_ns()}-{secrets.token_hex(4)}"
        unnamed = self.folder / f"{name}.new"
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        handle = os.open(unnamed, flags, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            unnamed.rename(self.folder / f"{name}.jsonl")
            _sync_folder(self.folder)
        except OSError:
            os.close(handle)
            unnamed.unlink(missing_ok=True)
            raise
        return handle

    def _take_back(self, handle: int) -> None:
        """Half a line may have been written; cut it off, so that the next one does not continue it."""
        try:
            os.ftruncate(handle, self._size)
        except OSError:
            self._close()

    def _close_old(self) -> None:
        with self._lock:
            if time.monotonic() >= self._opened_at + MOST_FILE_SECONDS:
                self._close()

    def _close(self) -> None:
        if self._handle >= 0:
            # In a forked child this is a copy; the parent's lock stays with the parent's file.
            os.close(self._handle)
        self._handle = -1


def take_each(take: Take, arrivals: Sequence[Arrival]) -> None:
    """Have arrivals taken; if the database refuses some for what they hold, the others without them.

    What is refused is kept as unreadable: nothing that came is thrown away.
    """
    try:
        take(arrivals)
    except RefusedError:
        if len(arrivals) == 1:
            take([_as_unreadable(arrivals[0])])
            return
        middle = len(arrivals) // 2
        take_each(take, arrivals[:middle])
        take_each(take, arrivals[middle:])


def _as_unreadable(arrival: Arrival) -> Arrival:
    told = arrival.content
    raw = repr(told).encode("utf-8", "backslashreplace") if isinstance(told, Report) else told.raw
    return Arrival(arrival.team_id, arrival.account_id, arrival.received_at, Unreadable(raw[:2048], len(raw)))


@contextmanager
def _locked(path: Path) -> Iterator[int | None]:
    """The file, if nobody else writes or reads it; it may be gone by now."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        yield None
        return
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield None
            return
        # Another reader may have removed it between our opening and our lock.
        yield handle if path.exists() else None
    finally:
        os.close(handle)


def _write_all(handle: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(handle, view) :]


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _line(arrival: Arrival) -> str:
    told = arrival.content
    row: dict[str, Any] = {
        "team": arrival.team_id,
        "account": arrival.account_id,
        "received": arrival.received_at.isoformat(),
    }
    if isinstance(told, Report):
        reported = told.reported_at.isoformat() if told.reported_at is not None else None
        row["report"] = [told.msgid, told.mobile, told.status, told.time_text, reported]
    else:
        row["raw"], row["size"] = base64.b64encode(told.raw).decode(), told.size
    return json.dumps(row) + "\n"


def _arrivals(handle: int, name: str) -> Iterator[Arrival]:
    with os.fdopen(os.dup(handle), "rb") as file:
        for line in file:
            try:
                yield _arrival(json.loads(line))
            except (ValueError, KeyError, TypeError):
                # Only the end of a file can be so, where a process died while writing: it was not answered.
                log.warning("a line of the spool was cut short", file=name, length=len(line))


def _arrival(row: dict[str, Any]) -> Arrival:
    content: Report | Unreadable
    if "report" in row:
        msgid, mobile, status, time_text, reported = row["report"]
        reported_at = datetime.fromisoformat(reported) if reported is not None else None
        content = Report(msgid, mobile, status, time_text, reported_at)
    else:
        content = Unreadable(base64.b64decode(row["raw"]), int(row["size"]))
    received_at = datetime.fromisoformat(row["received"])
    return Arrival(int(row["team"]), int(row["account"]), received_at, content)
