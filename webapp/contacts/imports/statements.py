"""The set-based statements of an import, as SQL.

Rows come by COPY into a temporary table, for COPY is refused where row-level security holds, and go on from
there. Everything that a slice adds goes in one statement: the triggers that count contacts fire at its end,
so that others who add contacts wait for moments only. What is already there is asked for row by row
(LATERAL): nobody tells the planner how many rows a temporary table has, and a join over everybody takes
seconds for two thousand. Values are always bound; each statement names the team although row-level security
would.
"""

from __future__ import annotations

from sqlalchemy import text

MAKE_INCOMING = text(
    """
CREATE TEMPORARY TABLE IF NOT EXISTS incoming (id bigint, mobile text COLLATE "C", name text, fields jsonb)
ON COMMIT DELETE ROWS
"""
)
# Another slice of the same transaction may have been there before.
CLEAR_INCOMING = text("DELETE FROM incoming")
COPY_INCOMING = "COPY incoming (id, mobile, name, fields) FROM STDIN"

# Who is not here yet, in the order of their numbers, as all who write contacts do.
ADD_CONTACTS = text(
    """
WITH added AS (
    INSERT INTO contact (team_id, id, mobile, name, fields, created_at, changed_at, created_by)
    SELECT :team, id, mobile, name, fields, :at, :at, :by FROM incoming ORDER BY mobile
    ON CONFLICT (team_id, mobile) DO NOTHING
    RETURNING id
), put AS (
    INSERT INTO grouped_contact (team_id, group_id, contact_id, added_at)
    SELECT :team, CAST(:group AS bigint), id, :at FROM added WHERE CAST(:group AS bigint) IS NOT NULL
    RETURNING contact_id
), kept AS (
    UPDATE import_slice SET added = ARRAY(SELECT id FROM added),
        grouped = grouped || ARRAY(SELECT contact_id FROM put)
    WHERE team_id = :team AND import_id = :import AND no = :no
)
SELECT count(*) FROM added
"""
)

# Who is here already, locked, so that what is kept of them is what is changed. The change is written as an
# insert that conflicts: it goes by the index row by row, however many the planner expects. Those whom the
# slice has added itself have the ids that it gave them.
CHANGE_CONTACTS = text(
    """
WITH found AS MATERIALIZED (
    SELECT there.id, incoming.mobile, there.name AS before_name, there.fields AS before_fields,
        CASE WHEN incoming.name = '' THEN there.name ELSE incoming.name END AS name,
        there.fields || incoming.fields AS fields
    FROM (SELECT * FROM incoming ORDER BY mobile) AS incoming CROSS JOIN LATERAL (
        SELECT id, name, fields FROM contact
        WHERE contact.team_id = :team AND contact.mobile = incoming.mobile
        FOR NO KEY UPDATE
    ) AS there
    WHERE there.id <> incoming.id
), changed AS (
    INSERT INTO contact (team_id, id, mobile, name, fields, created_at, changed_at)
    SELECT :team, id, mobile, name, fields, :at, :at FROM found
    WHERE :change AND (name, fields) IS DISTINCT FROM (before_name, before_fields)
    ORDER BY mobile
    ON CONFLICT (team_id, mobile) DO UPDATE
        SET name = excluded.name, fields = excluded.fields, changed_at = excluded.changed_at
    RETURNING id
), before AS (
    INSERT INTO import_change (team_id, import_id, no, contact_id, before_name, before_fields)
    SELECT :team, :import, :no, found.id, before_name, before_fields FROM changed JOIN found USING (id)
), put AS (
    INSERT INTO grouped_contact (team_id, group_id, contact_id, added_at)
    SELECT :team, CAST(:group AS bigint), id, :at FROM found WHERE CAST(:group AS bigint) IS NOT NULL
    ORDER BY id
    ON CONFLICT DO NOTHING
    RETURNING contact_id
), kept AS (
    UPDATE import_slice SET grouped = grouped || ARRAY(SELECT contact_id FROM put)
    WHERE team_id = :team AND import_id = :import AND no = :no
)
SELECT (SELECT count(*) FROM found) AS found, (SELECT count(*) FROM changed) AS changed
"""
)
