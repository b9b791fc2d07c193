"""A new password for somebody who forgot the old one, by a link in a mail.

Asking only writes a row, and only for a person who exists: the page says the same and takes the same time for
everybody, since the mail itself is sent by the worker. The link's secret is made there, so it stands in the
mail and nowhere else. A person has one row at most, and using the link removes it.
"""

from __future__ import annotations

from datetime import timedelta

import structlog
from flask_babel import gettext as _
from sqlalchemy import delete, select, update
from sqlalchemy.dialects.postgresql import insert

from webapp import clock, jobs
from webapp.accounts import mails, operations, passwords, queries, sessions, tokens
from webapp.accounts.audit import access
from webapp.accounts.models import PasswordReset, User
from webapp.accounts.throttle import Count, forget, spend
from webapp.errors import DomainError
from webapp.extensions import client_address, db
from webapp.mail import MailError

log = structlog.get_logger(__name__)

LASTS = timedelta(hours=1)
AT_ONCE = 20


class DeadError(DomainError):
    """The link was used, a newer one was asked for, or it is too old."""


def ask(email: str, language: str) -> None:
    """Note that somebody wants a new password for this address. Nothing tells whether anybody has it.

    `language`: of the page, for a person who chose none. Raises TooManyTries.
    """
    email = operations.normal_email(email)
    spend(
        Count("reset", "3 per hour", (email,)),
        Count("reset", "20 per hour", (client_address(),)),
    )
    user = queries.user_by_email(email)
    access("password_reset_asked", user.id if user else None)
    if user is None:
        return
    now = clock.now()
    wish = {
        "token_hash": None,
        "language": user.language or language,
        "asked_at": now,
        "expires_at": now + LASTS,
    }
    new = insert(PasswordReset).values(user_id=user.id, **wish)
    db.session.execute(new.on_conflict_do_update(index_elements=[PasswordReset.user_id], set_=wish))


def find(token: str) -> User | None:
    """The person whose living link this is."""
    living = select(User).join(PasswordReset, PasswordReset.user_id == User.id)
    return db.session.scalar(
        living.where(PasswordReset.token_hash == tokens.digest(token), PasswordReset.expires_at > clock.now())
    )


def use(token: str, wanted: str) -> User:
    """Set a new password by a link and end every session of the person; the link is used up.

    Raises DomainError (field "password"), DeadError, TooManyTries and TooBusy.
    """
    spend(Count("reset-use", "30 per hour", (client_address(),)))
    user = find(token)
    if user is None:
        raise DeadError(_("This link was used or has expired. Ask for a new one."))
    names = [membership.team.name for membership in queries.memberships(user.id)]
    passwords.check_password(wanted, [user.email, user.name, *names])
    hashed = passwords.hash_password(wanted)
    used = db.session.execute(
        delete(PasswordReset)
        .where(PasswordReset.user_id == user.id, PasswordReset.token_hash == tokens.digest(token))
        .returning(PasswordReset.user_id)
    )
    # Of two at the same moment the second one finds no row.
    if used.first() is None:
        raise DeadError(_("This link was used or has expired. Ask for a new one."))
    user.password_hash = hashed
    access("password_reset", user.id, ended=sessions.end_all_sessions(user))
    # Who forgot the password has tried some; the way in is open again with the new one.
    forget(operations.tries_of(user.email)[0])
    return user


@jobs.periodic("accounts.reset_mails", "* * * * * */10")
def send_waiting() -> None:
    """Mail the links that were asked for; every ten seconds. What the server refuses is tried again."""
    now = clock.now()
    waiting = select(PasswordReset.user_id).where(
        PasswordReset.token_hash.is_(None), PasswordReset.expires_at > now
    )
    for user_id in db.session.scalars(waiting.order_by(PasswordReset.asked_at).limit(AT_ONCE)).all():
        _send(user_id)
    db.session.execute(delete(PasswordReset).where(PasswordReset.expires_at <= now))
    db.session.commit()


def _send(user_id: int) -> None:
    """Make the secret, keep its hash, mail it; no transaction is open while the server is waited for."""
    token = tokens.new_token()
    made = db.session.execute(
        update(PasswordReset)
        .where(PasswordReset.user_id == user_id, PasswordReset.token_hash.is_(None))
        .where(User.id == PasswordReset.user_id)
        .values(token_hash=tokens.digest(token))
        .returning(User.email, PasswordReset.language)
    ).one_or_none()
    db.session.commit()
    if made is None:
        return
    try:
        mails.send_reset(made.email, token, made.language)
    except MailError as error:
        log.warning("a mail waits for its server", why=str(error))
        mine = PasswordReset.token_hash == tokens.digest(token)
        db.session.execute(update(PasswordReset).where(mine).values(token_hash=None))
        db.session.commit()
