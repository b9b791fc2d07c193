"""The set-based statements of an import, as SQL.

Rows come by COPY into a temporary table, for COPY is refused where row-level security holds, and go on from
there. What is already there is asked for row by row (LATERAL): nobody tells the planner how many rows a
temporary table has, and a join over everybody takes seconds for five thousand. Values are always bound; each
statement names the team although row-level security would.
"""

from __future__ import annotations

from sqlalchemy import text

MAKE_INCOMING = text(
    """
CREATE TEMPORARY TABLE IF NOT EXISTS incoming (id bigint, mobile text COLLATE "C", name text, fields jsonb)
ON COMMIT DELETE ROWS
"""
)
COPY_INCOMING = "COPY incoming (id, mobile, name, fields) FROM STDIN"

# In the order of their numbers, as all who write contacts do.
ADD_CONTACTS = text(
    """
WITH added AS (
    INSERT INTO contact (team_id, id, mobile, name, fields, created_at, changed_at, created_by)
    SELECT :team, id, mobile, name, fields, :at, :at, :by FROM incoming ORDER BY mobile
    ON CONFLICT (team_id, mobile) DO NOTHING
    RETURNING id
)
SELECT coalesce(array_agg(id), '{}') AS ids FROM added
"""
)

# Whom the slice found there already. Locked, so that what is kept of them is what is changed.
FIND_CONTACTS = """
    SELECT there.id, incoming.mobile, there.name AS before_name, there.fields AS before_fields,
        CASE WHEN incoming.name = '' THEN there.name ELSE incoming.name END AS name,
        there.fields || incoming.fields AS fields
    FROM incoming LEFT JOIN unnest(CAST(:added AS bigint[])) AS added (id) ON added.id = incoming.id
    CROSS JOIN LATERAL (
        SELECT id, name, fields FROM contact
        WHERE contact.team_id = :team AND contact.mobile = incoming.mobile
        FOR NO KEY UPDATE
    ) AS there
    WHERE added.id IS NULL
"""
FOUND_IDS = text(f"SELECT coalesce(array_agg(id), '{{}}') AS ids FROM ({FIND_CONTACTS}) AS found")  # noqa: S608 # our own text

# An update of the row that the number leads to. Written as an insert that conflicts, it goes by the index
# row by row, however many the planner expects. The slice's own row is there by then: it is checked last.
CHANGE_CONTACTS = text(
    f"""
WITH found AS MATERIALIZED ({FIND_CONTACTS}),
changed AS (
    INSERT INTO contact (team_id, id, mobile, name, fields, created_at, changed_at)
    SELECT :team, id, mobile, name, fields, :at, :at FROM found
    WHERE (name, fields) IS DISTINCT FROM (before_name, before_fields)
    ORDER BY mobile
    ON CONFLICT (team_id, mobile) DO UPDATE
        SET name = excluded.name, fields = excluded.fields, changed_at = excluded.changed_at
    RETURNING id
), kept AS (
    INSERT INTO import_change (team_id, import_id, no, contact_id, before_name, before_fields)
    SELECT :team, :import, :no, found.id, before_name, before_fields FROM changed JOIN found USING (id)
)
SELECT coalesce(array_agg(id), '{{}}') AS ids, (SELECT count(*) FROM changed) AS changed FROM found
"""  # noqa: S608 # put together from our own text
)

PUT_INTO_GROUP = text(
    """
WITH put AS (
    INSERT INTO grouped_contact (team_id, group_id, contact_id, added_at)
    SELECT :team, :group, id, :at FROM unnest(CAST(:ids AS bigint[])) AS one (id) ORDER BY id
    ON CONFLICT DO NOTHING
    RETURNING contact_id
)
SELECT coalesce(array_agg(contact_id), '{}') AS ids FROM put
"""
)
