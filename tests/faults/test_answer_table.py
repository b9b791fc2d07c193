"""Every row of the answer table over real HTTP, as the first answer of a batch and after an unknown one.

All cases run at once: each is a team of its own with a gateway of its own, and one sender serves them all.
So a row that touched anything of another team would be seen in that team's case.
"""

from __future__ import annotations

import dataclasses
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from flask import Flask

from tests.campaigns.running import campaign_of, sender
from tests.conftest import Database, new_database
from tests.factories import Person, confirm, numbers
from tests.faults.answering import ROWS, Answerer, Flood, Names, Row
from webapp import create_app, schema, tenancy
from webapp.accounts import operations as accounts
from webapp.accounts.models import User
from webapp.campaigns import invariants
from webapp.campaigns.models import Attempt, Batch
from webapp.embedded import Cluster
from webapp.gateway import operations as gateway
from webapp.gateway.models import GatewayAccount
from webapp.sealing import Secret
from webapp.settings import Settings, Times, settings_of

CASES = [(row, after) for row in ROWS for after in (False, True)]
NAMES = [f"{row.name}, {'after an unknown one' if after else 'first'}" for row, after in CASES]
# No repeat, and what never left waits. After an unknown answer one repeat comes soon.
FIRST = Times(
    connect=0.5, answer=1, call_limit=1, lease=60, reaper=60, evidence=500, first_repeat=500, retry_first=900
)
AFTER_UNKNOWN = dataclasses.replace(FIRST, evidence=0.2, first_repeat=0.2, second_repeat=500)
# How much of a gigabyte may be on its way, in socket buffers of both sides, when the caller has had enough.
MOST_WRITTEN = 16 << 20
SECONDS = 40
TALLIES = {"accepted": "no_report", "rejected": "failed", "hold": "unconfirmed", "unconfirmed": "unconfirmed",
           "blocked": "waiting", "retry": "waiting", "replaced": "no_report"}  # fmt: skip


@dataclasses.dataclass(frozen=True)
class Found:
    """What was found of one case: the first batch, its last attempt, and what stands around them."""

    batch: str
    attempts: list[tuple[str | None, str | None]]
    answered: list[tuple[int | None, int | None]]
    account: str
    limit: int
    pause: str | None
    tallies: dict[str, int]
    broken: list[str]
    requests: int


@dataclasses.dataclass
class Case:
    """One case while it runs."""

    row: Row
    after_unknown: bool
    person: Person
    account: int
    answerer: Answerer
    campaign: int

    @property
    def attempts(self) -> int:
        """How many attempts the first batch has in the end."""
        return 2 if self.after_unknown else 1


@pytest.fixture(scope="module")
def ground(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Flask, Database]]:
    """The program on a database of its own, with short times."""
    with new_database(cluster) as made:
        schema.upgrade(made.owner_url, made.program_url)
        settings = Settings.from_environ(
            {
                **made.environ(),
                "TIDINGS_INSTANCE": str(tmp_path_factory.mktemp("table")),
                "TIDINGS_SIGNUP": "open",
            }
        )
        app = create_app(settings, TESTING=True, WTF_CSRF_ENABLED=False)
        yield app, made
        with app.app_context():
            from webapp.extensions import db

            db.engine.dispose()


@pytest.fixture(scope="module")
def found(ground: tuple[Flask, Database], request: pytest.FixtureRequest) -> dict[str, Found]:
    """Run all cases that are asked for: those of a first answer, then those after an unknown one."""
    app, database = ground
    wanted = {item.callspec.id for item in request.session.items
              if isinstance(item, pytest.Function) and hasattr(item, "callspec")}  # fmt: skip
    user_id = make_user(app)
    results: dict[str, Found] = {}
    for after_unknown, times in ((False, FIRST), (True, AFTER_UNKNOWN)):
        rows = {
            name: row
            for name, (row, after) in zip(NAMES, CASES, strict=True)
            if after == after_unknown and name in wanted
        }
        results |= run(app, database, user_id, rows, times, after_unknown=after_unknown)
    return results


def run(
    app: Flask, database: Database, user_id: int, rows: dict[str, Row], times: Times, *, after_unknown: bool
) -> dict[str, Found]:
    """What is found of these rows, all run at once."""
    settings = settings_of(app)
    app.extensions["tidings_settings"] = dataclasses.replace(settings, times=times)
    names = Names()
    with ExitStack() as stack, pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket, "getaddrinfo", names)
        cases: dict[str, Case] = {}
        for name, row in rows.items():
            host = f"case{len(cases)}{'after' if after_unknown else 'first'}"
            answerer = Answerer(row, names, host, after_unknown=after_unknown)
            stack.callback(answerer.close)
            cases[name] = prepare(app, user_id, answerer, after_unknown=after_unknown)
        with sender(app):
            wait_for_answers(database, cases)
        results = {name: look(app, case) for name, case in cases.items()}
    with database.owner() as connection:
        # Else the sender of the next round would go through all of them again and again.
        connection.execute("DELETE FROM batch")
    return results


def make_user(app: Flask) -> int:
    with app.test_request_context():
        user = accounts.add_user("alice@example.org", "a long enough pass-phrase 42")
        tenancy.session().commit()
        return user.id


def prepare(app: Flask, user_id: int, answerer: Answerer, *, after_unknown: bool) -> Case:
    """A team with an account at this gateway, and a campaign."""
    key = answerer.host
    settings = settings_of(app)
    app.extensions["tidings_settings"] = dataclasses.replace(
        settings, gateways={**settings.gateways, key: answerer.url}
    )
    with app.test_request_context():
        user = tenancy.session().get_one(User, user_id)
        team = accounts.create_team(user, key)
        account_id = gateway.connect_account("Odd", key, Secret("uid"), Secret("pwd"), by=None).id
        person = Person(user_id, user.email, team.id, team.address)
        tenancy.session().commit()
    campaign_id = confirm(app, person, account_id, numbers(answerer.row.size))
    return Case(answerer.row, after_unknown, person, account_id, answerer, campaign_id)


def wait_for_answers(database: Database, cases: dict[str, Case]) -> None:
    """Until each case has had its last answer and nothing is on its way; one without it fails by itself."""
    wanted = {(case.campaign, case.attempts) for case in cases.values()}
    deadline = time.monotonic() + SECONDS
    with database.owner() as connection:
        while time.monotonic() < deadline:
            ended = connection.execute(
                "SELECT campaign_id, n FROM attempt WHERE batch_no = 1 AND finished_at IS NOT NULL"
            ).fetchall()
            busy = connection.execute(
                "SELECT FROM batch JOIN campaign ON campaign.id = campaign_id WHERE batch.state = 'inflight' "
                "OR batch.state = 'planned' AND paused_by_machine IS NULL LIMIT 1"
            ).fetchall()
            if wanted <= set(ended) and not busy:
                return
            time.sleep(0.1)


def look(app: Flask, case: Case) -> Found:
    campaign = campaign_of(app, case.person, case.campaign)
    with tenancy.team_scope(case.person.team_id, app) as session:
        key = case.person.team_id, case.campaign, 1
        attempts = session.query(Attempt).filter_by(team_id=key[0], campaign_id=key[1], batch_no=1).all()
        attempts.sort(key=lambda one: one.n)
        account = session.get_one(GatewayAccount, (case.person.team_id, case.account))
        return Found(
            batch=session.get_one(Batch, key).state,
            attempts=[(one.outcome, one.why) for one in attempts],
            answered=[(one.http_status, one.resp_code) for one in attempts],
            account=account.state,
            limit=account.numbers_per_request,
            pause=campaign.paused_by_machine,
            tallies={name: count for name in set(TALLIES.values()) if (count := getattr(campaign, name))},
            broken=invariants.broken(),
            requests=case.answerer.server.connections,
        )


@pytest.mark.parametrize(("row", "after_unknown"), CASES, ids=NAMES)
def test_each_answer_ends_in_its_states(
    found: dict[str, Found], row: Row, after_unknown: bool, request: pytest.FixtureRequest
) -> None:
    ours = found[request.node.callspec.id]
    batch = row.batch if row.taken or not after_unknown else "hold"
    attempts: list[tuple[str | None, str | None]] = [(row.meaning, row.why)]
    if after_unknown:
        attempts.insert(0, ("unknown", "lost"))
    assert (ours.batch, ours.attempts) == (batch, attempts)
    no_halves = after_unknown and row.batch == "replaced"
    assert (ours.account, ours.pause) == ("untested" if no_halves else row.account, row.pause)
    assert ours.limit == row.limit
    assert ours.tallies == {TALLIES[batch]: row.size}
    assert ours.broken == []


def test_a_gigabyte_is_left_unread(found: dict[str, Found]) -> None:
    floods = [row.happens for row in ROWS if isinstance(row.happens, Flood)]
    assert floods
    assert all(0 < flood.written < MOST_WRITTEN for flood in floods)
