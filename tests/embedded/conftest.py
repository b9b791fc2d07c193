"""Real servers in folders of their own, and processes that are ended whatever a test does."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from webapp.embedded import Cluster, is_accepting, prepare
from webapp.embedded_place import _outside, works_in

HOLD = str(Path(__file__).with_name("hold.py"))


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[Path]:
    """A folder that does not exist yet, with blanks in its path."""
    folder = tmp_path / "a folder with blanks" / "instance"
    yield folder
    end_servers(folder)
    remove_sockets(folder)


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that any user of the machine may enter (pytest's own are private)."""
    folder = Path(tempfile.mkdtemp(prefix="tidings-test-"))
    folder.chmod(0o755)
    yield folder
    for instance in folder.glob("*"):
        end_servers(instance)
        remove_sockets(instance)
    shutil.rmtree(folder)


def servers_of(instance: Path) -> list[int]:
    """Process ids of everything that works in the data folder: the postmaster and its helpers."""
    data = instance / "postgres"
    numbers = [int(entry.name) for entry in Path("/proc").glob("[0-9]*")]
    return [pid for pid in numbers if data.exists() and works_in(pid, data)]


def end_servers(instance: Path) -> None:
    """Kill whatever runs on `instance` and wait until it has gone."""
    for pid in servers_of(instance):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    wait_for(lambda: not servers_of(instance))


def remove_sockets(instance: Path) -> None:
    """Remove the folder of sockets outside of the instance, with what a killed server left in it."""
    for folder in _outside(instance.resolve()):
        shutil.rmtree(folder, ignore_errors=True)


def wait_for(condition: Callable[[], object], seconds: float = 30) -> None:
    """Wait until `condition` holds; fail after `seconds`."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)


@pytest.fixture
def become() -> Iterator[Callable[[Path], subprocess.Popen[str]]]:
    """Start `hold.py become` in the background, as a supervisor would."""
    started: list[subprocess.Popen[str]] = []

    def start(folder: Path) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, HOLD, "become", str(folder)], stderr=subprocess.PIPE, text=True
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.wait()
        assert process.stderr
        process.stderr.close()


def running(instance: Path) -> Cluster:
    """The cluster of `instance` once it takes connections."""
    wait_for(lambda: (instance / "postgres.json").exists() and is_accepting(prepare(instance)))
    return prepare(instance)


def ask(conninfo: str, statement: str) -> tuple[Any, ...]:
    """The first row of what one statement returns."""
    with psycopg.connect(conninfo, autocommit=True) as connection:
        row = connection.execute(statement.encode()).fetchone()
    assert row is not None
    return row


def run(conninfo: str, *statements: str) -> None:
    """Run statements in one committed transaction."""
    with psycopg.connect(conninfo) as connection:
        for statement in statements:
            connection.execute(statement.encode())


def told(process: subprocess.Popen[str]) -> dict[str, Any]:
    """What `hold.py start` says first."""
    assert process.stdout
    line = process.stdout.readline()
    assert line, process.communicate()[1]
    found = json.loads(line)
    assert isinstance(found, dict)
    return found
