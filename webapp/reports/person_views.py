"""The page of a contact: who it is, and every message of this number.

It is a page of the contacts, but needs the campaigns, which contacts know nothing of.
"""

from __future__ import annotations

import re

from flask import Response, abort, request

from webapp import clock
from webapp.accounts.permissions import requires
from webapp.contacts import fields, groups, optout_places, optouts
from webapp.contacts.blueprint import blueprint, contact_or_404
from webapp.pages import render
from webapp.reports import person
from webapp.reports.person import Spot

_SPOT = re.compile(r"([0-9]{1,18})-(-1|[0-9]{1,5})", re.ASCII)


@blueprint.get("/contacts/<int:contact_id>")
@requires("contacts.view")
def show(contact_id: int) -> Response:
    """A contact, and what was sent to them."""
    contact = contact_or_404(contact_id)
    after = _spot(request.args.get("older"))
    messages = person.messages(contact.mobile, clock.now(), after)
    return render(
        "contacts/show.html",
        block="messages",
        contact=contact,
        groups=groups.by_contact([contact.id]).get(contact.id, []),
        known=fields.names(),
        optout=optout_places.number_token(contact.mobile),
        opted_out=contact.mobile in optouts.opted_out_among([contact.mobile]),
        messages=messages,
        after=after,
        older=f"{messages.older.campaign_id}-{messages.older.copy}" if messages.older else None,
    )


def _spot(said: str | None) -> Spot | None:
    if said is None:
        return None
    found = _SPOT.fullmatch(said)
    if found is None:
        abort(404)
    return Spot(int(found[1]), int(found[2]))
