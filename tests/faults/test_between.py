"""What stands between a process and PostgreSQL holds it where it is told, and changes nothing else."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator

import psycopg
import pytest

from tests.conftest import Database, new_database
from tests.faults.between import POINTS, Between, Point
from webapp.connections import conninfo
from webapp.embedded import Cluster

STATEMENTS = {
    "T1": "INSERT INTO attempt VALUES (%s)",
    "T2": "UPDATE attempt SET n = n + %s, resp_code = 0",
    "planning": "WITH made AS (INSERT INTO message VALUES (%s) RETURNING 1) SELECT count(*) FROM made",
}
SEEN = "SELECT coalesce(sum(n), 0) + (SELECT count(*) FROM message) FROM attempt"


@pytest.fixture(scope="module")
def place(cluster: Cluster) -> Iterator[Database]:
    with new_database(cluster) as made:
        with made.owner() as owner:
            owner.execute("CREATE TABLE attempt (n int, resp_code int); CREATE TABLE message (n int)")
            owner.execute("INSERT INTO attempt VALUES (1)")
        yield made


def seen(place: Database) -> int:
    """Rises with each of the statements, once it is committed."""
    with place.owner() as owner:
        row = owner.execute(SEEN).fetchone()
        assert row is not None
        return int(row[0])


@pytest.mark.parametrize("point", POINTS, ids=str)
@pytest.mark.parametrize("goes", [True, False], ids=["let go", "cut"])
# The sixth time a statement has a name on the server, and its text is not sent any more.
@pytest.mark.parametrize("earlier", [0, 8], ids=["the first time", "later"])
def test_a_transaction_is_held(place: Database, point: Point, goes: bool, earlier: int) -> None:
    with Between(place.owner_url) as between, psycopg.connect(conninfo(between.url)) as connection:
        for _ in range(earlier):
            connection.execute(STATEMENTS[point.transaction].encode(), [1])
            connection.commit()
        before = seen(place)
        stop = between.arm(point, os.getpid())
        ended: list[str] = []

        def commit() -> None:
            try:
                connection.execute(STATEMENTS[point.transaction].encode(), [1])
                connection.commit()
                ended.append("committed")
            except psycopg.OperationalError:
                ended.append("lost")

        working = threading.Thread(target=commit)
        working.start()
        stop.wait(20)
        assert ended == []
        there = seen(place) if point.committed else before
        (stop.release if goes else stop.cut)()
        working.join(20)
        assert ended == ["committed" if goes else "lost"]
        if not point.committed:
            there = seen(place)
        assert (there > before) == (point.committed or goes)
