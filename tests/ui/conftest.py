"""A small application around the pages, with the real templates and headers and no database."""

from __future__ import annotations

from pathlib import Path

import pytest
from flask import Flask, Response
from flask.testing import FlaskClient
from flask_wtf.csrf import CSRFProtect

from webapp import kit, pages

ROOT = Path(__file__).parents[2]
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)


def make_app() -> Flask:
    """The kit page and nothing else, under the same security policy as the product."""
    app = Flask("webapp", template_folder=str(ROOT / "templates"), static_folder=str(ROOT / "static"))
    app.config.update(SECRET_KEY="only for these tests", TESTING=True)
    CSRFProtect(app)
    pages.init_app(app)
    app.register_blueprint(kit.blueprint)

    @app.after_request
    def policy(response: Response) -> Response:
        response.headers["Content-Security-Policy"] = POLICY
        return response

    return app


@pytest.fixture
def app() -> Flask:
    return make_app()


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()
