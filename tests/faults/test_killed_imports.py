"""A file of people, and ten kills of the worker at random moments: in the end it is as without.

Each kill comes while the worker checks or imports, before, in or after a transaction. What the file holds is
known by how it was made, so nothing of the program says what is right.
"""

from __future__ import annotations

import random
import time
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from tests.conftest import Database
from tests.factories import Person, make_person
from tests.faults.processes import Process
from tests.practice.fixture import wait_until
from webapp import tenancy
from webapp.contacts.imports import bringing, operations
from webapp.contacts.imports.bringing import Brought
from webapp.contacts.imports.operations import Choices

KILLS = 10
SEED = 20_261_124
GOOD, BAD, TWICE, THERE = 40_000, 700, 1_300, 500
FIRST = 13_800_000_000
# From the first sign of work in a worker's life to its end.
MOST_SECONDS = 0.3


@pytest.fixture
def alice(app: Flask) -> Person:
    return make_person(app)


def content() -> bytes:
    chance = random.Random(SEED)
    numbers = [str(FIRST + 3 * n) for n in range(GOOD)]
    # Among the later rows, so that each number has stood before.
    later = [chance.choice(numbers[: GOOD // 2]) for _ in range(TWICE)] + ["1.38E+10"] * BAD
    tail = numbers[GOOD // 2 :] + later
    chance.shuffle(tail)
    rows = [f"{number},n{at % 997},c{at % 13}" for at, number in enumerate(numbers[: GOOD // 2] + tail)]
    return "\n".join(["手机,姓名,城市", *rows]).encode("gb18030")


def test_ten_kills_change_nothing(
    app: Flask, empty: Database, environ: dict[str, str], alice: Person, tmp_path: Path
) -> None:
    import_id = bring(
        app, alice, f"{FIRST + 3}\n" + "".join(f"{FIRST + 3 * n}\n" for n in range(2, THERE + 1))
    )
    with Process(tmp_path, "worker", environ) as worker:
        finish(app, empty, alice, import_id)
        worker.stop()
        import_id = bring(app, alice, content())
        hits = 0
        chance = random.Random(SEED)
        for _kill in range(KILLS):
            before = seen(empty, import_id)
            worker.start()
            wait_until(lambda: seen(empty, import_id) != before, 60)  # noqa: B023 # used at once
            time.sleep(chance.uniform(0, MOST_SECONDS))
            worker.kill()
            hits += seen(empty, import_id)[0] in {"checking", "importing"}
            if seen(empty, import_id)[0] == "checked":
                begin(app, alice, import_id)
        worker.start()
        finish(app, empty, alice, import_id)
    assert hits >= KILLS // 2, "too few kills found the worker at work"
    assert figures(empty, alice, import_id) == {
        "state": "done", "rows": GOOD + BAD + TWICE, "ready": GOOD, "already": THERE, "added": GOOD - THERE,
        "updated": THERE, "same": 0, "left_out": BAD + TWICE, "problems": {"rounded": BAD, "twice": TWICE},
        "problem_rows": BAD + TWICE, "contacts": GOOD, "distinct": GOOD, "group": GOOD, "grouped": GOOD,
        "kept": GOOD - THERE, "changes": THERE,
    }  # fmt: skip


def bring(app: Flask, alice: Person, said: str | bytes) -> int:
    """A file whose check is in line."""
    with app.test_request_context():
        tenancy.open_scope(alice.team_id)
        bytes_ = said if isinstance(said, bytes) else said.encode()
        one = bringing.take_in(Brought("people.csv", [bytes_]), alice.user_id)
        operations.check(one.id, Choices(one.columns, new_group="VIP"))
        import_id = one.id
        tenancy.session().commit()
        return import_id


def begin(app: Flask, alice: Person, import_id: int) -> None:
    with app.test_request_context():
        tenancy.open_scope(alice.team_id)
        operations.start(import_id, alice.user_id)
        tenancy.session().commit()


def finish(app: Flask, empty: Database, alice: Person, import_id: int) -> None:
    """Until it is done; whoever looks at the check says that it may come in."""
    wait_until(lambda: seen(empty, import_id)[0] in {"checked", "importing", "done"}, 120)
    begin(app, alice, import_id)
    wait_until(lambda: seen(empty, import_id)[0] == "done", 120)


def seen(empty: Database, import_id: int) -> tuple[str, int]:
    """State and cursor, as anybody sees them."""
    with empty.owner() as owner:
        row = owner.execute("SELECT state, cursor FROM contact_import WHERE id = %s", [import_id]).fetchone()
        assert row is not None
        return row[0], row[1]


def figures(empty: Database, alice: Person, import_id: int) -> dict[str, Any]:
    """What the import says of itself, and what the tables hold."""
    named = {
        "problem_rows": "SELECT count(*) FROM import_problem WHERE import_id = %(id)s",
        "contacts": "SELECT contacts FROM contact_count WHERE team_id = %(team)s",
        "distinct": "SELECT count(DISTINCT mobile) FROM contact WHERE team_id = %(team)s",
        "group": "SELECT size FROM contact_group WHERE team_id = %(team)s",
        "grouped": "SELECT count(*) FROM grouped_contact WHERE team_id = %(team)s",
        "kept": "SELECT sum(cardinality(added)) FROM import_slice WHERE import_id = %(id)s",
        "changes": "SELECT count(*) FROM import_change WHERE import_id = %(id)s",
    }
    own = ["state", "rows", "ready", "already", "added", "updated", "same", "left_out", "problems"]
    values = {"id": import_id, "team": alice.team_id}
    with empty.owner() as owner:
        query = f"SELECT {', '.join(own)} FROM contact_import WHERE id = %(id)s"
        row = owner.execute(query.encode(), values).fetchone()
        assert row is not None
        found = dict(zip(own, row, strict=True))
        for name, statement in named.items():
            one = owner.execute(statement.encode(), values).fetchone()
            assert one is not None
            found[name] = int(one[0])
    return found
