"""Small faults, planted one by one into a syntax tree: what a slip of the hand would make of a rule.

What is no rule is left as it is: annotations, docstrings, sentences for people, and what is logged.
"""

from __future__ import annotations

import ast
import copy
from collections.abc import Iterator
from dataclasses import dataclass

_SAID = frozenset({"_", "_l", "gettext", "lazy_gettext", "ngettext", "DomainError", "log", "audit", "text"})
_COMPARISONS: dict[type[ast.cmpop], tuple[type[ast.cmpop], ...]] = {
    ast.Lt: (ast.LtE, ast.GtE), ast.LtE: (ast.Lt, ast.Gt), ast.Gt: (ast.GtE, ast.LtE),
    ast.GtE: (ast.Gt, ast.Lt),
    ast.Eq: (ast.NotEq,), ast.NotEq: (ast.Eq,), ast.Is: (ast.IsNot,), ast.IsNot: (ast.Is,),
    ast.In: (ast.NotIn,), ast.NotIn: (ast.In,),
}  # fmt: skip
_OPERATORS: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.FloorDiv, ast.Div: ast.Mult, ast.FloorDiv: ast.Mult,
    ast.Mod: ast.Mult, ast.Pow: ast.Mult, ast.LShift: ast.RShift, ast.RShift: ast.LShift,
    ast.BitOr: ast.BitAnd, ast.BitAnd: ast.BitOr,
}  # fmt: skip
Path = tuple[tuple[str, int | None], ...]


@dataclass(frozen=True)
class Mutant:
    """A module with one fault: where, what stood there, what stands there now."""

    line: int
    within: str
    before: str
    after: str
    tree: ast.Module


def mutants_of(source: str, only: tuple[str, ...] = ()) -> Iterator[Mutant]:
    """Each mutant of a module; with `only`, of these functions, classes and module-level names alone."""
    tree = ast.parse(source)
    for place, statement in enumerate(tree.body):
        within = _name_of(statement)
        if only and within not in only:
            continue
        for path, node in _sites(statement, (("body", place),)):
            for changed in _changes(node):
                yield Mutant(
                    getattr(node, "lineno", statement.lineno), within, _short(node), _short(changed),
                    _planted(tree, path, changed),
                )  # fmt: skip


def _name_of(statement: ast.stmt) -> str:
    if isinstance(statement, ast.FunctionDef | ast.ClassDef):
        return statement.name
    target = statement.targets[0] if isinstance(statement, ast.Assign) else getattr(statement, "target", None)
    return target.id if isinstance(target, ast.Name) else ""


def _short(node: ast.AST) -> str:
    text = " ".join(ast.unparse(node).split())
    return text if len(text) <= 100 else f"{text[:97]}…"


def _planted(tree: ast.Module, path: Path, changed: ast.AST) -> ast.Module:
    planted = copy.deepcopy(tree)
    parent: ast.AST = planted
    for name, place in path[:-1]:
        found = getattr(parent, name)
        parent = found if place is None else found[place]
    name, place = path[-1]
    if place is None:
        setattr(parent, name, changed)
    else:
        getattr(parent, name)[place] = changed
    return ast.fix_missing_locations(planted)


def _sites(node: ast.AST, path: Path) -> Iterator[tuple[Path, ast.AST]]:
    """Each node that may be changed, with the way to it."""
    if isinstance(node, ast.Import | ast.ImportFrom) or _is_said(node):
        return
    if not (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)):
        yield path, node
        for name, value in ast.iter_fields(node):
            if name in ("annotation", "returns", "decorator_list", "type_params", "pattern", "bases"):
                continue
            if isinstance(node, ast.JoinedStr | ast.FormattedValue) and name != "value":
                continue
            if isinstance(value, list):
                for place, one in enumerate(value):
                    if isinstance(one, ast.AST):
                        yield from _sites(one, (*path, (name, place)))
            elif isinstance(value, ast.AST):
                yield from _sites(value, (*path, (name, None)))


def _is_said(node: ast.AST) -> bool:
    if not isinstance(node, ast.Call):
        return False
    function = node.func
    while isinstance(function, ast.Attribute):
        function = function.value
    return isinstance(function, ast.Name) and function.id in _SAID


def _changes(node: ast.AST) -> Iterator[ast.AST]:
    """What a slip would make of one node, itself and not what is within it."""
    match node:
        case ast.Compare(left=left, ops=ops, comparators=comparators):
            for place, op in enumerate(ops):
                for other in _COMPARISONS[type(op)]:
                    yield ast.Compare(left, [*ops[:place], other(), *ops[place + 1 :]], comparators)
        case ast.BoolOp(op=op, values=values):
            yield ast.BoolOp(ast.Or() if isinstance(op, ast.And) else ast.And(), values)
            yield from (ast.BoolOp(op, [*values[:n], *values[n + 1 :]]) for n in range(len(values)))
        case ast.UnaryOp(op=ast.Not() | ast.USub(), operand=operand):
            yield operand
        case ast.BinOp(left=left, op=op, right=right) if type(op) in _OPERATORS:
            yield ast.BinOp(left, _OPERATORS[type(op)](), right)
        case ast.Constant(value=value):
            yield from (ast.Constant(other) for other in _other_values(value))
        case ast.If(test=test, body=body, orelse=orelse):
            yield ast.If(ast.UnaryOp(ast.Not(), test), body, orelse)
        case ast.IfExp(test=test, body=body, orelse=orelse):
            yield ast.IfExp(ast.UnaryOp(ast.Not(), test), body, orelse)
        case ast.While(test=test, orelse=orelse):
            yield ast.While(ast.Constant(value=False), [ast.Pass()], orelse)
        case ast.comprehension(target=target, iter=source, ifs=[_, *_], is_async=is_async):
            yield ast.comprehension(target, source, [], is_async)
        case ast.match_case(pattern=pattern, guard=guard, body=body) if guard is not None:
            yield ast.match_case(pattern, ast.UnaryOp(ast.Not(), guard), body)
        case ast.Return(value=value) if value is not None and not _is_none(value):
            yield ast.Return(ast.Constant(value=None))
        case ast.ExceptHandler(name=name, body=body):
            yield ast.ExceptHandler(ast.Tuple([], ast.Load()), name, body)
        case ast.Raise() | ast.Continue() | ast.Break() | ast.AugAssign() | ast.Expr():
            yield ast.Pass()
        case ast.Dict(keys=keys, values=values):
            for place in range(len(keys)):
                yield ast.Dict([*keys[:place], *keys[place + 1 :]], [*values[:place], *values[place + 1 :]])
        case ast.Set() | ast.List(ctx=ast.Load()) | ast.Tuple(ctx=ast.Load()) if len(node.elts) > 1:
            for place in range(len(node.elts)):
                fewer = copy.copy(node)
                fewer.elts = [*node.elts[:place], *node.elts[place + 1 :]]
                yield fewer


def _is_none(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is None


def _other_values(value: object) -> tuple[bool | int | float | str | bytes, ...]:
    match value:
        case bool():
            return (not value,)
        case int() | float():
            return (value + 1, value - 1)
        case str():
            return (f"XX{value}",)
        case bytes():
            return (b"XX" + value,)
    return ()
