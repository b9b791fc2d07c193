"""The statements that the demonstration has of its own."""

from __future__ import annotations

from sqlalchemy import text

# As the receiver writes them, but in the transaction at hand, so that nobody sees half a story.
TELL = text(
    """
INSERT INTO report_inbox (team_id, account_id, received_at, msgid, mobile, status, time_text, reported_at)
SELECT :team, :account, :at, msgid, mobile, status, '', reported_at
FROM unnest(CAST(:msgids AS text[]), CAST(:mobiles AS text[]), CAST(:statuses AS text[]),
    CAST(:times AS timestamptz[])) AS told (msgid, mobile, status, reported_at)
"""
)

# Settling lays a group out in tables of the session that are emptied by a commit; here several groups are
# settled before there is one.
CLEAR = tuple(
    text(f"DELETE FROM {table}")  # noqa: S608 # names from the line below
    for table in ("settling_report", "settling_batch", "settling_match")
)
