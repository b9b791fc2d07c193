"""Pages for somebody who forgot the password: asking for a link, and choosing a new one by it."""

from __future__ import annotations

from flask import Response, current_app, flash, g, url_for
from flask_babel import gettext as _

from webapp import pages, reading
from webapp.accounts import forms, resets
from webapp.accounts.blueprint import blueprint, status_of, typed
from webapp.accounts.permissions import public
from webapp.errors import DomainError
from webapp.extensions import db
from webapp.settings import settings_of


@blueprint.route("/forgot", methods=["GET", "POST"])
@public
def forgot() -> Response:
    """Ask for a link to a new password; the answer never tells whether the address has an account."""
    form = forms.ForgotForm()
    if form.validate_on_submit():
        resets.ask(typed(form.email), reading.language())
        db.session.commit()
        mails = settings_of(current_app).mail_url is not None
        return pages.render("accounts/forgot_asked.html", email=typed(form.email), mails=mails)
    return pages.render("accounts/forgot.html", form=form, status=status_of(form))


@blueprint.route("/reset/<token>", methods=["GET", "POST"])
@public
def reset(token: str) -> Response:
    """Choose a new password by the link of a mail; it works once."""
    user = resets.find(token)
    if user is None:
        return _dead()
    form = forms.ResetForm()
    email = user.email
    if form.validate_on_submit():
        try:
            resets.use(token, typed(form.password))
            db.session.commit()
        except resets.DeadError:
            db.session.rollback()
            return _dead()
        except DomainError as error:
            db.session.rollback()
            forms.show_error(form, error)
        else:
            g.user = None
            flash(_("Your password is changed, and every browser is signed out. Sign in with it now."), "ok")
            return pages.see_other(url_for("accounts.sign_in"))
    return pages.render("accounts/reset.html", form=form, token=token, email=email, status=status_of(form))


def _dead() -> Response:
    return pages.render("accounts/reset_dead.html", status=404)
