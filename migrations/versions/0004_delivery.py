"""Delivery reports: an inbox that is only added to, what they settled to, and what could not be read."""

from __future__ import annotations

from alembic import op

from webapp import walls

revision = "0004"
down_revision = "0003"

# A msgid without what gateways are known to change about it: leading zeros and letter case. A stored column,
# because an expression does not reach an index under row-level security.
MSGID_KEY = "msgid_key text GENERATED ALWAYS AS (ltrim(lower(msgid COLLATE \"C\"), '0')) STORED"

TABLES = f"""
-- Written by every receiver, emptied by settling. No unique key: what is repeated is found out at settling,
-- so that taking a report in costs one short insert and two receivers never wait for each other. No foreign
-- keys for the same reason; team and account come from the token, never from the request.
CREATE TABLE report_inbox (
    team_id bigint NOT NULL,
    id bigint GENERATED ALWAYS AS IDENTITY,
    account_id bigint NOT NULL,
    received_at timestamptz NOT NULL,
    msgid text NOT NULL,
    mobile text NOT NULL,
    status text NOT NULL,
    time_text text NOT NULL,
    reported_at timestamptz
);
CREATE INDEX ix_report_inbox_team_id_id ON report_inbox (team_id, id);

-- One row for each report that was ever told, however often. `identity` is a hash over account, msgid,
-- number, status and time as written; the team is beside it in the key.
CREATE TABLE report (
    team_id bigint NOT NULL,
    identity bytea NOT NULL CONSTRAINT ck_report_identity CHECK (length(identity) = 32),
    account_id bigint NOT NULL,
    msgid text NOT NULL CONSTRAINT ck_report_msgid CHECK (length(msgid) BETWEEN 1 AND 64),
    {MSGID_KEY},
    mobile text NOT NULL CONSTRAINT ck_report_mobile CHECK (length(mobile) BETWEEN 1 AND 20),
    status text NOT NULL CONSTRAINT ck_report_status CHECK (length(status) BETWEEN 1 AND 32),
    time_text text NOT NULL CONSTRAINT ck_report_time_text CHECK (length(time_text) <= 64),
    reported_at timestamptz,
    first_received_at timestamptz NOT NULL,
    last_received_at timestamptz NOT NULL,
    seen integer NOT NULL CONSTRAINT ck_report_seen CHECK (seen >= 1),
    state text NOT NULL CONSTRAINT ck_report_state CHECK (state IN ('waiting', 'matched', 'unmatched')),
    campaign_id bigint,
    copy smallint,
    -- How the msgid led to the message: as written; but for its spelling; or as the latest of several.
    found_by text CONSTRAINT ck_report_found_by CHECK (found_by IN ('exact', 'spelling', 'latest')),
    PRIMARY KEY (team_id, identity),
    CONSTRAINT ck_report_matched CHECK (
        (state = 'matched') = (campaign_id IS NOT NULL AND copy IS NOT NULL AND found_by IS NOT NULL))
);
CREATE INDEX ix_report_unsettled ON report (team_id, state, first_received_at) WHERE state <> 'matched';
CREATE INDEX ix_report_waiting_msgid ON report (team_id, account_id, msgid) WHERE state = 'waiting';

CREATE TABLE unreadable_report (
    team_id bigint NOT NULL,
    id bigint GENERATED ALWAYS AS IDENTITY,
    account_id bigint NOT NULL,
    received_at timestamptz NOT NULL,
    raw bytea NOT NULL CONSTRAINT ck_unreadable_report_raw CHECK (length(raw) <= 2048),
    size integer NOT NULL,
    PRIMARY KEY (team_id, id)
);
-- How many a team had on a day (UTC). Beyond the bound they are counted here and not kept.
CREATE TABLE unreadable_day (
    team_id bigint NOT NULL,
    day date NOT NULL,
    seen bigint NOT NULL,
    PRIMARY KEY (team_id, day)
);

ALTER TABLE gateway_message ADD COLUMN {MSGID_KEY};
CREATE INDEX ix_gateway_message_msgid_key ON gateway_message (team_id, account_id, msgid_key);
"""

CALLBACK_TOKENS = """
SELECT token_hash, team_id, account_id FROM callback_token WHERE retired_at IS NULL
"""

# One call for a whole group of requests. The arrays of reports have one length, those of unreadable pieces
# another. Rows of a day are locked in one order, so that two receivers cannot wait for each other.
TAKE_REPORTS = """
BEGIN
    INSERT INTO report_inbox
        (team_id, account_id, received_at, msgid, mobile, status, time_text, reported_at)
    SELECT * FROM unnest(teams, accounts, received, msgids, mobiles, statuses, time_texts, reported);
    IF cardinality(raws) > 0 THEN
        INSERT INTO unreadable_day AS counted (team_id, day, seen)
        SELECT team, (moment AT TIME ZONE 'UTC')::date, count(*)
        FROM unnest(raw_teams, raw_received) AS one (team, moment)
        GROUP BY 1, 2 ORDER BY 1, 2
        ON CONFLICT (team_id, day) DO UPDATE SET seen = counted.seen + excluded.seen;
        INSERT INTO unreadable_report (team_id, account_id, received_at, raw, size)
        SELECT one.team, one.account, one.moment, one.raw, one.size
        FROM unnest(raw_teams, raw_accounts, raw_received, raws, raw_sizes)
            AS one (team, account, moment, raw, size)
        JOIN unreadable_day ON unreadable_day.team_id = one.team
            AND unreadable_day.day = (one.moment AT TIME ZONE 'UTC')::date AND unreadable_day.seen <= kept;
    END IF;
END
"""

# Walks from team to team in the index instead of reading every row: an idle look costs next to nothing.
TEAMS_WITH_REPORTS = """
WITH RECURSIVE inbox AS (
    (SELECT team_id, received_at FROM report_inbox ORDER BY team_id, id LIMIT 1)
    UNION ALL
    SELECT next.team_id, next.received_at FROM inbox CROSS JOIN LATERAL (
        SELECT team_id, received_at FROM report_inbox
        WHERE report_inbox.team_id > inbox.team_id ORDER BY team_id, id LIMIT 1) AS next
), unsettled AS (
    (SELECT team_id FROM report WHERE state <> 'matched' ORDER BY team_id LIMIT 1)
    UNION ALL
    SELECT next.team_id FROM unsettled CROSS JOIN LATERAL (
        SELECT team_id FROM report
        WHERE state <> 'matched' AND report.team_id > unsettled.team_id ORDER BY team_id LIMIT 1) AS next
), waiting AS (
    SELECT team_id FROM unsettled WHERE EXISTS (
        SELECT 1 FROM report WHERE report.team_id = unsettled.team_id AND report.state = 'waiting'
            AND report.first_received_at >= waiting_since)
)
SELECT coalesce(inbox.team_id, waiting.team_id), inbox.received_at, waiting.team_id IS NOT NULL
FROM inbox FULL JOIN waiting ON waiting.team_id = inbox.team_id
"""


def upgrade() -> None:
    """Make the tables and the doors of the receiver and of settling."""
    connection = op.get_bind()
    walls.run(connection, TABLES)
    walls.team_table(connection, "report_inbox", door="SELECT, INSERT")
    walls.team_table(connection, "report", door="SELECT")
    walls.team_table(connection, "unreadable_report", door="INSERT")
    walls.team_table(connection, "unreadable_day", door="SELECT, INSERT, UPDATE")
    walls.door_function(
        connection,
        "door_callback_tokens()",
        "TABLE (token_hash bytea, team_id bigint, account_id bigint)",
        CALLBACK_TOKENS,
    )
    walls.door_function(
        connection,
        "door_take_reports(teams bigint[], accounts bigint[], received timestamptz[], msgids text[], "
        "mobiles text[], statuses text[], time_texts text[], reported timestamptz[], raw_teams bigint[], "
        "raw_accounts bigint[], raw_received timestamptz[], raws bytea[], raw_sizes integer[], kept bigint)",
        "void",
        TAKE_REPORTS,
        language="plpgsql",
    )
    walls.door_function(
        connection,
        "door_teams_with_reports(waiting_since timestamptz)",
        "TABLE (team_id bigint, oldest timestamptz, waiting boolean)",
        TEAMS_WITH_REPORTS,
    )
