"""An import beside somebody who adds one of its people at the same moment: it comes to its end."""

from __future__ import annotations

import threading
import time

from tests.conftest import Database
from tests.contacts.imports.bringing import Importer, sums, table
from webapp.contacts import operations
from webapp.database import new_id

ADD = """
INSERT INTO contact (team_id, id, mobile, created_at, changed_at) VALUES (%s, %s, '13800130001', now(), now())
"""
WAITS = "SELECT EXISTS (SELECT 1 FROM pg_locks WHERE NOT granted AND %s = ANY(pg_blocking_pids(pid)))"


def test_who_is_added_by_hand_while_the_file_comes_in(imports: Importer, database: Database) -> None:
    imports.change(lambda: operations.add("13800130000", "n0", {}, None))
    import_id = imports.bring(table("手机,姓名", "13800130000,n0", "13800130001,n1", "13800130002,n2"))
    imports.check(import_id)
    assert imports.post(f"imports/{import_id}/start").status_code == 303
    worker = threading.Thread(target=imports.work)
    with database.owner() as other, database.owner() as watcher:
        other.autocommit = False
        other.execute(ADD, [imports.person.team_id, new_id()])
        worker.start()
        end = time.monotonic() + 20
        while watcher.execute(WAITS, [other.info.backend_pid]).fetchone() != (True,):
            assert time.monotonic() < end
            time.sleep(0.01)
        other.commit()
    worker.join(30)
    one = imports.get(import_id)
    assert (one.state, one.why) == ("done", None)
    assert sums(one) == {"rows": 3, "ready": 3, "already": 1, "added": 1, "updated": 1, "same": 1}


def test_a_heading_that_no_database_keeps(imports: Importer) -> None:
    import_id = imports.bring(table("手机,a\0b", "13800130000,x"))
    assert imports.check(import_id).state == "checked"
    assert sums(imports.start(import_id))["added"] == 1
