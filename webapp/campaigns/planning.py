"""Planning: the frozen audience becomes messages and batches, a slice a transaction, inside the database.

It may be repeated at any point. The cursor moves in the transaction that writes the slice, so a crash leaves
either both or neither, and the check at the end compares the sums before the first batch may go. Whoever has
the campaign's row plans; a person who stops or edits it meanwhile waits for one slice.
"""

from __future__ import annotations

from typing import Any

import structlog
from sqlalchemy import Row, delete, or_, select

from webapp import clock, tenancy
from webapp.accounts.audit import audit
from webapp.campaigns import clearing, endings, statements, tallies
from webapp.campaigns.models import Audience, Batch, Campaign, CampaignText, Message
from webapp.campaigns.states import BatchState, CampaignState
from webapp.gateway.models import GatewayAccount

log = structlog.get_logger(__name__)

# Recipients a transaction: a tenth of a second of work, and the most that a crash does again. At least one
# request of the largest size that a gateway account can have.
CHUNK = 5000

_PLANNED_NOW = or_(
    Campaign.state == CampaignState.PLANNING,
    # Stopped while it was planned: the plan is finished, so that every recipient has a row.
    (Campaign.state == CampaignState.STOPPING)
    & select(Audience.mobile)
    .where(Audience.team_id == Campaign.team_id, Audience.campaign_id == Campaign.id)
    .exists(),
)


def campaigns_to_plan() -> list[int]:
    """Ids of this team's campaigns whose audience is not planned yet; one that is being stopped is too."""
    return list(
        tenancy.session().scalars(
            select(Campaign.id).where(Campaign.team_id == tenancy.scope(), _PLANNED_NOW).order_by(Campaign.id)
        )
    )


def plan_chunk(campaign_id: int) -> bool:
    """Do the next slice of a campaign's planning; True while there is more to do.

    False too where another worker is at it or the campaign is not being planned any more.
    """
    campaign = tenancy.session().scalar(
        select(Campaign)
        .where(
            Campaign.team_id == tenancy.scope(),
            Campaign.id == campaign_id,
            _PLANNED_NOW,
            Campaign.paused_by_machine.is_distinct_from("sums"),
        )
        .with_for_update(skip_locked=True, key_share=True)
        .execution_options(populate_existing=True)
    )
    if campaign is None:
        return False
    if campaign.stale_rows:
        return _delete_stale(campaign)
    if campaign.planned_at is None:
        if _plan_slice(campaign):
            return True
        if not _sums_agree(campaign):
            return False
        campaign.planned_at = clock.now()
    if _clear_planned(campaign):
        return True
    _finish(campaign)
    return False


def _delete_stale(campaign: Campaign) -> bool:
    """Delete a slice of what an earlier version had planned: messages, then batches. Nothing was ever tried.

    The cursor walks over the old messages, so that no slice has to pass what the ones before it deleted.
    """
    session = tenancy.session()
    first = None if campaign.cursor_mobile is None else (campaign.cursor_mobile, campaign.cursor_copy)
    left = clearing.delete_next(Message, (Message.mobile, Message.copy), campaign.id, CHUNK, first)
    campaign.cursor_mobile, campaign.cursor_copy = left or (None, None)
    if left is not None:
        return True
    own = Batch.team_id == tenancy.scope(), Batch.campaign_id == campaign.id
    # One that is being cut at this moment is left for later: whoever cuts it waits for the campaign's row.
    numbers = session.scalars(
        select(Batch.no).where(*own).order_by(Batch.no).limit(CHUNK).with_for_update(skip_locked=True)
    ).all()
    session.execute(
        delete(Batch).where(*own, Batch.no.in_(numbers)).execution_options(synchronize_session=False)
    )
    campaign.stale_rows = session.scalar(select(Batch.no).where(*own).limit(1)) is not None
    return bool(numbers) or not campaign.stale_rows


def _plan_slice(campaign: Campaign) -> bool:
    """Plan the next recipients; False when there are none left."""
    session = tenancy.session()
    stopping = campaign.state == CampaignState.STOPPING
    limit = session.scalars(
        select(GatewayAccount.numbers_per_request).where(
            GatewayAccount.team_id == campaign.team_id, GatewayAccount.id == campaign.account_id
        )
    ).one()
    planned: Row[Any] = session.execute(
        statements.PLAN_CHUNK,
        {
            **_key(campaign),
            "account": campaign.account_id,
            "state": BatchState.STOPPED if stopping else BatchState.PLANNED,
            "limit": limit,
            "chunk": CHUNK,
            "first_no": campaign.next_batch,
            "hash": campaign.cursor_hash or b"",
            "mobile": campaign.cursor_mobile or "",
            "copy": campaign.cursor_copy if campaign.cursor_copy is not None else -1,
        },
    ).one()
    if not planned.messages:
        return False
    campaign.next_batch = max(campaign.next_batch, planned.last_no + 1)
    campaign.cursor_hash, campaign.cursor_mobile, campaign.cursor_copy = (
        planned.hash,
        planned.mobile,
        planned.copy,
    )
    session.flush()
    not_sent = planned.messages if stopping else planned.opted_out
    tallies.move(campaign.id, tallies.moved([("waiting", "not_sent", not_sent)]))
    return True


def _sums_agree(campaign: Campaign) -> bool:
    """Whether every recipient has a message, in a batch or not sent; a campaign that differs waits."""
    sums = tenancy.session().execute(statements.PLANNED_SUMS, _key(campaign)).one()
    if sums.batched + sums.not_sent == sums.messages == campaign.recipients:
        return True
    log.error(
        "planned sums differ", campaign=campaign.id, batched=sums.batched, not_sent=sums.not_sent,
        messages=sums.messages, recipients=campaign.recipients,
    )  # fmt: skip
    if campaign.state == CampaignState.STOPPING:
        # Nothing of it will be sent, so nothing needs to wait for whoever looks into this.
        return True
    # The audience is kept: whoever looks into this needs it.
    campaign.paused_by_machine = "sums"
    campaign.paused_at = clock.now()
    audit("campaign.paused_by_machine", "campaign", campaign.id, why="sums")
    return False


def _clear_planned(campaign: Campaign) -> bool:
    """Delete the audience and its texts, which batches hold now; True while there is more.

    The audience goes last: a campaign that is being stopped is known by it to be unfinished.
    """
    people = (Audience.text_hash, Audience.mobile, Audience.copy)
    return (
        clearing.delete_next(CampaignText, (CampaignText.text_hash,), campaign.id) is not None
        or clearing.delete_next(Audience, people, campaign.id) is not None
    )


def _finish(campaign: Campaign) -> None:
    if campaign.state == CampaignState.STOPPING:
        tenancy.session().flush()
        endings.note_stopped(campaign.id, clock.now())
    else:
        campaign.state = CampaignState.READY if campaign.send_at is None else CampaignState.SCHEDULED


def _key(campaign: Campaign) -> dict[str, int]:
    return {"team": campaign.team_id, "campaign": campaign.id}
