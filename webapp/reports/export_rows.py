"""What stands in the files that a team takes away: heads and rows, read slice by slice.

Rows are read in the order of a key, so that a slice begins where the last one ended and only one is in
memory. All slices of a file must be read in one snapshot of the database, else a file of a campaign that is
being sent would not add up.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import date, datetime
from zoneinfo import ZoneInfo

from flask_babel import gettext as _
from sqlalchemy import ColumnElement, func, select

from webapp import tenancy
from webapp.campaigns import queries, recipients, texts
from webapp.campaigns.models import Campaign, RollupHour
from webapp.campaigns.operators import OPERATORS, operator_words
from webapp.gateway import queries as gateway
from webapp.gateway.models import GatewayAccount
from webapp.reports.periods import Period
from webapp.sheets import Cell
from webapp.statuses import MESSAGES, MessageStatus, wording

Row = Sequence[Cell]

SLICE = 5_000
# What a roll-up says of messages, in the order of the columns.
OUTCOMES = ("delivered", "failed", "no_report", "unconfirmed")


def recipients_of(
    campaign: Campaign, account: GatewayAccount, zone: ZoneInfo, now: datetime
) -> Iterator[Row]:
    """A row for each recipient: the number, what was filled in, what became of it."""
    fields = [name for name in texts.fields_of(campaign.body) if name != "name"]
    yield [
        _("Number"),
        _("Name"),
        *fields,
        _("Status"),
        _("Status code"),
        _("Reported at (%(zone)s)", zone=zone.key),
        _("Parts"),
    ]
    after = None
    while found := recipients.slice_after(campaign, account, now, after, SLICE):
        for one in found:
            yield [
                _("Erased number") if one.mobile.startswith(recipients.ERASED) else one.mobile,
                one.name,
                *(str(one.variables.get(name, "")) for name in fields),
                str(wording(one.status).label),
                one.report or "",
                _moment(one.reported_at, zone),
                one.parts,
            ]
        after = found[-1].recipient


def days_of(period: Period) -> Iterator[Row]:
    """A row for each day and operator to whose numbers something was handed over."""
    yield [_("Day"), _("Operator"), *_outcome_heads(), _("Messages"), _("Parts")]
    rows = tenancy.session().execute(
        select(
            RollupHour.hour,
            RollupHour.operator,
            RollupHour.outcome,
            func.sum(RollupHour.messages).label("messages"),
            func.sum(RollupHour.parts).label("parts"),
        )
        .where(
            RollupHour.team_id == tenancy.scope(),
            RollupHour.hour >= period.begin,
            RollupHour.hour < period.end,
        )
        .group_by(RollupHour.hour, RollupHour.operator, RollupHour.outcome)
    )
    messages: dict[tuple[date, str], dict[str, int]] = defaultdict(lambda: defaultdict(int))
    parts: dict[tuple[date, str], int] = defaultdict(int)
    for row in rows:
        key = (period.day_of(row.hour), row.operator)
        messages[key][row.outcome] += int(row.messages)
        parts[key] += int(row.parts)
    order = list(OPERATORS)
    for key in sorted(messages, key=lambda one: (one[0], order.index(one[1]) if one[1] in order else 99)):
        counts = [messages[key][outcome] for outcome in OUTCOMES]
        # Of hours from before parts were kept there are fewer than messages, and that is no count.
        known = parts[key] if parts[key] >= sum(counts) else None
        yield [key[0].isoformat(), str(operator_words(key[1])), *counts, sum(counts), known]


def campaigns_of(period: Period, now: datetime) -> Iterator[Row]:
    """A row for each campaign that began to be sent in the period, the first one first."""
    yield [
        _("Campaign"),
        _("Gateway account"),
        _("Status"),
        _("Begun at (%(zone)s)", zone=period.zone.key),
        _("Recipients"),
        *_outcome_heads(),
        _("Waiting"),
        _("Not sent"),
        _("Parts"),
    ]
    accounts = {one.id: one.label for one in gateway.accounts()}
    after = 0
    while found := _slice_of_campaigns(period, after):
        for one in found:
            yield [
                one.name,
                accounts.get(one.account_id, ""),
                str(wording(queries.status_of(one, now)).label),
                _moment(one.started_at, period.zone),
                one.recipients,
                *(int(getattr(one, outcome)) for outcome in OUTCOMES),
                one.waiting,
                one.not_sent,
                one.parts_total,
            ]
            tenancy.session().expunge(one)
        after = found[-1].id


def count_campaigns(period: Period) -> int:
    """How many campaigns began to be sent in a period."""
    return tenancy.session().scalars(
        select(func.count()).select_from(Campaign).where(*_begun_in(period))
    ).one()  # fmt: skip


def _slice_of_campaigns(period: Period, after: int) -> Sequence[Campaign]:
    begun = select(Campaign).where(*_begun_in(period), Campaign.id > after)
    return tenancy.session().scalars(begun.order_by(Campaign.id).limit(SLICE // 10)).all()


def _begun_in(period: Period) -> tuple[ColumnElement[bool], ...]:
    return (
        Campaign.team_id == tenancy.scope(),
        Campaign.started_at >= period.begin,
        Campaign.started_at < period.end,
    )


def _outcome_heads() -> list[str]:
    """The words that pages have for these outcomes."""
    return [str(MESSAGES[MessageStatus(outcome)].label) for outcome in OUTCOMES]


def _moment(at: datetime | None, zone: ZoneInfo) -> str:
    """A time as every spreadsheet reads it."""
    return f"{at.astimezone(zone):%Y-%m-%d %H:%M:%S}" if at is not None else ""
