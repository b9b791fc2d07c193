"""Balances read by machines: whose turn it is, what they may not ask, and what lifts an account."""

from __future__ import annotations

import dataclasses
import re
import socket
from collections.abc import Iterator
from datetime import timedelta

import pytest
from flask import Flask

from tests.conftest import Database
from tests.factories import Person, make_person
from tests.gateway.hostile import HostileServer, http, read_request
from tests.gateway.people import accounts, connect, put, queued, readings
from webapp import clock, tenancy
from webapp.gateway import jobs, operations, queries
from webapp.gateway.answers import AccountChange, BatchChange, Meaning, Verdict, Why
from webapp.gateway.models import AccountState
from webapp.settings import Settings

POLL, CHECK, WELL = "gateway.poll_balance", "gateway.check_balance", "campaigns.account_well"


class Gateway:
    """A gateway that says what the test wants it to say."""

    def __init__(self) -> None:
        self.says = "48210"
        self.code = "0"
        self.server = HostileServer(self._answer)

    def _answer(self, connection: socket.socket) -> None:
        self.server.keep(read_request(connection))
        connection.sendall(http(f'{{"respCode":"{self.code}","respMsg":"{self.says}"}}'.encode()))

    @property
    def calls(self) -> int:
        return len(self.server.requests)


@pytest.fixture
def gateway() -> Iterator[Gateway]:
    made = Gateway()
    with made.server:
        yield made


@pytest.fixture
def settings(settings: Settings, gateway: Gateway) -> Settings:
    return dataclasses.replace(settings, gateways={"main": gateway.server.url})


@pytest.fixture
def alice(app: Flask) -> Person:
    return make_person(app)


@pytest.fixture
def account_id(app: Flask, alice: Person) -> int:
    return connect(app, alice, "10086")


def poll(app: Flask, person: Person, account_id: int) -> None:
    with tenancy.team_scope(person.team_id, app):
        jobs.poll_balance(account_id=account_id)


def ask_due(app: Flask) -> None:
    with app.app_context():
        jobs.ask_due_balances()


def note(app: Flask, person: Person, account_id: int, change: AccountChange, **more: object) -> None:
    verdict = Verdict(Meaning.REFUSED, BatchChange.BLOCKED, change, Why.NO_BALANCE, limit=more.get("limit"))  # type: ignore[arg-type] # a test's shorthand
    named = {name: value for name, value in more.items() if name != "limit"}
    with tenancy.team_scope(person.team_id, app) as session:
        operations.note_answer(account_id, verdict, **named)  # type: ignore[arg-type] # the same
        session.commit()


def state(database: Database) -> str:
    return str(accounts(database)[0]["state"])


# ---- whose turn it is --------------------------------------------------------------------------------


def test_a_poll_stores_a_reading_and_makes_the_account_well(
    app: Flask, database: Database, alice: Person, account_id: int
) -> None:
    poll(app, alice, account_id)
    (reading,) = readings(database)
    assert (reading["cause"], reading["outcome"], reading["said"], reading["messages"]) == (
        "periodic", "ok", "48210", 48_210,
    )  # fmt: skip
    assert state(database) == "ok"
    assert queued(database) == [(WELL, {"team_id": alice.team_id, "account_id": account_id})]


@pytest.mark.parametrize("of_state", list(AccountState))
@pytest.mark.parametrize("disabled", [True, False])
def test_only_accounts_that_a_machine_may_ask_are_due(
    app: Flask,
    database: Database,
    alice: Person,
    account_id: int,
    gateway: Gateway,
    of_state: AccountState,
    disabled: bool,
) -> None:
    put(app, alice, account_id, state=of_state, disabled_at=clock.now() if disabled else None)
    may = not disabled and of_state in {
        AccountState.UNTESTED, AccountState.OK, AccountState.OUT_OF_BALANCE,
    }  # fmt: skip
    ask_due(app)
    waiting = [(POLL, {"team_id": alice.team_id, "account_id": account_id})] if may else []
    assert queued(database) == waiting
    # A job that was queued before the account broke looks again before it calls.
    poll(app, alice, account_id)
    assert gateway.calls == (1 if may else 0)


def test_an_account_is_due_every_quarter_hour_and_sooner_after_sending(
    app: Flask, database: Database, alice: Person, account_id: int
) -> None:
    for asked_ago, wanted, due in (
        (timedelta(seconds=jobs.WANTED_SECONDS + 1), False, 0),
        (timedelta(seconds=800), False, 0),
        (timedelta(seconds=0), True, 0),
        (timedelta(seconds=jobs.WANTED_SECONDS + 1), True, 1),
        (timedelta(seconds=901), False, 1),
    ):
        now = clock.now()
        put(
            app,
            alice,
            account_id,
            balance_asked_at=now - asked_ago,
            balance_wanted_at=now if wanted else None,
        )
        with database.owner() as owner:
            owner.execute("DELETE FROM procrastinate_jobs")
        ask_due(app)
        assert len(queued(database)) == due, (asked_ago, wanted)


def test_a_round_that_comes_again_queues_nothing_twice(
    app: Flask, database: Database, alice: Person, account_id: int
) -> None:
    make_person(app, "bob")
    for _ in range(3):
        ask_due(app)
    assert len(queued(database)) == 1


def test_wanting_a_balance_is_noted_until_it_is_read(
    app: Flask, database: Database, alice: Person, account_id: int, gateway: Gateway
) -> None:
    for _ in range(3):
        with tenancy.team_scope(alice.team_id, app) as session:
            operations.want_balance(account_id)
            session.commit()
    assert accounts(database)[0]["balance_wanted_at"] is not None
    gateway.code = "9"
    poll(app, alice, account_id)
    assert accounts(database)[0]["balance_wanted_at"] is not None
    gateway.code = "0"
    poll(app, alice, account_id)
    assert accounts(database)[0]["balance_wanted_at"] is None


# ---- what breaks and what lifts ----------------------------------------------------------------------


@pytest.mark.parametrize(("code", "becomes"), [("1", "broken"), ("2", "frozen")])
def test_a_refused_poll_is_the_last_one(
    app: Flask, database: Database, alice: Person, account_id: int, gateway: Gateway, code: str, becomes: str
) -> None:
    gateway.code = code
    for _ in range(3):
        poll(app, alice, account_id)
        ask_due(app)
    assert state(database) == becomes
    assert gateway.calls == 1
    # Its campaigns pause and its owners are told; nothing asks for the balance any more.
    assert {name for name, _ids in queued(database)} == {"campaigns.account_stopped", "gateway.tell_owners"}


def test_no_answer_leaves_the_account_and_its_last_balance(
    app: Flask, database: Database, alice: Person, account_id: int, gateway: Gateway
) -> None:
    poll(app, alice, account_id)
    gateway.server.script = read_request
    poll(app, alice, account_id)
    assert state(database) == "ok"
    assert [row["outcome"] for row in readings(database)] == ["ok", "unclear"]
    with tenancy.team_scope(alice.team_id, app), app.test_request_context(f"/t/{alice.team}/balance"):
        good = queries.last_good_reading(account_id)
        assert good is not None
        assert good.messages == 48_210


def test_out_of_balance_lifts_when_a_top_up_is_seen_and_not_before(
    app: Flask, database: Database, alice: Person, account_id: int, gateway: Gateway
) -> None:
    poll(app, alice, account_id)
    note(app, alice, account_id, AccountChange.OUT_OF_BALANCE)
    assert state(database) == "out_of_balance"
    assert (CHECK, {"team_id": alice.team_id, "account_id": account_id}) in queued(database)
    for said, expected in (("3", "out_of_balance"), ("3", "out_of_balance"), ("9003", "ok")):
        gateway.says = said
        poll(app, alice, account_id)
        assert state(database) == expected


def test_an_answer_to_old_credentials_says_nothing_about_the_new(
    app: Flask, database: Database, alice: Person, account_id: int
) -> None:
    put(app, alice, account_id, version=2)
    note(app, alice, account_id, AccountChange.BROKEN, version=1)
    assert state(database) == "untested"
    note(app, alice, account_id, AccountChange.BROKEN, version=2)
    assert state(database) == "broken"


def test_a_good_answer_from_before_the_trouble_does_not_end_it(
    app: Flask, database: Database, alice: Person, account_id: int
) -> None:
    before = clock.now() - timedelta(seconds=5)
    note(app, alice, account_id, AccountChange.OUT_OF_BALANCE)
    note(app, alice, account_id, AccountChange.WELL, asked_at=before)
    assert state(database) == "out_of_balance"
    note(app, alice, account_id, AccountChange.WELL, asked_at=clock.now())
    assert state(database) == "ok"


def test_code_6_only_ever_lowers_the_limit(
    app: Flask, database: Database, alice: Person, account_id: int
) -> None:
    for limit, left in ((2500, 2500), (4000, 2500), (100, 100)):
        note(app, alice, account_id, AccountChange.SMALLER_LIMIT, limit=limit)
        assert accounts(database)[0]["numbers_per_request"] == left


def test_an_answer_without_a_msgid_flags_the_account_and_counts_as_well(
    app: Flask, database: Database, alice: Person, account_id: int
) -> None:
    note(app, alice, account_id, AccountChange.FLAGGED)
    (account,) = accounts(database)
    assert account["state"] == "ok"
    assert account["msgid_missing_at"] is not None


def test_a_gateway_that_is_no_longer_listed_is_not_asked(
    app: Flask, database: Database, alice: Person, account_id: int, gateway: Gateway
) -> None:
    put(app, alice, account_id, gateway="second")
    poll(app, alice, account_id)
    assert gateway.calls == 0
    assert readings(database) == []


# ---- walls -------------------------------------------------------------------------------------------


def test_a_job_of_another_team_does_nothing(
    app: Flask, database: Database, account_id: int, gateway: Gateway
) -> None:
    poll(app, make_person(app, "bob"), account_id)
    assert gateway.calls == 0
    assert readings(database) == []


def test_the_database_holds_the_rules_itself(database: Database, app: Flask, account_id: int) -> None:
    for change in (
        "state = 'sleepy'", "repeat_mode = 'always'", "numbers_per_request = 5001", "in_flight = 17",
        "fingerprint = 'x'", "label = ''",
    ):  # fmt: skip
        with database.owner() as owner, pytest.raises(Exception, match=re.escape("ck_gateway_account")):
            owner.execute(f"UPDATE gateway_account SET {change}")
    with database.program() as program:
        with pytest.raises(Exception, match=r"app\.team_id"):
            program.execute("SELECT * FROM gateway_account")
        program.execute("SELECT set_config('app.team_id', '1', false)")
        for table in ("gateway_account", "callback_token", "balance_reading"):
            assert program.execute(f"SELECT * FROM {table}").fetchall() == []
