"""How a campaign came to be what it is: the chart of outcomes over the time since its first hand-over.

Drawn from the changes of its tallies minute by minute, so that no message is read for it. It ends with the
last change: after that nothing happened, and a tail of flat days would press the first hour to the edge.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from flask_babel import gettext as _
from flask_babel import ngettext
from sqlalchemy import select

from webapp import tenancy
from webapp.campaigns.models import Campaign, CampaignMinute
from webapp.reading import number, percent

# Of fewer, a percentage says less than the counts beside it.
FEWEST_MESSAGES = 30
# Points of a line, of which each can be pointed at; a few less are planned for, see _even.
MOST_POINTS = 60
_MOST_STEPS = 57
# Of less, a label at the end of the line would lie under the axis.
_LEAST_LABELLED = 12.0

HOUR, DAY = 60, 24 * 60
_MINUTE = timedelta(minutes=1)
# Minutes between two points.
_STEPS = (1, 2, 5, 10, 15, 30, HOUR, 2 * HOUR, 3 * HOUR, 6 * HOUR, 12 * HOUR, DAY, 2 * DAY, 7 * DAY)
# Into how many equal parts an axis may be cut by its labels, the best first.
_PARTS = (4, 3, 5, 2)

# From the ground up. The first line is the one that a chart is read for.
_OUTCOMES = ("delivered", "failed", "no_report", "unconfirmed")
_TONES = {"delivered": "ok", "failed": "bad", "no_report": "wait", "unconfirmed": "odd"}


@dataclass(frozen=True)
class Chart:
    """What templates/campaigns/_chart.html draws; each of `series` has one share (0 to 100) per point."""

    sentence: str
    series: list[dict[str, Any]]
    x_labels: list[str]
    says: list[str]
    end_label: str
    heads: list[str]
    rows: list[list[str]]


@dataclass(frozen=True)
class Point:
    """How many messages had each outcome, `minutes` after the first hand-over."""

    minutes: int
    delivered: int = 0
    failed: int = 0
    no_report: int = 0
    unconfirmed: int = 0


Change = tuple[datetime, Point]


def delivery_chart(campaign: Campaign, now: datetime) -> Chart | None:
    """The chart of a campaign; None before its first hand-over, or where counts say more."""
    total = campaign.recipients - campaign.not_sent
    if total < FEWEST_MESSAGES:
        return None
    found = points(_changes(campaign.id), now)
    return _chart(found, total) if found else None


def _changes(campaign_id: int) -> list[Change]:
    """What changed in each minute, the first one first."""
    outcomes = [getattr(CampaignMinute, name) for name in _OUTCOMES]
    rows = tenancy.session().execute(
        select(CampaignMinute.minute, *outcomes)
        .where(CampaignMinute.team_id == tenancy.scope(), CampaignMinute.campaign_id == campaign_id)
        .order_by(CampaignMinute.minute)
    )
    return [(minute, Point(0, *counts)) for minute, *counts in rows if any(counts)]


def points(changes: Sequence[Change], now: datetime) -> list[Point]:
    """What was known at evenly spread times since the first change, at most MOST_POINTS of them.

    A minute's changes are known at its end. At the first point the first minute's messages have gone out and
    nothing is known of them.
    """
    if not changes:
        return []
    start = changes[0][0]
    last = _minutes(start, changes[-1][0])
    known = max(last, _minutes(start, now))
    step = next((step for step in _STEPS if last <= step * _MOST_STEPS), -(-last // _MOST_STEPS))
    found = [Point(0, no_report=sum(getattr(changes[0][1], name) for name in _OUTCOMES))]
    sums = Point(0)
    following = 0
    for place in range(1, _even(-(-last // step), step, known) + 1):
        while following < len(changes) and _minutes(start, changes[following][0]) <= place * step:
            sums = _sum(sums, changes[following][1])
            following += 1
        found.append(replace(sums, minutes=min(place * step, known)))
    return found


def _minutes(start: datetime, moment: datetime) -> int:
    """Minutes from the start to the end of the minute of `moment`."""
    return (moment - start) // _MINUTE + 1


def _even(count: int, step: int, known: int) -> int:
    """Up to two steps more where the axis can be cut evenly there and these times are past."""
    past = [count, *(wider for wider in (count + 1, count + 2) if wider * step <= known)]
    even = (wider for wider in past if any(wider % parts == 0 for parts in _PARTS[:3]))
    return next((wider for wider in even if wider < MOST_POINTS), count)


def _sum(one: Point, other: Point) -> Point:
    return Point(one.minutes, *(getattr(one, name) + getattr(other, name) for name in _OUTCOMES))


def _chart(found: Sequence[Point], total: int) -> Chart:
    end = found[-1]
    labels = _labels()
    shown = [name for name in _OUTCOMES if name != "unconfirmed" or any(one.unconfirmed for one in found)]
    return Chart(
        sentence=_sentence(end, total),
        series=[
            {
                "label": labels[name],
                "tone": _TONES[name],
                "values": [_share(getattr(one, name), total) for one in found],
            }
            for name in shown
        ],
        x_labels=axis(len(found) - 1, found[1].minutes),
        says=[_says(one, total) for one in found],
        end_label=_end_label(end, total),
        heads=[_("Within"), *(labels[name] for name in shown)],
        rows=[[span(one.minutes), *(percent(getattr(one, name), total) for name in shown)] for one in found],
    )


def _end_label(end: Point, total: int) -> str:
    if _share(end.delivered, total) < _LEAST_LABELLED:
        return ""
    return _("%(share)s delivered", share=percent(end.delivered, total))


def _labels() -> dict[str, str]:
    return {
        "delivered": _("Delivered"),
        "failed": _("Failed"),
        "no_report": _("No report yet"),
        "unconfirmed": _("Not confirmed"),
    }


def _share(count: int, total: int) -> float:
    return min(100.0, 100 * count / total)


def _sentence(end: Point, total: int) -> str:
    values = {
        "time": span(end.minutes),
        "total": number(total),
        "delivered": percent(end.delivered, total),
        "failed": percent(end.failed, total),
    }
    if not end.unconfirmed:
        return _(
            "Within %(time)s %(delivered)s of %(total)s were delivered and %(failed)s had failed.", **values
        )
    return _(
        "Within %(time)s %(delivered)s of %(total)s were delivered, %(failed)s had failed and "
        "%(unconfirmed)s were not confirmed.",
        unconfirmed=percent(end.unconfirmed, total),
        **values,
    )


def _says(one: Point, total: int) -> str:
    return _(
        "Within %(time)s: %(delivered)s delivered, %(failed)s failed",
        time=span(one.minutes),
        delivered=percent(one.delivered, total),
        failed=percent(one.failed, total),
    )


def span(minutes: int) -> str:
    """So many minutes in words: 45 minutes, 3 hours, 3 h 5 min, 2 days."""
    unit = _unit([minutes])
    if unit == 1 and minutes >= 2 * HOUR:
        return _("%(hours)s h %(minutes)s min", hours=minutes // HOUR, minutes=minutes % HOUR)
    return _in(unit, minutes // unit)


def _in(unit: int, count: int) -> str:
    if unit == DAY:
        return ngettext("%(num)s day", "%(num)s days", count)
    if unit == HOUR:
        return ngettext("%(num)s hour", "%(num)s hours", count)
    return ngettext("%(num)s minute", "%(num)s minutes", count)


def axis(count: int, step: int) -> list[str]:
    """Evenly spread labels for so many steps of minutes: bare numbers, the last one with its unit."""
    cuts = [parts for parts in _PARTS if count % parts == 0] or [1]
    choices = [[part * count // parts * step for part in range(parts + 1)] for parts in cuts]
    # Whole days before whole hours, and of those that are alike the better cut, which comes first.
    ticks = max(choices, key=_unit)
    unit = _unit(ticks)
    return [*(number(tick // unit) for tick in ticks[:-1]), _in(unit, ticks[-1] // unit)]


def _unit(ticks: Sequence[int]) -> int:
    """The largest unit in which the last of these times is told and all are whole numbers."""
    for unit in (DAY, HOUR):
        if ticks[-1] >= 2 * unit and all(tick % unit == 0 for tick in ticks):
            return unit
    return 1
