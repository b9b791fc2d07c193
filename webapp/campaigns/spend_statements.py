"""What campaigns cost, as SQL over their batches: a handful of rows for thousands of people."""

from __future__ import annotations

from sqlalchemy import text

PARTS_WAITING = text(
    """
SELECT coalesce(sum(parts::bigint * open), 0) FROM batch
WHERE team_id = :team AND campaign_id = :campaign
    AND state IN ('planned', 'retry', 'blocked', 'inflight') AND first_unknown_at IS NULL
"""
)

# Taken as far as anybody said, and what may have been taken: also the first request of what was sent again.
_SUMS = """
    coalesce(sum(batch.parts::bigint * batch.size) FILTER (WHERE batch.state = 'accepted'), 0) AS accepted,
    coalesce(sum(batch.parts::bigint * batch.size) FILTER (WHERE batch.first_unknown_at IS NOT NULL
        AND batch.state IN ('hold', 'unconfirmed', 'closed', 'inflight', 'replaced')), 0) AS unclear,
    coalesce(sum(batch.parts::bigint * batch.size) FILTER (WHERE batch.repeats > 0), 0) AS repeated
"""

OWN = text(f"SELECT {_SUMS} FROM batch WHERE team_id = :team AND campaign_id = :campaign")  # noqa: S608 # our own text

# The last balance before the first request, the first one after the last, and what was seen between them.
READINGS = text(
    """
WITH earlier AS (
    SELECT id, messages, read_at FROM balance_reading
    WHERE team_id = :team AND account_id = :account AND outcome = 'ok' AND messages IS NOT NULL
        AND id < :first_id
    ORDER BY id DESC LIMIT 1
), later AS (
    SELECT id, messages, read_at FROM balance_reading
    WHERE team_id = :team AND account_id = :account AND outcome = 'ok' AND messages IS NOT NULL
        AND id > :last_id
    ORDER BY id LIMIT 1
), between_them AS (
    SELECT messages, messages - lag(messages) OVER (ORDER BY id) AS rise FROM balance_reading
    WHERE team_id = :team AND account_id = :account AND outcome = 'ok' AND messages IS NOT NULL
        AND id BETWEEN (SELECT id FROM earlier) AND (SELECT id FROM later)
)
SELECT earlier.messages AS before, earlier.read_at AS before_at, later.messages AS after,
    later.read_at AS after_at,
    (SELECT coalesce(sum(rise) FILTER (WHERE rise > 0), 0) FROM between_them) AS rises,
    (SELECT count(*) FROM balance_reading WHERE team_id = :team AND account_id = :account
        AND id BETWEEN earlier.id AND later.id AND messages IS NULL) AS odd
FROM (SELECT 1) AS one LEFT JOIN earlier ON true LEFT JOIN later ON true
"""
)

# Other campaigns of the account, with what was handed over of them in that time; the largest first.
OTHERS = text(
    f"""
SELECT campaign.id, campaign.name, {_SUMS}
FROM campaign JOIN batch ON batch.team_id = :team AND batch.campaign_id = campaign.id
    AND coalesce(batch.handed_at, batch.first_unknown_at) > :since
    AND coalesce(batch.handed_at, batch.first_unknown_at) <= :until
WHERE campaign.team_id = :team AND campaign.account_id = :account AND campaign.id <> :campaign
    AND campaign.started_at <= :until
    AND (campaign.handed_over_at IS NULL OR campaign.handed_over_at >= :since)
GROUP BY campaign.id, campaign.name
ORDER BY accepted DESC, campaign.id
"""  # noqa: S608 # our own text
)
