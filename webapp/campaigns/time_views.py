"""Pages on which a campaign's time is changed, and the way back to editing."""

from __future__ import annotations

import secrets
from datetime import datetime

from flask import Response, abort, flash, g, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm
from wtforms import HiddenField, StringField
from wtforms.validators import AnyOf, InputRequired, Length
from wtforms.widgets import DateTimeLocalInput

from webapp import clock, tenancy
from webapp.accounts import queries as accounts
from webapp.accounts.forms import show_error
from webapp.accounts.permissions import requires
from webapp.campaigns import editing, hours, queries, schedule, sentences, stopping
from webapp.campaigns.blueprint import blueprint, campaign_or_404
from webapp.campaigns.models import Campaign
from webapp.campaigns.moments import local_text, parse_local
from webapp.campaigns.states import CampaignState
from webapp.errors import DomainError
from webapp.pages import render, see_other


class TimeForm(FlaskForm):  # type: ignore[misc] # the library carries no types
    """Another time for the start, or none: now. Each of the page's two buttons is a form of its own."""

    # Made with the page: pressed twice, or sent again by a browser, the button works once.
    key = HiddenField(validators=[InputRequired(), Length(max=64)])
    when = StringField(validators=[AnyOf(("now", "later"))])
    send_at = StringField(_l("Day and time"), widget=DateTimeLocalInput(), render_kw={"class": "input"})


class LimitForm(FlaskForm):  # type: ignore[misc] # the library carries no types
    """Another limit for a campaign whose own one has passed, or none."""

    when = StringField(validators=[AnyOf(("limit", "none"))])
    not_after = StringField(
        _l("Send nothing after"), widget=DateTimeLocalInput(), render_kw={"class": "input"}
    )


@blueprint.get("/campaigns/<int:campaign_id>/time")
@requires("campaigns.send")
def time(campaign_id: int) -> Response:
    """Another start for a campaign that has not begun; another limit for one whose limit has passed."""
    campaign = campaign_or_404(campaign_id)
    if campaign.paused_by_machine == "expired":
        return _limit_page(campaign, LimitForm(formdata=None))
    if campaign.state not in schedule.NOT_BEGUN:
        return _elsewhere(campaign)
    zone = g.team.time_zone
    shown = campaign.send_at if campaign.send_at and campaign.send_at > clock.now() else None
    form = TimeForm(formdata=None, key=secrets.token_urlsafe(24), send_at=local_text(shown, zone))
    return _time_page(campaign, form)


@blueprint.post("/campaigns/<int:campaign_id>/time")
@requires("campaigns.send")
def change_time(campaign_id: int) -> Response:
    """Keep the new time; audience and confirm stay as they are."""
    campaign = campaign_or_404(campaign_id)
    # By the button, not by the campaign: pressed twice, the second press finds one that goes on already.
    limit = LimitForm()
    if limit.validate_on_submit():
        return _change_limit(campaign, limit)
    form = TimeForm()
    if not form.validate_on_submit():
        abort(400)
    try:
        send_at = None if form.when.data == "now" else _written(form.send_at)
        schedule.reschedule(campaign.id, send_at, form.key.data or "")
    except DomainError as error:
        tenancy.session().rollback()
        if error.field is None:
            flash(str(error.message), "odd")
            return see_other(url_for("campaigns.show", campaign_id=campaign_id))
        show_error(form, error)
        return _time_page(campaign_or_404(campaign_id), form, 422)
    tenancy.session().commit()
    flash(_("It starts now.") if send_at is None else _("The new time is saved."), "ok")
    return see_other(url_for("campaigns.show", campaign_id=campaign_id))


@blueprint.post("/campaigns/<int:campaign_id>/reopen")
@requires("campaigns.send")
def reopen(campaign_id: int) -> Response:
    """Back to editing, as long as nothing of it has been tried."""
    campaign_or_404(campaign_id)
    if not FlaskForm().validate_on_submit():
        abort(400)
    try:
        editing.reopen(campaign_id)
    except DomainError as error:
        tenancy.session().rollback()
        flash(str(error.message), "odd")
        return see_other(url_for("campaigns.show", campaign_id=campaign_id))
    tenancy.session().commit()
    flash(_("Back to editing; nothing was sent."), "ok")
    return see_other(url_for("campaigns.edit", campaign_id=campaign_id))


def _change_limit(campaign: Campaign, form: LimitForm) -> Response:
    campaign_id = campaign.id
    try:
        stopping.resume_with_limit(
            campaign_id, None if form.when.data == "none" else _written(form.not_after)
        )
    except DomainError as error:
        tenancy.session().rollback()
        show_error(form, error)
        return _limit_page(campaign_or_404(campaign_id), form, 422)
    tenancy.session().commit()
    flash(_("The campaign goes on."), "ok")
    return see_other(url_for("campaigns.show", campaign_id=campaign_id))


def _written(field: StringField) -> datetime:
    return parse_local(field.data or "", g.team.time_zone, clock.now(), field.name)


def _time_page(campaign: Campaign, form: TimeForm, status_code: int = 200) -> Response:
    now = clock.now()
    return render(
        "campaigns/time.html",
        status=status_code,
        campaign=campaign,
        form=form,
        zone=g.team.time_zone,
        sentence=sentences.sentence_of(campaign, queries.status_of(campaign, now), now),
        hours=hours.hours_of(accounts.team_at_hand(), campaign.kind),
        opening=hours.next_opening(campaign.kind, now),
    )


def _limit_page(campaign: Campaign, form: LimitForm, status_code: int = 200) -> Response:
    return render(
        "campaigns/limit.html", status=status_code, campaign=campaign, form=form, zone=g.team.time_zone
    )


def _elsewhere(campaign: Campaign) -> Response:
    """What has begun has no time to change; what is a draft has its own page for it."""
    if campaign.state == CampaignState.DRAFT:
        return see_other(url_for("campaigns.edit", campaign_id=campaign.id))
    flash(_("This campaign has begun, or is over. Its time cannot be changed any more."), "odd")
    return see_other(url_for("campaigns.show", campaign_id=campaign.id))
