"""People for tests, made the way people come: through the pages."""

from __future__ import annotations

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

PASSWORD = "seven green lanterns by the river"


def sign_up(client: FlaskClient, email: str, password: str = PASSWORD) -> str:
    """Sign somebody up in this browser; returns the address of their team, "/t/<address>/"."""
    answer = client.post("/signup", data={"email": email, "password": password})
    assert answer.status_code == 303, answer.text
    return client.get("/").headers["Location"]


def sign_in(client: FlaskClient, email: str, password: str = PASSWORD, **more: str) -> TestResponse:
    """Try to sign in."""
    return client.post("/login", data={"email": email, "password": password, **more})
