"""The team scope: the one way to a team's rows.

A session is bound to one team for its life. At the start of each transaction the team is told to
PostgreSQL, whose row-level security then shows that team's rows alone. Without a team a statement on a
team-owned table raises, in the ORM before it is sent and in the database if it was sent all the same.

What crosses teams (sign-in, token look-up, finding teams that have work) goes through `door`, which can
only call the few functions made for it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, cast

from flask import current_app
from sqlalchemy import Connection, Row, event, func, select, text
from sqlalchemy.orm import ORMExecuteState, Session, SessionTransaction, scoped_session

from webapp.database import TeamOwned
from webapp.extensions import db

if TYPE_CHECKING:
    from flask import Flask

TEAM = "team_id"


class ScopeError(RuntimeError):
    """A team's rows were asked for without that team's scope: always a fault of the program."""


def session() -> Session:
    """The session of this request, job or command."""
    return cast(scoped_session[Session], db.session)()


def open_scope(team_id: int) -> None:
    """Bind the present session to a team for its life. Raises ScopeError if it has another one already."""
    bound = session().info.get(TEAM)
    if bound is not None and bound != team_id:
        raise ScopeError("this session belongs to another team")
    if bound is None and session().in_transaction():
        session().execute(select(func.set_config("app.team_id", str(team_id), True)))
    session().info[TEAM] = team_id


def scope() -> int:
    """The team of the present session. Raises ScopeError where there is none."""
    team_id = session().info.get(TEAM)
    if team_id is None:
        raise ScopeError("no team scope is open")
    return int(team_id)


@contextmanager
def team_scope(team_id: int, app: Flask | None = None) -> Iterator[Session]:
    """A session of its own for one team, for jobs and commands. The caller commits; else it is undone."""
    flask_app = app if app is not None else _current_app()
    with flask_app.app_context():
        open_scope(team_id)
        yield session()


def door(reason: str, function: str, **arguments: Any) -> list[Row[Any]]:
    """Call a SECURITY DEFINER function that crosses teams; `reason` says why, for those who search for it.

    A test holds the list of call sites, so that a new one is looked at.
    """
    if not reason:
        raise ScopeError("a door needs a reason")
    parameters = ", ".join(f"{name} => :{name}" for name in arguments)
    # The name and the parameters' names stand in our code, never in a request; values are bound.
    statement = text(f"SELECT * FROM {function}({parameters})")  # noqa: S608
    return list(session().execute(statement, arguments))


def _current_app() -> Flask:
    return cast("Flask", current_app._get_current_object())  # type: ignore[attr-defined] # Flask's own proxy idiom


@event.listens_for(Session, "after_begin")
def _tell_the_database(_session: Session, _transaction: SessionTransaction, connection: Connection) -> None:
    team_id = _session.info.get(TEAM)
    if team_id is not None:
        connection.execute(select(func.set_config("app.team_id", str(team_id), True)))


@event.listens_for(Session, "do_orm_execute")
def _refuse_without_scope(state: ORMExecuteState) -> None:
    if TEAM in state.session.info:
        return
    if any(issubclass(mapper.class_, TeamOwned) for mapper in state.all_mappers):
        raise ScopeError("a query on a team's rows without a team scope")


@event.listens_for(Session, "before_flush")
def _refuse_foreign_rows(flushed: Session, _context: Any, _instances: Any) -> None:
    team_id = flushed.info.get(TEAM)
    for row in (*flushed.new, *flushed.dirty, *flushed.deleted):
        if isinstance(row, TeamOwned) and (team_id is None or row.team_id not in (None, team_id)):
            raise ScopeError("a row of another team was about to be written")
