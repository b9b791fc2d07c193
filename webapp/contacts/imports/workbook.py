"""Rows of a workbook, read by a process of its own that may die of the file.

The process has a bound of memory and time, an empty environment and a folder that goes with it. Whatever
becomes of it, the worker only learns rows, or that there are none.
"""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from webapp.contacts.imports import workbook_child as child

CHILD = Path(child.__file__)
SECONDS = 60
PIECE = 1 << 18
# A sheet says at most this much; a workbook may repeat one long text a million times.
MOST_SAID = 400 << 20
_WHY = {child.TOO_LARGE: "too_large", child.TOO_WIDE: "too_many_columns", child.TOO_LONG: "too_many_rows"}


class UnreadableError(Exception):
    """The workbook cannot be read; `why` is a key of words.WHY."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


@dataclass(frozen=True)
class Sheet:
    """One sheet: its name, those of all sheets, its rows as CSV in UTF-8, which may raise UnreadableError."""

    name: str
    names: list[str]
    content: Iterator[bytes]


@contextlib.contextmanager
def open_sheet(pieces: Iterable[bytes], wanted: str = "") -> Iterator[Sheet]:
    """Read a sheet of a workbook, the first one where `wanted` is none of its. Raises UnreadableError."""
    with tempfile.TemporaryDirectory(prefix="tidings-workbook-") as folder:
        path = Path(folder) / "book.xlsx"
        with path.open("wb") as file:
            for piece in pieces:
                file.write(piece)
        command = [sys.executable, "-I", str(CHILD), str(path), *([wanted] if wanted else [])]
        with subprocess.Popen(  # noqa: S603 # our own file; what is not ours is never a word of the command but a path
            command, cwd=folder, env={"LANG": "C.UTF-8", "TMPDIR": folder}, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, start_new_session=True,
        ) as running:  # fmt: skip
            alarm = threading.Timer(SECONDS, running.kill)
            alarm.start()
            try:
                yield _sheet(running)
            finally:
                alarm.cancel()
                running.kill()


def _sheet(running: subprocess.Popen[bytes]) -> Sheet:
    output = running.stdout
    if output is None:
        raise UnreadableError("unreadable")
    first = output.readline(1 << 16)
    if not first.endswith(b"\n"):
        raise _unreadable(running)
    head = json.loads(first)
    return Sheet(head["sheet"], head["sheets"], _content(running, output))


def _content(running: subprocess.Popen[bytes], output: IO[bytes]) -> Iterator[bytes]:
    size = 0
    while piece := output.read(PIECE):
        size += len(piece)
        if size > MOST_SAID:
            raise UnreadableError("too_large")
        yield piece
    if running.wait() != 0:
        raise _unreadable(running)


def _unreadable(running: subprocess.Popen[bytes]) -> UnreadableError:
    return UnreadableError(_WHY.get(running.wait(), "unreadable"))
