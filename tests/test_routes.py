"""Rules about the program's own source and its routes, which nobody has to remember because these fail.

Who may see a page, what a URL looks like, where the database may be asked across teams, where SQL is written
as text, where markup is taken as it is.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask
from werkzeug.routing import IntegerConverter, Map, PathConverter, UnicodeConverter

from webapp import create_app
from webapp.accounts.permissions import PERMISSIONS, check_all_routes, public
from webapp.settings import Settings

ROOT = Path(__file__).parents[1]
PROGRAM = ROOT / "webapp"

# Each call across teams: the module and the function of the database that it calls. A new one is looked at
# by somebody before it is written down here.
DOORS = {
    ("accounts/invitations.py", "door_invitation"),
    ("accounts/queries.py", "door_memberships"),
    ("campaigns/jobs.py", "door_teams"),
    ("campaigns/recounting.py", "door_teams"),
    ("contacts/imports/jobs.py", "door_teams"),
    ("contacts/imports/jobs.py", "door_teams_importing"),
    ("campaigns/sender.py", "door_teams_at_work"),
    ("delivery/jobs.py", "door_teams"),
    ("delivery/settler.py", "door_teams_with_reports"),
    ("gateway/jobs.py", "door_balances_due"),
    ("health/checks.py", "door_figures"),
    ("reports/jobs.py", "door_teams"),
    ("health/keys_check.py", "door_teams"),
    ("health/rules_check.py", "door_teams"),
}
# The receiver stands in front of Flask and has no session; these functions are its only words.
RECEIVER_DOORS = {("delivery/inbox.py", "door_callback_tokens"), ("delivery/inbox.py", "door_take_reports")}
# Connections that are not the session's, and so have no scope.
CONNECTIONS = {
    ("delivery/inbox.py", "psycopg.connect"),
    ("health/readiness.py", "psycopg.connect"),
    ("keeping/backup.py", "psycopg.connect"),
    ("keeping/rotate.py", "psycopg.connect"),
    ("keeping/upgrade.py", "psycopg.connect"),
    ("schema.py", "create_engine"),
}
# Modules in which SQL may stand as text, all of it written by us and none put together from input.
SQL_MODULES = re.compile(r"\w*statements\.py|tenancy\.py|walls\w*\.py|health/\w+\.py|limits_storage\.py")
# Parameters of URLs that are no id of a row.
OTHER_PARAMETERS = {
    "team": UnicodeConverter,
    "filename": PathConverter,
    "status": IntegerConverter,
    "token": UnicodeConverter,
    "no": IntegerConverter,
    "optout": UnicodeConverter,
}
OWN_SEGMENTS = {"_kit"}  # the page of components, which only a developer sees


def modules() -> Iterator[tuple[str, ast.Module]]:
    """Each module of the program but the practice gateway, which is a program of its own."""
    for path in sorted(PROGRAM.rglob("*.py")):
        name = path.relative_to(PROGRAM).as_posix()
        if not name.startswith("practice/"):
            yield name, ast.parse(path.read_text(encoding="utf-8"), str(path))


def calls(tree: ast.Module) -> Iterator[tuple[str, ast.Call]]:
    """Each call with the dotted name of what is called ("" where it has none)."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            yield (ast.unparse(node.func) if isinstance(node.func, ast.Attribute | ast.Name) else ""), node


def imported(tree: ast.Module) -> Iterator[tuple[str, str]]:
    """Each name that is imported from a module, with that module."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            yield from ((node.module or "", alias.name) for alias in node.names)
        elif isinstance(node, ast.Import):
            yield from ((alias.name, "") for alias in node.names)


# ---- routes ------------------------------------------------------------------------------------------


def why_it_does_not_start(settings: Settings) -> str:
    try:
        create_app(settings, TESTING=True)
    except RuntimeError as error:
        return str(error)
    return ""


def test_the_program_starts_with_a_mark_on_every_route(settings: Settings) -> None:
    assert why_it_does_not_start(settings) == ""


def test_the_program_does_not_start_with_a_route_without_a_mark(app: Flask) -> None:
    def forgotten() -> str:
        return ""

    # A private copy of the map: the application of this test has answered nothing yet.
    app.add_url_rule("/forgotten", view_func=forgotten)
    with pytest.raises(RuntimeError, match=r"/forgotten .* neither @requires nor"):
        check_all_routes(app)
    app.view_functions["forgotten"] = public(forgotten)
    check_all_routes(app)


def test_every_mark_is_a_known_one(app: Flask) -> None:
    marks = {
        rule.endpoint: getattr(app.view_functions[rule.endpoint], "permission", None)
        for rule in app.url_map.iter_rules()
        if rule.endpoint != "static"
    }
    assert {e: mark for e, mark in marks.items() if mark not in {*PERMISSIONS, "public", "signed_in"}} == {}


def test_what_lies_below_a_team_asks_for_a_permission_of_the_team(app: Flask) -> None:
    for rule in app.url_map.iter_rules():
        below_team = rule.rule.startswith("/t/<team>/")
        assert below_team == ("team" in rule.arguments), rule
        permission = getattr(app.view_functions[rule.endpoint], "permission", "")
        assert below_team == (permission in PERMISSIONS), f"{rule} asks for {permission!r}"


def test_addresses_are_kebab_case_and_their_parameters_have_a_type(app: Flask) -> None:
    assert odd_addresses(app.url_map) == []


@pytest.mark.parametrize(
    "address", ["/t/<team>/x/<campaign_id>", "/Loud", "/snake_case", "/a/<thing>", "/a/<path:campaign_id>"]
)
def test_an_odd_address_is_seen(app: Flask, address: str) -> None:
    app.add_url_rule(address, "odd", public(lambda: ""))
    assert odd_addresses(app.url_map) != []


def odd_addresses(url_map: Map) -> list[str]:
    """Addresses against the rules: lower-case words joined by hyphens; ids are integers."""
    odd: list[str] = []
    for rule in url_map.iter_rules():
        odd += [
            f"{rule.rule}: {segment!r} is not kebab-case"
            for segment in re.sub(r"<[^>]*>", "", rule.rule).split("/")
            if segment not in OWN_SEGMENTS and not re.fullmatch(r"([a-z0-9]+(-[a-z0-9]+)*)?", segment)
        ]
        for name, converter in rule._converters.items():
            wanted = OTHER_PARAMETERS.get(name, IntegerConverter)
            if type(converter) is not wanted:
                odd.append(f"{rule.rule}: {name} is no {wanted.__name__}")
            if name not in OTHER_PARAMETERS and not name.endswith("_id"):
                odd.append(f"{rule.rule}: {name} should say whose id it is: …_id")
    return odd


# ---- the program's source ----------------------------------------------------------------------------


def test_the_doors_across_teams_are_these() -> None:
    found = {
        (module, ast.literal_eval(call.args[1]))
        for module, tree in modules()
        for name, call in calls(tree)
        if name.rpartition(".")[2] == "door"
    }
    assert found == DOORS


def test_no_other_module_names_a_door_function() -> None:
    named = {
        (module, function)
        for module, tree in modules()
        if not module.startswith("walls")
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
        for function in re.findall(r"\bdoor_[a-z_]+(?=\(|$)", node.value)
    }
    assert named - {("health/walls_check.py", "door_all")} == DOORS | RECEIVER_DOORS


def test_the_connections_beside_the_session_are_these() -> None:
    found = {
        (module, name)
        for module, tree in modules()
        for name, _call in calls(tree)
        if re.fullmatch(r"create_engine|sqlalchemy\.create_engine|psycopg\.connect|\w*ConnectionPool", name)
        or name.endswith((".raw_connection", ".AsyncConnection.connect", ".Connection.connect"))
    }
    assert found == CONNECTIONS


def test_sql_as_text_stands_in_few_modules_only() -> None:
    elsewhere = {
        module
        for module, tree in modules()
        if not SQL_MODULES.fullmatch(module.rpartition("/")[2] if "health/" not in module else module)
        and (
            any(source.startswith("sqlalchemy") and what == "text" for source, what in imported(tree))
            or any(
                name.endswith((".exec_driver_sql", "sqlalchemy.text", "sa.text")) for name, _ in calls(tree)
            )
            or any(name.endswith(".literal_column") or name == "literal_column" for name, _ in calls(tree))
        )
    }
    assert elsewhere == set()


def test_no_markup_is_taken_as_it_is() -> None:
    in_code = {
        module
        for module, tree in modules()
        if any(what in {"Markup", "escape"} and "markupsafe" in source for source, what in imported(tree))
        or any(name.rpartition(".")[2] == "Markup" for name, _ in calls(tree))
        or any(source.startswith("markupsafe") for source, _ in imported(tree))
    }
    templates = {
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "templates").rglob("*.html")
        if re.search(r"\|\s*safe\b|\bMarkup\b|autoescape|filter\s+safe", path.read_text(encoding="utf-8"))
    }
    assert in_code | templates == set()


def test_templates_are_all_escaped(app: Flask) -> None:
    """Flask escapes by the ending of the name; one with another ending would not be."""
    assert [
        path for path in (ROOT / "templates").rglob("*") if path.is_file() and path.suffix != ".html"
    ] == []
    assert app.jinja_env.from_string("{{ x }}").render(x="<b>") == "&lt;b&gt;"
