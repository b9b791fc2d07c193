"""Pages of a team as a whole: making one, and its general settings."""

from __future__ import annotations

from flask import Response, current_app, flash, g, url_for
from flask_babel import gettext as _

from webapp import pages
from webapp.accounts import forms, operations, queries
from webapp.accounts.blueprint import blueprint, status_of, typed
from webapp.accounts.permissions import SIGNED_IN, fresh, requires
from webapp.errors import DomainError
from webapp.extensions import db
from webapp.settings import settings_of


@blueprint.route("/teams/new", methods=["GET", "POST"])
@requires(SIGNED_IN)
def new_team() -> Response:
    """Make another team."""
    form = forms.NewTeamForm()
    if form.validate_on_submit():
        try:
            team = operations.create_team(g.user, typed(form.name))
            db.session.commit()
            return pages.see_other(url_for("accounts.team_home", team=team.address))
        except DomainError as error:
            db.session.rollback()
            forms.show_error(form, error)
    return pages.render("accounts/new_team.html", form=form, status=status_of(form))


@blueprint.route("/t/<team>/settings/general", methods=["GET", "POST"])
@requires("team.manage")
def general() -> Response:
    """Name, time zone, the wait before sending, and the sending hours."""
    form = forms.TeamForm(obj=queries.team_at_hand())
    if form.validate_on_submit():
        try:
            operations.change_team(typed(form.name), typed(form.time_zone), form.delay_seconds.data or 0)
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


@blueprint.post("/t/<team>/settings/limits")
@requires("team.limits")
@fresh
def change_limits() -> Response:
    """Keep how much may be sent: what a stolen session cannot raise."""
    limits = forms.LimitsForm()
    if limits.validate_on_submit():
        try:
            operations.change_limits(limits.campaign_cap.data or 0, limits.day_cap.data or 0)
            return _saved()
        except DomainError as error:
            db.session.rollback()
            forms.show_error(limits, error)
    team = queries.team_at_hand()
    return _general(forms.TeamForm(formdata=None, obj=team), forms.HoursForm(formdata=None, obj=team), limits)


def _saved() -> Response:
    db.session.commit()
    flash(_("The settings are saved."), "ok")
    return pages.see_other(url_for("accounts.general"))


def _general(
    form: forms.TeamForm, hours: forms.HoursForm, limits: forms.LimitsForm | None = None
) -> Response:
    limits = limits or forms.LimitsForm(formdata=None, obj=queries.team_at_hand())
    status = 422 if form.errors or hours.errors or limits.errors else 200
    most = settings_of(current_app).most_per_day
    return pages.render(
        "accounts/general.html", form=form, hours=hours, limits=limits, most=most, status=status
    )
