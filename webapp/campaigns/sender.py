"""The sender: one long loop in each worker that plans, claims, posts and stores answers.

Rows are the truth; jobs only wake it. Posting happens on a pool of threads, so a gateway that takes a minute
holds up nothing but its own account. No transaction is open during a call, and while an answer cannot be
stored nothing else is claimed.
"""

from __future__ import annotations

import contextlib
import queue
import random
import threading
import time
from collections import defaultdict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import structlog
from flask import Flask
from sqlalchemy.exc import SQLAlchemyError

from webapp import clock, heartbeats, tenancy
from webapp.campaigns import (
    claims,
    older_copies,
    operations,
    planning,
    reaper,
    repeats,
    schedule,
    stopping,
    storing,
)
from webapp.campaigns.answers import Answered
from webapp.campaigns.claims import AccountUnusableError, Claim
from webapp.campaigns.restored_statements import hold_everything
from webapp.campaigns.setbacks import ClockWatch
from webapp.database import new_id
from webapp.gateway.answers import judge
from webapp.gateway.client import CallLimits, GatewayClient
from webapp.gateway.exchange import Exchange, Kind
from webapp.gateway.scrubbing import scrub
from webapp.jobs import QueueError
from webapp.settings import settings_of

log = structlog.get_logger(__name__)

# Requests under way at once in one process, over all accounts.
MOST_POSTS = 64
# Between two looks at an idle database; a job wakes the loop earlier.
IDLE_SECONDS = 1.0
BEAT_SECONDS = 10.0
# A team whose work fails is left out for a while, so that it neither stops the others nor fills the log.
SHUNNED_SECONDS = 30.0
EXCERPT_BYTES = 4096

# Answers from the posting threads, and None from whoever wakes the loop. One sender a process.
_inbox: queue.SimpleQueue[Answered | None] = queue.SimpleQueue()


def wake() -> None:
    """Make the loop of this process look at once instead of at its next turn."""
    _inbox.put(None)


class Sender:
    """The loop of one worker. `run` returns after `stop` was set and everything under way was stored."""

    def __init__(self, app: Flask, stop: threading.Event) -> None:
        self.app = app
        self.stop = stop
        self.times = settings_of(app).times
        self.limits = CallLimits(
            connect=self.times.connect, answer=self.times.answer, total=self.times.call_limit
        )
        self.client = GatewayClient()
        self.posting = 0
        self.next_reap = 0.0
        self.next_beat = 0.0
        self.shunned: dict[int, float] = {}
        self.watch: ClockWatch | None = None

    def run(self) -> None:
        """Send until told to stop. A database that is away is waited for."""
        busy = False
        with ThreadPoolExecutor(MOST_POSTS, thread_name_prefix="post") as pool:
            while not (self.stop.is_set() and self.posting == 0):
                self._store(self._take_answers(0 if busy else IDLE_SECONDS))
                busy = not self.stop.is_set() and self._try_to_work(pool)
        self.client.close()

    def _try_to_work(self, pool: ThreadPoolExecutor) -> bool:
        try:
            return self._work(pool)
        except (SQLAlchemyError, QueueError) as error:
            # Only the kind of the error: its text may hold what was to be written.
            log.warning("the database did not answer", error=type(error).__name__)
            return False

    def _work(self, pool: ThreadPoolExecutor) -> bool:
        """One round over the teams that have something to send; True if there was anything to do."""
        busy = False
        self._look_at_clock()
        reap_now = time.monotonic() >= self.next_reap
        for team_id in self._teams():
            if reap_now:
                self._of_team(team_id, self._reap)
            busy = self._of_team(team_id, self._keep_time) or busy
            busy = self._of_team(team_id, self._plan) or busy
            busy = self._of_team(team_id, lambda team: self._post_claims(team, pool)) or busy
        if reap_now:
            self.next_reap = time.monotonic() + self.times.reaper
            self._beat("reaper")
        if time.monotonic() >= self.next_beat:
            self.next_beat = time.monotonic() + BEAT_SECONDS
            self._beat(older_copies.LOOP)
            older_copies.note(settings_of(self.app), clock.now())
        return busy

    def _look_at_clock(self) -> None:
        """Where the clock was set back, nothing unclear is asked about again: it may be too late for that."""
        if self.watch is None:
            with self.app.app_context():
                beats = heartbeats.all_beats()
            if older_copies.is_older(settings_of(self.app), beats):
                self._hold_everything()
            self.watch = ClockWatch(max(beats.values(), default=None))
        if not self.watch.set_back():
            return
        log.warning("the clock was set back")
        self.shunned.clear()
        for team_id in self._teams():
            self._of_team(team_id, self._repeat_nothing)
        self.watch.trust()

    def _hold_everything(self) -> None:
        """The database is an older copy: before anything is claimed, what was on its way is paused."""
        for team_id in self._teams():
            with tenancy.team_scope(team_id, self.app) as session:
                count = hold_everything(session.connection(), clock.now(), new_id())
                session.commit()
            log.warning("the database is an older copy: campaigns wait for a person", campaigns=count)

    def _repeat_nothing(self, team_id: int) -> bool:
        with tenancy.team_scope(team_id, self.app) as session:
            repeats.make_no_more()
            session.commit()
        return False

    def _teams(self) -> list[int]:
        """Teams with work, in an order that differs each round: nobody is always the first to take places."""
        with self.app.app_context():
            teams = [row.team_id for row in tenancy.door("find teams with work", "door_teams_at_work")]
        random.shuffle(teams)
        now = time.monotonic()
        return [team_id for team_id in teams if now >= self.shunned.get(team_id, 0.0)]

    def _of_team(self, team_id: int, work: Callable[[int], bool]) -> bool:
        try:
            return work(team_id)
        except Exception as error:
            if storing.is_passing(error):
                raise
            # A fault in one team's rows, or ours in reading them, must not end the round of all others. Only
            # the kind of a database's error is logged: its text may hold what was to be written.
            ours = not isinstance(error, SQLAlchemyError)
            log.error("a team's sending failed", team=team_id, error=type(error).__name__, exc_info=ours)
            self.shunned[team_id] = time.monotonic() + SHUNNED_SECONDS
            return False

    def _keep_time(self, team_id: int) -> bool:
        """Begin what is due, hold what is past its limit, drop what its hours cut off; True if anything."""
        now = clock.now()
        with tenancy.team_scope(team_id, self.app) as session:
            changed = [*schedule.start_due(now), *schedule.expire(now)]
            session.commit()
            cut_off = stopping.cut_off_campaigns(now)
            for campaign_id in cut_off:
                stopping.cut_off(campaign_id, now)
                session.commit()
        return bool(changed or cut_off)

    def _plan(self, team_id: int) -> bool:
        """Plan one slice of each campaign that needs it; True while something is left to plan."""
        more = False
        with tenancy.team_scope(team_id, self.app) as session:
            for campaign_id in planning.campaigns_to_plan():
                more = planning.plan_chunk(campaign_id) or more
                session.commit()
        return more

    def _post_claims(self, team_id: int, pool: ThreadPoolExecutor) -> bool:
        claimed = self._claim(team_id)
        for claim in claimed:
            self.posting += 1
            pool.submit(self._post, claim)
        return bool(claimed)

    def _claim(self, team_id: int) -> list[Claim]:
        now = clock.now()
        try:
            with tenancy.team_scope(team_id, self.app) as session:
                claims.begin_ready_campaigns(now)
                claimed = claims.claim_batches(now, self.times, MOST_POSTS - self.posting)
                session.commit()
                return claimed
        except AccountUnusableError as error:
            log.warning("a gateway account cannot be opened", account=error.account_id)
            with tenancy.team_scope(team_id, self.app) as session:
                operations.stop_account(error.account_id, now)
                session.commit()
            return []

    def _reap(self, team_id: int) -> bool:
        with tenancy.team_scope(team_id, self.app) as session:
            reaper.reap(clock.now(), self.times)
            session.commit()
            reaper.give_up_asking(clock.now(), self.times)
            session.commit()
            operations.pause_for_accounts(clock.now())
            session.commit()
            operations.release_well_accounts()
            session.commit()
            for account_id in operations.accounts_with_oversized():
                while operations.split_oversized(account_id):
                    session.commit()
            session.commit()
            for campaign_id in stopping.stopping_campaigns():
                stopping.stop_what_has_not_left(campaign_id, clock.now())
                session.commit()
        return False

    def _post(self, claim: Claim) -> None:
        """On a thread of the pool: make the call and hand its answer to the loop, whatever happens."""
        exchange = self._exchange(claim)
        repeated = claim.swallowed_until is not None
        verdict = judge(exchange, numbers=len(claim.mobiles), unknown_before=repeated)
        excerpt = scrub(exchange.body, claim.credentials.uid, claim.credentials.pwd)[:EXCERPT_BYTES]
        _inbox.put(Answered(claim, verdict, exchange.http_status, excerpt or None))

    def _exchange(self, claim: Claim) -> Exchange:
        opened = claim.credentials
        try:
            return self.client.send(
                opened.base_url,
                opened.uid,
                opened.pwd,
                claim.mobiles,
                claim.content,
                self.limits,
                may_send=lambda: self._may_still_send(claim),
            )
        except Exception as error:
            # Whatever it is, the request may have left.
            log.exception("a call failed in an unforeseen way", error=type(error).__name__)
            return Exchange(Kind.LOST_AFTER_SEND)

    def _may_still_send(self, claim: Claim) -> bool:
        """Asked just before the first byte: a worker that was stopped for minutes must neither post under a
        lease that others saw end, nor repeat what the gateway would no longer swallow."""
        now = clock.now()
        answered_by = now + timedelta(seconds=self.times.call_limit)
        in_time = claim.swallowed_until is None or answered_by < claim.swallowed_until
        return now < claim.lease_until and in_time

    def _take_answers(self, seconds: float) -> list[Answered]:
        """All answers that are there; waits up to `seconds` for the first, or for being woken."""
        taken: list[Answered] = []
        with contextlib.suppress(queue.Empty):
            first = _inbox.get(timeout=seconds) if seconds else _inbox.get_nowait()
            while True:
                if first is not None:
                    taken.append(first)
                first = _inbox.get_nowait()
        return taken

    def _store(self, taken: list[Answered]) -> None:
        by_team: dict[int, list[Answered]] = defaultdict(list)
        for answer in taken:
            by_team[answer.claim.team_id].append(answer)
        for team_id, answers in by_team.items():
            storing.store(self.app, team_id, answers, self.times)
            self.posting -= len(answers)

    def _beat(self, name: str) -> None:
        with self.app.app_context():
            heartbeats.beat(name)
