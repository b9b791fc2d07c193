"""Reports under a msgid that nobody knows may tell what became of a request whose answer was lost."""

from __future__ import annotations

from datetime import datetime

from webapp import tenancy
from webapp.campaigns.adoption import adopt_msgid
from webapp.delivery import statements

MOST_MSGIDS = 200


def adopt_unknown(team_id: int, since: datetime) -> int:
    """Look at msgids first reported since then that belong to no batch; 1 if one found its batch, else 0.

    Needs an open scope of this team. The caller commits after each call, which adopts one msgid at most: two
    would lock batches and campaigns out of the common order.
    """
    rows = tenancy.session().execute(
        statements.UNKNOWN_MSGIDS, {"team": team_id, "since": since, "most": MOST_MSGIDS}
    ).all()  # fmt: skip
    for row in rows:
        # One that turns out to be nobody's must not leave its locks behind: the next one's come out of order.
        with tenancy.session().begin_nested() as attempt:
            if adopt_msgid(row.account_id, row.msgid, row.mobiles, row.first_heard):
                return 1
            attempt.rollback()
    return 0
