"""Where somebody is in the table of a campaign's recipients: filter, search, page. An address is made of it.

Every tab, pager and "show" is a link with such an address, so the table works without a script, and a page
that was left open or sent to a colleague shows the same rows.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Any

from flask import abort, request, url_for
from flask_babel import gettext as _

from webapp.accounts.permissions import may
from webapp.campaigns import addresses
from webapp.campaigns.addresses import Recipient
from webapp.campaigns.recipients import Filter, Search
from webapp.contacts.numbers import typed_digits
from webapp.errors import DomainError

_DIGITS = re.compile(r"[0-9]{2,11}", re.ASCII)
# The digits that a masked number shows at its end.
SHOWN_AT_END = 4
LONGEST_TYPED = 40


@dataclass(frozen=True)
class Place:
    """A page of a campaign's recipients. `still`: the page does not refresh itself."""

    campaign_id: int
    chosen: Filter = Filter.ALL
    search: Search | None = None
    after: Recipient | None = None
    before: Recipient | None = None
    still: bool = False

    @property
    def first(self) -> bool:
        """Whether this is where the list begins."""
        return self.after is None and self.before is None

    @property
    def url(self) -> str:
        """The page's address."""
        return self.at("campaigns.show")

    def at(self, endpoint: str, **more: Any) -> str:
        """The same place, at another endpoint of the campaign."""
        of = self.campaign_id
        return url_for(
            endpoint,
            campaign_id=of,
            show=None if self.chosen is Filter.ALL else str(self.chosen),
            find=addresses.search_token(of, self.search.digits) if self.search else None,
            after=addresses.token_of(of, self.after) if self.after else None,
            before=addresses.token_of(of, self.before) if self.before else None,
            updates="off" if self.still else None,
            **more,
        )

    def filtered(self, chosen: Filter) -> Place:
        """The first page of another filter."""
        return replace(self, chosen=chosen, after=None, before=None)

    def to_tally(self, tally: str) -> str:
        """The address of those whom one tally counts."""
        return self.searched(None).filtered(Filter(tally)).url

    def to_message(self, recipient: Recipient) -> str:
        """The page of one message."""
        of = self.campaign_id
        return url_for("campaigns.message", campaign_id=of, token=addresses.token_of(of, recipient))

    def searched(self, search: Search | None) -> Place:
        """The first page of what was searched for; None: of all."""
        return Place(self.campaign_id, search=search, still=self.still)

    def begun(self) -> Place:
        """The first page."""
        return replace(self, after=None, before=None)

    def later(self, last: Recipient) -> Place:
        """The page after this recipient."""
        return replace(self, after=last, before=None)

    def earlier(self, first: Recipient) -> Place:
        """The page before this recipient."""
        return replace(self, after=None, before=first)

    def kept_still(self, still: bool) -> Place:
        """The same page, refreshing itself or not."""
        return replace(self, still=still)


def asked_for(campaign_id: int) -> Place:
    """The place that the request's address names; 404 for a name of nothing in this campaign."""
    chosen = request.args.get("show", Filter.ALL)
    after = _recipient(campaign_id, request.args.get("after"))
    before = _recipient(campaign_id, request.args.get("before"))
    if chosen not in set(Filter) or (after and before):
        abort(404)
    return Place(
        campaign_id,
        Filter(chosen),
        _search(campaign_id, request.args.get("find")),
        after,
        before,
        request.args.get("updates") == "off",
    )


def search_for(typed: str) -> Search | None:
    """What somebody typed into the search; None for nothing. Raises DomainError for what is no search."""
    digits = typed_digits(typed)
    if not typed.strip():
        return None
    if not may("numbers.view"):
        if len(digits) != SHOWN_AT_END or not _DIGITS.fullmatch(digits):
            raise DomainError(_("Type the last four digits of the number."), "digits")
        return Search(digits, end_only=True)
    if not _DIGITS.fullmatch(digits):
        raise DomainError(_("Type 2 to 11 digits: how the number begins, or how it ends."), "digits")
    return Search(digits)


def _recipient(campaign_id: int, token: str | None) -> Recipient | None:
    if token is None:
        return None
    found = addresses.recipient_of(campaign_id, token)
    if found is None:
        abort(404)
    return found


def _search(campaign_id: int, token: str | None) -> Search | None:
    """A search by an address. One that tells more of a number than its reader may see is none for them."""
    if token is None:
        return None
    digits = addresses.searched_digits(campaign_id, token)
    end_only = not may("numbers.view")
    if digits is None or (end_only and len(digits) != SHOWN_AT_END):
        abort(404)
    return Search(digits, end_only)
