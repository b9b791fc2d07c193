"""Who is in a team and as what: changing roles, removing, leaving.

Each change takes the team's row first and reads the people after that. So two owners who demote each other
at the same moment do it one after the other, and the second one's right is looked at as it is by then. A team
never is without an owner: nobody could give it a new one.
"""

from __future__ import annotations

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy import ColumnElement, and_, delete, func, select, update

from webapp import clock, tenancy
from webapp.accounts import queries
from webapp.accounts.audit import audit
from webapp.accounts.models import Invitation, Member, User
from webapp.accounts.permissions import PERMISSIONS, Role
from webapp.accounts.queries import TeamMember
from webapp.errors import DomainError, Words
from webapp.extensions import db

LAST_OWNER = _l("A team needs an owner. Make someone else owner first.")


def roles_to_give(mine: Role) -> tuple[Role, ...]:
    """The roles that somebody with the role `mine` may give, strongest first."""
    if mine not in PERMISSIONS["members.manage"]:
        return ()
    return tuple(role for role in Role if mine is Role.OWNER or role is not Role.OWNER)


def why_not(mine: Role, theirs: Role) -> Words | None:
    """Why somebody with the role `mine` may not change or remove one with the role `theirs`; None: may."""
    if not roles_to_give(mine):
        return _l("Only owners and admins can change members.")
    if theirs not in roles_to_give(mine):
        return _l("Only owners can change or remove an owner.")
    return None


def add_member(user: User, role: Role) -> Member:
    """Put a person into the present team. Raises DomainError where they are in it already."""
    queries.lock_team()
    if queries.member(user.id) is not None:
        raise DomainError(_("This person is in the team already."))
    member = Member(team_id=tenancy.scope(), user_id=user.id, role=role, joined_at=clock.now())
    db.session.add(member)
    audit("member.joined", "user", user.id, role=role.value)
    db.session.flush()
    return member


def change_role(by: int, user_id: int, role: Role) -> bool:
    """Give a member another role, which holds from their next click on; says whether it was another one.

    Raises DomainError where `by` may not, and for the last owner.
    """
    mine, theirs = _both(by, user_id)
    _check_may(mine, theirs)
    if role not in roles_to_give(mine.role):
        raise DomainError(_("Only owners can make somebody an owner."), "role")
    if theirs.role is role:
        return False
    if theirs.role is Role.OWNER:
        _check_other_owner()
    db.session.execute(update(Member).where(_is(user_id)).values(role=role))
    _withdraw_invitations(user_id, roles_to_give(role))
    audit("member.role_changed", "user", user_id, before=theirs.role.value, after=role.value)
    db.session.flush()
    return True


def remove(by: int, user_id: int) -> None:
    """Take a member out of the team; their next click there fails. Raises DomainError as `change_role`."""
    mine, theirs = _both(by, user_id)
    _check_may(mine, theirs)
    _take_out(theirs)
    audit("member.removed", "user", user_id, role=theirs.role.value)


def leave(user_id: int) -> None:
    """Leave the team oneself. Raises DomainError for the last owner."""
    _mine, theirs = _both(user_id, user_id)
    _take_out(theirs)
    audit("member.left", "user", user_id, role=theirs.role.value)


def _both(by: int, user_id: int) -> tuple[TeamMember, TeamMember]:
    """Who acts and who is acted on, as they are now that nobody else can change them."""
    queries.lock_team()
    mine, theirs = queries.member(by), queries.member(user_id)
    if mine is None:
        raise DomainError(_("You are not in this team any more. Nothing was changed."))
    if theirs is None:
        raise DomainError(_("This person is not in the team any more. Nothing was changed."))
    return mine, theirs


def _check_may(mine: TeamMember, theirs: TeamMember) -> None:
    reason = why_not(mine.role, theirs.role)
    if reason is not None:
        raise DomainError(reason)


def _check_other_owner() -> None:
    owners = select(func.count()).where(Member.team_id == tenancy.scope(), Member.role == Role.OWNER)
    if db.session.scalar(owners) == 1:
        raise DomainError(LAST_OWNER)


def _take_out(theirs: TeamMember) -> None:
    if theirs.role is Role.OWNER:
        _check_other_owner()
    db.session.execute(delete(Member).where(_is(theirs.user_id)))
    _withdraw_invitations(theirs.user_id, ())


def _withdraw_invitations(user_id: int, may_give: tuple[Role, ...]) -> None:
    """Withdraw what the person can no longer offer: else they could come back by a link of their own."""
    db.session.execute(
        update(Invitation)
        .where(
            Invitation.team_id == tenancy.scope(),
            Invitation.created_by == user_id,
            Invitation.used_at.is_(None),
            Invitation.revoked_at.is_(None),
            Invitation.role.not_in(may_give),
        )
        .values(revoked_at=clock.now())
    )


def _is(user_id: int) -> ColumnElement[bool]:
    return and_(Member.team_id == tenancy.scope(), Member.user_id == user_id)
