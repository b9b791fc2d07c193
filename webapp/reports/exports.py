"""Files that a team takes away: asked for by a person, made by a job, fetched by that person within an hour.

A file is made in one transaction and one snapshot of the database: what is in it adds up, and a worker that
dies leaves no half file behind, so its job starts over.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from flask_babel import force_locale
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy import select, update

from webapp import clock, jobs, stored_files, tenancy
from webapp.accounts.audit import audit
from webapp.accounts.queries import owners, team_at_hand
from webapp.accounts.throttle import Count, spend
from webapp.campaigns import queries
from webapp.campaigns.models import Campaign
from webapp.errors import DomainError
from webapp.gateway import queries as gateway
from webapp.reading import LANGUAGES, number
from webapp.reports import export_rows
from webapp.reports.export_rows import Row
from webapp.reports.models import Export
from webapp.reports.periods import Period
from webapp.sheets import MOST_XLSX_ROWS, TooManyRowsError, csv_bytes, xlsx_bytes
from webapp.stored_files import StoredFile

# A stolen session must not empty a team's lists within minutes.
LIMIT = "5 per 1 hour"
KEPT = timedelta(hours=1)
# A job that has not brought its file by then has given up.
GIVEN_UP_AFTER = timedelta(hours=2)
SHOWN = 20
_DAY = timedelta(days=1)


class What(StrEnum):
    """What a file lists."""

    RECIPIENTS = "recipients"
    DAYS = "days"
    CAMPAIGNS = "campaigns"


class Format(StrEnum):
    """How a file is written."""

    CSV = "csv"
    XLSX = "xlsx"


class Why(StrEnum):
    """Why a file was not made."""

    TOO_MANY_ROWS = "too_many_rows"
    GONE = "gone"
    GAVE_UP = "gave_up"


# ---- asking ------------------------------------------------------------------------------------------


def ask_recipients(campaign: Campaign, form: Format, user_id: int, language: str) -> Export:
    """Ask for a list of a campaign's recipients. Raises DomainError."""
    if not campaign.recipients:
        raise DomainError(_l("This campaign has no recipients yet, so there is nothing to list."))
    choices: dict[str, str | int] = {"campaign": campaign.id, "name": campaign.name}
    return _ask(What.RECIPIENTS, form, choices, campaign.recipients, user_id, language)


def ask_report(what: What, period: Period, form: Format, user_id: int, language: str) -> Export:
    """Ask for the days or the campaigns of a period. Raises DomainError."""
    rows = export_rows.count_campaigns(period) if what is What.CAMPAIGNS else period.days
    choices = {"first": period.first.isoformat(), "last": period.last.isoformat()}
    return _ask(what, form, choices, rows, user_id, language)


def _ask(
    what: What, form: Format, choices: Mapping[str, str | int], rows: int, user_id: int, language: str
) -> Export:
    if form is Format.XLSX and rows >= MOST_XLSX_ROWS:
        raise DomainError(
            _l(
                "%(rows)s rows do not fit into an XLSX file, which holds %(most)s with its header. "
                "Nothing was made. Choose CSV.",
                rows=number(rows),
                most=number(MOST_XLSX_ROWS),
            ),
            "format",
        )
    export = Export(
        team_id=tenancy.scope(),
        what=what,
        format=form,
        choices={**choices, "language": language},
        rows=rows,
        created_at=clock.now(),
        created_by=user_id,
    )
    tenancy.session().add(export)
    tenancy.session().flush()
    audit("export.asked", "export", export.id, what=what, format=form, rows=rows, **choices)
    jobs.enqueue("reports.make_export", export.team_id, export_id=export.id)
    return export


def count_one(user_id: int) -> None:
    """Count a file that a person asked for. Raises TooManyTries where it is one too many."""
    spend(Count("export", LIMIT, (str(user_id),)))


# ---- making ------------------------------------------------------------------------------------------


def make(export_id: int) -> None:
    """Make the file of an export that has none yet, in a transaction that `in_snapshot` began."""
    export = by_id(export_id)
    if export is None or export.state != "making":
        return
    now = clock.now()
    with force_locale(LANGUAGES[export.choices["language"]]):
        try:
            # What was kept of a file that cannot be finished is undone.
            with tenancy.session().begin_nested():
                file = _made(export, now)
        except TooManyRowsError:
            _fail(export, Why.TOO_MANY_ROWS)
            return
        if file is None:
            _fail(export, Why.GONE)
            return
    export.state, export.file_id, export.ready_at = "ready", file.id, clock.now()
    if export.what == What.RECIPIENTS:
        # A job each: what one mail server refuses is tried again without telling the others twice.
        for owner in owners():
            jobs.enqueue("reports.tell_export", export.team_id, export_id=export.id, user_id=owner.id)
    tenancy.session().flush()


def in_snapshot() -> None:
    """Begin a transaction in which every read sees the same moment."""
    tenancy.session().connection(execution_options={"isolation_level": "REPEATABLE READ"})


def _made(export: Export, now: datetime) -> StoredFile | None:
    zone = ZoneInfo(team_at_hand().time_zone)
    found = _rows(export, zone, now)
    if found is None:
        return None
    title, rows = found
    counted = _counted(export, rows)
    content = csv_bytes(counted) if export.format == Format.CSV else xlsx_bytes(title, counted)
    # Its moment stands in the name: a line above the header would be in the way of every program.
    name = f"{title[: stored_files.MOST_NAME // 2]} {now.astimezone(zone):%Y-%m-%d %H%M}.{export.format}"
    return stored_files.keep(name, content, KEPT)


def _rows(export: Export, zone: ZoneInfo, now: datetime) -> tuple[str, Iterator[Row]] | None:
    """The title and the rows of an export; None where what it lists is gone."""
    if export.what != What.RECIPIENTS:
        period = Period(
            date.fromisoformat(export.choices["first"]), date.fromisoformat(export.choices["last"]), zone
        )
        days = f"{period.first.isoformat()} – {period.last.isoformat()}"
        if export.what == What.DAYS:
            return _("Days and operators %(days)s", days=days), export_rows.days_of(period)
        return _("Campaigns %(days)s", days=days), export_rows.campaigns_of(period, now)
    campaign = queries.campaign(export.choices["campaign"])
    account = gateway.account(campaign.account_id) if campaign is not None else None
    if campaign is None or account is None:
        return None
    title = _("Recipients of %(name)s", name=campaign.name)
    return title, export_rows.recipients_of(campaign, account, zone, now)


def _counted(export: Export, rows: Iterator[Row]) -> Iterator[Row]:
    """The same rows; how many there were, without the header, stands in the export in the end."""
    count = -1
    for row in rows:
        count += 1
        yield row
    export.rows = max(0, count)


def _fail(export: Export, why: Why) -> None:
    export.state, export.why = "failed", why
    tenancy.session().flush()


def give_up(now: datetime) -> int:
    """Exports of this team that no job will make any more say so; returns how many."""
    given_up = tenancy.session().execute(
        update(Export)
        .where(
            Export.team_id == tenancy.scope(),
            Export.state == "making",
            Export.created_at <= now - GIVEN_UP_AFTER,
        )
        .values(state="failed", why=Why.GAVE_UP)
        .returning(Export.id)
    )
    return len(given_up.all())


# ---- fetching ----------------------------------------------------------------------------------------


def mine(user_id: int) -> Sequence[Export]:
    """What a person asked for lately, the newest first."""
    return tenancy.session().scalars(
        select(Export)
        .where(Export.team_id == tenancy.scope(), Export.created_by == user_id)
        .order_by(Export.id.desc())
        .limit(SHOWN)
    ).all()  # fmt: skip


def files(exports: Sequence[Export], now: datetime) -> dict[int, StoredFile]:
    """The files that can still be fetched, by their ids."""
    ids = [one.file_id for one in exports if one.file_id is not None]
    rows = tenancy.session().scalars(
        select(StoredFile).where(
            StoredFile.team_id == tenancy.scope(), StoredFile.id.in_(ids), StoredFile.expires_at > now
        )
    )
    return {one.id: one for one in rows}


def by_id(export_id: int) -> Export | None:
    """An export of the team, or None."""
    return tenancy.session().get(Export, (tenancy.scope(), export_id))


def of(export_id: int, user_id: int) -> Export | None:
    """An export, for the person who asked for it alone."""
    export = by_id(export_id)
    return export if export is not None and export.created_by == user_id else None
