"""People for tests, made the way people come: through the pages."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.test import TestResponse

from webapp import create_app, tenancy
from webapp.accounts import members, operations, queries
from webapp.accounts.models import User
from webapp.accounts.permissions import Role
from webapp.extensions import db
from webapp.settings import Settings

PASSWORD = "seven green lanterns by the river"


def sign_up(client: FlaskClient, email: str, password: str = PASSWORD) -> str:
    """Sign somebody up in this browser; returns the address of their team, "/t/<address>/"."""
    answer = client.post("/signup", data={"email": email, "password": password})
    assert answer.status_code == 303, answer.text
    return client.get("/").headers["Location"]


def sign_in(client: FlaskClient, email: str, password: str = PASSWORD, **more: str) -> TestResponse:
    """Try to sign in."""
    return client.post("/login", data={"email": email, "password": password, **more})


def join(app: Flask, team_home: str, email: str, role: Role) -> FlaskClient:
    """A browser of a new person who is in somebody's team with this role; returns it signed in."""
    with app.test_request_context():
        user = operations.add_user(email, PASSWORD)
        db.session.commit()
        user_id = user.id
    address = team_home.split("/")[2]
    with app.app_context():
        owner = db.session.scalars(select(User).where(User.email != email)).all()
        teams = [mine.team for person in owner for mine in queries.memberships(person.id)]
        team_id = next(team.id for team in teams if team.address == address)
    with app.test_request_context(), tenancy.team_scope(team_id, app):
        member = db.session.get_one(User, user_id)
        members.add_member(member, role)
        db.session.commit()
    browser = app.test_client()
    assert sign_in(browser, email).status_code == 303
    return browser


@contextmanager
def another_app(settings: Settings, **overrides: Any) -> Iterator[Flask]:
    """An application with other settings than the fixture's; its connections are closed at the end."""
    made = create_app(settings, TESTING=True, **overrides)
    yield made
    with made.app_context():
        db.engine.dispose()
