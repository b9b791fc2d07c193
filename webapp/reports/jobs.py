"""Jobs of the reports: they make files and tell owners of lists that were taken."""

from __future__ import annotations

from webapp import clock, jobs, tenancy
from webapp.accounts.queries import owners
from webapp.reports import export_notices, exports


@jobs.job("reports.make_export")
def make_export(export_id: int) -> None:
    """Somebody asked for a file."""
    exports.in_snapshot()
    exports.make(export_id)
    tenancy.session().commit()


@jobs.job("reports.tell_export")
def tell_export(export_id: int, user_id: int) -> None:
    """A list of people was taken: an owner is told."""
    export = exports.by_id(export_id)
    owner = next((one for one in owners() if one.id == user_id), None)
    if export is not None and owner is not None:
        export_notices.tell(export, owner)


@jobs.periodic("reports.give_up", "29 */10 * * * *")
def give_up() -> None:
    """What no job will make any more says so. Files that expire are forgotten with those of imports."""
    now = clock.now()
    for row in tenancy.door("give up files of every team", "door_teams"):
        with tenancy.team_scope(row.team_id) as session:
            exports.give_up(now)
            session.commit()
