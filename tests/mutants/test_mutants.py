"""Tests of walls and of faults, tested: each planted fault must turn one red, by an assertion.

A fault is a patch beside this file. Its first line says what it is; `# test:` names the test that must
see it, `# sees:` what that says then, `# walk:` the capability whose pages are enough to see it, `# also:` a
patch that has to go with it, since the database would stop a leak that is in the program alone, and prove
nothing about the walk. Each is applied to a copy of the program, and the test is run there in a process of
its own, on the same database server.
"""

from __future__ import annotations

import dataclasses
import os
import re
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest

from webapp.embedded import Cluster

ROOT = Path(__file__).parents[2]
PATCHES = Path(__file__).parent
NEEDED = ("webapp", "templates", "static", "migrations", "tests", "pyproject.toml", "wsgi.py")
# This one is no fault that anybody must see: the first wall has to hold without the second.
HARMLESS = "second-wall-lowered"
MUTANTS = sorted(path.stem for path in PATCHES.glob("*.patch") if path.stem != HARMLESS)
# With tests running side by side the other core has work already.
AT_ONCE = 1 if os.environ.get("PYTEST_XDIST_WORKER") else 2
SECONDS = 300


@dataclasses.dataclass(frozen=True)
class Outcome:
    """What became of one run: pytest's exit code, and each test that failed or broke with its message."""

    code: int
    failed: list[str]
    broken: list[str]
    text: str


def named(patch: str, what: str) -> str:
    """What stands behind "# test:", "# also:" or "# sees:" in a patch, "" if nothing."""
    found = re.search(
        rf"^# {what}: (.+)$", (PATCHES / f"{patch}.patch").read_text(encoding="utf-8"), re.MULTILINE
    )
    return found[1].strip() if found else ""


def run(patch: str, cluster: Cluster, folder: Path) -> Outcome:
    """Run the patch's test in a patched copy of the program."""
    copy = folder / patch
    copy.mkdir()
    for name in NEEDED:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy2(ROOT / name, copy / name)
    for name in filter(None, (named(patch, "also"), f"{patch}.patch")):
        apply(PATCHES / name, copy)
    report = folder / f"{patch}.xml"
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", "--show-capture=no",
         f"--junitxml={report}",
         # Of its own: runs that share one clear away each other's old folders.
         f"--basetemp={folder / f'{patch}-tmp'}", named(patch, "test")],
        cwd=copy,
        env={
            **_alone(),
            "TIDINGS_TEST_INSTANCE": str(cluster.instance),
            "TIDINGS_WALK": named(patch, "walk"),
            "PYTHONDONTWRITEBYTECODE": "1",
        },
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )  # fmt: skip
    shutil.rmtree(copy)
    tree = ET.parse(report) if report.exists() else None  # noqa: S314 # pytest wrote it a moment ago
    cases = list(tree.iter("testcase")) if tree is not None else []
    return Outcome(
        done.returncode, messages(cases, "failure"), messages(cases, "error"), done.stdout + done.stderr
    )


def _alone() -> dict[str, str]:
    """The environment without what makes a test process one of several."""
    return {key: value for key, value in os.environ.items() if not key.startswith("PYTEST_XDIST")}


def apply(patch: Path, copy: Path) -> None:
    """Apply a patch; fail with a sentence where the program has changed under it."""
    # A repository that the temporary folder may happen to lie in is none of git's business here.
    env = {**os.environ, "GIT_CEILING_DIRECTORIES": str(copy.parent)}
    command = ["git", "apply", "-C1", "--verbose", str(patch)]
    done = subprocess.run(command, cwd=copy, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{patch.name} does not fit the program any more: {done.stderr}"
    assert "Applied patch" in done.stderr, f"{patch.name} changed nothing: {done.stderr}"


def messages(cases: list[ET.Element], kind: str) -> list[str]:
    """What each failure or error says: its message, then all of it."""
    return [f"{found.get('message', '')}\n{found.text}" for case in cases for found in case.iter(kind)]


@pytest.fixture(scope="module")
def runs(
    cluster: Cluster, tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Iterator[dict[str, Future[Outcome]]]:
    """The runs of all patches that are asked for, a few at a time."""
    wanted = [
        name for name in (HARMLESS, *MUTANTS) if any(name in item.name for item in request.session.items)
    ]
    folder = tmp_path_factory.mktemp("mutants")
    with ThreadPoolExecutor(AT_ONCE) as pool:
        yield {name: pool.submit(run, name, cluster, folder) for name in wanted}


@pytest.mark.parametrize("patch", [HARMLESS])
def test_the_first_wall_holds_without_the_second(patch: str, runs: dict[str, Future[Outcome]]) -> None:
    """Also the proof that a copy works at all: what is red below is red for its patch."""
    outcome = runs[patch].result()
    assert (outcome.code, outcome.failed, outcome.broken) == (0, [], []), outcome.text


@pytest.mark.parametrize("patch", MUTANTS)
def test_a_planted_fault_turns_its_test_red(patch: str, runs: dict[str, Future[Outcome]]) -> None:
    outcome = runs[patch].result()
    assert outcome.code == 1, outcome.text
    assert outcome.broken == [], outcome.text
    assert len(outcome.failed) == 1, outcome.text
    assert re.match(r"assert |AssertionError", outcome.failed[0]), outcome.text
    assert named(patch, "sees") in outcome.failed[0]


def test_the_faults_that_must_be_seen_are_planted() -> None:
    leaks = {"unscoped-read", "unscoped-child", "id-in-the-body", "write-then-404", "different-text"}
    others = {"route-without-a-mark", "right-on-a-partition", "policy-forgotten"}
    assert leaks | others <= set(MUTANTS)
    assert all(named(patch, "also") for patch in leaks)
    assert all(named(patch, "sees") for patch in MUTANTS)
    # Each of the faults to survive has a test that can fail.
    assert {patch.partition("-")[0] for patch in MUTANTS} >= {"f7", "f8", "f10", "f11", "f14"}
