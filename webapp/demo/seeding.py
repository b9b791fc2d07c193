"""Makes the demonstration's person, team, gateway accounts and campaigns, once."""

from __future__ import annotations

from datetime import timedelta

from flask import Flask, g

from webapp import clock, tenancy
from webapp.accounts import operations as accounts
from webapp.accounts import queries as accounts_of
from webapp.demo import EMAIL, PASSWORD, balance, days, imports, members, people, refusals, taken, texts
from webapp.demo.acting import Stage
from webapp.demo.stories import Stories
from webapp.errors import DomainError
from webapp.gateway import operations as gateway
from webapp.gateway import practice
from webapp.gateway.models import BalanceCause
from webapp.sealing import Secret

TEAM = "青禾茶 Qinghe Tea"
BALANCE = 48_210


def seed(app: Flask) -> str:
    """Make the demonstration and return its team's address; where it is there already, only that.

    Needs the practice gateway. Raises DomainError where it does not answer.
    """
    with app.app_context():
        g.language = "en"
        person = accounts_of.user_by_email(EMAIL)
        if person is not None:
            return accounts_of.memberships(person.id)[0].team.address
        if not practice.is_on():
            raise DomainError("The demonstration needs the practice gateway (TIDINGS_PRACTICE=on).")
        made = practice.make_account()
        # Older than everything that is told of it, as an account is; the one that is used most is the oldest.
        begun = clock.now() - timedelta(days=26)
        with clock.standing_at(begun):
            user = g.user = accounts.add_user(EMAIL, PASSWORD, name="林薇 Lin Wei")
            team = accounts.create_team(user, TEAM)
            address = team.address
            main = gateway.connect_account(
                "main-cn", gateway.PRACTICE, made.uid, made.pwd, by=user.id, token=made.token
            )
        with clock.standing_at(begun + timedelta(minutes=5)):
            empty = gateway.connect_account(
                "second", gateway.PRACTICE, Secret("empty"), Secret("practice-only"), by=user.id
            )
            # Small requests, so that a few hundred people make a campaign of many batches.
            main.numbers_per_request = empty.numbers_per_request = 100
            balance.read(empty, 500, BalanceCause.PERIODIC)
        members.seed(user, clock.now())
        balance.tell_history(main, clock.now())
        balance.read(main, BALANCE, BalanceCause.PERIODIC)
        people.seed(user.id, begun + timedelta(hours=1))
        texts.seed(user.id, begun + timedelta(days=1), clock.now())
        days.tell(Stage.of(user.id), main.id, clock.now())
        Stories(Stage.of(user.id), main.id, empty.id, clock.now()).tell()
        balance.read(empty, 0, BalanceCause.PERIODIC)
        taken.ask(user.id, clock.now())
        refusals.seed(user.id, clock.now())
        imports.seed(user.id, clock.now())
        tenancy.session().commit()
        return address
