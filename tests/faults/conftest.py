"""A whole program as processes, with short times, on the test database and the practice gateway."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import Database
from tests.faults.processes import Process, free_port, wait_for_web
from tests.practice.fixture import PracticeGateway
from webapp.settings import Settings

# A dead worker is noticed after five seconds instead of four minutes; all checks between times still hold.
TIMES = "connect=1,answer=2,call_limit=2,lease=5,reaper=0.5,evidence=1,first_repeat=1,second_repeat=3"


@pytest.fixture
def environ(empty: Database, practice: PracticeGateway, tmp_path: Path) -> dict[str, str]:
    port = free_port()
    return {
        **empty.environ(),
        "TIDINGS_INSTANCE": str(tmp_path / "instance"),
        "TIDINGS_BIND": f"127.0.0.1:{port}",
        "TIDINGS_PRACTICE": "on",
        "TIDINGS_PRACTICE_BIND": f"127.0.0.1:{practice.port}",
        "TIDINGS_TIMES": TIMES,
        "TIDINGS_WORKERS": "1",
    }


@pytest.fixture
def settings(environ: dict[str, str]) -> Settings:
    """The settings of the processes, for the application that the test itself uses."""
    return Settings.from_environ(environ)


@pytest.fixture
def web(environ: dict[str, str], settings: Settings, tmp_path: Path) -> Iterator[Process]:
    with Process(tmp_path, "web", environ) as running:
        wait_for_web(settings.bind.port)
        yield running


@pytest.fixture
def worker(environ: dict[str, str], tmp_path: Path) -> Iterator[Process]:
    with Process(tmp_path, "worker", environ) as running:
        yield running
