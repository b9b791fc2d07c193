"""What the entries of the audit log are about: the names of the things, and the pages that they have.

The log belongs to the lowest capability and tells of all the others, so these say for themselves, when the
application is put together, what their things are called and where they are shown.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, cast

from flask import Flask, current_app, url_for
from flask_babel import lazy_gettext as _l
from sqlalchemy import select
from sqlalchemy.orm import InstrumentedAttribute

from webapp import tenancy
from webapp.accounts import queries
from webapp.accounts.models import AuditEntry
from webapp.errors import Words
from webapp.logs import redact


@dataclass(frozen=True)
class Kind:
    """A kind of thing: its word, its page, the page's parameter for the id, and the column that names it."""

    label: Words
    endpoint: str
    parameter: str
    name: InstrumentedAttribute[Any]


@dataclass(frozen=True)
class Thing:
    """What one entry is about, as it is now. `url` is None where it has no page."""

    label: Words
    name: str
    url: str | None


def connect(app: Flask, **kinds: Kind) -> None:
    """Say what a kind of thing ("campaign") is; kinds are named as in `audit(…)`."""
    _kinds(app).update(kinds)


def things(entries: Iterable[AuditEntry]) -> dict[tuple[str, int], Thing]:
    """What these entries are about, by kind and id; things that are gone are left out."""
    wanted: dict[str, set[int]] = {}
    for entry in entries:
        if entry.object_kind is not None and entry.object_id is not None:
            wanted.setdefault(entry.object_kind, set()).add(entry.object_id)
    found = {("user", one): thing for one, thing in _people(wanted.pop("user", set())).items()}
    for name, kind in _kinds(current_app).items():
        if name in wanted:
            found |= {(name, one): thing for one, thing in _named(kind, wanted[name]).items()}
    return found


def _people(ids: set[int]) -> dict[int, Thing]:
    """People keep their names when they have left the team; only members have a page."""
    here = {one.user_id for one in queries.members()} if ids else set()
    return {
        one: Thing(_l("Member"), name, url_for("members.show", user_id=one) if one in here else None)
        for one, name in queries.names_of(ids).items()
    }


def _named(kind: Kind, ids: set[int]) -> dict[int, Thing]:
    model = kind.name.class_
    rows = tenancy.session().execute(
        select(model.id, kind.name).where(model.team_id == tenancy.scope(), model.id.in_(ids))
    )
    is_there = kind.endpoint in current_app.view_functions
    return {
        one: Thing(
            kind.label,
            redact(str(name)),
            url_for(kind.endpoint, **{kind.parameter: one}) if is_there else None,
        )
        for one, name in rows
    }


def _kinds(app: Flask) -> dict[str, Kind]:
    return cast(dict[str, Kind], app.extensions.setdefault("tidings_audit_kinds", {}))
