"""The pages of imports: bring a file, say what its columns are, look at the check, import, undo.

One address shows an import for its whole life. What a worker does in between asks for the page's own block
every second; without a script the page says where it stands whenever it is loaded.
"""

from __future__ import annotations

from collections.abc import Iterator

from flask import Response, abort, flash, g, request, url_for
from flask_babel import gettext as _
from flask_wtf import FlaskForm
from werkzeug.datastructures import FileStorage

from webapp import sheets, tenancy
from webapp.accounts.permissions import requires
from webapp.accounts.requests import long_text, takes_files
from webapp.contacts.blueprint import blueprint, is_id
from webapp.contacts.imports import bringing, operations, queries
from webapp.contacts.imports.bringing import Brought
from webapp.contacts.imports.files import MOST_BYTES
from webapp.contacts.imports.forms import MOST_PASTE, BringForm, ColumnsForm, ReadingForm, choices_of
from webapp.contacts.imports.models import ContactImport
from webapp.contacts.imports.page import ImportPage
from webapp.contacts.imports.words import STATES, heads_of, reason_of
from webapp.downloads import attachment
from webapp.errors import DomainError
from webapp.pages import is_fragment, render, see_other

PIECE = 1 << 18
SAMPLE = (("手机", "姓名", "城市"), ("13800138000", "王芳", "北京"), ("13900139000", "Li Wei", "Shanghai"))


def import_or_404(import_id: int) -> ContactImport:
    """The team's import of this id; an id of another team and one that never was answer alike."""
    one = queries.get(import_id) if is_id(import_id) else None
    if one is None:
        abort(404)
    return one


@blueprint.get("/contacts/imports")
@requires("contacts.write")
def imports() -> Response:
    """All imports, the newest first."""
    before = request.args.get("before", type=int)
    found = queries.history(before if before is not None and is_id(before) else None)
    older = found[queries.PAGE - 1].id if len(found) > queries.PAGE else None
    return render(
        "imports/index.html", imports=found[: queries.PAGE], older=older, before=before, states=STATES
    )


@blueprint.get("/contacts/import")
@requires("contacts.write")
def import_new() -> Response:
    """Where a file is brought, or rows are pasted. `for=optouts`: its numbers are opt-outs."""
    like = _like(request.args.get("like"))
    return _new_page(BringForm(formdata=None, like=str(like.id) if like else ""), like)


@blueprint.post("/contacts/import")
@takes_files(MOST_BYTES)
@long_text(MOST_PASTE)
@requires("contacts.write")
def import_bring() -> Response:
    """Take the file, or what was pasted."""
    form = BringForm()
    if not form.validate_on_submit():
        abort(400)
    like = _like(form.like.data)
    brought = _brought(form)
    try:
        if brought is None:
            raise DomainError(_("Choose a file, or paste some rows."), "file")
        one = bringing.take_in(brought, g.user.id, opt_outs=_for_opt_outs(like), like=like)
    except DomainError as error:
        tenancy.session().rollback()
        form.file.errors = [str(error.message)]
        return _new_page(form, like, 422)
    tenancy.session().commit()
    return see_other(url_for("contacts.import_show", import_id=one.id))


@blueprint.get("/contacts/import/sample")
@requires("contacts.write")
def import_sample() -> Response:
    """A file as it should be."""
    return attachment(sheets.csv_bytes(SAMPLE), "tidings-sample.csv", "text/csv")


@blueprint.get("/contacts/imports/<int:import_id>")
@requires("contacts.write")
def import_show(import_id: int) -> Response:
    """Where an import stands; `kind`: the problems whose rows are shown."""
    page = ImportPage(import_or_404(import_id))
    if is_fragment() and request.args.get("v") == page.version:
        return Response(status=204)
    return page.answer(request.args.get("kind"))


@blueprint.post("/contacts/imports/<int:import_id>/reading")
@requires("contacts.write")
def import_reading(import_id: int) -> Response:
    """Read the file otherwise."""
    one = import_or_404(import_id)
    form = ReadingForm.of(one)
    if not form.validate_on_submit():
        abort(400)
    return _acted(
        import_id,
        lambda: bringing.read_again(
            import_id, form.encoding.data, form.separator.data, form.sheet.data or "", form.header.data
        ),
    )


@blueprint.post("/contacts/imports/<int:import_id>/columns")
@requires("contacts.write")
def import_columns(import_id: int) -> Response:
    """What the columns are; then the file is checked."""
    one = import_or_404(import_id)
    form = ColumnsForm.of(one)
    if not form.validate_on_submit():
        abort(400)
    chosen = choices_of(form, one, request.form)
    try:
        operations.check(import_id, chosen)
    except DomainError as error:
        tenancy.session().rollback()
        one = import_or_404(import_id)
        if one.state not in {"uploaded", "checked"}:
            flash(str(error.message), "odd")
            return see_other(url_for("contacts.import_show", import_id=import_id))
        return ImportPage(one, problem=error, form=form, chosen=chosen.columns).answer(None, 422)
    tenancy.session().commit()
    return see_other(url_for("contacts.import_show", import_id=import_id))


@blueprint.post("/contacts/imports/<int:import_id>/start")
@requires("contacts.write")
def import_start(import_id: int) -> Response:
    """Import the good rows."""
    return _acted(import_id, lambda: operations.start(import_id, g.user.id))


@blueprint.post("/contacts/imports/<int:import_id>/stop")
@requires("contacts.write")
def import_stop(import_id: int) -> Response:
    """Stop reading, checking or importing."""
    return _acted(import_id, lambda: operations.stop(import_id))


@blueprint.post("/contacts/imports/<int:import_id>/undo")
@requires("contacts.write")
def import_undo(import_id: int) -> Response:
    """Take back what an import did."""
    return _acted(import_id, lambda: operations.undo(import_id, g.user.id))


@blueprint.post("/contacts/imports/<int:import_id>/discard")
@requires("contacts.write")
def import_discard(import_id: int) -> Response:
    """Throw a file away that is not imported."""
    return _acted(import_id, lambda: operations.discard(import_id))


@blueprint.get("/contacts/imports/<int:import_id>/left-out")
@requires("contacts.write")
def import_left_out(import_id: int) -> Response:
    """The rows that are left out as a file: their own columns, and why."""
    one = import_or_404(import_id)
    if not queries.keeps_problems(one.id):
        abort(404)
    return attachment(sheets.csv_bytes(_left_out_rows(one)), f"left-out-{one.id}.csv", "text/csv")


def _left_out_rows(one: ContactImport) -> Iterator[list[str]]:
    heads = heads_of(one)
    yield [*heads, _("problem")]
    for problem in queries.all_problems(one.id):
        # A row may have more cells than the file has columns; the reason comes right behind those.
        cells = [*problem.cells, *[""] * (len(heads) - len(problem.cells))]
        yield [*cells[: len(heads)], str(reason_of(problem)), *cells[len(heads) :]]


def _new_page(form: BringForm, like: ContactImport | None, status: int = 200) -> Response:
    return render(
        "imports/new.html", status=status, form=form, like=like, opt_outs=_for_opt_outs(like), size=MOST_BYTES
    )


def _for_opt_outs(like: ContactImport | None) -> bool:
    return request.args.get("for") == "optouts" or (like is not None and like.opt_outs)


def _like(said: str | None) -> ContactImport | None:
    """The import whose choices a corrected file takes over, if one is named."""
    digits = said if said and said.isascii() and said.isdigit() and len(said) < 20 else "0"
    return queries.get(int(digits)) if is_id(int(digits)) else None


def _brought(form: BringForm) -> Brought | None:
    file: FileStorage | None = form.file.data
    if file is not None and file.filename:
        return Brought(file.filename, iter(lambda: file.stream.read(PIECE), b""))
    if form.paste.data and form.paste.data.strip():
        return Brought("", [form.paste.data.encode()], pasted=True)
    return None


def _acted(import_id: int, act: operations.Act) -> Response:
    """Do something to an import by a bare form, and go to its page; a refusal is said there."""
    import_or_404(import_id)
    if not FlaskForm().validate_on_submit():
        abort(400)
    try:
        act()
    except DomainError as error:
        tenancy.session().rollback()
        flash(str(error.message), "odd")
    else:
        tenancy.session().commit()
    return see_other(url_for("contacts.import_show", import_id=import_id))
