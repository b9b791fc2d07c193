"""Rules about the house that no linter of imports holds: how large its rooms are, and what views are for."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
MOST_LINES = 400
ROOMS = {
    "webapp": {".py", ".css"},
    "templates": {".html", ".txt", ".xml"},
    "static/js": {".js"},
    "static/css": {".css"},
}
# Beside pages themselves, which may borrow of one another.
PUTS_TOGETHER = {"webapp/application.py"}


def files() -> Iterator[Path]:
    """Each file of the program that somebody reads."""
    for folder, kinds in ROOMS.items():
        yield from (file for file in sorted((ROOT / folder).rglob("*")) if file.suffix in kinds)


def too_long(paths: Iterable[Path]) -> list[str]:
    """Those of more than 400 lines, each with how many it has."""
    lengths = [(path, len(path.read_text(encoding="utf-8").splitlines())) for path in paths]
    return [f"{path.name}: {length} lines" for path, length in lengths if length > MOST_LINES]


def imports_of_views(path: Path) -> list[str]:
    """The modules of pages (`views`, `…_views`) that a file imports."""
    found = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("webapp"):
            found += [node.module or "", *(f"{node.module}.{alias.name}" for alias in node.names)]
        elif isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
    return sorted({name for name in found if name.startswith("webapp") and _is_view(name)})


def _is_view(name: str) -> bool:
    last = name.rpartition(".")[2]
    return last == "views" or last.endswith("_views")


def test_no_file_is_long() -> None:
    assert too_long(files()) == []


def test_each_room_is_looked_at() -> None:
    names = {path.relative_to(ROOT).as_posix() for path in files()}
    assert {
        "webapp/campaigns/sender.py",
        "templates/base.html",
        "static/js/app.js",
        "static/css/app.css",
    } <= names


@pytest.mark.parametrize(("lines", "told"), [(400, []), (401, ["long.py: 401 lines"])])
def test_a_long_file_is_told(tmp_path: Path, lines: int, told: list[str]) -> None:
    (tmp_path / "long.py").write_text("pass\n" * lines, encoding="utf-8")
    assert too_long(tmp_path.glob("*.py")) == told


def test_pages_are_imported_by_pages_alone() -> None:
    """What a page and a job both need lies below both; a linter of layers cannot say it of `…_views`."""
    wrong = {
        name: views
        for path in (ROOT / "webapp").rglob("*.py")
        if (name := path.relative_to(ROOT).as_posix()) not in PUTS_TOGETHER
        and "@requires(" not in path.read_text(encoding="utf-8")
        and (views := imports_of_views(path))
    }
    assert wrong == {}


@pytest.mark.parametrize(
    "line",
    [
        "from webapp.campaigns.views import index",
        "from webapp.campaigns import compose_views",
        "import webapp.gateway.views",
        "def late() -> None:\n    from webapp.accounts import views",
    ],
)
def test_an_import_of_a_page_is_seen(tmp_path: Path, line: str) -> None:
    (tmp_path / "one.py").write_text(line, encoding="utf-8")
    assert imports_of_views(tmp_path / "one.py")
