"""Home: what is happening now. It takes the place of "Getting started" once a message has arrived."""

from __future__ import annotations

import hashlib
from typing import Any, cast
from zoneinfo import ZoneInfo

from flask import Blueprint, Response, request
from flask_babel import lazy_gettext as _l

from webapp import clock
from webapp.accounts.permissions import requires
from webapp.campaigns import progress
from webapp.campaigns.start import is_begun
from webapp.pages import NavItem, is_fragment, render, time_zone
from webapp.reports import concerns, overview

blueprint = Blueprint("home", __name__, url_prefix="/t/<team>")

# How often the part about what is being sent looks for news.
SECONDS = 5


NAV = (
    NavItem("home.index", _l("Home"), "house", "campaigns.view", tab=True, order=10, key="h", when=is_begun),
)


@blueprint.get("/home")
@requires("campaigns.view")
def index() -> Response:
    """What is being sent, what comes next, how it went; 204 while what is being sent has not changed."""
    now = clock.now()
    sending = overview.read("sending", overview.sending)
    blocks = [progress.progress_of(one, now) for one in sending.value or ()]
    version = hashlib.sha256(repr([block.version for block in blocks]).encode()).hexdigest()[:16]
    if is_fragment() and request.args.get("v") == version:
        return Response(status=204)
    shown: dict[str, Any] = {
        "sending": sending,
        "progress": blocks,
        "version": version,
        "poll_seconds": SECONDS if blocks else None,
        "still": request.args.get("updates") == "off",
    }
    if is_fragment():
        return render("reports/home.html", block="sending", **shown)
    return render(
        "reports/home.html",
        **shown,
        begun=is_begun(),
        scheduled=overview.read("scheduled", overview.scheduled),
        week=overview.read("week", lambda: overview.week(now, cast(ZoneInfo, time_zone()))),
        balances=overview.read("balances", lambda: overview.balances(now)),
        concerns=overview.read("concerns", lambda: concerns.concerns(now)),
        drafts=overview.read("drafts", overview.drafts),
    )
