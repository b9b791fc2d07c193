"""The house: people, teams, sessions, audit, limits, heartbeats and the task engine's tables."""

from __future__ import annotations

from alembic import op
from procrastinate.schema import SchemaManager

from webapp import walls

revision = "0001"
down_revision = None

TABLES = """
CREATE TABLE app_user (
    id bigint PRIMARY KEY,
    email text NOT NULL
        CONSTRAINT ck_app_user_email CHECK (email = lower(email) AND length(email) BETWEEN 3 AND 254),
    password_hash text NOT NULL,
    language text CONSTRAINT ck_app_user_language CHECK (language IN ('en', 'zh')),
    theme text CONSTRAINT ck_app_user_theme CHECK (theme IN ('light', 'dark', 'system')),
    created_at timestamptz NOT NULL,
    CONSTRAINT uq_app_user_email UNIQUE (email)
);

CREATE TABLE login_session (
    id_hash bytea PRIMARY KEY CONSTRAINT ck_login_session_id_hash CHECK (length(id_hash) = 32),
    user_id bigint NOT NULL CONSTRAINT fk_login_session_user_id REFERENCES app_user ON DELETE CASCADE,
    created_at timestamptz NOT NULL,
    last_seen_at timestamptz NOT NULL,
    fresh_at timestamptz NOT NULL,
    mfa_at timestamptz,
    address text NOT NULL,
    agent text NOT NULL CONSTRAINT ck_login_session_agent CHECK (length(agent) <= 300)
);
CREATE INDEX ix_login_session_user_id ON login_session (user_id);

CREATE TABLE team (
    id bigint PRIMARY KEY,
    address text NOT NULL CONSTRAINT ck_team_address CHECK (address ~ '^[a-z0-9]{8}$'),
    name text NOT NULL CONSTRAINT ck_team_name CHECK (length(name) BETWEEN 1 AND 80),
    time_zone text NOT NULL DEFAULT 'Asia/Shanghai',
    delay_seconds integer NOT NULL DEFAULT 10
        CONSTRAINT ck_team_delay CHECK (delay_seconds BETWEEN 0 AND 3600),
    created_at timestamptz NOT NULL,
    CONSTRAINT uq_team_address UNIQUE (address)
);

CREATE TABLE member (
    team_id bigint NOT NULL CONSTRAINT fk_member_team_id REFERENCES team ON DELETE CASCADE,
    user_id bigint NOT NULL CONSTRAINT fk_member_user_id REFERENCES app_user ON DELETE CASCADE,
    role text NOT NULL CONSTRAINT ck_member_role CHECK (role IN ('owner', 'admin', 'sender', 'viewer')),
    joined_at timestamptz NOT NULL,
    PRIMARY KEY (team_id, user_id)
);
CREATE INDEX ix_member_user_id ON member (user_id);

CREATE TABLE audit_entry (
    team_id bigint NOT NULL,
    id bigint NOT NULL,
    at timestamptz NOT NULL,
    user_id bigint,
    action text NOT NULL,
    object_kind text,
    object_id bigint,
    address text NOT NULL,
    details jsonb NOT NULL DEFAULT '{}',
    PRIMARY KEY (team_id, id)
);

CREATE TABLE access_entry (
    id bigint PRIMARY KEY,
    at timestamptz NOT NULL,
    user_id bigint,
    event text NOT NULL,
    address text NOT NULL,
    details jsonb NOT NULL DEFAULT '{}'
);

-- Counts of the limiter. Not worth a write-ahead log: after a crash every limit begins anew.
CREATE UNLOGGED TABLE rate_limit (
    key text PRIMARY KEY,
    hits bigint NOT NULL,
    expires_at timestamptz NOT NULL
);
CREATE INDEX ix_rate_limit_expires_at ON rate_limit (expires_at);

CREATE TABLE heartbeat (
    name text PRIMARY KEY,
    beat_at timestamptz NOT NULL
);
"""


def upgrade() -> None:
    """Make the tables and the first door."""
    connection = op.get_bind()
    walls.ensure_door(connection)
    walls.run(connection, TABLES)
    walls.team_table(connection, "team", team_column="id", door="SELECT")
    walls.team_table(connection, "member", door="SELECT")
    walls.team_table(connection, "audit_entry")
    walls.door_function(
        connection,
        "door_memberships(the_user bigint)",
        "TABLE (team_id bigint, address text, name text, time_zone text, delay_seconds integer, role text)",
        """
        SELECT team.id, team.address, team.name, team.time_zone, team.delay_seconds, member.role
        FROM member JOIN team ON team.id = member.team_id
        WHERE member.user_id = the_user ORDER BY member.joined_at, team.id
        """,
    )
    walls.run(connection, SchemaManager.get_schema())
