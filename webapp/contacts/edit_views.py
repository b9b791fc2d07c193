"""Adding one person, changing one, and pasting many."""

from __future__ import annotations

from flask import Response, flash, g, request, url_for
from flask_babel import gettext as _

from webapp import tenancy
from webapp.accounts.permissions import requires
from webapp.contacts import groups, operations, pasting
from webapp.contacts.blueprint import blueprint, chosen_group, contact_or_404
from webapp.contacts.forms import ContactForm, PasteForm, Value, offer, tidied, values_for, values_of
from webapp.contacts.models import Contact
from webapp.contacts.reasons import REASON_WORDS
from webapp.deadlocks import tried_again
from webapp.errors import DomainError
from webapp.pages import render, see_other


@blueprint.get("/contacts/new")
@requires("contacts.write")
def new() -> Response:
    """The form for one person."""
    form = ContactForm(into=request.args.get("group", ""))
    chosen_group(form.into.data)
    return _form_page(form, values_for({}), None)


@blueprint.post("/contacts/new")
@requires("contacts.write")
@tried_again
def create() -> Response:
    """Add one person."""
    form, values = ContactForm(), values_of(request.form)
    group = chosen_group(form.into.data)
    if not form.validate_on_submit():
        return _form_page(form, values, None, 422)
    try:
        added = operations.add(form.mobile.data or "", form.name.data or "", tidied(values), g.user.id)
        if group is not None:
            groups.add(group.id, [added.id])
    except DomainError as error:
        return _refused(form, values, None, error)
    tenancy.session().commit()
    flash(_("Added."), "ok")
    return see_other(url_for("contacts.show", contact_id=added.id))


@blueprint.get("/contacts/<int:contact_id>/edit")
@requires("contacts.write")
def edit(contact_id: int) -> Response:
    """The form of somebody who is there."""
    contact = contact_or_404(contact_id)
    return _form_page(ContactForm(obj=contact), values_for(contact.fields), contact)


@blueprint.post("/contacts/<int:contact_id>/edit")
@requires("contacts.write")
@tried_again
def change(contact_id: int) -> Response:
    """Change one person."""
    contact = contact_or_404(contact_id)
    form, values = ContactForm(), values_of(request.form)
    if not form.validate_on_submit():
        return _form_page(form, values, contact, 422)
    try:
        operations.change(contact_id, form.mobile.data or "", form.name.data or "", tidied(values))
    except DomainError as error:
        return _refused(form, values, contact, error)
    tenancy.session().commit()
    flash(_("Saved."), "ok")
    return see_other(url_for("contacts.show", contact_id=contact_id))


@blueprint.get("/contacts/paste")
@requires("contacts.write")
def paste() -> Response:
    """The form for many people at once."""
    form = PasteForm(into=request.args.get("group", ""))
    chosen_group(form.into.data)
    return _paste_page(form)


@blueprint.post("/contacts/paste")
@requires("contacts.write")
@tried_again
def add_pasted() -> Response:
    """Add everybody who was pasted, and say who was left out and why."""
    form = PasteForm()
    group = chosen_group(form.into.data)
    if not form.validate_on_submit():
        return _paste_page(form, 422)
    try:
        outcome = pasting.add_pasted(form.numbers.data or "", group, g.user.id)
    except DomainError as error:
        tenancy.session().rollback()
        form.numbers.errors = [str(error.message)]
        return _paste_page(form, 422)
    tenancy.session().commit()
    return render("contacts/pasted.html", outcome=outcome, group=group, reasons=REASON_WORDS)


def _paste_page(form: PasteForm, status: int = 200) -> Response:
    offer(form.into, groups.groups())
    return render("contacts/paste.html", status=status, form=form)


def _form_page(
    form: ContactForm,
    values: list[Value],
    contact: Contact | None,
    status: int = 200,
    taken: Contact | None = None,
) -> Response:
    offer(form.into, groups.groups())
    return render("contacts/edit.html", status=status, form=form, values=values, contact=contact, taken=taken)


def _refused(form: ContactForm, values: list[Value], contact: Contact | None, error: DomainError) -> Response:
    """The form again, with the reason beside the field that it is about. Nothing of it was kept."""
    taken_id = error.contact.id if isinstance(error, operations.TakenError) else None
    contact_id = contact.id if contact is not None else None
    tenancy.session().rollback()
    said = str(error.message)
    if error.field in ("mobile", "name"):
        form[error.field].errors = [said]
    else:
        wrong = next((value for value in values if value.name == error.field), values[-1] if values else None)
        if wrong is not None:
            wrong.error = said
    taken = contact_or_404(taken_id) if taken_id is not None else None
    return _form_page(form, values, contact_or_404(contact_id) if contact_id else None, 422, taken)
