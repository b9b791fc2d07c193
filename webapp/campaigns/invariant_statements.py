"""What must always hold of a team's campaigns, as statements that find the rows of which it does not.

Each one is read in a single look of the database, so that sending may go on meanwhile.
"""

from __future__ import annotations

from sqlalchemy import TextClause, text

from webapp.campaigns.rollup_statements import STEP

RECOUNT_MINUTES = text(
    """
SELECT campaign.id, campaign.waiting, campaign.unconfirmed, campaign.no_report, campaign.delivered,
    campaign.failed, campaign.not_sent,
    minutes.waiting AS counted_waiting, minutes.unconfirmed AS counted_unconfirmed,
    minutes.no_report AS counted_no_report, minutes.delivered AS counted_delivered,
    minutes.failed AS counted_failed, minutes.not_sent AS counted_not_sent
FROM campaign CROSS JOIN LATERAL (
    SELECT coalesce(sum(waiting), 0) AS waiting, coalesce(sum(unconfirmed), 0) AS unconfirmed,
        coalesce(sum(no_report), 0) AS no_report, coalesce(sum(delivered), 0) AS delivered,
        coalesce(sum(failed), 0) AS failed, coalesce(sum(not_sent), 0) AS not_sent
    FROM campaign_minute
    WHERE campaign_minute.team_id = :team AND campaign_minute.campaign_id = campaign.id
) AS minutes
WHERE campaign.team_id = :team
"""
)

# Messages that were handed over, as rollup_hour counts them. One whose batch has no hour is counted under
# none, and differs.
RECOUNT_ROLLUPS = text(
    """
WITH handed AS (
    SELECT message.mobile, batch.account_id, batch.parts,
        date_trunc('hour', batch.handed_at, 'UTC') AS hour, CASE
        WHEN message.outcome IN ('delivered', 'failed') THEN message.outcome
        WHEN message.outcome = 'other' THEN 'no_report'
        WHEN message.outcome = 'not_sent' THEN NULL
        WHEN batch.state = 'accepted' THEN 'no_report'
        WHEN batch.state = 'rejected' THEN 'failed'
        WHEN batch.state IN ('hold', 'unconfirmed', 'closed') THEN 'unconfirmed'
        WHEN batch.state = 'inflight' AND batch.first_unknown_at IS NOT NULL THEN 'unconfirmed'
        END AS outcome
    FROM message JOIN batch ON batch.team_id = message.team_id
        AND batch.campaign_id = message.campaign_id AND batch.no = message.batch_no
    WHERE message.team_id = :team
), counted AS (
    SELECT hour, account_id, operator_of(mobile) AS operator, outcome, count(*) AS messages,
        sum(parts) AS parts
    FROM handed WHERE outcome IS NOT NULL GROUP BY 1, 2, 3, 4
)
SELECT hour, account_id, operator, outcome, coalesce(rolled_up.messages, 0) AS shown,
    coalesce(counted.messages, 0) AS counted, coalesce(rolled_up.parts, 0) AS shown_parts,
    coalesce(counted.parts, 0) AS counted_parts
FROM counted FULL JOIN (SELECT * FROM rollup_hour WHERE team_id = :team) AS rolled_up
    USING (hour, account_id, operator, outcome)
WHERE coalesce(rolled_up.messages, 0) <> coalesce(counted.messages, 0)
    OR coalesce(rolled_up.parts, 0) <> coalesce(counted.parts, 0)
ORDER BY hour, account_id, operator, outcome
"""
)

# Messages that have an outcome by a report, as rollup_report counts them.
RECOUNT_REPORTS = text(
    f"""
WITH heard AS (
    SELECT batch.account_id, batch.handed_at, message.outcome, message.status, message.reported_at
    FROM message JOIN batch ON batch.team_id = message.team_id
        AND batch.campaign_id = message.campaign_id AND batch.no = message.batch_no
    WHERE message.team_id = :team AND message.outcome IN ('delivered', 'failed', 'other')
), counted AS (
    SELECT date_trunc('hour', handed_at, 'UTC') AS hour, account_id, outcome, status, {STEP} AS step,
        count(*) AS messages
    FROM heard GROUP BY 1, 2, 3, 4, 5
)
SELECT hour, account_id, outcome, status, step, coalesce(rolled_up.messages, 0) AS shown,
    coalesce(counted.messages, 0) AS counted
FROM counted FULL JOIN (SELECT * FROM rollup_report WHERE team_id = :team) AS rolled_up
    USING (hour, account_id, outcome, status, step)
WHERE coalesce(rolled_up.messages, 0) <> coalesce(counted.messages, 0)
ORDER BY hour, account_id, outcome, status, step
"""  # noqa: S608 # put together from our own text
)


def _found(rows: str) -> TextClause:
    """How many rows (campaign, no) break a rule, and the first of them; `no` is 0 for a whole campaign."""
    return text(
        f"SELECT count(*) AS found, min(ARRAY[campaign, no]) AS first FROM ({rows}) AS broken"  # noqa: S608 # our own text
    )


# I1. That the tallies make up the recipients is a rule of the table; here they are held against the rows.
RECIPIENTS = _found("""
SELECT id AS campaign, 0 AS no FROM campaign
WHERE team_id = :team AND state <> 'draft' AND NOT stale_rows AND (
    recipients <> waiting + unconfirmed + no_report + delivered + failed + not_sent
    OR CASE WHEN planned_at IS NULL
        THEN recipients <> (SELECT count(*) FROM audience
            WHERE audience.team_id = :team AND audience.campaign_id = campaign.id)
        ELSE recipients <> (SELECT count(*) FROM message
            WHERE message.team_id = :team AND message.campaign_id = campaign.id) END)
""")

# I2. The numbers that batches hold against the messages that point to them. Not looked for among messages are
# the numbers of a batch that was replaced, or emptied by a stop; a message keeps its own outcome where its
# batch was sent again without it, and one that is not sent need be in no batch.
LIVE_BATCHES = _found("""
SELECT coalesce(held.campaign_id, message.campaign_id) AS campaign, coalesce(held.no, message.batch_no) AS no
FROM (
    SELECT batch.campaign_id, batch.no, batch.state, batch.open, held.mobile, count(*) AS times
    FROM batch CROSS JOIN LATERAL unnest(batch.mobiles) AS held (mobile)
    JOIN campaign ON campaign.team_id = :team AND campaign.id = batch.campaign_id AND NOT campaign.stale_rows
    WHERE batch.team_id = :team GROUP BY 1, 2, 3, 4, 5
) AS held
FULL JOIN (
    SELECT message.campaign_id, message.batch_no, message.mobile, message.outcome
    FROM message
    JOIN campaign ON campaign.team_id = :team AND campaign.id = message.campaign_id
        AND NOT campaign.stale_rows
    WHERE message.team_id = :team
) AS message
    ON message.campaign_id = held.campaign_id AND message.batch_no = held.no AND message.mobile = held.mobile
WHERE held.times > 1
    OR (message.mobile IS NULL AND held.state <> 'replaced'
        AND NOT (held.state = 'stopped' AND held.open = 0))
    OR (held.mobile IS NULL AND message.outcome IS DISTINCT FROM 'not_sent')
    OR (held.state = 'replaced' AND message.mobile IS NOT NULL AND message.outcome IS NULL)
""")

# I3, as far as rows tell: what was posted has a digest, and what is posted again goes the same way. Whether
# the digest is that of the numbers and the text is looked at apart, because it needs the account's uid.
WITHOUT_DIGEST = _found("""
SELECT campaign_id AS campaign, no FROM batch
WHERE team_id = :team AND attempts > 0 AND (digest IS NULL OR account_fingerprint IS NULL)
UNION
SELECT batch.campaign_id, batch.no FROM batch
JOIN attempt ON attempt.team_id = :team AND attempt.campaign_id = batch.campaign_id
    AND attempt.batch_no = batch.no
WHERE batch.team_id = :team AND batch.first_unknown_at <= attempt.started_at
    AND attempt.account_id <> batch.account_id
    AND coalesce(attempt.outcome, 'open') NOT IN ('refused', 'not_left', 'never_left')
""")

# The digest of a batch outlives the numbers that were erased from it: then nothing can be held against it.
DIGESTS = text(
    """
SELECT campaign_id, no, digest, content, mobiles FROM batch
WHERE team_id = :team AND account_id = :account AND account_fingerprint = :fingerprint AND attempts > 0
    AND NOT EXISTS (SELECT 1 FROM unnest(mobiles) AS held (mobile) WHERE held.mobile LIKE 'x%')
    AND state IN ('inflight', 'hold', 'accepted', 'rejected', 'unconfirmed', 'closed', 'replaced')
"""
)

# I4, as far as rows tell: each attempt that a batch counts has its row, and only what is in flight or was
# recognised meanwhile waits for an answer.
ATTEMPTS = _found("""
SELECT batch.campaign_id AS campaign, batch.no FROM batch LEFT JOIN (
    SELECT campaign_id, batch_no, count(*) AS made, max(n) AS last,
        count(*) FILTER (WHERE outcome IS NULL) AS waiting,
        max(n) FILTER (WHERE outcome IS NULL) AS last_waiting
    FROM attempt WHERE team_id = :team GROUP BY 1, 2
) AS tried ON tried.campaign_id = batch.campaign_id AND tried.batch_no = batch.no
WHERE batch.team_id = :team AND (
    batch.attempts <> coalesce(tried.made, 0) OR batch.attempts <> coalesce(tried.last, 0)
    OR (batch.state = 'inflight' AND tried.last_waiting IS DISTINCT FROM batch.attempts)
    OR (batch.state NOT IN ('inflight', 'accepted', 'replaced') AND tried.waiting > 0))
""")

# I5. What a batch was sent again as is known as taken by its parent's answer; a late answer to an earlier
# attempt waits for that of the repeat under way.
TAKEN = _found("""
SELECT batch.campaign_id AS campaign, batch.no FROM batch CROSS JOIN LATERAL (
    SELECT EXISTS (SELECT 1 FROM attempt WHERE attempt.team_id = :team
        AND attempt.campaign_id = batch.campaign_id AND attempt.batch_no = batch.no
        AND attempt.outcome = 'taken') AS answered
) AS known
WHERE batch.team_id = :team AND (
    (known.answered AND batch.state NOT IN ('accepted', 'replaced', 'inflight'))
    OR (batch.state = 'accepted' AND NOT known.answered
        AND NOT (batch.decided_at IS NOT NULL AND batch.why = 'person')
        AND NOT (batch.parent IS NOT NULL AND batch.why = 'taken_after_all')
        AND NOT EXISTS (SELECT 1 FROM gateway_message AS named WHERE named.team_id = :team
            AND named.campaign_id = batch.campaign_id AND named.batch_no = batch.no
            AND named.source IN ('adopted', 'person'))))
""")

# I6. Nor is it called stopped, which says that nobody got it.
UNKNOWN = _found("""
SELECT batch.campaign_id AS campaign, batch.no FROM batch
WHERE batch.team_id = :team
    AND batch.state IN ('planned', 'retry', 'blocked', 'rejected', 'replaced', 'stopped')
    AND (batch.first_unknown_at IS NOT NULL OR EXISTS (
        SELECT 1 FROM attempt WHERE attempt.team_id = :team AND attempt.campaign_id = batch.campaign_id
            AND attempt.batch_no = batch.no AND attempt.outcome IN ('unknown', 'wrong_address')))
    AND NOT (batch.state = 'replaced' AND batch.decided_at IS NOT NULL AND EXISTS (
        SELECT 1 FROM batch AS child WHERE child.team_id = :team AND child.campaign_id = batch.campaign_id
            AND child.parent = batch.no AND child.again))
""")

# What the state of a campaign says of its batches.
STATES = _found("""
SELECT campaign.id AS campaign, batch.no FROM campaign
JOIN batch ON batch.team_id = :team AND batch.campaign_id = campaign.id
WHERE campaign.team_id = :team AND (
    (campaign.state IN ('waiting_for_reports', 'finished', 'stopped')
        AND batch.state IN ('planned', 'inflight', 'retry', 'blocked', 'hold'))
    OR (campaign.started_at IS NULL AND batch.attempts > 0))
UNION
SELECT id, 0 FROM campaign
WHERE team_id = :team AND state IN ('sending', 'waiting_for_reports', 'finished') AND started_at IS NULL
""")
