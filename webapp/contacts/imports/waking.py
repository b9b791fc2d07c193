"""How the pages tell a worker that there is something in a team's line of imports."""

from __future__ import annotations

from webapp import jobs, tenancy

WORK = "contacts.work_imports"


def wake() -> None:
    """Let a worker look at the team's line once the present transaction is committed."""
    jobs.enqueue(WORK, tenancy.scope(), once="line")
