"""Names that requests may carry, read from the program's own source."""

from __future__ import annotations

import ast
from pathlib import Path

PROGRAM = Path(__file__).parents[2] / "webapp"
SOURCES = frozenset({"args", "values", "form"})


def names_asked_for() -> set[str]:
    """Each name that a view takes out of a query or a form by itself: `request.args.get("before")`."""
    found: set[str] = set()
    for path in PROGRAM.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            match node:
                case ast.Call(
                    func=ast.Attribute(
                        value=ast.Attribute(value=ast.Name(id="request"), attr=attr),
                        attr="get" | "getlist",
                    ),
                    args=[ast.Constant(value=str(name)), *_],
                ) if attr in SOURCES:
                    found.add(name)
                case ast.Subscript(
                    value=ast.Attribute(value=ast.Name(id="request"), attr=attr),
                    slice=ast.Constant(value=str(name)),
                ) if attr in SOURCES:
                    found.add(name)
    return found


def fields_of_forms() -> set[str]:
    """Each field of a form that could name a row: a choice among numbers, or one that is not shown."""
    found: set[str] = set()
    for path in PROGRAM.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            match node:
                case ast.Assign(targets=[ast.Name(id=name)], value=ast.Call(func=ast.Name(id=kind)) as call):
                    chosen = any(key.arg == "coerce" for key in call.keywords)
                    if kind == "HiddenField" or (
                        kind.endswith(("SelectField", "SelectMultipleField")) and chosen
                    ):
                        found.add(name)
    return found
