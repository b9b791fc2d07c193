"""What a request knows of the team it is about and of the person's place in it.

Plain frozen values rather than rows: they stand while the session commits, and nobody can change a team by
assigning to them.
"""

from __future__ import annotations

from dataclasses import dataclass

from webapp.accounts.models import User


@dataclass(frozen=True)
class CurrentTeam:
    """A team as pages need it; `g.team`. `delay_seconds` is the wait before sending."""

    id: int
    address: str
    name: str
    time_zone: str
    delay_seconds: int


@dataclass(frozen=True)
class CurrentMember:
    """The signed-in person in the present team; `g.member`. `role` is one of permissions.Role."""

    user: User
    role: str


@dataclass(frozen=True)
class Membership:
    """One team that a person is in, with the role there."""

    team: CurrentTeam
    role: str


@dataclass(frozen=True)
class Preferences:
    """What a person chose, None where nothing yet; `g.user_preferences`."""

    language: str | None
    theme: str | None
