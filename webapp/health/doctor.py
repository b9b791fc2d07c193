"""`python -m webapp doctor`: look at everything, print a line for each thing, end with 1 if one is wrong."""

from __future__ import annotations

import shutil
from dataclasses import dataclass

from flask import Flask
from sqlalchemy import text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import SQLAlchemyError

from webapp import clock, connections, create_app, heartbeats, schema, tenancy
from webapp.campaigns import recounting
from webapp.delivery import settler
from webapp.extensions import db
from webapp.health import checks, walls_check
from webapp.sealing import KeyRing, KeyRingError, key_ids
from webapp.settings import Settings


@dataclass(frozen=True)
class Finding:
    """One line of the examination."""

    well: bool
    what: str


def examine(settings: Settings) -> int:
    """Print what was found; 0 when all is well."""
    app = create_app(settings)
    findings: list[Finding] = []
    for look in (_database, _revision, _walls, _keys, _disk, _loops, _jobs, _reports, _sums):
        try:
            findings.extend(look(app, settings))
        except SQLAlchemyError as error:
            findings.append(Finding(False, f"{look.__name__[1:]}: the database says {type(error).__name__}"))
    for finding in findings:
        print(f"{'ok  ' if finding.well else 'BAD '} {finding.what}")  # noqa: T201 # the command's answer
    return 0 if all(finding.well for finding in findings) else 1


def _role(settings: Settings) -> str:
    return make_url(connections.program_url(settings)).username or ""


def _database(app: Flask, settings: Settings) -> list[Finding]:
    with app.app_context():
        version = db.session.scalar(text("SHOW server_version"))
        encoding = db.session.scalar(text("SHOW server_encoding"))
        number = int(db.session.scalar(text("SHOW server_version_num")) or 0)
    return [
        Finding(number >= 150000, f"PostgreSQL {version}, as the role {_role(settings)}"),
        Finding(encoding == "UTF8", f"encoding {encoding}"),
    ]


def _revision(app: Flask, settings: Settings) -> list[Finding]:
    del app
    found, wanted = schema.current(connections.program_url(settings)), schema.head()
    return [Finding(found == wanted, f"tables at revision {found}, this program wants {wanted}")]


def _walls(app: Flask, settings: Settings) -> list[Finding]:
    with app.app_context():
        faults = walls_check.faults(db.session.connection(), _role(settings))
    if faults:
        return [Finding(False, fault) for fault in faults]
    return [Finding(True, "row-level security is forced on every table of a team; no right on a partition")]


def _keys(app: Flask, settings: Settings) -> list[Finding]:
    del app
    try:
        ring = KeyRing.load(settings.keys_file)
    except (KeyRingError, OSError) as error:
        return [Finding(False, f"keys: {error}")]
    return [Finding(True, f"{len(key_ids(ring))} key(s) for credentials")]


def _disk(app: Flask, settings: Settings) -> list[Finding]:
    del app
    free = shutil.disk_usage(settings.instance).free
    return [Finding(free >= checks.LEAST_FREE_BYTES, f"{free // 2**20} MiB free for data")]


def _loops(app: Flask, settings: Settings) -> list[Finding]:
    del settings
    with app.app_context():
        silent = checks.silent_loops(clock.now())
        beats = heartbeats.all_beats()
    if silent:
        return [Finding(False, f"the worker's loops were not heard lately: {', '.join(silent)}")]
    return [Finding(True, f"{len(beats)} loops and periodic jobs heard")]


def _jobs(app: Flask, settings: Settings) -> list[Finding]:
    del settings
    with app.app_context():
        waiting = db.session.scalar(
            text("SELECT count(*) FROM procrastinate_jobs WHERE status = 'todo'")
        )  # fmt: skip
    return [Finding((waiting or 0) < 1000, f"{waiting} jobs wait")]


def _reports(app: Flask, settings: Settings) -> list[Finding]:
    del settings
    with app.app_context():
        lag = settler.lag_seconds()
    return [Finding(lag < checks.LAG_SECONDS, f"delivery reports are settled {lag:.0f} s after they come")]


def _sums(app: Flask, settings: Settings) -> list[Finding]:
    del settings
    with app.app_context():
        teams = [row.team_id for row in tenancy.door("recount every team", "door_teams")]
    wrong = 0
    for team_id in teams:
        with tenancy.team_scope(team_id, app):
            wrong += len(recounting.differences())
    return [Finding(wrong == 0, f"tallies against a recount: {wrong} differences in {len(teams)} teams")]
