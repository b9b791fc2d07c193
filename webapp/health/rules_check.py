"""The rules of sending, held against the rows of every team, for a bounded time.

A team that is too big for the time that is left is not waited for: the doctor is also asked by machines.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from flask import Flask
from psycopg.errors import QueryCanceled
from sqlalchemy import func, select
from sqlalchemy.exc import OperationalError

from webapp import tenancy
from webapp.campaigns.invariants import RULES, Rule

MOST_SECONDS = 60.0
# One wrong thing is often wrong in many teams; the first ones show which.
MOST_TOLD = 3


@dataclass
class Look:
    """What was seen: `broken` has for each rule a sentence for each team in which it does not hold."""

    teams: int
    seen: int = 0
    seconds: float = 0.0
    broken: dict[Rule, list[str]] = field(default_factory=lambda: {rule: [] for rule in RULES})


def look(app: Flask) -> Look:
    """Look at one team after the other, for a minute at most; a team counts as seen when all was asked."""
    with app.app_context():
        teams = [row.team_id for row in tenancy.door("recount every team", "door_teams")]
    seen = Look(len(teams))
    started = time.monotonic()
    for team_id in teams:
        found = _of_team(app, team_id, started + MOST_SECONDS)
        if found is None:
            break
        seen.seen += 1
        for rule, sentences in found.items():
            told = seen.broken[rule]
            told.extend(f"team {team_id}: {one}" for one in sentences[: MOST_TOLD - len(told)])
    seen.seconds = time.monotonic() - started
    return seen


def _of_team(app: Flask, team_id: int, deadline: float) -> dict[Rule, list[str]] | None:
    """What does not hold in one team, by rule; None where the time does not suffice."""
    found: dict[Rule, list[str]] = {}
    with tenancy.team_scope(team_id, app) as session:
        for rule in RULES:
            left = deadline - time.monotonic()
            if left <= 0:
                return None
            limit = f"{max(1, int(left * 1000))}"
            session.execute(select(func.set_config("statement_timeout", limit, True)))
            try:
                found[rule] = rule.look()
            except OperationalError as error:
                if isinstance(error.orig, QueryCanceled):
                    return None
                raise
    return found
