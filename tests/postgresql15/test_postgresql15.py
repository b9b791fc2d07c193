"""The oldest PostgreSQL that is promised: walls, sending and settling there too, if the machine has it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
OLDEST = "15"
PROGRAMS = Path("/usr/lib/postgresql") / OLDEST / "bin" / "postgres"
TESTS = (
    "tests/walls/test_database_walls.py",
    "tests/campaigns/test_sending.py",
    "tests/delivery/test_settling.py",
    "tests/health/test_external.py",
)
SECONDS = 120


@pytest.mark.skipif(
    not PROGRAMS.exists() or os.environ.get("TIDINGS_TEST_POSTGRES") == OLDEST,
    reason=f"this machine has no PostgreSQL {OLDEST}, or this is a run on it",
)
def test_the_oldest_version_does_as_well() -> None:
    """A run of its own, since roles and the server belong to a whole run."""
    environ = {**os.environ, "TIDINGS_TEST_POSTGRES": OLDEST}
    environ.pop("TIDINGS_TEST_INSTANCE", None)
    ended = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", "--show-capture=no", *TESTS],
        cwd=ROOT, env=environ, capture_output=True, text=True, timeout=SECONDS,
    )  # fmt: skip
    assert ended.returncode == 0, ended.stdout + ended.stderr
    passed = re.search(r"(\d+) passed", ended.stdout)
    assert passed is not None
    assert int(passed[1]) > 60, ended.stdout
