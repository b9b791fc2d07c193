"""Who may do what: one table, and the mark that each route must carry.

`create_app` refuses to start when a route has neither `@requires` nor `@public`, so a new page cannot
forget the question.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from enum import StrEnum
from typing import Any, TypeVar, cast

from flask import Flask, abort, g, request

from webapp import tenancy
from webapp.accounts import sessions
from webapp.accounts.audit import audit

View = TypeVar("View", bound=Callable[..., Any])


class Role(StrEnum):
    """A member's role in a team, strongest first."""

    OWNER = "owner"
    ADMIN = "admin"
    SENDER = "sender"
    VIEWER = "viewer"


_ALL = frozenset(Role)
_SENDERS = frozenset({Role.OWNER, Role.ADMIN, Role.SENDER})
_ADMINS = frozenset({Role.OWNER, Role.ADMIN})

# What is about the person alone, in no team: any signed-in user may.
SIGNED_IN = "signed_in"

PERMISSIONS: dict[str, frozenset[Role]] = {
    "team.view": _ALL,
    "campaigns.view": _ALL,
    "campaigns.write": _SENDERS,
    "campaigns.send": _SENDERS,
    "numbers.view": _SENDERS,
    "gateways.view": _ALL,
    "gateways.manage": _ADMINS,
    "balance.view": _ALL,
    "contacts.view": _ALL,
    "contacts.write": _SENDERS,
    "templates.view": _ALL,
    "templates.write": _SENDERS,
    "reports.view": _ALL,
    "exports.make": _SENDERS,
    "team.manage": _ADMINS,
    "members.view": _ALL,
    "members.manage": _ADMINS,
    "audit.view": _ADMINS,
}


def requires(permission: str) -> Callable[[View], View]:
    """Mark a view with the permission it needs; asked anew at each request, so a lost right acts at once."""
    if permission not in {*PERMISSIONS, SIGNED_IN}:
        raise ValueError(f"no permission is called {permission}")

    def mark(view: View) -> View:
        @functools.wraps(view)
        def checked(*args: Any, **kwargs: Any) -> Any:
            if permission == SIGNED_IN and getattr(g, "user", None) is None:
                abort(401)
            if not may(permission):
                _note_refusal(permission)
                abort(403)
            return view(*args, **kwargs)

        checked.permission = permission  # type: ignore[attr-defined] # a mark on a function
        return cast(View, checked)

    return mark


class NotFreshError(Exception):
    """The password was entered too long ago for what is asked; nothing was done. It is asked for again."""


def fresh(view: View) -> View:
    """Mark a view that a stolen session must not be enough for. Stands below `@requires`.

    Who has not entered the password within 15 minutes is asked for it first; a form sent by then changes
    nothing, and the person comes back to the page that it stands on.
    """

    @functools.wraps(view)
    def checked(*args: Any, **kwargs: Any) -> Any:
        if not sessions.is_fresh(g.user):
            raise NotFreshError
        return view(*args, **kwargs)

    checked.fresh = True  # type: ignore[attr-defined] # a mark on a function
    return cast(View, checked)


def _note_refusal(permission: str) -> None:
    """Leave a refused try in the team's log; somebody may be finding out what their role lets them do."""
    if getattr(g, "member", None) is not None:
        audit("access.refused", permission=permission, place=request.endpoint)
        tenancy.session().commit()


def public(view: View) -> View:
    """Mark a view that anybody may see."""
    view.permission = "public"  # type: ignore[attr-defined] # a mark on a function
    return view


def may(permission: str) -> bool:
    """Whether the signed-in member has this permission in the team of this request."""
    if permission == SIGNED_IN:
        return getattr(g, "user", None) is not None
    member = getattr(g, "member", None)
    return member is not None and Role(member.role) in PERMISSIONS[permission]


def check_all_routes(app: Flask) -> None:
    """Raise RuntimeError naming the first route without a mark; the program does not start then."""
    for rule in app.url_map.iter_rules():
        if rule.endpoint == "static":
            continue
        if not hasattr(app.view_functions[rule.endpoint], "permission"):
            raise RuntimeError(f"the route {rule.rule} ({rule.endpoint}) has neither @requires nor @public")
