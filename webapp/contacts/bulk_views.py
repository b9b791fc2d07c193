"""What is done to those who are ticked in a list, or to everybody in it."""

from __future__ import annotations

import re

from flask import Response, abort, flash, g, request
from flask_babel import gettext as _
from flask_babel import ngettext
from flask_wtf import FlaskForm

from webapp import tenancy
from webapp.accounts.permissions import requires
from webapp.contacts import bulk, groups, listing, places
from webapp.contacts.blueprint import blueprint, chosen_group
from webapp.contacts.bulk import Deed, Done
from webapp.contacts.places import Place
from webapp.deadlocks import tried_again
from webapp.errors import DomainError
from webapp.pages import render, see_other

_ID = re.compile(r"[0-9]{1,18}", re.ASCII)
# Those who are shown by name before they are deleted.
SHOWN = 5


@blueprint.post("/contacts/bulk")
@requires("contacts.write")
@tried_again
def act() -> Response:
    """Do something to those who are ticked, or to all of the list."""
    place, said = places.asked_for(), request.form.get("do", "")
    if not FlaskForm().validate_on_submit() or said not in set(Deed):
        abort(400)
    deed = Deed(said)
    try:
        chosen = _chosen(place, deed)
        if deed is Deed.DELETE:
            return _confirm(place, chosen)
        done = _done(deed, place, chosen)
    except DomainError as error:
        tenancy.session().rollback()
        flash(str(error.message), "odd")
        return see_other(place.url)
    tenancy.session().commit()
    return see_other(place.with_done(done.token))


@blueprint.post("/contacts/delete")
@requires("contacts.write")
@tried_again
def delete() -> Response:
    """Delete those whom the page before this one named, if they are still as many."""
    place = places.asked_for()
    if not FlaskForm().validate_on_submit():
        abort(400)
    try:
        chosen = _chosen(place, Deed.DELETE)
    except DomainError as error:
        flash(str(error.message), "odd")
        return see_other(place.begun().url)
    if request.form.get("seen") != str(len(chosen)):
        return _confirm(place, chosen, 422)
    number = bulk.delete(chosen)
    tenancy.session().commit()
    flash(
        ngettext(
            "%(count)s person was deleted.", "%(count)s people were deleted.", number, count=f"{number:,}"
        ),
        "ok",
    )
    return see_other(place.begun().url)


@blueprint.post("/contacts/undo")
@requires("contacts.write")
@tried_again
def undo() -> Response:
    """Take back what was done last to many."""
    place = places.asked_for()
    if not FlaskForm().validate_on_submit():
        abort(400)
    done = bulk.named(request.form.get("done", ""))
    if done is None:
        abort(404)
    if not done.can_be_undone:
        flash(_("This cannot be undone any more. Nothing was changed."), "odd")
        return see_other(place.url)
    try:
        bulk.undo(done)
    except DomainError as error:
        flash(str(error.message), "odd")
        return see_other(place.url)
    tenancy.session().commit()
    flash(_("It was undone."), "ok")
    return see_other(place.url)


def _chosen(place: Place, deed: Deed) -> list[int]:
    """The ids of those whom it is about. Raises DomainError for nobody, or for more than go in one go."""
    if request.form.get("whom") == "all":
        # Whoever is taken out is kept to be put back, and that is a page of people at most.
        if deed is Deed.TAKE_OUT or listing.count(place.selection) is None:
            raise DomainError(_("Tick the people whom it is about. Nothing was changed."))
        found = listing.ids(place.selection)
        if len(found) > listing.MOST_AT_ONCE:
            raise DomainError(
                _(
                    "That is more than %(n)s people. Choose a group, or search for fewer. "
                    "Nothing was changed.",
                    n=f"{listing.MOST_AT_ONCE:,}",
                )
            )
        return found
    said = request.form.getlist("ids")[: listing.PAGE]
    if not said:
        raise DomainError(_("Tick the people whom it is about. Nothing was changed."))
    found = bulk.existing([int(one) for one in said if _ID.fullmatch(one)])
    if not found:
        abort(404)
    return found


def _done(deed: Deed, place: Place, chosen: list[int]) -> Done:
    if deed is Deed.OPT_OUT:
        return bulk.opt_out(chosen, g.user.id)
    group = place.group if deed is Deed.TAKE_OUT else chosen_group(request.form.get("into"))
    if group is None:
        raise DomainError(_("Choose a group. Nothing was changed."))
    if deed is Deed.TAKE_OUT:
        return bulk.take_out_of_group(group, chosen)
    return bulk.add_to_group(group, chosen)


def _confirm(place: Place, chosen: list[int], status: int = 200) -> Response:
    return render(
        "contacts/delete.html",
        status=status,
        place=place,
        number=len(chosen),
        everybody=request.form.get("whom") == "all",
        ids=chosen,
        shown=bulk.first_of(chosen, SHOWN),
        groups_of=groups.by_contact(chosen[:SHOWN]),
    )
