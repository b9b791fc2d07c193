"""Makes what tests need with few words: people, teams, gateway accounts, campaigns.

The cast is small: Alice owns a team, Bob is a member, Charlie is a stranger.
"""

from __future__ import annotations

import dataclasses
import secrets

from flask import Flask
from flask.testing import FlaskClient

from tests.practice.fixture import PracticeGateway
from webapp import tenancy
from webapp.accounts import operations as accounts
from webapp.accounts.models import Member
from webapp.accounts.permissions import Role
from webapp.campaigns import drafts
from webapp.campaigns import operations as campaigns
from webapp.gateway import operations as gateway
from webapp.sealing import Secret

PASSWORD = "a long enough pass-phrase 42"


@dataclasses.dataclass(frozen=True)
class Person:
    """Somebody with a team of their own."""

    user_id: int
    email: str
    team_id: int
    team: str


def make_person(app: Flask, name: str = "alice") -> Person:
    """A person and the team that sign-up makes for them, without going through the pages."""
    email = f"{name}@example.org"
    with app.test_request_context():
        user = accounts.add_user(email, PASSWORD)
        team = accounts.create_team(user, f"{name}'s team")
        person = Person(user.id, email, team.id, team.address)
        tenancy.session().commit()
    return person


def add_member(app: Flask, person: Person, to: Person, role: Role) -> None:
    """Put a person into somebody else's team."""
    from webapp import clock

    with app.test_request_context(), tenancy.team_scope(to.team_id, app) as session:
        session.add(
            Member(team_id=to.team_id, user_id=person.user_id, role=role, joined_at=clock.now())
        )  # fmt: skip
        session.commit()


def sign_in(app: Flask, person: Person) -> FlaskClient:
    """A browser in which this person is signed in."""
    client = app.test_client()
    answer = client.post("/login", data={"email": person.email, "password": PASSWORD})
    assert answer.status_code == 303, answer.text
    return client


# By which uid the practice gateway knows an account that a test made; it is shared by all tests.
uids: dict[int, str] = {}


def connect_practice(app: Flask, person: Person, practice: PracticeGateway, balance: int = 1_000_000) -> int:
    """A gateway account of the person's team at a practice gateway; its reports go nowhere yet."""
    uid = f"test-{secrets.token_hex(4)}"
    practice.add_user(uid, "secret-pwd", balance=balance)
    with tenancy.team_scope(person.team_id, app) as session:
        account = gateway.connect_account("Practice", "practice", Secret(uid), Secret("secret-pwd"), by=None)
        account_id = account.id
        session.commit()
    uids[account_id] = uid
    return account_id


def confirm(app: Flask, person: Person, account_id: int, mobiles: list[str], body: str = "Hello") -> int:
    """A campaign of these numbers, confirmed without a delay."""
    with tenancy.team_scope(person.team_id, app) as session:
        draft = drafts.draft_campaign(account_id, "\n".join(mobiles), body, "Shop", person.user_id)
        seen = drafts.preview(draft).digest
        campaigns.confirm_campaign(draft.id, secrets.token_hex(8), seen, person.user_id, 0)
        campaign_id = draft.id
        session.commit()
    return campaign_id


def numbers(count: int, first: int = 13_700_000_000) -> list[str]:
    """That many different mobile numbers."""
    return [str(first + n) for n in range(count)]
