"""A person's own pages: name, language, theme, password, sessions, and the password asked for once more."""

from __future__ import annotations

from flask import Response, abort, flash, g, request, url_for
from flask_babel import gettext as _
from flask_babel import ngettext

from webapp import pages
from webapp.accounts import forms, operations, sessions
from webapp.accounts.agents import browser_name
from webapp.accounts.blueprint import blueprint, status_of, typed
from webapp.accounts.permissions import SIGNED_IN, NotFreshError, requires
from webapp.accounts.requests import local_path, page_at_hand
from webapp.errors import DomainError
from webapp.extensions import db


@blueprint.get("/me")
@requires(SIGNED_IN)
def profile() -> Response:
    """Language, theme, password, sessions."""
    return _profile(forms.PasswordForm(formdata=None))


@blueprint.post("/me/password")
@requires(SIGNED_IN)
def change_password() -> Response:
    """Change the password; every other browser is signed out."""
    form = forms.PasswordForm()
    if form.validate_on_submit():
        try:
            ended = operations.change_password(g.user, typed(form.present), typed(form.password))
            db.session.commit()
            flash(_password_changed(ended), "ok")
            return pages.see_other(url_for("accounts.profile"))
        except DomainError as error:
            # The refused try is kept in the log of sign-in events.
            db.session.commit()
            forms.show_error(form, error)
    return _profile(form, status=422)


def _password_changed(ended: int) -> str:
    if not ended:
        return str(_("Your password is changed."))
    return str(
        ngettext(
            "Your password is changed. %(num)s other browser was signed out.",
            "Your password is changed. %(num)s other browsers were signed out.",
            ended,
        )
    )


@blueprint.post("/me/sessions/end")
@requires(SIGNED_IN)
def end_session() -> Response:
    """Sign one of the person's browsers out."""
    if not sessions.end_session(g.user, request.form.get("session", "")):
        abort(404)
    db.session.commit()
    flash(_("That browser is signed out."), "ok")
    return pages.see_other(url_for("accounts.profile"))


@blueprint.post("/me/sessions/end-others")
@requires(SIGNED_IN)
def end_other_sessions() -> Response:
    """Sign every other browser of the person out."""
    ended = sessions.end_other_sessions(g.user)
    db.session.commit()
    flash(
        ngettext("%(num)s other browser was signed out.", "%(num)s other browsers were signed out.", ended),
        "ok",
    )
    return pages.see_other(url_for("accounts.profile"))


@blueprint.post("/me/name")
@requires(SIGNED_IN)
def change_name() -> Response:
    """Change what pages call the person."""
    form = forms.NameForm()
    if form.validate_on_submit():
        try:
            operations.change_name(g.user, typed(form.name))
            db.session.commit()
            flash(_("Saved."), "ok")
            return pages.see_other(url_for("accounts.profile"))
        except DomainError as error:
            db.session.rollback()
            forms.show_error(form, error)
    return _profile(forms.PasswordForm(formdata=None), form, status=422)


def _profile(
    form: forms.PasswordForm, name_form: forms.NameForm | None = None, status: int = 200
) -> Response:
    mine = [
        {"row": row, "key": row.id_hash.hex(), "here": sessions.is_this_one(row, g.user)}
        for row in sessions.sessions_of(g.user)
    ]
    return pages.render(
        "accounts/profile.html",
        form=form,
        name_form=name_form or forms.NameForm(formdata=None, obj=g.user),
        sessions=mine,
        browser_name=browser_name,
        status=status,
    )


# ---- the password once more --------------------------------------------------------------------------


@blueprint.route("/me/confirm", methods=["GET", "POST"])
@requires(SIGNED_IN)
def confirm() -> Response:
    """Ask for the password again, and go back to the page that wanted it."""
    wanted = local_path(request.values.get("next"))
    form = forms.ConfirmForm()
    if form.validate_on_submit():
        right = operations.confirm(g.user, typed(form.password))
        db.session.commit()
        if right:
            flash(_("Thank you. Now do again what you wanted to do."), "ok")
            return pages.see_other(wanted or url_for("accounts.profile"))
        form.password.errors = [_("This is not your password.")]
    return pages.render("accounts/confirm.html", form=form, next=wanted, status=status_of(form))


@blueprint.app_errorhandler(NotFreshError)
def not_fresh(_error: NotFreshError) -> Response:
    """On to the question for the password; what was asked for has not been done."""
    db.session.rollback()
    return pages.see_other(url_for("accounts.confirm", next=page_at_hand()))
