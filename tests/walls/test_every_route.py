"""Nobody reads or changes anything of a team that they are not in, by any route that there is.

Alice tries every address, query and form with the ids of Bob's rows. What she gets must be what an id that
exists nowhere gives; nothing of Bob's may be read in it; and his rows stay as they are. Each request is also
made by Bob himself, to whom it must work: a walk past doors that lead nowhere would prove nothing.
"""

from __future__ import annotations

import dataclasses
import inspect
import os
from contextlib import suppress

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.exc import NoResultFound

from tests.conftest import Database
from tests.factories import Person, add_member, make_person, sign_in
from tests.practice.fixture import PracticeGateway
from tests.walls.attempts import (
    ASKED,
    address,
    attempts,
    case_of,
    differences,
    ids_of,
    missing,
    nowhere,
    of_bob,
    routes,
)
from tests.walls.source import fields_of_forms, names_asked_for
from tests.walls.table import CASES, EXEMPT, FORM_NAMES, JOB_IDS, MOST_EXEMPT, OTHER_NAMES, QUERY_IDS
from tests.walls.teams import World, build, rows_of
from webapp import jobs, tenancy
from webapp.accounts.permissions import Role
from webapp.errors import DomainError
from webapp.settings import Settings


@pytest.fixture
def settings(settings: Settings, practice: PracticeGateway) -> Settings:
    """The practice gateway stands for the real one too, which a test must not call."""
    gateways = dict.fromkeys(settings.gateways, practice.base_url)
    return dataclasses.replace(settings, gateway_url=practice.base_url, gateways=gateways)


@pytest.fixture
def world(app: Flask, database: Database, practice: PracticeGateway) -> World:
    """Alice's team and Bob's, complete."""
    return build(app, database, practice)


@pytest.fixture
def alice(app: Flask, world: World) -> FlaskClient:
    """Alice's browser."""
    return sign_in(app, world.alice.person)


@pytest.fixture
def bob(app: Flask, world: World) -> FlaskClient:
    """Bob's browser."""
    return sign_in(app, world.bob.person)


def changed(before: dict[str, list[str]], after: dict[str, list[str]]) -> list[str]:
    """The tables whose rows are not what they were."""
    return [table for table in after if after[table] != before[table]]


# ---- what there is to walk ---------------------------------------------------------------------------


def test_the_table_knows_every_route(app: Flask) -> None:
    unknown = [
        f"{method} {rule.rule} ({rule.endpoint})"
        for rule, method in routes(app)
        if rule.endpoint not in EXEMPT
        and (rule.arguments - {"team"} or (method != "GET" and "team" in rule.arguments))
        and (
            (rule.endpoint, method) not in CASES
            or set(case_of(rule, method).ids) != rule.arguments - {"team"}
        )
    ]
    assert unknown == []
    there = {(rule.endpoint, method) for rule, method in routes(app)}
    assert set(CASES) <= there, "the table has lines about routes that are gone"
    assert set(EXEMPT) <= {endpoint for endpoint, _ in there}
    assert len(EXEMPT) <= MOST_EXEMPT


def test_the_table_knows_every_name_that_a_query_or_a_form_may_carry() -> None:
    assert names_asked_for() - set(QUERY_IDS) - OTHER_NAMES == set()
    assert fields_of_forms() - FORM_NAMES == set()


# ---- the walk ----------------------------------------------------------------------------------------


def test_ids_in_addresses_lead_to_nothing_of_another_team(
    app: Flask, database: Database, world: World, alice: FlaskClient, bob: FlaskClient
) -> None:
    leaks: list[str] = []
    walked = 0
    for rule, method in routes(app):
        case = case_of(rule, method)
        if rule.endpoint in EXEMPT or not (case.ids or "team" in rule.arguments):
            continue
        own = address(app, rule, world.bob.person.team, ids_of(case, world.bob))
        form = case.form(bob, world.bob) if method != "GET" else None
        if method == "GET":
            assert bob.get(own).status_code in case.works, f"{own} cannot be reached by its own team"
        before = rows_of(database, world.bob)
        for real, none in attempts(app, world, rule, case):
            for asked in ASKED:
                answers = [alice.open(url, method=method, data=form, headers=asked) for url in (real, none)]
                what = f"{method} {real} {asked or ''}"
                leaks += [f"{what} shows {canary}" for canary in of_bob(world, answers[0])]
                leaks += differences(what, world, *answers)
                if answers[0].status_code != 404:
                    leaks.append(f"{what} is answered {answers[0].status_code}")
        leaks += [
            f"{method} {rule.rule} by Alice changed Bob's {table}"
            for table in changed(before, rows_of(database, world.bob))
        ]
        walked += 1
        works = bob.open(own, method=method, data=form)
        if works.status_code not in case.works:
            leaks.append(f"{method} {own} does not work for its own team")
        assert of_bob(world, works) or not case.shows or method != "GET", f"{own} shows no canary"
    assert leaks == [], "\n".join(leaks)
    only = os.environ.get("TIDINGS_WALK", "")
    assert walked >= len([case for (name, _), case in CASES.items() if case.ids and name.startswith(only)])


def test_somebody_in_both_teams_finds_each_row_in_its_own_team_only(
    app: Flask, database: Database, world: World
) -> None:
    dana = make_person(app, "dana")
    for side in (world.alice, world.bob):
        add_member(app, dana, side.person, Role.OWNER)
    browser = sign_in(app, dana)
    before, leaks = rows_of(database, world.bob), []
    for rule, method in routes(app):
        case = case_of(rule, method)
        if not case.ids:
            continue
        own = address(app, rule, world.bob.person.team, ids_of(case, world.bob))
        assert method != "GET" or case.personal or browser.get(own).status_code in case.works
        form = case.form(browser, world.bob) if method != "GET" else None
        for real, none in attempts(app, world, rule, case):
            if world.bob.person.team not in real:
                answers = [browser.open(url, method=method, data=form) for url in (real, none)]
                leaks += differences(f"{method} {real}", world, *answers)
                assert answers[0].status_code == 404
    assert leaks == [], "\n".join(leaks)
    assert changed(before, rows_of(database, world.bob)) == []


def test_ids_in_queries_and_pages_of_ones_own_hold_nothing_of_another_team(
    app: Flask, database: Database, world: World, alice: FlaskClient
) -> None:
    before, leaks = rows_of(database, world.bob), []
    foreign = {name: world.bob.ids[which] for name, which in QUERY_IDS.items()}
    none = {name: nowhere(world, which) for name, which in QUERY_IDS.items()}
    for rule, method in routes(app):
        case = case_of(rule, method)
        if method != "GET" or rule.endpoint in EXEMPT:
            continue
        place = address(app, rule, world.alice.person.team, ids_of(case, world.alice))
        answer = alice.get(place)
        assert answer.status_code in {*case.works, 404, 503} - ({404} if "team" in rule.arguments else set())
        leaks += [f"{place} shows {canary}" for canary in of_bob(world, answer)]
        tried: list[tuple[list[str], dict[str, str]]] = [([name], {}) for name in foreign]
        for names, asked in [*tried, (list(foreign), ASKED[1])]:
            urls = [f"{place}?{'&'.join(f'{n}={ids[n]}' for n in names)}" for ids in (foreign, none)]
            answers = [alice.get(url, headers=asked) for url in urls]
            shows = of_bob(world, answers[0], tuple(foreign[name] for name in names))
            leaks += [f"{urls[0]} {asked or ''} shows {canary}" for canary in shows]
            leaks += differences(f"{urls[0]} {asked or ''}", world, *answers)
    assert leaks == [], "\n".join(leaks)
    assert changed(before, rows_of(database, world.bob)) == []


def test_ids_in_forms_name_nothing_of_another_team(
    app: Flask, database: Database, world: World, alice: FlaskClient, bob: FlaskClient
) -> None:
    before, leaks = rows_of(database, world.bob), []
    for rule, method in routes(app):
        case = case_of(rule, method)
        for field, which in case.form_ids.items() if method != "GET" else ():
            place = address(app, rule, world.alice.person.team, ids_of(case, world.alice))
            whole = case.form(alice, world.alice)
            assert field in whole, f"the form of {rule.endpoint} has no {field}"
            for form in (whole, {name: whole[name] for name in case.form_ids}):
                answers = [
                    alice.post(place, data=form | {field: value}, headers=asked)
                    for asked in ASKED[:2]
                    for value in (world.bob.ids[which], nowhere(world, which))
                ]
                answers += [alice.get(a.location) for a in answers if a.status_code == 303 and a.location]
                what = f"{method} {place} with Bob's {field}"
                leaks += [f"{what} shows {canary}" for answer in answers for canary in of_bob(world, answer)]
                leaks += differences(what, world, *answers[:2]) + differences(what, world, *answers[2:4])
    assert leaks == [], "\n".join(leaks)
    assert changed(before, rows_of(database, world.bob)) == []
    assert texts_of_bob(world, rows_of(database, world.alice)) == []


def texts_of_bob(world: World, rows: dict[str, list[str]]) -> list[str]:
    """Rows in which something of Bob's, or an id of his rows, has come to stand."""
    signs = (*world.bob.canaries, *world.bob.ids.values())
    return [
        f"{table}: {row}" for table, found in rows.items() for row in found if any(s in row for s in signs)
    ]


def test_another_persons_session_cannot_be_ended(
    app: Flask, database: Database, world: World, alice: FlaskClient, bob: FlaskClient
) -> None:
    with database.owner() as owner:
        key = owner.execute(
            "SELECT encode(id_hash, 'hex') FROM login_session WHERE user_id = %s", [world.bob.person.user_id]
        ).fetchone()
    assert key is not None
    before = rows_of(database, world.bob)
    answers = [alice.post("/me/sessions/end", data={"session": one}) for one in (key[0], "0" * 64)]
    assert [answer.status_code for answer in answers] == [404, 404]
    assert differences("ending a session", world, *answers) == []
    assert changed(before, rows_of(database, world.bob)) == []
    assert bob.post("/me/sessions/end", data={"session": key[0]}).status_code == 303
    assert bob.get("/me").status_code == 303


# ---- jobs, and people who come and go ----------------------------------------------------------------


def test_jobs_with_ids_of_another_team_do_nothing(app: Flask, database: Database, world: World) -> None:
    before = map_rows(database, world)
    for name, function in jobs._team_jobs.items():
        names = set(inspect.signature(function).parameters)
        assert names <= set(JOB_IDS), f"the job {name} takes an id that the table does not know"
        if not names:
            continue
        ids = {parameter: int(world.bob.ids[JOB_IDS[parameter]]) for parameter in names}
        # No row is found: the job ends at once, or fails and is given up. Both do nothing.
        with tenancy.team_scope(world.alice.person.team_id, app), suppress(NoResultFound, DomainError):
            function(**ids)
    assert [changed(*pair) for pair in zip(before, map_rows(database, world), strict=True)] == [[], []]
    for function in jobs._team_jobs.values():
        names = set(inspect.signature(function).parameters)
        with tenancy.team_scope(world.bob.person.team_id, app):
            function(**{parameter: int(world.bob.ids[JOB_IDS[parameter]]) for parameter in names})
    assert {"balance_reading"} <= set(changed(before[1], rows_of(database, world.bob)))


def map_rows(database: Database, world: World) -> list[dict[str, list[str]]]:
    return [rows_of(database, side) for side in (world.alice, world.bob)]


def test_a_removed_member_is_out_at_the_next_click(
    app: Flask, database: Database, world: World, alice: FlaskClient
) -> None:
    vera = make_person(app, "vera")
    add_member(app, vera, world.bob.person, Role.ADMIN)
    browser = sign_in(app, vera)
    team, draft = world.bob.person.team, world.bob.ids["draft"]
    pages = [f"/t/{team}/campaigns", f"/t/{team}/campaigns/{draft}/review", f"/t/{team}/settings/general"]
    assert [browser.get(page).status_code for page in pages] == [200] * 3
    with database.owner() as owner:
        owner.execute("DELETE FROM member WHERE user_id = %s AND team_id = %s", _key(vera, world.bob.person))
    before = rows_of(database, world.bob)
    for asked in ASKED:
        for page in pages:
            answer = browser.get(page, headers=asked)
            assert answer.status_code == 404
            assert of_bob(world, answer) == []
            assert differences(page, world, answer, browser.get(missing(world, page), headers=asked)) == []
        form = {"name": "Mine", "time_zone": "UTC", "delay_seconds": "0"}
        assert browser.post(pages[2], data=form, headers=asked).status_code == 404
        assert browser.post(f"/t/{team}/campaigns/{draft}/confirm", headers=asked).status_code == 404
    assert changed(before, rows_of(database, world.bob)) == []
    assert of_bob(world, browser.get("/me")) == []
    assert browser.get("/").location != f"/t/{team}/"


def _key(person: Person, of: Person) -> tuple[int, int]:
    return person.user_id, of.team_id
