"""Back to editing: a confirmed campaign of which nothing was ever tried becomes a draft again.

Whoever has the campaign's row wins: a sender that begins it, a slice that is planned, or the person. The rows
of the old plan are only marked; planning takes them away in slices before it begins anew.
"""

from __future__ import annotations

from flask_babel import gettext as _

from webapp.accounts.audit import audit
from webapp.campaigns import schedule, tallies
from webapp.campaigns.locking import locked_campaign
from webapp.campaigns.models import Campaign
from webapp.campaigns.states import CampaignState
from webapp.errors import DomainError


def reopen(campaign_id: int) -> Campaign:
    """Make a draft of a campaign that has not begun; one that is a draft already stays as it is.

    Raises DomainError for a campaign that has begun, or is over.
    """
    campaign = locked_campaign(campaign_id)
    if campaign.state == CampaignState.DRAFT:
        return campaign
    if not schedule.has_not_begun(campaign):
        raise DomainError(
            _("This campaign has begun, so it cannot be edited any more. You can stop it, or duplicate it.")
        )
    tallies.take_back(campaign)
    campaign.state = CampaignState.DRAFT
    campaign.version += 1
    # The numbers of the batches go on: a batch of the old plan that is being cut takes two more of them.
    campaign.stale_rows, campaign.prepared_version, campaign.halvings = True, None, 0
    campaign.cursor_hash = campaign.cursor_mobile = campaign.cursor_copy = None
    campaign.confirm_key = campaign.preview_hash = None
    campaign.confirmed_by = campaign.confirmed_at = None
    campaign.begin_at = campaign.planned_at = campaign.resumed_at = None
    campaign.paused_by_person = campaign.paused_by_machine = campaign.paused_at = None
    audit("campaign.reopened", "campaign", campaign.id, version=campaign.version)
    return campaign
