"""Changes to people, their sign-in and their teams. They flush; views and commands commit."""

from __future__ import annotations

import re
from datetime import time

from flask import g
from flask_babel import gettext as _
from sqlalchemy import delete
from sqlalchemy.exc import IntegrityError

from webapp import clock, tenancy
from webapp.accounts import passwords, queries, sessions
from webapp.accounts.audit import access, audit
from webapp.accounts.models import Member, PasswordReset, Team, User
from webapp.accounts.permissions import Role
from webapp.accounts.throttle import Count, forget, give_back, spend
from webapp.database import new_address, new_id
from webapp.errors import DomainError
from webapp.extensions import client_address, db

DEFAULT_ZONE = "Asia/Shanghai"
DEFAULT_DELAY = 10
MOST_TEAM_NAME = 80
MOST_LOCAL_IN_NAME = 60
MOST_PERSON_NAME = 60
# One @ with something on both sides, nothing blank.
EMAIL = r"^[^@\s]+@[^@\s]+$"
LONGEST_EMAIL = 254


def sign_up(email: str, password: str, language: str | None = None) -> User:
    """Make a person and a team of their own, whose owner they are.

    Raises DomainError for a password that may not be chosen and for an address that is taken, TooManyTries.
    """
    email = normal_email(email)
    passwords.check_password(password, [email])
    spend(Count("sign-up", "5 per hour", (client_address(),)))
    user = add_user(email, password, language)
    # What is noted from here on was done by this person.
    g.user = user
    local = email.partition("@")[0][:MOST_LOCAL_IN_NAME]
    create_team(user, _("%(name)s's team", name=local))
    access("signed_up", user.id)
    return user


def add_user(email: str, password: str, language: str | None = None, name: str = "") -> User:
    """Make a person who is in no team yet. Raises DomainError (fields "name", "email")."""
    user = User(
        id=new_id(),
        email=normal_email(email),
        name=person_name(name),
        password_hash=passwords.hash_password(password),
        language=language,
        created_at=clock.now(),
    )
    try:
        with db.session.begin_nested():
            db.session.add(user)
    except IntegrityError as error:
        raise DomainError(
            _("There is an account with this email address already. Sign in instead."), "email"
        ) from error
    return user


def sign_in(email: str, password: str) -> User | None:
    """Check the pair, note the try, and sign this browser in; None when they do not match.

    A person nobody knows costs the same time. Raises TooManyTries and TooBusy. Right tries are given back,
    so that somebody who signs in often locks out neither an office behind one address nor themselves.
    """
    email = normal_email(email)
    pair, address, account = tries = tries_of(email)
    spend(*tries)
    user = queries.user_by_email(email)
    if not passwords.verify_password(user.password_hash if user else None, password) or user is None:
        access("sign_in_refused", user.id if user else None)
        return None
    if passwords.needs_rehash(user.password_hash):
        user.password_hash = passwords.hash_password(password)
    forget(pair)
    give_back(address, account)
    sessions.start_session(user)
    access("signed_in", user.id)
    return user


def confirm(user: User, password: str) -> bool:
    """Check the password of somebody who is signed in, and take the session at hand for fresh if it is right.

    Limited together with signing in: whoever holds a stolen session must not get tries of their own.
    Raises TooManyTries and TooBusy.
    """
    pair, address, account = tries = tries_of(user.email)
    spend(*tries)
    if not passwords.verify_password(user.password_hash, password):
        access("confirm_refused", user.id)
        return False
    forget(pair)
    give_back(address, account)
    sessions.make_fresh(user)
    access("confirmed", user.id)
    return True


def tries_of(email: str) -> tuple[Count, Count, Count]:
    """What a try at a password counts on: the pair of account and address, the address, the account."""
    here = client_address()
    return (
        Count("sign-in", "10 per 15 minute", (email, here)),
        Count("sign-in", "30 per 15 minute", (here,)),
        Count("sign-in", "100 per hour", (email,)),
    )


def sign_out(user: User) -> None:
    """End this browser's session."""
    access("signed_out", user.id)
    sessions.end_this_session(user)


def change_password(user: User, present: str, wanted: str) -> int:
    """Change the password and end the person's other sessions; returns how many those were.

    Raises DomainError (fields "present", "password"), TooManyTries and TooBusy.
    """
    tries = Count("password", "10 per 15 minute", (str(user.id),))
    spend(tries)
    if not passwords.verify_password(user.password_hash, present):
        access("password_change_refused", user.id)
        raise DomainError(_("This is not your present password."), "present")
    names = [membership.team.name for membership in queries.memberships(user.id)]
    passwords.check_password(wanted, [user.email, *names])
    forget(tries)
    user.password_hash = passwords.hash_password(wanted)
    ended = sessions.end_other_sessions(user)
    db.session.execute(delete(PasswordReset).where(PasswordReset.user_id == user.id))
    access("password_changed", user.id, ended=ended)
    return ended


def create_team(user: User, name: str) -> Team:
    """Make a team with `user` as its owner, and open its scope: the session must have none yet."""
    team = Team(
        id=new_id(),
        address=new_address(),
        name=team_name(name),
        time_zone=DEFAULT_ZONE,
        delay_seconds=DEFAULT_DELAY,
        created_at=clock.now(),
    )
    tenancy.open_scope(team.id)
    db.session.add(team)
    db.session.flush()
    db.session.add(Member(team_id=team.id, user_id=user.id, role=Role.OWNER, joined_at=clock.now()))
    audit("team.created", "team", team.id, name=team.name)
    db.session.flush()
    return team


def change_team(name: str, time_zone: str, delay_seconds: int) -> Team:
    """Change the present team's settings. Raises DomainError (field "name")."""
    team = queries.team_at_hand()
    wanted: dict[str, str | int] = {
        "name": team_name(name),
        "time_zone": time_zone,
        "delay_seconds": delay_seconds,
    }
    changed = {field: value for field, value in wanted.items() if getattr(team, field) != value}
    for field, value in changed.items():
        setattr(team, field, value)
    if changed:
        audit("team.changed", "team", team.id, **changed)
    db.session.flush()
    return team


def change_hours(
    marketing_from: time | None,
    marketing_until: time | None,
    notice_from: time | None,
    notice_until: time | None,
) -> Team:
    """Change when the present team's campaigns may go out; without hours notices go at any time.

    Raises DomainError with its field for hours that end before they begin, half a pair, none for marketing.
    """
    if marketing_from is None or marketing_until is None:
        raise DomainError(_("Enter a time of day."), "marketing_from")
    if (notice_from is None) != (notice_until is None):
        raise DomainError(
            _("Give both times for notices, or neither: then they go out at any time."),
            "notice_from" if notice_from is None else "notice_until",
        )
    for begin, end, field in (
        (marketing_from, marketing_until, "marketing_until"),
        (notice_from, notice_until, "notice_until"),
    ):
        if begin is not None and end is not None and not begin < end:
            raise DomainError(_("The hours must end later on the same day than they begin."), field)
    team = queries.team_at_hand()
    wanted = {
        "marketing_from": marketing_from,
        "marketing_until": marketing_until,
        "notice_from": notice_from,
        "notice_until": notice_until,
    }
    changed = {field: value for field, value in wanted.items() if getattr(team, field) != value}
    for field, value in changed.items():
        setattr(team, field, value)
    if changed:
        said = {field: f"{value:%H:%M}" if value else None for field, value in changed.items()}
        audit("team.changed", "team", team.id, **said)
    db.session.flush()
    return team


def team_name(text: str) -> str:
    """A team's name as it is kept. Raises DomainError (field "name") for an empty or too long one."""
    name = " ".join(text.split())
    if not name or not name.isprintable():
        raise DomainError(_("Give the team a name."), "name")
    if len(name) > MOST_TEAM_NAME:
        raise DomainError(_("Use at most %(n)s characters.", n=MOST_TEAM_NAME), "name")
    return name


def person_name(text: str) -> str:
    """A person's name as it is kept, "" for none. Raises DomainError (field "name")."""
    name = " ".join(text.split())
    if not name.isprintable():
        raise DomainError(_("Use letters that can be seen."), "name")
    if len(name) > MOST_PERSON_NAME:
        raise DomainError(_("Use at most %(n)s characters.", n=MOST_PERSON_NAME), "name")
    return name


def change_name(user: User, name: str) -> None:
    """Change what pages call the person; empty: the mail address. Raises DomainError (field "name")."""
    user.name = person_name(name)
    db.session.flush()


def is_email(text: str) -> bool:
    """Whether an address in its normal form can be one; whether anybody reads it is not known here."""
    return re.fullmatch(EMAIL, text) is not None and text.isprintable() and 3 <= len(text) <= LONGEST_EMAIL


def normal_email(text: str) -> str:
    """An address as it is kept and compared: without space around it, in lower case."""
    return text.strip().lower()
