"""The script that judges the others: it sees each kind of harm, and borrows nothing from what it judges."""

from __future__ import annotations

import ast
import csv
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.faults.dump import SCRIPT, figures, write_lines

CAMPAIGN = {"team_id": 1, "id": 7, "state": "finished", "recipients": 4, "waiting": 0, "unconfirmed": 0,
            "no_report": 4, "delivered": 0, "failed": 0, "not_sent": 0}  # fmt: skip
A, B, C, D = "13800000001", "13800000002", "13800000003", "13800000004"


def submission(number: int, mobiles: list[str], **more: object) -> dict[str, Any]:
    line: dict[str, Any] = {
        "submission": number, "opened_at": 100.0, "closed_at": 100.2, "uid": "u",
        "body_sha256": f"body{number}", "content_sha256": "text", "mobiles": mobiles, "decision": "0",
        "kind": "ok", "delivered": mobiles, "swallowed": [], "ended": "answered",
    }  # fmt: skip
    return {**line, **more}


def write_table(folder: Path, name: str, rows: list[dict[str, object]]) -> None:
    with (folder / f"{name}.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)


def count(folder: Path, ledger: list[dict[str, Any]], **tables: list[dict[str, object]]) -> dict[str, Any]:
    """The figures of two batches of two, all accepted, unless the tables say otherwise."""
    batch = {"team_id": 1, "campaign_id": 7, "state": "accepted", "first_unknown_at": ""}
    message = {"team_id": 1, "campaign_id": 7, "copy": 0, "outcome": ""}
    attempt = {"team_id": 1, "campaign_id": 7, "batch_no": 1, "n": 1, "finished_at": "2026-01-01"}
    usual: dict[str, list[dict[str, object]]] = {
        "campaign": [dict(CAMPAIGN)],
        "batch": [{**batch, "no": 1}, {**batch, "no": 2}],
        "message": [
            {**message, "mobile": mobile, "batch_no": 1 + (mobile in (C, D))} for mobile in (A, B, C, D)
        ],
        "attempt": [attempt],
    }
    for name, rows in {**usual, **tables}.items():
        write_table(folder, name, rows)
    ledger_file = write_lines(folder / "ledger", ledger)
    kills = write_lines(folder / "kills", [{"kill": 100.1, "dead": 100.11}, {"kill": 105.0, "dead": 105.01}])
    posts = write_lines(folder / "posts", [{"open_attempt": True}, {"open_attempt": False}])
    return figures(ledger_file, folder, "u", kills=kills, posts=posts)


GOOD = [submission(1, [A, B]), submission(2, [C, D])]
NO_HARM = {"lost": 0, "twice": 0, "strangers": 0, "second_digests": 0, "differences": 0, "unconfirmed": 0}


def test_no_harm(tmp_path: Path) -> None:
    found = count(tmp_path, GOOD)
    assert {
        **NO_HARM,
        "recipients": 4,
        "delivered": 4,
        "no_report": 4,
        "open_attempts": 0,
    }.items() <= found.items()
    assert (found["tried"], found["hit"], found["posts"], found["unannounced"]) == (2, 0, 2, 1)


@pytest.mark.parametrize(
    ("ledger", "harm"),
    [
        (GOOD[:1], {"lost": 2, "delivered": 2}),
        ([*GOOD, submission(3, [A, B])], {"twice": 2, "second_digests": 1}),
        ([*GOOD, submission(3, [A, B], body_sha256="body1", delivered=[], swallowed=[A, B])], {}),
        ([*GOOD, submission(3, [A], delivered=[], swallowed=[A])], {"second_digests": 1}),
        ([*GOOD, submission(3, [A], decision="5", delivered=[])], {}),
        ([*GOOD, submission(3, [A], decision="", kind="code5", delivered=[])], {}),
        ([*GOOD, submission(3, [A], decision="", kind="code7", delivered=[])], {"second_digests": 1}),
        ([*GOOD, submission(3, ["13900000000"])], {"strangers": 1}),
        ([*GOOD, submission(3, [A], uid="another")], {}),
        ([submission(1, [A, B], ended="gone"), GOOD[1]], {"hit": 1}),
        ([submission(1, [A, B], ended="gone", closed_at=109.0), GOOD[1]], {"hit": 0}),
        ([submission(1, [A, B], ended="gone", opened_at=100.15), GOOD[1]], {"hit": 0}),
    ],
)  # fmt: skip
def test_harm_that_the_ledger_shows(
    tmp_path: Path, ledger: list[dict[str, Any]], harm: dict[str, int]
) -> None:
    found = count(tmp_path, ledger)
    assert {name: found[name] for name in {**NO_HARM, **harm}} == {**NO_HARM, **harm}


@pytest.mark.parametrize(
    ("table", "change", "harm"),
    [
        ("campaign", {"no_report": 3, "waiting": 1}, {"differences": 2}),
        ("campaign", {"recipients": 5}, {"differences": 1}),
        ("batch", {"state": "hold"}, {"unconfirmed": 2, "no_report": 2, "differences": 2}),
        (
            "batch",
            {"state": "inflight", "first_unknown_at": "2026-01-01"},
            {"unconfirmed": 2, "differences": 2},
        ),
        ("batch", {"state": "inflight"}, {"waiting": 2, "differences": 2}),
        ("batch", {"state": "replaced"}, {"unconfirmed": 2, "differences": 1}),
        ("message", {"outcome": "delivered"}, {"reported": 1, "differences": 2}),
        ("message", {"outcome": "other"}, {"no_report": 4}),
        ("attempt", {"finished_at": ""}, {"open_attempts": 1}),
    ],
)
def test_harm_that_the_tables_show(
    tmp_path: Path, table: str, change: dict[str, object], harm: dict[str, int]
) -> None:
    count(tmp_path, GOOD)
    with (tmp_path / f"{table}.csv").open(newline="") as file:
        rows: list[dict[str, object]] = [dict(row) for row in csv.DictReader(file)]
    rows[0] |= change
    found = count(tmp_path, GOOD, **{table: rows})
    assert {name: found[name] for name in {**NO_HARM, **harm}} == {**NO_HARM, **harm}


def test_it_imports_nothing_but_the_standard_library() -> None:
    imported = set()
    for node in ast.walk(ast.parse(SCRIPT.read_text())):
        if isinstance(node, ast.Import):
            imported |= {name.name.partition(".")[0] for name in node.names}
        elif isinstance(node, ast.ImportFrom):
            imported.add((node.module or ".").partition(".")[0] if node.level == 0 else ".")
    assert imported
    assert imported <= sys.stdlib_module_names
