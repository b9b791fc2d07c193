"""The line under a balance: owners and admins are told once when a reading falls below it.

Whether they have been told stands on the account, locked and written with the reading that told it, so two
readings at one moment cannot both tell, and no reading is stored without it. A reading above the line ends
that, and the next fall is told again. A balance that is no number lies on no side of a line.
"""

from __future__ import annotations

from datetime import datetime

from webapp import jobs
from webapp.accounts.audit import audit
from webapp.accounts.permissions import Role
from webapp.accounts.queries import people_in
from webapp.extensions import db
from webapp.gateway.models import BalanceReading, GatewayAccount

TOLD = (Role.OWNER, Role.ADMIN)
# The database holds no larger one, and nobody owns that many messages.
MOST_LINE = 10**15


def watch(account: GatewayAccount, reading: BalanceReading, now: datetime) -> None:
    """Look on which side of the line a reading lies; the account's row must be locked."""
    if account.alert_below is None or reading.messages is None or account.disabled_at is not None:
        return
    low = reading.messages < account.alert_below
    if low == (account.alerted_at is not None):
        return
    account.alerted_at = now if low else None
    audit(
        "gateway.balance_low" if low else "gateway.balance_well",
        "gateway_account",
        account.id,
        messages=reading.messages,
        line=account.alert_below,
    )
    if not low:
        return
    # A job each: what one mail server refuses is tried again without telling the others twice.
    for person in people_in(*TOLD):
        jobs.enqueue(
            "gateway.tell_low",
            account.team_id,
            account_id=account.id,
            reading_id=reading.id,
            user_id=person.id,
        )


def set_line(account: GatewayAccount, line: int | None, left: int | None) -> None:
    """Draw the line anew, or take it away with None. `left`: the balance known now.

    Who was told of a balance that lies below the new line too is not told again.
    """
    if account.alert_below == line:
        return
    account.alert_below = line
    if line is None or left is None or left >= line:
        account.alerted_at = None
    db.session.flush()
    audit("gateway.line_set", "gateway_account", account.id, line=line)
