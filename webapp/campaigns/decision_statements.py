"""The statements of what a person decides, and of news about a batch that was sent again, as SQL.

Each one names the team although row-level security would, so that an index is used and the promise does not
hang on one wall alone.
"""

from __future__ import annotations

from sqlalchemy import text

# Which of a batch's numbers have no outcome of their own, in no order.
OPEN_NUMBERS = text(
    """
SELECT mobile FROM message
WHERE team_id = :team AND campaign_id = :campaign AND mobile = ANY(:mobiles) AND batch_no = :no
    AND outcome IS NULL
"""
)

COUNT_OPEN = text(
    """
UPDATE batch SET open = (
    SELECT count(*) FROM message
    WHERE team_id = :team AND campaign_id = :campaign AND mobile = ANY(:mobiles) AND batch_no = :child
        AND outcome IS NULL)
WHERE team_id = :team AND campaign_id = :campaign AND no = :child
"""
)

# Whether a batch is a second sending, or was cut from one.
IS_SECOND = text(
    """
WITH RECURSIVE line AS (
    SELECT no, parent, again FROM batch WHERE team_id = :team AND campaign_id = :campaign AND no = :no
    UNION
    SELECT batch.no, batch.parent, batch.again FROM line
    JOIN batch ON batch.team_id = :team AND batch.campaign_id = :campaign AND batch.no = line.parent
)
SELECT coalesce(bool_or(again), false) FROM line
"""
)

# Everything that came of batches because a person had them sent again: the children, and what these were cut
# into. Nearly always there is nothing, which an index tells.
DESCENDANTS = text(
    """
WITH RECURSIVE family AS (
    SELECT campaign_id, no FROM batch
    WHERE team_id = :team AND again AND (campaign_id, parent) IN (
        SELECT * FROM unnest(CAST(:campaigns AS bigint[]), CAST(:numbers AS integer[])))
    UNION
    SELECT batch.campaign_id, batch.no FROM family
    JOIN batch ON batch.team_id = :team AND batch.campaign_id = family.campaign_id
        AND batch.parent = family.no
)
SELECT campaign_id, no FROM family
"""
)

# Second sendings of a campaign that have not left, and the parts that such were cut into.
CLOSE_SECOND = text(
    """
WITH RECURSIVE second AS (
    SELECT no FROM batch WHERE team_id = :team AND campaign_id = :campaign AND again
    UNION
    SELECT batch.no FROM second
    JOIN batch ON batch.team_id = :team AND batch.campaign_id = :campaign AND batch.parent = second.no
)
UPDATE batch SET state = 'closed', wake_at = NULL FROM second
WHERE batch.team_id = :team AND batch.campaign_id = :campaign AND batch.no = second.no
    AND batch.state IN ('planned', 'retry', 'blocked')
RETURNING batch.no, batch.open
"""
)

# Back to the batch that was taken after all.
TAKE_BACK = text(
    """
WITH moved AS (
    UPDATE message SET batch_no = :parent
    WHERE team_id = :team AND campaign_id = :campaign AND mobile = ANY(:mobiles) AND batch_no = :child
        AND outcome IS NULL
    RETURNING 1
)
SELECT count(*) FROM moved
"""
)

NOTE_MSGID = text(
    """
INSERT INTO gateway_message (team_id, account_id, msgid, campaign_id, batch_no, source, noted_at)
VALUES (:team, :account, :msgid, :campaign, :no, :source, :now)
ON CONFLICT DO NOTHING
"""
)

# Batches of an account that were refused for one bad number and cut, whose numbers are all of these; a
# request that was never made cannot be meant.
HALVED = text(
    """
SELECT 1 FROM batch
WHERE team_id = :team AND account_id = :account AND state = 'replaced' AND why = 'bad_number'
    AND mobiles @> CAST(:mobiles AS text[])
    AND cardinality(CAST(:mobiles AS text[])) >= least(:fewest, size - 1)
    AND EXISTS (
        SELECT 1 FROM attempt WHERE attempt.team_id = :team AND attempt.campaign_id = batch.campaign_id
            AND attempt.batch_no = batch.no AND attempt.started_at <= :heard)
LIMIT 1
"""
)

# What such batches were cut into and has not been posted, with the first request that its numbers were in.
HALVES_NOT_POSTED = text(
    """
WITH RECURSIVE cut AS (
    SELECT batch.campaign_id, batch.no, attempt.started_at
    FROM batch JOIN attempt ON attempt.team_id = :team AND attempt.campaign_id = batch.campaign_id
        AND attempt.batch_no = batch.no AND attempt.n = batch.attempts
    WHERE batch.team_id = :team AND batch.account_id = :account AND batch.state = 'replaced'
        AND batch.why = 'bad_number'
    UNION ALL
    SELECT batch.campaign_id, batch.no, cut.started_at FROM cut
    JOIN batch ON batch.team_id = :team AND batch.campaign_id = cut.campaign_id AND batch.parent = cut.no
), first AS (
    SELECT campaign_id, no, min(started_at) AS started_at FROM cut GROUP BY campaign_id, no
)
SELECT batch.campaign_id, batch.no, batch.state, first.started_at
FROM batch JOIN first ON first.campaign_id = batch.campaign_id AND first.no = batch.no
WHERE batch.team_id = :team AND batch.state IN ('planned', 'retry', 'blocked')
    AND batch.first_unknown_at IS NULL
ORDER BY batch.campaign_id, batch.no
FOR NO KEY UPDATE OF batch
"""
)

# Batches that a person looks at, with the first and the last number of the request but not those between.
SHOWN = text(
    """
SELECT no, account_id, state, content, size, open, repeats, first_unknown_at, wake_at, why, decided_by,
    decided_at, mobiles[1] AS first, mobiles[size] AS last
FROM batch
WHERE team_id = :team AND campaign_id = :campaign AND no > :after AND open > 0
    AND CASE WHEN :on_hold
        THEN state = 'hold' OR (state = 'inflight' AND first_unknown_at IS NOT NULL)
        ELSE state = 'unconfirmed' END
ORDER BY no LIMIT :most
"""
)

# Every call that had people of these batches in it, also in the batches that they came of; the latest ones.
CALLS = text(
    """
WITH RECURSIVE line AS (
    SELECT no AS shown, no, parent FROM batch
    WHERE team_id = :team AND campaign_id = :campaign AND no = ANY(:numbers)
    UNION ALL
    SELECT line.shown, batch.no, batch.parent FROM line
    JOIN batch ON batch.team_id = :team AND batch.campaign_id = :campaign AND batch.no = line.parent
), call AS (
    SELECT line.shown, attempt.batch_no, attempt.n, attempt.started_at, attempt.finished_at, attempt.outcome,
        attempt.why, attempt.http_status, attempt.resp_code, attempt.msgid, attempt.answer,
        row_number() OVER (PARTITION BY line.shown ORDER BY attempt.started_at DESC, attempt.n DESC) AS place
    FROM line JOIN attempt ON attempt.team_id = :team AND attempt.campaign_id = :campaign
        AND attempt.batch_no = line.no
)
SELECT * FROM call WHERE place <= :most ORDER BY shown, started_at, batch_no, n
"""
)

# The balance before the first call and after the last one, and whether anything else can have moved it.
BALANCE_AROUND = text(
    """
WITH earlier AS (
    SELECT messages, read_at FROM balance_reading
    WHERE team_id = :team AND account_id = :account AND outcome = 'ok' AND messages IS NOT NULL
        AND id < :first_id
    ORDER BY id DESC LIMIT 1
), later AS (
    SELECT messages, read_at FROM balance_reading
    WHERE team_id = :team AND account_id = :account AND outcome = 'ok' AND messages IS NOT NULL
        AND id > :last_id
    ORDER BY id LIMIT 1
)
SELECT earlier.messages AS before, earlier.read_at AS before_at, later.messages AS after,
    later.read_at AS after_at,
    EXISTS (
        SELECT 1 FROM campaign JOIN attempt ON attempt.team_id = :team AND attempt.campaign_id = campaign.id
        WHERE campaign.team_id = :team AND campaign.account_id = :account
            AND campaign.started_at < later.read_at
            AND coalesce(campaign.handed_over_at, 'infinity') > earlier.read_at
            AND attempt.started_at < later.read_at
            AND coalesce(attempt.finished_at, 'infinity') > earlier.read_at
            AND coalesce(attempt.outcome, 'unknown') NOT IN ('not_left', 'never_left', 'refused')
            AND NOT (campaign.id = :campaign AND attempt.batch_no = ANY(:numbers))
    ) AS others
FROM earlier CROSS JOIN later
"""
)
