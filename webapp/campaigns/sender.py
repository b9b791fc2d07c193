"""The sender: one long loop in each worker that plans, claims, posts and stores answers.

Rows are the truth; jobs only wake it. Posting happens on a pool of threads, so a gateway that takes a minute
holds up nothing but its own account. No transaction is open during a call, and while an answer cannot be
stored nothing else is claimed.

A round goes over all teams with work, those with the fewest requests under way first, and does a little for
each: one slice of planning, then what may be claimed. Between two such steps answers are stored, and what
they made free is claimed again at once, so that no place waits for the planning of a million.
"""

from __future__ import annotations

import contextlib
import queue
import random
import threading
import time
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor

import structlog
from flask import Flask
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from webapp import clock, heartbeats, tenancy
from webapp.campaigns import (
    claims,
    older_copies,
    operations,
    planning,
    reaper,
    repeats,
    room,
    schedule,
    shares,
    spreading,
    stopping,
    storing,
)
from webapp.campaigns.answers import Answered
from webapp.campaigns.calls import Calls
from webapp.campaigns.claims import AccountUnusableError, Claim
from webapp.campaigns.restored_statements import hold_everything
from webapp.campaigns.setbacks import DOUBTED, ClockWatch
from webapp.database import new_id
from webapp.gateway import breaker
from webapp.jobs import QueueError
from webapp.settings import settings_of

log = structlog.get_logger(__name__)

# Requests under way at once in one process, over all accounts.
MOST_POSTS = 64
# With fewer places left than these it is no longer for the team that frees one to take it again: a round
# asks who has fewest.
SCARCE = 16
# Between two rounds; a job wakes the loop earlier.
IDLE_SECONDS = 1.0
# Between two looks at what time alone changes: starts, limits, the ends of hours.
CLOCK_SECONDS = 0.5
# How long a team is planned for at a stretch, where no other waits and nothing is under way.
PLAN_SECONDS = 0.25
# Answers that follow each other within so many seconds are stored together, but none waits for long.
GATHER_SECONDS = 0.002
GATHER_AT_MOST = 0.01
BEAT_SECONDS = 10.0
# A team whose work fails is left out for a while, so that it neither stops the others nor fills the log.
SHUNNED_SECONDS = 30.0

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
        self.calls = Calls(self.times)
        self.under_way: Counter[int] = Counter()
        self.steps: deque[int] = deque()
        self.more_to_plan = False
        self.reaping = False
        self.next_round = 0.0
        self.next_reap = 0.0
        self.next_beat = 0.0
        # By team and account: when its rate lets it go on.
        self.again: dict[tuple[int, int], float] = {}
        self.timed: dict[int, float] = {}
        self.shunned: dict[int, float] = {}
        self.watch: ClockWatch | None = None
        self.roomy = True
        self.steady = True

    @property
    def posting(self) -> int:
        """How many requests this worker has under way."""
        return self.under_way.total()

    def run(self) -> None:
        """Send until told to stop. A database that is away is waited for."""
        with ThreadPoolExecutor(MOST_POSTS, thread_name_prefix="post") as pool:
            while not (self.stop.is_set() and self.posting == 0):
                answered = self._store(self._take_answers(self._patience()))
                if not self.stop.is_set():
                    self._try_to_work(pool, answered)
        self.calls.close()

    def _patience(self) -> float:
        """For how long nothing is to be done but to wait for answers."""
        if self.steps:
            return 0.0
        now = time.monotonic()
        return max(0.0, min([now + IDLE_SECONDS, self.next_round, *self.again.values()]) - now)

    def _try_to_work(self, pool: ThreadPoolExecutor, answered: set[int]) -> None:
        try:
            self._work(pool, answered)
        except (SQLAlchemyError, QueueError) as error:
            # Only the kind of the error: its text may hold what was to be written.
            log.warning("the database did not answer", error=type(error).__name__)
            self.steps.clear()
            self.again.clear()
            self.next_round = time.monotonic() + IDLE_SECONDS

    def _work(self, pool: ThreadPoolExecutor, answered: set[int]) -> None:
        """Claim again for those whose answers came, then do the next step of a round."""
        self._look_at_clock()
        roomy = self._look_for_room()
        if roomy:
            self._claim_again(answered, pool)
        now = time.monotonic()
        if not self.steps and now >= self.next_round:
            self._begin_round(now)
        if self.steps:
            self._step(self.steps.popleft(), pool, roomy=roomy)
            if not self.steps:
                self._end_round()
        if time.monotonic() >= self.next_beat:
            self.next_beat = time.monotonic() + BEAT_SECONDS
            self._beat(older_copies.LOOP)
            if not roomy:
                self._beat(room.WAITING)
            if not self.steady:
                self._beat(DOUBTED)
            older_copies.note(settings_of(self.app), clock.now())

    def _claim_again(self, answered: set[int], pool: ThreadPoolExecutor) -> None:
        """What became free is used at once, and a rate's next moment is not missed."""
        now = time.monotonic()
        passed = [whose for whose, moment in self.again.items() if now >= moment]
        for whose in passed:
            del self.again[whose]
        due = {team_id for team_id, _account_id in passed}
        if MOST_POSTS - self.posting < SCARCE:
            if answered or due:
                self.next_round = now
            return
        for team_id in self._without_shunned(answered | due):
            self._of_team(team_id, lambda team: self._post_claims(team, pool))

    def _begin_round(self, now: float) -> None:
        self.more_to_plan = False
        self.next_round = now + IDLE_SECONDS
        self.reaping = now >= self.next_reap
        self.steps.extend(self._teams())
        if not self.steps:
            self._end_round()

    def _end_round(self) -> None:
        if self.more_to_plan:
            self.next_round = time.monotonic()
        if self.reaping:
            self.reaping = False
            self.next_reap = time.monotonic() + self.times.reaper
            self._beat("reaper")

    def _step(self, team_id: int, pool: ThreadPoolExecutor, *, roomy: bool) -> None:
        """A team's turn in a round."""
        if self.reaping:
            self._of_team(team_id, self._reap)
        if not roomy:
            return
        # What a wrong clock began, or dropped for being late, nobody could take back.
        if self.steady and time.monotonic() >= self.timed.get(team_id, 0.0):
            self.timed[team_id] = time.monotonic() + CLOCK_SECONDS
            self._of_team(team_id, self._keep_time)
        self.more_to_plan = self._of_team(team_id, self._plan) or self.more_to_plan
        self._of_team(team_id, lambda team: self._post_claims(team, pool, begin=self.steady))

    def _look_at_clock(self) -> None:
        """Where the clock was set back, nothing unclear is asked about again: it may be too late for that."""
        if self.watch is None:
            with self.app.app_context():
                beats = heartbeats.all_beats()
            if older_copies.is_older(settings_of(self.app), beats):
                self._hold_everything()
            self.watch = ClockWatch(beats, older_copies.LOOP, self.times)
        steady = self.watch.is_steady()
        if steady != self.steady:
            log.warning("the clock is trusted again" if steady else "the clock was moved: nothing new begins")
            self.steady = steady
            self.next_beat = 0.0
        if not self.watch.set_back():
            return
        log.warning("the clock was set back")
        self.shunned.clear()
        for team_id in self._teams():
            self._of_team(team_id, self._repeat_nothing)
        self.watch.trust()

    def _look_for_room(self) -> bool:
        """Whether anything new may be begun: what that writes must not take the room of answers to come."""
        roomy = not room.is_short(settings_of(self.app))
        if roomy != self.roomy:
            log.warning("there is room on the disk again" if roomy else "sending waits for room on the disk")
            self.roomy = roomy
            # The pages tell it at once.
            self.next_beat = 0.0
        return roomy

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
        """Teams with work: those with the fewest requests under way first, equal ones in any order."""
        with self.app.app_context():
            teams = list(tenancy.door("find teams with work", "door_teams_at_work"))
        random.shuffle(teams)
        return self._without_shunned(row.team_id for row in sorted(teams, key=lambda row: row.in_flight))

    def _without_shunned(self, team_ids: Iterable[int]) -> list[int]:
        now = time.monotonic()
        return [team_id for team_id in team_ids if now >= self.shunned.get(team_id, 0.0)]

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
            for campaign_id in spreading.campaigns_to_cut(now):
                spreading.cut_some(campaign_id, now)
                session.commit()
            cut_off = stopping.cut_off_campaigns(now)
            for campaign_id in cut_off:
                stopping.cut_off(campaign_id, now)
                session.commit()
        return bool(changed or cut_off)

    def _plan(self, team_id: int) -> bool:
        """Plan the first campaign that needs it: a slice, or several where nobody waits meanwhile.

        True while something is left to do.
        """
        until = time.monotonic() + PLAN_SECONDS
        with tenancy.team_scope(team_id, self.app) as session:
            waiting = planning.campaigns_to_plan()
            if not waiting:
                more = self._plan_slice(session, planning.campaigns_to_clear())
                return more and self.posting == 0
            while waiting and self._plan_slice(session, waiting):
                waiting = planning.campaigns_to_plan()
                alone = not self.steps and self.posting == 0 and not self.stop.is_set()
                if not alone or time.monotonic() >= until:
                    return bool(waiting)
        return False

    def _plan_slice(self, session: Session, campaign_ids: Iterable[int]) -> bool:
        """The next slice of the first of these campaigns that nobody else has; True if it has more."""
        for campaign_id in campaign_ids:
            more = planning.plan_chunk(campaign_id)
            session.commit()
            if more:
                return True
        return False

    def _post_claims(self, team_id: int, pool: ThreadPoolExecutor, *, begin: bool = False) -> bool:
        claimed = self._claim(team_id, begin=begin)
        self.under_way[team_id] += len(claimed)
        for claim in claimed:
            if claim.next_at is not None:
                ahead = (claim.next_at - breaker.AHEAD - clock.now()).total_seconds()
                self.again[team_id, claim.account_id] = time.monotonic() + max(0.0, ahead)
            pool.submit(self._post, claim)
        return bool(claimed)

    def _claim(self, team_id: int, *, begin: bool) -> list[Claim]:
        now = clock.now()
        share = shares.share_of(self.under_way[team_id], MOST_POSTS - self.posting)
        try:
            with tenancy.team_scope(team_id, self.app) as session:
                if begin:
                    claims.begin_ready_campaigns(now)
                claimed = claims.claim_batches(now, self.times, share)
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
        _inbox.put(self.calls.post(claim))

    def _take_answers(self, seconds: float) -> list[Answered]:
        """All answers that are there; waits up to `seconds` for the first, or for being woken."""
        taken: list[Answered] = []
        with contextlib.suppress(queue.Empty):
            first = _inbox.get(timeout=seconds) if seconds else _inbox.get_nowait()
            until = time.monotonic() + GATHER_AT_MOST
            while True:
                if first is None:
                    self.next_round = 0.0
                else:
                    taken.append(first)
                first = self._next_answer(taken, until)
        return taken

    def _next_answer(self, taken: list[Answered], until: float) -> Answered | None:
        """What is there already, or comes in a moment. Raises queue.Empty."""
        if not taken or len(taken) >= self.posting or time.monotonic() >= until:
            return _inbox.get_nowait()
        return _inbox.get(timeout=GATHER_SECONDS)

    def _store(self, taken: list[Answered]) -> set[int]:
        """Store answers; returns whose they were."""
        by_team: dict[int, list[Answered]] = defaultdict(list)
        for answer in taken:
            by_team[answer.claim.team_id].append(answer)
        for team_id, answers in by_team.items():
            storing.store(self.app, team_id, answers, self.times)
            self.under_way[team_id] -= len(answers)
        self.under_way += Counter()
        return set(by_team)

    def _beat(self, name: str) -> None:
        with self.app.app_context():
            heartbeats.beat(name)
