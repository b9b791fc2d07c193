"""People, their sign-in sessions, teams, members, and the two append-only logs.

`AppUser` and what hangs on it belong to no team. A `Team` is protected by its own id; everything else here
that a team owns carries `team_id`. Rows of the two logs can only be added by the program's role.
"""

from __future__ import annotations

from datetime import UTC, datetime, time
from typing import Any

from flask_login import UserMixin
from sqlalchemy import ForeignKey, LargeBinary, Text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from webapp.database import Base, TeamOwned, new_id


class User(Base, UserMixin):  # type: ignore[misc] # flask_login ships no types
    """A person who can sign in. `email` is in lower case; `language` and `theme` are None until chosen."""

    __tablename__ = "app_user"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    email: Mapped[str] = mapped_column(Text)
    name: Mapped[str] = mapped_column(Text, default="")
    password_hash: Mapped[str] = mapped_column(Text)
    language: Mapped[str | None] = mapped_column(Text)
    theme: Mapped[str | None] = mapped_column(Text)
    created_at: Mapped[datetime]
    last_seen_at: Mapped[datetime | None]

    # Not a column: the secret id of the session this user was loaded by, so that what Flask-Login keeps is
    # the session's id and not the person's, and deleting the session's row signs the browser out.
    session_id = ""
    # Nor this: when the password was entered last in that session.
    fresh_at = datetime.min.replace(tzinfo=UTC)

    @property
    def title(self) -> str:
        """What pages call the person: the name, else the mail address."""
        return self.name or self.email

    def get_id(self) -> str:
        """What Flask-Login keeps in the cookie: the id of the session."""
        return self.session_id


class LoginSession(Base):
    """One signed-in browser. Only the SHA-256 of its id is kept, so the table signs nobody in."""

    __tablename__ = "login_session"

    id_hash: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("app_user.id", ondelete="CASCADE"))
    created_at: Mapped[datetime]
    last_seen_at: Mapped[datetime]
    fresh_at: Mapped[datetime]
    mfa_at: Mapped[datetime | None]
    address: Mapped[str] = mapped_column(Text)
    agent: Mapped[str] = mapped_column(Text)


class Team(Base):
    """A team. Its row is behind row-level security by its own id, so it is seen in its own scope only."""

    __tablename__ = "team"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    address: Mapped[str] = mapped_column(Text)
    name: Mapped[str] = mapped_column(Text)
    time_zone: Mapped[str] = mapped_column(Text)
    delay_seconds: Mapped[int]
    notice_from: Mapped[time | None]
    notice_until: Mapped[time | None]
    marketing_from: Mapped[time] = mapped_column(server_default="08:30")
    marketing_until: Mapped[time] = mapped_column(server_default="20:30")
    created_at: Mapped[datetime]


class Member(TeamOwned, Base):
    """A person in a team, with a role (see permissions.Role)."""

    __tablename__ = "member"

    user_id: Mapped[int] = mapped_column(ForeignKey("app_user.id", ondelete="CASCADE"), primary_key=True)
    role: Mapped[str] = mapped_column(Text)
    joined_at: Mapped[datetime]


class Invitation(TeamOwned, Base):
    """An invitation of a mail address into the team. Only the hash of its link's secret part is kept."""

    __tablename__ = "invitation"

    id: Mapped[int] = mapped_column(primary_key=True, default=new_id)
    email: Mapped[str] = mapped_column(Text)
    role: Mapped[str] = mapped_column(Text)
    token_hash: Mapped[bytes] = mapped_column(LargeBinary)
    created_at: Mapped[datetime]
    created_by: Mapped[int | None]
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]
    used_by: Mapped[int | None]
    revoked_at: Mapped[datetime | None]


class PasswordReset(Base):
    """A person's wish for a new password, and the hash of the link that was mailed (None: not mailed yet)."""

    __tablename__ = "password_reset"

    user_id: Mapped[int] = mapped_column(
        ForeignKey("app_user.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    token_hash: Mapped[bytes | None] = mapped_column(LargeBinary)
    language: Mapped[str] = mapped_column(Text)
    asked_at: Mapped[datetime]
    expires_at: Mapped[datetime]


class AuditEntry(TeamOwned, Base):
    """What somebody, or the program itself (`user_id` None), did in a team."""

    __tablename__ = "audit_entry"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    at: Mapped[datetime]
    user_id: Mapped[int | None]
    action: Mapped[str] = mapped_column(Text)
    object_kind: Mapped[str | None] = mapped_column(Text)
    object_id: Mapped[int | None]
    address: Mapped[str] = mapped_column(Text)
    details: Mapped[dict[str, Any]] = mapped_column(JSONB)


class AccessEntry(Base):
    """A sign-in, sign-out, refused try or change of password; of no team."""

    __tablename__ = "access_entry"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    at: Mapped[datetime]
    user_id: Mapped[int | None]
    event: Mapped[str] = mapped_column(Text)
    address: Mapped[str] = mapped_column(Text)
    details: Mapped[dict[str, Any]] = mapped_column(JSONB)
