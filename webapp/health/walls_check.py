"""Whether the walls between teams stand, read from the database's own catalogue.

The doctor and the tests ask the same questions, so that a table or a right added later is looked at by both.
Everything is compared whole: a policy that only looks like ours, or holds for one more role, is a hole.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from sqlalchemy import Connection, text

from webapp import walls

# Tables of the program that belong to no team. A new one must be added here by somebody who thought about it.
SHARED_TABLES = frozenset(
    {
        "app_user",
        "login_session",
        "password_reset",
        "access_entry",
        "rate_limit",
        "heartbeat",
        "alembic_version",
    }
)
ENGINE_PREFIX = "procrastinate_"
# The column that names the team, where it is another than in all other tables.
TEAM_COLUMNS = {"team": "id"}

TABLES = text(
    """
SELECT oid, relname AS name, pg_get_userbyid(relowner) AS owner,
    relrowsecurity AS secured, relforcerowsecurity AS forced
FROM pg_class
WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') AND NOT relispartition
ORDER BY relname
"""
)

POLICIES = text(
    """
SELECT polrelid AS table_oid, polname AS name, polcmd::text AS command, polpermissive AS permissive,
    ARRAY(SELECT coalesce(rolname::text, 'PUBLIC') FROM unnest(polroles) AS held(member)
        LEFT JOIN pg_roles ON pg_roles.oid = held.member ORDER BY 1) AS roles,
    pg_get_expr(polqual, polrelid) AS seen, pg_get_expr(polwithcheck, polrelid) AS written
FROM pg_policy ORDER BY polname
"""
)

# A partition has no policy of its own, whatever schema it lies in and whichever way a right came to the role.
PARTITION_RIGHTS = text(
    """
SELECT relname FROM pg_class
WHERE relispartition AND relkind IN ('r', 'p')
    AND (has_any_column_privilege(:role, oid, 'SELECT, INSERT, UPDATE, REFERENCES')
        OR has_table_privilege(:role, oid, 'DELETE, TRUNCATE, TRIGGER'))
ORDER BY relname
"""
)

# Row-level security does not hold for these; and the logs are only ever added to.
TABLE_RIGHTS = text(
    """
SELECT relname AS name,
    has_table_privilege(:role, oid, 'TRUNCATE, TRIGGER')
        OR has_any_column_privilege(:role, oid, 'REFERENCES') AS past_policies,
    has_table_privilege(:role, oid, 'DELETE') OR has_any_column_privilege(:role, oid, 'UPDATE') AS changes
FROM pg_class
WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') AND NOT relispartition
ORDER BY relname
"""
)

# Views read with their owner's rights, who sees every team.
VIEWS = text(
    """
SELECT relname FROM pg_class
WHERE relnamespace = 'public'::regnamespace AND relkind IN ('v', 'm', 'f')
    AND has_any_column_privilege(:role, oid, 'SELECT, INSERT, UPDATE')
ORDER BY relname
"""
)

FUNCTIONS = text(
    """
SELECT oid::regprocedure::text AS name, has_function_privilege('public', oid, 'EXECUTE') AS for_everybody,
    NOT coalesce(proconfig::text LIKE '%search_path=%', false) AS open_path
FROM pg_proc
WHERE pronamespace = 'public'::regnamespace
    AND (prosecdef OR proname LIKE 'door\\_%' OR proname LIKE 'partition\\_%')
ORDER BY 1
"""
)

ROLE = text(
    """
SELECT rolsuper OR rolbypassrls OR rolreplication AS bypasses, rolcreaterole AS makes_roles,
    EXISTS (SELECT 1 FROM pg_class WHERE relowner = pg_roles.oid AND relkind IN ('r', 'p')
        AND relnamespace = 'public'::regnamespace) AS owns,
    pg_has_role(rolname, :door, 'MEMBER') AS in_door,
    ARRAY(SELECT DISTINCT pg_get_userbyid(relowner)::text FROM pg_class WHERE relkind IN ('r', 'p')
        AND relnamespace = 'public'::regnamespace AND relowner <> pg_roles.oid
        AND pg_has_role(pg_roles.oid, relowner, 'MEMBER')) AS owners,
    has_schema_privilege(rolname, 'public', 'CREATE') AS creates
FROM pg_roles WHERE rolname = :role
"""
)

DOOR = text("SELECT rolcanlogin OR rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = :door")


def faults(connection: Connection, role: str) -> list[str]:
    """What is wrong with the walls for the program's role `role`, as sentences; none is the good answer."""
    return [
        *_role_faults(connection, role),
        *_policy_faults(connection),
        *_right_faults(connection, role),
        *_function_faults(connection),
    ]


def _role_faults(connection: Connection, role: str) -> Iterator[str]:
    row = connection.execute(ROLE, {"role": role, "door": walls.DOOR}).mappings().one()
    if row["bypasses"]:
        yield f"the role {role} may bypass row-level security"
    if row["makes_roles"]:
        yield f"the role {role} may make roles, and so make itself one that sees every team"
    if row["owns"]:
        yield f"the role {role} owns tables, so their policies do not hold for it"
    if row["in_door"]:
        yield f"the role {role} is a member of {walls.DOOR}"
    for owner in row["owners"]:
        yield f"the role {role} is a member of {owner}, which owns tables"
    if row["creates"]:
        yield f"the role {role} may make functions in the schema public, which door functions could then call"
    if connection.scalar(DOOR, {"door": walls.DOOR}):
        yield f"the role {walls.DOOR} may sign in or bypass row-level security"


def _policy_faults(connection: Connection) -> Iterator[str]:
    policies: dict[int, dict[str, dict[str, Any]]] = defaultdict(dict)
    for row in connection.execute(POLICIES).mappings():
        policies[row["table_oid"]][row["name"]] = dict(row)
    for table in connection.execute(TABLES).mappings():
        name = table["name"]
        if name in SHARED_TABLES or name.startswith(ENGINE_PREFIX):
            continue
        if not (table["secured"] and table["forced"]):
            yield f"row-level security is not forced on {name}"
        yield from _faults_of(name, table["owner"], policies[table["oid"]])


def _faults_of(table: str, owner: str, found: dict[str, dict[str, Any]]) -> Iterator[str]:
    wanted = _wanted(table, owner)
    if "owner_all" not in found:
        yield f"{table} has no policy for its owner: migrations would change no row of it"
    if "team_rows" not in found:
        yield f"{table} has no policy that asks for the team"
    for name, policy in found.items():
        if name not in wanted:
            yield f"{table} has a policy that nobody knows: {name}"
            continue
        for what, value in wanted[name].items():
            if policy[what] != value:
                yield f"the policy {name} of {table} is not as it was made ({what}: {policy[what]})"


def _wanted(table: str, owner: str) -> dict[str, dict[str, Any]]:
    """The policies that `walls.team_table` makes, as the catalogue shows them."""
    column = TEAM_COLUMNS.get(table, "team_id")
    everything = {"command": "*", "permissive": True, "seen": "true", "written": "true"}
    own_rows = f"({column} = (current_setting('app.team_id'::text))::bigint)"
    return {
        "owner_all": {**everything, "roles": [owner]},
        "door_all": {**everything, "roles": [walls.DOOR]},
        "team_rows": {**everything, "roles": ["PUBLIC"], "seen": own_rows, "written": None},
    }


def _right_faults(connection: Connection, role: str) -> Iterator[str]:
    for name in connection.scalars(PARTITION_RIGHTS, {"role": role}):
        yield f"the role {role} has a right on the partition {name}, which has no policy"
    for row in connection.execute(TABLE_RIGHTS, {"role": role}).mappings():
        if row["past_policies"]:
            yield f"the role {role} has a right on {row['name']} for which policies do not hold"
        if row["changes"] and row["name"] in (*walls.ONLY_ADDED, *walls.ONLY_READ):
            yield f"the role {role} may change rows of {row['name']}"
    for name in connection.scalars(VIEWS, {"role": role}):
        yield f"the role {role} has a right on {name}, which reads with its owner's rights"


def _function_faults(connection: Connection) -> Iterator[str]:
    for row in connection.execute(FUNCTIONS).mappings():
        if row["for_everybody"]:
            yield f"every role may call {row['name']}"
        if row["open_path"]:
            yield f"{row['name']} has no fixed search path"
