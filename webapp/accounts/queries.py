"""Reads about people and their teams."""

from __future__ import annotations

from flask import g
from sqlalchemy import select

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
