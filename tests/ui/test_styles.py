"""The style sheets: the tokens' contrast, the two copies of the dark theme, the classes that pages use."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TOKENS = (ROOT / "static/css/tokens.css").read_text("utf-8")
STYLES = {
    file.stem: file.read_text("utf-8")
    for file in sorted((ROOT / "static/css").glob("*.css"))
    if file.stem != "tokens"
}


def _tokens(selector: str) -> dict[str, str]:
    start = TOKENS.index(selector + " {")
    return dict(re.findall(r"(--[\w-]+): ([^;]+);", TOKENS[start : TOKENS.index("}", start)]))


LIGHT = _tokens(":root")
DARK = LIGHT | _tokens(':root[data-theme="dark"]')
TEXTS = [
    *((ink, ground) for ink in ("ink", "muted", "link") for ground in ("bg", "surface", "surface-2")),
    *((tone, f"{tone}-soft") for tone in ("ok", "bad", "wait", "info", "odd")),
    *((tone, "surface") for tone in ("ok", "bad", "odd")),
    *(("ink", f"{tone}-soft") for tone in ("bad", "info", "odd", "accent")),
    *(("ink", f"heat-{strength}") for strength in (2, 3, 4)),
    ("link", "accent-soft"),
]
MARKS = [("line-2", "surface"), ("ok-fill", "surface"), ("bad-fill", "surface"), ("link", "surface")]


def _luminance(colour: str) -> float:
    digits = colour.lstrip("#")
    digits = "".join(c * 2 for c in digits) if len(digits) == 3 else digits
    channels = [int(digits[at : at + 2], 16) / 255 for at in (0, 2, 4)]
    linear = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def _contrast(one: str, other: str) -> float:
    high, low = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=["light", "dark"])
def test_texts_and_marks_can_be_told_from_their_ground(theme: dict[str, str]) -> None:
    weak = [
        (front, ground, round(_contrast(theme[f"--{front}"], theme[f"--{ground}"]), 2))
        for pairs, least in ((TEXTS, 4.5), (MARKS, 3.0))
        for front, ground in pairs
        if _contrast(theme[f"--{front}"], theme[f"--{ground}"]) < least
    ]
    assert weak == []


def test_contrast_is_measured_rightly() -> None:
    assert _contrast("#000", "#ffffff") == pytest.approx(21)
    assert _contrast("#777", "#fff") < 4.5


def test_the_chosen_and_the_systems_dark_are_the_same() -> None:
    assert _tokens(':root[data-theme="dark"]') == _tokens(':root:not([data-theme="light"])')


@pytest.mark.parametrize("name", STYLES)
def test_components_use_tokens_for_colours(name: str) -> None:
    colours = set(re.findall(r"#[0-9a-f]{3,8}\b", STYLES[name]))
    assert colours <= {"#fff"}, "paper is white; every other colour is a token"


@pytest.mark.parametrize("name", STYLES)
def test_every_token_in_use_exists(name: str) -> None:
    assert set(re.findall(r"var\((--[\w-]+)", STYLES[name])) - LIGHT.keys() == set()


def test_nothing_newer_than_the_browsers_we_promise() -> None:
    text = TOKENS + "".join(STYLES.values())
    for newer in ("light-dark(", "@scope", "anchor(", "color-mix(", "@container"):
        assert newer not in re.sub(r"/\*.*?\*/", "", text, flags=re.DOTALL)


def test_pages_invent_no_class() -> None:
    known = set(re.findall(r"\.([a-z][\w-]*)", "".join(STYLES.values())))
    unknown = {}
    for file in ROOT.glob("templates/**/*.html"):
        plain = re.sub(r"{{.*?}}|{%.*?%}|{#.*?#}", " ", file.read_text("utf-8"), flags=re.DOTALL)
        used = {name for names in re.findall(r'class="([^"]*)"', plain) for name in names.split()}
        if found := {name for name in used if not name.endswith("-")} - known:
            unknown[str(file.relative_to(ROOT))] = found
    assert unknown == {}
