"""How Alice tries to come at Bob's rows, and how two answers are told apart."""

from __future__ import annotations

import difflib
import itertools
import os
import re
from collections.abc import Iterator

from flask import Flask
from werkzeug.routing import Rule
from werkzeug.test import TestResponse

from tests.walls.table import CASES, Case
from tests.walls.teams import Side, World

NOWHERE_TEAM = "zzzzzzzz"
OUR_METHODS = frozenset({"GET", "POST", "PUT", "PATCH", "DELETE"})
# As a page, as a part of one that htmx asks for, and as a page that htmx asks for.
ASKED: tuple[dict[str, str], ...] = (
    {},
    {"HX-Request": "true"},
    {"HX-Request": "true", "HX-Boosted": "true"},
)
TOKEN = re.compile(r'(name="csrf-token" content|name="csrf_token"[^>]* value)="[^"]*"')
# Keys of forms, made anew for each page.
KEY = re.compile(r'(name="(?:\w+_)?key"[^>]* value)="[^"]*"')
NEW_ID = re.compile(r"\b\d{17,19}\b")
AGO = re.compile(r"\d+ (second|minute)s? ago|just now")
# What a page says of the moment at which it was drawn, and the version that it makes of it.
DRAWN = re.compile(r"drawn=\d+|[?;&]v=[0-9a-f]+|\d{1,2}:\d{2}:\d{2}(\+00:00)?")
NOT_COMPARED = frozenset({"Date", "Set-Cookie", "Content-Length"})


def routes(app: Flask) -> list[tuple[Rule, str]]:
    """Each rule with each of its methods: those that no table knows, then the others in the table's order.

    TIDINGS_WALK names a capability that is walked alone: a planted leak lies in one, and is looked for there.
    """
    only = os.environ.get("TIDINGS_WALK", "")
    pairs = [
        (rule, method)
        for rule in app.url_map.iter_rules()
        for method in sorted((rule.methods or set()) & OUR_METHODS)
        if rule.endpoint.startswith(only)
    ]
    known = {pair: place for place, pair in enumerate(CASES)}
    return sorted(pairs, key=lambda pair: known.get((pair[0].endpoint, pair[1]), -1))


def case_of(rule: Rule, method: str) -> Case:
    """The table's line, or that of a page without an id."""
    return CASES.get((rule.endpoint, method), Case(shows=False, works=(200, 303)))


def address(app: Flask, rule: Rule, team: str, ids: dict[str, str]) -> str:
    """The address of a rule in a team."""
    values: dict[str, str | int] = {
        name: int(value) if value.isdecimal() else value for name, value in ids.items()
    }
    if "team" in rule.arguments:
        values["team"] = team
    with app.test_request_context():
        return str(app.url_map.bind("localhost").build(rule.endpoint, values))


def ids_of(case: Case, side: Side) -> dict[str, str]:
    """The parameters of an address for a team's own rows."""
    return {name: side.ids[which] for name, which in case.ids.items()}


def nowhere(world: World, which: str) -> str:
    """A name of the same shape that belongs to nothing, beside Bob's own so that lists sort it alike."""
    if which == "team":
        return NOWHERE_TEAM
    name = world.bob.ids[which]
    return str(int(name) + 3) if name.isdecimal() else name[::-1]


def missing(world: World, text: str) -> str:
    """A text in which each of Bob's ids has been changed for one that belongs to nothing."""
    for which, value in world.bob.ids.items():
        text = text.replace(value, nowhere(world, which))
    return text


def attempts(app: Flask, world: World, rule: Rule, case: Case) -> Iterator[tuple[str, str]]:
    """Addresses with ids of Bob's in all mixtures with Alice's own, each with a twin that leads nowhere."""
    own, foreign = ids_of(case, world.alice), ids_of(case, world.bob)
    none = {name: nowhere(world, which) for name, which in case.ids.items()}
    mixed = itertools.chain.from_iterable(
        itertools.combinations(sorted(own), count) for count in range(1, len(own) + 1)
    )
    for names in mixed:
        yield (
            address(app, rule, world.alice.person.team, own | {name: foreign[name] for name in names}),
            address(app, rule, world.alice.person.team, own | {name: none[name] for name in names}),
        )
    if "team" in rule.arguments:
        for ids in (foreign, own, none):
            yield (
                address(app, rule, world.bob.person.team, ids),
                address(
                    app, rule, NOWHERE_TEAM, {name: missing(world, value) for name, value in ids.items()}
                ),
            )


def of_bob(world: World, answer: TestResponse, asked: tuple[str, ...] = ()) -> list[str]:
    """What of Bob's can be read in an answer, but for what was asked: a page may say where it is."""
    said = answer.text + "".join(f"{name}: {value}\n" for name, value in answer.headers)
    for typed in asked:
        said = said.replace(typed, "")
    return [canary for canary in world.bob.canaries if canary in said]


def differences(what: str, world: World, real: TestResponse, none: TestResponse) -> list[str]:
    """How the answer for Bob's row differs from the one for a row that there is not."""
    if shown(world, real) == shown(world, none):
        return []
    texts = [str(shown(world, one)).split("\\n") for one in (none, real)]
    lines = difflib.unified_diff(texts[0], texts[1], n=0, lineterm="")
    return [f"{what} is answered otherwise than for nothing: {' '.join(lines)[:300]}"]


def shown(world: World, answer: TestResponse) -> tuple[int, str, list[tuple[str, str]]]:
    """Everything by which two answers could be told apart, without what is new each time."""
    headers = [(name, plain(world, value)) for name, value in answer.headers if name not in NOT_COMPARED]
    return answer.status_code, plain(world, KEY.sub("", TOKEN.sub("", answer.text))), headers


def plain(world: World, text: str) -> str:
    """A text without ids, and without what the clock moves."""
    return DRAWN.sub("…", AGO.sub("…", NEW_ID.sub("#", missing(world, text))))
