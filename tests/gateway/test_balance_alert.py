"""The line under a balance: told once, in the transaction of the reading, to owners and admins."""

from __future__ import annotations

import pytest
from flask import Flask
from sqlalchemy.exc import SQLAlchemyError

from tests.conftest import Database
from tests.factories import Person, add_member, connect_practice, make_person, uids
from tests.practice.fixture import PracticeGateway
from webapp import tenancy
from webapp.accounts.models import User
from webapp.accounts.permissions import Role
from webapp.gateway import alerts, jobs, operations, queries
from webapp.gateway.answers import Why
from webapp.gateway.balances import BalanceOutcome, BalanceVerdict
from webapp.gateway.models import BalanceCause
from webapp.mail import read_outbox
from webapp.settings import Settings


@pytest.fixture
def alice(app: Flask) -> Person:
    return make_person(app)


@pytest.fixture
def account(app: Flask, alice: Person, practice: PracticeGateway) -> int:
    return connect_practice(app, alice, practice, balance=1_000)


def draw(app: Flask, person: Person, account: int, line: int | None) -> None:
    with tenancy.team_scope(person.team_id, app) as session:
        one = queries.account(account)
        good = queries.last_good_reading(account)
        assert one is not None
        alerts.set_line(one, line, good.messages if good else None)
        session.commit()


def read(app: Flask, person: Person, account: int, practice: PracticeGateway, left: int) -> None:
    """The gateway says another balance, and the job of every quarter of an hour asks for it."""
    practice.add_user(uids[account], "secret-pwd", balance=left)
    with tenancy.team_scope(person.team_id, app):
        jobs.read_balance(account, BalanceCause.PERIODIC)


def queued(database: Database) -> list[dict[str, int]]:
    """What the worker is to tell, in the order in which it was put there."""
    with database.owner() as owner:
        rows = owner.execute(
            "SELECT args FROM procrastinate_jobs WHERE task_name = 'team:gateway.tell_low' ORDER BY id"
        )
        return [row[0] for row in rows]


def tell_all(app: Flask, database: Database, person: Person) -> None:
    for args in queued(database):
        with tenancy.team_scope(person.team_id, app):
            jobs.tell_low(**{name: value for name, value in args.items() if name != "team_id"})


def test_a_fall_below_the_line_is_told_once_and_again_after_it_rose(
    app: Flask, database: Database, settings: Settings, alice: Person, account: int, practice: PracticeGateway
) -> None:
    draw(app, alice, account, 500)
    read(app, alice, account, practice, 800)
    assert queued(database) == []
    read(app, alice, account, practice, 480)
    read(app, alice, account, practice, 470)
    assert len(queued(database)) == 1
    tell_all(app, database, alice)
    [mail] = read_outbox(settings.instance)
    assert mail.to == alice.email
    assert "480 messages, below the line of 500" in mail.body
    assert f"/t/{alice.team}/balance" in mail.body
    read(app, alice, account, practice, 500)
    read(app, alice, account, practice, 499)
    assert len(queued(database)) == 2
    with database.owner() as owner:
        noted = [
            row[0]
            for row in owner.execute("SELECT action FROM audit_entry WHERE action ~ 'balance' ORDER BY id")
        ]
    assert noted == ["gateway.balance_low", "gateway.balance_well", "gateway.balance_low"]


def test_owners_and_admins_are_told_in_their_languages_and_nobody_else(
    app: Flask, database: Database, settings: Settings, alice: Person, account: int, practice: PracticeGateway
) -> None:
    for name, role in (("bob", Role.ADMIN), ("charlie", Role.SENDER), ("dana", Role.VIEWER)):
        add_member(app, make_person(app, name), alice, role)
    with app.app_context():
        session = tenancy.session()
        session.query(User).filter_by(email="bob@example.org").update({"language": "zh"})
        session.commit()
    draw(app, alice, account, 500)
    read(app, alice, account, practice, 1)
    tell_all(app, database, alice)
    told = {mail.to: mail.body for mail in read_outbox(settings.instance)}
    assert sorted(told) == ["alice@example.org", "bob@example.org"]
    assert "is 1 message, below" in told["alice@example.org"]
    assert "低于 500 条的提醒线" in told["bob@example.org"]


def test_a_reading_that_is_not_stored_tells_nothing(
    app: Flask, database: Database, alice: Person, account: int
) -> None:
    draw(app, alice, account, 500)
    with tenancy.team_scope(alice.team_id, app) as session:
        one = queries.account(account)
        assert one is not None
        said = BalanceVerdict(BalanceOutcome.OK, Why.ACCEPTED, "3", 3, 0)
        operations.record_balance(account, one.version, said, BalanceCause.PERIODIC)
        session.rollback()
    with database.owner() as owner:
        assert owner.execute("SELECT alerted_at FROM gateway_account").fetchone() == (None,)
    assert queued(database) == []


@pytest.mark.parametrize(
    ("outcome", "why", "said", "messages"),
    [
        (BalanceOutcome.OK, Why.ACCEPTED, "plenty", None),
        (BalanceOutcome.UNREACHABLE, Why.CONNECTION_REFUSED, "", None),
        (BalanceOutcome.UNCLEAR, Why.NO_ANSWER, "", None),
    ],
)
def test_what_is_no_balance_lies_on_no_side_of_the_line(
    app: Flask, database: Database, alice: Person, account: int,
    outcome: BalanceOutcome, why: Why, said: str, messages: int | None,
) -> None:  # fmt: skip
    draw(app, alice, account, 500)
    with tenancy.team_scope(alice.team_id, app) as session:
        one = queries.account(account)
        assert one is not None
        operations.record_balance(
            account, one.version, BalanceVerdict(outcome, why, said, messages, 0), BalanceCause.PERIODIC
        )
        session.commit()
    assert queued(database) == []


def test_an_answer_to_older_credentials_says_nothing(
    app: Flask, database: Database, alice: Person, account: int
) -> None:
    draw(app, alice, account, 500)
    with tenancy.team_scope(alice.team_id, app) as session:
        one = queries.account(account)
        assert one is not None
        said = BalanceVerdict(BalanceOutcome.OK, Why.ACCEPTED, "3", 3, 0)
        operations.record_balance(account, one.version - 1, said, BalanceCause.PERIODIC)
        session.commit()
    assert queued(database) == []


def test_a_line_that_is_moved_does_not_tell_twice(
    app: Flask, database: Database, alice: Person, account: int, practice: PracticeGateway
) -> None:
    draw(app, alice, account, 500)
    read(app, alice, account, practice, 100)
    draw(app, alice, account, 400)
    read(app, alice, account, practice, 90)
    assert len(queued(database)) == 1
    draw(app, alice, account, 50)
    read(app, alice, account, practice, 40)
    assert len(queued(database)) == 2
    draw(app, alice, account, None)
    read(app, alice, account, practice, 1)
    assert len(queued(database)) == 2


def test_somebody_who_left_meanwhile_is_not_told(
    app: Flask, database: Database, settings: Settings, alice: Person, account: int, practice: PracticeGateway
) -> None:
    add_member(app, make_person(app, "bob"), alice, Role.ADMIN)
    draw(app, alice, account, 500)
    read(app, alice, account, practice, 1)
    with database.owner() as owner:
        owner.execute(
            "UPDATE member SET role = 'viewer' WHERE team_id = %s AND role = 'admin'", [alice.team_id]
        )
    tell_all(app, database, alice)
    assert [mail.to for mail in read_outbox(settings.instance)] == [alice.email]


def test_a_line_of_nothing_is_none(app: Flask, alice: Person, account: int) -> None:
    with pytest.raises(SQLAlchemyError):
        draw(app, alice, account, 0)
