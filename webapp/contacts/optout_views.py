"""The list of numbers that get nothing any more: looked at, searched, added to, and taken back from."""

from __future__ import annotations

from typing import Any, cast

from flask import Response, abort, flash, g, redirect, request, url_for
from flask_babel import format_decimal, ngettext
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm

from webapp import clock, tenancy
from webapp.accounts import queries as accounts
from webapp.accounts.permissions import requires
from webapp.accounts.requests import long_text
from webapp.contacts import optout_listing, optout_operations, optout_places
from webapp.contacts.blueprint import blueprint
from webapp.contacts.models import OptOut
from webapp.contacts.optout_forms import OptOutForm, RemoveForm
from webapp.contacts.optout_places import Place
from webapp.contacts.places import LONGEST_TYPED
from webapp.contacts.reasons import REASON_WORDS
from webapp.errors import DomainError
from webapp.pages import hx_place, render, see_other

MOST_PASTE_BYTES = 2 * 1024 * 1024
HOW_WORDS = {
    "reply": _l("by a reply"),
    "hand": _l("by hand"),
    "paste": _l("pasted"),
    "import": _l("from a file"),
}


@blueprint.get("/contacts/optouts")
@requires("contacts.view")
def optouts() -> Response:
    """Who gets nothing any more, the newest first, or those of a search."""
    return _page(optout_places.asked_for())


@blueprint.post("/contacts/optouts/find")
@requires("contacts.view")
def find_optout() -> Response:
    """Search for a number. It comes in a form, and goes on under another name."""
    typed = request.form.get("digits", "")[:LONGEST_TYPED]
    place = optout_places.asked_for()
    try:
        search = optout_places.search_for(typed)
    except DomainError as error:
        # The address stays that of the list: what was posted to cannot be looked at.
        return hx_place(_page(place, 422, problem=str(error.message), typed=typed), place.url)
    # htmx follows a redirection by itself and swaps what it finds there; here that is the list, as wanted.
    return cast(Response, redirect(place.searched(search).url, 303))


@blueprint.get("/contacts/optouts/new")
@requires("contacts.write")
def new_optouts() -> Response:
    """The form for one number or many."""
    return render("contacts/optouts_new.html", form=OptOutForm(formdata=None))


@blueprint.post("/contacts/optouts/new")
@long_text(MOST_PASTE_BYTES)
@requires("contacts.write")
def add_optouts() -> Response:
    """Note that these get nothing any more, and say what could not be read as a number."""
    form = OptOutForm()
    if not form.validate_on_submit():
        return render("contacts/optouts_new.html", status=422, form=form)
    try:
        outcome = optout_operations.add(form.numbers.data or "", g.user.id, clock.now())
    except DomainError as error:
        tenancy.session().rollback()
        form.numbers.errors = [str(error.message)]
        return render("contacts/optouts_new.html", status=422, form=form)
    tenancy.session().commit()
    place = Place(added=outcome.at if outcome.added else None)
    if outcome.left_out.counts:
        return render("contacts/optouts_added.html", outcome=outcome, place=place, reasons=REASON_WORDS)
    if not outcome.added:
        words = ngettext(
            "This number had opted out before; nothing was changed.",
            "All %(num)s numbers had opted out before; nothing was changed.",
            outcome.already,
        )
        flash(words, "info")
    return see_other(place.url)


@blueprint.post("/contacts/optouts/undo")
@requires("contacts.write")
def undo_optouts() -> Response:
    """Take back what was added last."""
    if not FlaskForm().validate_on_submit():
        abort(400)
    added = optout_places.asked_for().added
    undone = optout_operations.undo(added, g.user.id, clock.now()) if added is not None else 0
    tenancy.session().commit()
    if undone:
        words = ngettext(
            "Undone: %(count)s number may get messages again.",
            "Undone: %(count)s numbers may get messages again.",
            undone,
            count=format_decimal(undone),
        )
        flash(words, "ok")
    else:
        flash(_("There is nothing to undo any more. Nothing was changed."), "info")
    return see_other(url_for("contacts.optouts"))


@blueprint.get("/contacts/optouts/<optout>/remove")
@requires("contacts.write")
def confirm_remove_optout(optout: str) -> Response:
    """Why a number should get messages again."""
    return _remove_page(RemoveForm(formdata=None), optout_or_404(optout), optout)


@blueprint.post("/contacts/optouts/<optout>/remove")
@requires("contacts.write")
def remove_optout(optout: str) -> Response:
    """Let a number get messages again."""
    kept, form = optout_or_404(optout), RemoveForm()
    if not form.validate_on_submit():
        return _remove_page(form, kept, optout, 422)
    try:
        optout_operations.remove(kept.mobile, form.reason.data or "")
    except DomainError as error:
        form.reason.errors = [str(error.message)]
        return _remove_page(form, kept, optout, 422)
    tenancy.session().commit()
    flash(_("Removed. This number may get messages again."), "ok")
    return see_other(url_for("contacts.optouts"))


def optout_or_404(token: str) -> OptOut:
    """The opt-out that an address names; a token of another team and one that never was answer alike."""
    mobile = optout_places.number_of(token)
    kept = optout_listing.one(mobile) if mobile is not None else None
    if kept is None:
        abort(404)
    return kept


def _remove_page(form: RemoveForm, kept: OptOut, token: str, status: int = 200) -> Response:
    return render(
        "contacts/optouts_remove.html", status=status, form=form, kept=kept, token=token, **_words([kept])
    )


def _page(place: Place, status: int = 200, problem: str = "", typed: str = "") -> Response:
    page = optout_listing.page(place.search, place.after)
    now = clock.now()
    last = page.rows[-1] if page.later else None
    return render(
        "contacts/optouts.html",
        block="rows",
        status=status,
        place=place,
        page=page,
        next_url=place.later((last.opted_out_at, last.mobile)).url if last is not None else None,
        token_of=optout_places.number_token,
        added=optout_operations.count_added(place.added, g.user.id, now) if place.added else 0,
        nobody=not page.rows and not optout_listing.any_at_all(),
        problem=problem,
        typed=typed or (place.search.text if place.search else ""),
        **_words(page.rows),
    )


def _words(rows: Any) -> dict[str, Any]:
    """How each came to be there, and who noted it."""
    return {"how_words": HOW_WORDS, "people": accounts.names_of(row.by_user for row in rows)}
