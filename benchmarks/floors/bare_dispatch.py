"""The floor of P3: the rows of the messages by COPY, and the requests that they need, posted.

The table has the columns, checks and keys of a month's messages and nothing else: no policies, nobody who
plans, no attempts, no tallies. The rows come in the order of their key, as planning writes them, and the
cluster's superuser writes them.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import psycopg

from benchmarks.floors import bare_posts

# Numbers a request, and requests at a time, as a new account has them.
LARGEST, CONNECTIONS = 5000, 4
MAKE = (
    "DROP TABLE IF EXISTS bare_message",
    "CREATE TABLE bare_message (LIKE message INCLUDING ALL) WITH (fillfactor = 70)",
)
COPY = "COPY bare_message (team_id, campaign_id, mobile, copy, batch_no) FROM STDIN"


def measure(
    superuser: psycopg.Connection[Any], mobiles: Sequence[str], port: int, path: str, uid: str, pwd: str
) -> tuple[float, float]:
    """Seconds that the rows took, and seconds that the requests took."""
    for statement in MAKE:
        superuser.execute(statement.encode())
    in_order = sorted(mobiles)
    rows = (f"1\t1\t{mobile}\t0\t{at // LARGEST + 1}\n" for at, mobile in enumerate(in_order))
    lines = "".join(rows).encode()
    began = time.monotonic()
    with superuser.cursor() as cursor, cursor.copy(COPY) as copy:
        copy.write(lines)
    copied = time.monotonic() - began
    cuts = [(in_order[at : at + LARGEST], "Hello") for at in range(0, len(in_order), LARGEST)]
    made = bare_posts.bodies(uid, pwd, cuts)
    posted = bare_posts.measure(port, path, made, CONNECTIONS)
    superuser.execute("DROP TABLE bare_message")
    return copied, posted
