"""The door to the task engine (procrastinate): the rest of the program knows only this module.

Rows are the truth, jobs only wake somebody. A job is put in the queue on the connection of the
transaction that writes its row, so either both are there or neither. What a sweep can find again needs
no retry of its own.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import procrastinate
import structlog
from procrastinate import App, PsycopgConnector, SyncPsycopgConnector
from procrastinate.exceptions import AlreadyEnqueued, ConnectorException, UniqueViolation
from procrastinate.jobs import Job, Status
from procrastinate.retry import RetryDecision
from sqlalchemy import event
from sqlalchemy.orm import Session

from webapp import heartbeats, tenancy

if TYPE_CHECKING:
    from flask import Flask

log = structlog.get_logger(__name__)

# Seconds after which a job whose worker stopped beating is tried again.
STALLED_AFTER = 60
KEEP_FINISHED_HOURS = 24
MOST_TRIES = 5
_WAITING = "waiting_jobs"
POLL_SECONDS = 1.0

TeamJob = Callable[..., None]


class QueueError(Exception):
    """The queue's table could not be written; the transaction is undone and may be tried again."""


_team_jobs: dict[str, TeamJob] = {}
_periodic: dict[str, tuple[str, Callable[[], None]]] = {}
_at_start: list[str] = []

# Never opened: it only writes, on the connection that it is handed. The worker's own app is an
# asynchronous one, which cannot write on a connection of ours.
_enqueuer = App(connector=SyncPsycopgConnector())


def job(name: str) -> Callable[[TeamJob], TeamJob]:
    """Register a function `(team_id, **ids)` as the job `name`; it commits itself, in its team's scope."""

    def register(function: TeamJob) -> TeamJob:
        if name in _team_jobs:
            raise ValueError(f"two jobs are called {name}")
        _team_jobs[name] = function
        return function

    return register


def periodic(
    name: str, cron: str, *, at_start: bool = False
) -> Callable[[Callable[[], None]], Callable[[], None]]:
    """Register a function without arguments to run by `cron` (six fields: the last one is seconds).

    `at_start`: also whenever a worker starts, for what a dead one has left.
    """

    def register(function: Callable[[], None]) -> Callable[[], None]:
        _periodic[name] = (cron, function)
        if at_start:
            _at_start.append(name)
        return function

    return register


def periodic_crons() -> list[tuple[str, str]]:
    """Each periodic job with its cron line of six fields."""
    return sorted((name, cron) for name, (cron, _function) in _periodic.items())


def periodic_names() -> list[str]:
    """The periodic jobs, each of which has a heartbeat of this name."""
    return sorted(_periodic)


@dataclass(frozen=True, order=True)
class _Waiting:
    """A job that the present transaction will put in the queue when it commits."""

    lock: str
    name: str
    arguments: tuple[tuple[str, int], ...]


def enqueue(name: str, team_id: int, *, once: str | None = None, **ids: int) -> None:
    """Put a job in the queue when the present transaction commits, on its own connection.

    Only ids travel, never a number, a text or a credential. With `once`, a waiting job of that key is
    enough and no second one is added.
    """
    lock = f"{name}:{team_id}:{once}" if once is not None else ""
    waiting = tenancy.session().info.setdefault(_WAITING, set())
    waiting.add(_Waiting(lock, name, (("team_id", team_id), *sorted(ids.items()))))


@event.listens_for(Session, "before_commit")
def _put_in_queue(session: Session) -> None:
    """Write what waits, in one order: a queue key that another transaction holds is waited for too."""
    waiting: set[_Waiting] = session.info.pop(_WAITING, set())
    if not waiting:
        return
    session.flush()
    connection = session.connection()
    for job_ in sorted(waiting):
        task = _enqueuer.configure_task(
            _team_task(job_.name),
            queueing_lock=job_.lock or None,
            connection=connection.connection.dbapi_connection,
        )
        # The engine reports a waiting twin by a unique violation, which would undo our transaction too.
        with contextlib.suppress(AlreadyEnqueued), connection.begin_nested():
            try:
                task.defer(**dict(job_.arguments))
            except ConnectorException as error:
                raise QueueError(type(error.__cause__).__name__) from error


@event.listens_for(Session, "after_rollback")
def _forget_waiting(session: Session) -> None:
    session.info.pop(_WAITING, None)


class _RetryUnlessQueued(procrastinate.BaseRetryStrategy):
    """A failed job is tried again, but not one of which a twin may wait: that one comes anyway."""

    def get_retry_decision(self, *, exception: BaseException, job: Job) -> RetryDecision | None:
        """Up to five times, after 4 s, 16 s … ; what matters is found again by a sweep in any case."""
        del exception
        if job.queueing_lock or job.attempts >= MOST_TRIES:
            return None
        return RetryDecision(retry_in={"seconds": 4 ** min(job.attempts + 1, 4)})


def build_worker(flask_app: Flask, conninfo: str) -> App:
    """The asynchronous app that runs jobs, with every registered job on it."""
    worker = App(connector=PsycopgConnector(conninfo=conninfo, min_size=1, max_size=3))
    retry = _RetryUnlessQueued()
    for name, function in _team_jobs.items():
        worker.task(name=_team_task(name), retry=retry)(_in_team(flask_app, function))
    for name, (cron, function) in _periodic.items():
        # Its next turn comes anyway, so a failed one is not tried again.
        lock = f"periodic:{name}"
        task = worker.task(name=lock, queueing_lock=lock)(_beating(flask_app, name, function))
        worker.periodic(cron=cron, queueing_lock=lock)(task)
    _add_upkeep(worker, flask_app)
    return worker


async def run_worker(worker: App) -> None:
    """Run jobs until a signal comes or the database goes away (then the process ends and is restarted)."""
    async with worker.open_async():
        for name in _at_start:
            with contextlib.suppress(AlreadyEnqueued):
                await worker.tasks[f"periodic:{name}"].defer_async(timestamp=0)
        await worker.run_worker_async(
            # Most of them wait for a gateway that may take ten seconds to say its balance.
            concurrency=6,
            fetch_job_polling_interval=POLL_SECONDS,
            delete_jobs="successful",
            shutdown_graceful_timeout=60,
            install_signal_handlers=False,
        )


def _team_task(name: str) -> str:
    return f"team:{name}"


def _in_team(flask_app: Flask, function: TeamJob) -> Callable[..., None]:
    def run(team_id: int, **ids: int) -> None:
        with tenancy.team_scope(team_id, flask_app):
            function(**ids)

    return run


def _beating(flask_app: Flask, name: str, function: Callable[[], None]) -> Callable[[int], None]:
    def run(timestamp: int) -> None:
        del timestamp
        with flask_app.app_context():
            function()
        with flask_app.app_context():
            heartbeats.beat(name)

    return run


def _add_upkeep(worker: App, flask_app: Flask) -> None:
    """Jobs about jobs: those of a dead worker are tried again, finished ones are cleared away."""

    def beat(name: str) -> None:
        with flask_app.app_context():
            heartbeats.beat(name)

    @worker.periodic(cron="* * * * * */30", queueing_lock="upkeep:stalled")
    @worker.task(name="upkeep:stalled", queueing_lock="upkeep:stalled")
    async def retry_stalled(timestamp: int) -> None:
        del timestamp
        for stalled in await worker.job_manager.get_stalled_jobs(seconds_since_heartbeat=STALLED_AFTER):
            log.warning("job of a dead worker is tried again", job=stalled.id, task=stalled.task_name)
            try:
                await worker.job_manager.retry_job(stalled)
            except UniqueViolation:
                # Its twin waits already and will do the same.
                await worker.job_manager.finish_job(stalled, Status.FAILED, delete_job=True)
        await asyncio.to_thread(beat, "upkeep.stalled")

    @worker.periodic(cron="17 * * * * 0", queueing_lock="upkeep:old")
    @worker.task(name="upkeep:old", queueing_lock="upkeep:old")
    async def delete_old(timestamp: int) -> None:
        del timestamp
        await worker.job_manager.delete_old_jobs(
            nb_hours=KEEP_FINISHED_HOURS, include_failed=True, include_cancelled=True, include_aborted=True
        )
        await asyncio.to_thread(beat, "upkeep.old")
