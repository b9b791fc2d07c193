"""Files to take away: ask for one, see how far it is, fetch it."""

from __future__ import annotations

import hashlib
from typing import Any, cast
from zoneinfo import ZoneInfo

from flask import Blueprint, Response, abort, g, request, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm
from wtforms import RadioField, StringField
from wtforms.fields.choices import SelectChoice  # type: ignore[attr-defined] # newer than its stubs

from webapp import clock, stored_files, tenancy
from webapp.accounts.audit import audit
from webapp.accounts.permissions import fresh, requires
from webapp.accounts.throttle import TooManyTries
from webapp.campaigns import queries
from webapp.campaigns.models import Campaign
from webapp.downloads import attachment
from webapp.errors import DomainError
from webapp.pages import error_page, is_fragment, language, render, see_other, time_zone
from webapp.reports import exports, periods
from webapp.reports.exports import Format, What

blueprint = Blueprint("exports", __name__, url_prefix="/t/<team>")

# How often the list looks whether a file is ready.
SECONDS = 2
TYPES = {
    Format.CSV: "text/csv",
    Format.XLSX: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}


class ExportForm(FlaskForm):  # type: ignore[misc] # the library carries no types
    """What to list and how to write it. `campaign`: for a list of recipients; the days for the others."""

    campaign = StringField()
    what = RadioField(
        _l("What to list"),
        choices=[
            SelectChoice(What.DAYS, _l("Days and operators, with what became of the messages")),
            SelectChoice(What.CAMPAIGNS, _l("Campaigns that began on these days")),
        ],
        default=What.DAYS,
        validate_choice=False,
    )
    first = StringField(_l("First day"), render_kw={"type": "date"})
    last = StringField(_l("Last day"), render_kw={"type": "date"})
    format = RadioField(
        _l("Format"),
        choices=[
            SelectChoice(Format.CSV, _l("CSV, for any program; as many rows as there are")),
            SelectChoice(Format.XLSX, _l("XLSX, for Excel and the like; up to 1,048,575 rows")),
        ],
        default=Format.CSV,
    )


@blueprint.get("/exports")
@requires("exports.make")
def index() -> Response:
    """What one asked for, and a form to ask; `campaign` in the query: for a list of its recipients."""
    campaign = _campaign(request.args.get("campaign", "")) if "campaign" in request.args else None
    return _page(_new_form(campaign), campaign)


@blueprint.post("/exports")
@requires("exports.make")
@fresh
def create() -> Response:
    """Ask for a file; a job makes it."""
    form = ExportForm()
    campaign = _campaign(form.campaign.data) if form.campaign.data else None
    if not form.validate_on_submit():
        return _page(form, campaign, status=422)
    try:
        _ask(form, campaign)
        exports.count_one(g.user.id)
    except DomainError as error:
        tenancy.session().rollback()
        field = form["first" if error.field == "first" else "format"]
        field.errors = [str(error.message)]
        return _page(form, _again(form), status=422)
    except TooManyTries as error:
        tenancy.session().rollback()
        form.format.errors = [
            _(
                "You asked for 5 files within an hour, and there are no more. Nothing was made. Try again "
                "in %(minutes)s minutes.",
                minutes=error.minutes,
            )
        ]
        return _page(form, _again(form), status=429)
    tenancy.session().commit()
    return see_other(url_for("exports.index"))


@blueprint.get("/exports/<int:export_id>/file")
@requires("exports.make")
def file(export_id: int) -> Response:
    """Fetch a file that is ready, within its hour and for the person who asked for it."""
    export = exports.of(export_id, g.user.id) if 0 < export_id < 2**63 else None
    if export is None:
        abort(404)
    found = exports.files([export], clock.now())
    if export.file_id not in found:
        return error_page(
            404, reason=_("This file is not there any more. Ask for it again on the page of files.")
        )
    stored = found[export.file_id]
    response = attachment(stored_files.read(stored.id), stored.name, TYPES[Format(export.format)])
    audit("export.fetched", "export", export.id)
    tenancy.session().commit()
    return response


def _ask(form: ExportForm, campaign: Campaign | None) -> None:
    wanted = Format(form.format.data)
    if campaign is not None:
        exports.ask_recipients(campaign, wanted, g.user.id, language())
        return
    # No day at all is a day that is missing here, not the usual period.
    said = {"from": form.first.data or "?", "to": form.last.data or "?"}
    asked = periods.asked(said, clock.now(), _zone())
    if asked.problem is not None:
        raise DomainError(asked.problem, "first")
    what = What.CAMPAIGNS if form.what.data == What.CAMPAIGNS else What.DAYS
    exports.ask_report(what, asked.period, wanted, g.user.id, language())


def _again(form: ExportForm) -> Campaign | None:
    """The campaign that the form is about, read anew after the transaction was undone."""
    return _campaign(form.campaign.data) if form.campaign.data else None


def _new_form(campaign: Campaign | None) -> ExportForm:
    form = ExportForm(formdata=None)
    period = periods.asked(request.args, clock.now(), _zone()).period
    form.first.data, form.last.data = period.first.isoformat(), period.last.isoformat()
    form.campaign.data = str(campaign.id) if campaign is not None else ""
    return form


def _page(form: ExportForm, campaign: Campaign | None, status: int = 200) -> Response:
    now = clock.now()
    mine = exports.mine(g.user.id)
    files = exports.files(mine, now)
    version = _version(mine, files)
    if is_fragment() and request.args.get("v") == version:
        return Response(status=204)
    shown: dict[str, Any] = {
        "exports": mine,
        "files": files,
        "version": version,
        "poll_seconds": SECONDS if any(one.state == "making" for one in mine) else None,
    }
    return render("reports/exports.html", block="list", status=status, form=form, campaign=campaign, **shown)


def _version(mine: Any, files: dict[int, Any]) -> str:
    """Changes with what the list shows."""
    seen = [(one.id, one.state, one.file_id in files) for one in mine]
    return hashlib.sha256(repr(seen).encode()).hexdigest()[:16]


def _campaign(said: str | None) -> Campaign:
    number = int(said) if said and said.isascii() and said.isdecimal() and len(said) < 20 else 0
    campaign = queries.campaign(number) if 0 < number < 2**63 else None
    if campaign is None:
        abort(404)
    return campaign


def _zone() -> ZoneInfo:
    return cast(ZoneInfo, time_zone())
