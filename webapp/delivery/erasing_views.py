"""Erasing one person, asked for from their own page or from the list of opt-outs, and what became of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from flask import Response, abort, flash, g, request, url_for
from flask_babel import gettext as _
from flask_babel import ngettext
from flask_wtf import FlaskForm

from webapp import clock, tenancy
from webapp.accounts import queries as accounts
from webapp.accounts.permissions import requires
from webapp.contacts import optouts, queries
from webapp.contacts.blueprint import blueprint, contact_or_404
from webapp.contacts.models import Erasure
from webapp.contacts.optout_views import optout_or_404
from webapp.delivery import erasing, erasing_queries
from webapp.pages import render, see_other


@dataclass(frozen=True)
class Told:
    """One erasure as the page tells it. `number` is None once it is erased."""

    id: int
    number: str | None
    asked_at: datetime
    who: str | None
    done_at: datetime | None
    words: str


@blueprint.get("/contacts/<int:contact_id>/erase")
@requires("contacts.write")
def erase(contact_id: int) -> Response:
    """What goes and what stays, before anything is erased."""
    contact = contact_or_404(contact_id)
    return _confirm_page(
        contact.mobile,
        contact.name,
        url_for("contacts.erase_contact", contact_id=contact_id),
        url_for("contacts.show", contact_id=contact_id),
    )


@blueprint.post("/contacts/<int:contact_id>/erase")
@requires("contacts.write")
def erase_contact(contact_id: int) -> Response:
    """Erase somebody of the address book."""
    return _erase(contact_or_404(contact_id).mobile)


@blueprint.get("/contacts/optouts/<optout>/erase")
@requires("contacts.write")
def confirm_erase_optout(optout: str) -> Response:
    """The same for somebody of the list of opt-outs."""
    kept = optout_or_404(optout)
    contact = queries.by_mobile(kept.mobile)
    return _confirm_page(
        kept.mobile,
        contact.name if contact is not None else "",
        url_for("contacts.erase_optout", optout=optout),
        url_for("contacts.optouts"),
    )


@blueprint.post("/contacts/optouts/<optout>/erase")
@requires("contacts.write")
def erase_optout(optout: str) -> Response:
    """Erase somebody of the list of opt-outs."""
    return _erase(optout_or_404(optout).mobile)


@blueprint.get("/contacts/erasures")
@requires("contacts.write")
def erasures() -> Response:
    """Which erasures there were, the newest first, and what those that are not done wait for."""
    before = request.args.get("before", type=int)
    if before is not None and not 0 < before < 2**63:
        abort(404)
    found = erasing_queries.page(before)
    rows = found[: erasing_queries.PAGE]
    people = accounts.names_of(one.asked_by for one in rows)
    return render(
        "contacts/erasures.html",
        block="rows",
        rows=[_told(one, people) for one in rows],
        before=before,
        older=rows[-1].id if len(found) > erasing_queries.PAGE else None,
    )


def _confirm_page(mobile: str, name: str, action: str, back: str) -> Response:
    return render(
        "contacts/erase.html",
        mobile=mobile,
        name=name,
        action=action,
        back=back,
        opted_out=bool(optouts.opted_out_among([mobile])),
        left=erasing.waiting(mobile),
    )


def _erase(mobile: str) -> Response:
    if not FlaskForm().validate_on_submit():
        abort(400)
    erasing.ask(mobile, g.user.id, clock.now())
    tenancy.session().commit()
    flash(_("The number is being erased. This page says when that is done."), "ok")
    return see_other(url_for("contacts.erasures"))


def _told(one: Erasure, people: dict[int, str]) -> Told:
    words = _found_words(one.found) if one.mobile is None else _waiting_words(erasing.waiting(one.mobile))
    return Told(one.id, one.mobile, one.asked_at, people.get(one.asked_by or 0), one.done_at, words)


def _waiting_words(left: erasing.Waiting) -> str:
    if left.campaigns:
        return ngettext(
            "Waiting for %(num)s campaign that is not through with this number yet.",
            "Waiting for %(num)s campaigns that are not through with this number yet.",
            left.campaigns,
        )
    if left.files:
        return _("Waiting for a file that is being imported or exported.")
    return _("Being erased.")


def _found_words(found: dict[str, int]) -> str:
    """What was found of the number, each kind in its own words."""
    n = {kind: found.get(kind, 0) for kind in ("contacts", "opt_outs", "messages", "reports", "drafts")}
    words = {
        "contacts": ngettext("%(num)s contact", "%(num)s contacts", n["contacts"]),
        "opt_outs": _("the opt-out, of which a hash is kept"),
        "messages": ngettext("%(num)s message", "%(num)s messages", n["messages"]),
        "reports": ngettext(
            "%(num)s report without a message", "%(num)s reports without a message", n["reports"]
        ),
        "drafts": ngettext("%(num)s draft", "%(num)s drafts", n["drafts"]),
    }
    return " · ".join(words[kind] for kind in words if n[kind]) or _("Nothing was found.")
