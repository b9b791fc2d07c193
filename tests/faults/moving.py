"""A clock that a test moves while the program runs, and rounds of the sender to wait for."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime, timedelta

from flask import Flask

from tests.conftest import Database
from tests.practice.fixture import wait_until
from webapp.settings import Times, settings_of


class MovedClock:
    """Stands in for `webapp.clock.now`; `ahead` is how far it is from the real time."""

    def __init__(self) -> None:
        self.ahead = timedelta(0)

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self.ahead


def set_times(app: Flask, times: Times) -> None:
    """Let the program in this process have these times."""
    settings = settings_of(app)
    app.extensions["tidings_settings"] = dataclasses.replace(settings, times=times)


def wait_for_rounds(database: Database, rounds: int = 2) -> None:
    """Until the sender has looked at everything so often from now on; each reaping leaves a new beat."""
    with database.owner() as connection:

        def beat() -> object:
            return connection.execute("SELECT beat_at FROM heartbeat WHERE name = 'reaper'").fetchone()

        for _ in range(rounds):
            before = beat()
            wait_until(lambda: beat() != before, 30)  # noqa: B023 # called at once
