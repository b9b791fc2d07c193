"""The ledger: one JSON object per line, in the order in which things happened.

Written only where the program is started with `--ledger FILE`. Fault tests compute their figures from it,
so it says what the gateway knows and nothing it was told by the sender's database. Times are Unix seconds
with a fraction. One thread writes; lines are flushed to the system at once but not forced to the disk,
since a test that kills the practice gateway itself does not ask about its last line.

A request that was read in full:

    {"open": 17, "at": 1700000000.1, "uid": "practice", "body_sha256": "…"}

and when its answer was written or given up, one line more under the same number:

    {"submission": 17, "opened_at": …, "closed_at": …, "uid": …, "body_sha256": …, "content_sha256": …,
     "content_length": 21, "mobiles": […], "decision": "0", "kind": "ok", "msgid": "…", "delivered": […],
     "swallowed": […], "cost": 2, "ended": "answered"}

`decision` is the code the rules came to ("" where they were not asked), `kind` what was done with the
answer, `delivered` the numbers taken after de-duplication, `swallowed` those that de-duplication dropped.
`ended` is `answered`, `gone` (the caller had left), `lost` (reset or closed on purpose) or `stopped` (this
program ended). A submission that was never read has `"opened_at": null`. A report that was posted, or given
up:

    {"report": 5, "at": …, "uid": …, "msgid": …, "mobile": …, "status": "DELIVRD", "try": 1, "answer": 200}

where `answer` is the HTTP status, 0 where there was none, and `"given_up": true` stands where it is not
tried again.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Event, Thread

Line = dict[str, object]


class Ledger:
    """Appends lines to a file from a thread of its own; without a file it does nothing."""

    def __init__(self, path: Path | None) -> None:
        self.on = path is not None
        self._queue: SimpleQueue[Line | Event | None] = SimpleQueue()
        self._thread: Thread | None = None
        self._complained = False
        if path is not None:
            # Full numbers stand in here: for the owner's eyes only.
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
            self._file = os.fdopen(descriptor, "wb", buffering=1 << 16)
            self._thread = Thread(target=self._run, name="ledger", daemon=True)
            self._thread.start()

    def write(self, line: Line) -> None:
        """Queue one line; never blocks."""
        if self.on:
            self._queue.put(line)

    def settle(self) -> None:
        """Wait until everything queued so far is in the file; a few milliseconds."""
        if self._thread is not None:
            written = Event()
            self._queue.put(written)
            written.wait(5)

    def close(self) -> None:
        """Write what is queued and close the file."""
        if self._thread is not None:
            self._queue.put(None)
            self._thread.join()
            self._thread = None

    def _run(self) -> None:
        with self._file:
            line = self._queue.get()
            while line is not None:
                if isinstance(line, Event):
                    self._flush()
                    line.set()
                else:
                    self._put(line)
                try:
                    line = self._queue.get_nowait()
                except Empty:
                    self._flush()
                    line = self._queue.get()

    def _put(self, line: Line) -> None:
        try:
            self._file.write(json.dumps(line, separators=(",", ":")).encode() + b"\n")
        except OSError as error:
            self._complain(error)

    def _flush(self) -> None:
        try:
            self._file.flush()
        except OSError as error:
            self._complain(error)

    def _complain(self, error: OSError) -> None:
        if not self._complained:
            sys.stderr.write(
                f"The ledger cannot be written: {error.strerror}. Lines are missing from here on.\n"
            )
            self._complained = True
