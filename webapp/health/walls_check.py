"""Whether the walls between teams stand, read from the database's own catalogue.

The doctor and the tests ask the same questions, so that a table or a right added later is looked at by both.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, text

from webapp import walls

# Tables of the program that belong to no team. A new one must be added here by somebody who thought about it.
SHARED_TABLES = frozenset(
    {"app_user", "login_session", "access_entry", "rate_limit", "heartbeat", "alembic_version"}
)
ENGINE_PREFIX = "procrastinate_"

TABLES = text(
    """
SELECT relname AS name, relrowsecurity AS secured, relforcerowsecurity AS forced,
    (SELECT array_agg(polname::text ORDER BY polname) FROM pg_policy
        WHERE polrelid = pg_class.oid) AS policies,
    (SELECT pg_get_expr(polqual, polrelid) FROM pg_policy
        WHERE polrelid = pg_class.oid AND polname = 'team_rows') AS team_rows
FROM pg_class
WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') AND NOT relispartition
ORDER BY relname
"""
)

PARTITION_RIGHTS = text(
    """
SELECT relname FROM pg_class
WHERE relnamespace = 'public'::regnamespace AND relispartition AND relkind IN ('r', 'p')
    AND (has_table_privilege(:role, oid, 'SELECT') OR has_table_privilege(:role, oid, 'INSERT')
        OR has_table_privilege(:role, oid, 'UPDATE') OR has_table_privilege(:role, oid, 'DELETE'))
ORDER BY relname
"""
)

ROLE = text(
    """
SELECT rolsuper OR rolbypassrls AS bypasses,
    EXISTS (SELECT 1 FROM pg_class WHERE relowner = pg_roles.oid AND relkind IN ('r', 'p')
        AND relnamespace = 'public'::regnamespace) AS owns,
    pg_has_role(rolname, :door, 'USAGE') AS in_door
FROM pg_roles WHERE rolname = :role
"""
)


def faults(connection: Connection, role: str) -> list[str]:
    """What is wrong with the walls for the program's role `role`, as sentences; none is the good answer."""
    return [*_role_faults(connection, role), *_table_faults(connection), *_partition_faults(connection, role)]


def _role_faults(connection: Connection, role: str) -> list[str]:
    row = connection.execute(ROLE, {"role": role, "door": walls.DOOR}).mappings().one()
    found: list[str] = []
    if row["bypasses"]:
        found.append(f"the role {role} may bypass row-level security")
    if row["owns"]:
        found.append(f"the role {role} owns tables, so their policies do not hold for it")
    if row["in_door"]:
        found.append(f"the role {role} is a member of {walls.DOOR}")
    return found


def _table_faults(connection: Connection) -> list[str]:
    return [
        fault
        for table in connection.execute(TABLES).mappings()
        if table["name"] not in SHARED_TABLES and not table["name"].startswith(ENGINE_PREFIX)
        for fault in _faults_of(dict(table))
    ]


def _faults_of(table: dict[str, Any]) -> list[str]:
    name, policies = table["name"], table["policies"] or []
    found: list[str] = []
    if not (table["secured"] and table["forced"]):
        found.append(f"row-level security is not forced on {name}")
    if "owner_all" not in policies:
        found.append(f"{name} has no policy for its owner: migrations would change no row of it")
    if "current_setting('app.team_id'" not in (table["team_rows"] or ""):
        found.append(f"{name} has no policy that asks for the team")
    unknown = set(policies) - {"owner_all", "team_rows", "door_all"}
    if unknown:
        found.append(f"{name} has policies that nobody knows: {', '.join(sorted(unknown))}")
    return found


def _partition_faults(connection: Connection, role: str) -> list[str]:
    rows = connection.scalars(PARTITION_RIGHTS, {"role": role})
    return [f"the role {role} has a right on the partition {name}, which has no policy" for name in rows]
