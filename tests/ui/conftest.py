"""A small application around the pages, with the real templates and no database.

The kit must not need one: an error page that asks the database fails exactly when it is wanted.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from flask_wtf.csrf import CSRFProtect

from webapp import kit, pages
from webapp.accounts import permissions

ROOT = Path(__file__).parents[2]


def make_app() -> Flask:
    """The kit's pages and nothing else."""
    app = Flask("webapp", template_folder=str(ROOT / "templates"), static_folder=str(ROOT / "static"))
    app.config.update(SECRET_KEY="only for these tests", TESTING=True)
    CSRFProtect(app)
    pages.init_app(app, may=permissions.may)
    app.register_blueprint(kit.blueprint)

    return app


@pytest.fixture
def app() -> Flask:
    """Stands in for the whole application of the other tests."""
    return make_app()


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    """A browser without JavaScript and without cookies."""
    return app.test_client()
