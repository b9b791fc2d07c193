"""Whether a gateway keeps its promise to swallow a request that it got before.

Repeating an identical request rests on that promise alone. Reports are what can tell that it was broken: one
number delivered under two msgids of one batch.
"""

from __future__ import annotations

from webapp import tenancy
from webapp.delivery import late_statements
from webapp.gateway import operations as gateway


def check(team_id: int) -> None:
    """Stop repeating through accounts whose gateway broke it, going by the reports settled just now.

    Their rows must be stored, and batches and campaigns locked before: accounts come last.
    """
    rows = tenancy.session().execute(late_statements.DELIVERED_TWICE, {"team": team_id})
    first = {row.account_id: row for row in reversed(rows.all())}
    for account_id, row in sorted(first.items()):
        gateway.note_broken_promise(account_id, row.campaign_id, row.no)
