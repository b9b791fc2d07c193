"""Balance: what is left in each account, for how long, how it came to that, and the line to be told at."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from flask import Blueprint, Response, abort, flash, request, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm
from wtforms import StringField

from webapp import clock
from webapp.accounts.permissions import requires
from webapp.accounts.queries import people_in
from webapp.extensions import db
from webapp.gateway import alerts, queries, words
from webapp.gateway.forms import NothingForm
from webapp.gateway.models import BalanceCause, BalanceReading
from webapp.gateway.queries import Balance
from webapp.gateway.views import account_or_404, tell_balance
from webapp.gateway.words import StateWords
from webapp.pages import NavItem, render, see_other
from webapp.reports import balance_history, lasting
from webapp.reports.balance_history import Chart

blueprint = Blueprint("balance", __name__, url_prefix="/t/<team>")

NAV = (NavItem("balance.index", _l("Balance"), "wallet", "balance.view", order=60, key="b"),)

PAGE = 10


class LineForm(FlaskForm):  # type: ignore[misc] # the library carries no types
    """The balance to be told at; empty: never."""

    line = StringField()


@dataclass(frozen=True)
class Readings:
    """A page of an account's readings, the newest first; `older`: the id to go on from."""

    rows: Sequence[BalanceReading]
    older: int | None


@dataclass(frozen=True)
class Standing:
    """An account as the page shows it. `trouble`: what the last call met, where it brought no balance."""

    balance: Balance
    state: StateWords
    lasts: str
    basis: str
    stale: bool
    trouble: str
    chart: Chart | None
    readings: Readings


@blueprint.get("/balance")
@requires("balance.view")
def index() -> Response:
    """What is left, for how long, and what was read lately, for each account."""
    return _page()


@blueprint.get("/balance/<int:account_id>/readings")
@requires("balance.view")
def readings(account_id: int) -> Response:
    """All readings of an account, page by page."""
    account = account_or_404(account_id)
    before = request.args.get("before", "")
    return render(
        "reports/readings.html",
        block="readings",
        account=account,
        readings=_readings(account.id, int(before) if before.isdecimal() and len(before) < 19 else None),
        words_for_reading=words.words_for_reading,
    )


@blueprint.post("/balance/<int:account_id>/check")
@requires("gateways.manage")
def check(account_id: int) -> Response:
    """Read the balance now."""
    account = account_or_404(account_id)
    if not NothingForm().validate_on_submit():
        abort(400)
    tell_balance(account, BalanceCause.MANUAL)
    return see_other(url_for("balance.index"))


@blueprint.post("/balance/<int:account_id>/line")
@requires("gateways.manage")
def set_line(account_id: int) -> Response:
    """Set the balance at which owners and admins are told, or take it away."""
    account = account_or_404(account_id)
    form = LineForm()
    if not form.validate_on_submit():
        abort(400)
    said = (form.line.data or "").strip()
    line = _line(said)
    if said and line is None:
        return _page(wrong={account.id: said}, status=422)
    good = queries.last_good_reading(account.id)
    alerts.set_line(account, line, good.messages if good is not None else None)
    db.session.commit()
    flash(_("Saved."), "ok")
    return see_other(url_for("balance.index"))


def _line(said: str) -> int | None:
    """A whole number of messages as people write it: 2000, 2,000, ２０００; None for anything else."""
    digits = unicodedata.normalize("NFKC", said).replace(",", "").replace(" ", "")
    if not (digits.isascii() and digits.isdecimal() and len(digits) < len(str(alerts.MOST_LINE))):
        return None
    return int(digits) or None


def _page(wrong: dict[int, str] | None = None, status: int = 200) -> Response:
    """`wrong`: what was typed for a line and is none, by account."""
    now = clock.now()
    balances = queries.balances()
    used = lasting.used([one.account for one in balances], now)
    standings = [
        Standing(
            balance=one,
            state=words.state_words(one.account.state, disabled=one.account.disabled_at is not None),
            lasts=lasting.days_words(used[one.account.id], one.left),
            basis=lasting.basis_words(used[one.account.id]),
            stale=one.is_stale(now),
            trouble=_trouble(one),
            chart=balance_history.history(one.account, now),
            readings=_readings(one.account.id),
        )
        for one in balances
    ]
    return render(
        "reports/balance.html",
        status=status,
        standings=standings,
        told=[person.email for person in people_in(*alerts.TOLD)],
        wrong=wrong or {},
        words_for_reading=words.words_for_reading,
    )


def _trouble(one: Balance) -> str:
    if one.last is None or (one.good is not None and one.last.id == one.good.id):
        return ""
    return words.words_for_reading(one.last).title


def _readings(account_id: int, before: int | None = None) -> Readings:
    found = queries.readings(account_id, PAGE + 1, before)
    return Readings(found[:PAGE], found[PAGE - 1].id if len(found) > PAGE else None)
