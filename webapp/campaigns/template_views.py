"""Templates: the list, and the editor with the counter and the preview of the compose page."""

from __future__ import annotations

from flask import Blueprint, Response, abort, flash, g, request, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm

from webapp import clock, tenancy
from webapp.accounts.permissions import requires
from webapp.campaigns import template_operations, template_queries, texts
from webapp.campaigns.blueprint import campaign_or_404
from webapp.campaigns.models import Template
from webapp.campaigns.states import Kind
from webapp.campaigns.template_page import EXAMPLES, TemplateForm, TemplatePage
from webapp.campaigns.template_queries import template_or_404
from webapp.campaigns.written import MOST_NAME, name_of
from webapp.errors import DomainError
from webapp.pages import NavItem, render, see_other

blueprint = Blueprint("templates", __name__, url_prefix="/t/<team>")

NAV = (NavItem("templates.index", _l("Templates"), "file-text", "templates.view", order=40, key="t"),)
# Of a text, what the list shows.
BEGINNING = 70


@blueprint.get("/templates")
@requires("templates.view")
def index() -> Response:
    """The templates of the team by name; `show=archived`: those that are not offered any more."""
    show = request.args.get("show", "")
    if show not in ("", "archived"):
        abort(404)
    archived_id = request.args.get("archived", type=int)
    just = template_queries.template(archived_id) if archived_id and 0 < archived_id < 2**63 else None
    return render(
        "templates/index.html",
        block="rows",
        rows=template_queries.templates(archived=show == "archived"),
        archived=show == "archived",
        just_archived=just if just is not None and just.archived_at is not None else None,
        beginning=_beginning,
        fields_of=texts.fields_of,
        examples=EXAMPLES,
    )


@blueprint.get("/templates/new")
@requires("templates.write")
def new() -> Response:
    """A new template: empty, from an example, as a copy of another one, or from the text of a campaign."""
    form = TemplateForm(formdata=None)
    example, copied = request.args.get("example"), request.args.get("copy", type=int)
    campaign_id = request.args.get("from", type=int)
    if example is not None:
        if example not in EXAMPLES:
            abort(404)
        name, body, kind = EXAMPLES[example]
        form.name.data, form.body.data, form.kind.data = str(name), str(body), kind
    elif copied is not None:
        source = template_or_404(copied)
        form.name.data = _("%(name)s, a copy", name=source.name)[:MOST_NAME]
        form.body.data, form.kind.data = source.body, source.kind
    elif campaign_id is not None:
        campaign = campaign_or_404(campaign_id)
        form.name.data, form.body.data = name_of(campaign.body), campaign.body
        form.kind.data = Kind.MARKETING if campaign.kind == Kind.MARKETING else Kind.NOTICE
    return render("templates/edit.html", page=TemplatePage(form))


@blueprint.post("/templates/new")
@requires("templates.write")
def create() -> Response:
    """Keep a new template."""
    page = TemplatePage(TemplateForm())
    if not page.form.validate_on_submit():
        return render("templates/edit.html", status=422, page=page)
    try:
        template_operations.keep(page.content, g.user.id, clock.now())
    except DomainError as error:
        return _refused(page, error)
    tenancy.session().commit()
    flash(_("Saved."), "ok")
    return see_other(url_for("templates.index"))


@blueprint.post("/templates/preview")
@requires("templates.write")
def preview() -> Response:
    """What is typed, as it would read; nothing is saved."""
    return render("templates/preview.html", block="look", page=TemplatePage(TemplateForm()))


@blueprint.get("/templates/<int:template_id>")
@requires("templates.view")
def show(template_id: int) -> Response:
    """A template, to be read or changed."""
    template = template_or_404(template_id)
    form = TemplateForm(formdata=None, obj=template)
    return render("templates/edit.html", page=TemplatePage(form, template))


@blueprint.post("/templates/<int:template_id>")
@requires("templates.write")
def save(template_id: int) -> Response:
    """Write a template anew."""
    page = TemplatePage(TemplateForm(), template_or_404(template_id))
    if not page.form.validate_on_submit():
        return render("templates/edit.html", status=422, page=page)
    try:
        template_operations.change(template_or_404(template_id), page.content, clock.now())
    except DomainError as error:
        return _refused(page, error)
    tenancy.session().commit()
    flash(_("Saved."), "ok")
    return see_other(url_for("templates.index"))


@blueprint.post("/templates/<int:template_id>/archive")
@requires("templates.write")
def archive(template_id: int) -> Response:
    """Offer a template no more; the list says so, with an undo."""
    template = _posted(template_id)
    template_operations.archive(template, clock.now())
    tenancy.session().commit()
    return see_other(url_for("templates.index", archived=template_id))


@blueprint.post("/templates/<int:template_id>/unarchive")
@requires("templates.write")
def unarchive(template_id: int) -> Response:
    """Offer an archived template again."""
    template = _posted(template_id)
    name = template.name
    try:
        template_operations.bring_back(template)
    except DomainError as error:
        tenancy.session().rollback()
        flash(str(error.message), "odd")
        return see_other(url_for("templates.show", template_id=template_id))
    tenancy.session().commit()
    flash(_("“%(name)s” is offered again.", name=name), "ok")
    return see_other(url_for("templates.index"))


def _posted(template_id: int) -> Template:
    template = template_or_404(template_id)
    if not FlaskForm().validate_on_submit():
        abort(400)
    return template


def _refused(page: TemplatePage, error: DomainError) -> Response:
    """The form again, with the reason beside the field that it is about; everything typed stays."""
    template_id = page.template.id if page.template is not None else None
    tenancy.session().rollback()
    page.template = template_or_404(template_id) if template_id is not None else None
    if error.field in ("name", "body", "kind"):
        page.form[error.field].errors = [error.message]
    else:
        page.form.form_errors.append(error.message)
    return render("templates/edit.html", status=422, page=page)


def _beginning(body: str) -> str:
    line = " ".join(body.split())
    return line if len(line) <= BEGINNING else f"{line[: BEGINNING - 1].rstrip()}…"
