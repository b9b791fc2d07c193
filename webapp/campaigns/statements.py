"""The set-based statements of planning and sending, as SQL.

They move thousands of rows at once; written with the query builder they would be harder to read and to
EXPLAIN. Values are always bound. Each one names the team although row-level security would, so that an index
is used and the promise does not hang on one wall alone.
"""

from __future__ import annotations

from sqlalchemy import text

# The next slice of the frozen audience, walked by (text, number, copy); its numbers fall into batches of at
# most `:limit` of one text each. `place` counts within a text, those who opted out since the confirm not
# included: they get a message, but no batch. A slice ends with the last whole batch of the text that it would
# cut, so that no request is smaller than it must be; only where that would leave nothing it ends anywhere.
# Opt-outs and texts are asked for row by row: nobody knows how many rows there are in a slice that is planned
# anew each time, and a join for two rows takes minutes for thousands.
PLAN_CHUNK = text(
    """
WITH next AS (
    SELECT slice.*, CASE WHEN EXISTS (SELECT 1 FROM opt_out WHERE team_id = :team) THEN (
        SELECT true FROM opt_out WHERE team_id = :team AND opt_out.mobile = slice.mobile) IS NOT NULL
        ELSE false END AS opted_out
    FROM (
        SELECT text_hash, mobile, copy, variables FROM audience
        WHERE team_id = :team AND campaign_id = :campaign
            AND (text_hash, mobile, copy) > (:hash, :mobile, :copy)
        ORDER BY text_hash, mobile, copy LIMIT :chunk
    ) AS slice
), ending AS MATERIALIZED (
    SELECT text_hash, count(*) FILTER (WHERE NOT opted_out) AS people, (SELECT count(*) FROM next) AS walked,
        text_hash = (SELECT text_hash FROM next ORDER BY text_hash LIMIT 1) AS alone
    FROM next WHERE text_hash = (SELECT text_hash FROM next ORDER BY text_hash DESC LIMIT 1)
    GROUP BY text_hash
), counted AS (
    SELECT *, count(*) FILTER (WHERE NOT opted_out)
        OVER (PARTITION BY text_hash ORDER BY mobile, copy ROWS UNBOUNDED PRECEDING) AS place
    FROM next
), placed AS (
    SELECT text_hash, mobile, copy, variables, opted_out, CASE WHEN opted_out THEN 0
        ELSE :first_no - 1 + dense_rank() OVER in_order END AS no
    FROM counted
    WHERE text_hash <> (SELECT text_hash FROM ending) OR place <= (
        SELECT CASE WHEN walked < :chunk OR (alone AND people < :limit) THEN people
            ELSE people / :limit * :limit END
        FROM ending)
    WINDOW in_order AS (PARTITION BY opted_out ORDER BY text_hash, (place - 1) / :limit)
), messages AS (
    INSERT INTO message (team_id, campaign_id, mobile, copy, batch_no, outcome, variables)
    SELECT :team, :campaign, mobile, copy, no, CASE WHEN opted_out THEN 'not_sent' END, variables FROM placed
    RETURNING 1
), batches AS (
    INSERT INTO batch (team_id, campaign_id, no, account_id, state, content, parts, mobiles, size, open)
    SELECT :team, :campaign, cut.no, :account, :state, filled.content, filled.parts, cut.mobiles,
        cardinality(cut.mobiles), cardinality(cut.mobiles)
    FROM (
        SELECT no, text_hash, array_agg(mobile ORDER BY mobile, copy) AS mobiles FROM placed
        WHERE NOT opted_out GROUP BY no, text_hash
    ) AS cut
    CROSS JOIN LATERAL (
        SELECT content, parts FROM campaign_text
        WHERE team_id = :team AND campaign_id = :campaign AND text_hash = cut.text_hash
        LIMIT 1
    ) AS filled
)
SELECT (SELECT count(*) FROM messages) AS messages,
    (SELECT count(*) FROM placed WHERE opted_out) AS opted_out,
    (SELECT max(no) FROM placed) AS last_no,
    last.text_hash AS hash, last.mobile, last.copy
FROM (SELECT 1) AS one LEFT JOIN (
    SELECT text_hash, mobile, copy FROM placed ORDER BY text_hash DESC, mobile DESC, copy DESC LIMIT 1
) AS last ON true
"""
)

# What the last check before the first batch compares with the recipients. Who has no batch opted out.
PLANNED_SUMS = text(
    """
SELECT
    (SELECT coalesce(sum(size), 0) FROM batch WHERE team_id = :team AND campaign_id = :campaign
        AND state <> 'replaced') AS batched,
    count(*) FILTER (WHERE batch_no = 0 AND outcome = 'not_sent') AS not_sent,
    count(*) AS messages
FROM message WHERE team_id = :team AND campaign_id = :campaign
"""
)

# Batches that may go now, one campaign after the other, as many as the account has free connections. Whoever
# else is claiming skips them; the account's row, locked before, keeps the count of those in flight right.
DUE_BATCHES = text(
    """
SELECT batch.campaign_id, batch.no, batch.content, batch.mobiles, batch.attempts,
    EXISTS (SELECT 1 FROM opt_out WHERE team_id = :team) AS any_opt_outs
FROM batch JOIN campaign ON campaign.team_id = batch.team_id AND campaign.id = batch.campaign_id
WHERE batch.team_id = :team AND batch.account_id = :account AND batch.state IN ('planned', 'retry')
    AND (batch.wake_at IS NULL OR batch.wake_at <= :now)
    AND batch.first_unknown_at IS NULL AND batch.size <= :limit
    AND campaign.state = 'sending' AND campaign.kind = ANY(:kinds)
    AND (campaign.not_after IS NULL OR campaign.not_after >= :now)
    AND campaign.paused_by_person IS NULL AND campaign.paused_by_machine IS NULL
ORDER BY batch.campaign_id, batch.no
LIMIT :free
FOR NO KEY UPDATE OF batch SKIP LOCKED
"""
)

# Batches without a clear answer whose identical request may be made again: only through the same account at
# the same address, and only while its answer will still come within the time in which the gateway swallows
# repeats. The clock stands in the statement, so no pause, breaker or dead worker sends a repeat too late; a
# clock that was set back sends none.
DUE_REPEATS = text(
    """
SELECT batch.campaign_id, batch.no, batch.content, batch.mobiles, batch.size, batch.attempts,
    batch.first_unknown_at, batch.digest
FROM batch JOIN campaign ON campaign.team_id = batch.team_id AND campaign.id = batch.campaign_id
WHERE batch.team_id = :team AND batch.account_id = :account AND batch.state = 'hold'
    AND batch.first_unknown_at <= :now AND batch.wake_at <= :now
    AND :answered_by < batch.first_unknown_at + make_interval(secs => :dedup)
    AND batch.account_fingerprint = :fingerprint
    AND campaign.state = 'sending' AND campaign.kind = ANY(:kinds)
    AND (campaign.not_after IS NULL OR campaign.not_after >= :now)
    AND campaign.paused_by_person IS NULL AND campaign.paused_by_machine IS NULL
ORDER BY batch.wake_at, batch.campaign_id, batch.no
LIMIT :free
FOR NO KEY UPDATE OF batch SKIP LOCKED
"""
)

# The lock that everybody who rolls up takes, where it must not be waited for.
TRY_LOCK_ROLLUPS = text("SELECT pg_try_advisory_xact_lock(hashtextextended('tidings.rollups', :team))")

# A message that was reported on all the same keeps what was reported.
MARK_NOT_SENT = text(
    """
WITH marked AS (
    UPDATE message SET outcome = 'not_sent'
    WHERE team_id = :team AND campaign_id = :campaign AND mobile = ANY(:mobiles) AND batch_no = :no
        AND outcome IS NULL
    RETURNING 1
)
SELECT count(*) FROM marked
"""
)

# What the machine may do about an unclear answer is done, or its time is over: a person decides. This is so
# whatever campaign, account and hours are.
UNDECIDED = text(
    """
WITH undecided AS (
    SELECT batch.team_id, batch.campaign_id, batch.no
    FROM batch JOIN gateway_account AS account
        ON account.team_id = batch.team_id AND account.id = batch.account_id
    WHERE batch.team_id = :team AND batch.state = 'hold'
        AND CASE WHEN account.repeat_mode = 'repeat'
            THEN batch.wake_at IS NULL
                OR :answered_by >= batch.first_unknown_at + make_interval(secs => account.dedup_seconds)
            ELSE batch.first_unknown_at + make_interval(secs => :evidence) <= :now END
    ORDER BY batch.campaign_id, batch.no
    FOR NO KEY UPDATE OF batch SKIP LOCKED
)
UPDATE batch SET state = 'unconfirmed', wake_at = NULL FROM undecided
WHERE batch.team_id = undecided.team_id AND batch.campaign_id = undecided.campaign_id
    AND batch.no = undecided.no
RETURNING batch.campaign_id
"""
)

# Planned before the gateway said that it takes fewer numbers a request. Not of an earlier version of a
# campaign: what it had planned only waits to be taken away.
OVERSIZED = text(
    """
SELECT batch.campaign_id, batch.no
FROM batch JOIN campaign ON campaign.team_id = batch.team_id AND campaign.id = batch.campaign_id
WHERE batch.team_id = :team AND batch.account_id = :account AND batch.state IN ('planned', 'retry')
    AND batch.size > :limit AND NOT campaign.stale_rows
ORDER BY batch.campaign_id, batch.no LIMIT 100
FOR NO KEY UPDATE OF batch SKIP LOCKED
"""
)

MARK_INFLIGHT = text(
    """
UPDATE batch SET state = 'inflight', attempts = :n, repeats = repeats + :repeated, digest = :digest,
    account_fingerprint = :fingerprint, lease_until = :lease_until, wake_at = NULL
WHERE team_id = :team AND campaign_id = :campaign AND no = :no
"""
)

MOVE_MESSAGES = text(
    """
UPDATE message SET batch_no = :child
WHERE team_id = :team AND campaign_id = :campaign AND mobile = ANY(:mobiles) AND batch_no = :parent
"""
)

# Nothing is under way and nothing is left to plan.
STOPPED = text(
    """
UPDATE campaign SET state = 'stopped', handed_over_at = coalesce(handed_over_at, :now), finished_at = :now
WHERE team_id = :team AND id = :campaign AND state = 'stopping'
    AND NOT EXISTS (SELECT 1 FROM batch WHERE team_id = :team AND campaign_id = :campaign
        AND state = 'inflight')
    AND NOT EXISTS (SELECT 1 FROM audience WHERE team_id = :team AND campaign_id = :campaign)
RETURNING account_id
"""
)

# An answer is written over the reaper's "unknown", never over another answer.
CLOSE_ATTEMPT = text(
    """
UPDATE attempt SET finished_at = :now, outcome = :outcome, why = :why, http_status = :http_status,
    resp_code = :resp_code, msgid = :msgid, answer = :answer
WHERE team_id = :team AND campaign_id = :campaign AND batch_no = :no AND n = :n
    AND (outcome IS NULL OR (outcome = 'unknown' AND why = 'reaped'))
"""
)

NOTE_MSGID = text(
    """
INSERT INTO gateway_message (team_id, account_id, msgid, campaign_id, batch_no, attempt, source, noted_at)
VALUES (:team, :account, :msgid, :campaign, :no, :n, 'answer', :now)
ON CONFLICT DO NOTHING
"""
)

HANDED_OVER = text(
    """
UPDATE campaign SET state = 'waiting_for_reports', handed_over_at = :now
WHERE team_id = :team AND id = :campaign AND state = 'sending' AND NOT EXISTS (
    SELECT 1 FROM batch WHERE team_id = :team AND campaign_id = :campaign
        AND state IN ('planned', 'inflight', 'retry', 'blocked', 'hold'))
RETURNING account_id
"""
)

EXPIRED_LEASES = text(
    """
SELECT campaign_id, no, attempts, repeats, open, first_unknown_at FROM batch
WHERE team_id = :team AND state = 'inflight' AND lease_until < :now
ORDER BY campaign_id, no
FOR NO KEY UPDATE SKIP LOCKED
"""
)

# The tallies counted anew from messages and batches; must equal what the columns say. Who opted out before
# the planning has no batch. What an earlier version had planned does not count.
RECOUNT = text(
    """
SELECT campaign.id, campaign.waiting, campaign.unconfirmed, campaign.no_report, campaign.delivered,
    campaign.failed, campaign.not_sent,
    count(tally) FILTER (WHERE tally = 'waiting')
        + CASE WHEN campaign.state IN ('planning', 'stopping')
            THEN campaign.recipients - count(tally) ELSE 0 END
        AS counted_waiting,
    count(tally) FILTER (WHERE tally = 'unconfirmed') AS counted_unconfirmed,
    count(tally) FILTER (WHERE tally = 'no_report') AS counted_no_report,
    count(tally) FILTER (WHERE tally = 'delivered') AS counted_delivered,
    count(tally) FILTER (WHERE tally = 'failed') AS counted_failed,
    count(tally) FILTER (WHERE tally = 'not_sent') AS counted_not_sent
FROM campaign LEFT JOIN LATERAL (
    SELECT CASE
        WHEN message.outcome = 'other' THEN 'no_report'
        WHEN message.outcome IS NOT NULL THEN message.outcome
        WHEN batch.state = 'inflight' AND batch.first_unknown_at IS NOT NULL THEN 'unconfirmed'
        WHEN batch.state IN ('planned', 'retry', 'blocked', 'inflight') THEN 'waiting'
        WHEN batch.state IN ('hold', 'unconfirmed', 'closed') THEN 'unconfirmed'
        WHEN batch.state = 'accepted' THEN 'no_report'
        WHEN batch.state = 'rejected' THEN 'failed'
        WHEN batch.state = 'stopped' THEN 'not_sent'
    END AS tally
    FROM message LEFT JOIN batch ON batch.team_id = message.team_id
        AND batch.campaign_id = message.campaign_id AND batch.no = message.batch_no
    WHERE message.team_id = :team AND message.campaign_id = campaign.id AND NOT campaign.stale_rows
) AS counted ON true
WHERE campaign.team_id = :team AND campaign.state <> 'draft'
GROUP BY campaign.team_id, campaign.id
"""
)

RECOUNT_OPEN = text(
    """
SELECT batch.campaign_id, batch.no, batch.open, count(message.mobile) AS counted
FROM batch LEFT JOIN message ON message.team_id = batch.team_id AND message.campaign_id = batch.campaign_id
    AND message.batch_no = batch.no AND message.outcome IS NULL
WHERE batch.team_id = :team AND NOT EXISTS (SELECT 1 FROM campaign
    WHERE campaign.team_id = :team AND campaign.id = batch.campaign_id AND campaign.stale_rows)
GROUP BY batch.campaign_id, batch.no, batch.open HAVING batch.open <> count(message.mobile)
"""
)
