"""The way into the inbox: one call of the database for all reports that came together.

It has a connection of its own instead of a session, because a report must not wait for anything that pages
do, and because one prepared statement in autocommit is one round trip. What it stores is on disk when `take`
returns.
"""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import psycopg

from webapp.connections import conninfo
from webapp.delivery.parse import Report, Unreadable

# Pieces that are kept of a team's unreadable ones a day; beyond that they are only counted.
UNREADABLE_KEPT = 1000
CONNECT_SECONDS = 3
STATEMENT_SECONDS = 10
# After a failed connection others fail at once for so long, instead of each waiting for its own.
REST_SECONDS = 1.0

TAKE = f"""
SELECT door_take_reports(%b::bigint[], %b::bigint[], %b::timestamptz[], %b::text[], %b::text[], %b::text[],
    %b::text[], %b::timestamptz[], %b::bigint[], %b::bigint[], %b::timestamptz[], %b::bytea[], %b::integer[],
    {UNREADABLE_KEPT})
"""  # a constant of ours, no input
TOKENS = "SELECT token_hash, team_id, account_id FROM door_callback_tokens()"


class InboxError(RuntimeError):
    """The database could not be reached or did not take the reports."""


class RefusedError(InboxError):
    """The database is there and refuses these very rows."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """What one request brought: a report or a piece that is none, for which account, and when."""

    team_id: int
    account_id: int
    received_at: datetime
    content: Report | Unreadable


class Inbox:
    """One connection, opened when needed, never shared with a forked child. For one thread at a time."""

    def __init__(self, database_url: str) -> None:
        self._conninfo = conninfo(database_url)
        self._connection: psycopg.Connection[tuple[Any, ...]] | None = None
        self._pid = 0
        self._rest_until = 0.0

    def take(self, arrivals: Sequence[Arrival]) -> None:
        """Store arrivals, durably. Raises RefusedError where the rows are at fault, else InboxError.

        After an InboxError they may be stored all the same, if only the answer was lost.
        """
        self._execute(TAKE, _columns(arrivals))

    def tokens(self) -> dict[bytes, tuple[int, int]]:
        """Hash of each valid callback token, with its team and account. Raises InboxError."""
        rows = self._execute(TOKENS, None).fetchall()
        return {bytes(token_hash): (team_id, account_id) for token_hash, team_id, account_id in rows}

    def close(self) -> None:
        """Close the connection, if this process opened one."""
        connection, self._connection = self._connection, None
        if connection is not None and self._pid == os.getpid():
            connection.close()

    def _execute(self, statement: str, values: Sequence[object] | None) -> psycopg.Cursor[tuple[Any, ...]]:
        # An old connection may have been cut by a restart of the database; a new one is not tried twice.
        if self._connection is not None and self._pid == os.getpid():
            try:
                return self._run(statement, values)
            except RefusedError:
                raise
            except InboxError:
                self.close()
        try:
            return self._run(statement, values)
        except RefusedError:
            raise
        except InboxError:
            self.close()
            raise

    def _run(self, statement: str, values: Sequence[object] | None) -> psycopg.Cursor[tuple[Any, ...]]:
        try:
            return self._open().execute(statement, values, prepare=True)
        except (psycopg.DataError, psycopg.IntegrityError) as error:
            raise RefusedError(type(error).__name__) from None
        except psycopg.Error as error:
            # Only its kind: the text of an error may hold what was to be stored.
            raise InboxError(type(error).__name__) from None

    def _open(self) -> psycopg.Connection[tuple[Any, ...]]:
        if self._connection is not None and self._pid == os.getpid():
            return self._connection
        if time.monotonic() < self._rest_until:
            raise psycopg.OperationalError("the database was away a moment ago")
        self._connection, self._pid = None, os.getpid()
        try:
            self._connection = psycopg.connect(
                self._conninfo,
                autocommit=True,
                connect_timeout=CONNECT_SECONDS,
                application_name="tidings-receiver",
                tcp_user_timeout=STATEMENT_SECONDS * 1000,
                # "On disk" is what a 200 promises, whatever the server's default is.
                options=f"-c statement_timeout={STATEMENT_SECONDS}s -c synchronous_commit=on -c timezone=UTC "
                "-c default_transaction_isolation=read\\ committed",
            )
        except psycopg.Error:
            self._rest_until = time.monotonic() + REST_SECONDS
            raise
        return self._connection


def _columns(arrivals: Sequence[Arrival]) -> list[list[object]]:
    """The arrays of door_take_reports: eight of reports, five of unreadable pieces."""
    reports: list[tuple[object, ...]] = []
    pieces: list[tuple[object, ...]] = []
    for arrival in arrivals:
        whose = (arrival.team_id, arrival.account_id, arrival.received_at)
        told = arrival.content
        if isinstance(told, Report):
            reports.append((*whose, told.msgid, told.mobile, told.status, told.time_text, told.reported_at))
        else:
            pieces.append((*whose, told.raw, told.size))
    return [*_turned(reports, 8), *_turned(pieces, 5)]


def _turned(rows: list[tuple[object, ...]], width: int) -> list[list[object]]:
    return [list(column) for column in zip(*rows, strict=True)] if rows else [[] for _ in range(width)]
