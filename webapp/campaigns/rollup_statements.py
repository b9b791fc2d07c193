"""The statements of roll-ups: how many messages were handed over in an hour, and what is known of them.

Batches that move and reports that are settled write the same rows of rollup_hour, so both end in
APPLY_CHANGES, after LOCK_ROLLUPS. Rows of rollup_report are written by settling alone, which goes on in one
process per team at a time; ROLL_UP_REPORTS is a part of its statement.
"""

from __future__ import annotations

from sqlalchemy import text

from webapp.campaigns import ladder

# Batches that moved between tallies, as columns; NULL for a tally of what has not left.
_MOVED = """
unnest(CAST(:campaigns AS bigint[]), CAST(:numbers AS integer[]), CAST(:befores AS text[]),
    CAST(:afters AS text[])) AS moved (campaign_id, no, before, after)
"""

NOTE_HANDED = text(
    f"""
UPDATE batch SET handed_at = :now FROM {_MOVED}
WHERE batch.team_id = :team AND batch.campaign_id = moved.campaign_id AND batch.no = moved.no
    AND moved.after IS NOT NULL AND batch.handed_at IS NULL
"""  # noqa: S608 # put together from our own text
)

# One transaction at a time rolls up a team: its rows of the hour are written by answers and by settling
# alike, so two would wait for each other anyway, and in two orders.
LOCK_ROLLUPS = text("SELECT pg_advisory_xact_lock(hashtextextended('tidings.rollups', :team))")

# Follows a CTE `changes (account_id, hour, operator, outcome, messages, parts)`. What is taken away is apart
# from what is added: the database looks at the sign of a row before it looks whether it is there.
APPLY_CHANGES = """
, sums AS (
    SELECT account_id, hour, operator, outcome, sum(messages) AS messages, sum(parts) AS parts FROM changes
    WHERE outcome IS NOT NULL GROUP BY account_id, hour, operator, outcome
), taken AS (
    UPDATE rollup_hour SET messages = rollup_hour.messages + sums.messages,
        parts = rollup_hour.parts + sums.parts
    FROM sums
    WHERE (sums.messages < 0 OR sums.parts < 0) AND rollup_hour.team_id = :team
        AND rollup_hour.hour = sums.hour AND rollup_hour.account_id = sums.account_id
        AND rollup_hour.operator = sums.operator AND rollup_hour.outcome = sums.outcome
)
INSERT INTO rollup_hour AS known (team_id, hour, account_id, operator, outcome, messages, parts)
SELECT :team, hour, account_id, operator, outcome, messages, parts FROM sums
WHERE messages >= 0 AND parts >= 0 AND (messages > 0 OR parts > 0)
ON CONFLICT (team_id, hour, account_id, operator, outcome)
    DO UPDATE SET messages = known.messages + excluded.messages, parts = known.parts + excluded.parts
"""

# The open messages of the batches, by operator. Nearly always that is the whole batch, whose numbers it holds
# itself; only where some have an outcome of their own are the messages looked at.
ROLL_UP_BATCHES = text(
    f"""
WITH moved AS (
    SELECT moved.*, batch.account_id, date_trunc('hour', batch.handed_at, 'UTC') AS hour, batch.mobiles,
        batch.parts, batch.open = batch.size AS whole
    FROM {_MOVED}
    JOIN batch ON batch.team_id = :team AND batch.campaign_id = moved.campaign_id AND batch.no = moved.no
    WHERE batch.open > 0 AND batch.handed_at IS NOT NULL
), counted AS (
    SELECT account_id, hour, before, after, operator_of(mobile) AS operator, count(*) AS messages,
        sum(parts) AS parts
    FROM moved CROSS JOIN LATERAL (
        SELECT mobile FROM unnest(moved.mobiles) AS mobile WHERE moved.whole
        UNION ALL
        SELECT message.mobile FROM message
        WHERE NOT moved.whole AND message.team_id = :team AND message.campaign_id = moved.campaign_id
            AND message.mobile = ANY(moved.mobiles) AND message.batch_no = moved.no
            AND message.outcome IS NULL
    ) AS unsettled
    GROUP BY 1, 2, 3, 4, 5
), changes AS (
    SELECT account_id, hour, operator, before AS outcome, -messages AS messages, -parts AS parts FROM counted
    UNION ALL
    SELECT account_id, hour, operator, after, messages, parts FROM counted
)
{APPLY_CHANGES}"""  # noqa: S608 # put together from our own text
)

# It had not left after all, unless reports said otherwise of some of its messages: these stay in their hour.
FORGET_HANDED = text(
    f"""
UPDATE batch SET handed_at = NULL FROM {_MOVED}
WHERE batch.team_id = :team AND batch.campaign_id = moved.campaign_id AND batch.no = moved.no
    AND moved.after IS NULL AND batch.state <> 'replaced'
    AND (batch.open = batch.size OR NOT EXISTS (
        SELECT 1 FROM message WHERE message.team_id = :team AND message.campaign_id = moved.campaign_id
            AND message.mobile = ANY(batch.mobiles) AND message.batch_no = moved.no
            AND message.outcome <> 'not_sent'))
"""  # noqa: S608 # put together from our own text
)

# Messages that moved by themselves, counted by where they are rolled up.
ROLL_UP_MESSAGES = text(
    f"""
WITH changes AS (
    SELECT * FROM unnest(CAST(:accounts AS bigint[]), CAST(:hours AS timestamptz[]),
        CAST(:operators AS text[]), CAST(:outcomes AS text[]), CAST(:messages AS bigint[]),
        CAST(:parts AS bigint[])) AS changes (account_id, hour, operator, outcome, messages, parts)
)
{APPLY_CHANGES}"""  # noqa: S608 # put together from our own text
)

# On which step of the ladder (as `ladder.step` has it) a report is: so long after the hand-over. Asked first
# whether there is a time, for the greater one of nothing and 0 is 0 here.
STEP = f"""CASE WHEN reported_at IS NULL THEN {ladder.NOT_KNOWN}
    ELSE width_bucket(greatest(date_part('epoch', reported_at - handed_at), 0),
        CAST(ARRAY{list(ladder.EDGES)} AS double precision[])) END"""

# Follows a CTE `heard (account_id, handed_at, outcome, status, reported_at, messages)`: outcomes that reports
# gave to messages, and with less than no messages those that a better report took the place of.
ROLL_UP_REPORTS = f"""
, steps AS (
    SELECT date_trunc('hour', handed_at, 'UTC') AS hour, account_id, outcome, status, {STEP} AS step,
        sum(messages) AS messages
    FROM heard GROUP BY 1, 2, 3, 4, 5
), taken_back AS (
    UPDATE rollup_report SET messages = rollup_report.messages + steps.messages FROM steps
    WHERE steps.messages < 0 AND rollup_report.team_id = :team AND rollup_report.hour = steps.hour
        AND rollup_report.account_id = steps.account_id AND rollup_report.outcome = steps.outcome
        AND rollup_report.status = steps.status AND rollup_report.step = steps.step
), rolled_up AS (
    INSERT INTO rollup_report AS known (team_id, hour, account_id, outcome, status, step, messages)
    SELECT :team, hour, account_id, outcome, status, step, messages FROM steps WHERE messages > 0
    ON CONFLICT (team_id, hour, account_id, outcome, status, step)
        DO UPDATE SET messages = known.messages + excluded.messages
)
"""  # noqa: S608 # put together from our own text
