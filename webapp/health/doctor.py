"""`python -m webapp doctor`: look at everything, print a line for each thing, end with 1 if one is wrong."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from flask import Flask
from sqlalchemy import text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import SQLAlchemyError

from webapp import clock, connections, create_app, heartbeats, jobs, schema, walls
from webapp.delivery import settler
from webapp.extensions import db
from webapp.health import checks, keys_check, rules_check, walls_check
from webapp.sealing import KeyRing, KeyRingError, key_ids
from webapp.settings import Settings

# More than this, and jobs come in faster than they are done.
MOST_WAITING_JOBS = 1000


@dataclass(frozen=True)
class Finding:
    """One line of the examination."""

    well: bool
    what: str


def examine(settings: Settings) -> int:
    """Print what was found; 0 when all is well."""
    findings = list(_look(settings))
    for finding in findings:
        print(f"{'ok  ' if finding.well else 'BAD '} {finding.what}")  # noqa: T201 # the command's answer
    bad = sum(not finding.well for finding in findings)
    print(f"{bad} of {len(findings)} things are bad." if bad else "All is well.")  # noqa: T201 # the same
    return 1 if bad else 0


def _look(settings: Settings) -> Iterator[Finding]:
    """Each look for itself, so that one that cannot be taken hides no other; without a database, the rest."""
    app = create_app(settings)
    try:
        yield from _look_at_all(app, settings)
    finally:
        with app.app_context():
            db.engine.dispose()


def _look_at_all(app: Flask, settings: Settings) -> Iterator[Finding]:
    yield from _keys(app, settings)
    yield from _disk(app, settings)
    yield from _spool(app, settings)
    looks: tuple[Callable[[Flask, Settings], list[Finding]], ...] = (
        _database, _revision, _walls, _sealed, _loops, _jobs, _reports, _rules,
    )  # fmt: skip
    for look in looks:
        try:
            yield from look(app, settings)
        except SQLAlchemyError as error:
            reason = schema.first_line(getattr(error, "orig", None) or error)
            if look is _database:
                yield Finding(False, f"the database cannot be reached: {reason}")
                yield Finding(False, "nothing else can be looked at without it; is Tidings running?")
                return
            yield Finding(False, f"{look.__name__[1:]} cannot be looked at: {reason}")


def _role(settings: Settings) -> str:
    return make_url(connections.program_url(settings)).username or ""


def _database(app: Flask, settings: Settings) -> list[Finding]:
    with app.app_context():
        version = db.session.scalar(text("SHOW server_version"))
        encoding = db.session.scalar(text("SHOW server_encoding"))
        number = int(db.session.scalar(text("SHOW server_version_num")) or 0)
    kind = "the database of DATABASE_URL" if settings.database_url else "the embedded database"
    return [
        Finding(
            number >= walls.OLDEST_SERVER, f"{kind}: PostgreSQL {version}, as the role {_role(settings)}"
        ),
        Finding(encoding == "UTF8", f"the database's encoding is {encoding}"),
    ]


def _revision(app: Flask, settings: Settings) -> list[Finding]:
    del settings
    with app.app_context():
        found = db.session.scalar(text("SELECT version_num FROM alembic_version"))
    wanted = schema.head()
    if found == wanted:
        return [Finding(True, f"the tables are at revision {found}, as this program wants them")]
    return [
        Finding(
            False,
            f"the tables are at revision {found}, this program wants {wanted}: "
            "run `python -m webapp migrate`",
        )
    ]


def _walls(app: Flask, settings: Settings) -> list[Finding]:
    with app.app_context():
        faults = walls_check.faults(db.session.connection(), _role(settings))
    if faults:
        return [Finding(False, f"walls between teams: {fault}") for fault in faults]
    return [
        Finding(True, "walls between teams: row-level security on every table of a team, no right past it")
    ]


def _keys(app: Flask, settings: Settings) -> list[Finding]:
    del app
    if not settings.keys_file.exists():
        return [Finding(True, f"no key for credentials yet: {settings.keys_file} is made with the first one")]
    try:
        ring = KeyRing.load(settings.keys_file)
    except KeyRingError as error:
        return [Finding(False, f"keys for credentials: {error}")]
    return [Finding(True, f"keys for credentials: {len(key_ids(ring))} in {settings.keys_file}")]


def _sealed(app: Flask, settings: Settings) -> list[Finding]:
    ring: KeyRing | None = None
    if settings.keys_file.exists():
        try:
            ring = KeyRing.load(settings.keys_file)
        except KeyRingError:
            # Said already, with what is wrong with the file.
            return []
    lost = keys_check.without_key(app, ring)
    if not lost:
        return [Finding(True, "every sealed credential has its key")]
    return [
        Finding(
            False,
            f"{count} sealed credentials need the key {name}, which is not in {settings.keys_file}: put the "
            "key file back that was kept, else the teams enter uid and password again",
        )
        for name, count in lost.items()
    ]


def _disk(app: Flask, settings: Settings) -> list[Finding]:
    del app
    free = shutil.disk_usage(settings.instance).free
    least = checks.LEAST_FREE_BYTES // 2**20
    return [
        Finding(
            free >= checks.LEAST_FREE_BYTES,
            f"disk: {free // 2**20:,} MiB free at {settings.instance} (at least {least})",
        )
    ]


def _spool(app: Flask, settings: Settings) -> list[Finding]:
    del app
    return [
        Finding(
            False,
            f"delivery reports in {path} were refused by the database: see what is wrong with them, then "
            f"rename the file to {path.name.removeprefix('refused-')}, or remove it",
        )
        for path in checks.refused_files(settings.instance)
    ]


def _loops(app: Flask, settings: Settings) -> list[Finding]:
    del settings
    now = clock.now()
    with app.app_context():
        silent = [*checks.silent_loops(now), *checks.silent_jobs(now)]
        beats = heartbeats.all_beats()
    if silent:
        return [Finding(False, f"worker: {_told(name, beats, now)}; is it running?") for name in silent]
    return [
        Finding(
            True, f"worker: its {len(checks.LOOPS)} loops and {len(jobs.periodic_names())} jobs keep time"
        )
    ]


def _told(name: str, beats: Mapping[str, datetime], now: datetime) -> str:
    if name not in beats:
        return f"{name} was never heard"
    return f"{name} was last heard {(now - beats[name]).total_seconds():,.0f} s ago"


def _jobs(app: Flask, settings: Settings) -> list[Finding]:
    del settings
    with app.app_context():
        waiting = int(
            db.session.scalar(text("SELECT count(*) FROM procrastinate_jobs WHERE status = 'todo'")) or 0
        )
    return [
        Finding(waiting < MOST_WAITING_JOBS, f"jobs: {waiting:,} wait (fewer than {MOST_WAITING_JOBS:,})")
    ]


def _reports(app: Flask, settings: Settings) -> list[Finding]:
    del settings
    with app.app_context():
        lag = settler.lag_seconds()
    well = lag <= checks.LAG_SECONDS
    if not lag:
        return [Finding(well, "delivery reports: none waits")]
    return [
        Finding(well, f"delivery reports: the oldest waits for {lag:,.0f} s (at most {checks.LAG_SECONDS})")
    ]


def _rules(app: Flask, settings: Settings) -> list[Finding]:
    del settings
    look = rules_check.look(app)
    findings: list[Finding] = []
    for rule, broken in look.broken.items():
        findings.extend(Finding(False, f"{rule.name}, {rule.holds}: not so in {one}") for one in broken)
        if not broken:
            findings.append(Finding(True, f"{rule.name}, {rule.holds}: so in {look.seen} team(s)"))
    looked = f"rules: {look.seen} of {look.teams} team(s) looked at in {look.seconds:.1f} s"
    limit = f"at most {rules_check.MOST_SECONDS:.0f}"
    rest = "" if look.seen == look.teams else "; of the others nothing is known"
    return [*findings, Finding(True, f"{looked} ({limit}){rest}")]
