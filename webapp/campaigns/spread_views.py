"""The page on which what is left of a campaign is sent faster or slower."""

from __future__ import annotations

import secrets

from flask import Response, abort, flash, g, url_for
from flask_babel import gettext as _
from wtforms import HiddenField
from wtforms.validators import InputRequired, Length

from webapp import clock, tenancy
from webapp.accounts.forms import show_error
from webapp.accounts.permissions import requires
from webapp.campaigns import queries, sentences, spread_forms, spread_words, spreading
from webapp.campaigns.blueprint import blueprint, campaign_or_404
from webapp.campaigns.models import Campaign
from webapp.campaigns.spread import Spread
from webapp.campaigns.states import CampaignState
from webapp.errors import DomainError
from webapp.pages import render, see_other


class SpreadForm(spread_forms.SpreadFields):
    """Another speed, with a key that works once."""

    key = HiddenField(validators=[InputRequired(), Length(max=64)])


@blueprint.get("/campaigns/<int:campaign_id>/spread")
@requires("campaigns.send")
def spread(campaign_id: int) -> Response:
    """How fast the rest goes out, to be changed."""
    campaign = campaign_or_404(campaign_id)
    if not spreading.may_change(campaign):
        return _elsewhere(campaign)
    form = SpreadForm(formdata=None, key=secrets.token_urlsafe(24))
    spread_forms.show(form, Spread.of(campaign), g.team.time_zone)
    return _page(campaign, form)


@blueprint.post("/campaigns/<int:campaign_id>/spread")
@requires("campaigns.send")
def change_spread(campaign_id: int) -> Response:
    """Keep another speed for the rest."""
    campaign = campaign_or_404(campaign_id)
    form = SpreadForm()
    if not form.validate_on_submit():
        abort(400)
    chosen, faults = spread_forms.read(form, Spread.of(campaign), g.team.time_zone)
    try:
        for fault in faults:
            raise fault
        spreading.change(campaign_id, chosen, form.key.data or "")
    except DomainError as error:
        tenancy.session().rollback()
        if error.field is None:
            flash(str(error.message), "odd")
            return see_other(url_for("campaigns.show", campaign_id=campaign_id))
        show_error(form, error)
        return _page(campaign_or_404(campaign_id), form, 422)
    tenancy.session().commit()
    flash(_("The new speed is saved.") if chosen else _("The rest goes out all at once."), "ok")
    return see_other(url_for("campaigns.show", campaign_id=campaign_id))


def _page(campaign: Campaign, form: SpreadForm, status_code: int = 200) -> Response:
    now = clock.now()
    told = spread_words.outlook(spreading.asked_now(campaign, now), campaign.waiting)
    return render(
        "campaigns/spread.html",
        status=status_code,
        campaign=campaign,
        form=form,
        zone=g.team.time_zone,
        sentence=sentences.sentence_of(campaign, queries.status_of(campaign, now), now),
        told=[*told.says, *told.warns],
    )


def _elsewhere(campaign: Campaign) -> Response:
    """A draft has its own page for it; what is over has nothing left."""
    if campaign.state == CampaignState.DRAFT:
        return see_other(url_for("campaigns.edit", campaign_id=campaign.id))
    flash(_("Nothing of this campaign is left to send, so its speed was not changed."), "odd")
    return see_other(url_for("campaigns.show", campaign_id=campaign.id))
