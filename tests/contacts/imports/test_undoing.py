"""Undoing an import: everything goes back, but nothing that somebody has touched since."""

from __future__ import annotations

import pytest
import time_machine
from flask import Flask

from tests.contacts.imports.bringing import Importer, sums, table
from tests.factories import confirm, connect_practice
from tests.practice.fixture import PracticeGateway
from webapp import clock, tenancy
from webapp.campaigns import planning
from webapp.contacts import groups, operations
from webapp.contacts import queries as contacts
from webapp.contacts.imports import forgetting, slices

ROWS = [f"1380013{n:04},n{n},c{n}" for n in range(10)]
FILE = table("手机,姓名,城市", *ROWS)


@pytest.fixture(autouse=True, params=[3, 4000])
def rows_a_slice(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slices, "ROWS", request.param)


def sizes(imports: Importer) -> dict[str, int]:
    with imports.team():
        return {one.name: one.size for one in groups.groups()}


def test_everything_is_as_it_was(imports: Importer) -> None:
    imports.change(lambda: operations.add("13800130000", "old", {"城市": "x", "积分": "7"}, None))
    imports.change(lambda: operations.add("13800130001", "n1", {"城市": "c1"}, None))
    imports.change(lambda: groups.add(groups.make("VIP", None).id, [mine("13800130001")]))
    before = imports.people()
    one = imports.whole(FILE, new_group="VIP")
    assert sums(one) == {"rows": 10, "ready": 10, "already": 2, "added": 8, "updated": 1, "same": 1}
    assert sizes(imports) == {"VIP": 10}
    one = imports.undo(one.id)
    assert (one.state, one.undo["deleted"], one.undo["restored"]) == ("undone", 8, 1)
    assert (one.undo["kept_sent"], one.undo["kept_changed"]) == (0, 0)
    assert imports.people() == before
    assert sizes(imports) == {"VIP": 1}
    page = imports.page(one.id)
    assert "8 people who had been added were deleted again." in page
    assert "1 person has again what was here before." in page
    # A second time there is nothing to undo, and the figures of the import stay.
    assert imports.undo(one.id).undo == one.undo
    assert sums(one)["added"] == 8


def mine(mobile: str) -> int:
    found = contacts.by_mobile(mobile)
    assert found is not None
    return found.id


def test_who_was_changed_since_stays(imports: Importer) -> None:
    imports.change(lambda: operations.add("13800130000", "old", {}, None))
    one = imports.whole(FILE, new_group="VIP")
    imports.change(lambda: operations.change(mine("13800130000"), "13800130000", "mine", {}))
    imports.change(lambda: operations.change(mine("13800130001"), "13800130001", "mine too", {}))
    imports.change(lambda: groups.add(groups.make("Other", None).id, [mine("13800130002")]))
    imports.change(lambda: operations.delete([mine("13800130003")]))
    one = imports.undo(one.id)
    assert (one.undo["deleted"], one.undo["restored"], one.undo["kept_changed"]) == (6, 0, 3)
    assert {mobile: name for mobile, (name, _fields) in imports.people().items()} == {
        "13800130000": "mine", "13800130001": "mine too", "13800130002": "n2",
    }  # fmt: skip
    # The group that was made for the file goes with it.
    assert sizes(imports) == {"Other": 1}
    assert "3 people stay as they are: somebody changed them since." in imports.page(one.id)


def test_a_group_that_others_need_stays(imports: Importer) -> None:
    first = imports.whole(FILE, new_group="VIP")
    waits = imports.bring(table("手机,姓名", "13900139000,other"))
    imports.check(waits, group=str(first.group_id))
    imports.undo(first.id)
    assert sizes(imports) == {"VIP": 0}
    imports.start(waits)
    assert sizes(imports) == {"VIP": 1}
    # One that was there before the file is nobody's to delete.
    imports.change(lambda: groups.make("Old", None))
    imports.undo(imports.whole(table("手机", "13900139001"), new_group="old").id)
    assert sizes(imports) == {"VIP": 1, "Old": 0}


def test_a_later_import_is_a_change_too(imports: Importer) -> None:
    first = imports.whole(FILE)
    second = imports.whole(table("手机,姓名", "13800130000,other", "13800130001,n1"))
    assert (second.updated, second.same) == (1, 1)
    assert imports.undo(first.id).undo["kept_changed"] == 1
    assert imports.people() == {"13800130000": ("other", {"城市": "c0"})}
    # What the second one changed was what the first had brought.
    assert imports.undo(second.id).undo["restored"] == 1
    assert imports.people() == {"13800130000": ("n0", {"城市": "c0"})}


def test_who_was_sent_something_stays(app: Flask, imports: Importer, practice: PracticeGateway) -> None:
    account = connect_practice(app, imports.person, practice)
    earlier = confirm(app, imports.person, account, ["13800130005"])
    plan(app, imports, earlier)
    one = imports.whole(FILE, new_group="VIP")
    campaign = confirm(app, imports.person, account, ["13800130000", "13800130004", "13900139000"])
    plan(app, imports, campaign)
    one = imports.undo(one.id)
    assert (one.undo["deleted"], one.undo["kept_sent"]) == (8, 2)
    assert set(imports.people()) == {"13800130000", "13800130004"}
    assert sizes(imports) == {}
    assert "2 people stay: messages were sent to them since." in imports.page(one.id)


def plan(app: Flask, imports: Importer, campaign_id: int) -> None:
    with tenancy.team_scope(imports.person.team_id, app) as session:
        while planning.plan_chunk(campaign_id):
            session.commit()
        session.commit()


def test_for_a_day_and_no_longer(imports: Importer) -> None:
    one = imports.whole(FILE)
    assert "Undo this import" in imports.page(one.id)
    with time_machine.travel(clock.now().timestamp() + 24 * 3600 + 60, tick=True):
        with imports.team() as session:
            forgetting.forget(clock.now())
            session.commit()
        with imports.app.test_client() as browser:
            from tests.factories import PASSWORD

            browser.post("/login", data={"email": imports.person.email, "password": PASSWORD})
            page = browser.get(imports.place(f"imports/{one.id}")).text
            assert "Undo this import" not in page
            browser.post(imports.place(f"imports/{one.id}/undo"))
    assert imports.get(one.id).state == "done"
    assert len(imports.people()) == 10


def test_after_a_day_what_stood_in_the_file_is_gone(imports: Importer) -> None:
    kept = imports.whole(table("手机", "13800130000", "hello"))
    left = imports.bring(FILE)
    with imports.team() as session:
        forgetting.forget(clock.now())
        session.commit()
    assert "hello" in imports.page(kept.id, "?kind=not_mobile")
    with time_machine.travel(clock.now().timestamp() + 24 * 3600 + 60, tick=True), imports.team() as session:
        forgetting.forget(clock.now())
        session.commit()
    assert imports.get(left).state == "discarded"
    page = imports.page(kept.id, "?kind=not_mobile")
    assert "hello" not in page
    assert "The rows themselves were kept for 24 hours." in page
    assert imports.browser.get(imports.place(f"imports/{kept.id}/left-out")).status_code == 404
    with imports.team() as session:
        from webapp.contacts.imports.models import ImportProblem, ImportSlice

        assert (session.query(ImportProblem).count(), session.query(ImportSlice).count()) == (0, 0)
