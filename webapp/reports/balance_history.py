"""How a balance came to be what it is: a step line, with the campaigns that began and the line to stay above.

A balance stands still between two readings as far as anybody knows, so the line has steps and no slopes. Of
readings that lie closer together than the eye can tell, the last one stands for all.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from flask_babel import gettext as _
from flask_babel import ngettext
from sqlalchemy import Select, func, select

from webapp import reading, tenancy
from webapp.campaigns.models import Campaign
from webapp.gateway.models import BalanceReading, GatewayAccount
from webapp.reading import number
from webapp.reports.axes import PARTS, round_top

LONGEST = timedelta(days=30)
MOST_STEPS = 60
# Readings by themselves are this far apart; nothing is gained by looking closer.
SHORTEST_STEP = timedelta(minutes=15)
MOST_MARKS = 30
# The space beside the axis is made for about seven letters.
_LONGEST_WRITTEN = 100_000


class Mark(NamedTuple):
    """A campaign that began to be sent, at a step of the chart."""

    step: int
    name: str


@dataclass(frozen=True)
class Chart:
    """What the page draws. `marks`: steps at which campaigns began. `line`: the balance to stay above."""

    sentence: str
    values: list[int]
    top: int
    x_labels: list[str]
    y_labels: list[str]
    marks: list[int]
    line: int | None
    line_words: str
    says: list[str]
    heads: list[str]
    rows: list[list[str]]


def history(account: GatewayAccount, now: datetime) -> Chart | None:
    """The last 30 days of an account's balance, or what there is of them; None before there is a line."""
    first = _first(account.id, now - LONGEST)
    if first is None:
        return None
    begin = max(first.read_at, now - LONGEST)
    step = max((now - begin) / (MOST_STEPS - 1), SHORTEST_STEP)
    known = [
        (_step(one.read_at, begin, step), one.messages or 0) for one in _last_of(account.id, begin, step)
    ]
    count = (now - begin) // step + 1
    if count < 2 or not known:
        return None
    values = _stand_still(first.messages or 0, known, count)
    times = [min(begin + place * step, now) for place in range(count)]
    return _chart(account, values, times, _marks(account.id, begin, step))


def _first(account_id: int, since: datetime) -> BalanceReading | None:
    """The last reading from before `since`, else the first one after it."""
    readings = _readings(account_id)
    before = readings.where(BalanceReading.read_at < since).order_by(BalanceReading.read_at.desc())
    after = readings.where(BalanceReading.read_at >= since).order_by(BalanceReading.read_at)
    session = tenancy.session()
    return session.scalar(before.limit(1)) or session.scalar(after.limit(1))


def _last_of(account_id: int, begin: datetime, step: timedelta) -> Sequence[BalanceReading]:
    """The last reading of each step in which there was one, in their order."""
    last = (
        select(func.max(BalanceReading.id))
        .where(
            BalanceReading.team_id == tenancy.scope(),
            BalanceReading.account_id == account_id,
            BalanceReading.messages.is_not(None),
            BalanceReading.read_at >= begin,
        )
        .group_by(func.date_bin(step, BalanceReading.read_at, begin))
    )
    readings = _readings(account_id).where(BalanceReading.id.in_(last)).order_by(BalanceReading.read_at)
    return tenancy.session().scalars(readings).all()


def _readings(account_id: int) -> Select[BalanceReading]:
    return select(BalanceReading).where(
        BalanceReading.team_id == tenancy.scope(),
        BalanceReading.account_id == account_id,
        BalanceReading.messages.is_not(None),
    )


def _marks(account_id: int, begin: datetime, step: timedelta) -> list[Mark]:
    """The campaigns that began to be sent through the account since then, the first one first."""
    rows = tenancy.session().execute(
        select(Campaign.name, Campaign.started_at)
        .where(
            Campaign.team_id == tenancy.scope(),
            Campaign.account_id == account_id,
            Campaign.started_at >= begin,
        )
        .order_by(Campaign.started_at.desc())
        .limit(MOST_MARKS)
    )
    return [Mark(_step(row.started_at, begin, step), row.name) for row in rows][::-1]


def _step(at: datetime, begin: datetime, step: timedelta) -> int:
    return max(0, (at - begin) // step)


def _stand_still(first: int, known: Sequence[tuple[int, int]], count: int) -> list[int]:
    """The balance at each step: the one read last."""
    by_step = dict(known)
    values = [by_step.get(0, first)]
    for place in range(1, count):
        values.append(by_step.get(place, values[-1]))
    return values


def _chart(account: GatewayAccount, values: list[int], times: list[datetime], marks: Sequence[Mark]) -> Chart:
    begun: dict[int, list[str]] = defaultdict(list)
    for mark in marks:
        begun[min(mark.step, len(values) - 1)].append(mark.name)
    line = account.alert_below
    top = round_top(max(*values, line or 0, 1))
    names = {place: ", ".join(f"“{name}”" for name in found) for place, found in begun.items()}
    told = [
        place
        for place, value in enumerate(values)
        if place in (0, len(values) - 1) or value != values[place - 1] or place in names
    ]
    return Chart(
        sentence=_sentence(account, values, times, len(marks)),
        values=values,
        top=top,
        x_labels=[reading.moment(times[place]) for place in (0, len(times) // 2, len(times) - 1)],
        y_labels=[_written(top * part // PARTS) for part in range(PARTS, -1, -1)],
        marks=sorted(begun),
        line=line,
        line_words="" if line is None else _("Tell people below %(n)s", n=number(line)),
        says=[_says(times[place], value, names.get(place)) for place, value in enumerate(values)],
        heads=[_("When"), _("Messages left"), _("Campaigns begun")],
        rows=[[reading.moment(times[place]), number(values[place]), names.get(place, "")] for place in told],
    )


def _says(at: datetime, value: int, names: str | None) -> str:
    when, left = reading.moment(at), number(value)
    if names is None:
        return _("%(when)s: %(n)s left", when=when, n=left)
    return _("%(when)s: %(n)s left; %(names)s began", when=when, n=left, names=names)


def _sentence(account: GatewayAccount, values: list[int], times: list[datetime], begun: int) -> str:
    said = _(
        "Since %(when)s the balance of %(account)s was between %(low)s and %(high)s messages; "
        "now it is %(now)s.",
        when=reading.moment(times[0]),
        account=account.label,
        low=number(min(values)),
        high=number(max(values)),
        now=number(values[-1]),
    )
    if not begun:
        return said
    campaigns = ngettext("%(n)s campaign began.", "%(n)s campaigns began.", begun, n=number(begun))
    return f"{said} {campaigns}"


def _written(value: int) -> str:
    return number(value) if value < _LONGEST_WRITTEN else f"{number(value // 1000)}k"
