"""Groups: all of them with their sizes, and the people of one."""

from __future__ import annotations

from flask import Response, abort, flash, g, url_for
from flask_babel import gettext as _
from flask_wtf import FlaskForm

from webapp import tenancy
from webapp.accounts.permissions import requires
from webapp.contacts import groups as contact_groups
from webapp.contacts import places
from webapp.contacts.blueprint import blueprint, group_or_404
from webapp.contacts.forms import GroupForm
from webapp.contacts.views import group_page
from webapp.deadlocks import tried_again
from webapp.errors import DomainError
from webapp.pages import render, see_other


@blueprint.get("/contacts/groups")
@requires("contacts.view")
def groups() -> Response:
    """All groups of the team."""
    return _list_page(GroupForm())


@blueprint.post("/contacts/groups")
@requires("contacts.write")
def make_group() -> Response:
    """Make a group, and show it."""
    form = GroupForm()
    if not form.validate_on_submit():
        return _list_page(form, 422)
    try:
        made = contact_groups.make(form.name.data or "", g.user.id)
    except DomainError as error:
        tenancy.session().rollback()
        form.name.errors = [str(error.message)]
        return _list_page(form, 422)
    tenancy.session().commit()
    return see_other(url_for("contacts.group", group_id=made.id))


@blueprint.get("/contacts/groups/<int:group_id>")
@requires("contacts.view")
def group(group_id: int) -> Response:
    """A group and its people."""
    return group_page(places.asked_for(group_or_404(group_id)))


@blueprint.get("/contacts/groups/<int:group_id>/rename")
@requires("contacts.write")
def rename(group_id: int) -> Response:
    """The form for another name, in the place of the name."""
    found = group_or_404(group_id)
    return _renaming(found.id, GroupForm(obj=found))


@blueprint.post("/contacts/groups/<int:group_id>/rename")
@requires("contacts.write")
def change_group(group_id: int) -> Response:
    """Give a group another name."""
    found, form = group_or_404(group_id), GroupForm()
    if not form.validate_on_submit():
        return _renaming(found.id, form, 422)
    try:
        contact_groups.rename(found.id, form.name.data or "")
    except DomainError as error:
        tenancy.session().rollback()
        form.name.errors = [str(error.message)]
        return _renaming(group_id, form, 422)
    tenancy.session().commit()
    return see_other(url_for("contacts.group", group_id=group_id))


@blueprint.get("/contacts/groups/<int:group_id>/delete")
@requires("contacts.write")
def confirm_delete_group(group_id: int) -> Response:
    """What deleting a group means, before it is done."""
    return render("contacts/delete_group.html", group=group_or_404(group_id))


@blueprint.post("/contacts/groups/<int:group_id>/delete")
@requires("contacts.write")
@tried_again
def delete_group(group_id: int) -> Response:
    """Delete a group; its people stay."""
    found = group_or_404(group_id)
    if not FlaskForm().validate_on_submit():
        abort(400)
    name = found.name
    contact_groups.delete(found.id)
    tenancy.session().commit()
    flash(_("The group “%(name)s” was deleted. Its people are still here.", name=name), "ok")
    return see_other(url_for("contacts.groups"))


def _list_page(form: GroupForm, status: int = 200) -> Response:
    return render("contacts/groups.html", status=status, groups=contact_groups.groups(), form=form)


def _renaming(group_id: int, form: GroupForm, status: int = 200) -> Response:
    found = group_or_404(group_id)
    return render("contacts/rename.html", block="rename", status=status, group=found, form=form)
