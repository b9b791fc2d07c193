"""A team's line of imports: one at a time, by one worker, from wherever the one before stopped."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable

import pytest
from flask import Flask
from sqlalchemy.exc import OperationalError

from tests.contacts.imports.bringing import Importer, sums, table
from tests.factories import make_person, sign_in
from webapp import tenancy
from webapp.contacts.imports import checking, jobs, line, running, slices
from webapp.contacts.imports.models import ContactImport
from webapp.contacts.imports.slices import Slice

COUNT = 40
FILE = table("手机,姓名", *(f"1380013{n:04},n{n}" for n in range(COUNT)), "13800130000,again", "x,y")
DONE = {"rows": 42, "ready": 40, "added": 40, "left_out": 2}


class Died(BaseException):
    """The worker is no more."""


@pytest.fixture(autouse=True)
def few_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slices, "ROWS", 6)


def dying(monkeypatch: pytest.MonkeyPatch, module: object, name: str, after: int) -> Callable[[], None]:
    """Let a step die in its slice of this number, before it commits; returns how to heal it."""
    real = getattr(module, name)
    calls = []

    def step(one: ContactImport, part: Slice, *more: object) -> None:
        calls.append(part)
        real(one, part, *more)
        if len(calls) == after:
            raise Died

    monkeypatch.setattr(module, name, step)
    return lambda: monkeypatch.setattr(module, name, real)


@pytest.mark.parametrize("after", [1, 2, 7])
def test_a_check_goes_on_where_it_stopped(
    imports: Importer, monkeypatch: pytest.MonkeyPatch, after: int
) -> None:
    import_id = imports.bring(FILE)
    heal = dying(monkeypatch, checking, "note", after)
    with pytest.raises(Died):
        imports.check(import_id)
    one = imports.get(import_id)
    assert (one.state, one.rows) == ("checking", 6 * (after - 1))
    heal()
    imports.work()
    one = imports.get(import_id)
    assert (sums(one), one.problems) == ({"rows": 42, "ready": 40}, {"twice": 1, "not_mobile": 1})


@pytest.mark.parametrize("after", [1, 2, 7])
def test_an_import_goes_on_where_it_stopped(
    imports: Importer, monkeypatch: pytest.MonkeyPatch, after: int
) -> None:
    import_id = imports.bring(FILE)
    imports.check(import_id, new_group="VIP")
    heal = dying(monkeypatch, running, "write", after)
    with pytest.raises(Died):
        imports.start(import_id)
    assert (imports.get(import_id).state, len(imports.people())) == ("importing", 6 * (after - 1))
    heal()
    imports.work()
    assert sums(imports.get(import_id)) == DONE
    assert imports.undo(import_id).undo["deleted"] == COUNT
    assert imports.people() == {}


def test_two_workers_at_once_are_one(imports: Importer) -> None:
    import_id = imports.bring(FILE)
    imports.post(f"imports/{import_id}/columns", if_exists="update", group="0")
    both(imports.work)
    assert imports.get(import_id).ready == COUNT
    imports.post(f"imports/{import_id}/start")
    both(imports.work)
    assert sums(imports.get(import_id)) == DONE


def test_even_without_the_lock_no_row_comes_in_twice(
    imports: Importer, monkeypatch: pytest.MonkeyPatch
) -> None:
    import_id = imports.bring(FILE)
    imports.check(import_id)
    imports.post(f"imports/{import_id}/start")

    def run() -> None:
        with tenancy.team_scope(imports.person.team_id, imports.app):
            running.run(import_id)

    both(run)
    run()
    assert sums(imports.get(import_id)) == DONE


def both(work: Callable[[], None]) -> None:
    threads = [threading.Thread(target=work) for _worker in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def test_the_others_wait_in_line_and_say_so(imports: Importer) -> None:
    first, second, third = (imports.bring(FILE) for _n in range(3))
    for import_id in (second, first, third):
        imports.post(f"imports/{import_id}/columns", if_exists="update", group="0")
    assert "Checked 0 of 42" in imports.page(second)
    assert "Waiting in line" in imports.page(first)
    assert "2 come before this one" in imports.page(third)
    imports.work()
    assert [imports.get(one).state for one in (first, second, third)] == ["checked"] * 3


def test_a_file_that_breaks_us_holds_nobody_up(imports: Importer, monkeypatch: pytest.MonkeyPatch) -> None:
    bad, good = imports.bring(FILE, "bad.csv"), imports.bring(FILE, "good.csv")
    real = checking.note

    def note(one: ContactImport, part: Slice) -> None:
        if one.file_name == "bad.csv":
            raise ZeroDivisionError
        real(one, part)

    monkeypatch.setattr(checking, "note", note)
    for import_id in (bad, good):
        imports.post(f"imports/{import_id}/columns", if_exists="update", group="0")
    imports.work()
    assert [imports.get(one).state for one in (bad, good)] == ["failed", "checked"]
    assert "Something broke on our side." in imports.page(bad)


def test_an_import_that_breaks_half_way_says_what_is_in(
    imports: Importer, monkeypatch: pytest.MonkeyPatch
) -> None:
    import_id = imports.bring(FILE)
    imports.check(import_id)
    real = running._copy
    calls = []

    def copy(people: object) -> None:
        calls.append(people)
        if len(calls) == 3:
            raise ZeroDivisionError
        real(people)  # type: ignore[arg-type] # what it was called with

    monkeypatch.setattr(running, "_copy", copy)
    one = imports.start(import_id)
    assert (one.state, one.why, sums(one)) == (
        "done", "fault", {"rows": 42, "ready": 40, "added": 12, "left_out": 30},
    )  # fmt: skip
    assert "This import broke off" in imports.page(import_id)
    assert imports.undo(import_id).undo["deleted"] == 12


def test_a_database_that_is_away_is_waited_for(imports: Importer, monkeypatch: pytest.MonkeyPatch) -> None:
    import_id = imports.bring(FILE)

    def note(_one: ContactImport, _part: Slice) -> None:
        raise OperationalError("", {}, Exception())

    with monkeypatch.context() as patch:
        patch.setattr(checking, "note", note)
        with pytest.raises(OperationalError):
            imports.check(import_id)
    imports.work()
    assert imports.get(import_id).state == "checked"


def test_stopping_a_check_and_an_import(imports: Importer, monkeypatch: pytest.MonkeyPatch) -> None:
    import_id = imports.bring(FILE)
    imports.post(f"imports/{import_id}/columns", if_exists="update", group="0")
    imports.post(f"imports/{import_id}/stop")
    imports.work()
    assert (imports.get(import_id).state, sums(imports.get(import_id))) == ("uploaded", {})
    imports.check(import_id)
    heal = dying(monkeypatch, running, "write", 4)
    with pytest.raises(Died):
        imports.start(import_id)
    heal()
    imports.post(f"imports/{import_id}/stop")
    imports.work()
    one = imports.get(import_id)
    assert (one.state, sums(one)) == ("done", {"rows": 42, "ready": 40, "added": 18, "left_out": 24})
    page = imports.page(import_id)
    assert "Somebody stopped this import" in page
    imports.undo(import_id)
    assert imports.people() == {}


def test_what_a_dead_worker_left_is_found_by_the_sweep(
    app: Flask, imports: Importer, monkeypatch: pytest.MonkeyPatch
) -> None:
    import_id = imports.bring(FILE)
    imports.post(f"imports/{import_id}/columns", if_exists="update", group="0")
    woken: list[int] = []
    monkeypatch.setattr("webapp.contacts.imports.waking.wake", lambda: woken.append(tenancy.scope()))
    with app.app_context():
        jobs.sweep_imports()
    assert woken == [imports.person.team_id]


def test_teams_have_lines_of_their_own(app: Flask, imports: Importer) -> None:
    bob = make_person(app, "bob")
    others = Importer(app, bob, sign_in(app, bob))
    mine, theirs = imports.bring(FILE), others.bring(FILE)
    for importer, import_id in ((imports, mine), (others, theirs)):
        importer.post(f"imports/{import_id}/columns", if_exists="update", group="0")
    with tenancy.team_scope(imports.person.team_id, app), line._alone() as alone:
        assert alone
        others.work()
        imports.work()
    assert (others.get(theirs).state, imports.get(mine).state) == ("checked", "checking")


def test_a_page_that_looks_again_is_told_only_what_is_new(imports: Importer) -> None:
    import_id = imports.bring(FILE)
    imports.post(f"imports/{import_id}/columns", if_exists="update", group="0")
    asked = re.search(r'hx-get="([^"]+)"', imports.page(import_id))
    assert asked is not None
    place = asked[1].replace("&amp;", "&")
    by_htmx = {"HX-Request": "true"}
    assert imports.browser.get(place, headers=by_htmx).status_code == 204
    imports.work()
    answer = imports.browser.get(place, headers=by_htmx)
    assert answer.status_code == 200
    assert "Import 40 good rows" in answer.text
    assert '<p id="import-said" hx-swap-oob="innerHTML">Waits for you: import</p>' in answer.text
    assert 'hx-trigger="every' not in answer.text
