"""What backup and restore ask the catalogue of a database, as SQL."""

from __future__ import annotations

# One look at one moment, as its roles see it everywhere in the same words.
SPEAK_PLAINLY = (
    "SET LOCAL search_path = public",
    "SET LOCAL TIME ZONE 'UTC'",
    "SET LOCAL datestyle = 'ISO, YMD'",
    "SET LOCAL intervalstyle = 'postgres'",
    "SET LOCAL bytea_output = 'hex'",
    "SET LOCAL extra_float_digits = 1",
    "SET LOCAL statement_timeout = 0",
    "SET LOCAL idle_in_transaction_session_timeout = 0",
)

# Columns in their order; what the database makes itself is not copied.
COLUMNS = """
SELECT relname::text, array_agg(attname::text ORDER BY attnum)
FROM pg_class JOIN pg_attribute ON attrelid = pg_class.oid AND attnum > 0 AND NOT attisdropped
    AND attgenerated = ''
WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') AND NOT relispartition
GROUP BY relname ORDER BY relname
"""

# Which table must be there before which: (referring, referred to).
REFERENCES = """
SELECT DISTINCT child.relname::text, parent.relname::text
FROM pg_constraint JOIN pg_class AS child ON child.oid = conrelid
    JOIN pg_class AS parent ON parent.oid = confrelid
WHERE contype = 'f' AND child.relnamespace = 'public'::regnamespace AND child.oid <> parent.oid
    AND NOT child.relispartition AND NOT parent.relispartition
"""

# The sequences behind columns, with their tables.
SEQUENCES = """
SELECT sequence.relname::text, owner.relname::text
FROM pg_class AS sequence JOIN pg_depend ON objid = sequence.oid AND deptype IN ('a', 'i')
    AND classid = 'pg_class'::regclass AND refclassid = 'pg_class'::regclass
    JOIN pg_class AS owner ON owner.oid = refobjid
WHERE sequence.relkind = 'S' AND sequence.relnamespace = 'public'::regnamespace
"""

PARTITIONS = """
SELECT child.relname::text, pg_get_expr(child.relpartbound, child.oid)
FROM pg_inherits JOIN pg_class AS child ON child.oid = inhrelid
    JOIN pg_class AS parent ON parent.oid = inhparent
WHERE parent.relname = 'message' AND parent.relnamespace = 'public'::regnamespace ORDER BY 1
"""

# Ids of the keys in front of what is sealed; webapp/sealing.py puts them there.
KEYS = """
SELECT DISTINCT convert_from(substring(sealed FROM 1 FOR 8), 'LATIN1') FROM (
    SELECT sealed_uid AS sealed FROM gateway_account
    UNION ALL SELECT sealed_pwd FROM gateway_account
    UNION ALL SELECT sealed_token FROM callback_token
) AS all_of_them ORDER BY 1
"""

FORCED = """
SELECT relname::text FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relforcerowsecurity
"""

TRIGGERED = """
SELECT DISTINCT relname::text FROM pg_trigger JOIN pg_class ON pg_class.oid = tgrelid
WHERE NOT tgisinternal AND relnamespace = 'public'::regnamespace AND NOT relispartition
"""

# Everything of ours in the schema, each with the statement that removes it; what an extension brought stays.
REMOVALS = """
SELECT format('DROP %s IF EXISTS %s CASCADE',
    CASE relkind WHEN 'v' THEN 'VIEW' WHEN 'S' THEN 'SEQUENCE' ELSE 'TABLE' END, oid::regclass)
FROM pg_class
WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p', 'v', 'S') AND NOT relispartition
    AND pg_has_role(relowner, 'USAGE')
    AND NOT EXISTS (SELECT 1 FROM pg_depend WHERE objid = pg_class.oid AND deptype = 'e')
UNION ALL
SELECT format('DROP ROUTINE IF EXISTS %s CASCADE', oid::regprocedure) FROM pg_proc
WHERE pronamespace = 'public'::regnamespace AND pg_has_role(proowner, 'USAGE')
    AND NOT EXISTS (SELECT 1 FROM pg_depend WHERE objid = pg_proc.oid AND deptype = 'e')
UNION ALL
SELECT format('DROP TYPE IF EXISTS %s CASCADE', oid::regtype) FROM pg_type
WHERE typnamespace = 'public'::regnamespace AND pg_has_role(typowner, 'USAGE')
    AND (typtype IN ('e', 'd') OR EXISTS (SELECT 1 FROM pg_class WHERE oid = typrelid AND relkind = 'c'))
    AND NOT EXISTS (SELECT 1 FROM pg_depend WHERE objid = pg_type.oid AND deptype = 'e')
"""

IS_EMPTY = "SELECT to_regclass('public.team') IS NULL OR to_regclass('public.app_user') IS NULL"

IN_USE = "SELECT (SELECT count(*) FROM team), (SELECT count(*) FROM app_user)"

OTHERS_CONNECTED = """
SELECT count(*) FROM pg_stat_activity
WHERE datname = current_database() AND usename = %s AND pid <> pg_backend_pid()
"""
