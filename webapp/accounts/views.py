"""Pages of people and teams: the first page, signing up, in and out, the profile, and a team's settings."""

from __future__ import annotations

from typing import cast

from flask import (
    Blueprint,
    Flask,
    Response,
    abort,
    current_app,
    flash,
    g,
    request,
    session,
    url_for,
)
from flask.sansio.blueprints import BlueprintSetupState
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel import ngettext
from flask_wtf import FlaskForm
from werkzeug.exceptions import TooManyRequests
from wtforms import Field

from webapp import frame, pages, reading
from webapp.accounts import forms, operations, queries, sessions
from webapp.accounts.agents import browser_name
from webapp.accounts.permissions import SIGNED_IN, public, requires
from webapp.accounts.requests import local_path
from webapp.accounts.throttle import TooManyTries
from webapp.errors import DomainError
from webapp.extensions import db
from webapp.settings import settings_of

blueprint = Blueprint("accounts", __name__)

KEEP_PREFERENCE = 365 * 24 * 3600


@blueprint.record_once
def _join_frame(state: BlueprintSetupState) -> None:
    app = cast(Flask, state.app)
    frame.connect(app, teams=queries.my_teams)
    settings = frame.NavItem(
        "accounts.general", _l("Settings"), "settings", permission="team.manage", foot=True, order=80
    )
    frame.add_nav(app, settings)


# ---- the first page, and where people go from it -----------------------------------------------------


@blueprint.get("/")
@public
def front() -> Response:
    """What this is; who is signed in goes on to the team they were in last."""
    if g.user is not None:
        return pages.see_other(_home())
    return pages.render("accounts/front.html", may_sign_up=_may_sign_up())


@blueprint.get("/t/<team>/")
@requires("team.view")
def team_home() -> Response:
    """A team's address alone leads to the first place of its navigation: getting started, later home."""
    return pages.see_other(frame.Shell().links[0].url)


def _home() -> str:
    addresses = [team.address for team in queries.my_teams()]
    if not addresses:
        return url_for("accounts.new_team")
    last = session.get("team")
    return url_for("accounts.team_home", team=last if last in addresses else addresses[0])


# ---- up, in, out -------------------------------------------------------------------------------------


@blueprint.route("/signup", methods=["GET", "POST"])
@public
def sign_up() -> Response:
    """Make an account and a team, and be signed in."""
    if g.user is not None:
        return pages.see_other(_home())
    if not _may_sign_up():
        return pages.render("accounts/invited_only.html", status=403)
    form = forms.SignUpForm()
    if form.validate_on_submit():
        try:
            user = operations.sign_up(_typed(form.email), _typed(form.password), reading.language())
            sessions.start_session(user)
            db.session.commit()
            return pages.see_other("/")
        except DomainError as error:
            db.session.rollback()
            forms.show_error(form, error)
    return pages.render("accounts/sign_up.html", form=form, status=_status_of(form))


@blueprint.route("/login", methods=["GET", "POST"])
@public
def sign_in() -> Response:
    """Sign in, and go on to where `next` says if that is a place of this site."""
    wanted = local_path(request.values.get("next"))
    if g.user is not None:
        return pages.see_other(wanted or _home())
    form = forms.SignInForm()
    if form.validate_on_submit():
        user = operations.sign_in(_typed(form.email), _typed(form.password))
        db.session.commit()
        if user is not None:
            response = _keep(pages.see_other(wanted or "/"), "lang", user.language)
            return _keep(response, "theme", user.theme)
        form.form_errors.append(_("That email and password do not match."))
    return pages.render(
        "accounts/sign_in.html",
        form=form,
        next=wanted,
        may_sign_up=_may_sign_up(),
        status=_status_of(form),
    )


@blueprint.post("/logout")
@requires(SIGNED_IN)
def sign_out() -> Response:
    """End this browser's session."""
    operations.sign_out(g.user)
    db.session.commit()
    g.user = None
    flash(_("You are signed out."), "ok")
    return pages.see_other("/")


def _may_sign_up() -> bool:
    return settings_of(current_app).signup == "open"


# ---- the profile -------------------------------------------------------------------------------------


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
            ended = operations.change_password(g.user, _typed(form.present), _typed(form.password))
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


def _profile(form: forms.PasswordForm, status: int = 200) -> Response:
    mine = [
        {"row": row, "key": row.id_hash.hex(), "here": sessions.is_this_one(row, g.user)}
        for row in sessions.sessions_of(g.user)
    ]
    return pages.render(
        "accounts/profile.html", form=form, sessions=mine, browser_name=browser_name, status=status
    )


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
    return _keep(_back(), "lang", language)


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
    return _keep(_back(), "theme", theme)


def _back() -> Response:
    return pages.see_other(local_path(request.form.get("next")) or "/")


def _keep(response: Response, cookie: str, value: str | None) -> Response:
    if value is not None:
        response.set_cookie(
            cookie,
            value,
            max_age=KEEP_PREFERENCE,
            secure=settings_of(current_app).https,
            httponly=True,
            samesite="Lax",
        )
    return response


# ---- teams -------------------------------------------------------------------------------------------


@blueprint.route("/teams/new", methods=["GET", "POST"])
@requires(SIGNED_IN)
def new_team() -> Response:
    """Make another team."""
    form = forms.NewTeamForm()
    if form.validate_on_submit():
        try:
            team = operations.create_team(g.user, _typed(form.name))
            db.session.commit()
            return pages.see_other(url_for("accounts.team_home", team=team.address))
        except DomainError as error:
            db.session.rollback()
            forms.show_error(form, error)
    return pages.render("accounts/new_team.html", form=form, status=_status_of(form))


@blueprint.route("/t/<team>/settings/general", methods=["GET", "POST"])
@requires("team.manage")
def general() -> Response:
    """Name, time zone, the wait before sending, and the sending hours."""
    form = forms.TeamForm(obj=queries.team_at_hand())
    if form.validate_on_submit():
        try:
            operations.change_team(_typed(form.name), _typed(form.time_zone), form.delay_seconds.data or 0)
            return _saved()
        except DomainError as error:
            db.session.rollback()
            forms.show_error(form, error)
    return _general(form, forms.HoursForm(formdata=None, obj=queries.team_at_hand()))


@blueprint.post("/t/<team>/settings/hours")
@requires("team.manage")
def change_hours() -> Response:
    """Keep the sending hours; they count from the next request to the gateway on."""
    hours = forms.HoursForm()
    if hours.validate_on_submit():
        try:
            operations.change_hours(
                hours.marketing_from.data,
                hours.marketing_until.data,
                hours.notice_from.data,
                hours.notice_until.data,
            )
            return _saved()
        except DomainError as error:
            db.session.rollback()
            forms.show_error(hours, error)
    return _general(forms.TeamForm(formdata=None, obj=queries.team_at_hand()), hours)


def _saved() -> Response:
    db.session.commit()
    flash(_("The settings are saved."), "ok")
    return pages.see_other(url_for("accounts.general"))


def _general(form: forms.TeamForm, hours: forms.HoursForm) -> Response:
    status = 422 if form.errors or hours.errors else 200
    return pages.render("accounts/general.html", form=form, hours=hours, status=status)


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


def _status_of(form: FlaskForm) -> int:
    return 422 if form.errors else 200


def _typed(field: Field) -> str:
    return str(field.data or "")
