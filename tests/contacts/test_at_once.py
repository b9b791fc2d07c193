"""Several people who work on the same contacts at the same moment: no faults, and all counts agree."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import psycopg
import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests.conftest import Database
from tests.factories import Person, make_person, sign_in
from webapp import tenancy
from webapp.contacts import groups, operations

Connection = psycopg.Connection[tuple[Any, ...]]


@pytest.fixture
def alice(app: Flask) -> Person:
    return make_person(app)


@pytest.fixture
def browser(app: Flask, alice: Person) -> FlaskClient:
    return sign_in(app, alice)


@pytest.fixture
def people(app: Flask, alice: Person) -> tuple[list[int], int]:
    """Three contacts, and an empty group."""
    with tenancy.team_scope(alice.team_id, app) as session, app.test_request_context():
        ids = [operations.add(f"1380000000{n}", "", {}, alice.user_id).id for n in range(3)]
        group = groups.make("VIP", alice.user_id).id
        session.commit()
    return ids, group


def waits(watcher: Connection, pid: int) -> bool:
    """Whether somebody waits for what the connection `pid` holds."""
    waiting = "SELECT EXISTS (SELECT 1 FROM pg_locks WHERE NOT granted AND %s = ANY(pg_blocking_pids(pid)))"
    return bool(watcher.execute(waiting, [pid]).fetchone() == (True,))


def beside(database: Database, request: Callable[[], Any], lock: str, then: str, key: int) -> Any:
    """Send a request while a transaction holds `lock`; when the request waits, it does `then` and ends."""
    answers: list[Any] = []
    thread = threading.Thread(target=lambda: answers.append(request()))
    with database.owner() as other, database.owner() as watcher:
        other.autocommit = False
        other.execute(lock, [key])
        thread.start()
        end = time.monotonic() + 20
        while not waits(watcher, other.info.backend_pid):
            assert time.monotonic() < end
            time.sleep(0.01)
        other.execute(then, [key])
        other.commit()
    thread.join(30)
    return answers[0]


def act(browser: FlaskClient, person: Person, ids: list[int], group: int) -> Callable[[], Any]:
    form = {"whom": "ticked", "ids": [str(one) for one in ids], "into": str(group), "do": "add"}
    return lambda: browser.post(f"/t/{person.team}/contacts/bulk", data=form)


def size(database: Database, group: int) -> tuple[Any, ...] | None:
    with database.owner() as owner:
        return owner.execute(
            "SELECT size, (SELECT count(*) FROM grouped_contact WHERE group_id = contact_group.id) "
            "FROM contact_group WHERE id = %s",
            [group],
        ).fetchone()


def test_who_is_deleted_meanwhile_is_passed_over(
    database: Database, browser: FlaskClient, alice: Person, people: tuple[list[int], int]
) -> None:
    ids, group = people
    delete = "DELETE FROM contact WHERE id = %s"
    answer = beside(database, act(browser, alice, ids, group), delete, "SELECT %s::bigint", ids[1])
    assert answer.status_code == 303
    assert size(database, group) == (2, 2)


def test_a_group_that_is_deleted_meanwhile_is_said_in_words(
    database: Database, browser: FlaskClient, alice: Person, people: tuple[list[int], int]
) -> None:
    ids, group = people
    delete = "DELETE FROM contact_group WHERE id = %s"
    answer = beside(database, act(browser, alice, ids, group), delete, "SELECT %s::bigint", group)
    assert answer.status_code == 303
    assert "The group was deleted meanwhile" in browser.get(f"/t/{alice.team}/contacts").text


def test_what_the_database_ends_for_a_deadlock_is_done_once_more(
    database: Database, browser: FlaskClient, alice: Person, people: tuple[list[int], int]
) -> None:
    ids, group = people
    lock = "SELECT 1 FROM contact_group WHERE id = %s FOR UPDATE"
    other_way = (
        "SELECT 1 FROM contact WHERE team_id IN (SELECT team_id FROM contact_group WHERE id = %s) FOR UPDATE"
    )
    answer = beside(database, act(browser, alice, ids, group), lock, other_way, group)
    assert answer.status_code == 303
    assert size(database, group) == (3, 3)


def test_a_group_that_two_delete_is_gone(
    database: Database, browser: FlaskClient, alice: Person, people: tuple[list[int], int]
) -> None:
    _ids, group = people
    delete = "DELETE FROM contact_group WHERE id = %s"

    def request() -> Any:
        return browser.post(f"/t/{alice.team}/contacts/groups/{group}/delete")

    assert beside(database, request, delete, "SELECT %s::bigint", group).status_code == 303
    assert size(database, group) is None
