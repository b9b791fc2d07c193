"""The figures of a period by operator, by reason of failure, and by the hour of the week."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

from babel.dates import format_date
from flask_babel import gettext as _

from webapp.campaigns.operators import operator_words
from webapp.reading import babel_locale, number
from webapp.reports import reasons
from webapp.reports.charts import share
from webapp.reports.figures import Figures, Outcomes

# Shares from which an hour is drawn in a stronger tint.
HEATS = (80, 90, 95, 98)


def operators(figures: Figures) -> list[dict[str, Any]]:
    """Rows of the list by operator, the largest first."""
    return [
        {
            "label": operator_words(name),
            "value": 100 * one.delivered / one.handed,
            "shown": share(one),
            "aside": number(one.handed),
            "outcomes": one,
        }
        for name, one in figures.operators.items()
    ]


def failures(figures: Figures) -> list[dict[str, Any]]:
    """Why messages failed, the most frequent first; the numbers add up to all that failed."""
    counted = [
        (told.words, told.code, one.messages)
        for one in figures.reasons
        if one.outcome == "failed"
        for told in (reasons.said(one.status),)
    ]
    if figures.refused:
        counted.append((_("Refused by the gateway"), "", figures.refused))
    counted.sort(key=lambda one: -one[2])
    if figures.other_reasons:
        counted.append((_("Other reasons"), "", figures.other_reasons))
    return [
        {"label": words, "code": code, "value": messages, "shown": number(messages), "tone": "bad"}
        for words, code, messages in counted
    ]


def unknown_words(figures: Figures) -> list[dict[str, Any]]:
    """Status words that nobody knows; their messages count as without a report."""
    return [
        {"code": one.status, "messages": one.messages} for one in figures.reasons if one.outcome == "other"
    ]


@dataclass(frozen=True)
class Heat:
    """The table of hours: `hours` are its columns; a cell is (what it shows, the strength of its tint).

    `counts`: some cells count, in brackets, where there are too few messages for a share.
    """

    sentence: str
    hours: list[int]
    rows: list[tuple[str, list[tuple[str, int | None]]]]
    counts: bool


def by_hour(figures: Figures) -> Heat:
    """The delivered share by weekday and hour of the hand-over; hours in which nothing went are left out."""
    hours = sorted({hour for _weekday, hour in figures.hours})
    rows = []
    for weekday, name in enumerate(_weekdays()):
        cells = [_heat_of(figures.hours.get((weekday, hour))) for hour in hours]
        rows.append((name, cells))
    return Heat(
        sentence=_heat_sentence(figures),
        hours=hours,
        rows=rows,
        counts=any(one.handed and not one.tells_a_share for one in figures.hours.values()),
    )


def _heat_of(one: Outcomes | None) -> tuple[str, int | None]:
    if one is None or not one.handed:
        return "", None
    if not one.tells_a_share:
        return f"({number(one.handed)})", None
    whole = 100 * one.delivered // one.handed
    return str(whole), sum(whole >= edge for edge in HEATS)


def _weekdays() -> list[str]:
    # The first of January 2024 was a Monday.
    return [format_date(date(2024, 1, 1 + n), "EEE", locale=babel_locale()) for n in range(7)]


def _heat_sentence(figures: Figures) -> str:
    telling = {key: one for key, one in figures.hours.items() if one.tells_a_share}
    if not telling:
        return _("In no hour of the week were there enough messages to tell a share.")
    days = _weekdays()
    (best, most), (worst, least) = (
        pick(telling.items(), key=lambda one: one[1].delivered / one[1].handed) for pick in (max, min)
    )
    return _(
        "Most was delivered of what was handed over on %(best)s: %(most)s; least on %(worst)s: %(least)s.",
        best=f"{days[best[0]]} {best[1]:02d}:00",
        most=share(most),
        worst=f"{days[worst[0]]} {worst[1]:02d}:00",
        least=share(least),
    )
