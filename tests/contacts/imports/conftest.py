"""A team, a browser, and imports that go all the way without a worker."""

from __future__ import annotations

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests.contacts.imports.bringing import Importer
from tests.factories import Person, make_person, sign_in


@pytest.fixture
def alice(app: Flask) -> Person:
    return make_person(app)


@pytest.fixture
def browser(app: Flask, alice: Person) -> FlaskClient:
    return sign_in(app, alice)


@pytest.fixture
def imports(app: Flask, alice: Person, browser: FlaskClient) -> Importer:
    return Importer(app, alice, browser)
