"""How the whole program is, from its own rows: loops and periodic jobs heard, figures, disk, spool."""

from __future__ import annotations

import shutil
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from croniter import croniter  # type: ignore[import-untyped] # it carries no types
from flask import current_app

from webapp import clock, heartbeats, jobs, tenancy
from webapp.delivery import settler
from webapp.delivery.spool import spool_folder
from webapp.settings import settings_of

# A loop that was not heard for so long does not run; the slowest of them beats every 10 s.
SILENT_AFTER = timedelta(seconds=45)
LOOPS = ("sender", "settler", "reaper")
# Beaten once by each worker when it starts: a job is not late before the worker was up for that long.
WORKER_STARTED = "worker started"
# A periodic job may miss one turn; a very frequent one several.
PATIENCE = timedelta(seconds=60)
LEAST_FREE_BYTES = 500 * 1024 * 1024
LAG_SECONDS = 60


def status_report() -> dict[str, Any]:
    """The report of `/status`: `well` tells whether nothing needs a person."""
    now = clock.now()
    figures = tenancy.door("figures for the operator", "door_figures")[0]
    instance = settings_of(current_app).instance
    free = shutil.disk_usage(instance).free
    lag = settler.lag_seconds()
    problems = [f"{name} was not heard" for name in (*silent_loops(now), *silent_jobs(now))]
    refused = len(refused_files(instance))
    if refused:
        problems.append("delivery reports were refused by the database")
    if free < LEAST_FREE_BYTES:
        problems.append("the disk is nearly full")
    if lag > LAG_SECONDS:
        problems.append("delivery reports wait to be settled")
    return {
        "well": not problems,
        "problems": problems,
        "campaigns_active": figures.active,
        "campaigns_paused": figures.paused,
        "messages_unconfirmed": int(figures.unconfirmed),
        "requests_in_flight": figures.in_flight,
        "report_lag_seconds": int(lag),
        "refused_files": refused,
        "disk_free_bytes": free,
        "heartbeats": {name: beat.isoformat() for name, beat in sorted(heartbeats.all_beats().items())},
        "periodic_jobs": jobs.periodic_names(),
    }


def silent_loops(now: datetime) -> list[str]:
    """The worker's loops that were not heard lately."""
    beats = heartbeats.all_beats()
    return [name for name in LOOPS if name not in beats or beats[name] < now - SILENT_AFTER]


def silent_jobs(now: datetime) -> list[str]:
    """The periodic jobs that missed their turns while the worker was up for as long as they may take."""
    beats = heartbeats.all_beats()
    late: list[str] = []
    for name, cron in jobs.periodic_crons():
        heard = [beats[known] for known in (name, WORKER_STARTED) if known in beats]
        if heard and max(heard) < now - allowance(cron, now):
            late.append(name)
    return late


def allowance(cron: str, now: datetime) -> timedelta:
    """How long a periodic job may stay silent: two of its turns, at least a minute."""
    turns = croniter(cron, now)
    first, second = turns.get_next(datetime), turns.get_next(datetime)
    return max(PATIENCE, 2 * (second - first))


def refused_files(instance: Path) -> list[Path]:
    """Files of delivery reports that the database refused; they wait for a person."""
    return sorted(spool_folder(instance).glob("refused-*.jsonl"))
