"""What the tests of gateway accounts share: a look at the rows, and an account of a person."""

from __future__ import annotations

from typing import Any

from flask import Flask

from tests.conftest import Database
from tests.factories import Person
from webapp import tenancy
from webapp.gateway import operations
from webapp.gateway.models import GatewayAccount
from webapp.sealing import Secret

PWD = "Pa55-word/ä&"


def connect(app: Flask, person: Person, uid: str, pwd: str = PWD, gateway: str = "main") -> int:
    """An account, untested, without asking anybody."""
    with tenancy.team_scope(person.team_id, app) as session:
        account_id = operations.connect_account("Shop", gateway, Secret(uid), Secret(pwd), by=None).id
        session.commit()
    return account_id


def put(app: Flask, person: Person, account_id: int, **values: Any) -> None:
    """Change columns of an account."""
    with tenancy.team_scope(person.team_id, app) as session:
        account = session.get_one(GatewayAccount, (person.team_id, account_id))
        for name, value in values.items():
            setattr(account, name, value)
        session.commit()


def accounts(database: Database) -> list[dict[str, Any]]:
    """All accounts of all teams, as the owner of the tables sees them."""
    return _rows(database, "gateway_account")


def readings(database: Database) -> list[dict[str, Any]]:
    """All readings, the oldest first."""
    return sorted(_rows(database, "balance_reading"), key=lambda row: row["id"])


def queued(database: Database) -> list[tuple[str, dict[str, Any]]]:
    """Names and arguments of the jobs that wait."""
    return [
        (row["task_name"].removeprefix("team:"), row["args"])
        for row in _rows(database, "procrastinate_jobs")
        if row["status"] == "todo"
    ]


def _rows(database: Database, table: str) -> list[dict[str, Any]]:
    with database.owner() as owner:
        cursor = owner.execute(f"SELECT * FROM {table}")
        names = [column.name for column in cursor.description or ()]
        return [dict(zip(names, row, strict=True)) for row in cursor]
