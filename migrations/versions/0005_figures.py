"""A door for the operator's figures: sums over all teams, without a name, a number or a token."""

from __future__ import annotations

from alembic import op

from webapp import walls

revision = "0005"
down_revision = "0004"

FIGURES = """
SELECT
    (SELECT count(*) FROM campaign WHERE state IN ('planning', 'ready', 'sending')),
    (SELECT count(*) FROM campaign WHERE paused_by_machine IS NOT NULL
        AND state IN ('planning', 'ready', 'sending')),
    (SELECT coalesce(sum(unconfirmed), 0) FROM campaign WHERE unconfirmed > 0),
    (SELECT count(*) FROM batch WHERE state = 'inflight'),
    (SELECT min(lease_until) FROM batch WHERE state = 'inflight')
"""


def upgrade() -> None:
    """Make the function; batches are counted by their partial index."""
    connection = op.get_bind()
    walls.run(connection, f"CREATE POLICY door_all ON batch TO {walls.DOOR} USING (true) WITH CHECK (true)")
    walls.run(connection, f"GRANT SELECT ON batch TO {walls.DOOR}")
    walls.run(connection, "CREATE INDEX ix_campaign_unconfirmed ON campaign (team_id) WHERE unconfirmed > 0")
    walls.door_function(
        connection,
        "door_figures()",
        "TABLE (active bigint, paused bigint, unconfirmed bigint, in_flight bigint, "
        "oldest_lease timestamptz)",
        FIGURES,
    )
    walls.door_function(
        connection, "door_teams()", "TABLE (team_id bigint)", "SELECT id FROM team ORDER BY id"
    )
