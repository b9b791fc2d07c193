"""The statements by which batches are claimed, as SQL. Whoever runs them holds the gateway account's row.

Each one walks an index of what is due and ends after as many rows as there are free connections, however
many batches wait.
"""

from __future__ import annotations

from sqlalchemy import text

# The most that an account can have under way; written out, so that the database knows how few are wanted.
MOST_IN_FLIGHT = 16

# Of a campaign that is spread over time nothing goes before its moment. One further ahead than a request of
# the largest size and a night can have moved it was left there by a clock that was set back, and is not
# believed.
_MAY_GO = """
    (campaign.next_at IS NULL OR campaign.next_at <= :now
        OR campaign.next_at > interval '1 day' + coalesce(campaign.even_until, :now
            + make_interval(secs => :limit * 3600.0 / campaign.per_hour)))
    AND campaign.kind = ANY(:kinds)
    AND (campaign.not_after IS NULL OR campaign.not_after >= :now)
    AND campaign.paused_by_person IS NULL
"""

# Not yet tried, or proved not taken; `patient`: one that never left waits its own time.
_DUE = """team_id = :team AND account_id = :account AND campaign_id = {campaign}.id
            AND state IN ('planned', 'retry') AND (wake_at IS NULL OR wake_at <= :now OR NOT :patient)
            AND first_unknown_at IS NULL AND size <= :limit"""

# Batches that may go now: the campaign with the fewest requests under way first, of equal ones the one with
# the fewest people waiting; each one counts as under way for the next. More campaigns than there are free
# connections cannot get one. Of a campaign that is spread over time one batch at a time.
DUE_BATCHES = text(
    f"""
WITH busy AS MATERIALIZED (
    SELECT campaign_id, count(*) AS requests FROM batch
    WHERE team_id = :team AND account_id = :account AND state = 'inflight' GROUP BY campaign_id
), sending AS MATERIALIZED (
    SELECT campaign.id, campaign.waiting, coalesce(busy.requests, 0) AS requests,
        campaign.per_hour IS NOT NULL OR campaign.even_until IS NOT NULL AS spread
    FROM campaign LEFT JOIN busy ON busy.campaign_id = campaign.id
        CROSS JOIN LATERAL (SELECT FROM batch WHERE {_DUE.format(campaign="campaign")} LIMIT 1) AS any_due
    WHERE campaign.team_id = :team AND campaign.account_id = :account AND campaign.state = 'sending'
        AND campaign.paused_by_machine IS NULL AND {_MAY_GO}
    ORDER BY requests, waiting, id LIMIT :free
), chosen AS MATERIALIZED (
    SELECT sending.id, sending.waiting, sending.spread, next.no, sending.requests + next.place AS turn
    FROM sending CROSS JOIN LATERAL (
        SELECT no, row_number() OVER (ORDER BY no) AS place FROM batch
        WHERE {_DUE.format(campaign="sending")} ORDER BY no LIMIT {MOST_IN_FLIGHT}
    ) AS next
    WHERE next.place = 1 OR NOT sending.spread
    ORDER BY turn, waiting, id, no LIMIT :free
)
SELECT batch.campaign_id, batch.no, batch.content, batch.mobiles, batch.size, batch.attempts, chosen.spread,
    EXISTS (SELECT FROM opt_out WHERE team_id = :team) AS any_opt_outs
FROM chosen JOIN batch ON batch.campaign_id = chosen.id AND batch.no = chosen.no
WHERE batch.team_id = :team AND batch.state IN ('planned', 'retry')
ORDER BY chosen.turn, chosen.waiting, chosen.id, chosen.no
FOR NO KEY UPDATE OF batch SKIP LOCKED
"""  # noqa: S608 # put together from our own words only
)

# The smallest batch that an account without balance may be probed with, also of a campaign that nothing but
# this stopped, or that could not begin for it. Of very many batches those that come first are looked at.
SMALLEST_BATCH = text(
    f"""
WITH paused AS MATERIALIZED (
    SELECT id FROM campaign
    WHERE team_id = :team AND account_id = :account AND state IN ('sending', 'ready')
        AND (state = 'sending' OR begin_at <= :now)
        AND (paused_by_machine IS NULL OR paused_by_machine = 'balance') AND {_MAY_GO}
), waiting AS (
    SELECT paused.id, next.no, next.size FROM paused CROSS JOIN LATERAL (
        (SELECT no, size FROM batch
        WHERE team_id = :team AND account_id = :account AND campaign_id = paused.id
            AND state IN ('planned', 'retry') AND first_unknown_at IS NULL AND size <= :limit
        ORDER BY no LIMIT 1000)
        UNION ALL
        (SELECT no, size FROM batch
        WHERE team_id = :team AND account_id = :account AND campaign_id = paused.id
            AND state = 'blocked' AND first_unknown_at IS NULL AND size <= :limit
        LIMIT 1000)
    ) AS next
    ORDER BY size, id, no LIMIT 1
)
SELECT batch.campaign_id, batch.no, batch.content, batch.mobiles, batch.size, batch.attempts,
    campaign.per_hour IS NOT NULL OR campaign.even_until IS NOT NULL AS spread,
    campaign.state AS campaign_state,
    EXISTS (SELECT FROM opt_out WHERE team_id = :team) AS any_opt_outs
FROM waiting JOIN batch ON batch.campaign_id = waiting.id AND batch.no = waiting.no
    JOIN campaign ON campaign.id = waiting.id
WHERE batch.team_id = :team AND batch.state IN ('planned', 'retry', 'blocked') AND campaign.team_id = :team
FOR NO KEY UPDATE OF batch, campaign SKIP LOCKED
"""  # noqa: S608 # put together from our own words only
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

# The batches are under way, and each has its attempt, in one step.
MARK_INFLIGHT = text(
    """
WITH claimed AS (
    UPDATE batch SET state = 'inflight', attempts = one.n, repeats = repeats + one.repeated,
        digest = one.digest, account_fingerprint = :fingerprint, lease_until = :lease_until, wake_at = NULL
    FROM unnest(CAST(:campaigns AS bigint[]), CAST(:nos AS int[]), CAST(:ns AS int[]),
        CAST(:repeated AS int[]), CAST(:digests AS bytea[])) AS one (campaign_id, no, n, repeated, digest)
    WHERE batch.team_id = :team AND batch.campaign_id = one.campaign_id AND batch.no = one.no
    RETURNING batch.campaign_id, batch.no, batch.attempts
)
INSERT INTO attempt (team_id, campaign_id, batch_no, n, account_id, started_at)
SELECT :team, campaign_id, no, attempts, :account, :now FROM claimed
"""
)
