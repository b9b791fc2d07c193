"""To which of some numbers a team has sent something, or is about to, since a moment.

Messages have no index by number alone, which would slow planning down; they are found by their key, campaign
by campaign, and of campaigns there are few in a day.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import ARRAY, Text, func, literal, or_, select, true

from webapp import tenancy
from webapp.campaigns.models import Campaign, Message


def sent_to(mobiles: Sequence[str], since: datetime) -> set[str]:
    """Those of these numbers that are in a campaign confirmed since then and were not left out of it."""
    given = func.unnest(literal(list(mobiles), ARRAY(Text))).table_valued("mobile").render_derived("given")
    # One look at the key for each number and campaign, whatever the planner expects.
    message = (
        select(Message.mobile)
        .where(
            Message.team_id == tenancy.scope(),
            Message.campaign_id == Campaign.id,
            Message.mobile == given.c.mobile,
            or_(Message.outcome.is_(None), Message.outcome != "not_sent"),
        )
        .limit(1)
        .lateral()
    )
    return set(
        tenancy.session().scalars(
            select(message.c.mobile)
            .select_from(Campaign)
            .join(given, true())
            .join(message, true())
            .where(Campaign.team_id == tenancy.scope(), Campaign.confirmed_at >= since)
        )
    )
