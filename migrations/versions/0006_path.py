"""A campaign's whole path: drafts, personal texts, time, opt-outs, decisions, the history of its tallies."""

from __future__ import annotations

from alembic import op

from webapp import walls

revision = "0006"
down_revision = "0005"

MOBILE = "(mobile ~ '^1[3-9][0-9]{9}$' OR mobile ~ '^x[0-9a-f]{16}$')"

TEAM = """
-- When campaigns of a kind may go out, in the team's time zone. Notices: at any time unless the team says so.
ALTER TABLE team
    ADD COLUMN notice_from time,
    ADD COLUMN notice_until time,
    ADD COLUMN marketing_from time NOT NULL DEFAULT '08:30',
    ADD COLUMN marketing_until time NOT NULL DEFAULT '20:30',
    ADD CONSTRAINT ck_team_notice_hours CHECK (
        (notice_from IS NULL) = (notice_until IS NULL)
        AND (notice_from IS NULL OR notice_from < notice_until)),
    ADD CONSTRAINT ck_team_marketing_hours CHECK (marketing_from < marketing_until);

ALTER TABLE gateway_account
    -- The same number was reported delivered under two msgids of one batch: repeats are not swallowed here.
    ADD COLUMN promise_broken_at timestamptz,
    -- Reports came for numbers of a batch that was refused with code 2: the gateway sends the others.
    ADD COLUMN sends_rest_at timestamptz;
"""

CAMPAIGN = """
ALTER TABLE campaign
    ADD COLUMN parts_total bigint NOT NULL DEFAULT 0
        CONSTRAINT ck_campaign_parts_total CHECK (parts_total >= 0),
    ADD COLUMN parts_least integer NOT NULL DEFAULT 0,
    -- When it is to start, until when a start that was missed is still made up for, and when it goes stale.
    ADD COLUMN send_at timestamptz,
    ADD COLUMN start_by timestamptz,
    ADD COLUMN not_after timestamptz,
    ADD COLUMN at_hours_end text NOT NULL DEFAULT 'wait'
        CONSTRAINT ck_campaign_at_hours_end CHECK (at_hours_end IN ('wait', 'drop')),
    ADD COLUMN resumed_at timestamptz,
    -- What stands where a recipient has no value for a field; a field that is not here leaves them out.
    ADD COLUMN defaults jsonb NOT NULL DEFAULT '{}',
    ADD COLUMN leave_out_long boolean NOT NULL DEFAULT false,
    -- Made once by the page on which the draft began, so that two saves at once make one draft.
    ADD COLUMN draft_key text,
    ADD COLUMN saved_at timestamptz,
    ADD COLUMN saved_by bigint,
    -- The version whose audience and texts are laid out; another one must be prepared before it is shown.
    ADD COLUMN prepared_version integer,
    -- Messages and batches of an earlier version are still there and go before planning begins.
    ADD COLUMN stale_rows boolean NOT NULL DEFAULT false,
    -- The draft that a test was sent from.
    ADD COLUMN test_of bigint,
    ADD CONSTRAINT uq_campaign_draft_key UNIQUE (team_id, draft_key),
    ADD CONSTRAINT ck_campaign_start_by CHECK ((start_by IS NULL) = (send_at IS NULL)),
    ADD CONSTRAINT ck_campaign_scheduled CHECK (state NOT IN ('scheduled', 'missed') OR send_at IS NOT NULL);
UPDATE campaign SET parts_total = parts::bigint * recipients, parts_least = parts, saved_at = created_at,
    saved_by = created_by;
CREATE INDEX ix_campaign_state ON campaign (team_id, state, id);
CREATE INDEX ix_campaign_test_of ON campaign (team_id, test_of) WHERE test_of IS NOT NULL;

-- What was pasted, as it was pasted; kept while the campaign can still be edited. Apart from the campaign, so
-- that lists do not read it.
CREATE TABLE draft_paste (
    team_id bigint NOT NULL,
    campaign_id bigint NOT NULL,
    numbers text NOT NULL,
    PRIMARY KEY (team_id, campaign_id),
    CONSTRAINT fk_draft_paste_campaign FOREIGN KEY (team_id, campaign_id) REFERENCES campaign
        ON DELETE CASCADE
);

-- Each different text that recipients get, filled in; emptied with the audience.
CREATE TABLE campaign_text (
    team_id bigint NOT NULL,
    campaign_id bigint NOT NULL,
    text_hash bytea NOT NULL CONSTRAINT ck_campaign_text_hash CHECK (length(text_hash) = 32),
    content text NOT NULL CONSTRAINT ck_campaign_text_content CHECK (content <> ''),
    parts integer NOT NULL CONSTRAINT ck_campaign_text_parts CHECK (parts >= 1),
    PRIMARY KEY (team_id, campaign_id, text_hash),
    CONSTRAINT fk_campaign_text_campaign FOREIGN KEY (team_id, campaign_id) REFERENCES campaign
        ON DELETE CASCADE
);
-- One text for everybody, as all campaigns had until now.
INSERT INTO campaign_text (team_id, campaign_id, text_hash, content, parts)
SELECT audience.team_id, audience.campaign_id, audience.text_hash, campaign.content, campaign.parts
FROM audience JOIN campaign ON campaign.team_id = audience.team_id AND campaign.id = audience.campaign_id
WHERE campaign.content <> '' AND campaign.parts >= 1
GROUP BY 1, 2, 3, 4, 5;

-- Drafts that are there can go on being edited.
INSERT INTO draft_paste (team_id, campaign_id, numbers)
SELECT audience.team_id, audience.campaign_id, string_agg(audience.mobile, E'\\n' ORDER BY audience.mobile)
FROM audience JOIN campaign ON campaign.team_id = audience.team_id AND campaign.id = audience.campaign_id
WHERE campaign.state = 'draft' GROUP BY 1, 2;
UPDATE campaign SET prepared_version = version WHERE state = 'draft';

-- How a campaign's tallies changed in each minute (UTC). The sum of all minutes is the tallies themselves.
CREATE TABLE campaign_minute (
    team_id bigint NOT NULL,
    campaign_id bigint NOT NULL,
    minute timestamptz NOT NULL
        CONSTRAINT ck_campaign_minute_minute CHECK (minute = date_trunc('minute', minute, 'UTC')),
    waiting integer NOT NULL DEFAULT 0,
    unconfirmed integer NOT NULL DEFAULT 0,
    no_report integer NOT NULL DEFAULT 0,
    delivered integer NOT NULL DEFAULT 0,
    failed integer NOT NULL DEFAULT 0,
    not_sent integer NOT NULL DEFAULT 0,
    PRIMARY KEY (team_id, campaign_id, minute),
    CONSTRAINT fk_campaign_minute_campaign FOREIGN KEY (team_id, campaign_id) REFERENCES campaign
        ON DELETE CASCADE
) WITH (fillfactor = 70);
INSERT INTO campaign_minute
SELECT team_id, id, date_trunc('minute', coalesce(confirmed_at, created_at), 'UTC'),
    waiting, unconfirmed, no_report, delivered, failed, not_sent
FROM campaign WHERE state <> 'draft' AND recipients > 0;
"""

SENDING = f"""
ALTER TABLE batch
    -- When it left "waiting" for the first time; decides the hour that its messages are rolled up in.
    ADD COLUMN handed_at timestamptz,
    -- A child that a person had sent again, and who and when; its parent is `parent`.
    ADD COLUMN again boolean NOT NULL DEFAULT false,
    ADD COLUMN decided_by bigint,
    ADD COLUMN decided_at timestamptz,
    ADD CONSTRAINT ck_batch_again CHECK (NOT again OR parent IS NOT NULL);
-- The key of a decision: a batch is sent again once, however often the button is pressed.
CREATE UNIQUE INDEX uq_batch_again ON batch (team_id, campaign_id, parent) WHERE again;
UPDATE batch SET handed_at = (
    SELECT min(started_at) FROM attempt WHERE attempt.team_id = batch.team_id
        AND attempt.campaign_id = batch.campaign_id AND attempt.batch_no = batch.no)
WHERE state IN ('hold', 'accepted', 'rejected', 'unconfirmed', 'closed')
    OR (state = 'inflight' AND first_unknown_at IS NOT NULL);

-- Calls that nobody has closed yet; those of dead workers are looked for among them.
CREATE INDEX ix_attempt_open ON attempt (team_id, started_at) WHERE outcome IS NULL;

-- Who must not get anything any more. Looked at when a campaign is prepared, planned, and before each
-- request that may still change its numbers.
CREATE TABLE opt_out (
    team_id bigint NOT NULL CONSTRAINT fk_opt_out_team_id REFERENCES team ON DELETE CASCADE,
    mobile text NOT NULL CONSTRAINT ck_opt_out_mobile CHECK {MOBILE},
    opted_out_at timestamptz NOT NULL,
    how text NOT NULL CONSTRAINT ck_opt_out_how CHECK (how IN ('reply', 'hand', 'paste', 'import')),
    by_user bigint,
    PRIMARY KEY (team_id, mobile)
);

-- Messages that were handed over, by the UTC hour of it, account, operator and what is known of them now.
CREATE TABLE rollup_hour (
    team_id bigint NOT NULL CONSTRAINT fk_rollup_hour_team_id REFERENCES team ON DELETE CASCADE,
    hour timestamptz NOT NULL CONSTRAINT ck_rollup_hour_hour CHECK (hour = date_trunc('hour', hour, 'UTC')),
    account_id bigint NOT NULL,
    operator text NOT NULL,
    outcome text NOT NULL CONSTRAINT ck_rollup_hour_outcome CHECK (
        outcome IN ('unconfirmed', 'no_report', 'delivered', 'failed')),
    messages bigint NOT NULL CONSTRAINT ck_rollup_hour_messages CHECK (messages >= 0),
    PRIMARY KEY (team_id, hour, account_id, operator, outcome)
) WITH (fillfactor = 70);

-- What was said of one message, for its page; and whether one number was delivered twice.
CREATE INDEX ix_report_message ON report (team_id, campaign_id, mobile) WHERE state = 'matched';
"""  # noqa: S608 # put together from our own text

# By the ranges that numbers were issued in; people may have taken theirs to another operator since.
OPERATOR_OF = """
CREATE FUNCTION operator_of(mobile text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
SELECT CASE
    WHEN left(mobile, 3) IN ('134', '135', '136', '137', '138', '139', '147', '148', '150', '151', '152',
        '157', '158', '159', '172', '178', '182', '183', '184', '187', '188', '195', '197', '198')
        THEN 'mobile'
    WHEN left(mobile, 3) IN ('130', '131', '132', '145', '146', '155', '156', '166', '175', '176', '185',
        '186', '196') THEN 'unicom'
    WHEN left(mobile, 3) IN ('133', '149', '153', '173', '174', '177', '180', '181', '189', '190', '191',
        '193', '199') THEN 'telecom'
    WHEN left(mobile, 3) = '192' THEN 'broadnet'
    WHEN left(mobile, 3) IN ('162', '165', '167', '170', '171') THEN 'virtual'
    ELSE 'unknown'
END
$$
"""

FILL_ROLLUPS = """
INSERT INTO rollup_hour
SELECT message.team_id, date_trunc('hour', batch.handed_at, 'UTC'), batch.account_id,
    operator_of(message.mobile),
    CASE WHEN message.outcome IN ('delivered', 'failed') THEN message.outcome
        WHEN message.outcome = 'other' OR batch.state = 'accepted' THEN 'no_report'
        WHEN batch.state = 'rejected' THEN 'failed' ELSE 'unconfirmed' END,
    count(*)
FROM message JOIN batch ON batch.team_id = message.team_id AND batch.campaign_id = message.campaign_id
    AND batch.no = message.batch_no
WHERE batch.handed_at IS NOT NULL AND message.outcome IS DISTINCT FROM 'not_sent'
GROUP BY 1, 2, 3, 4, 5
"""


def upgrade() -> None:
    """Add the columns and tables, and give campaigns that are there what new ones get."""
    connection = op.get_bind()
    walls.run(connection, TEAM)
    walls.run(connection, CAMPAIGN)
    walls.run(connection, SENDING)
    walls.run(connection, OPERATOR_OF)
    walls.run(connection, FILL_ROLLUPS)
    for table in ("draft_paste", "campaign_text", "campaign_minute", "opt_out", "rollup_hour"):
        walls.team_table(connection, table)
