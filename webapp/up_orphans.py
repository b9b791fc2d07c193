"""Ends what a killed supervisor left running.

Every process of a run carries that run's random mark in its environment, and the mark is kept in `run.lock`.
A process id alone would prove nothing: it may belong to somebody else by now. Without /proc nothing can be
told apart for sure; then nothing is ended here, and a port that is still held is reported as taken.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from webapp.embedded import RUN_MARK

if TYPE_CHECKING:
    from webapp.up import Program


@dataclass(frozen=True)
class _Process:
    pid: int
    parent: int
    program: str


def end(mark: str, programs: Sequence[Program]) -> None:
    """End the processes of the run `mark`, the last started first, as gently as a normal stop would.

    Raises nothing: what cannot be ended shows itself by the port or folder it holds.
    """
    if not mark or not _find(mark):
        return
    sys.stdout.write("An earlier Tidings was cut off; ending what it left running.\n")
    sys.stdout.flush()
    for program in reversed(programs):
        _end_program(mark, program.name, signal.Signals[f"SIG{program.stop_signal}"], program.stop_seconds)
    _end_program(mark, None, signal.SIGINT, 20)  # what the settings of today no longer start


def _end_program(mark: str, name: str | None, number: signal.Signals, seconds: float) -> None:
    """Ask the processes of one program (None: of any) to end; kill those that have not after `seconds`.

    Only the first process of a program is asked, as its own ones are its business; PostgreSQL, too, outlives
    a kill.
    """
    deadline = time.monotonic() + seconds
    asked: set[int] = set()
    while found := [process for process in _find(mark) if name in (None, process.program)]:
        late = time.monotonic() > deadline
        heads = {process.pid for process in found}
        for process in found:
            if late:
                _signal(process, signal.SIGKILL)
            elif process.parent not in heads and process.pid not in asked:
                asked.add(process.pid)
                _signal(process, number)
        if late and time.monotonic() > deadline + 10:
            return
        time.sleep(0.05)


def _signal(process: _Process, number: signal.Signals) -> None:
    with contextlib.suppress(OSError):
        os.kill(process.pid, number)


def _find(mark: str) -> list[_Process]:
    wanted = f"{RUN_MARK}={mark}".encode()
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError, ValueError):
            variables = (folder / "environ").read_bytes().split(b"\0")
            if wanted not in variables or int(folder.name) == os.getpid():
                continue
            state, parent = (folder / "stat").read_text().rpartition(")")[2].split()[:2]
            if state not in "ZX":
                found.append(_Process(int(folder.name), int(parent), _program_name(variables)))
    return found


def _program_name(variables: Sequence[bytes]) -> str:
    for variable in variables:
        name, _, value = variable.partition(b"=")
        if name == b"SUPERVISOR_PROCESS_NAME":
            return value.decode(errors="replace")
    return ""
