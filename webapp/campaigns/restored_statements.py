"""What is done to campaigns and requests of a database that is an older copy, in one team or in all.

A copy does not know what was sent after it was made, so nothing in it goes on by itself: what was on its way
waits for a person, and no request that was under way is made again. The role *owner* runs these for all
teams, the program's own for the team at hand: row-level security sees to that.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, text

# Why such a campaign is paused, and why an attempt of it has no answer.
RESTORED = "restored"

# A pause that ends with its account's trouble would end by itself; the others need a person already.
PAUSE = text(
    """
WITH paused AS (
    UPDATE campaign SET paused_by_machine = 'restored', paused_at = :now
    WHERE state IN ('planning', 'scheduled', 'ready', 'sending')
        AND (paused_by_machine IS NULL OR paused_by_machine IN (
            'credentials', 'frozen', 'balance', 'wrong_address', 'switched_off'))
    RETURNING team_id, id
), noted AS (
    INSERT INTO audit_entry (team_id, id, at, action, object_kind, object_id, address, details)
    SELECT team_id, :base + row_number() OVER (ORDER BY team_id, id), :now,
        'campaign.paused_by_machine', 'campaign', id, 'job', '{"why": "restored"}'
    FROM paused
)
SELECT count(*) FROM paused
"""
)

# Nobody waits for their answers here: the sweep takes them for lost at its first turn.
LOSE_ANSWERS = text(
    """
WITH lost AS (
    UPDATE batch SET lease_until = least(lease_until, :now) WHERE state = 'inflight'
    RETURNING team_id, campaign_id, no, attempts
)
UPDATE attempt SET outcome = 'unknown', why = 'restored', finished_at = :now
FROM lost WHERE attempt.team_id = lost.team_id AND attempt.campaign_id = lost.campaign_id
    AND attempt.batch_no = lost.no AND attempt.n = lost.attempts AND attempt.outcome IS NULL
"""
)

# How long ago their answers went missing is told by a clock that another program may have gone on by.
REPEAT_NOTHING = text("UPDATE batch SET wake_at = NULL WHERE state = 'hold'")


def hold_everything(connection: Connection, now: datetime, first_id: int) -> int:
    """Let nothing go on by itself; returns how many campaigns wait for a person now.

    `first_id` is of `database.new_id`, for what is written into the log. The caller commits.
    """
    connection.execute(LOSE_ANSWERS, {"now": now})
    connection.execute(REPEAT_NOTHING)
    return int(connection.execute(PAUSE, {"now": now, "base": first_id}).scalar_one())
