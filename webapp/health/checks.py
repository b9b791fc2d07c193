"""How the whole program is, from its own rows: loops heard, figures, disk."""

from __future__ import annotations

import shutil
from datetime import datetime, timedelta
from typing import Any

from flask import current_app

from webapp import application, clock, heartbeats, jobs, tenancy
from webapp.delivery import settler

# A loop that was not heard for so long does not run; the slowest of them beats every 10 s.
SILENT_AFTER = timedelta(seconds=45)
LOOPS = ("sender", "settler", "reaper")
LEAST_FREE_BYTES = 500 * 1024 * 1024
LAG_SECONDS = 60


def status_report() -> dict[str, Any]:
    """The report of `/status`: `well` tells whether nothing needs a person."""
    now = clock.now()
    figures = tenancy.door("figures for the operator", "door_figures")[0]
    silent = silent_loops(now)
    free = shutil.disk_usage(application.settings_of(current_app).instance).free
    lag = settler.lag_seconds()
    problems = [f"{name} was not heard" for name in silent]
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
        "disk_free_bytes": free,
        "heartbeats": {name: beat.isoformat() for name, beat in sorted(heartbeats.all_beats().items())},
        "periodic_jobs": jobs.periodic_names(),
    }


def silent_loops(now: datetime) -> list[str]:
    """The worker's loops that were not heard lately."""
    beats = heartbeats.all_beats()
    return [name for name in LOOPS if name not in beats or beats[name] < now - SILENT_AFTER]
