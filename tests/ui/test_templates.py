"""All templates: nothing escapes the escaping, and nothing needs what the content policy forbids."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from flask import Flask

TEMPLATES = Path(__file__).parents[2] / "templates"
NAMES = sorted(str(file.relative_to(TEMPLATES)) for file in TEMPLATES.glob("**/*.html"))
FORBIDDEN = {
    "|safe": re.compile(r"\|\s*safe\b"),
    "autoescape": re.compile(r"{%-?\s*autoescape"),
    "style=": re.compile(r"\sstyle="),
    "<style>": re.compile(r"<style\b"),
    "on…=": re.compile(r"\son[a-z]+="),
    "hx-on": re.compile(r"\shx-on"),
    "a script in the page": re.compile(r"<script(?![^>]*\ssrc=)"),
}


def _faults(source: str) -> list[str]:
    source = re.sub(r"{#.*?#}", "", source, flags=re.DOTALL)
    return [name for name, pattern in FORBIDDEN.items() if pattern.search(source)]


@pytest.mark.parametrize("name", NAMES)
def test_template(app: Flask, name: str) -> None:
    source = (TEMPLATES / name).read_text("utf-8")
    app.jinja_env.parse(source)
    assert _faults(source) == []


@pytest.mark.parametrize(
    "source",
    [
        "{{ x | safe }}",
        '<p style="x">',
        '<p onclick="x()">',
        "<script>x()</script>",
        "{% autoescape false %}",
    ],
)
def test_the_search_finds_what_it_looks_for(source: str) -> None:
    assert _faults(source)
