"""Where somebody is in the list of contacts: group, search, page. An address is made of it.

What was searched for and the rows beside a page stand in it as sealed names (see sealed_names): they hold
numbers and names of people.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlencode

from flask import abort, request, url_for
from flask_babel import gettext as _

from webapp import sealed_names
from webapp.accounts.permissions import may
from webapp.contacts.blueprint import chosen_group
from webapp.contacts.listing import Kind, Search, Selection, Spot, fits
from webapp.contacts.models import ContactGroup
from webapp.contacts.numbers import typed_digits
from webapp.contacts.pastes import clean_name
from webapp.errors import DomainError

_DIGITS = re.compile(r"[0-9]{2,11}", re.ASCII)
# Whoever types nothing but these looks for a number, whole or not.
_LIKE_A_NUMBER = re.compile(r"[\s0-9０-９+＋().-]+")
# The digits that a masked number shows at its end.
SHOWN_AT_END = 4
LONGEST_TYPED = 40


@dataclass(frozen=True)
class Place:
    """A page of the contacts of a team, or of one of its groups. `on_group`: seen on the group's own page."""

    group: ContactGroup | None = None
    search: Search | None = None
    after: Spot | None = None
    before: Spot | None = None
    on_group: bool = False

    @property
    def selection(self) -> Selection:
        """Whom the list is about."""
        return Selection(self.group.id if self.group else None, self.search)

    @property
    def url(self) -> str:
        """The page's address."""
        if self.on_group and self.group is not None:
            return url_for("contacts.group", group_id=self.group.id, **self.named())
        return self.at("contacts.index")

    def at(self, endpoint: str, **more: Any) -> str:
        """The same place, at another endpoint."""
        return url_for(endpoint, group=self.group.id if self.group else None, **self.named(), **more)

    def with_done(self, token: str) -> str:
        """The page's address, with what was done there just now."""
        return f"{self.url}{'&' if '?' in self.url else '?'}{urlencode({'done': token})}"

    def named(self) -> dict[str, Any]:
        """What stands in an address beside the group."""
        return {
            "find": search_token(self.search) if self.search else None,
            "after": _spot_token(self.after) if self.after else None,
            "before": _spot_token(self.before) if self.before else None,
            "on": "group" if self.on_group else None,
        }

    def searched(self, search: Search | None) -> Place:
        """The first page of what was searched for; None: of all."""
        return replace(self, search=search, after=None, before=None)

    def begun(self) -> Place:
        """The first page."""
        return replace(self, after=None, before=None)

    def later(self, last: Spot) -> Place:
        """The page after this row."""
        return replace(self, after=last, before=None)

    def earlier(self, first: Spot) -> Place:
        """The page before this row."""
        return replace(self, after=None, before=first)


def asked_for(group: ContactGroup | None = None) -> Place:
    """The place that the request's address names; 404 for a name of nothing in this team.

    `group`: the one whose own page it is.
    """
    on_group = group is not None or request.args.get("on") == "group"
    group = group or chosen_group(request.args.get("group"))
    search = _search(request.args.get("find"))
    place = Place(group, search, on_group=on_group and group is not None)
    after = _spot(place.selection, request.args.get("after"))
    before = _spot(place.selection, request.args.get("before"))
    if after and before:
        abort(404)
    return replace(place, after=after, before=before)


def search_for(typed: str, *, inside: bool = False) -> Search | None:
    """What somebody typed into the search; None for nothing. Raises DomainError for what is no search."""
    typed = typed[:LONGEST_TYPED]
    if not typed.strip():
        return None
    if not _LIKE_A_NUMBER.fullmatch(typed):
        text = clean_name(typed).lower()
        if not text:
            raise DomainError(_("Type some digits of a number, or how a name begins."), "q")
        return Search(Kind.INSIDE if inside else Kind.NAME, text)
    digits = typed_digits(typed)
    if not may("numbers.view"):
        if len(digits) != SHOWN_AT_END or not _DIGITS.fullmatch(digits):
            raise DomainError(_("Type the last four digits of the number."), "q")
        return Search(Kind.END, digits)
    if not _DIGITS.fullmatch(digits):
        raise DomainError(_("Type 2 to 11 digits: how the number begins, or how it ends."), "q")
    return Search(Kind.NUMBER, digits)


def search_token(search: Search) -> str:
    """The name of a search in an address."""
    return sealed_names.seal("contacts", 0, f"{search.kind}:{search.text}")


def _search(token: str | None) -> Search | None:
    """A search by an address. One that tells more of a number than its reader may see is none for them."""
    if token is None:
        return None
    kind, _colon, text = sealed_names.unseal("contacts", 0, token).partition(":")
    if kind not in set(Kind) or not text:
        abort(404)
    if not may("numbers.view") and kind in {Kind.NUMBER, Kind.END}:
        if len(text) != SHOWN_AT_END:
            abort(404)
        return Search(Kind.END, text)
    return Search(Kind(kind), text)


def _spot_token(spot: Spot) -> str:
    return sealed_names.seal("contacts-beside", 0, json.dumps([spot.leg, *spot.key], ensure_ascii=False))


def _spot(selection: Selection, token: str | None) -> Spot | None:
    if token is None:
        return None
    said = sealed_names.unseal("contacts-beside", 0, token)
    leg, *key = json.loads(said) if said else (-1,)
    spot = Spot(leg, tuple(key))
    if not fits(selection, spot):
        abort(404)
    return spot
