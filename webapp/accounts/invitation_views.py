"""The page behind an invitation's link: who invites, into which team, as what; joining or signing up."""

from __future__ import annotations

from flask import Response, g, url_for
from flask_wtf import FlaskForm

from webapp import clock, pages, reading
from webapp.accounts import forms, invitations, queries, roles, sessions
from webapp.accounts.blueprint import blueprint, typed
from webapp.accounts.models import Invitation
from webapp.accounts.permissions import public
from webapp.errors import DomainError
from webapp.extensions import db


@blueprint.route("/invite/<token>", methods=["GET", "POST"])
@public
def invitation(token: str) -> Response:
    """Join the team. Whoever holds the link sees what it is about; only the invited address may take it."""
    found = invitations.find(token)
    if found is None or not invitations.is_open(found, clock.now()):
        return _dead(found)
    return _join(found, token) if g.user is not None else _sign_up(found, token)


def _join(found: Invitation, token: str) -> Response:
    """For somebody who is signed in: one click."""
    form = FlaskForm()
    is_mine = found.email == g.user.email
    is_member = queries.member(g.user.id) is not None
    status = 200
    if form.validate_on_submit() and not is_member:
        try:
            invitations.accept(found.id, g.user)
            address = queries.team_at_hand().address
            db.session.commit()
            return pages.see_other(url_for("accounts.team_home", team=address))
        except invitations.DeadError:
            db.session.rollback()
            return _dead(found)
        except DomainError:
            # The page says the same: the invitation is for another address.
            db.session.rollback()
            status = 403
    return _page(found, token, form=form, is_mine=is_mine, is_member=is_member, status=status)


def _sign_up(found: Invitation, token: str) -> Response:
    """For somebody who is not signed in: an account for the invited address, even where sign-up is closed."""
    form = forms.JoinForm()
    status = 422 if form.is_submitted() else 200
    if form.validate_on_submit():
        try:
            user = invitations.sign_up(found, typed(form.name), typed(form.password), reading.language())
            sessions.start_session(user)
            address = queries.team_at_hand().address
            db.session.commit()
            return pages.see_other(url_for("accounts.team_home", team=address))
        except invitations.DeadError:
            _undo()
            return _dead(found)
        except DomainError as error:
            _undo()
            forms.show_error(form, error)
    return _page(found, token, form=form, is_mine=False, is_member=False, status=status)


def _undo() -> None:
    """Nobody was made, so nobody is signed in."""
    db.session.rollback()
    g.user = None


def _page(
    found: Invitation, token: str, *, form: FlaskForm, is_mine: bool, is_member: bool, status: int
) -> Response:
    team = queries.team_at_hand()
    return pages.render(
        "accounts/invitation.html",
        form=form,
        token=token,
        email=found.email,
        role=roles.role_word(found.role),
        about=roles.NOTES.get(found.role, ""),
        team=team,
        inviter=_inviter(found),
        is_mine=is_mine,
        is_member=is_member,
        status=status,
    )


def _dead(found: Invitation | None) -> Response:
    """The same for every link that opens nothing; only one that once did names whom to ask."""
    return pages.render(
        "accounts/invitation_dead.html", inviter=_inviter(found) if found else None, status=404
    )


def _inviter(found: Invitation) -> str | None:
    return queries.names_of([found.created_by]).get(found.created_by or 0)
