"""Pages about who is in a team: the members, one member, the invitations that are waiting."""

from __future__ import annotations

from typing import TypeVar

from flask import Blueprint, Response, abort, current_app, flash, g, session, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm

from webapp import clock, pages, reading
from webapp.accounts import forms, invitations, mails, members, queries, roles, sessions
from webapp.accounts.blueprint import typed
from webapp.accounts.invitations import Made
from webapp.accounts.permissions import Role, fresh, may, requires
from webapp.accounts.queries import TeamMember
from webapp.errors import DomainError
from webapp.extensions import db
from webapp.mail import MailError
from webapp.settings import settings_of

Found = TypeVar("Found")

blueprint = Blueprint("members", __name__, url_prefix="/t/<team>/settings/members")

NAV = (pages.NavItem("members.index", _l("Members"), "users", "members.view", foot=True, order=85),)

# The link of the invitation made just now, on its way to the next page of this browser; shown there once.
_LINK = "invitation_link"


@blueprint.get("")
@requires("members.view")
def index() -> Response:
    """Who is in the team, and whom it waits for."""
    return _index(forms.InviteForm(formdata=None, role=Role.SENDER.value))


@blueprint.post("/invite")
@requires("members.manage")
@fresh
def invite() -> Response:
    """Invite somebody; the link is shown on the next page and mailed."""
    form = forms.InviteForm()
    if form.validate_on_submit():
        try:
            return _sent(invitations.invite(g.user.id, typed(form.email), Role(typed(form.role))))
        except DomainError as error:
            db.session.rollback()
            forms.show_error(form, error)
    return _index(form, 422)


@blueprint.post("/invitations/<int:invitation_id>/again")
@requires("members.manage")
@fresh
def invite_again(invitation_id: int) -> Response:
    """Send an invitation again, with a new link."""
    _check_form(invitations.invitation(invitation_id))
    try:
        return _sent(invitations.send_again(g.user.id, invitation_id))
    except DomainError as error:
        return _refused(error, url_for("members.index"))


@blueprint.post("/invitations/<int:invitation_id>/withdraw")
@requires("members.manage")
@fresh
def withdraw(invitation_id: int) -> Response:
    """Take an invitation back."""
    _check_form(invitations.invitation(invitation_id))
    try:
        email = invitations.withdraw(g.user.id, invitation_id).email
    except DomainError as error:
        return _refused(error, url_for("members.index"))
    db.session.commit()
    flash(_("The invitation of %(email)s is withdrawn. Its link leads nowhere.", email=email), "ok")
    return pages.see_other(url_for("members.index"))


@blueprint.get("/<int:user_id>")
@requires("members.view")
def show(user_id: int) -> Response:
    """One member: the role, and leaving the team."""
    member = _member_or_404(user_id)
    return _show(member, forms.RoleForm(formdata=None, role=member.role.value))


@blueprint.post("/<int:user_id>/role")
@requires("members.manage")
@fresh
def change_role(user_id: int) -> Response:
    """Give a member another role."""
    member, form = _member_or_404(user_id), forms.RoleForm()
    if form.validate_on_submit():
        role = Role(typed(form.role))
        try:
            members.change_role(g.user.id, user_id, role)
            db.session.commit()
            said = _("%(person)s is %(role)s now.", person=member.title, role=roles.role_word(role))
            flash(said, "ok")
            return pages.see_other(url_for("members.index"))
        except DomainError as error:
            db.session.rollback()
            forms.show_error(form, error)
    return _show(_member_or_404(user_id), form, 422)


@blueprint.post("/<int:user_id>/remove")
@requires("members.manage")
@fresh
def remove(user_id: int) -> Response:
    """Take a member out of the team."""
    member = _check_form(queries.member(user_id))
    try:
        members.remove(g.user.id, user_id)
    except DomainError as error:
        return _refused(error, url_for("members.show", user_id=user_id))
    db.session.commit()
    flash(_("%(person)s is not in the team any more.", person=member.title), "ok")
    return pages.see_other("/" if user_id == g.user.id else url_for("members.index"))


@blueprint.post("/leave")
@requires("members.view")
def leave() -> Response:
    """Leave the team oneself."""
    _check_form(g.member)
    try:
        members.leave(g.user.id)
    except DomainError as error:
        return _refused(error, url_for("members.show", user_id=g.user.id))
    db.session.commit()
    flash(_("You are not in the team %(team)s any more.", team=g.team.name), "ok")
    return pages.see_other("/")


def _sent(made: Made) -> Response:
    """Keep a new invitation, mail it, and go on to the page that shows its link."""
    email, token = made.invitation.email, made.token
    known = queries.user_by_email(email)
    language = (known.language if known else None) or reading.language()
    inviter = g.user.title
    db.session.commit()
    mailed = _mailed(made, inviter, language)
    session[_LINK] = {"team": g.team.address, "email": email, "mailed": mailed, "token": token}
    return pages.see_other(url_for("members.index"))


def _mailed(made: Made, inviter: str, language: str) -> bool:
    """Whether the mail is on its way; the link is on the page in any case."""
    try:
        mails.send_invitation(made, g.team.name, inviter, language)
    except (MailError, ValueError):
        # An address may be one that no mail can be written to.
        return False
    return settings_of(current_app).mail_url is not None


def _index(form: forms.InviteForm, status: int = 200) -> Response:
    manages = may("members.manage")
    waiting = invitations.pending() if manages else []
    link = session.pop(_LINK, None) if session.get(_LINK, {}).get("team") == g.team.address else None
    everybody = queries.members()
    mine = Role(g.member.role)
    return pages.render(
        "accounts/members.html",
        form=form,
        members=everybody,
        owner=everybody[0].title,
        waiting=waiting,
        inviters=queries.names_of(one.created_by for one in waiting),
        may_give=members.roles_to_give(mine),
        unavailable=_unavailable(mine),
        roles=roles.WORDS,
        made={**link, "link": mails.invitation_link(link["token"])} if link else None,
        fresh=sessions.is_fresh(g.user),
        now=clock.now(),
        notes=roles.NOTES,
        status=status,
    )


def _show(member: TeamMember, form: forms.RoleForm, status: int = 200) -> Response:
    mine = Role(g.member.role)
    owners = [one for one in queries.members() if one.role is Role.OWNER]
    last_owner = member.role is Role.OWNER and len(owners) == 1
    return pages.render(
        "accounts/member.html",
        form=form,
        member=member,
        here=member.user_id == g.user.id,
        owner=owners[0].title if owners else "",
        reason=members.why_not(mine, member.role),
        stays=members.LAST_OWNER if last_owner else None,
        may_give=members.roles_to_give(mine),
        unavailable=_unavailable(mine),
        everything=[role.value for role in Role],
        fresh=sessions.is_fresh(g.user),
        notes=roles.NOTES,
        status=status,
    )


def _unavailable(mine: Role) -> list[str]:
    """The roles that somebody with the role `mine` cannot give."""
    return [role.value for role in Role if role not in members.roles_to_give(mine)]


def _member_or_404(user_id: int) -> TeamMember:
    member = queries.member(user_id)
    if member is None:
        abort(404)
    return member


def _check_form(found: Found | None) -> Found:
    """What a bare form is about: 404 where there is no such thing, 400 for a form that is not ours."""
    if found is None:
        abort(404)
    if not FlaskForm().validate_on_submit():
        abort(400)
    return found


def _refused(error: DomainError, place: str) -> Response:
    db.session.rollback()
    flash(str(error.message), "odd")
    return pages.see_other(place)
