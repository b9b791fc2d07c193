"""The list of contacts, and the search in it."""

from __future__ import annotations

from typing import Any, cast

from flask import Response, redirect, request

from webapp.accounts.permissions import requires
from webapp.contacts import bulk, fields, groups, listing, optouts, places, queries
from webapp.contacts.blueprint import blueprint
from webapp.contacts.places import Place
from webapp.errors import DomainError
from webapp.pages import hx_place, render


@blueprint.get("/contacts")
@requires("contacts.view")
def index() -> Response:
    """The people of the team, newest first, or those of a group or a search."""
    return contacts_page(places.asked_for())


@blueprint.post("/contacts/find")
@requires("contacts.view")
def find() -> Response:
    """Search for somebody. What was typed comes in a form, and goes on under another name."""
    place = places.asked_for()
    typed = request.form.get("q", "")[: places.LONGEST_TYPED]
    try:
        search = places.search_for(typed, inside=request.form.get("inside") == "yes")
    except DomainError as error:
        # The address stays that of the list: what was posted to cannot be looked at.
        return hx_place(_any_page(place, 422, str(error.message), typed), place.url)
    # htmx follows a redirection by itself and swaps what it finds there; here that is the list, as wanted.
    return cast(Response, redirect(place.searched(search).url, 303))


def contacts_page(place: Place, status: int = 200, problem: str = "", typed: str = "") -> Response:
    """The page of all contacts, at a place of its list."""
    return render(
        "contacts/index.html",
        block="rows",
        status=status,
        total=queries.count(),
        **list_context(place, problem, typed),
    )


def group_page(place: Place, status: int = 200, problem: str = "", typed: str = "") -> Response:
    """The page of a group, at a place of its list."""
    return render(
        "contacts/group.html",
        block="rows",
        status=status,
        **list_context(place, problem, typed),
    )


def _any_page(place: Place, status: int, problem: str, typed: str) -> Response:
    show = group_page if place.on_group else contacts_page
    return show(place, status, problem, typed)


def list_context(place: Place, problem: str, typed: str) -> dict[str, Any]:
    """What the list shows, on either page. `problem`: what was wrong with the search for `typed`."""
    page = listing.page(place.selection, after=place.after, before=place.before)
    contacts = [row.contact for row in page.rows]
    done = bulk.named(request.args.get("done", ""))
    search = place.search
    return {
        "place": place,
        "page": page,
        "groups_of": groups.by_contact([one.id for one in contacts]),
        "known": fields.names(),
        "opted_out": optouts.opted_out_among([one.mobile for one in contacts]),
        "all_groups": groups.groups(),
        "matching": _matching(place, page),
        "done": done if done is not None and done.can_be_undone else None,
        "done_group": groups.group(done.group_id) if done is not None and done.group_id else None,
        "problem": problem,
        "typed": typed or (search.text if search is not None else ""),
        "most_at_once": listing.MOST_AT_ONCE,
    }


def _matching(place: Place, page: listing.Page) -> int | None:
    """How many all of the list are, where there is more than this page and it can be told quickly."""
    if not (page.earlier or page.later):
        return len(page.rows)
    return listing.count(place.selection)
