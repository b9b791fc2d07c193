"""Jobs of imports: working on a team's line, taking up what a dead worker left, and forgetting old files."""

from __future__ import annotations

from webapp import clock, jobs, stored_files, tenancy
from webapp.contacts.imports import forgetting, line, waking


@jobs.job(waking.WORK)
def work_imports() -> None:
    """There is something in this team's line of imports."""
    line.work()


@jobs.periodic("contacts.sweep_imports", "* * * * * */10", at_start=True)
def sweep_imports() -> None:
    """Lines that nobody works on, because their worker died."""
    for row in tenancy.door("take up imports of every team", "door_teams_importing"):
        with tenancy.team_scope(row.team_id) as session:
            waking.wake()
            session.commit()


@jobs.periodic("contacts.forget_imports", "11 * * * * 0")
def forget_imports() -> None:
    """Files that have expired, and what can be undone no more."""
    for row in tenancy.door("forget old files of every team", "door_teams"):
        with tenancy.team_scope(row.team_id) as session:
            forgetting.forget(clock.now())
            stored_files.forget_expired(clock.now())
            session.commit()
