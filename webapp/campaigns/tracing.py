"""One message from the confirm to its last report, as far as anybody knows.

Times are those of this machine: when something was done or came in. What a carrier says about its own time
stands beside it, for two clocks never agree.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row

from webapp import tenancy
from webapp.campaigns import recipients, trace_statements, trace_words
from webapp.campaigns.addresses import Recipient
from webapp.campaigns.models import Batch, Campaign, Message
from webapp.campaigns.states import BatchState
from webapp.campaigns.trace_words import Event
from webapp.contacts.models import OptOut
from webapp.gateway import queries as gateway
from webapp.gateway.models import GatewayAccount
from webapp.statuses import MessageStatus

# A gateway that reports one message this often is broken; its page still opens.
MOST_REPORTS = 100


@dataclass(frozen=True)
class Trace:
    """What is known of one message. `text` is what goes to the phone; None where it was never laid out."""

    mobile: str
    name: str
    operator: str
    status: MessageStatus
    other: str | None
    text: str | None
    parts: int | None
    events: tuple[Event, ...]


def trace(campaign: Campaign, account: GatewayAccount, recipient: Recipient, now: datetime) -> Trace | None:
    """What became of a recipient of this campaign, the earliest first; None if there is no such one."""
    session = tenancy.session()
    message = session.get(Message, (tenancy.scope(), campaign.id, *recipient))
    if message is None:
        return None
    batch = session.get(Batch, (tenancy.scope(), campaign.id, message.batch_no))
    status = recipients.status_of(
        message.outcome,
        batch.state if batch else None,
        batch is not None and batch.first_unknown_at is not None,
        batch.handed_at if batch else None,
        account,
        now,
    )
    content = batch.content if batch else None
    return Trace(
        mobile=message.mobile,
        name=str((message.variables or {}).get("name") or ""),
        operator=recipients.operator_of(message.mobile),
        status=status,
        other=message.status if message.outcome == "other" else None,
        text=content,
        parts=recipients.parts_of(campaign, account, content),
        events=tuple(_events(campaign, message, batch)),
    )


def _events(campaign: Campaign, message: Message, batch: Batch | None) -> list[Event]:
    line = _run(trace_statements.BATCHES, campaign.id, no=message.batch_no)
    numbers = [row.no for row in line]
    begun = [
        trace_words.confirmed(campaign.confirmed_at, gateway.person(campaign.confirmed_by)),
        *([trace_words.planned(campaign.planned_at, numbers[0])] if numbers else []),
    ]
    happened: list[Event] = []
    for attempt in _run(trace_statements.ATTEMPTS, campaign.id, batches=numbers):
        happened += trace_words.attempted(attempt)
    happened += [
        trace_words.found(row) for row in _run(trace_statements.MSGIDS, campaign.id, batches=numbers)
    ]
    happened += [trace_words.decided(row, gateway.person(row.decided_by)) for row in line if row.decided_at]
    happened += _reported(message)
    happened += _left_out(campaign, message, batch)
    known = [event for event in begun if event.at is not None]
    return known + sorted(happened, key=_when)


def _when(event: Event) -> tuple[bool, datetime | None]:
    """What has no time of its own comes last: it is how it stands now."""
    return event.at is None, event.at


def _reported(message: Message) -> list[Event]:
    reports = _run(
        trace_statements.REPORTS,
        message.campaign_id,
        mobile=message.mobile,
        copy=message.copy,
        most=MOST_REPORTS,
    )
    winner = next(
        (
            report
            for report in reports
            if report.status == message.status and report.reported_at == message.reported_at
        ),
        None,
    )
    return [trace_words.reported(report, counts=report is winner and len(reports) > 1) for report in reports]


def _left_out(campaign: Campaign, message: Message, batch: Batch | None) -> list[Event]:
    if message.outcome == MessageStatus.NOT_SENT:
        opted_out = tenancy.session().get(OptOut, (tenancy.scope(), message.mobile))
        return [trace_words.opted_out(opted_out.opted_out_at if opted_out else None)]
    if batch is not None and batch.state == BatchState.STOPPED and message.outcome is None:
        return [trace_words.stopped(campaign.finished_at)]
    return []


def _run(statement: Any, campaign_id: int, **values: Any) -> Sequence[Row[Any]]:
    bound = {"team": tenancy.scope(), "campaign": campaign_id, **values}
    return tenancy.session().execute(statement, bound).all()
