"""Reports: how we are doing, over days that somebody chooses, beside as many days before them."""

from __future__ import annotations

from typing import Any, cast
from zoneinfo import ZoneInfo

from flask import Blueprint, Response, request, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from webapp import clock
from webapp.accounts.permissions import requires
from webapp.pages import NavItem, render, time_zone
from webapp.reading import number, percent
from webapp.reports import breakdowns, campaign_figures, charts, figures, periods
from webapp.reports.campaign_figures import Sort
from webapp.reports.figures import Figures, Outcomes
from webapp.reports.periods import Asked

blueprint = Blueprint("reports", __name__, url_prefix="/t/<team>")
NAV = (NavItem("reports.index", _l("Reports"), "chart-column", "reports.view", order=50, key="r"),)


@blueprint.get("/reports")
@requires("reports.view")
def index() -> Response:
    """The report of a period: `days`, or `from` and `to`; 422 where these name none."""
    now = clock.now()
    zone = cast(ZoneInfo, time_zone())
    asked = periods.asked(request.args, now, zone)
    found = figures.read(asked.period)
    values: dict[str, Any] = {
        "asked": asked,
        "now": now,
        "figures": found,
        "choices": _choices(asked),
        "lasts": _lasts(asked),
        "empty": not found.total.handed and not figures.ever_handed_over(),
    }
    if found.total.handed:
        sort = _sort()
        still_arriving = asked.period.holds(now)
        values |= {
            "cells": _cells(found),
            "line": charts.delivered_per_step(found, still_arriving=still_arriving),
            "still_arriving": still_arriving,
            "bars": charts.messages_per_step(found),
            "took": charts.time_to_deliver(found),
            "operators": breakdowns.operators(found),
            "failures": breakdowns.failures(found),
            "unknown_words": breakdowns.unknown_words(found),
            "heat": breakdowns.by_hour(found),
            "edges": breakdowns.HEATS,
            "listed": campaign_figures.listed(asked.period, sort, now),
            "heads": _heads(asked, sort),
            "most_listed": campaign_figures.MOST_LISTED,
        }
    return render("reports/index.html", block="report", status=422 if asked.problem else 200, **values)


def _sort() -> Sort:
    said = request.args.get("sort", "")
    return next((sort for sort in Sort if sort == said), Sort.NEWEST)


def _sorted_place(asked: Asked, sort: Sort) -> str:
    """The address of this page for the same days, with its list in that order."""
    days = {"days": asked.days} if asked.days else {"from": asked.said[0], "to": asked.said[1]}
    values: dict[str, Any] = {**days, "sort": sort.value, "_anchor": "campaigns"}
    return url_for("reports.index", **values)


def _choices(asked: Asked) -> list[dict[str, Any]]:
    return [
        {
            "label": _("%(days)s days", days=days),
            "href": url_for("reports.index", days=days),
            "current": asked.days == days and asked.problem is None,
        }
        for days in periods.LENGTHS
    ]


def _lasts(asked: Asked) -> str:
    period = asked.period
    return _(
        "%(first)s to %(last)s, in %(zone)s",
        first=charts.whole_day(period.first),
        last=charts.whole_day(period.last),
        zone=period.zone.key,
    )


def _heads(asked: Asked, sort: Sort) -> list[dict[str, Any]]:
    """The heads of the list of campaigns; four of them sort it."""
    by = {
        Sort.NEWEST: (_("Campaign"), "descending"),
        Sort.LARGEST: (_("Messages"), "descending"),
        Sort.LEAST_DELIVERED: (_("Delivered"), "ascending"),
        Sort.MOST_FAILED: (_("Failed"), "descending"),
    }
    heads = [
        {
            "label": label,
            "href": _sorted_place(asked, one),
            "sort": direction if one is sort else "none",
            "num": one is not Sort.NEWEST,
            "minor": one is Sort.MOST_FAILED,
        }
        for one, (label, direction) in by.items()
    ]
    rest = [_("No report"), _("Not confirmed")]
    return heads + [{"label": label, "num": True, "minor": True} for label in rest]


def _cells(found: Figures) -> list[dict[str, Any]]:
    """The strip: what the page is read for, each with what it was in the period before."""
    total, before = found.total, found.before
    return [
        {
            "label": _("Delivered"),
            "tone": "ok",
            "value": _share(total.delivered, total),
            "aside": _("%(n)s of %(total)s messages", n=number(total.delivered), total=number(total.handed)),
            "more": _before(charts.share(before) if before.handed else None),
        },
        _cell(_("Failed"), "bad", "failed", found),
        _cell(_("No report"), "wait", "no_report", found),
        _cell(_("Not confirmed"), "odd", "unconfirmed", found),
        {
            "label": _("Parts"),
            "value": number(total.parts),
            "aside": _("What these messages are billed as")
            if found.parts_known
            else _("Not known for older campaigns with different texts"),
            "more": _before(number(before.parts) if before.handed else None),
        },
        {
            "label": _("Time to deliver"),
            "value": charts.span(found.median),
            "aside": _("Half of them took about this or less"),
            "more": _before(None if found.median_before is None else charts.span(found.median_before)),
        },
    ]


def _cell(label: str, tone: str, name: str, found: Figures) -> dict[str, Any]:
    count, before = getattr(found.total, name), getattr(found.before, name)
    return {
        "label": label,
        "tone": tone,
        "value": _share(count, found.total),
        "aside": number(count) if found.total.tells_a_share else "",
        "more": _before(_share(before, found.before) if found.before.handed else None),
    }


def _share(count: int, of: Outcomes) -> str:
    return percent(count, of.handed) if of.tells_a_share else number(count)


def _before(said: str | None) -> str:
    return "" if said is None else _("%(value)s the days before", value=said)
