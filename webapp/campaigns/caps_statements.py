"""The statements of caps, as SQL: who looks and who writes must be the same statement."""

from __future__ import annotations

from sqlalchemy import text

# A day on which nothing was reserved yet.
OPEN_DAY = text("INSERT INTO day_spend (team_id, day) VALUES (:team, :day) ON CONFLICT DO NOTHING")

LOCK_DAYS = text(
    "SELECT day FROM day_spend WHERE team_id = :team AND day = ANY(:days) ORDER BY day FOR NO KEY UPDATE"
)

# Whoever waits here for another campaign's confirm looks anew at what that one has left.
RESERVE = text(
    """
UPDATE day_spend SET reserved = reserved + :n
WHERE team_id = :team AND day = :day AND reserved + :n <= :cap
RETURNING reserved
"""
)

GIVE_BACK = text("UPDATE day_spend SET reserved = reserved - :n WHERE team_id = :team AND day = :day")

# What was handed over, or may have been; a batch that was cut, or sent again, is counted as its children.
PARTS_GONE = text(
    """
SELECT coalesce(sum(parts::bigint * size), 0) FROM batch
WHERE team_id = :team AND campaign_id = :campaign AND state NOT IN ('stopped', 'replaced')
"""
)
