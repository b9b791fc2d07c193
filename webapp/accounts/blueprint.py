"""The blueprint of the pages of people, whose views lie in several modules, and what they share."""

from __future__ import annotations

from typing import cast

from flask import Blueprint, Flask, Response, current_app, session, url_for
from flask.sansio.blueprints import BlueprintSetupState
from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm
from wtforms import Field

from webapp import frame
from webapp.accounts import queries
from webapp.accounts.permissions import PERMISSIONS, Role
from webapp.settings import settings_of

blueprint = Blueprint("accounts", __name__)

KEEP_PREFERENCE = 365 * 24 * 3600


@blueprint.record_once
def _join_frame(state: BlueprintSetupState) -> None:
    app = cast(Flask, state.app)
    frame.connect(app, teams=queries.my_teams, may_in=_may_in)
    settings = frame.NavItem(
        "accounts.general", _l("Settings"), "settings", permission="team.manage", foot=True, order=80
    )
    frame.add_nav(app, settings)


def _may_in(address: str, permission: str) -> bool:
    role = next((one.role for one in queries.my_memberships() if one.team.address == address), None)
    return role is not None and Role(role) in PERMISSIONS[permission]


def home() -> str:
    """Where a signed-in person goes: the team they were in last, else the first, else to make one."""
    addresses = [team.address for team in queries.my_teams()]
    if not addresses:
        return url_for("accounts.new_team")
    last = session.get("team")
    return url_for("accounts.team_home", team=last if last in addresses else addresses[0])


def keep_cookie(response: Response, cookie: str, value: str | None) -> Response:
    """Keep a preference in the browser, for pages before signing in; None keeps nothing."""
    if value is not None:
        response.set_cookie(
            cookie,
            value,
            max_age=KEEP_PREFERENCE,
            secure=settings_of(current_app).https,
            httponly=True,
            samesite="Lax",
        )
    return response


def status_of(form: FlaskForm) -> int:
    """422 for a form that was refused, 200 for one that has not been sent yet."""
    return 422 if form.errors else 200


def typed(field: Field) -> str:
    """What was typed into a field, "" for nothing."""
    return str(field.data or "")
