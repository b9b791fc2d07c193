"""Gateway accounts: sealed credentials, what the gateway is known to do, callback addresses, balances."""

from __future__ import annotations

from alembic import op

from webapp import walls

revision = "0002"
down_revision = "0001"

TABLES = """
CREATE TABLE gateway_account (
    team_id bigint NOT NULL CONSTRAINT fk_gateway_account_team_id REFERENCES team ON DELETE CASCADE,
    id bigint NOT NULL,
    label text NOT NULL CONSTRAINT ck_gateway_account_label CHECK (length(label) BETWEEN 1 AND 80),
    -- A key of the operator's list, never an address: a team cannot make the program call anything else.
    gateway text NOT NULL CONSTRAINT ck_gateway_account_gateway CHECK (length(gateway) BETWEEN 1 AND 64),
    practice boolean NOT NULL DEFAULT false,
    sealed_uid bytea NOT NULL,
    sealed_pwd bytea NOT NULL,
    set_at timestamptz NOT NULL,
    set_by bigint,
    -- Tells whether two accounts are the same one to the gateway, without telling the uid.
    fingerprint bytea NOT NULL CONSTRAINT ck_gateway_account_fingerprint CHECK (length(fingerprint) = 32),
    -- Goes up with each change of credentials: what an older one was told says nothing about the new one.
    version integer NOT NULL DEFAULT 1,
    state text NOT NULL DEFAULT 'untested' CONSTRAINT ck_gateway_account_state CHECK (state IN (
        'untested', 'ok', 'broken', 'frozen', 'out_of_balance', 'misconfigured')),
    state_why text,
    state_at timestamptz NOT NULL,
    -- What nobody documents about a gateway is a setting of the account, not a constant.
    repeat_mode text NOT NULL DEFAULT 'repeat'
        CONSTRAINT ck_gateway_account_repeat_mode CHECK (repeat_mode IN ('repeat', 'ask')),
    numbers_per_request integer NOT NULL DEFAULT 5000
        CONSTRAINT ck_gateway_account_numbers_per_request CHECK (numbers_per_request BETWEEN 1 AND 5000),
    text_limit integer NOT NULL DEFAULT 268
        CONSTRAINT ck_gateway_account_text_limit CHECK (text_limit BETWEEN 1 AND 1000),
    first_part integer NOT NULL DEFAULT 70
        CONSTRAINT ck_gateway_account_first_part CHECK (first_part BETWEEN 1 AND 1000),
    next_part integer NOT NULL DEFAULT 67
        CONSTRAINT ck_gateway_account_next_part CHECK (next_part BETWEEN 1 AND 1000),
    adds_signature boolean NOT NULL DEFAULT false,
    in_flight integer NOT NULL DEFAULT 4
        CONSTRAINT ck_gateway_account_in_flight CHECK (in_flight BETWEEN 1 AND 16),
    dedup_seconds integer NOT NULL DEFAULT 900
        CONSTRAINT ck_gateway_account_dedup_seconds CHECK (dedup_seconds BETWEEN 0 AND 86400),
    no_report_seconds integer NOT NULL DEFAULT 600
        CONSTRAINT ck_gateway_account_no_report_seconds CHECK (no_report_seconds BETWEEN 1 AND 2592000),
    report_expired_seconds integer NOT NULL DEFAULT 259200
        CONSTRAINT ck_gateway_account_report_expired_seconds CHECK (
            report_expired_seconds BETWEEN 1 AND 2592000),
    -- The breaker: calls in a row that brought no clear answer, and until when none is made.
    troubles integer NOT NULL DEFAULT 0 CONSTRAINT ck_gateway_account_troubles CHECK (troubles >= 0),
    quiet_until timestamptz,
    msgid_missing_at timestamptz,
    balance_asked_at timestamptz,
    balance_wanted_at timestamptz,
    disabled_at timestamptz,
    last_heard_at timestamptz,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (team_id, id)
);

-- Two may be valid at a time, so that an address can be changed while customer service enters the new one.
CREATE TABLE callback_token (
    team_id bigint NOT NULL,
    account_id bigint NOT NULL,
    token_hash bytea NOT NULL CONSTRAINT ck_callback_token_token_hash CHECK (length(token_hash) = 32),
    -- Kept sealed beside its hash, since the address must be shown again for years.
    sealed_token bytea NOT NULL,
    created_at timestamptz NOT NULL,
    retired_at timestamptz,
    PRIMARY KEY (team_id, account_id, token_hash),
    CONSTRAINT uq_callback_token_token_hash UNIQUE (token_hash),
    CONSTRAINT fk_callback_token_account FOREIGN KEY (team_id, account_id)
        REFERENCES gateway_account ON DELETE CASCADE
);

CREATE TABLE balance_reading (
    team_id bigint NOT NULL,
    account_id bigint NOT NULL,
    id bigint NOT NULL,
    read_at timestamptz NOT NULL,
    cause text NOT NULL
        CONSTRAINT ck_balance_reading_cause CHECK (cause IN ('test', 'periodic', 'manual', 'campaign')),
    outcome text NOT NULL CONSTRAINT ck_balance_reading_outcome CHECK (outcome IN (
        'ok', 'bad_credentials', 'frozen', 'wrong_address', 'unreachable', 'unclear')),
    why text NOT NULL,
    resp_code integer,
    -- As the gateway said it; a number only where it can be nothing else.
    said text NOT NULL DEFAULT '' CONSTRAINT ck_balance_reading_said CHECK (length(said) <= 200),
    messages bigint,
    PRIMARY KEY (team_id, account_id, id),
    CONSTRAINT fk_balance_reading_account FOREIGN KEY (team_id, account_id)
        REFERENCES gateway_account ON DELETE CASCADE
);
-- The newest good reading is asked for by every page.
CREATE INDEX ix_balance_reading_ok ON balance_reading (team_id, account_id, id) WHERE outcome = 'ok';
"""

# Broken, frozen and misconfigured accounts wait for a person: another wrong call could freeze them for good.
BALANCES_DUE = """
SELECT account.team_id, account.id
FROM gateway_account AS account
WHERE account.disabled_at IS NULL
  AND account.state IN ('untested', 'ok', 'out_of_balance')
  AND (account.balance_asked_at IS NULL
       OR account.balance_asked_at <= regular_before
       OR (account.balance_wanted_at IS NOT NULL AND account.balance_asked_at <= wanted_before))
ORDER BY account.balance_asked_at NULLS FIRST
LIMIT most
"""


def upgrade() -> None:
    """Make the tables and the door that finds accounts whose balance is due."""
    connection = op.get_bind()
    walls.run(connection, TABLES)
    walls.team_table(connection, "gateway_account", door="SELECT")
    walls.team_table(connection, "callback_token", door="SELECT")
    walls.team_table(connection, "balance_reading")
    walls.door_function(
        connection,
        "door_balances_due(regular_before timestamptz, wanted_before timestamptz, most integer)",
        "TABLE (team_id bigint, account_id bigint)",
        BALANCES_DUE,
    )
