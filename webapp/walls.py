"""What migrations use to put up the walls between teams: policies, door functions, rights.

Three roles: *owner* owns the tables and runs migrations; *program* is what web and worker sign in as and
sees the rows of the team that its session names; *door* cannot sign in, and owns the few functions that
cross teams. docs/decisions/0002-team-walls.md says why each trap is avoided as it is.
"""

from __future__ import annotations

from sqlalchemy import Connection, text

from webapp.settings import SettingsError

DOOR = "tidings_door"

# What the program's role may do; any other table is fully its own. Audit rows are only ever added.
ONLY_ADDED = ("audit_entry", "access_entry")
ONLY_READ = ("alembic_version",)
OLDEST_SERVER = 150000

OWNER = text(
    """
SELECT current_setting('server_version_num')::int AS version, current_setting('server_version') AS shown,
    current_user::text AS owner, current_database()::text AS database,
    EXISTS (SELECT 1 FROM pg_roles WHERE rolname = :program) AS has_program,
    EXISTS (SELECT 1 FROM pg_roles WHERE rolname = :door) AS has_door,
    (SELECT rolsuper OR rolcreaterole FROM pg_roles WHERE rolname = current_user) AS makes_roles,
    (SELECT pg_has_role(nspowner, 'USAGE') FROM pg_namespace WHERE nspname = 'public') AS has_schema
"""
)
MEMBER = text("SELECT pg_has_role(:door, 'MEMBER') AND pg_has_role(:door, 'USAGE')")
MEMBER_SINCE_16 = text("SELECT pg_has_role(:door, 'SET') AND pg_has_role(:door, 'USAGE')")

OWN_SEQUENCES = text(
    "SELECT oid::regclass::text FROM pg_class WHERE relnamespace = 'public'::regnamespace "
    "AND relkind = 'S' AND pg_get_userbyid(relowner) = current_user"
)
OWN_FUNCTIONS = text(
    "SELECT oid::regprocedure::text FROM pg_proc WHERE pronamespace = 'public'::regnamespace "
    "AND prosecdef AND (proname LIKE 'door\\_%' OR proname LIKE 'partition\\_%') "
    "AND pg_get_userbyid(proowner) IN (current_user, :door)"
)


def team_table(connection: Connection, table: str, *, team_column: str = "team_id", door: str = "") -> None:
    """Put a team's table behind row-level security.

    `door` lists the rights that door functions need on it ("SELECT", "SELECT, INSERT"), none by default.
    FORCE holds for the owner too, so it gets a policy of its own: without one a migration that changes data
    would touch no row and say nothing.
    """
    run(connection, f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
    run(connection, f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
    run(connection, f"CREATE POLICY owner_all ON {table} TO CURRENT_USER USING (true) WITH CHECK (true)")
    # No "missing ok": a statement without a team is a fault of the program and must fail, not read nothing.
    run(
        connection,
        f"CREATE POLICY team_rows ON {table} USING ({team_column} = current_setting('app.team_id')::bigint)",
    )
    if door:
        run(connection, f"CREATE POLICY door_all ON {table} TO {DOOR} USING (true) WITH CHECK (true)")
        run(connection, f"GRANT {door} ON {table} TO {DOOR}")


def door_function(
    connection: Connection, signature: str, returns: str, body: str, *, language: str = "sql"
) -> None:
    """Make a SECURITY DEFINER function that crosses teams, owned by the door's role.

    `signature` like `door_x(user_id bigint)`. Nobody may call it until `grant_rights` lets the program.
    """
    run(
        connection,
        f"CREATE FUNCTION {signature} RETURNS {returns} LANGUAGE {language} SECURITY DEFINER "
        f"SET search_path = pg_catalog, public, pg_temp AS $door$ {body} $door$",
    )
    run(connection, f"REVOKE ALL ON FUNCTION {signature} FROM PUBLIC")
    # Only a role that may create in the schema can be handed a function; the right is taken back at once.
    run(connection, f"GRANT USAGE, CREATE ON SCHEMA public TO {DOOR}")
    bare = _without_defaults(signature)
    run(connection, f"ALTER FUNCTION {bare} OWNER TO {DOOR}")
    run(connection, f"REVOKE CREATE ON SCHEMA public FROM {DOOR}")


def owner_function(connection: Connection, signature: str, returns: str, body: str) -> None:
    """Make a SECURITY DEFINER function of the owner, for what needs to own tables: making partitions."""
    run(
        connection,
        f"CREATE FUNCTION {signature} RETURNS {returns} LANGUAGE plpgsql SECURITY DEFINER "
        f"SET search_path = pg_catalog, public, pg_temp SET lock_timeout = '2s' AS $owner$ {body} $owner$",
    )
    run(connection, f"REVOKE ALL ON FUNCTION {_without_defaults(signature)} FROM PUBLIC")


def check_owner(connection: Connection, program: str) -> None:
    """Whether the role that migrates can do so; raises SettingsError with what an administrator must run."""
    row = connection.execute(OWNER, {"door": DOOR, "program": program}).mappings().one()
    if row["version"] < OLDEST_SERVER:
        raise SettingsError(f"PostgreSQL {row['shown']} is too old: Tidings needs 15 or newer.")
    if not row["has_program"]:
        raise SettingsError(
            f"The role {program} of DATABASE_URL is not there. An administrator must run: "
            f"CREATE ROLE {_quoted(connection, program)} LOGIN PASSWORD '…';"
        )
    if row["owner"] == program:
        raise SettingsError(
            f"DATABASE_URL and DATABASE_OWNER_URL both name the role {program}. They must be two roles: "
            "the one that owns the tables sees every team's rows."
        )
    if not row["has_schema"]:
        raise SettingsError(
            f"The role {row['owner']} does not own the schema public of the database {row['database']}. "
            "An administrator must run there: "
            f"ALTER SCHEMA public OWNER TO {_quoted(connection, row['owner'])};"
        )


def ensure_door(connection: Connection) -> None:
    """Make the door's role where it is missing; the embedded database has it already.

    Raises SettingsError with what an administrator must run where the migrating role can neither make it nor
    hand functions to it.
    """
    row = connection.execute(OWNER, {"door": DOOR, "program": ""}).mappings().one()
    owner = _quoted(connection, row["owner"])
    if not row["has_door"]:
        if not row["makes_roles"]:
            raise SettingsError(
                f"The role {DOOR} is not there, and the role {row['owner']} may not make it. "
                f"An administrator must run: CREATE ROLE {DOOR} NOLOGIN; GRANT {DOOR} TO {owner};"
            )
        run(connection, f"CREATE ROLE {DOOR} NOLOGIN")
        run(connection, f"GRANT {DOOR} TO CURRENT_USER")
    # Rights come with the membership only where it is inherited; functions are handed over only where the
    # role can be taken on. Two rights since PostgreSQL 16, one before.
    elif not connection.scalar(MEMBER if row["version"] < 160000 else MEMBER_SINCE_16, {"door": DOOR}):
        raise SettingsError(
            f"The role {row['owner']} is no full member of the role {DOOR}. "
            f"An administrator must run: GRANT {DOOR} TO {owner}"
            + (";" if row["version"] < 160000 else " WITH INHERIT TRUE, SET TRUE;")
        )


def grant_rights(connection: Connection, program: str) -> None:
    """Give the program's role what it needs, and nothing on partitions.

    A partition does not inherit its parent's policies, so a right on one would read every team. Only what the
    migrating role owns is touched. Runs after each migration and may run again at any time.
    """
    quoted = _quoted(connection, program)
    run(connection, "REVOKE CREATE ON SCHEMA public FROM PUBLIC")
    run(connection, f"GRANT USAGE ON SCHEMA public TO {quoted}")
    tables = connection.execute(
        text(
            "SELECT relname, relispartition FROM pg_class WHERE relnamespace = 'public'::regnamespace "
            "AND relkind IN ('r', 'p') AND pg_get_userbyid(relowner) = current_user"
        )
    ).all()
    for name, is_partition in tables:
        run(connection, f'REVOKE ALL ON "{name}" FROM {quoted}')
        if not is_partition:
            run(connection, f'GRANT {_rights_on(name)} ON "{name}" TO {quoted}')
    for name in connection.scalars(OWN_SEQUENCES).all():
        run(connection, f"GRANT USAGE ON SEQUENCE {name} TO {quoted}")
    for function in connection.scalars(OWN_FUNCTIONS, {"door": DOOR}).all():
        run(connection, f"GRANT EXECUTE ON FUNCTION {function} TO {quoted}")


def _rights_on(table: str) -> str:
    if table in ONLY_ADDED:
        return "SELECT, INSERT"
    if table in ONLY_READ:
        return "SELECT"
    return "SELECT, INSERT, UPDATE, DELETE"


def _quoted(connection: Connection, role: str) -> str:
    return connection.dialect.identifier_preparer.quote(role)


def _without_defaults(signature: str) -> str:
    name, _, arguments = signature.partition("(")
    kept = [argument.split(" DEFAULT ")[0] for argument in arguments.rstrip(")").split(",")]
    return f"{name}({','.join(kept)})"


def run(connection: Connection, statement: str) -> None:
    """Run a statement that is put together from names in our own code, never from input."""
    connection.exec_driver_sql(statement, execution_options={"no_parameters": True})
