"""Numbers that a gateway refused by themselves: marked with the day, so that a later campaign can do without.

A mark goes when a message that was handed over later is delivered, when a person says that the number is
fine, and with everything else about somebody who is erased. It keeps nobody out by itself: whoever reviews a
campaign decides.

Marks are locked after the roll-ups, in the order of their numbers.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import ARRAY, Text, any_, func, literal, select
from sqlalchemy.dialects.postgresql import insert

from webapp import tenancy
from webapp.accounts.audit import audit
from webapp.campaigns import pausing, people_statements
from webapp.campaigns.models import Batch, Campaign, RefusedNumber
from webapp.campaigns.states import BatchState
from webapp.reading import mask

# A campaign pauses when more than this share of what the gateway answered was refused number by number; of
# few numbers a share says little.
MOST_REFUSED_PERCENT = 5
FEWEST_REFUSED = 20
MANY_REFUSED = "many_refused"


def mark(batches: Iterable[Batch], now: datetime) -> None:
    """Mark the numbers of these batches of one, which were refused for it. The caller holds the roll-ups."""
    found = {batch.mobiles[0]: batch for batch in batches}
    if not found:
        return
    rows = [
        {
            "team_id": tenancy.scope(),
            "mobile": mobile,
            "account_id": found[mobile].account_id,
            "campaign_id": found[mobile].campaign_id,
            "refused_at": now,
        }
        for mobile in sorted(found)
    ]
    marked = insert(RefusedNumber)
    tenancy.session().execute(
        marked.on_conflict_do_update(
            index_elements=["team_id", "mobile"],
            set_={
                name: getattr(marked.excluded, name) for name in ("account_id", "campaign_id", "refused_at")
            },
        ),
        rows,
    )


def among(mobiles: Collection[str]) -> set[str]:
    """Those of these numbers that are marked."""
    if not mobiles:
        return set()
    return set(
        tenancy.session().scalars(
            select(RefusedNumber.mobile).where(
                RefusedNumber.team_id == tenancy.scope(),
                RefusedNumber.mobile == any_(literal(list(mobiles), ARRAY(Text))),
            )
        )
    )


def mark_of(mobile: str) -> RefusedNumber | None:
    """The mark of a number, if it has one."""
    return tenancy.session().get(RefusedNumber, (tenancy.scope(), mobile), populate_existing=True)


def in_audience(campaign: Campaign) -> int:
    """How many of a laid out draft's numbers are marked."""
    key = {"team": campaign.team_id, "campaign": campaign.id}
    return int(tenancy.session().execute(people_statements.REFUSED_IN_AUDIENCE, key).scalar_one())


def newest() -> list[Any]:
    """Is another whenever a number was marked."""
    row = (
        tenancy.session()
        .execute(
            select(func.count(), func.max(RefusedNumber.refused_at)).where(
                RefusedNumber.team_id == tenancy.scope()
            )
        )
        .one()
    )
    return [row[0], row[1].isoformat() if row[1] else ""]


def forgive(mobile: str, contact_id: int) -> None:
    """A person says that the number is fine again; said twice, nothing more happens."""
    found = mark_of(mobile)
    if found is not None:
        tenancy.session().delete(found)
        audit("number.fine_again", "contact", contact_id, number=mask(mobile))


def pause_if_many(campaigns: Iterable[Campaign], now: datetime) -> None:
    """Pause those locked campaigns of which more than a few in a hundred were refused number by number.

    Counted since the campaign was last resumed: whoever resumed it has seen the ones before. What is not
    handed over yet says nothing, so this does not wait for the end of a long list.
    """
    for campaign in campaigns:
        tenancy.session().refresh(campaign, ["failed", "waiting", "not_sent", "paused_by_machine"])
        # What reports call failed is in it too; so nearly always this alone says that it is not so.
        answered = campaign.recipients - campaign.waiting - campaign.not_sent
        if campaign.paused_by_machine is None and _are_many(campaign.failed, answered):
            refused, answered = _counted(campaign)
            if _are_many(refused, answered):
                pausing.pause(campaign, MANY_REFUSED, now)


def _are_many(refused: int, answered: int) -> bool:
    return refused >= FEWEST_REFUSED and 100 * refused > MOST_REFUSED_PERCENT * answered


def _counted(campaign: Campaign) -> tuple[int, int]:
    """How many numbers were refused by themselves since the last resume, and of how many."""
    since = campaign.resumed_at or campaign.started_at
    row = (
        tenancy.session()
        .execute(
            select(
                func.count().filter(Batch.state == BatchState.REJECTED, Batch.why == "bad_number"),
                func.coalesce(func.sum(Batch.size), 0),
            ).where(
                Batch.team_id == tenancy.scope(),
                Batch.campaign_id == campaign.id,
                Batch.state != BatchState.REPLACED,
                Batch.handed_at >= since,
            )
        )
        .one()
    )
    return int(row[0]), int(row[1])
