"""Another spread for a campaign that is on its way: slower, faster, or the rest all at once.

What was planned for another pace may lie in requests that are too large for this one. They are cut before
they go, a hundred at a time; until that is done the next ones wait a minute.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from flask_babel import gettext as _
from sqlalchemy import ColumnElement, select

from webapp import clock, jobs, tenancy
from webapp.accounts.audit import audit
from webapp.campaigns import halving, schedule
from webapp.campaigns.locking import locked_campaign
from webapp.campaigns.models import Batch, Campaign
from webapp.campaigns.spread import Asked, Spread, asked_of
from webapp.campaigns.spread_words import problem
from webapp.campaigns.states import STOPPABLE, BatchState, CampaignState, Kind
from webapp.errors import DomainError
from webapp.gateway import queries as gateway

# More than one transaction should hold: each cut is a few statements.
MOST_CUT = 100
_UNTIL_CUT = timedelta(minutes=1)


def may_change(campaign: Campaign) -> bool:
    """Whether there is a rest that can go faster or slower."""
    return campaign.state in STOPPABLE and campaign.waiting > 0 and campaign.kind != Kind.TEST


def change(campaign_id: int, spread: Spread, key: str) -> Campaign:
    """Let what is left of a campaign go out like this. `key` is the page's one-use key; used before, nothing
    changes. Raises DomainError where nothing is left, and for a spread that cannot be.
    """
    campaign = locked_campaign(campaign_id)
    if schedule.noted(campaign, "campaign.spread_changed", "key", key):
        return campaign
    if not may_change(campaign):
        raise DomainError(_("Nothing of this campaign is left to send, so its speed was not changed."))
    before, now = Spread.of(campaign), clock.now()
    campaign.per_hour, campaign.even_until = spread.per_hour, spread.even_until
    asked = asked_now(campaign, now)
    found = problem(asked, campaign.waiting)
    if found is not None:
        campaign.per_hour, campaign.even_until = before.per_hour, before.even_until
        raise found
    # The first ones go by the new pace from now on; without a pace nothing is waited for.
    campaign.next_at = now + _UNTIL_CUT if _too_large(campaign, asked, 1) else None
    audit(
        "campaign.spread_changed",
        "campaign",
        campaign.id,
        per_hour=spread.per_hour,
        even_until=spread.even_until.isoformat() if spread.even_until else None,
        key=key,
    )
    jobs.enqueue("campaigns.wake_sender", campaign.team_id, once="wake")
    return campaign


def asked_now(campaign: Campaign, now: datetime) -> Asked:
    """What holds for what is left of a campaign: from its start if that is still to come, else from now."""
    return asked_of(campaign, max(now, campaign.begin_at or now))


def campaigns_to_cut(now: datetime) -> list[int]:
    """Ids of spread campaigns with requests that are too large for their pace."""
    spread = tenancy.session().scalars(
        select(Campaign)
        .where(
            Campaign.team_id == tenancy.scope(),
            Campaign.state.in_((CampaignState.SCHEDULED, CampaignState.READY, CampaignState.SENDING)),
            Campaign.per_hour.is_not(None) | Campaign.even_until.is_not(None),
            Campaign.next_at > now,
        )
        .order_by(Campaign.id)
    ).all()  # fmt: skip
    return [one.id for one in spread if _too_large(one, asked_now(one, now), 1)]


def cut_some(campaign_id: int, now: datetime) -> int:
    """Cut up to a hundred requests of a campaign that are too large for its pace; how many there were."""
    session = tenancy.session()
    campaign = session.get_one(Campaign, (tenancy.scope(), campaign_id))
    found = _too_large(campaign, asked_now(campaign, now), MOST_CUT, lock=True)
    for no in found:
        halving.replace_by_halves(campaign_id, no, counted=False)
    return len(found)


def _too_large(campaign: Campaign, asked: Asked, most: int, *, lock: bool = False) -> list[int]:
    """Requests that nothing was tried of and that have more than twice the numbers of a minute.

    Halves of what is less than that would be smaller than need be.
    """
    account = gateway.account(campaign.account_id)
    if account is None or not asked.spread:
        return []
    limit = asked.numbers_a_request(campaign.waiting, account.numbers_per_request)
    own: tuple[ColumnElement[bool], ...] = (
        Batch.team_id == tenancy.scope(),
        Batch.campaign_id == campaign.id,
        Batch.state.in_((BatchState.PLANNED, BatchState.RETRY)),
        Batch.first_unknown_at.is_(None),
        Batch.size >= max(2, 2 * limit),
    )
    found = select(Batch.no).where(*own).order_by(Batch.no).limit(most)
    return list(tenancy.session().scalars(found.with_for_update(skip_locked=True) if lock else found))
