"""What is known of one message, as SQL. Everything is found by a key: the message, its batch, its reports."""

from __future__ import annotations

from sqlalchemy import text

# The batch that a message is in, and those that it was cut out of or is sent again for; the first one first.
BATCHES = text(
    """
WITH RECURSIVE line AS (
    SELECT no, parent, again, state, decided_by, decided_at, 0 AS depth FROM batch
    WHERE team_id = :team AND campaign_id = :campaign AND no = :no
    UNION ALL
    SELECT batch.no, batch.parent, batch.again, batch.state, batch.decided_by, batch.decided_at, depth + 1
    FROM line JOIN batch ON batch.team_id = :team AND batch.campaign_id = :campaign AND batch.no = line.parent
    WHERE depth < 50
)
SELECT no, again, state, decided_by, decided_at FROM line ORDER BY depth DESC
"""
)

ATTEMPTS = text(
    """
SELECT batch_no, n, started_at, finished_at, outcome, why, resp_code, msgid FROM attempt
WHERE team_id = :team AND campaign_id = :campaign AND batch_no = ANY(:batches)
ORDER BY started_at, batch_no, n
"""
)

# Ids by which reports name a batch that were not in an answer.
MSGIDS = text(
    """
SELECT msgid, source, noted_at FROM gateway_message
WHERE team_id = :team AND campaign_id = :campaign AND batch_no = ANY(:batches) AND source <> 'answer'
ORDER BY noted_at, msgid
"""
)

REPORTS = text(
    """
SELECT msgid, status, time_text, reported_at, first_received_at, last_received_at, seen FROM report
WHERE team_id = :team AND campaign_id = :campaign AND mobile = :mobile AND state = 'matched' AND copy = :copy
ORDER BY first_received_at, identity
LIMIT :most
"""
)
