"""Alice, her team, and its gateway account at the practice gateway."""

from __future__ import annotations

import pytest
from flask import Flask

from tests.factories import Person, connect_practice, make_person
from tests.practice.fixture import PracticeGateway


@pytest.fixture
def alice(app: Flask) -> Person:
    return make_person(app)


@pytest.fixture
def account(app: Flask, alice: Person, practice: PracticeGateway) -> int:
    return connect_practice(app, alice, practice)
