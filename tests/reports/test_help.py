"""Help says what the pages say: every status, code and word, for strangers too."""

from __future__ import annotations

import re
from pathlib import Path

from flask import Flask
from flask.testing import FlaskClient
from flask_babel import force_locale

from tests.campaigns.spread import said
from tests.factories import Person
from tests.ui.markup import faults
from webapp.reading import LANGUAGES
from webapp.reports.glossary import TERMS
from webapp.reports.reasons import WORDS
from webapp.statuses import CAMPAIGNS, MESSAGES

GLOSSARY = Path(__file__).parents[2] / "docs" / "glossary.md"


def test_a_stranger_reads_every_status_and_code(app: Flask) -> None:
    page = app.test_client().get("/help")
    assert page.status_code == 200
    assert faults(page.text) == []
    text = said(page)
    with app.test_request_context():
        for wording in (*MESSAGES.values(), *CAMPAIGNS.values()):
            assert str(wording.label) in text
            assert str(wording.sentence) in text
    assert all(word in text for word in WORDS)
    assert "The balance is used up." in text


def test_a_member_finds_it_in_the_frame(app: Flask, browser: FlaskClient, alice: Person) -> None:
    page = browser.get(f"/t/{alice.team}/campaigns")
    assert 'href="/help"' in page.text
    own = browser.get("/help")
    assert faults(own.text) == []
    assert own.text.count("<h1") == 1


def test_the_glossary_is_the_one_of_the_documents(app: Flask) -> None:
    rows = re.findall(r"^\| (.+?) \| (.+?) \| (.+?) \|$", GLOSSARY.read_text(encoding="utf-8"), re.MULTILINE)
    written = {word: (chinese, meaning) for word, chinese, meaning in rows}
    with app.test_request_context():
        for word, meaning in TERMS:
            with force_locale("en"):
                name, what = str(word), str(meaning)
            with force_locale(LANGUAGES["zh"]):
                chinese = str(word)
            assert written.get(name) == (chinese, what), name
