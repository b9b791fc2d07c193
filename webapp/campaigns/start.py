"""Getting started: two cards from nothing to the first delivered message."""

from __future__ import annotations

from flask import Blueprint, Response
from flask_babel import lazy_gettext as _l

from webapp.accounts.permissions import requires
from webapp.accounts.requests import long_text
from webapp.campaigns.compose_views import compose_form, drafted, first_account
from webapp.campaigns.forms import MOST_PASTE_BYTES, ComposeForm
from webapp.gateway import practice
from webapp.gateway.views import connect_form
from webapp.pages import NavItem, render

blueprint = Blueprint("start", __name__, url_prefix="/t/<team>")

NAV = (NavItem("start.show", _l("Getting started"), "house", "campaigns.view", tab=True, order=10, key="h"),)


@blueprint.get("/start")
@requires("campaigns.view")
def show() -> Response:
    """Connect a gateway, then send the first message."""
    return _page(compose_form())


@blueprint.post("/start")
@long_text(MOST_PASTE_BYTES)
@requires("campaigns.write")
def draft() -> Response:
    """Card 2: make a draft and look at it before anything is sent."""
    form = compose_form()
    return drafted(form) or _page(form, 422)


def _page(form: ComposeForm, status: int = 200) -> Response:
    return render(
        "campaigns/start.html",
        status=status,
        form=form,
        connect_form=connect_form(),
        practice_on=practice.is_on(),
        account=first_account(),
    )
