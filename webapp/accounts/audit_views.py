"""The page of a team's audit log."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flask import Blueprint, Response, g, request
from flask_babel import lazy_gettext as _l

from webapp import pages
from webapp.accounts import audit_log, audit_objects, audit_words, queries
from webapp.accounts.audit_log import PAGE, Wanted
from webapp.accounts.models import AuditEntry
from webapp.accounts.permissions import requires

blueprint = Blueprint("audit", __name__, url_prefix="/t/<team>/audit")

NAV = (pages.NavItem("audit.index", _l("Audit log"), "shield-check", "audit.view", foot=True, order=90),)
MOST_ID = 2**63 - 1


@blueprint.get("")
@requires("audit.view")
def index() -> Response:
    """Who did what, the newest first."""
    wanted, before = _wanted(), _id("before")
    found = audit_log.page(wanted, g.team.time_zone, before)
    entries = found[:PAGE]
    names = queries.names_of(entry.user_id for entry in entries)
    everybody = {one.user_id: one.title for one in queries.members()}
    kept = {
        "person": wanted.person,
        "action": wanted.family,
        "start": wanted.start,
        "end": wanted.end,
    }
    return pages.render(
        "accounts/audit.html",
        block="rows",
        rows=_rows(entries, names),
        # Who has left the team can still be asked for, from a page that shows something of theirs.
        people=everybody | names,
        families={key: label for key, (label, _actions) in audit_words.FAMILIES.items()},
        wanted=wanted,
        kept=kept,
        narrowed=any(value is not None for value in kept.values()),
        before=before,
        older=entries[-1].id if len(found) > PAGE else None,
    )


def _wanted() -> Wanted:
    family = request.args.get("action")
    return Wanted(
        _id("person"),
        family if family in audit_words.FAMILIES else None,
        audit_log.read_day(request.args.get("start")),
        audit_log.read_day(request.args.get("end")),
    )


def _id(name: str) -> int | None:
    text = request.args.get(name, "")
    return int(text) if text.isascii() and text.isdecimal() and 0 < int(text[:30]) <= MOST_ID else None


def _rows(entries: Sequence[AuditEntry], names: dict[int, str]) -> list[dict[str, Any]]:
    things = audit_objects.things(entries)
    rows = []
    for entry in entries:
        thing = things.get((entry.object_kind or "", entry.object_id or 0))
        who = names.get(entry.user_id or 0)
        name = thing.name if thing else None
        said = audit_words.sentence(entry.action, who, entry.object_kind, name, entry.details)
        rows.append({"entry": entry, "said": said, "thing": thing if thing and thing.url else None})
    return rows
