"""Recounts what there is and compares: the proof that what pages show is what happened.

The tallies of a campaign and the open messages of its batches are counted from messages; the minutes that a
chart is drawn from must add up to the tallies; the roll-ups of all reports are counted from what was handed
over.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from flask import Flask
from sqlalchemy import TextClause

from webapp import tenancy
from webapp.campaigns import invariant_statements, statements, tallies


@dataclass(frozen=True)
class Difference:
    """A number that is not what counting gives. `where`: the campaign, or the hour that is rolled up."""

    where: str
    what: str
    shown: int
    counted: int

    def __str__(self) -> str:
        return f"{self.where}: {self.what} is {self.shown}, counted {self.counted}"


def differences() -> list[Difference]:
    """Recount all numbers of the present team."""
    return [
        *_of_tallies(statements.RECOUNT, "{}"),
        *_of_tallies(invariant_statements.RECOUNT_MINUTES, "{} against its minutes"),
        *_of_batches(),
        *_of_rollups(),
        *_of_reports(),
    ]


def _rows(statement: TextClause) -> Any:
    return tenancy.session().execute(statement, {"team": tenancy.scope()}).mappings()


def _of_tallies(statement: TextClause, what: str) -> Iterator[Difference]:
    for row in _rows(statement):
        for name in tallies.TALLIES:
            if row[name] != row[f"counted_{name}"]:
                yield Difference(
                    f"campaign {row['id']}", what.format(name), row[name], int(row[f"counted_{name}"])
                )


def _of_batches() -> Iterator[Difference]:
    for row in _rows(statements.RECOUNT_OPEN):
        yield Difference(
            f"campaign {row['campaign_id']}", f"batch {row['no']} open", row["open"], row["counted"]
        )


def _of_rollups() -> Iterator[Difference]:
    for row in _rows(invariant_statements.RECOUNT_ROLLUPS):
        what = f"{row['outcome']} at {row['operator']} through account {row['account_id']}"
        if row["shown"] != row["counted"]:
            yield Difference(_hour(row["hour"]), what, int(row["shown"]), row["counted"])
        if row["shown_parts"] != row["counted_parts"]:
            shown, counted = int(row["shown_parts"]), int(row["counted_parts"])
            yield Difference(_hour(row["hour"]), f"parts of {what}", shown, counted)


def _of_reports() -> Iterator[Difference]:
    for row in _rows(invariant_statements.RECOUNT_REPORTS):
        what = f"{row['outcome']} by {row['status']}, step {row['step']}, through account {row['account_id']}"
        yield Difference(_hour(row["hour"]), what, int(row["shown"]), row["counted"])


def _hour(hour: datetime | None) -> str:
    if hour is None:
        return "handed over in no hour"
    return f"the hour of {hour.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def recount_all(app: Flask) -> int:
    """Recount every team; prints each difference and returns 1 if there was one, else 0."""
    with app.app_context():
        teams = [row.team_id for row in tenancy.door("recount every team", "door_teams")]
    total = 0
    for team_id in teams:
        with tenancy.team_scope(team_id, app):
            for difference in differences():
                total += 1
                print(difference)  # noqa: T201 # the command's answer
    print("All numbers add up." if total == 0 else f"{total} numbers differ.")  # noqa: T201 # the same
    return 1 if total else 0
