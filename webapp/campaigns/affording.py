"""Whether the balance reaches: looked at before the first batch of a campaign, and as sending goes on.

Before it begins, the balance must have been read lately; else it is asked, and the campaign waits a few
seconds for it. One that it does not reach for pauses, so that no half of it goes out, and goes on by itself
after a top-up that was seen. A gateway that cannot be asked, or tells no number, holds up nothing: its answer
to the first request that it has no balance for does.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from flask import current_app
from flask_babel import gettext as _
from sqlalchemy import select

from webapp import tenancy
from webapp.accounts.audit import audit
from webapp.campaigns import asking, pausing, schedule
from webapp.campaigns import spend_statements as statements
from webapp.campaigns.models import Campaign
from webapp.campaigns.states import CampaignState
from webapp.gateway import queries as gateway
from webapp.gateway.balances import BalanceOutcome
from webapp.gateway.models import BalanceReading
from webapp.reading import moment, number
from webapp.settings import settings_of

# What a person's resume leaves in the log: this version of the campaign begins though it will not all go.
ALTHOUGH = "short"


def that_may_begin(ready: Sequence[Campaign], now: datetime) -> list[Campaign]:
    """Those of locked campaigns that the balance reaches for, or is not known for; others pause, or wait."""
    beginning = []
    # A thousand may be due at the same moment: each account is looked at once.
    readings: dict[int, BalanceReading | None] = {}
    promised: dict[int, int] = {}
    for campaign in ready:
        account_id = campaign.account_id
        if account_id not in readings:
            readings[account_id] = asking.last_reading(account_id)
            promised[account_id] = _promised(account_id, campaign.id)
        last = readings[account_id]
        if last is None or asking.is_old(last.read_at, now):
            if _waits_for_reading(campaign, now):
                continue
        elif not _reaches(campaign, last, promised[account_id]) and not _overruled(campaign):
            pausing.pause(campaign, pausing.NOT_ENOUGH, now)
            continue
        beginning.append(campaign)
        promised[account_id] += parts_waiting(campaign)
    return beginning


def go_on_after_top_up(now: datetime) -> None:
    """Campaigns that the balance did not reach for go on where a later reading says that it does."""
    for campaign in tenancy.session().scalars(
        select(Campaign)
        .where(
            Campaign.team_id == tenancy.scope(),
            Campaign.state == CampaignState.READY,
            Campaign.paused_by_machine == pausing.NOT_ENOUGH,
        )
        .order_by(Campaign.id)
        .with_for_update(skip_locked=True, key_share=True)
        .execution_options(populate_existing=True)
    ):
        last = asking.last_reading(campaign.account_id)
        if last is None or asking.is_old(last.read_at, now):
            asking.ask(campaign, now)
        elif last.read_at > (campaign.paused_at or now) and _reaches(
            campaign, last, _promised(campaign.account_id, campaign.id)
        ):
            audit("campaign.resumed_by_machine", "campaign", campaign.id, why=campaign.paused_by_machine)
            campaign.paused_by_machine = campaign.paused_at = None
            campaign.resumed_at = now


def notice(campaign: Campaign) -> str:
    """What its page says of a balance that does not reach, or is not known; "" where there is nothing."""
    if campaign.state not in {CampaignState.READY, CampaignState.SENDING} or not campaign.waiting:
        return ""
    good = gateway.last_good_reading(campaign.account_id)
    if good is None or good.messages is None:
        return _(
            "The gateway did not tell the balance as a number, so nobody knows whether it reaches. That "
            "holds up nothing: where it is used up, sending pauses and nothing is lost."
        )
    own, others = parts_waiting(campaign), _promised(campaign.account_id, campaign.id)
    if good.messages >= own + others:
        return ""
    numbers = {
        "left": number(good.messages),
        "when": moment(good.read_at, seconds=True),
        "need": number(own),
        "others": number(others),
    }
    said = _("%(left)s messages were left at %(when)s, and what waits here needs %(need)s.", **numbers)
    if others:
        said += " " + _("Other campaigns that are being sent need %(others)s.", **numbers)
    return said


def parts_waiting(campaign: Campaign) -> int:
    """How many parts of a campaign wait to be sent."""
    if campaign.waiting == campaign.recipients:
        return campaign.parts_total
    if campaign.parts_least == campaign.parts:
        return campaign.waiting * campaign.parts
    key = {"team": tenancy.scope(), "campaign": campaign.id}
    return int(tenancy.session().scalars(statements.PARTS_WAITING, key).one())


def _reaches(campaign: Campaign, last: BalanceReading, promised: int) -> bool:
    """Whether a reading is enough for a campaign and those under way; what is no number forbids nothing."""
    if last.outcome != BalanceOutcome.OK or last.messages is None:
        return True
    return last.messages >= parts_waiting(campaign) + promised


def _promised(account_id: int, besides: int) -> int:
    """What campaigns that are being sent through an account still need, all `besides` one."""
    others = tenancy.session().scalars(
        select(Campaign).where(
            Campaign.team_id == tenancy.scope(),
            Campaign.account_id == account_id,
            Campaign.id != besides,
            Campaign.state == CampaignState.SENDING,
            Campaign.paused_by_person.is_(None),
            Campaign.paused_by_machine.is_(None),
            Campaign.waiting > 0,
        )
    )
    return sum(parts_waiting(other) for other in others)


def _overruled(campaign: Campaign) -> bool:
    """Whether a person had it go on all the same."""
    return schedule.noted(campaign, "campaign.resumed", ALTHOUGH, str(campaign.version))


def _waits_for_reading(campaign: Campaign, now: datetime) -> bool:
    """Ask for the balance; True until it has been waited for long enough."""
    wait = settings_of(current_app).times.balance_wait
    asking.ask(campaign, now)
    return campaign.balance_asked_at is not None and now < campaign.balance_asked_at + timedelta(seconds=wait)
