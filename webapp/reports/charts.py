"""The numbers and sentences of the charts of a period; templates/ui/charts.html draws them.

Each chart carries a sentence that says what it shows and a table of its numbers, for those who do not see it.
Where there are too few messages for a percentage there is none: the tables count them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from babel.dates import format_date
from flask_babel import gettext as _

from webapp.campaigns import ladder
from webapp.reading import language, number, percent
from webapp.reports.axes import round_top
from webapp.reports.figures import FEWEST_FOR_A_SHARE, Figures, Outcomes

# Where an axis of shares may begin, so that small differences are seen; the page says where.
_BOTTOMS = (90, 80, 50, 0)
# Labels under a chart that never touch each other, also on a phone.
_MOST_LABELS = 7
# From the ground up; the tone of each.
_OUTCOMES = (("delivered", "ok"), ("failed", "bad"), ("no_report", "wait"), ("unconfirmed", "odd"))


@dataclass(frozen=True)
class Chart:
    """What a macro draws: per series a value for each step (None: nothing to draw), up to `top`."""

    sentence: str
    series: list[dict[str, Any]]
    x_labels: list[str]
    y_labels: list[str]
    top: float
    says: list[str]
    heads: list[str]
    rows: list[list[str]]
    bottom: float = 0
    end_label: str = ""


def day(value: date) -> str:
    """9 Nov, in Chinese 11-09; never broken into two lines."""
    return format_date(value, "MM-dd" if language() == "zh" else "d\u00a0MMM", locale="en")


def whole_day(value: date) -> str:
    """9 Nov 2026, in Chinese 2026-11-09."""
    return format_date(value, "yyyy-MM-dd" if language() == "zh" else "d MMM yyyy", locale="en")


def share(one: Outcomes) -> str:
    """The delivered share in words that a table can hold: a percentage, or counts where there are few."""
    if not one.handed:
        return "–"
    if one.tells_a_share:
        return percent(one.delivered, one.handed)
    return _("%(n)s of %(total)s", n=number(one.delivered), total=number(one.handed))


def span(seconds: int | None) -> str:
    """About so long: 8 s, 3 min, 2 h."""
    if seconds is None:
        return "–"
    if seconds < 100:
        return _("%(n)s s", n=seconds)
    if seconds < 100 * 60:
        return _("%(n)s min", n=round(seconds / 60))
    return _("%(n)s h", n=round(seconds / 3600))


def delivered_per_step(figures: Figures, *, still_arriving: bool) -> Chart | None:
    """The delivered share over time, the period before dashed; None where no line can be drawn.

    `still_arriving`: the last step is not over, so the way to it is dotted.
    """
    now = [_share(one) for one in figures.steps]
    if sum(value is not None for value in now) < 2:
        return None
    before = [_share(one) for one in figures.steps_before]
    known = [value for value in (*now, *before) if value is not None]
    bottom = next(low for low in _BOTTOMS if low <= min(known))
    labels = _step_labels(figures)
    series = [{"label": _("These days"), "tone": "ok", "values": now, "runs": runs(now, still_arriving)}]
    if any(value is not None for value in before):
        label = _("The days before")
        series.append(
            {"label": label, "tone": "wait", "dashed": True, "values": before, "runs": runs(before)}
        )
    compared = zip(labels, figures.steps, figures.steps_before, strict=True)
    return Chart(
        sentence=_line_sentence(figures),
        series=series,
        x_labels=_thinned([day(first) for first, _last in figures.period.steps]),
        y_labels=[f"{low}%" for low in range(100, bottom - 1, -10 if bottom >= 80 else -25)],
        bottom=bottom,
        top=100,
        says=[
            _("%(day)s: %(share)s delivered", day=label, share=share(one))
            for label, one in zip(labels, figures.steps, strict=True)
        ],
        heads=[_step_head(figures), _("Delivered"), _("Messages"), _("The period before")],
        rows=[[label, share(one), number(one.handed), share(old)] for label, one, old in compared],
    )


def messages_per_step(figures: Figures) -> Chart:
    """Messages by outcome over time, as bars on each other."""
    labels = _step_labels(figures)
    words = _outcome_words()
    top = round_top(max(one.handed for one in figures.steps))
    shown = [
        (name, tone) for name, tone in _OUTCOMES if name != "unconfirmed" or figures.total.unconfirmed
    ]  # fmt: skip
    rows = [
        [label, number(one.handed), *(number(getattr(one, name)) for name, _tone in shown)]
        for label, one in zip(labels, figures.steps, strict=True)
    ]
    return Chart(
        sentence=_bars_sentence(figures, labels),
        series=[
            {"label": words[name], "tone": tone, "values": [getattr(one, name) for one in figures.steps]}
            for name, tone in shown
        ],
        x_labels=_thinned([day(first) for first, _last in figures.period.steps]),
        y_labels=_counts(top),
        top=top,
        says=[
            _(
                "%(day)s: %(n)s messages, %(delivered)s delivered",
                day=label,
                n=number(one.handed),
                delivered=number(one.delivered),
            )
            for label, one in zip(labels, figures.steps, strict=True)
        ],
        heads=[_step_head(figures), _("Messages"), *(words[name] for name, _tone in shown)],
        rows=rows,
    )


def time_to_deliver(figures: Figures) -> Chart | None:
    """How long delivered messages took, in coarse bands; None where nothing is known of it."""
    found, longer, unknown = ladder.bands(figures.took)
    timed = sum(found) + longer
    if not timed:
        return None
    labels = [_("under 10 s"), _("under 1 min"), _("under 10 min"), _("under 1 h"), _("under 72 h")]
    if longer:
        labels.append(_("72 h or more"))
        found = [*found, longer]
    few = timed < FEWEST_FOR_A_SHARE
    shown = [number(count) if few else percent(count, timed) for count in found]
    top = round_top(max(found))
    rows = [[label, number(count), told] for label, count, told in zip(labels, found, shown, strict=True)]
    if unknown:
        rows.append([_("Time not known"), number(unknown), "–"])
    return Chart(
        sentence=_(
            "Half of the delivered messages took about %(time)s or less; %(share)s took less than a minute.",
            time=span(figures.median),
            share=number(found[0] + found[1]) if few else percent(found[0] + found[1], timed),
        ),
        series=[{"label": _("Delivered"), "tone": "ok", "values": found}],
        x_labels=labels,
        y_labels=_counts(top),
        top=top,
        says=[
            _("%(band)s: %(share)s", band=label, share=told)
            for label, told in zip(labels, shown, strict=True)
        ],
        heads=[_("Time"), _("Messages"), _("Share")],
        rows=rows,
    )


def runs(values: Sequence[float | None], dotted_end: bool = False) -> list[dict[str, Any]]:
    """A line with gaps, in pieces: {start, values, dotted}.

    `dotted_end`: the way to the last value is a piece of its own, if there is a last one.
    """
    found: list[dict[str, Any]] = []
    for place, value in enumerate(values):
        if value is None:
            continue
        if place and values[place - 1] is not None:
            found[-1]["values"].append(value)
        else:
            found.append({"start": place, "values": [value], "dotted": False})
    last = found[-1] if found else None
    if dotted_end and last and last["start"] + len(last["values"]) == len(values) and len(last["values"]) > 1:
        end = last["values"].pop()
        bit = {"start": len(values) - 2, "values": [last["values"][-1], end], "dotted": True}
        if len(last["values"]) == 1:
            found.pop()
        found.append(bit)
    return found


def _share(one: Outcomes) -> float | None:
    return 100 * one.delivered / one.handed if one.tells_a_share else None


def _outcome_words() -> dict[str, str]:
    return {
        "delivered": _("Delivered"),
        "failed": _("Failed"),
        "unconfirmed": _("Not confirmed"),
        "no_report": _("No report"),
    }


def _step_labels(figures: Figures) -> list[str]:
    if not figures.period.by_week:
        return [day(first) for first, _last in figures.period.steps]
    return [
        _("%(first)s to %(last)s", first=day(first), last=day(last)) for first, last in figures.period.steps
    ]


def _step_head(figures: Figures) -> str:
    return _("Week") if figures.period.by_week else _("Day")


def _thinned(labels: list[str]) -> list[str]:
    """So many of them that they do not touch, evenly spread; the others are empty."""
    every = -(-len(labels) // _MOST_LABELS)
    last = len(labels) - 1
    return [
        label if place % every == 0 and (every == 1 or place < last) else ""
        for place, label in enumerate(labels)
    ]


def _line_sentence(figures: Figures) -> str:
    told = [(label, one) for label, one in zip(_step_labels(figures), figures.steps, strict=True)]
    telling = [(label, one) for label, one in told if one.tells_a_share]
    low = min(telling, key=lambda pair: pair[1].delivered / pair[1].handed)
    high = max(telling, key=lambda pair: pair[1].delivered / pair[1].handed)
    return _(
        "%(share)s of %(total)s messages were delivered: between %(low)s (%(low_day)s) and %(high)s "
        "(%(high_day)s).",
        share=share(figures.total),
        total=number(figures.total.handed),
        low=share(low[1]),
        low_day=low[0],
        high=share(high[1]),
        high_day=high[0],
    )


def _bars_sentence(figures: Figures, labels: list[str]) -> str:
    place = max(range(len(labels)), key=lambda n: figures.steps[n].handed)
    return _(
        "%(total)s messages were handed over, most of them on %(day)s: %(n)s.",
        total=number(figures.total.handed),
        day=labels[place],
        n=number(figures.steps[place].handed),
    )


def _counts(top: int) -> list[str]:
    written = [top * part // 4 for part in (4, 3, 2, 1, 0)]
    return [number(value) if top < 100_000 else f"{number(value // 1000)}k" for value in written]
