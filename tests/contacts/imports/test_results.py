"""What an import does to contacts, groups and opt-outs, and that its figures always add up."""

from __future__ import annotations

import pytest

from tests.contacts.imports.bringing import Importer, sums, table
from webapp import clock
from webapp.contacts import groups, operations, optouts
from webapp.contacts.imports import slices

FILE = table("手机,姓名,城市", "13800138000,王芳,北京", "13900139000,,上海", "13700137000,刘洋,", "x,y,z")
THERE = {
    "13800138000": ("王芳", {"城市": "北京"}),
    "13900139000": ("", {"城市": "上海"}),
    "13700137000": ("刘洋", {}),
}


@pytest.fixture(params=[1, 2, 4000])
def rows_a_slice(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    """The same must come out however the file is cut."""
    monkeypatch.setattr(slices, "ROWS", request.param)
    return int(request.param)


def sizes(imports: Importer) -> dict[str, int]:
    with imports.team():
        return {one.name: one.size for one in groups.groups()}


def test_a_second_import_of_the_same_file_changes_nothing(imports: Importer, rows_a_slice: int) -> None:
    assert sums(imports.whole(FILE)) == {"rows": 4, "ready": 3, "added": 3, "left_out": 1}
    again = imports.whole(FILE)
    assert sums(again) == {"rows": 4, "ready": 3, "already": 3, "same": 3, "left_out": 1}
    assert imports.people() == THERE


def test_who_is_here_already_is_updated(imports: Importer, rows_a_slice: int) -> None:
    imports.change(lambda: operations.add("13800138000", "王方", {"城市": "天津", "积分": "7"}, None))
    imports.change(lambda: operations.add("13900139000", "陈建国", {"城市": "上海"}, None))
    one = imports.whole(FILE, new_group="VIP")
    assert sums(one) == {
        "rows": 4, "ready": 3, "already": 2, "added": 1, "updated": 1, "same": 1, "left_out": 1,
    }  # fmt: skip
    assert imports.people() == {
        "13800138000": ("王芳", {"城市": "北京", "积分": "7"}),
        # An empty cell takes nothing away.
        "13900139000": ("陈建国", {"城市": "上海"}),
        "13700137000": ("刘洋", {}),
    }
    assert sizes(imports) == {"VIP": 3}


def test_or_kept_as_they_are(imports: Importer, rows_a_slice: int) -> None:
    imports.change(lambda: operations.add("13800138000", "王方", {"城市": "天津"}, None))
    one = imports.whole(FILE, if_exists="keep", new_group="VIP")
    assert sums(one) == {"rows": 4, "ready": 3, "already": 1, "added": 2, "same": 1, "left_out": 1}
    assert imports.people()["13800138000"] == ("王方", {"城市": "天津"})
    assert sizes(imports) == {"VIP": 3}


def test_somebody_who_comes_between_the_check_and_the_import_is_updated(imports: Importer) -> None:
    import_id = imports.bring(FILE)
    assert imports.check(import_id).already == 0
    imports.change(lambda: operations.add("13800138000", "王方", {}, None))
    assert sums(imports.start(import_id)) == {
        "rows": 4, "ready": 3, "added": 2, "updated": 1, "left_out": 1,
    }  # fmt: skip


def test_a_group_of_that_name_is_taken_whatever_its_letters(imports: Importer) -> None:
    imports.change(lambda: groups.make("Vip", None))
    imports.whole(FILE, new_group="VIP")
    imports.whole(FILE, new_group="vip")
    assert sizes(imports) == {"Vip": 3}


def test_a_group_that_is_deleted_meanwhile_ends_nothing(imports: Importer) -> None:
    import_id = imports.bring(FILE)
    imports.change(lambda: groups.make("VIP", None))
    with imports.team():
        group_id = groups.groups()[0].id
    imports.check(import_id, group=str(group_id))
    imports.change(lambda: groups.delete(group_id))
    assert imports.start(import_id).added == 3
    # It was chosen by its name, so it is made again.
    assert sizes(imports) == {"VIP": 3}


def test_opted_out_numbers_become_contacts_and_stay_opted_out(imports: Importer) -> None:
    imports.change(lambda: optouts.opt_out(["13800138000"], "hand", None, clock.now()))
    import_id = imports.bring(FILE)
    imports.check(import_id)
    assert "1 of them has opted out and stays so" in imports.page(import_id)
    imports.start(import_id)
    assert set(imports.people()) == set(THERE)
    with imports.team():
        assert optouts.opted_out_among(THERE) == {"13800138000"}


def test_a_file_of_opt_outs_adds_no_contact(imports: Importer, rows_a_slice: int) -> None:
    imports.change(lambda: optouts.opt_out(["13800138000"], "hand", None, clock.now()))
    one = imports.whole(FILE, query="?for=optouts")
    assert sums(one) == {"rows": 4, "ready": 3, "already": 1, "added": 2, "same": 1, "left_out": 1}
    assert imports.people() == {}
    with imports.team():
        assert optouts.opted_out_among(THERE) == set(THERE)
    assert imports.undo(one.id).undo == {"deleted": 2}
    with imports.team():
        assert optouts.opted_out_among(THERE) == {"13800138000"}


def test_nobody_is_imported_before_somebody_says_so(imports: Importer) -> None:
    import_id = imports.bring(FILE)
    imports.check(import_id)
    assert imports.people() == {}
    imports.work()
    assert (imports.people(), imports.get(import_id).state) == ({}, "checked")


def test_pressing_twice_is_one_import(imports: Importer) -> None:
    import_id = imports.bring(FILE)
    imports.check(import_id)
    for _press in range(2):
        imports.post(f"imports/{import_id}/start")
    imports.work()
    imports.post(f"imports/{import_id}/start")
    imports.work()
    assert sums(imports.get(import_id)) == {"rows": 4, "ready": 3, "added": 3, "left_out": 1}


def test_a_file_without_a_good_row_imports_nothing(imports: Importer) -> None:
    import_id = imports.bring(table("手机", "x", "y"))
    imports.check(import_id, **{"to-0": "mobile"})
    assert "Import " not in imports.page(import_id).partition("What is left out")[0].partition("kpis")[2]
    imports.post(f"imports/{import_id}/start")
    assert imports.get(import_id).state == "checked"


def test_columns_can_be_changed_after_the_check(imports: Importer) -> None:
    import_id = imports.bring(FILE)
    imports.check(import_id)
    answer = imports.post(f"imports/{import_id}/reading", encoding="utf-8", separator=",", header="y")
    assert answer.status_code == 303
    assert "What the columns are" in imports.page(import_id)
    one = imports.check(import_id, **{"to-2": "skip"})
    assert sums(one) == {"rows": 4, "ready": 3}
    imports.start(import_id)
    assert imports.people()["13800138000"] == ("王芳", {})


def test_what_is_done_is_noted_without_a_number(imports: Importer) -> None:
    imports.whole(FILE, "13800138000.csv")
    with imports.team() as session:
        from webapp.accounts.models import AuditEntry

        entries = session.query(AuditEntry).order_by(AuditEntry.id).all()
        actions = [one.action for one in entries if one.object_kind == "import"]
        assert actions == ["import.brought", "import.started", "import.finished"]
        assert not any("13800138000" in str(one.details) for one in entries)


def test_discarding(imports: Importer) -> None:
    import_id = imports.bring(FILE)
    imports.check(import_id)
    imports.post(f"imports/{import_id}/discard")
    one = imports.get(import_id)
    assert (one.state, one.file_id, sums(one)) == ("discarded", None, {})
    assert "This file was discarded." in imports.page(import_id)
    for deed in ("start", "undo", "discard", "columns", "reading"):
        imports.post(f"imports/{import_id}/{deed}", encoding="utf-8", separator=",")
    assert imports.get(import_id).state == "discarded"
