"""Where somebody is in the list of opt-outs, as an address: without a number in it (see sealed_names)."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import datetime

from flask import abort, request, url_for
from flask_babel import gettext as _

from webapp import sealed_names
from webapp.accounts.permissions import may
from webapp.contacts.listing import Kind, Search
from webapp.contacts.numbers import MOBILE, typed_digits
from webapp.contacts.optout_listing import Spot
from webapp.contacts.places import LONGEST_TYPED, SHOWN_AT_END
from webapp.errors import DomainError

_DIGITS = re.compile(r"[0-9]{2,11}", re.ASCII)
_NUMBER, _SEARCH, _BESIDE, _ADDED = "optout", "optouts", "optouts-beside", "optouts-added"


@dataclass(frozen=True)
class Place:
    """A page of the list. `added`: since when the numbers have been out that were added last, if any were."""

    search: Search | None = None
    after: Spot | None = None
    added: datetime | None = None

    @property
    def url(self) -> str:
        """The page's address."""
        return self.at("contacts.optouts")

    def at(self, endpoint: str) -> str:
        """The same place, at another endpoint."""
        return url_for(
            endpoint,
            find=sealed_names.seal(_SEARCH, 0, self.search.text) if self.search else None,
            after=_sealed_spot(self.after) if self.after else None,
            added=sealed_names.seal(_ADDED, 0, self.added.isoformat()) if self.added else None,
        )

    def searched(self, search: Search | None) -> Place:
        """The first page of what was searched for; None: of all."""
        return Place(search)

    def begun(self) -> Place:
        """The first page."""
        return replace(self, after=None)

    def later(self, spot: Spot) -> Place:
        """The page after this spot."""
        return replace(self, after=spot, added=None)


def asked_for() -> Place:
    """The place that the request's address names; 404 for a name of nothing in this team."""
    return Place(
        _search(request.args.get("find")), _spot(request.args.get("after")), _added(request.args.get("added"))
    )


def search_for(typed: str) -> Search | None:
    """What somebody typed into the search; None for nothing. Raises DomainError for what is no search."""
    digits = typed_digits(typed[:LONGEST_TYPED])
    if not digits:
        return None
    if not may("numbers.view"):
        if len(digits) != SHOWN_AT_END or not _DIGITS.fullmatch(digits):
            raise DomainError(_("Type the last four digits of the number."), "digits")
        return Search(Kind.END, digits)
    if not _DIGITS.fullmatch(digits):
        raise DomainError(_("Type 2 to 11 digits: how the number begins, or how it ends."), "digits")
    return Search(Kind.NUMBER, digits)


def number_token(mobile: str) -> str:
    """The name of one opt-out in an address."""
    return sealed_names.seal(_NUMBER, 0, mobile)


def number_of(token: str) -> str | None:
    """The number that a token names; None for another team's, or none at all."""
    mobile = sealed_names.unseal(_NUMBER, 0, token)
    return mobile if MOBILE.fullmatch(mobile) else None


def _search(token: str | None) -> Search | None:
    if token is None:
        return None
    digits = sealed_names.unseal(_SEARCH, 0, token)
    end_only = not may("numbers.view")
    # One that tells more of a number than its reader may see is none for them.
    if not digits or (end_only and len(digits) != SHOWN_AT_END):
        abort(404)
    return Search(Kind.END if end_only else Kind.NUMBER, digits)


def _sealed_spot(spot: Spot) -> str:
    return sealed_names.seal(_BESIDE, 0, f"{spot[0].isoformat()} {spot[1]}")


def _spot(token: str | None) -> Spot | None:
    if token is None:
        return None
    at, _blank, mobile = sealed_names.unseal(_BESIDE, 0, token).partition(" ")
    if not mobile:
        abort(404)
    return datetime.fromisoformat(at), mobile


def _added(token: str | None) -> datetime | None:
    if token is None:
        return None
    at = sealed_names.unseal(_ADDED, 0, token)
    if not at:
        abort(404)
    return datetime.fromisoformat(at)
