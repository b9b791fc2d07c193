"""Pages of a team as a whole: making one, and its general settings."""

from __future__ import annotations

from flask import Response, flash, g, url_for
from flask_babel import gettext as _

from webapp import pages
from webapp.accounts import forms, operations, queries
from webapp.accounts.blueprint import blueprint, status_of, typed
from webapp.accounts.permissions import SIGNED_IN, requires
from webapp.errors import DomainError
from webapp.extensions import db


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


def _saved() -> Response:
    db.session.commit()
    flash(_("The settings are saved."), "ok")
    return pages.see_other(url_for("accounts.general"))


def _general(form: forms.TeamForm, hours: forms.HoursForm) -> Response:
    status = 422 if form.errors or hours.errors else 200
    return pages.render("accounts/general.html", form=form, hours=hours, status=status)
