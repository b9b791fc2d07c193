"""Sending with care: a campaign spread over time, caps, a breaker and a rate for each gateway account."""

from __future__ import annotations

from alembic import op

from webapp import walls

revision = "0008"
down_revision = "0007"

CAMPAIGNS = """
ALTER TABLE campaign
    -- Spread over a period: so many messages an hour, or evenly until a moment. `next_at`: before it nothing
    -- more of the campaign is claimed.
    ADD COLUMN per_hour integer CONSTRAINT ck_campaign_per_hour CHECK (per_hour BETWEEN 1 AND 1000000),
    ADD COLUMN even_until timestamptz,
    ADD COLUMN next_at timestamptz,
    ADD CONSTRAINT ck_campaign_spread CHECK (per_hour IS NULL OR even_until IS NULL),
    -- Numbers that a gateway refused before are left out.
    ADD COLUMN leave_out_refused boolean NOT NULL DEFAULT false,
    -- A draft for those who came out like this in an earlier campaign; how many they were when it was made.
    ADD COLUMN again_of bigint,
    ADD COLUMN again_outcome text CONSTRAINT ck_campaign_again_outcome CHECK (
        again_outcome IN ('failed', 'no_report', 'not_sent')),
    ADD COLUMN again_people bigint NOT NULL DEFAULT 0,
    ADD CONSTRAINT ck_campaign_again CHECK ((again_of IS NULL) = (again_outcome IS NULL)),
    -- The day (in the team's time zone) on whose cap the campaign's parts stand, and how many of them do.
    ADD COLUMN reserved_on date,
    ADD COLUMN reserved_parts bigint NOT NULL DEFAULT 0
        CONSTRAINT ck_campaign_reserved_parts CHECK (reserved_parts >= 0),
    -- When the balance was asked for, for this campaign to begin.
    ADD COLUMN balance_asked_at timestamptz;
"""

CAPS = """
-- In parts, as they are billed. What an owner has not raised is what a stolen sign-in can cost.
ALTER TABLE team
    ADD COLUMN campaign_cap bigint NOT NULL DEFAULT 50000
        CONSTRAINT ck_team_campaign_cap CHECK (campaign_cap >= 1),
    ADD COLUMN day_cap bigint NOT NULL DEFAULT 50000
        CONSTRAINT ck_team_day_cap CHECK (day_cap >= 1);

-- How many parts were reserved for a day (in the team's time zone).
CREATE TABLE day_spend (
    team_id bigint NOT NULL CONSTRAINT fk_day_spend_team_id REFERENCES team ON DELETE CASCADE,
    day date NOT NULL,
    reserved bigint NOT NULL DEFAULT 0 CONSTRAINT ck_day_spend_reserved CHECK (reserved >= 0),
    PRIMARY KEY (team_id, day)
);
"""

ACCOUNTS = """
ALTER TABLE gateway_account
    -- Requests a second; NULL: as fast as it answers. `rate_at`: how far ahead of the clock it has run.
    ADD COLUMN per_second integer
        CONSTRAINT ck_gateway_account_per_second CHECK (per_second BETWEEN 1 AND 1000),
    ADD COLUMN rate_at timestamptz,
    -- Nothing was taken through it since it was changed: its first request goes alone.
    ADD COLUMN unproved boolean NOT NULL DEFAULT true,
    -- When a batch is sent to see whether there is balance again, and how many have been.
    ADD COLUMN probe_at timestamptz,
    ADD COLUMN probes smallint NOT NULL DEFAULT 0 CONSTRAINT ck_gateway_account_probes CHECK (probes >= 0);
UPDATE gateway_account SET unproved = false;
"""

REFUSED = """
-- Numbers that a gateway refused by themselves, with the last day; they may or may not be contacts.
CREATE TABLE refused_number (
    team_id bigint NOT NULL CONSTRAINT fk_refused_number_team_id REFERENCES team ON DELETE CASCADE,
    mobile text COLLATE "C" NOT NULL CONSTRAINT ck_refused_number_mobile CHECK (mobile ~ '^1[3-9][0-9]{9}$'),
    account_id bigint NOT NULL,
    campaign_id bigint NOT NULL,
    refused_at timestamptz NOT NULL,
    PRIMARY KEY (team_id, mobile)
);
"""

# With the requests that each has under way: who has fewest is served first.
AT_WORK = """
SELECT campaign.team_id, (
    SELECT count(*) FROM batch WHERE batch.team_id = campaign.team_id AND batch.state = 'inflight'
) FROM campaign
WHERE state IN ('planning', 'scheduled', 'ready', 'sending', 'stopping')
GROUP BY campaign.team_id
"""


def upgrade() -> None:
    """Add the columns, put the new tables behind the walls, and let the door count what is under way."""
    connection = op.get_bind()
    for statements in (CAMPAIGNS, CAPS, ACCOUNTS, REFUSED):
        walls.run(connection, statements)
    for table in ("day_spend", "refused_number"):
        walls.team_table(connection, table)
    walls.run(connection, "DROP FUNCTION door_teams_at_work()")
    walls.door_function(
        connection, "door_teams_at_work()", "TABLE (team_id bigint, in_flight bigint)", AT_WORK
    )
