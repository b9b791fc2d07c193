"""Alice, her team, its gateway account at the practice gateway, and her browser."""

from __future__ import annotations

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests.factories import Person, connect_practice, make_person, sign_in
from tests.practice.fixture import PracticeGateway


@pytest.fixture
def alice(app: Flask) -> Person:
    return make_person(app)


@pytest.fixture
def account(app: Flask, alice: Person, practice: PracticeGateway) -> int:
    return connect_practice(app, alice, practice)


@pytest.fixture
def browser(app: Flask, alice: Person, account: int) -> FlaskClient:
    return sign_in(app, alice)
