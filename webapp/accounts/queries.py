"""Reads about people and their teams."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from flask import g
from sqlalchemy import Row, Select, select

from webapp import tenancy
from webapp.accounts.context import CurrentTeam, Membership
from webapp.accounts.models import Member, Team, User
from webapp.accounts.permissions import Role
from webapp.extensions import db


def user_by_email(email: str) -> User | None:
    """The person with this address, which must be in lower case."""
    return db.session.scalar(select(User).where(User.email == email))


def memberships(user_id: int) -> list[Membership]:
    """The teams that a person is in, the one joined first first."""
    rows = tenancy.door(
        "which teams a person is in is asked before one of them is chosen",
        "door_memberships",
        the_user=user_id,
    )
    return [
        Membership(
            CurrentTeam(row.team_id, row.address, row.name, row.time_zone, row.delay_seconds), row.role
        )
        for row in rows
    ]


def my_memberships() -> list[Membership]:
    """The signed-in person's teams, asked once a request."""
    if "memberships" not in g:
        g.memberships = memberships(g.user.id)
    return list(g.memberships)


def my_teams() -> list[CurrentTeam]:
    """The signed-in person's teams, for the team menu."""
    return [membership.team for membership in my_memberships()]


def team_at_hand() -> Team:
    """The row of the present team."""
    return db.session.scalars(select(Team).where(Team.id == tenancy.scope())).one()


def names_of(ids: Iterable[int | None]) -> dict[int, str]:
    """What pages call these people, by id: the name, else the mail address."""
    wanted = {one for one in ids if one is not None}
    if not wanted:
        return {}
    people = db.session.execute(select(User.id, User.name, User.email).where(User.id.in_(wanted)))
    return {row.id: row.name or row.email for row in people}


@dataclass(frozen=True)
class TeamMember:
    """A member as pages show one. `last_seen_at`: when the person was here last, in whichever team."""

    user_id: int
    email: str
    name: str
    role: Role
    joined_at: datetime
    last_seen_at: datetime | None

    @property
    def title(self) -> str:
        """What pages call the person: the name, else the mail address."""
        return self.name or self.email


def members() -> list[TeamMember]:
    """Everybody in the present team, the strongest role first, then who joined first."""
    strength = list(Role)
    rows = db.session.execute(_members().order_by(Member.joined_at, Member.user_id))
    return sorted((_member_of(row) for row in rows), key=lambda one: strength.index(one.role))


def member(user_id: int) -> TeamMember | None:
    """One member of the present team."""
    row = db.session.execute(_members().where(Member.user_id == user_id)).one_or_none()
    return _member_of(row) if row is not None else None


def _members() -> Select[User, Member]:
    return (
        select(User, Member)
        .join(Member, Member.user_id == User.id)
        .where(Member.team_id == tenancy.scope())
        .execution_options(populate_existing=True)
    )


def _member_of(row: Row[User, Member]) -> TeamMember:
    user, member = row
    return TeamMember(user.id, user.email, user.name, Role(member.role), member.joined_at, user.last_seen_at)


def lock_team() -> Team:
    """The present team's row, held until the transaction ends: who is in it changes one step at a time.

    Held in the way that lets rows below the team be written meanwhile.
    """
    here = select(Team).where(Team.id == tenancy.scope())
    return db.session.scalars(
        here.with_for_update(key_share=True).execution_options(populate_existing=True)
    ).one()


def people_in(*roles: Role) -> list[User]:
    """The members of the present team who have one of these roles."""
    return list(
        db.session.scalars(
            select(User)
            .join(Member, Member.user_id == User.id)
            .where(Member.team_id == tenancy.scope(), Member.role.in_(roles))
            .order_by(User.id)
        )
    )


def owners() -> list[User]:
    """The owners of the present team."""
    return people_in(Role.OWNER)
