"""What a person says about numbers that a gateway refused before: to leave them out, or that one is fine."""

from __future__ import annotations

from dataclasses import replace

from flask import Response, abort, flash, g, url_for
from flask_babel import gettext as _
from flask_wtf import FlaskForm
from wtforms import StringField
from wtforms.validators import AnyOf

from webapp import tenancy
from webapp.accounts.permissions import requires
from webapp.campaigns import drafts, refused
from webapp.campaigns.blueprint import blueprint, campaign_or_404
from webapp.contacts.blueprint import blueprint as contacts
from webapp.contacts.blueprint import contact_or_404
from webapp.errors import DomainError
from webapp.pages import see_other


class LeaveOutForm(FlaskForm):  # type: ignore[misc] # the library carries no types
    """Whether such numbers are left out."""

    leave_out = StringField(validators=[AnyOf(("yes", "no"))])


@blueprint.post("/campaigns/<int:campaign_id>/refused")
@requires("campaigns.write")
def leave_out_refused(campaign_id: int) -> Response:
    """Leave them out of a draft, or send to them too; the review is shown anew."""
    campaign = campaign_or_404(campaign_id)
    form = LeaveOutForm()
    if not form.validate_on_submit():
        abort(400)
    written = replace(drafts.written_of(campaign), leave_out_refused=form.leave_out.data == "yes")
    try:
        draft = drafts.save_draft(written, g.user.id, campaign_id=campaign.id, version=campaign.version)
    except DomainError as error:
        tenancy.session().rollback()
        flash(str(error.message), "odd")
    else:
        tenancy.session().commit()
        campaign_id = draft.id
    return see_other(url_for("campaigns.review", campaign_id=campaign_id))


@contacts.post("/contacts/<int:contact_id>/fine")
@requires("contacts.write")
def fine_again(contact_id: int) -> Response:
    """A number that was refused is fine again; pressed twice, it is said once."""
    contact = contact_or_404(contact_id)
    if not FlaskForm().validate_on_submit():
        abort(400)
    refused.forgive(contact.mobile, contact.id)
    tenancy.session().commit()
    flash(_("Noted: this number is not left out any more."), "ok")
    return see_other(url_for("contacts.show", contact_id=contact_id))
