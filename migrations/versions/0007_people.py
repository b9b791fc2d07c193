"""The people: contacts, groups, imports, opt-outs after erasure, templates, members, figures to report."""

from __future__ import annotations

from alembic import op

from webapp import walls

revision = "0007"
down_revision = "0006"

MOBILE = "mobile ~ '^1[3-9][0-9]{9}$'"

# Files that people bring, and files that are made for them. In the database, so that any worker can read what
# any web process took in, and a team's rules hold for them too.
FILES = """
CREATE TABLE stored_file (
    team_id bigint NOT NULL CONSTRAINT fk_stored_file_team_id REFERENCES team ON DELETE CASCADE,
    id bigint NOT NULL,
    name text NOT NULL CONSTRAINT ck_stored_file_name CHECK (length(name) BETWEEN 1 AND 200),
    bytes bigint NOT NULL DEFAULT 0 CONSTRAINT ck_stored_file_bytes CHECK (bytes >= 0),
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    PRIMARY KEY (team_id, id)
);
CREATE INDEX ix_stored_file_expires_at ON stored_file (team_id, expires_at);

CREATE TABLE file_chunk (
    team_id bigint NOT NULL,
    file_id bigint NOT NULL,
    no integer NOT NULL,
    content bytea NOT NULL,
    PRIMARY KEY (team_id, file_id, no),
    CONSTRAINT fk_file_chunk_file FOREIGN KEY (team_id, file_id) REFERENCES stored_file ON DELETE CASCADE
);
-- What is stored may be packed already; trying again costs seconds for a large file.
ALTER TABLE file_chunk ALTER COLUMN content SET STORAGE EXTERNAL;
"""

CONTACTS = f"""
-- Lists are searched by the beginning or the end of a number and by the beginning of a name. Under row-level
-- security only an order in "C" leads to an index (^@ becomes a range), so these columns have it.
CREATE TABLE contact (
    team_id bigint NOT NULL CONSTRAINT fk_contact_team_id REFERENCES team ON DELETE CASCADE,
    id bigint NOT NULL,
    mobile text COLLATE "C" NOT NULL CONSTRAINT ck_contact_mobile CHECK ({MOBILE}),
    name text NOT NULL DEFAULT '' CONSTRAINT ck_contact_name CHECK (length(name) <= 40),
    fields jsonb NOT NULL DEFAULT '{{}}' CONSTRAINT ck_contact_fields CHECK (jsonb_typeof(fields) = 'object'),
    created_at timestamptz NOT NULL,
    changed_at timestamptz NOT NULL,
    created_by bigint,
    mobile_backwards text COLLATE "C" NOT NULL GENERATED ALWAYS AS (reverse(mobile)) STORED,
    name_folded text COLLATE "C" NOT NULL GENERATED ALWAYS AS (lower(name)) STORED,
    PRIMARY KEY (team_id, id),
    CONSTRAINT uq_contact_mobile UNIQUE (team_id, mobile)
);
CREATE INDEX ix_contact_mobile_backwards ON contact (team_id, mobile_backwards);
CREATE INDEX ix_contact_name_folded ON contact (team_id, name_folded, id);

-- The names of the fields that a team's contacts can have, as they stand in {{braces}} in a text.
CREATE TABLE contact_field (
    team_id bigint NOT NULL CONSTRAINT fk_contact_field_team_id REFERENCES team ON DELETE CASCADE,
    name text NOT NULL CONSTRAINT ck_contact_field_name CHECK (
        length(name) BETWEEN 1 AND 40 AND name !~ '[][{{}}【】]' AND name <> 'name'),
    created_at timestamptz NOT NULL,
    PRIMARY KEY (team_id, name)
);

CREATE TABLE contact_group (
    team_id bigint NOT NULL CONSTRAINT fk_contact_group_team_id REFERENCES team ON DELETE CASCADE,
    id bigint NOT NULL,
    name text NOT NULL CONSTRAINT ck_contact_group_name CHECK (length(name) BETWEEN 1 AND 60),
    -- Kept by triggers, so that no way of adding or taking out people can forget it.
    size bigint NOT NULL DEFAULT 0 CONSTRAINT ck_contact_group_size CHECK (size >= 0),
    version bigint NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL,
    created_by bigint,
    PRIMARY KEY (team_id, id)
);
CREATE UNIQUE INDEX uq_contact_group_name ON contact_group (team_id, lower(name));

CREATE TABLE grouped_contact (
    team_id bigint NOT NULL,
    group_id bigint NOT NULL,
    contact_id bigint NOT NULL,
    added_at timestamptz NOT NULL,
    PRIMARY KEY (team_id, group_id, contact_id),
    CONSTRAINT fk_grouped_contact_group FOREIGN KEY (team_id, group_id) REFERENCES contact_group
        ON DELETE CASCADE,
    CONSTRAINT fk_grouped_contact_contact FOREIGN KEY (team_id, contact_id) REFERENCES contact
        ON DELETE CASCADE
);
CREATE INDEX ix_grouped_contact_contact ON grouped_contact (team_id, contact_id);

-- How many contacts a team has, and a number that goes up whenever one of them changes.
CREATE TABLE contact_count (
    team_id bigint NOT NULL CONSTRAINT fk_contact_count_team_id REFERENCES team ON DELETE CASCADE,
    contacts bigint NOT NULL DEFAULT 0 CONSTRAINT ck_contact_count_contacts CHECK (contacts >= 0),
    version bigint NOT NULL DEFAULT 1,
    PRIMARY KEY (team_id)
);
"""

# The counted rows are locked in one order before they are changed: two imports into two groups must not wait
# for each other both ways.
COUNTING = """
CREATE FUNCTION count_contacts() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE difference record;
BEGIN
    FOR difference IN
        SELECT team_id,
            count(*) * CASE TG_OP WHEN 'INSERT' THEN 1 WHEN 'DELETE' THEN -1 ELSE 0 END AS contacts
        FROM changed GROUP BY team_id ORDER BY team_id
    LOOP
        INSERT INTO contact_count (team_id, contacts)
        VALUES (difference.team_id, greatest(difference.contacts, 0))
        ON CONFLICT (team_id) DO UPDATE SET contacts = contact_count.contacts + difference.contacts,
            version = contact_count.version + 1;
    END LOOP;
    RETURN NULL;
END $$;

CREATE FUNCTION count_grouped() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE difference record;
BEGIN
    FOR difference IN
        SELECT team_id, group_id, count(*) * CASE TG_OP WHEN 'INSERT' THEN 1 ELSE -1 END AS people
        FROM changed GROUP BY team_id, group_id ORDER BY team_id, group_id
    LOOP
        UPDATE contact_group SET size = size + difference.people, version = version + 1
        WHERE team_id = difference.team_id AND id = difference.group_id;
    END LOOP;
    RETURN NULL;
END $$;

CREATE TRIGGER contacts_added AFTER INSERT ON contact REFERENCING NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION count_contacts();
CREATE TRIGGER contacts_changed AFTER UPDATE ON contact REFERENCING NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION count_contacts();
CREATE TRIGGER contacts_deleted AFTER DELETE ON contact REFERENCING OLD TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION count_contacts();
CREATE TRIGGER grouped_added AFTER INSERT ON grouped_contact REFERENCING NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION count_grouped();
CREATE TRIGGER grouped_deleted AFTER DELETE ON grouped_contact REFERENCING OLD TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION count_grouped();
"""

IMPORTS = """
CREATE TABLE contact_import (
    team_id bigint NOT NULL CONSTRAINT fk_contact_import_team_id REFERENCES team ON DELETE CASCADE,
    id bigint NOT NULL,
    -- What was brought, and for a workbook the rows of the sheet chosen. Both go when they expire; the
    -- figures stay.
    file_id bigint,
    sheet_file_id bigint,
    file_name text NOT NULL
        CONSTRAINT ck_contact_import_file_name CHECK (length(file_name) BETWEEN 1 AND 200),
    source text NOT NULL CONSTRAINT ck_contact_import_source CHECK (source IN ('csv', 'xlsx', 'paste')),
    state text NOT NULL CONSTRAINT ck_contact_import_state CHECK (state IN (
        'reading', 'uploaded', 'checking', 'checked', 'importing', 'done', 'failed', 'undoing', 'undone',
        'discarded')),
    why text,
    encoding text,
    separator text,
    sheet text,
    sheets jsonb NOT NULL DEFAULT '[]',
    has_header boolean NOT NULL DEFAULT true,
    -- What each column of the file is: {"head": its heading, "to": "mobile" | "name" | "field" | "skip",
    -- "field": its name}.
    columns jsonb NOT NULL DEFAULT '[]',
    if_exists text NOT NULL DEFAULT 'update'
        CONSTRAINT ck_contact_import_if_exists CHECK (if_exists IN ('update', 'keep')),
    -- A group that is to be made has a name and no id yet; one that was deleted since too.
    group_id bigint,
    group_name text,
    opt_outs boolean NOT NULL DEFAULT false,
    -- The last row of the file that the present step has been through; it goes on from here after a crash.
    cursor bigint NOT NULL DEFAULT 0,
    -- The number of the file's last row: counted by its line breaks at first, exact once it was checked.
    last_row bigint NOT NULL DEFAULT 0,
    rows bigint NOT NULL DEFAULT 0,
    ready bigint NOT NULL DEFAULT 0,
    already bigint NOT NULL DEFAULT 0,
    opted_out bigint NOT NULL DEFAULT 0,
    added bigint NOT NULL DEFAULT 0,
    updated bigint NOT NULL DEFAULT 0,
    same bigint NOT NULL DEFAULT 0,
    left_out bigint NOT NULL DEFAULT 0,
    problems jsonb NOT NULL DEFAULT '{}',
    undo jsonb NOT NULL DEFAULT '{}',
    created_at timestamptz NOT NULL,
    created_by bigint,
    -- Since when it stands in the team's line; one import at a time is worked on.
    queued_at timestamptz,
    checked_at timestamptz,
    started_at timestamptz,
    finished_at timestamptz,
    undone_at timestamptz,
    undone_by bigint,
    PRIMARY KEY (team_id, id),
    CONSTRAINT fk_contact_import_file FOREIGN KEY (team_id, file_id) REFERENCES stored_file
        ON DELETE SET NULL (file_id),
    CONSTRAINT fk_contact_import_sheet FOREIGN KEY (team_id, sheet_file_id) REFERENCES stored_file
        ON DELETE SET NULL (sheet_file_id),
    CONSTRAINT fk_contact_import_group FOREIGN KEY (team_id, group_id) REFERENCES contact_group
        ON DELETE SET NULL (group_id),
    CONSTRAINT ck_contact_import_sums CHECK (
        state NOT IN ('done', 'undoing', 'undone') OR added + updated + same + left_out = rows)
);
CREATE INDEX ix_contact_import_line ON contact_import (team_id, queued_at)
    WHERE state IN ('reading', 'checking', 'importing', 'undoing');

-- A row that is left out: why, with all its cells, so that it can be handed back as it was.
CREATE TABLE import_problem (
    team_id bigint NOT NULL,
    import_id bigint NOT NULL,
    row_no bigint NOT NULL,
    kind text NOT NULL,
    "column" smallint,
    cells text[] NOT NULL,
    PRIMARY KEY (team_id, import_id, row_no),
    CONSTRAINT fk_import_problem_import FOREIGN KEY (team_id, import_id) REFERENCES contact_import
        ON DELETE CASCADE
);
CREATE INDEX ix_import_problem_kind ON import_problem (team_id, import_id, kind, row_no);

-- What one transaction of an import did, kept while it can be undone: the contacts that it made, and those
-- that it put into the group. Ids alone, in few rows: a row a person would cost as much as the person.
CREATE TABLE import_slice (
    team_id bigint NOT NULL,
    import_id bigint NOT NULL,
    no integer NOT NULL,
    at timestamptz NOT NULL,
    added bigint[] NOT NULL,
    grouped bigint[] NOT NULL,
    PRIMARY KEY (team_id, import_id, no),
    CONSTRAINT fk_import_slice_import FOREIGN KEY (team_id, import_id) REFERENCES contact_import
        ON DELETE CASCADE
);

-- What a contact was before a slice changed it.
CREATE TABLE import_change (
    team_id bigint NOT NULL,
    import_id bigint NOT NULL,
    no integer NOT NULL,
    contact_id bigint NOT NULL,
    before_name text NOT NULL,
    before_fields jsonb NOT NULL,
    PRIMARY KEY (team_id, import_id, no, contact_id),
    CONSTRAINT fk_import_change_slice FOREIGN KEY (team_id, import_id, no) REFERENCES import_slice
        ON DELETE CASCADE,
    CONSTRAINT fk_import_change_contact FOREIGN KEY (team_id, contact_id) REFERENCES contact
        ON DELETE CASCADE
);
CREATE INDEX ix_import_change_contact ON import_change (team_id, contact_id);
"""

OPT_OUTS = """
-- Numbers that opted out and were erased later: only a keyed hash, so that they are known again when somebody
-- brings them once more, and cannot be read from here.
CREATE TABLE erased_opt_out (
    team_id bigint NOT NULL CONSTRAINT fk_erased_opt_out_team_id REFERENCES team ON DELETE CASCADE,
    hash bytea NOT NULL CONSTRAINT ck_erased_opt_out_hash CHECK (length(hash) = 32),
    opted_out_at timestamptz NOT NULL,
    how text NOT NULL CONSTRAINT ck_erased_opt_out_how CHECK (how IN ('reply', 'hand', 'paste', 'import')),
    PRIMARY KEY (team_id, hash)
);
CREATE INDEX ix_opt_out_opted_out_at ON opt_out (team_id, opted_out_at, mobile);
ALTER TABLE opt_out ADD COLUMN
    mobile_backwards text COLLATE "C" NOT NULL GENERATED ALWAYS AS (reverse(mobile)) STORED;
CREATE INDEX ix_opt_out_mobile_backwards ON opt_out (team_id, mobile_backwards);

-- What stands for an erased number keeps its operator in the first digit, so that figures by operator stay
-- what they are.
ALTER FUNCTION operator_of(text) RENAME TO operator_of_range;
CREATE FUNCTION operator_of(mobile text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
SELECT CASE WHEN left(mobile, 1) <> 'x' THEN operator_of_range(mobile) ELSE CASE substr(mobile, 2, 1)
    WHEN '1' THEN 'mobile' WHEN '2' THEN 'unicom' WHEN '3' THEN 'telecom' WHEN '4' THEN 'broadnet'
    WHEN '5' THEN 'virtual' ELSE 'unknown' END END
$$;

-- A number that is to be erased, until that is done: messages that are still under way keep it till then.
CREATE TABLE erasure (
    team_id bigint NOT NULL CONSTRAINT fk_erasure_team_id REFERENCES team ON DELETE CASCADE,
    id bigint NOT NULL,
    mobile text,
    asked_at timestamptz NOT NULL,
    asked_by bigint,
    done_at timestamptz,
    found jsonb NOT NULL DEFAULT '{}',
    PRIMARY KEY (team_id, id),
    CONSTRAINT ck_erasure_mobile CHECK ((mobile IS NULL) = (done_at IS NOT NULL))
);
CREATE UNIQUE INDEX uq_erasure_mobile ON erasure (team_id, mobile) WHERE mobile IS NOT NULL;
"""

CAMPAIGNS = """
CREATE TABLE template (
    team_id bigint NOT NULL CONSTRAINT fk_template_team_id REFERENCES team ON DELETE CASCADE,
    id bigint NOT NULL,
    name text NOT NULL CONSTRAINT ck_template_name CHECK (length(name) BETWEEN 1 AND 80),
    body text NOT NULL DEFAULT '',
    kind text NOT NULL DEFAULT 'notice' CONSTRAINT ck_template_kind CHECK (kind IN ('notice', 'marketing')),
    created_at timestamptz NOT NULL,
    created_by bigint,
    changed_at timestamptz NOT NULL,
    used_at timestamptz,
    archived_at timestamptz,
    PRIMARY KEY (team_id, id)
);
CREATE UNIQUE INDEX uq_template_name ON template (team_id, lower(name)) WHERE archived_at IS NULL;

-- The groups that a campaign is for, and those whose people are taken out again. The name stays when the
-- group goes.
CREATE TABLE campaign_group (
    team_id bigint NOT NULL,
    campaign_id bigint NOT NULL,
    position smallint NOT NULL,
    group_id bigint,
    group_name text NOT NULL,
    minus boolean NOT NULL,
    -- How many were in it when the campaign was written.
    people bigint NOT NULL DEFAULT 0 CONSTRAINT ck_campaign_group_people CHECK (people >= 0),
    PRIMARY KEY (team_id, campaign_id, position),
    CONSTRAINT fk_campaign_group_campaign FOREIGN KEY (team_id, campaign_id) REFERENCES campaign
        ON DELETE CASCADE,
    CONSTRAINT fk_campaign_group_group FOREIGN KEY (team_id, group_id) REFERENCES contact_group
        ON DELETE SET NULL (group_id)
);
CREATE INDEX ix_campaign_group_group ON campaign_group (team_id, group_id);

ALTER TABLE campaign
    -- Each line of the paste is a message of its own, even where a number stands in several.
    ADD COLUMN each_line boolean NOT NULL DEFAULT false,
    -- How far a large audience is laid out, what it came to and what it was made from; campaigns/laying.py.
    ADD COLUMN layout jsonb;
"""

ACCOUNTS = """
ALTER TABLE app_user ADD COLUMN name text NOT NULL DEFAULT ''
    CONSTRAINT ck_app_user_name CHECK (length(name) <= 60);
-- Sessions go when they end; members are told of each other how long ago somebody was here.
ALTER TABLE app_user ADD COLUMN last_seen_at timestamptz;

CREATE TABLE invitation (
    team_id bigint NOT NULL CONSTRAINT fk_invitation_team_id REFERENCES team ON DELETE CASCADE,
    id bigint NOT NULL,
    email text NOT NULL
        CONSTRAINT ck_invitation_email CHECK (email = lower(email) AND length(email) BETWEEN 3 AND 254),
    role text NOT NULL CONSTRAINT ck_invitation_role CHECK (role IN ('owner', 'admin', 'sender', 'viewer')),
    token_hash bytea NOT NULL CONSTRAINT ck_invitation_token_hash CHECK (length(token_hash) = 32),
    created_at timestamptz NOT NULL,
    created_by bigint,
    expires_at timestamptz NOT NULL,
    used_at timestamptz,
    used_by bigint,
    revoked_at timestamptz,
    PRIMARY KEY (team_id, id),
    CONSTRAINT uq_invitation_token_hash UNIQUE (token_hash)
);

-- At most one a person, so that a new one takes the place of the one before; gone when it is used. The secret
-- is made when the mail is written and stands nowhere else.
CREATE TABLE password_reset (
    user_id bigint PRIMARY KEY CONSTRAINT fk_password_reset_user_id REFERENCES app_user ON DELETE CASCADE,
    token_hash bytea CONSTRAINT ck_password_reset_token_hash CHECK (length(token_hash) = 32),
    language text NOT NULL CONSTRAINT ck_password_reset_language CHECK (language IN ('en', 'zh')),
    asked_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    CONSTRAINT uq_password_reset_token_hash UNIQUE (token_hash)
);

-- What one person did is asked for by itself.
CREATE INDEX ix_audit_entry_user_id ON audit_entry (team_id, user_id, id);
"""

GATEWAY = """
ALTER TABLE gateway_account
    -- Owners and admins are told by mail once when the balance falls below this many messages.
    ADD COLUMN alert_below bigint CONSTRAINT ck_gateway_account_alert_below CHECK (alert_below >= 1),
    ADD COLUMN alerted_at timestamptz;
CREATE INDEX ix_balance_reading_read_at ON balance_reading (team_id, account_id, read_at);
"""

REPORTS = """
-- What a message of the batch is billed as; 0 for batches from before this was kept.
ALTER TABLE batch ADD COLUMN parts integer NOT NULL DEFAULT 0
    CONSTRAINT ck_batch_parts CHECK (parts >= 0);
ALTER TABLE rollup_hour ADD COLUMN parts bigint NOT NULL DEFAULT 0
    CONSTRAINT ck_rollup_hour_parts CHECK (parts >= 0);

-- Messages that have an outcome by a report, by the UTC hour in which they were handed over: the status word
-- that it said ("other": one that nobody knows), and how long it took (a step of campaigns/ladder.py).
CREATE TABLE rollup_report (
    team_id bigint NOT NULL CONSTRAINT fk_rollup_report_team_id REFERENCES team ON DELETE CASCADE,
    hour timestamptz NOT NULL
        CONSTRAINT ck_rollup_report_hour CHECK (hour = date_trunc('hour', hour, 'UTC')),
    account_id bigint NOT NULL,
    outcome text NOT NULL CONSTRAINT ck_rollup_report_outcome CHECK (
        outcome IN ('delivered', 'failed', 'other')),
    status text NOT NULL,
    step smallint NOT NULL CONSTRAINT ck_rollup_report_step CHECK (step >= 0),
    messages bigint NOT NULL CONSTRAINT ck_rollup_report_messages CHECK (messages >= 0),
    PRIMARY KEY (team_id, hour, account_id, outcome, status, step)
) WITH (fillfactor = 70);

-- The campaigns that handed over in a period: those that ended in it or later, and those that have not ended.
CREATE INDEX ix_campaign_handed_over_at ON campaign (team_id, handed_over_at) WHERE started_at IS NOT NULL;

CREATE TABLE export (
    team_id bigint NOT NULL CONSTRAINT fk_export_team_id REFERENCES team ON DELETE CASCADE,
    id bigint NOT NULL,
    -- What it lists; its own choices stand in `choices`.
    what text NOT NULL,
    format text NOT NULL CONSTRAINT ck_export_format CHECK (format IN ('csv', 'xlsx')),
    choices jsonb NOT NULL DEFAULT '{}',
    state text NOT NULL CONSTRAINT ck_export_state CHECK (state IN ('making', 'ready', 'failed')),
    why text,
    rows bigint NOT NULL DEFAULT 0,
    file_id bigint,
    created_at timestamptz NOT NULL,
    created_by bigint NOT NULL,
    ready_at timestamptz,
    PRIMARY KEY (team_id, id),
    CONSTRAINT fk_export_file FOREIGN KEY (team_id, file_id) REFERENCES stored_file
        ON DELETE SET NULL (file_id)
);
"""

# What was sent before: parts where all texts of a campaign weigh the same, and every report. The edges are
# those of the ladder at this time.
FILL_ROLLUPS = """
UPDATE batch SET parts = campaign.parts FROM campaign
WHERE campaign.team_id = batch.team_id AND campaign.id = batch.campaign_id
    AND campaign.parts = campaign.parts_least;

UPDATE rollup_hour SET parts = counted.parts FROM (
    SELECT message.team_id, date_trunc('hour', batch.handed_at, 'UTC') AS hour, batch.account_id,
        operator_of(message.mobile) AS operator,
        CASE WHEN message.outcome IN ('delivered', 'failed') THEN message.outcome
            WHEN message.outcome = 'other' OR batch.state = 'accepted' THEN 'no_report'
            WHEN batch.state = 'rejected' THEN 'failed' ELSE 'unconfirmed' END AS outcome,
        sum(batch.parts) AS parts
    FROM message JOIN batch ON batch.team_id = message.team_id AND batch.campaign_id = message.campaign_id
        AND batch.no = message.batch_no
    WHERE batch.handed_at IS NOT NULL AND message.outcome IS DISTINCT FROM 'not_sent'
    GROUP BY 1, 2, 3, 4, 5
) AS counted
WHERE rollup_hour.team_id = counted.team_id AND rollup_hour.hour = counted.hour
    AND rollup_hour.account_id = counted.account_id AND rollup_hour.operator = counted.operator
    AND rollup_hour.outcome = counted.outcome;

INSERT INTO rollup_report
SELECT message.team_id, date_trunc('hour', batch.handed_at, 'UTC'), batch.account_id, message.outcome,
    message.status,
    CASE WHEN message.reported_at IS NULL THEN 0 ELSE width_bucket(
        greatest(date_part('epoch', message.reported_at - batch.handed_at), 0),
        CAST(ARRAY[
            0, 1, 2, 3, 4, 5, 6, 8, 10, 12, 15, 20, 25, 30, 40, 50, 60, 80, 100, 120, 150, 180, 240, 300, 360,
            480, 600, 720, 900, 1200, 1500, 1800, 2400, 3000, 3600, 5400, 7200, 10800, 14400, 21600, 28800,
            43200, 64800, 86400, 129600, 172800, 259200] AS double precision[])) END,
    count(*)
FROM message JOIN batch ON batch.team_id = message.team_id AND batch.campaign_id = message.campaign_id
    AND batch.no = message.batch_no
WHERE batch.handed_at IS NOT NULL AND message.outcome IN ('delivered', 'failed', 'other')
    AND message.status IS NOT NULL
GROUP BY 1, 2, 3, 4, 5, 6;
"""

TEAM_TABLES = (
    "stored_file",
    "file_chunk",
    "contact",
    "contact_field",
    "contact_group",
    "grouped_contact",
    "contact_count",
    "import_problem",
    "import_slice",
    "import_change",
    "erased_opt_out",
    "erasure",
    "template",
    "campaign_group",
    "rollup_report",
    "export",
)


def upgrade() -> None:
    """Make the tables, put them behind the walls, and add a door for invitations."""
    connection = op.get_bind()
    for statements in (FILES, CONTACTS, COUNTING, IMPORTS, OPT_OUTS, CAMPAIGNS, ACCOUNTS, GATEWAY, REPORTS):
        walls.run(connection, statements)
    walls.run(connection, FILL_ROLLUPS)
    for table in TEAM_TABLES:
        walls.team_table(connection, table)
    walls.team_table(connection, "contact_import", door="SELECT")
    walls.door_function(
        connection,
        "door_teams_importing()",
        "TABLE (team_id bigint)",
        "SELECT DISTINCT team_id FROM contact_import "
        "WHERE state IN ('reading', 'checking', 'importing', 'undoing')",
    )
    walls.team_table(connection, "invitation", door="SELECT")
    walls.door_function(
        connection,
        "door_invitation(the_hash bytea)",
        "TABLE (team_id bigint, id bigint)",
        "SELECT team_id, id FROM invitation WHERE token_hash = the_hash",
    )
