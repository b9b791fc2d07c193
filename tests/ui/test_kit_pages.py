"""The kit page: every component in every state, in both languages and themes."""

from __future__ import annotations

import pytest
from flask.testing import FlaskClient

from tests.ui.markup import faults

HTMX = {"HX-Request": "true"}
VARIANTS = [f"?theme={theme}&lang={lang}" for theme in ("light", "dark") for lang in ("en", "zh")]


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("path", ["/_kit", "/_kit/public"])
def test_pages_keep_the_rules(client: FlaskClient, path: str, variant: str) -> None:
    answer = client.get(path + variant)
    assert answer.status_code == 200
    assert faults(answer.text) == []


@pytest.mark.parametrize("variant", VARIANTS)
def test_language_and_theme_are_printed_by_the_server(client: FlaskClient, variant: str) -> None:
    html = client.get("/_kit" + variant).text
    assert f'<html lang="{"zh-Hans" if "zh" in variant else "en"}"' in html
    assert f'data-theme="{"dark" if "dark" in variant else "light"}"' in html


@pytest.mark.parametrize("variant", ["?theme=pink&lang=xx", "?theme=<script>&lang=../etc"])
def test_unknown_languages_and_themes_are_not_taken(client: FlaskClient, variant: str) -> None:
    html = client.get("/_kit" + variant).text
    assert '<html lang="en" data-theme="system">' in html


def test_a_fragment_stands_in_its_page(client: FlaskClient) -> None:
    page = client.get("/_kit?block=numbers")
    fragment = client.get("/_kit?block=numbers", headers=HTMX)
    assert "<html" in page.text
    assert "<html" not in fragment.text
    assert fragment.text.strip().startswith('<div id="kit-numbers"')
    assert fragment.text.strip() in page.text
    assert faults(fragment.text, fragment=True) == []


@pytest.mark.parametrize("extra", ["HX-Boosted", "HX-History-Restore-Request"])
def test_boosted_and_restored_pages_come_whole(client: FlaskClient, extra: str) -> None:
    assert "<html" in client.get("/_kit?block=numbers", headers={**HTMX, extra: "true"}).text


def test_page_and_fragment_are_told_apart_by_caches_and_kept_by_none(client: FlaskClient) -> None:
    for headers in ({}, HTMX):
        answer = client.get("/_kit?block=numbers", headers=headers)
        assert "HX-Request" in answer.vary
        assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("status", [400, 403, 404, 405, 413, 429, 500, 503])
@pytest.mark.parametrize("lang", ["en", "zh"])
def test_error_pages_keep_the_rules(client: FlaskClient, status: int, lang: str) -> None:
    answer = client.get(f"/_kit/error/{status}?lang={lang}")
    assert answer.status_code == status
    assert faults(answer.text) == []


def test_the_page_of_a_breakdown_names_the_incident(client: FlaskClient) -> None:
    assert "k7m2-4q9x" in client.get("/_kit/error/500").text
    assert "incident" not in client.get("/_kit/error/404").text
