"""Files from elsewhere are exactly those that are written down, and the sprite has every icon in use."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

import pytest

from webapp import statuses

ROOT = Path(__file__).parents[2]
VENDOR = ROOT / "static" / "vendor"
ROW = re.compile(r"^\| `?([\w.-]+)`? \|.*\| `([0-9a-f]{64})` \|$", re.MULTILINE)


def _written_down(list_file: Path) -> dict[str, str]:
    return dict(ROW.findall(list_file.read_text("utf-8")))


def _sha256(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def test_checksums_and_nothing_else_in_the_folder() -> None:
    found = {file.name: _sha256(file) for file in VENDOR.iterdir() if file.name != "VENDORED.md"}
    assert found == _written_down(VENDOR / "VENDORED.md")


def test_the_accessibility_rules_of_the_tests() -> None:
    here = Path(__file__).parent
    assert _written_down(here / "AXE.md") == {"axe-core": _sha256(here / "axe.min.js")}


def test_every_licence_is_there() -> None:
    text = (VENDOR / "VENDORED.md").read_text("utf-8")
    for words in ("Zero-Clause BSD", "SIL OPEN FONT LICENSE", "ISC License", "The MIT License"):
        assert words in text


def _icons_in_use() -> set[str]:
    names = {wording.icon for wording in (statuses.MESSAGES | statuses.CAMPAIGNS).values()}
    call = re.compile(r"""\bicon\("([a-z0-9-]+)"|icon_name="([a-z0-9-]+)"|"icon": "([a-z0-9-]+)\"""")
    for file in [*ROOT.glob("templates/**/*.html"), *ROOT.glob("webapp/**/*.py")]:
        text = file.read_text("utf-8")
        names |= {name for groups in call.findall(text) for name in groups if name}
        names |= set(re.findall(r'NavItem\([^)]*?"([a-z0-9-]+)"(?:, "[a-z.]+")?[,)]', text))
    return names


def test_the_sprite_has_every_icon_in_use() -> None:
    sprite = set(re.findall(r'<symbol id="([a-z0-9-]+)"', (VENDOR / "icons.svg").read_text("utf-8")))
    used = _icons_in_use()
    assert {"arrow-left", "circle-x", "x", "copy"} <= used
    assert used - sprite == set()


@pytest.mark.parametrize("file", sorted((ROOT / "static").glob("*/*.*")), ids=lambda file: file.name)
def test_nothing_is_loaded_from_another_host(file: Path) -> None:
    if file.suffix in (".css", ".js") and file.parent != VENDOR:
        text = file.read_text("utf-8")
        assert not re.search(r"https?://|@import|url\(\s*[\"']?(?:https?:|//|data:)", text)
