"""Signed-in browsers: begun at sign-in, listed, ended one by one or all at once.

The browser holds an opaque 256-bit id, inside the one signed cookie that also carries the form token; the
table holds the id's digest. What ends a session is the absence of its row, so ending acts at the next click
of whoever held it. Everything in the cookie is thrown away at sign-in and sign-out: neither a session id nor
a form token that somebody planted beforehand survives.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from flask import Flask, request, session
from flask_login import login_user, logout_user
from sqlalchemy import ColumnElement, and_, delete, or_, select, update

from webapp import clock, jobs
from webapp.accounts import tokens
from webapp.accounts.audit import client
from webapp.accounts.models import LoginSession, User
from webapp.extensions import db, login

IDLE = timedelta(hours=12)
LONGEST = timedelta(days=7)
SEEN_EVERY = timedelta(minutes=1)
FRESH = timedelta(minutes=15)
MOST_AGENT = 300


def init_app(app: Flask) -> None:
    """Have Flask-Login find people by the id of their session."""
    # A session has its own age limits; sending the cookie again with each answer would only cost bytes.
    app.config["SESSION_REFRESH_EACH_REQUEST"] = False
    # It would compare the browser's address and name, which change on phones; a stolen cookie brings both.
    login.session_protection = None
    login.user_loader(load_user)
    login.init_app(app)


def start_session(user: User) -> LoginSession:
    """Sign this browser in as `user`, under a new id; flushes."""
    secret = tokens.new_token()
    now = clock.now()
    row = LoginSession(
        id_hash=tokens.digest(secret),
        user_id=user.id,
        created_at=now,
        last_seen_at=now,
        fresh_at=now,
        mfa_at=None,
        address=client(),
        agent=_agent(),
    )
    db.session.add(row)
    db.session.flush()
    user.session_id, user.fresh_at, user.last_seen_at = secret, now, now
    session.clear()
    session.permanent = True
    login_user(user)
    return row


def end_this_session(user: User) -> None:
    """Sign this browser out; its cookie is worthless from now on."""
    db.session.execute(delete(LoginSession).where(LoginSession.id_hash == tokens.digest(user.session_id)))
    logout_user()
    session.clear()


def load_user(secret: str) -> User | None:
    """The person whose living session has this id; None signs the browser out. Notes when it was seen."""
    now = clock.now()
    found = db.session.execute(
        select(User, LoginSession.last_seen_at, LoginSession.fresh_at)
        .join(LoginSession, LoginSession.user_id == User.id)
        .where(LoginSession.id_hash == tokens.digest(secret), _alive(now))
    ).one_or_none()
    if found is None:
        return None
    user, seen_at, fresh_at = found
    if seen_at < now - SEEN_EVERY:
        db.session.execute(
            update(LoginSession).where(LoginSession.id_hash == tokens.digest(secret)).values(last_seen_at=now)
        )
        user.last_seen_at = now
        # At once: most requests only read, and nobody commits at their end.
        db.session.commit()
    user.session_id, user.fresh_at = secret, fresh_at
    return user


def make_fresh(user: User) -> None:
    """Note that the password was entered just now in the session at hand."""
    user.fresh_at = clock.now()
    here = LoginSession.id_hash == tokens.digest(user.session_id)
    db.session.execute(update(LoginSession).where(here).values(fresh_at=user.fresh_at))


def is_fresh(user: User) -> bool:
    """Whether the password was entered in the session at hand within the last 15 minutes."""
    return user.fresh_at > clock.now() - FRESH


def sessions_of(user: User) -> list[LoginSession]:
    """The living sessions of a person, the one used last first."""
    mine = select(LoginSession).where(LoginSession.user_id == user.id, _alive(clock.now()))
    return list(db.session.scalars(mine.order_by(LoginSession.last_seen_at.desc(), LoginSession.id_hash)))


def is_this_one(row: LoginSession, user: User) -> bool:
    """Whether this is the session that the person is looking from."""
    return row.id_hash == tokens.digest(user.session_id)


def end_session(user: User, key: str) -> bool:
    """End one of the person's sessions; `key` is its digest in hex. Says whether there was one."""
    try:
        id_hash = bytes.fromhex(key)
    except ValueError:
        return False
    ended = db.session.execute(
        delete(LoginSession)
        .where(LoginSession.user_id == user.id, LoginSession.id_hash == id_hash)
        .returning(LoginSession.id_hash)
    )
    return ended.first() is not None


def end_other_sessions(user: User) -> int:
    """End every session of the person but this one; returns how many."""
    ended = db.session.execute(
        delete(LoginSession)
        .where(LoginSession.user_id == user.id, LoginSession.id_hash != tokens.digest(user.session_id))
        .returning(LoginSession.id_hash)
    )
    return len(ended.all())


def end_all_sessions(user: User) -> int:
    """End every session of a person, for somebody who is not signed in here; returns how many."""
    ended = db.session.execute(
        delete(LoginSession).where(LoginSession.user_id == user.id).returning(LoginSession.id_hash)
    )
    return len(ended.all())


@jobs.periodic("sessions.clear", "37 * * * * 0")
def clear_ended_sessions() -> None:
    """Remove the rows of sessions that time has ended; every hour."""
    now = clock.now()
    over = or_(LoginSession.created_at <= now - LONGEST, LoginSession.last_seen_at <= now - IDLE)
    db.session.execute(delete(LoginSession).where(over))
    db.session.commit()


def _alive(now: datetime) -> ColumnElement[bool]:
    return and_(LoginSession.created_at > now - LONGEST, LoginSession.last_seen_at > now - IDLE)


def _agent() -> str:
    """What the browser calls itself, cut short; it is shown in a list and never relied on."""
    name = request.user_agent.string
    return "".join(character for character in name if character.isprintable())[:MOST_AGENT]
