"""Campaigns: audience, messages by month, batches, attempts, and the msgids that the gateway answered."""

from __future__ import annotations

from alembic import op

from webapp import walls

revision = "0003"
down_revision = "0002"

MOBILE = "(mobile ~ '^1[3-9][0-9]{9}$' OR mobile ~ '^x[0-9a-f]{16}$')"

TABLES = f"""
CREATE TABLE campaign (
    team_id bigint NOT NULL CONSTRAINT fk_campaign_team_id REFERENCES team ON DELETE CASCADE,
    id bigint NOT NULL,
    account_id bigint NOT NULL,
    kind text NOT NULL CONSTRAINT ck_campaign_kind CHECK (kind IN ('notice', 'marketing', 'test')),
    state text NOT NULL CONSTRAINT ck_campaign_state CHECK (state IN (
        'draft', 'planning', 'scheduled', 'ready', 'sending', 'stopping', 'stopped', 'missed',
        'waiting_for_reports', 'finished')),
    version integer NOT NULL DEFAULT 1,
    name text NOT NULL CONSTRAINT ck_campaign_name CHECK (length(name) BETWEEN 1 AND 120),
    body text NOT NULL,
    signature text NOT NULL DEFAULT '',
    -- What every recipient gets, signature included; frozen at the confirm.
    content text NOT NULL DEFAULT '',
    parts integer NOT NULL DEFAULT 0,
    left_out jsonb NOT NULL DEFAULT '{{}}',
    confirm_key text,
    preview_hash text,
    created_by bigint,
    confirmed_by bigint,
    created_at timestamptz NOT NULL,
    confirmed_at timestamptz,
    begin_at timestamptz,
    planned_at timestamptz,
    started_at timestamptz,
    handed_over_at timestamptz,
    finished_at timestamptz,
    paused_by_person text,
    paused_by_machine text,
    paused_at timestamptz,
    cursor_hash bytea,
    cursor_mobile text,
    cursor_copy smallint,
    next_batch integer NOT NULL DEFAULT 1,
    halvings integer NOT NULL DEFAULT 0,
    -- Tallies: moved in the transaction that moves what they count (campaigns/tallies.py), never counted.
    recipients integer NOT NULL DEFAULT 0 CONSTRAINT ck_campaign_recipients CHECK (recipients >= 0),
    waiting integer NOT NULL DEFAULT 0 CONSTRAINT ck_campaign_waiting CHECK (waiting >= 0),
    unconfirmed integer NOT NULL DEFAULT 0 CONSTRAINT ck_campaign_unconfirmed CHECK (unconfirmed >= 0),
    no_report integer NOT NULL DEFAULT 0 CONSTRAINT ck_campaign_no_report CHECK (no_report >= 0),
    delivered integer NOT NULL DEFAULT 0 CONSTRAINT ck_campaign_delivered CHECK (delivered >= 0),
    failed integer NOT NULL DEFAULT 0 CONSTRAINT ck_campaign_failed CHECK (failed >= 0),
    not_sent integer NOT NULL DEFAULT 0 CONSTRAINT ck_campaign_not_sent CHECK (not_sent >= 0),
    last_report_at timestamptz,
    PRIMARY KEY (team_id, id),
    CONSTRAINT fk_campaign_account FOREIGN KEY (team_id, account_id) REFERENCES gateway_account,
    CONSTRAINT uq_campaign_confirm_key UNIQUE (team_id, confirm_key),
    -- The promise that the numbers on a page always add up, held by the database itself.
    CONSTRAINT ck_campaign_sum CHECK (
        waiting + unconfirmed + no_report + delivered + failed + not_sent = recipients)
) WITH (fillfactor = 70);
CREATE INDEX ix_campaign_active ON campaign (team_id, account_id)
    WHERE state IN ('planning', 'scheduled', 'ready', 'sending', 'stopping');

-- Who a draft is for, then, from the confirm on, the frozen audience. Emptied when planning is complete.
CREATE TABLE audience (
    team_id bigint NOT NULL,
    campaign_id bigint NOT NULL,
    text_hash bytea NOT NULL,
    mobile text NOT NULL CONSTRAINT ck_audience_mobile CHECK {MOBILE},
    copy smallint NOT NULL DEFAULT 0,
    variables jsonb,
    PRIMARY KEY (team_id, campaign_id, text_hash, mobile, copy),
    CONSTRAINT uq_audience_mobile UNIQUE (team_id, campaign_id, mobile, copy),
    CONSTRAINT fk_audience_campaign FOREIGN KEY (team_id, campaign_id) REFERENCES campaign ON DELETE CASCADE
);

-- One row for each number of a campaign. It has no id: "a number once in a campaign" is its key, and a
-- report finds it by that key. Nothing refers to it, so that a month can be dropped whole. A row is not
-- touched when its batch is sent; `outcome` is what is known of this message alone.
CREATE TABLE message (
    team_id bigint NOT NULL,
    campaign_id bigint NOT NULL,
    mobile text NOT NULL CONSTRAINT ck_message_mobile CHECK {MOBILE},
    copy smallint NOT NULL DEFAULT 0,
    batch_no integer NOT NULL,
    outcome text
        CONSTRAINT ck_message_outcome CHECK (outcome IN ('delivered', 'failed', 'other', 'not_sent')),
    rank smallint NOT NULL DEFAULT 0,
    status text,
    reported_at timestamptz,
    variables jsonb,
    PRIMARY KEY (team_id, campaign_id, mobile, copy)
) PARTITION BY RANGE (campaign_id);

-- A handful of rows for thousands of people: what was submitted is the batch's state, not the message's.
CREATE TABLE batch (
    team_id bigint NOT NULL,
    campaign_id bigint NOT NULL,
    no integer NOT NULL,
    account_id bigint NOT NULL,
    state text NOT NULL CONSTRAINT ck_batch_state CHECK (state IN (
        'planned', 'inflight', 'retry', 'hold', 'blocked', 'accepted', 'rejected', 'replaced',
        'unconfirmed', 'closed', 'stopped')),
    content text NOT NULL,
    mobiles text[] NOT NULL,
    size integer NOT NULL CONSTRAINT ck_batch_size CHECK (size = cardinality(mobiles)),
    digest bytea,
    account_fingerprint bytea,
    attempts integer NOT NULL DEFAULT 0,
    -- How often the identical request was made again after an answer that never came.
    repeats smallint NOT NULL DEFAULT 0,
    -- How many of its messages have no outcome of their own: what a change of state moves between tallies.
    open integer NOT NULL CONSTRAINT ck_batch_open CHECK (open BETWEEN 0 AND size),
    lease_until timestamptz,
    wake_at timestamptz,
    first_unknown_at timestamptz,
    parent integer,
    why text,
    PRIMARY KEY (team_id, campaign_id, no),
    CONSTRAINT fk_batch_campaign FOREIGN KEY (team_id, campaign_id) REFERENCES campaign ON DELETE CASCADE,
    CONSTRAINT fk_batch_account FOREIGN KEY (team_id, account_id) REFERENCES gateway_account,
    CONSTRAINT ck_batch_lease CHECK ((state = 'inflight') = (lease_until IS NOT NULL))
) WITH (fillfactor = 70);
CREATE INDEX ix_batch_due ON batch (team_id, account_id, campaign_id, no)
    WHERE state IN ('planned', 'retry');
CREATE INDEX ix_batch_inflight ON batch (team_id, account_id) WHERE state = 'inflight';
CREATE INDEX ix_batch_unknown ON batch (team_id, account_id, wake_at) WHERE first_unknown_at IS NOT NULL;
CREATE INDEX ix_batch_blocked ON batch (team_id, account_id) WHERE state = 'blocked';

-- Each call of the gateway, committed before the call is made; closed by its answer or by the reaper.
CREATE TABLE attempt (
    team_id bigint NOT NULL,
    campaign_id bigint NOT NULL,
    batch_no integer NOT NULL,
    n integer NOT NULL,
    account_id bigint NOT NULL,
    started_at timestamptz NOT NULL,
    finished_at timestamptz,
    outcome text CONSTRAINT ck_attempt_outcome CHECK (outcome IN (
        'taken', 'refused', 'unknown', 'not_left', 'wrong_address', 'never_left')),
    why text,
    http_status integer,
    resp_code integer,
    msgid text,
    answer bytea CONSTRAINT ck_attempt_answer CHECK (length(answer) <= 4096),
    PRIMARY KEY (team_id, campaign_id, batch_no, n),
    CONSTRAINT fk_attempt_batch FOREIGN KEY (team_id, campaign_id, batch_no)
        REFERENCES batch ON DELETE CASCADE
);

CREATE TABLE gateway_message (
    team_id bigint NOT NULL,
    account_id bigint NOT NULL,
    msgid text NOT NULL CONSTRAINT ck_gateway_message_msgid CHECK (msgid ~ '^[0-9A-Za-z_-]{{1,64}}$'),
    campaign_id bigint NOT NULL,
    batch_no integer NOT NULL,
    attempt integer,
    source text NOT NULL
        CONSTRAINT ck_gateway_message_source CHECK (source IN ('answer', 'adopted', 'person')),
    noted_at timestamptz NOT NULL,
    PRIMARY KEY (team_id, account_id, msgid, campaign_id, batch_no),
    CONSTRAINT fk_gateway_message_batch FOREIGN KEY (team_id, campaign_id, batch_no)
        REFERENCES batch ON DELETE CASCADE
);
CREATE INDEX ix_gateway_message_batch ON gateway_message (team_id, campaign_id, batch_no);
"""

# Months are named by the caller as their first day. Bounds are ids: milliseconds since 2020-01-01 << 22.
ENSURE_MONTH = """
DECLARE
    month date := date_trunc('month', the_day)::date;
    low bigint;
    high bigint;
    name text := 'message_' || to_char(month, 'YYYY_MM');
BEGIN
    -- No more than what lies ahead of a campaign that is made now, or behind a draft that is sent late.
    IF month NOT BETWEEN current_date - 400 AND current_date + 400 THEN
        RAISE EXCEPTION 'no partition for %', the_day;
    END IF;
    IF to_regclass('public.' || name) IS NOT NULL THEN
        RETURN;
    END IF;
    low := ((month - date '2020-01-01')::bigint * 86400000) << 22;
    high := (((month + interval '1 month')::date - date '2020-01-01')::bigint * 86400000) << 22;
    -- Two processes may ask at once; the second waits here and then finds the table.
    PERFORM pg_advisory_xact_lock(hashtext('tidings.partition'));
    IF to_regclass('public.' || name) IS NOT NULL THEN
        RETURN;
    END IF;
    EXECUTE format(
        'CREATE TABLE public.%I PARTITION OF public.message '
        'FOR VALUES FROM (%s) TO (%s) WITH (fillfactor = 70)',
        name, low, high);
END
"""

WORKING = """
SELECT DISTINCT campaign.team_id FROM campaign
WHERE state IN ('planning', 'scheduled', 'ready', 'sending', 'stopping')
"""


def upgrade() -> None:
    """Make the tables, the first months and the door that finds teams with work."""
    connection = op.get_bind()
    walls.run(connection, TABLES)
    walls.team_table(connection, "campaign", door="SELECT")
    walls.team_table(connection, "batch")
    for table in ("audience", "message", "attempt", "gateway_message"):
        walls.team_table(connection, table)
    walls.owner_function(connection, "partition_ensure(the_day date)", "void", ENSURE_MONTH)
    walls.run(
        connection,
        "SELECT partition_ensure((current_date + make_interval(months => month))::date) "
        "FROM generate_series(-1, 3) AS month",
    )
    walls.door_function(connection, "door_teams_at_work()", "TABLE (team_id bigint)", WORKING)
