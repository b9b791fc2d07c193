"""The first page, signing up, in and out, language and theme: what works before anybody is signed in."""

from __future__ import annotations

from flask import Response, abort, current_app, flash, g, request
from flask_babel import gettext as _
from flask_babel import ngettext
from werkzeug.exceptions import TooManyRequests

from webapp import frame, pages, reading
from webapp.accounts import forms, operations, sessions
from webapp.accounts.blueprint import blueprint, home, keep_cookie, status_of, typed
from webapp.accounts.permissions import SIGNED_IN, public, requires
from webapp.accounts.requests import local_path
from webapp.accounts.throttle import TooManyTries
from webapp.errors import DomainError
from webapp.extensions import db
from webapp.settings import settings_of

# ---- the first page, and where people go from it -----------------------------------------------------


@blueprint.get("/")
@public
def front() -> Response:
    """What this is; who is signed in goes on to the team they were in last."""
    if g.user is not None:
        return pages.see_other(home())
    return pages.render("accounts/front.html", may_sign_up=may_sign_up())


@blueprint.get("/t/<team>/")
@requires("team.view")
def team_home() -> Response:
    """A team's address alone leads to the first place of its navigation: getting started, later home."""
    return pages.see_other(frame.Shell().links[0].url)


# ---- up, in, out -------------------------------------------------------------------------------------


@blueprint.route("/signup", methods=["GET", "POST"])
@public
def sign_up() -> Response:
    """Make an account and a team, and be signed in."""
    if g.user is not None:
        return pages.see_other(home())
    if not may_sign_up():
        return pages.render("accounts/invited_only.html", status=403)
    form = forms.SignUpForm()
    if form.validate_on_submit():
        try:
            user = operations.sign_up(typed(form.email), typed(form.password), reading.language())
            sessions.start_session(user)
            db.session.commit()
            return pages.see_other("/")
        except DomainError as error:
            db.session.rollback()
            forms.show_error(form, error)
    return pages.render("accounts/sign_up.html", form=form, status=status_of(form))


@blueprint.route("/login", methods=["GET", "POST"])
@public
def sign_in() -> Response:
    """Sign in, and go on to where `next` says if that is a place of this site."""
    wanted = local_path(request.values.get("next"))
    if g.user is not None:
        return pages.see_other(wanted or home())
    form = forms.SignInForm()
    if form.validate_on_submit():
        user = operations.sign_in(typed(form.email), typed(form.password))
        db.session.commit()
        if user is not None:
            response = keep_cookie(pages.see_other(wanted or "/"), "lang", user.language)
            return keep_cookie(response, "theme", user.theme)
        form.form_errors.append(_("That email and password do not match."))
    return pages.render(
        "accounts/sign_in.html",
        form=form,
        next=wanted,
        may_sign_up=may_sign_up(),
        status=status_of(form),
    )


@blueprint.post("/logout")
@requires(SIGNED_IN)
def sign_out() -> Response:
    """End this browser's session; `next` is for an invitation that is for another address."""
    wanted = local_path(request.form.get("next"))
    operations.sign_out(g.user)
    db.session.commit()
    g.user = None
    flash(_("You are signed out."), "ok")
    return pages.see_other(wanted or "/")


def may_sign_up() -> bool:
    return settings_of(current_app).signup == "open"


# ---- language and theme ------------------------------------------------------------------------------


@blueprint.post("/language")
@public
def set_language() -> Response:
    """Choose the language; it is kept with the account, and in a cookie for pages before signing in."""
    language = request.form.get("language", "")
    if language not in reading.LANGUAGES:
        abort(400)
    if g.user is not None:
        g.user.language = language
        db.session.commit()
    return keep_cookie(_back(), "lang", language)


@blueprint.post("/theme")
@public
def set_theme() -> Response:
    """Choose light, dark, or what the device says."""
    theme = request.form.get("theme", "")
    if theme not in reading.THEMES:
        abort(400)
    if g.user is not None:
        g.user.theme = theme
        db.session.commit()
    return keep_cookie(_back(), "theme", theme)


def _back() -> Response:
    return pages.see_other(local_path(request.form.get("next")) or "/")


# ---- answers of their own ----------------------------------------------------------------------------


@blueprint.app_errorhandler(TooManyRequests)
def too_many(error: TooManyRequests) -> Response:
    """429: how long to wait, in words and as a header."""
    minutes = error.minutes if isinstance(error, TooManyTries) else 1
    reason = ngettext(
        "Nothing was changed. Wait %(num)s minute, then try again.",
        "Nothing was changed. Wait %(num)s minutes, then try again.",
        minutes,
    )
    response = pages.error_page(429, reason=reason)
    response.headers["Retry-After"] = str(minutes * 60)
    return response
