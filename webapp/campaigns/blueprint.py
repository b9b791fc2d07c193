"""The blueprint of the campaign pages, whose views lie in several modules, and what they share."""

from __future__ import annotations

from collections.abc import Callable

from flask import Blueprint, Response, abort, flash, url_for
from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm

from webapp import tenancy
from webapp.campaigns import queries
from webapp.campaigns.models import Campaign
from webapp.campaigns.operators import operator_words
from webapp.campaigns.stopping import ExpiredError
from webapp.errors import DomainError
from webapp.pages import NavItem, see_other

blueprint = Blueprint("campaigns", __name__, url_prefix="/t/<team>")

NAV = (
    NavItem("campaigns.index", _l("Campaigns"), "megaphone", "campaigns.view", tab=True, order=20, key="c"),
)

blueprint.add_app_template_global(operator_words, "operator_words")


def campaign_or_404(campaign_id: int) -> Campaign:
    """The team's campaign of this id; an id of another team and one that never was answer alike."""
    campaign = queries.campaign(campaign_id) if 0 < campaign_id < 2**63 else None
    if campaign is None:
        abort(404)
    return campaign


def acted(campaign_id: int, act: Callable[[int], object]) -> Response:
    """Do something to a campaign by a bare form, and go to its page; a refusal is said there."""
    campaign = campaign_or_404(campaign_id)
    if not FlaskForm().validate_on_submit():
        abort(400)
    try:
        act(campaign.id)
    except ExpiredError as error:
        flash(str(error.message), "odd")
        return see_other(url_for("campaigns.time", campaign_id=campaign_id))
    except DomainError as error:
        flash(str(error.message), "odd")
    else:
        tenancy.session().commit()
    return see_other(url_for("campaigns.show", campaign_id=campaign_id))
