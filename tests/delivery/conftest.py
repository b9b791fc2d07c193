"""A program that settles, without web pages: settings, a database, and the owner's look at it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

import pytest
from flask import Flask

from tests.conftest import Database
from tests.delivery.building import Connection
from webapp import tenancy
from webapp.delivery import settling
from webapp.extensions import db
from webapp.settings import Settings


@pytest.fixture
def owner(empty: Database) -> Iterator[Connection]:
    """A connection that sees every team."""
    with empty.owner() as connection:
        yield connection


@pytest.fixture
def bare(settings: Settings) -> Iterator[Flask]:
    """An application with a database and settings and nothing else: what a worker's loop needs."""
    app = Flask("bare")
    app.config["SQLALCHEMY_DATABASE_URI"] = settings.database_url
    app.config["SQLALCHEMY_ENGINE_OPTIONS"] = {"pool_pre_ping": True}
    app.extensions["tidings_settings"] = settings
    db.init_app(app)
    yield app
    with app.app_context():
        db.engine.dispose()


class Settler:
    """Settles as the worker does, each call in a transaction of its own."""

    def __init__(self, app: Flask) -> None:
        self.app = app

    def settle(self, team_id: int) -> int:
        with tenancy.team_scope(team_id, self.app) as session:
            taken = settling.settle(team_id)
            session.commit()
        return taken

    def match_waiting(self, team_id: int, since: datetime = settling.ALWAYS) -> int:
        with tenancy.team_scope(team_id, self.app) as session:
            matched = settling.match_waiting(team_id, since)
            session.commit()
        return matched

    def give_up_waiting(self, team_id: int, now: datetime) -> int:
        with tenancy.team_scope(team_id, self.app) as session:
            given_up = settling.give_up_waiting(team_id, now)
            session.commit()
        return given_up


@pytest.fixture
def settler(bare: Flask) -> Settler:
    """Calls of settling."""
    return Settler(bare)
