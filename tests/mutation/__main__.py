"""Mutation testing of the pure rules: `make mutants`, or `python -m tests.mutation gateway.answers …`.

With `gateway.answers:117` only what stands in that line is changed.

Each mutant is tried in a child of this process, which has loaded the libraries but nothing of the program, by
the module's own tests that need no database. A test that fails, or does not end, kills it.
"""

from __future__ import annotations

import ast
import importlib
import importlib.abc
import importlib.machinery
import os
import signal
import sys
import time
import types
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.mutation.mutants import Mutant, mutants_of

ROOT = Path(__file__).parents[2]
AT_ONCE = os.cpu_count() or 1
SECONDS = 30
LEAST = 0.9
# Loaded once, by the parent.
LIBRARIES = (
    "flask", "flask_babel", "flask_login", "flask_migrate", "flask_sqlalchemy", "flask_wtf", "hypothesis",
    "hypothesis.stateful", "openpyxl", "procrastinate", "psycopg", "sqlalchemy.orm", "structlog", "urllib3",
    "wtforms", "xlsxwriter", "argon2", "cryptography.fernet", "prometheus_client", "limits",
)  # fmt: skip
DATABASE = frozenset(
    {"app", "bare", "client", "cluster", "database", "empty", "owner", "practice", "settings"}
)


@dataclass(frozen=True)
class Target:
    """A module of rules, the tests that know them, and which parts of it are rules (all: none named)."""

    module: str
    tests: tuple[str, ...]
    only: tuple[str, ...] = ()


TARGETS = (
    Target("gateway.answers", ("gateway/test_answers.py", "gateway/test_kept_words.py")),
    Target("gateway.exchange", ("gateway/test_exchange.py",)),
    Target("gateway.parsing", ("gateway/test_parsing.py", "gateway/test_answers.py")),
    Target("gateway.balances", ("gateway/test_balances.py", "gateway/test_kept_words.py")),
    Target("gateway.transitions", ("gateway/test_transitions.py",)),
    Target("gateway.breaker", ("gateway/test_breaker.py",)),
    Target("gateway.report_words", ("gateway/test_report_words.py",)),
    Target("campaigns.states", ("campaigns/test_rules.py",)),
    Target("campaigns.tallies", ("campaigns/test_rules.py",),
           ("TALLIES", "_BY_STATE", "tally_of", "outcome_tally", "moved")),
    Target("campaigns.repeats", ("campaigns/test_rules.py",), ("next_repeat",)),
    Target("campaigns.hours", ("campaigns/test_hours.py",),
           ("Hours", "_clock_changes", "_DAYS_AHEAD", "_DAY")),
    Target("campaigns.moments", ("campaigns/test_moments.py",),
           ("_WRITTEN", "FURTHEST", "parse_local", "local_text", "_wall_time")),
    Target("campaigns.ladder", ("campaigns/test_ladder.py",)),
    Target("campaigns.texts", ("campaigns/test_texts.py",)),
    Target("characters", ("campaigns/test_texts.py",)),
    Target("delivery.parse", ("delivery/test_parse.py",)),
)  # fmt: skip


class _Planter(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Imports the mutant instead of the module."""

    def __init__(self, name: str, path: Path, tree: ast.Module) -> None:
        self.name, self.path, self.tree = name, path, tree

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: types.ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        del path, target
        if fullname != self.name:
            return None
        return importlib.machinery.ModuleSpec(fullname, self, origin=str(self.path))

    def exec_module(self, module: types.ModuleType) -> None:
        exec(compile(self.tree, str(self.path), "exec"), module.__dict__)  # noqa: S102 # that is its purpose


class _WithoutDatabase:
    """Leaves out tests that need a database."""

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        items[:] = [item for item in items if DATABASE.isdisjoint(getattr(item, "fixturenames", ()))]


def try_tree(target: Target, tree: ast.Module) -> int:
    """In a child: whether the target's tests see it; pytest's exit code."""
    # Its own seconds, however busy the machine is; and an end for one that sleeps.
    signal.setitimer(signal.ITIMER_PROF, SECONDS)
    signal.alarm(20 * SECONDS)
    quiet = os.open(os.devnull, os.O_WRONLY)
    os.dup2(quiet, 1)
    os.dup2(quiet, 2)
    name = f"webapp.{target.module}"
    sys.meta_path.insert(0, _Planter(name, path_of(target), tree))
    tests = [str(ROOT / "tests" / test) for test in target.tests if (ROOT / "tests" / test).exists()]
    options = [
        "-q",
        "-x",
        "--tb=no",
        "-o",
        "filterwarnings=ignore",
        "-p",
        "no:cacheprovider",
        "-p",
        "no:xdist",
    ]
    return int(pytest.main([*options, *tests], plugins=[_WithoutDatabase()]))


def path_of(target: Target) -> Path:
    """Where the module's source is."""
    return ROOT / "webapp" / f"{target.module.replace('.', '/')}.py"


def fork(target: Target, tree: ast.Module) -> int:
    """Begin to try a tree; returns the child's process id."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            code = try_tree(target, tree)
        finally:
            os._exit(code)
    return child


def survivors_of(target: Target, mutants: Sequence[Mutant]) -> Iterator[Mutant]:
    """Those mutants that every test of the module likes as well."""
    running: dict[int, Mutant] = {}
    waiting = list(reversed(mutants))
    while waiting or running:
        while waiting and len(running) < AT_ONCE:
            mutant = waiting.pop()
            running[fork(target, mutant.tree)] = mutant
        child, status = os.wait()
        if os.waitstatus_to_exitcode(status) == 0:
            yield running[child]
        del running[child]


def main(names: Sequence[str]) -> int:
    """Try the named modules, or all of them; 1 where one is under nine tenths."""
    for library in LIBRARIES:
        importlib.import_module(library)
    begun, low = time.monotonic(), []
    wanted: dict[str, set[int]] = defaultdict(set)
    for name in names:
        module, _, line = name.partition(":")
        wanted[module] |= {int(line)} if line else set()
    for target in TARGETS:
        if (names and target.module not in wanted) or not path_of(target).exists():
            continue
        lines = wanted.get(target.module)
        source = path_of(target).read_text(encoding="utf-8")
        _, status = os.waitpid(fork(target, ast.parse(source)), 0)
        if os.waitstatus_to_exitcode(status) != 0:
            print(f"{target.module}: its tests fail without any fault", flush=True)
            low.append(target.module)
            continue
        mutants = [one for one in mutants_of(source, target.only) if not lines or one.line in lines]
        survivors = list(survivors_of(target, mutants))
        killed = len(mutants) - len(survivors)
        print(f"{target.module}: {killed} of {len(mutants)} killed ({killed / len(mutants):.0%})", flush=True)
        for one in survivors:
            print(f"    line {one.line}, {one.within}: {one.before}  ->  {one.after}", flush=True)
        if killed < LEAST * len(mutants):
            low.append(target.module)
    print(f"{time.monotonic() - begun:.0f} s; under {LEAST:.0%}: {', '.join(low) or 'none'}")
    return bool(low)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
