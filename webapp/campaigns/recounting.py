"""Recounts messages and compares with the tallies: the proof that what pages show is what there is."""

from __future__ import annotations

from dataclasses import dataclass

from flask import Flask

from webapp import tenancy
from webapp.campaigns import statements, tallies


@dataclass(frozen=True)
class Difference:
    """A tally that is not what counting gives."""

    campaign_id: int
    tally: str
    shown: int
    counted: int


def differences() -> list[Difference]:
    """Recount the present team's campaigns, and the open messages of its batches."""
    session = tenancy.session()
    found: list[Difference] = []
    for row in session.execute(statements.RECOUNT, {"team": tenancy.scope()}).mappings():
        found.extend(
            Difference(row["id"], name, row[name], row[f"counted_{name}"])
            for name in tallies.TALLIES
            if row[name] != row[f"counted_{name}"]
        )
    found.extend(
        Difference(row["campaign_id"], f"batch {row['no']} open", row["open"], row["counted"])
        for row in session.execute(statements.RECOUNT_OPEN, {"team": tenancy.scope()}).mappings()
    )
    return found


def recount_all(app: Flask) -> int:
    """Recount every team; prints each difference and returns 1 if there was one, else 0."""
    with app.app_context():
        teams = [row.team_id for row in tenancy.door("recount every team", "door_teams")]
    total = 0
    for team_id in teams:
        with tenancy.team_scope(team_id, app):
            for difference in differences():
                total += 1
                print(  # noqa: T201 # the command's answer
                    f"campaign {difference.campaign_id}: {difference.tally} is {difference.shown}, "
                    f"counted {difference.counted}"
                )
    print("All numbers add up." if total == 0 else f"{total} numbers differ.")  # noqa: T201 # the same
    return 1 if total else 0
