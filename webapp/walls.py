"""What migrations use to put up the walls between teams: policies, door functions, rights.

Three roles: *owner* owns the tables and runs migrations; *program* is what web and worker sign in as and
sees the rows of the team that its session names; *door* cannot sign in, and owns the few functions that
cross teams. docs/decisions/0002-team-walls.md says why each trap is avoided as it is.
"""

from __future__ import annotations

from sqlalchemy import Connection, text

DOOR = "tidings_door"

# What the program's role may do; any other table is fully its own. Audit rows are only ever added.
ONLY_ADDED = ("audit_entry", "access_entry")
ONLY_READ = ("alembic_version",)


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


def ensure_door(connection: Connection) -> None:
    """Make the door's role where it is missing; the embedded database has it already."""
    if connection.scalar(text("SELECT 1 FROM pg_roles WHERE rolname = :name"), {"name": DOOR}):
        return
    run(connection, f"CREATE ROLE {DOOR} NOLOGIN")
    run(connection, f"GRANT {DOOR} TO CURRENT_USER")


def grant_rights(connection: Connection, program: str) -> None:
    """Give the program's role what it needs, and nothing on partitions.

    A partition does not inherit its parent's policies, so a right on one would read every team. Runs after
    each migration and may run again at any time.
    """
    quoted = connection.dialect.identifier_preparer.quote(program)
    run(connection, f"GRANT USAGE ON SCHEMA public TO {quoted}")
    tables = connection.execute(
        text(
            "SELECT relname, relispartition FROM pg_class WHERE relnamespace = 'public'::regnamespace "
            "AND relkind IN ('r', 'p')"
        )
    ).all()
    for name, is_partition in tables:
        run(connection, f'REVOKE ALL ON "{name}" FROM {quoted}')
        if not is_partition:
            run(connection, f'GRANT {_rights_on(name)} ON "{name}" TO {quoted}')
    run(connection, f"GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO {quoted}")
    functions = connection.scalars(
        text(
            "SELECT oid::regprocedure::text FROM pg_proc WHERE pronamespace = 'public'::regnamespace "
            "AND prosecdef AND (proname LIKE 'door\\_%' OR proname LIKE 'partition\\_%')"
        )
    ).all()
    for function in functions:
        run(connection, f"GRANT EXECUTE ON FUNCTION {function} TO {quoted}")


def _rights_on(table: str) -> str:
    if table in ONLY_ADDED:
        return "SELECT, INSERT"
    if table in ONLY_READ:
        return "SELECT"
    return "SELECT, INSERT, UPDATE, DELETE"


def _without_defaults(signature: str) -> str:
    name, _, arguments = signature.partition("(")
    kept = [argument.split(" DEFAULT ")[0] for argument in arguments.rstrip(")").split(",")]
    return f"{name}({','.join(kept)})"


def run(connection: Connection, statement: str) -> None:
    """Run a statement that is put together from names in our own code, never from input."""
    connection.exec_driver_sql(statement, execution_options={"no_parameters": True})
