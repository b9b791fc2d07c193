"""The blueprint of the pages about people, whose views lie in several modules, and what they share."""

from __future__ import annotations

import re

from flask import Blueprint, abort
from flask_babel import lazy_gettext as _l

from webapp.contacts import groups, queries
from webapp.contacts.models import Contact, ContactGroup
from webapp.pages import NavItem

blueprint = Blueprint("contacts", __name__, url_prefix="/t/<team>")

_ID = re.compile(r"[0-9]{1,19}", re.ASCII)

NAV = (NavItem("contacts.index", _l("Contacts"), "users", "contacts.view", tab=True, order=30, key="p"),)


def contact_or_404(contact_id: int) -> Contact:
    """The team's contact of this id; an id of another team and one that never was answer alike."""
    contact = queries.contact(contact_id) if is_id(contact_id) else None
    if contact is None:
        abort(404)
    return contact


def group_or_404(group_id: int) -> ContactGroup:
    """The team's group of this id; an id of another team and one that never was answer alike."""
    group = groups.group(group_id) if is_id(group_id) else None
    if group is None:
        abort(404)
    return group


def chosen_group(said: str | None) -> ContactGroup | None:
    """The group that an address or a form names; None for none, 404 for one that is none of the team's."""
    if not said:
        return None
    if not _ID.fullmatch(said):
        abort(404)
    return group_or_404(int(said))


def is_id(number: int) -> bool:
    """Whether the database can hold it as an id at all."""
    return 0 < number < 2**63
