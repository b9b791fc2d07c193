"""Dumps the tables that figures are computed from, and computes them in a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import psycopg

from tests.conftest import Database
from tests.practice.fixture import PracticeGateway
from webapp.connections import conninfo

SCRIPT = Path(__file__).with_name("figures.py")
TABLES = ("campaign", "batch", "message", "attempt")


def dump(database: Database, folder: Path) -> Path:
    """Write the tables as CSV into a folder, all from one snapshot; returns the folder."""
    folder.mkdir(exist_ok=True)
    with psycopg.connect(conninfo(database.owner_url)) as connection:
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        for table in TABLES:
            with (folder / f"{table}.csv").open("wb") as file, connection.cursor() as cursor:
                # A query, not the table: message lies in partitions.
                copy = f"COPY (SELECT * FROM {table}) TO STDOUT (FORMAT csv, HEADER)"
                with cursor.copy(copy.encode()) as rows:
                    for piece in rows:
                        file.write(piece)
    return folder


def figures(ledger: Path, folder: Path, uid: str, **files: Path) -> dict[str, Any]:
    """What the script says; `files` are its further options."""
    options = [word for name, path in files.items() for word in (f"--{name}", str(path))]
    done = subprocess.run(
        [sys.executable, "-I", str(SCRIPT), str(ledger), str(folder), "--uid", uid, *options],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def figures_of(
    practice: PracticeGateway, database: Database, folder: Path, uid: str, **files: Path
) -> dict[str, Any]:
    """Dump now and compute. Everything that happened up to now is in the ledger."""
    practice.ledger()
    return figures(practice.ledger_file, dump(database, folder), uid, **files)


def write_lines(path: Path, lines: Iterable[dict[str, object]]) -> Path:
    """JSON lines into a file."""
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    return path
