"""Throwing a draft away for good."""

from __future__ import annotations

from flask_babel import gettext as _
from sqlalchemy import delete

from webapp import tenancy
from webapp.accounts.audit import audit
from webapp.campaigns.locking import locked_campaign
from webapp.campaigns.models import Campaign, Message
from webapp.campaigns.states import CampaignState
from webapp.errors import DomainError


def delete_draft(campaign_id: int) -> None:
    """Delete a draft with everything in it. Raises DomainError for what is no draft any more."""
    session = tenancy.session()
    campaign = locked_campaign(campaign_id)
    if campaign.state != CampaignState.DRAFT:
        raise DomainError(_("This campaign is not a draft any more, so it was not deleted."))
    # Of a plan that was taken back; the database takes everything else along by itself.
    if campaign.stale_rows:
        session.execute(
            delete(Message)
            .where(Message.team_id == tenancy.scope(), Message.campaign_id == campaign.id)
            .execution_options(synchronize_session=False)
        )
    audit("campaign.deleted", "campaign", campaign.id, version=campaign.version)
    session.execute(
        delete(Campaign)
        .where(Campaign.team_id == tenancy.scope(), Campaign.id == campaign.id)
        .execution_options(synchronize_session=False)
    )
    session.expunge(campaign)
