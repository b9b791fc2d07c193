"""What pages read of the recipients of a campaign: a page of their table, by key, filtered or searched for.

A filter is a tally: its rows are those that the tally counts, so the tabs above the table always add up to
the recipients. Only one campaign's part of the primary key is walked, in its order, until a page is full;
a filter that few rows pass walks further, never into another campaign.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, and_, func, or_, select, tuple_

from webapp import tenancy
from webapp.campaigns import texts
from webapp.campaigns.addresses import Recipient
from webapp.campaigns.audience import lengths_of
from webapp.campaigns.models import Batch, Campaign, Message
from webapp.campaigns.states import BatchState
from webapp.gateway.models import GatewayAccount
from webapp.statuses import MessageStatus

PAGE = 50
WHOLE_NUMBER = 11
# What stands in place of a number that was erased begins so.
ERASED = "x"


class Filter(StrEnum):
    """Which recipients a page shows; but for the first, the names are those of the tallies."""

    ALL = "all"
    DELIVERED = "delivered"
    FAILED = "failed"
    NO_REPORT = "no_report"
    UNCONFIRMED = "unconfirmed"
    WAITING = "waiting"
    NOT_SENT = "not_sent"


_BY_BATCH: dict[str, MessageStatus] = {
    BatchState.PLANNED: MessageStatus.QUEUED,
    BatchState.RETRY: MessageStatus.QUEUED,
    BatchState.BLOCKED: MessageStatus.QUEUED,
    BatchState.INFLIGHT: MessageStatus.SENDING,
    BatchState.HOLD: MessageStatus.UNCONFIRMED,
    BatchState.UNCONFIRMED: MessageStatus.UNCONFIRMED,
    BatchState.CLOSED: MessageStatus.UNCONFIRMED,
    BatchState.REJECTED: MessageStatus.REJECTED,
    BatchState.STOPPED: MessageStatus.NOT_SENT,
}


@dataclass(frozen=True)
class Search:
    """Digits of a number: its beginning or its end. `end_only`: for people who see masked numbers."""

    digits: str
    end_only: bool = False


@dataclass(frozen=True)
class Shown:
    """One row of the table. `other`: its report is a word that nobody knows. `parts` None: not laid out."""

    recipient: Recipient
    name: str
    operator: str
    status: MessageStatus
    other: bool
    opted_out: bool
    report: str | None
    reported_at: datetime | None
    parts: int | None
    variables: Mapping[str, Any]

    @property
    def mobile(self) -> str:
        """The number alone."""
        return self.recipient[0]


@dataclass(frozen=True)
class Page:
    """Rows in the order of their numbers, and whether there are others before and after them."""

    rows: tuple[Shown, ...]
    earlier: bool
    later: bool


def count_of(campaign: Campaign, chosen: Filter) -> int:
    """How many recipients a filter lets through, by the tallies."""
    return int(getattr(campaign, "recipients" if chosen is Filter.ALL else chosen))


def page(
    campaign: Campaign,
    account: GatewayAccount,
    now: datetime,
    *,
    chosen: Filter = Filter.ALL,
    search: Search | None = None,
    after: Recipient | None = None,
    before: Recipient | None = None,
) -> Page:
    """At most PAGE rows: the first ones, those after a recipient, or those right before one."""
    if not count_of(campaign, chosen):
        return Page((), earlier=False, later=False)
    key = tuple_(Message.mobile, Message.copy)
    statement = _rows(campaign.id, chosen, search)
    if after is not None:
        statement = statement.where(key > tuple_(*after))
    if before is not None:
        statement = statement.where(key < tuple_(*before))
        statement = statement.order_by(Message.mobile.desc(), Message.copy.desc())
    else:
        statement = statement.order_by(Message.mobile, Message.copy)
    found = tenancy.session().execute(statement.limit(PAGE + 1)).all()
    rows = [_shown(row, campaign, account, now) for row in found[:PAGE]]
    more = len(found) > PAGE
    if before is not None:
        return Page(tuple(reversed(rows)), earlier=more, later=True)
    return Page(tuple(rows), earlier=after is not None, later=more)


def slice_after(
    campaign: Campaign, account: GatewayAccount, now: datetime, after: Recipient | None, most: int
) -> list[Shown]:
    """The next recipients after one, or the first ones, in the order of their key; empty at the end."""
    statement = _rows(campaign.id, Filter.ALL, None)
    if after is not None:
        statement = statement.where(tuple_(Message.mobile, Message.copy) > tuple_(*after))
    found = tenancy.session().execute(statement.order_by(Message.mobile, Message.copy).limit(most))
    return [_shown(row, campaign, account, now) for row in found]


def status_of(
    outcome: str | None,
    batch_state: str | None,
    first_unknown: bool,
    handed_at: datetime | None,
    account: GatewayAccount,
    now: datetime,
) -> MessageStatus:
    """What a page calls one message: its own outcome, else what its batch says. No batch: never planned."""
    if outcome is not None and outcome != "other":
        return MessageStatus(outcome)
    if batch_state is None:
        return MessageStatus.NOT_SENT
    if batch_state == BatchState.INFLIGHT and first_unknown:
        return MessageStatus.UNCONFIRMED
    if batch_state != BatchState.ACCEPTED:
        return _BY_BATCH[batch_state]
    age = now - (handed_at or now)
    if age >= timedelta(seconds=account.report_expired_seconds):
        return MessageStatus.EXPIRED
    if age >= timedelta(seconds=account.no_report_seconds):
        return MessageStatus.NO_REPORT
    return MessageStatus.ACCEPTED


def _rows(campaign_id: int, chosen: Filter, search: Search | None) -> Select[Any]:
    statement = (
        select(
            Message.mobile,
            Message.copy,
            Message.outcome,
            Message.status,
            Message.reported_at,
            Message.variables,
            func.operator_of(Message.mobile).label("operator"),
            Batch.state,
            Batch.first_unknown_at,
            Batch.handed_at,
            Batch.content,
        )
        .outerjoin(
            Batch,
            and_(
                Batch.team_id == Message.team_id,
                Batch.campaign_id == Message.campaign_id,
                Batch.no == Message.batch_no,
            ),
        )
        .where(Message.team_id == tenancy.scope(), Message.campaign_id == campaign_id)
    )
    if chosen is not Filter.ALL:
        statement = statement.where(_passes(chosen))
    return statement if search is None else statement.where(_found(search))


def _passes(chosen: Filter) -> ColumnElement[bool]:
    """Which rows a tally counts; recounting.py counts by the same rules."""
    own, state, unknown = Message.outcome, Batch.state, Batch.first_unknown_at
    under_way = state == BatchState.INFLIGHT
    by_batch: dict[Filter, ColumnElement[bool]] = {
        Filter.FAILED: state == BatchState.REJECTED,
        Filter.NO_REPORT: state == BatchState.ACCEPTED,
        Filter.NOT_SENT: state == BatchState.STOPPED,
        Filter.UNCONFIRMED: or_(
            state.in_([BatchState.HOLD, BatchState.UNCONFIRMED, BatchState.CLOSED]),
            and_(under_way, unknown.is_not(None)),
        ),
        Filter.WAITING: or_(
            state.in_([BatchState.PLANNED, BatchState.RETRY, BatchState.BLOCKED]),
            and_(under_way, unknown.is_(None)),
        ),
    }
    outcome = own == ("other" if chosen is Filter.NO_REPORT else str(chosen))
    if chosen not in by_batch:
        return outcome
    return or_(outcome, and_(own.is_(None), by_batch[chosen]))


def _found(search: Search) -> ColumnElement[bool]:
    digits = search.digits
    ends_so = func.right(Message.mobile, len(digits)) == digits
    if search.end_only:
        return ends_so
    if len(digits) == WHOLE_NUMBER:
        return Message.mobile == digits
    missing = WHOLE_NUMBER - len(digits)
    begins_so = Message.mobile.between(digits + "0" * missing, digits + "9" * missing)
    return or_(begins_so, ends_so)


def operator_of(mobile: str) -> str:
    """The operator that the range of a number was given to; a word of migration 0006."""
    return str(tenancy.session().scalars(select(func.operator_of(mobile))).one())


def parts_of(campaign: Campaign, account: GatewayAccount, content: str | None) -> int | None:
    """How many parts a recipient's text is billed as; None for somebody whose text was never laid out."""
    if not content:
        return None
    if campaign.parts_least == campaign.parts:
        return campaign.parts
    signed = texts.sign(campaign.signature, content, added_by_gateway=not account.adds_signature)
    return lengths_of(account).parts(signed)


def _shown(row: Row[Any], campaign: Campaign, account: GatewayAccount, now: datetime) -> Shown:
    status = status_of(row.outcome, row.state, row.first_unknown_at is not None, row.handed_at, account, now)
    return Shown(
        recipient=(row.mobile, row.copy),
        name=str((row.variables or {}).get("name") or ""),
        operator=row.operator,
        status=status,
        other=row.outcome == "other",
        opted_out=row.outcome == MessageStatus.NOT_SENT,
        report=row.status,
        reported_at=row.reported_at,
        parts=parts_of(campaign, account, row.content),
        variables=row.variables or {},
    )
