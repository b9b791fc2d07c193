"""The set-based statements of settling, as SQL.

A group of reports is laid out in tables of the session, which exist for one connection and are empty after
each commit: the reports, the batches that their msgids name (locked), the messages that they are about. So
each step sees what the one before it made sure of. The team is named in each statement although row-level
security would do, so that its indexes are used and the promise does not hang on one wall alone.
"""

from __future__ import annotations

from sqlalchemy import text

from webapp.campaigns.rollup_statements import ROLL_UP_REPORTS

SESSION_TABLES = tuple(
    text(f"CREATE TEMPORARY TABLE IF NOT EXISTS {columns} ON COMMIT DELETE ROWS")
    for columns in (
        """settling_report (
            identity bytea, account_id bigint, msgid text, msgid_key text, mobile text, status text,
            time_text text, reported_at timestamptz, first_received_at timestamptz,
            last_received_at timestamptz, seen integer)""",
        """settling_batch (
            campaign_id bigint, no integer, state text, first_unknown boolean, account_id bigint,
            handed_at timestamptz, parts integer)""",
        """settling_match (
            identity bytea, campaign_id bigint, mobile text, copy smallint, batch_no integer, found_by text,
            status text, reported_at timestamptz, last_received_at timestamptz,
            old_outcome text, old_rank smallint, old_status text, old_reported_at timestamptz)""",
    )
)

# Only one process settles a team at a time; another one goes on to the next team.
LOCK_TEAM = text("SELECT pg_try_advisory_xact_lock(hashtextextended('tidings.settling', :team))")

# Fields hold no control characters (parse.py), so unit separators between them make the hash unambiguous.
TAKE_INBOX = text(
    """
WITH taken AS (
    DELETE FROM report_inbox WHERE ctid = ANY(ARRAY(
        SELECT ctid FROM report_inbox WHERE team_id = :team ORDER BY id LIMIT :most FOR UPDATE))
    RETURNING *
), folded AS (
    SELECT account_id, msgid, mobile, status, time_text, min(reported_at) AS reported_at,
        min(received_at) AS first_received_at, max(received_at) AS last_received_at, count(*) AS seen
    FROM taken GROUP BY account_id, msgid, mobile, status, time_text
)
INSERT INTO settling_report
SELECT sha256(convert_to(concat_ws(E'\\x1f', account_id, msgid, mobile, status, time_text), 'UTF8')),
    account_id, msgid, ltrim(lower(msgid COLLATE "C"), '0'), mobile, status, time_text, reported_at,
    first_received_at, last_received_at, seen
FROM folded
"""
)

COUNT_TAKEN = text("SELECT coalesce(sum(seen), 0) FROM settling_report")

# Waiting reports whose message is known by now. `seen` is 0: nothing new was told.
TAKE_WAITING = text(
    """
INSERT INTO settling_report
SELECT identity, account_id, msgid, msgid_key, mobile, status, time_text, reported_at,
    first_received_at, last_received_at, 0
FROM report WHERE team_id = :team AND state = 'waiting' AND first_received_at >= :since AND EXISTS (
    SELECT 1 FROM gateway_message
    JOIN message ON message.team_id = :team AND message.campaign_id = gateway_message.campaign_id
        AND message.mobile = report.mobile AND message.batch_no = gateway_message.batch_no
    WHERE gateway_message.team_id = :team AND gateway_message.account_id = report.account_id
        AND gateway_message.msgid_key = report.msgid_key)
LIMIT :most
"""
)

# In key order, as everything that changes batches locks them. What follows looks at these alone: a msgid that
# is stored meanwhile belongs to a batch that is not locked, and its reports wait for the next round.
LOCK_BATCHES = text(
    """
INSERT INTO settling_batch
SELECT campaign_id, no, state, first_unknown_at IS NOT NULL, account_id, handed_at, parts FROM (
    SELECT campaign_id, no, state, first_unknown_at, account_id, handed_at, parts FROM batch
    WHERE team_id = :team AND state <> 'replaced' AND (campaign_id, no) IN (
        SELECT gateway_message.campaign_id, gateway_message.batch_no FROM settling_report
        JOIN gateway_message ON gateway_message.team_id = :team
            AND gateway_message.account_id = settling_report.account_id
            AND gateway_message.msgid_key = settling_report.msgid_key)
    ORDER BY campaign_id, no
    FOR NO KEY UPDATE
) AS locked
"""
)

# A report's message: its number in the batch that its msgid names. The msgid as written comes first, and of
# several batches that hold the number the latest; a msgid that differs in zeros or case counts only where one
# batch alone holds the number. A replaced batch holds none: its messages moved to its children.
MATCH = text(
    """
INSERT INTO settling_match
SELECT identity, campaign_id, mobile, copy, batch_no,
    CASE WHEN NOT exact THEN 'spelling' WHEN exact_ones = 1 THEN 'exact' ELSE 'latest' END,
    status, reported_at, last_received_at, outcome, rank, old_status, old_reported_at
FROM (
    SELECT told.identity, told.status, told.reported_at, told.last_received_at,
        message.campaign_id, message.mobile, message.copy, message.batch_no, message.outcome, message.rank,
        message.status AS old_status, message.reported_at AS old_reported_at,
        gateway_message.msgid = told.msgid AS exact,
        count(*) FILTER (WHERE gateway_message.msgid = told.msgid) OVER (PARTITION BY told.identity)
            AS exact_ones,
        count(*) OVER (PARTITION BY told.identity) AS all_ones,
        row_number() OVER (PARTITION BY told.identity ORDER BY gateway_message.msgid <> told.msgid,
            gateway_message.noted_at DESC, message.campaign_id DESC, message.batch_no DESC) AS place
    FROM settling_report AS told
    JOIN gateway_message ON gateway_message.team_id = :team AND gateway_message.account_id = told.account_id
        AND gateway_message.msgid_key = told.msgid_key
    JOIN settling_batch AS batch ON batch.campaign_id = gateway_message.campaign_id
        AND batch.no = gateway_message.batch_no
    JOIN message ON message.team_id = :team AND message.campaign_id = gateway_message.campaign_id
        AND message.mobile = told.mobile AND message.batch_no = gateway_message.batch_no
        AND message.outcome IS DISTINCT FROM 'not_sent'
) AS candidate
WHERE place = 1 AND (exact OR all_ones = 1)
"""
)

STORE_REPORTS = text(
    """
INSERT INTO report AS known (team_id, identity, account_id, msgid, mobile, status, time_text, reported_at,
    first_received_at, last_received_at, seen, state, campaign_id, copy, found_by)
SELECT :team, told.identity, told.account_id, told.msgid, told.mobile, told.status, told.time_text,
    told.reported_at, told.first_received_at, told.last_received_at, told.seen,
    CASE WHEN match.identity IS NULL THEN 'waiting' ELSE 'matched' END,
    match.campaign_id, match.copy, match.found_by
FROM settling_report AS told LEFT JOIN settling_match AS match ON match.identity = told.identity
WHERE told.seen > 0
ORDER BY told.identity
ON CONFLICT (team_id, identity) DO UPDATE SET
    seen = known.seen + excluded.seen,
    first_received_at = least(known.first_received_at, excluded.first_received_at),
    last_received_at = greatest(known.last_received_at, excluded.last_received_at),
    state = CASE WHEN excluded.state = 'matched' THEN 'matched' ELSE known.state END,
    campaign_id = coalesce(excluded.campaign_id, known.campaign_id),
    copy = coalesce(excluded.copy, known.copy),
    found_by = coalesce(excluded.found_by, known.found_by)
"""
)

# What only waited needs no counting, only its new state.
STORE_WAITED = text(
    """
UPDATE report SET state = 'matched', campaign_id = match.campaign_id, copy = match.copy,
    found_by = match.found_by
FROM settling_match AS match JOIN settling_report AS told ON told.identity = match.identity AND told.seen = 0
WHERE report.team_id = :team AND report.identity = match.identity
"""
)

STATUSES = text("SELECT DISTINCT status FROM settling_match")

# The best report of each message, and only where it is better than what the message knows: the higher rank,
# then the earlier time, then the smaller word, so that no order of arrival changes the result. Counted in one
# go for the tallies, by batch, and for the roll-ups, by the hour in which the batch was handed over. A report
# that is there before its batch was noted as handed over shows that it was.
SETTLE = text(
    f"""
WITH word AS (
    SELECT * FROM unnest(CAST(:statuses AS text[]), CAST(:ranks AS smallint[]), CAST(:outcomes AS text[]))
        AS word (status, rank, outcome)
), best AS (
    SELECT DISTINCT ON (match.campaign_id, match.mobile, match.copy) match.campaign_id, match.mobile,
        match.copy, match.batch_no, match.old_outcome, match.old_rank, match.old_status,
        match.old_reported_at, match.status, match.reported_at, word.rank, word.outcome
    FROM settling_match AS match JOIN word ON word.status = match.status
    ORDER BY match.campaign_id, match.mobile, match.copy, word.rank DESC,
        match.reported_at NULLS LAST, match.status COLLATE "C"
), better AS (
    SELECT * FROM best WHERE rank > old_rank OR (rank = old_rank AND (
        coalesce(reported_at, 'infinity'), status COLLATE "C")
        < (coalesce(old_reported_at, 'infinity'), old_status COLLATE "C"))
), changed AS (
    UPDATE message SET outcome = better.outcome, status = better.status, rank = better.rank,
        reported_at = better.reported_at
    FROM better
    WHERE message.team_id = :team AND message.campaign_id = better.campaign_id
        AND message.mobile = better.mobile AND message.copy = better.copy
    RETURNING 1
), heard AS (
    SELECT batch.account_id, coalesce(batch.handed_at, :now) AS handed_at, told.*
    FROM (
        SELECT campaign_id, batch_no, outcome, status, reported_at, 1 AS messages FROM better
        UNION ALL
        SELECT campaign_id, batch_no, old_outcome, old_status, old_reported_at, -1 FROM better
        WHERE old_outcome IS NOT NULL
    ) AS told
    JOIN settling_batch AS batch ON batch.campaign_id = told.campaign_id AND batch.no = told.batch_no
){ROLL_UP_REPORTS}
SELECT moved.*, batch.state, batch.first_unknown, batch.account_id, batch.handed_at IS NOT NULL AS handed,
    batch.parts, date_trunc('hour', coalesce(batch.handed_at, :now), 'UTC') AS hour
FROM (
    SELECT campaign_id, batch_no, old_outcome, outcome, operator_of(mobile) AS operator, count(*) AS messages
    FROM better GROUP BY 1, 2, 3, 4, 5
) AS moved
JOIN settling_batch AS batch ON batch.campaign_id = moved.campaign_id AND batch.no = moved.batch_no
"""  # noqa: S608 # put together from our own text
)

LOWER_OPEN = text(
    """
UPDATE batch SET open = open - closed.messages, handed_at = coalesce(batch.handed_at, :now)
FROM unnest(CAST(:campaigns AS bigint[]), CAST(:numbers AS integer[]), CAST(:messages AS integer[]))
    AS closed (campaign_id, no, messages)
WHERE batch.team_id = :team AND batch.campaign_id = closed.campaign_id AND batch.no = closed.no
"""
)

LOCK_CAMPAIGNS = text(
    """
SELECT id FROM campaign WHERE team_id = :team AND id IN (SELECT campaign_id FROM settling_match)
ORDER BY id FOR NO KEY UPDATE
"""
)

NOTE_LAST_REPORT = text(
    """
UPDATE campaign SET last_report_at = greatest(last_report_at, heard.at)
FROM (SELECT campaign_id, max(last_received_at) AS at FROM settling_match GROUP BY campaign_id) AS heard
WHERE campaign.team_id = :team AND campaign.id = heard.campaign_id
"""
)

LOCK_ACCOUNTS = text(
    """
SELECT id FROM gateway_account
WHERE team_id = :team AND id IN (SELECT account_id FROM settling_report WHERE seen > 0)
ORDER BY id FOR NO KEY UPDATE
"""
)

NOTE_LAST_HEARD = text(
    """
UPDATE gateway_account SET last_heard_at = greatest(last_heard_at, heard.at)
FROM (SELECT account_id, max(last_received_at) AS at FROM settling_report WHERE seen > 0 GROUP BY account_id)
    AS heard
WHERE gateway_account.team_id = :team AND gateway_account.id = heard.account_id
"""
)

GIVE_UP_WAITING = text(
    """
UPDATE report SET state = 'unmatched' FROM gateway_account AS account
WHERE report.team_id = :team AND report.state = 'waiting' AND account.team_id = :team
    AND account.id = report.account_id
    AND report.first_received_at
        < CAST(:now AS timestamptz) - make_interval(secs => account.report_expired_seconds)
"""
)

COUNTS = text(
    """
SELECT (SELECT count(*) FROM report WHERE team_id = :team AND state = 'waiting') AS waiting,
    (SELECT count(*) FROM report WHERE team_id = :team AND state = 'unmatched'
        AND first_received_at >= :since) AS unmatched,
    (SELECT coalesce(sum(seen), 0) FROM unreadable_day WHERE team_id = :team
        AND day >= CAST(CAST(:since AS timestamptz) AT TIME ZONE 'UTC' AS date)) AS unreadable
"""
)

UNREADABLE = text(
    """
SELECT id, account_id, received_at, raw, size FROM unreadable_report
WHERE team_id = :team AND (CAST(:before AS bigint) IS NULL OR id < :before) ORDER BY id DESC LIMIT :most
"""
)

# Msgids among the waiting reports that no batch of their account has.
UNKNOWN_MSGIDS = text(
    """
SELECT account_id, msgid, array_agg(DISTINCT mobile) AS mobiles, min(first_received_at) AS first_heard
FROM report
WHERE team_id = :team AND state = 'waiting' AND first_received_at >= :since AND NOT EXISTS (
    SELECT 1 FROM gateway_message
    WHERE gateway_message.team_id = :team AND gateway_message.account_id = report.account_id
        AND gateway_message.msgid_key = report.msgid_key)
GROUP BY account_id, msgid ORDER BY min(first_received_at) LIMIT :most
"""
)
