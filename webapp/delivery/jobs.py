"""Jobs about erasing: taken up when it is asked for, and again for as long as something waits."""

from __future__ import annotations

from webapp import jobs, tenancy
from webapp.delivery import erasing


@jobs.job(erasing.JOB)
def erase(erasure_id: int) -> None:
    """A number is to be erased."""
    erasing.work(erasure_id)


@jobs.periodic("delivery.sweep_erasures", "*/5 * * * * 0")
def sweep_erasures() -> None:
    """Numbers whose campaigns may be through with them by now."""
    for row in tenancy.door("take up erasures of every team", "door_teams"):
        with tenancy.team_scope(row.team_id):
            for erasure_id in erasing.open_ids():
                erasing.work(erasure_id)
