"""The floor of P5: the file's rows by COPY into a bare table, then one INSERT … ON CONFLICT from there.

The table that they end in has the columns, checks and indexes of `contact` and nothing else: no policies, no
foreign keys, no triggers, no group, no undo, and nobody who looks for what is wrong with a row.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import psycopg

Row = tuple[str, str, str, str, str]
MAKE = (
    "DROP TABLE IF EXISTS bare_row, bare_contact",
    "CREATE TABLE bare_row (id bigint, mobile text, name text, city text, shop text, points text)",
    "CREATE TABLE bare_contact (LIKE contact INCLUDING ALL)",
)
INSERT = """
INSERT INTO bare_contact (team_id, id, mobile, name, fields, created_at, changed_at)
SELECT 1, id, mobile, name, jsonb_build_object('城市', city, '门店', shop, '积分', points), now(), now()
FROM bare_row WHERE mobile ~ '^1[3-9][0-9]{9}$'
ON CONFLICT (team_id, mobile) DO NOTHING
"""


def measure(owner: psycopg.Connection[Any], rows: Sequence[Row]) -> tuple[float, int]:
    """Seconds that it took, and how many rows there are in the end."""
    for statement in MAKE:
        owner.execute(statement.encode())
    lines = "".join(f"{at}\t" + "\t".join(row) + "\n" for at, row in enumerate(rows)).encode()
    began = time.monotonic()
    with owner.cursor() as cursor, cursor.copy("COPY bare_row FROM STDIN") as copy:
        copy.write(lines)
    inserted = owner.execute(INSERT.encode()).rowcount
    return time.monotonic() - began, inserted
