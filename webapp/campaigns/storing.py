"""Stores answers until they are stored: an answer that was paid for is not dropped for a database's sake.

A database that is away is waited for, for as long as it takes. A transaction that is refused for what is in
it would be refused for ever, so its answers are then stored one by one, at last without the answer's text and
as "unknown": never more than is known, never less than that a request left.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Sequence

import structlog
from flask import Flask
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError

from webapp import clock, tenancy
from webapp.campaigns import answers
from webapp.campaigns.answers import Answered
from webapp.gateway.answers import AccountChange, BatchChange, Meaning
from webapp.jobs import QueueError
from webapp.settings import Times

log = structlog.get_logger(__name__)

MOST_TRIES = 3
WAIT_SECONDS = 1.0


def store(app: Flask, team_id: int, taken: Sequence[Answered], times: Times) -> None:
    """Store a team's answers; returns when that is done, or when one of them was given up to the reaper."""

    def record(some: Sequence[Answered]) -> None:
        with tenancy.team_scope(team_id, app) as session:
            answers.record_answers(some, clock.now(), times)
            session.commit()

    if _recorded(record, taken, MOST_TRIES):
        return
    for answer in taken:
        bare = dataclasses.replace(answer, excerpt=None)
        if not any(_recorded(record, [one], 1) for one in (answer, bare, _as_unknown(bare))):
            # Its attempt stays open; when the lease ends it becomes unknown, which is the truth.
            log.critical("an answer could not be stored", campaign=answer.claim.campaign_id)


def _recorded(record: Callable[[Sequence[Answered]], None], some: Sequence[Answered], tries: int) -> bool:
    """Whether it was stored. Waits for the database without counting that as a try."""
    while tries > 0:
        try:
            record(some)
        except Exception as error:
            # Whatever refused it: the answer was paid for, and is tried again or stored in a barer form.
            if is_passing(error):
                log.warning("answers wait to be stored", error=type(error).__name__, answers=len(some))
            else:
                tries -= 1
                log.exception("answers were refused", answers=len(some), tries_left=tries)
            time.sleep(WAIT_SECONDS)
        else:
            return True
    return False


def is_passing(error: Exception) -> bool:
    """A lost connection, a restart, a deadlock or a lock that was waited for too long."""
    if isinstance(error, OperationalError | InterfaceError | QueueError):
        return True
    return isinstance(error, DBAPIError) and error.connection_invalidated


def _as_unknown(answer: Answered) -> Answered:
    verdict = dataclasses.replace(
        answer.verdict,
        meaning=Meaning.UNKNOWN,
        batch=BatchChange.HOLD,
        account=AccountChange.UNCHANGED,
        pause=None,
        msgid=None,
    )
    return dataclasses.replace(answer, verdict=verdict)
