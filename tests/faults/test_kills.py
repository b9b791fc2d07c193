"""Workers are killed, at random and at named points, while the gateway fails too: everybody is reached once.

Two accounts at once: one repeats what got no clear answer, the other asks a person. A person resumes what the
program pauses for that, and decides nothing. The figures are those of a script that imports nothing of the
program.
"""

from __future__ import annotations

import dataclasses
import random
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests.conftest import Database
from tests.factories import Person, confirm, make_person, numbers, sign_in, uids
from tests.faults.between import Between
from tests.faults.connecting import connect, shown_tallies
from tests.faults.dump import figures_of, write_lines
from tests.faults.hooked import Hook
from tests.faults.killing import AT_RANDOM, SENDING, Killer, Line
from tests.faults.nursery import ForkedProcess, Nursery
from tests.faults.processes import Process
from tests.faults.rows import row_of, sized, tell, unlike
from tests.practice.fixture import PracticeGateway, wait_until
from webapp import tenancy
from webapp.accounts.models import Team
from webapp.campaigns import invariants
from webapp.gateway.models import GatewayAccount, RepeatMode
from webapp.settings import Settings

# Of each account.
CAMPAIGNS = sized(1, 5)
PEOPLE = sized(2_000, 20_000, 1_000)
KILLS = sized(9, 200, 2)
# Of so many campaigns the planning meets two of the kills; the others come in turn at a named point and at
# random.
KILLED_IN_PLANNING = sized(1, 2 * CAMPAIGNS, 0)
LATER_KILLS = KILLS - 2 * KILLED_IN_PLANNING
LIMIT = sized(10, 40)
SEED = 20_261_124
# Of each account; every worker has about half of them open when it is killed.
IN_FLIGHT = 8
# Since the kill before, so that a slow machine does not kill all that is tried.
POSTS_BETWEEN = sized(20, 15)
# A dead worker is noticed soon, for each leaves some of the account's places taken until then.
TIMES = (
    "connect=1,answer=2,call_limit=2,lease=4.2,reaper=0.5,evidence=1,first_repeat=1,second_repeat=3,"
    "retry_first=0.3,retry_most=1"
)
# Eight of a hundred, some of them taken all the same.
FAILURES = {
    "lost": 2, "eof": 1, "cut": 1, "code7+taken": 1, "code7": 0.5, "html": 0.5, "http500": 1,
    "http503+taken": 1,
}  # fmt: skip
# In a hundred of those whose account repeats: after three requests few are unclear.
MOST_UNCONFIRMED = 5
SECONDS = sized(300, 900)


@pytest.fixture
def environ(environ: dict[str, str], hook: Hook) -> dict[str, str]:
    """The workers reach the gateway through the hook."""
    return {**environ, "TIDINGS_PRACTICE_BIND": f"127.0.0.1:{hook.port}", "TIDINGS_TIMES": TIMES}


@pytest.fixture
def between(empty: Database) -> Iterator[Between]:
    with Between(empty.program_url) as running:
        yield running


@pytest.fixture
def workers(
    environ: dict[str, str], between: Between, forking: Nursery, tmp_path: Path
) -> Iterator[list[Process]]:
    """They reach the database through what can hold them."""
    through = {**environ, "DATABASE_URL": between.url}
    with ExitStack() as stack:
        yield [
            stack.enter_context(ForkedProcess(forking, tmp_path, "worker", through, log=f"worker-{name}"))
            for name in "ab"
        ]


@pytest.fixture
def alice(app: Flask) -> Person:
    person = make_person(app)
    with tenancy.team_scope(person.team_id, app) as session:
        team = session.get_one(Team, person.team_id)
        team.campaign_cap = team.day_cap = 10_000_000
        session.commit()
    return person


@pytest.fixture
def accounts(app: Flask, settings: Settings, alice: Person, practice: PracticeGateway) -> dict[str, int]:
    """One that repeats and one that asks."""
    made = {mode: connect(app, settings, alice, practice, LIMIT) for mode in ("repeat", "ask")}
    with tenancy.team_scope(alice.team_id, app) as session:
        for mode, account_id in made.items():
            account = session.get_one(GatewayAccount, (alice.team_id, account_id))
            account.in_flight, account.repeat_mode = IN_FLIGHT, RepeatMode(mode)
        session.commit()
    return made


@dataclasses.dataclass
class Sending:
    """The campaigns, and the person who looks after them while workers die."""

    app: Flask
    person: Person
    database: Database
    practice: PracticeGateway
    campaigns: list[int] = dataclasses.field(default_factory=list)

    def confirm(self, account: int) -> None:
        """One more campaign, of people of its own."""
        people = numbers(PEOPLE, 13_800_000_000 + PEOPLE * len(self.campaigns))
        self.campaigns.append(confirm(self.app, self.person, account, people))

    def one(self, query: str) -> int:
        """A number from the database."""
        with self.database.owner() as connection:
            row = connection.execute(query.encode()).fetchone()
        assert row is not None
        return int(row[0])

    def resume_the_unclear(self, browser: FlaskClient) -> None:
        """What a person does: presses Resume where too many requests are unclear, and decides about none."""
        with self.database.owner() as connection:
            paused = connection.execute(
                "SELECT id FROM campaign WHERE paused_by_machine = 'unclear'"
            ).fetchall()
        for (campaign_id,) in paused:
            browser.post(f"/t/{self.person.team}/campaigns/{campaign_id}/resume")

    def all_sent(self) -> bool:
        """Whether every campaign is sent. Reports may still be on their way to where they are shown."""
        return not self.one(
            "SELECT count(*) FROM campaign WHERE state NOT IN ('draft', 'waiting_for_reports', 'finished')"
        )


@pytest.fixture
def sending(app: Flask, alice: Person, empty: Database, practice: PracticeGateway) -> Iterator[Sending]:
    made = Sending(app, alice, empty, practice)
    browser, over = sign_in(app, alice), threading.Event()

    def look_after() -> None:
        while not over.wait(0.3):
            made.resume_the_unclear(browser)

    person = threading.Thread(target=look_after)
    person.start()
    yield made
    over.set()
    person.join(60)


def kill_all(sending: Sending, killer: Killer, accounts: dict[str, int]) -> Iterator[Line]:
    """All kills: in the planning of each campaign, and between that at the other points and at random."""
    named = iter(SENDING * KILLS)
    points = [AT_RANDOM if at % 3 == 2 else next(named) for at in range(LATER_KILLS)]
    begin = [account for _ in range(CAMPAIGNS) for account in accounts.values()]
    for at, account in enumerate(begin):
        if at < KILLED_IN_PLANNING:
            yield from killer.kill_planning(lambda: sending.confirm(account))  # noqa: B023 # called at once
        else:
            sending.confirm(account)
        # Both accounts have something to send before the other kills begin.
        first, last = (max(0, place) * len(points) // (len(begin) - 1) for place in (at - 1, at))
        for point in points[first:last]:
            killer.hook.wait_for_posts(POSTS_BETWEEN)
            yield killer.kill(point)


def test_kills_lose_nothing_and_send_nothing_twice(
    app: Flask, practice: PracticeGateway, empty: Database, alice: Person, accounts: dict[str, int],
    web: Process, workers: list[Process], between: Between, hook: Hook, sending: Sending, tmp_path: Path,
) -> None:  # fmt: skip
    practice.dial(
        delivered_percent=97, failed_percent=3, failures=FAILURES, latency_ms=200, latency_max_ms=600
    )
    killer = Killer(workers, between, hook, random.Random(SEED))
    kills = write_lines(tmp_path / "kills", list(kill_all(sending, killer, accounts)))
    practice.dial(latency_ms=0, latency_max_ms=100)
    wait_until(sending.all_sent, SECONDS)
    for worker in workers:
        # Else the pages are looked at a moment later than the tables are dumped.
        worker.stop()
    found = figures_of(
        practice, empty, tmp_path / "dump", [uids[one] for one in accounts.values()],
        kills=kills, posts=hook.file,
    )  # fmt: skip
    by_mode = {
        mode: figures_of(practice, empty, tmp_path / "dump", uids[account], [account])
        for mode, account in accounts.items()
    }
    recipients = 2 * CAMPAIGNS * PEOPLE
    wanted = {
        "tried": KILLS, "recipients": recipients, "strangers": 0, "unannounced": 0, "differences": 0,
        "waiting": 0, "not_sent": 0,
    }  # fmt: skip
    wrong = [*unlike(found, wanted), *unlike(by_mode["ask"], {"submitted_again": 0})]
    unconfirmed = {mode: one["unconfirmed"] for mode, one in by_mode.items()}
    if unconfirmed["repeat"] * 100 > MOST_UNCONFIRMED * recipients / 2:
        wrong.append(f"{unconfirmed['repeat']} are unconfirmed although the program asks again")
    if not by_mode["repeat"]["submitted_again"]:
        wrong.append("nothing was asked again")
    wrong.extend(differences(app, alice, sending, found))
    note = (
        f"{recipients:,} numbers, half of them asked about, {found['posts']:,} requests, "
        f"unconfirmed: repeat {unconfirmed['repeat']}, ask {unconfirmed['ask']:,}; asked again for ask: "
        f"{by_mode['ask']['submitted_again']}"
    )
    tell(row_of("F1", found, note=note, wrong=wrong))


def differences(app: Flask, alice: Person, sending: Sending, found: dict[str, int]) -> list[str]:
    """What the program's own pages and rules say that the figures do not."""
    browser = sign_in(app, alice)
    shown: Counter[str] = Counter()
    for campaign_id in sending.campaigns:
        shown.update(shown_tallies(browser, alice, campaign_id))
    counted = {
        "Delivered": found["reported"],
        "Failed": found["failed"],
        "Not confirmed": found["unconfirmed"],
        "No report yet": found["no_report"],
    }
    with tenancy.team_scope(alice.team_id, app):
        broken = invariants.broken()
    return [*([f"the pages say {shown}"] if +shown != +Counter(counted) else []), *broken]
