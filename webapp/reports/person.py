"""Every message of one number, over all campaigns of the team, newest first.

Nothing is indexed by number alone: an index on the largest table of all would slow down every planning for a
page that is opened now and then. So the team's campaigns are walked from the newest, and each is asked for
this number by its key. A page ends when it is full, or when MOST_WALKED campaigns were asked.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, and_, func, select, true

from webapp import tenancy
from webapp.campaigns import addresses, recipients
from webapp.campaigns.models import Batch, Campaign, Message
from webapp.gateway.models import GatewayAccount
from webapp.statuses import MessageStatus

PAGE = 50
MOST_WALKED = 2_000


@dataclass(frozen=True)
class Sent:
    """One message. `token`: its name in the address of its page. `at`: when its campaign was confirmed."""

    campaign_id: int
    campaign: str
    test: bool
    token: str
    at: datetime | None
    status: MessageStatus
    other: str | None
    reported_at: datetime | None


@dataclass(frozen=True)
class Spot:
    """Where a page goes on: after this copy of the message of this campaign."""

    campaign_id: int
    copy: int


@dataclass(frozen=True)
class Messages:
    """A page of messages. `older`: where the next one begins, None at the end."""

    rows: tuple[Sent, ...]
    older: Spot | None


def messages(mobile: str, now: datetime, after: Spot | None = None) -> Messages:
    """A page of what was ever sent, or left out, to this number."""
    found, walked_to = _read(mobile, after)
    accounts = _accounts({row.account_id for row in found})
    rows = tuple(_sent(row, mobile, accounts[row.account_id], now) for row in found[:PAGE])
    if len(found) > PAGE:
        last = found[PAGE - 1]
        return Messages(rows, Spot(last.id, last.copy))
    # Past every copy of the last campaign that was asked.
    return Messages(rows, Spot(walked_to, -1) if walked_to is not None else None)


def _read(mobile: str, after: Spot | None) -> tuple[Sequence[Row[Any]], int | None]:
    """At most one row more than a page, and where to go on when there may be more campaigns."""
    team = tenancy.scope()
    newest = select(
        Campaign.id, Campaign.name, Campaign.kind, Campaign.account_id, Campaign.confirmed_at
    ).where(Campaign.team_id == team)
    if after is not None:
        newest = newest.where(
            Campaign.id <= after.campaign_id if after.copy >= 0 else Campaign.id < after.campaign_id
        )
    walked = newest.order_by(Campaign.id.desc()).limit(MOST_WALKED).cte("walked")
    probed = (
        select(Message.copy, Message.batch_no, Message.outcome, Message.status, Message.reported_at)
        .where(Message.team_id == team, Message.campaign_id == walked.c.id, Message.mobile == mobile)
        .lateral("probed")
    )
    its_batch = and_(Batch.team_id == team, Batch.campaign_id == walked.c.id, Batch.no == probed.c.batch_no)
    statement = (
        select(walked, probed, Batch.state, Batch.first_unknown_at, Batch.handed_at)
        .select_from(walked.join(probed, true()).outerjoin(Batch, its_batch))
        .order_by(walked.c.id.desc(), probed.c.copy)
        .limit(PAGE + 1)
    )
    if after is not None and after.copy >= 0:
        statement = statement.where((walked.c.id < after.campaign_id) | (probed.c.copy > after.copy))
    found = tenancy.session().execute(statement).all()
    if len(found) > PAGE:
        return found, None
    number, oldest = tenancy.session().execute(select(func.count(), func.min(walked.c.id))).one()
    return found, oldest if number == MOST_WALKED else None


def _accounts(ids: set[int]) -> dict[int, GatewayAccount]:
    rows = tenancy.session().scalars(
        select(GatewayAccount).where(GatewayAccount.team_id == tenancy.scope(), GatewayAccount.id.in_(ids))
    )
    return {one.id: one for one in rows}


def _sent(row: Row[Any], mobile: str, account: GatewayAccount, now: datetime) -> Sent:
    return Sent(
        campaign_id=row.id,
        campaign=row.name,
        test=row.kind == "test",
        token=addresses.token_of(row.id, (mobile, row.copy)),
        at=row.confirmed_at,
        status=recipients.status_of(
            row.outcome, row.state, row.first_unknown_at is not None, row.handed_at, account, now
        ),
        other=row.status if row.outcome == "other" else None,
        reported_at=row.reported_at,
    )
