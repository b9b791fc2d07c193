"""Invitations: a mail address is asked into a team, with a role, by a link that works once.

The secret in the link opens the invitation, and the address that it is for decides who may take it: a link
that went astray helps nobody who is signed in as somebody else. Only its hash is kept; it is shown once.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from flask import g
from flask_babel import gettext as _
from sqlalchemy import Select, select

from webapp import clock, tenancy
from webapp.accounts import members, operations, passwords, queries, tokens
from webapp.accounts.audit import access, audit
from webapp.accounts.models import Invitation, Member, User
from webapp.accounts.permissions import Role
from webapp.accounts.throttle import Count, spend
from webapp.database import new_id
from webapp.errors import DomainError
from webapp.extensions import client_address, db

LASTS = timedelta(hours=72)
MOST_PENDING = 200


class DeadError(DomainError):
    """The invitation was used, withdrawn, or is too old."""


@dataclass(frozen=True)
class Made:
    """An invitation with its secret, which is known this once."""

    invitation: Invitation
    token: str


def pending() -> list[Invitation]:
    """The present team's invitations that nobody has taken yet, the newest first; expired ones too."""
    waiting = _pending().order_by(Invitation.id.desc()).limit(MOST_PENDING)
    return list(db.session.scalars(waiting))


def invitation(invitation_id: int) -> Invitation | None:
    """One of the present team's invitations that nobody has taken yet."""
    return db.session.scalar(
        _pending().where(Invitation.id == invitation_id).execution_options(populate_existing=True)
    )


def invite(by: int, email: str, role: Role) -> Made:
    """Ask an address into the present team. Raises DomainError (fields "email", "role"), TooManyTries."""
    email = operations.normal_email(email)
    if not operations.is_email(email):
        raise DomainError(_("This does not look like an email address: name@example.com."), "email")
    _check_may(by, role)
    if any(one.email == email for one in queries.members()):
        raise DomainError(_("This person is in the team already."), "email")
    waiting = pending()
    if any(one.email == email for one in waiting):
        raise DomainError(
            _("This address is invited already. Send the invitation again, or withdraw it first."), "email"
        )
    if len(waiting) >= MOST_PENDING:
        raise DomainError(_("Too many invitations are waiting. Withdraw some of them first."), "email")
    _spend()
    token, now = tokens.new_token(), clock.now()
    made = Invitation(
        team_id=tenancy.scope(),
        id=new_id(),
        email=email,
        role=role.value,
        token_hash=tokens.digest(token),
        created_at=now,
        created_by=by,
        expires_at=now + LASTS,
    )
    db.session.add(made)
    audit("member.invited", "invitation", made.id, email=email, role=role.value)
    db.session.flush()
    return Made(made, token)


def send_again(by: int, invitation_id: int) -> Made:
    """Make a new link, which takes the place of the one before. Raises DomainError, TooManyTries."""
    found = _mine_to_change(by, invitation_id)
    _spend()
    token = tokens.new_token()
    found.token_hash = tokens.digest(token)
    found.created_by, found.expires_at = by, clock.now() + LASTS
    audit("member.invited_again", "invitation", found.id, email=found.email, role=found.role)
    db.session.flush()
    return Made(found, token)


def withdraw(by: int, invitation_id: int) -> Invitation:
    """Make the link of an invitation worthless. Raises DomainError."""
    found = _mine_to_change(by, invitation_id)
    found.revoked_at = clock.now()
    audit("member.invitation_withdrawn", "invitation", found.id, email=found.email, role=found.role)
    db.session.flush()
    return found


def find(token: str) -> Invitation | None:
    """The invitation that a link names, dead or alive, with its team's scope opened; None: there is none."""
    rows = tenancy.door(
        "whoever opens an invitation is in no team yet", "door_invitation", the_hash=tokens.digest(token)
    )
    if not rows:
        return None
    tenancy.open_scope(rows[0].team_id)
    return db.session.get(Invitation, (rows[0].team_id, rows[0].id))


def is_open(found: Invitation, now: datetime) -> bool:
    """Whether an invitation can still be taken."""
    return found.used_at is None and found.revoked_at is None and now < found.expires_at


def accept(invitation_id: int, user: User) -> Member:
    """Put a person into the present team by an invitation for their address, and use it up.

    Raises DeadError, and DomainError for another address and for somebody who is in the team already.
    """
    # One after the other: of two who take it at the same moment the second finds it used.
    queries.lock_team()
    found = invitation(invitation_id)
    if found is None or not is_open(found, clock.now()):
        raise DeadError(_("This invitation was used or has expired."))
    if found.email != user.email:
        raise DomainError(_("This invitation is for another address. Nothing was changed."))
    member = members.add_member(user, Role(found.role))
    found.used_at, found.used_by = clock.now(), user.id
    db.session.flush()
    return member


def sign_up(found: Invitation, name: str, password: str, language: str) -> User:
    """Make a person for the invited address and put them into the team.

    Raises DomainError (fields "name", "password", "email"), DeadError, TooManyTries and TooBusy.
    """
    team = queries.team_at_hand()
    passwords.check_password(password, [found.email, name, team.name])
    # An office signs up from one address; what is guessed here is a secret that nobody guesses.
    spend(Count("invited", "30 per hour", (client_address(),)))
    user = operations.add_user(found.email, password, language, name)
    # What is noted from here on was done by this person.
    g.user = user
    accept(found.id, user)
    access("signed_up", user.id)
    return user


def _pending() -> Select[Invitation]:
    return select(Invitation).where(
        Invitation.team_id == tenancy.scope(),
        Invitation.used_at.is_(None),
        Invitation.revoked_at.is_(None),
    )


def _mine_to_change(by: int, invitation_id: int) -> Invitation:
    queries.lock_team()
    found = invitation(invitation_id)
    if found is None:
        raise DomainError(_("This invitation was used or withdrawn meanwhile. Nothing was changed."))
    _check_may(by, Role(found.role))
    return found


def _check_may(by: int, role: Role) -> None:
    queries.lock_team()
    mine = queries.member(by)
    may_give = members.roles_to_give(mine.role) if mine is not None else ()
    if not may_give:
        raise DomainError(_("Only owners and admins can invite people."))
    if role not in may_give:
        raise DomainError(_("Only owners can invite somebody as an owner."), "role")


def _spend() -> None:
    """Invitations are mails to strangers: a team cannot send any number of them."""
    spend(Count("invite", "60 per hour", (str(tenancy.scope()),)))
