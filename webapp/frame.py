"""The frame around the pages of a team: navigation, team menu, balance.

Capabilities say what they have with `add_nav` and `connect`; this module imports none of them, and
`base.html` asks the `Shell` only for what it draws.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple, Protocol, cast

from flask import Flask, current_app, g, request, url_for

from webapp.errors import Words


@dataclass(frozen=True)
class NavItem:
    """A place of the navigation. It shows where its endpoint exists and the member has the permission."""

    endpoint: str
    label: Words
    icon: str
    permission: str | None = None
    foot: bool = False
    """Stands at the foot of the sidebar (settings, audit log)."""
    tab: bool = False
    """Has a place of its own in the phone's bottom bar."""
    order: int = 50
    key: str = ""
    """The letter after "g" that leads there."""
    when: Callable[[], bool] = lambda: True
    """Asked once a page: whether the team at hand has a use for it by now."""


class TeamLink(Protocol):
    """A team in the team menu: the address in the URL and the name."""

    @property
    def address(self) -> str: ...
    @property
    def name(self) -> str: ...


@dataclass(frozen=True)
class BalanceView:
    """What the frame shows of a gateway account's balance. `left` is in messages, None: never read."""

    account: str
    left: int | None
    url: str | None = None
    note: Words = ""
    low: bool = False
    stale: bool = False
    practice: bool = False


@dataclass
class Frame:
    """What the capabilities have told the frame of this application."""

    nav: list[NavItem] = field(default_factory=list)
    teams: Callable[[], Iterable[TeamLink]] = tuple
    balance: Callable[[], BalanceView | None] = lambda: None
    may: Callable[[str], bool] = lambda _permission: False
    """Whether the person at hand has a permission."""
    may_in: Callable[[str, str], bool] = lambda _address, _permission: True
    """Whether they have one in the team of this address."""


def add_nav(app: Flask, *items: NavItem) -> None:
    """Add places to the navigation; `order` says where."""
    frame = _frame(app)
    frame.nav = sorted([*frame.nav, *items], key=lambda item: item.order)


def connect(
    app: Flask,
    *,
    teams: Callable[[], Iterable[TeamLink]] | None = None,
    balance: Callable[[], BalanceView | None] | None = None,
    may: Callable[[str], bool] | None = None,
    may_in: Callable[[str, str], bool] | None = None,
) -> None:
    """Give the frame its sources: the signed-in user's teams, and the balance of the team at hand.

    Both are called at most once a page, and only by pages that draw the frame of a team. `may` says which
    places of the navigation the person sees, `may_in` which of them lie in another team too.
    """
    frame = _frame(app)
    frame.teams = teams or frame.teams
    frame.balance = balance or frame.balance
    frame.may = may or frame.may
    frame.may_in = may_in or frame.may_in


def _frame(app: Flask) -> Frame:
    return cast(Frame, app.extensions.setdefault("tidings_frame", Frame()))


class Link(NamedTuple):
    """A place of the navigation, ready to be drawn."""

    url: str
    label: Words
    icon: str
    current: bool
    foot: bool = False
    tab: bool = False
    key: str = ""


class Shell:
    """What `base.html` asks for while it is drawn. Nothing is worked out before it is asked for."""

    @property
    def team(self) -> Any:
        """The team at hand or None."""
        return g.get("team")

    @property
    def user(self) -> Any:
        """The signed-in user or None."""
        return g.get("user") or getattr(g.get("member"), "user", None)

    @property
    def role(self) -> str | None:
        """The user's role in the team at hand."""
        role = getattr(g.get("member"), "role", None)
        return None if role is None else str(role)

    @property
    def person(self) -> str:
        """The user's name, else the mail address."""
        return str(getattr(self.user, "name", None) or getattr(self.user, "email", ""))

    @property
    def here(self) -> str:
        """This page, to come back to after a change of language; the start after a POST."""
        if request.method != "GET":
            return "/"
        return request.full_path.rstrip("?")

    @cached_property
    def links(self) -> list[Link]:
        """The navigation of this member in this team; in no team there is none."""
        if self.team is None:
            return []
        return [self._link(item) for item in _frame(current_app).nav if self._shows(item)]

    @cached_property
    def teams(self) -> list[TeamLink]:
        """The teams of the signed-in user."""
        return list(_frame(current_app).teams()) if self.user is not None else []

    @cached_property
    def balance(self) -> BalanceView | None:
        """The balance of the account in use, None when there is no account."""
        return _frame(current_app).balance() if self.team is not None else None

    def url(self, endpoint: str) -> str | None:
        """Where the endpoint lies in the team at hand; None while nobody has built it, or without a team."""
        if endpoint not in current_app.view_functions:
            return None
        if not current_app.url_map.is_endpoint_expecting(endpoint, "team"):
            return url_for(endpoint)
        return url_for(endpoint, team=self.team.address) if self.team is not None else None

    def in_team(self, address: str) -> str | None:
        """The section at hand, but in another team; its first one where the person may not see that there."""
        frame = _frame(current_app)
        there = [
            item
            for item in frame.nav
            if self._exists(item) and (item.permission is None or frame.may_in(address, item.permission))
        ]
        here = next((item for item in there if self._is_current(item.endpoint)), None)
        item = here or next(iter(there), None)
        return url_for(item.endpoint, team=address) if item is not None else None

    def _exists(self, item: NavItem) -> bool:
        return item.endpoint in current_app.view_functions

    def _shows(self, item: NavItem) -> bool:
        allowed = item.permission is None or _frame(current_app).may(item.permission)
        return self._exists(item) and allowed and item.when()

    def _link(self, item: NavItem) -> Link:
        url = self.url(item.endpoint) or ""
        return Link(
            url, item.label, item.icon, self._is_current(item.endpoint), item.foot, item.tab, item.key
        )

    def _is_current(self, endpoint: str) -> bool:
        """An exact place is current alone; `campaigns.index` also for the other pages of its blueprint."""
        if request.endpoint == endpoint:
            return True
        blueprint, _, name = endpoint.rpartition(".")
        return name == "index" and request.blueprint == blueprint
