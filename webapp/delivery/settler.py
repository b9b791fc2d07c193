"""The settler: one loop in each worker that keeps the inbox empty.

It looks every half second which teams have reports, settles a group of each in turn so that a team with a
million does not keep the others waiting, and reads in what receivers wrote to disk. Reports that came before
their message was known are looked at again: often while they are young, rarely when they are old.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import datetime, timedelta

import structlog
from flask import Flask
from sqlalchemy import Row
from sqlalchemy.exc import OperationalError, SQLAlchemyError

from webapp import clock, heartbeats, tenancy
from webapp.delivery import adopting, settling
from webapp.delivery.inbox import Inbox, InboxError
from webapp.delivery.spool import Spool, spool_folder
from webapp.settings import Settings

log = structlog.get_logger(__name__)

IDLE_SECONDS = 0.5
BEAT_SECONDS = 10.0
SPOOL_SECONDS = 1.0
MOST_TROUBLE_SECONDS = 5.0
# How often waiting reports are looked at again, by their age: (received within, every).
YOUNG = timedelta(minutes=5)
RARELY_SECONDS = 600.0
# Looking at those that wait takes at most this share of the time, however many there are.
SHARE = 0.1
# A team whose reports cannot be settled does not hold up the others, nor fill the log.
SHUNNED_SECONDS = 30.0


def run(app: Flask, stop: threading.Event) -> None:
    """Settle until told to stop. A database that is away is waited for."""
    settler = Settler(app)
    try:
        _go_round(settler, stop)
    finally:
        settler.inbox.close()


def _go_round(settler: Settler, stop: threading.Event) -> None:
    trouble = 0.0
    while not stop.is_set():
        try:
            busy = settler.round()
        except SQLAlchemyError as error:
            # Only the kind of the error: its text may hold what was to be written.
            log.warning("settling waits for the database", error=type(error).__name__)
            trouble = min(MOST_TROUBLE_SECONDS, trouble * 2 or IDLE_SECONDS)
            stop.wait(trouble)
            continue
        trouble = 0.0
        if not busy:
            stop.wait(IDLE_SECONDS)


def lag_seconds() -> float:
    """For how long the oldest report has been waiting to be settled; 0 with none. Needs an app context."""
    rows = _teams_with_reports(clock.now())
    ages = [(clock.now() - row.oldest).total_seconds() for row in rows if row.oldest is not None]
    return max([0.0, *ages])


class Settler:
    """The state of one loop; `round` does one turn over all teams that have something to settle."""

    def __init__(self, app: Flask) -> None:
        self.app = app
        # As settings_of does, which cannot be imported: what it builds asks us for the lag.
        settings: Settings = app.extensions["tidings_settings"]
        self.spool = Spool(spool_folder(settings.instance))
        self.inbox = Inbox(app.config["SQLALCHEMY_DATABASE_URI"])
        self.next_beat = 0.0
        self.next_spool = 0.0
        self.next_young = 0.0
        self.next_all = 0.0
        self.shunned: dict[int, float] = {}

    def round(self) -> bool:
        """One turn; True if there may be more to do at once."""
        started = time.monotonic()
        self._read_spool(started)
        everything = started >= self.next_all
        with self.app.app_context():
            teams = _teams_with_reports(settling.ALWAYS if everything else clock.now() - YOUNG)
        busy = False
        for row in teams:
            if row.oldest is not None:
                busy = self._of_team(row.team_id, settling.settle) > 0 or busy
        if started >= self.next_young or everything:
            self._look_again([row.team_id for row in teams if row.waiting], everything)
        self._beat(started)
        return busy

    def _read_spool(self, now: float) -> None:
        if now >= self.next_spool:
            self.next_spool = now + SPOOL_SECONDS
            try:
                self.spool.drain(self.inbox.take)
            except (InboxError, OSError) as error:
                log.warning("the spool could not be read in", error=type(error).__name__)

    def _look_again(self, team_ids: list[int], everything: bool) -> None:
        started = time.monotonic()
        since = settling.ALWAYS if everything else clock.now() - YOUNG
        for team_id in team_ids:
            while self._of_team(team_id, lambda team: adopting.adopt_unknown(team, since)):
                pass
            self._of_team(team_id, lambda team: settling.match_waiting(team, since))
            if everything:
                self._of_team(team_id, lambda team: settling.give_up_waiting(team, clock.now()))
        now = time.monotonic()
        rest = (now - started) / SHARE
        self.next_young = now + max(IDLE_SECONDS, rest)
        if everything:
            self.next_all = now + max(RARELY_SECONDS, rest)

    def _of_team(self, team_id: int, work: Callable[[int], int]) -> int:
        """One transaction for one team; if it fails, that is logged and the team left out for a while."""
        if time.monotonic() < self.shunned.get(team_id, 0.0):
            return 0
        try:
            with tenancy.team_scope(team_id, self.app) as session:
                done = work(team_id)
                session.commit()
        except SQLAlchemyError as error:
            if getattr(error, "connection_invalidated", False):
                raise
            log.error("reports of a team could not be settled", team=team_id, error=type(error).__name__)
            # A lock or a disk may be free again in a moment; anything else is a fault of ours.
            passing = isinstance(error, OperationalError)
            self.shunned[team_id] = time.monotonic() + (IDLE_SECONDS if passing else SHUNNED_SECONDS)
            return 0
        self.shunned.pop(team_id, None)
        return done

    def _beat(self, now: float) -> None:
        if now >= self.next_beat:
            self.next_beat = now + BEAT_SECONDS
            with self.app.app_context():
                heartbeats.beat("settler")


def _teams_with_reports(waiting_since: datetime) -> list[Row[tuple[int, datetime | None, bool]]]:
    return tenancy.door(
        "find teams whose reports wait", "door_teams_with_reports", waiting_since=waiting_since
    )
