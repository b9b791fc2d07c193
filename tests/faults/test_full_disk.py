"""The disk gets full while a campaign goes out: pages are read, nothing new is sent, nothing is lost.

The whole of a program, its database included, lies on a disk in memory that is full at a stroke while
requests are open, once with some room left and once without any. Where no such disk may be made, the room
that must be free is raised above what there is; the row says which it was.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests.campaigns.running import campaign_of, sender
from tests.conftest import Database
from tests.factories import Person, confirm, connect_practice, make_person, numbers, sign_in, uids
from tests.faults.conftest import TIMES
from tests.faults.dump import figures_of, write_lines
from tests.faults.moving import set_times, wait_for_rounds
from tests.faults.processes import Process
from tests.faults.rows import row_of, sized, tell, unlike
from tests.faults.small_disk import MIB, SmallDisk, small_disk
from tests.practice.fixture import PracticeGateway, wait_until
from webapp import create_app, embedded, schema, tenancy
from webapp.campaigns import invariants, room
from webapp.gateway.models import GatewayAccount
from webapp.settings import Settings, Times, settings_of

FILLS = sized(2, 20)
PEOPLE = numbers(sized(800, 12_000), 13_400_000_000)
LIMIT = 10
IN_FLIGHT = 8
DISK_MIB = 320
LEAST_FREE_MB = 48
# Less than must be free; and so little that nothing of a table or of a log can grow.
LEFT = (24 * MIB, 0)
# How long there is no room at all: the database itself may be unable to go on meanwhile.
SECONDS = 1.5
GATHERED = {"unconfirmed": 0, "strangers": 0, "waiting": 0, "differences": 0, "open_attempts": 0}


@dataclasses.dataclass
class Site:
    """A whole program, and the disk that it lies on; None where it could not get one of its own."""

    app: Flask
    database: Database
    disk: SmallDisk | None
    alice: Person
    account: int


@pytest.fixture
def site(
    empty: Database, practice: PracticeGateway, tmp_path: Path, request: pytest.FixtureRequest
) -> Iterator[Site]:
    """On a small disk with a database of its own, if that can be had."""
    practice.dial(latency_ms=150, latency_max_ms=300)
    with ExitStack() as stack:
        disk = stack.enter_context(small_disk(tmp_path / "disk", DISK_MIB))
        if disk is None:
            app, database = request.getfixturevalue("app"), empty
            set_times(app, Times.parse(TIMES))
        else:
            app, database = on(disk, practice, tmp_path, stack)
        alice = make_person(app)
        account = connect_practice(app, alice, practice)
        with tenancy.team_scope(alice.team_id, app) as session:
            found = session.get_one(GatewayAccount, (alice.team_id, account))
            found.numbers_per_request, found.in_flight = LIMIT, IN_FLIGHT
            session.commit()
        yield Site(app, database, disk, alice, account)


def on(disk: SmallDisk, practice: PracticeGateway, folder: Path, stack: ExitStack) -> tuple[Flask, Database]:
    """The program on this disk, with a worker of its own."""
    cluster = stack.enter_context(
        embedded.start_for(disk.place, {"min_wal_size": "32MB", "max_wal_size": "48MB"})
    )
    database = Database(cluster.program_url, cluster.owner_url, cluster.superuser_url)
    schema.upgrade(database.owner_url, database.program_url)
    environ = {
        "TIDINGS_INSTANCE": str(disk.place),
        "TIDINGS_PRACTICE": "on",
        "TIDINGS_PRACTICE_BIND": f"127.0.0.1:{practice.port}",
        "TIDINGS_PUBLIC_URL": "http://localhost",
        "TIDINGS_TIMES": TIMES,
        "TIDINGS_LEAST_FREE_MB": str(LEAST_FREE_MB),
    }
    app = create_app(Settings.from_environ(environ), TESTING=True, WTF_CSRF_ENABLED=False)
    stack.callback(lambda: dispose(app))
    stack.enter_context(Process(folder, "worker", environ))
    return app, database


def dispose(app: Flask) -> None:
    with app.app_context():
        from webapp.extensions import db

        db.engine.dispose()


class Watch:
    """What is seen of the program while the disk is full."""

    def __init__(self, site: Site, practice: PracticeGateway, campaign: int) -> None:
        self.site, self.practice, self.campaign = site, practice, campaign
        self.browser: FlaskClient = sign_in(site.app, site.alice)
        team = f"/t/{site.alice.team}"
        self.pages = (f"{team}/home", f"{team}/campaigns", f"{team}/campaigns/{campaign}")
        self.fills: list[dict[str, object]] = []
        self.wrong: list[str] = []

    def posted(self) -> int:
        """How many requests the gateway was sent so far."""
        return len(self.practice.submissions()) + len(self.practice.open_requests())

    def wait_for_open(self) -> None:
        """Until the gateway has a request of the campaign open, and some time of it has passed."""
        before = self.posted()
        wait_until(lambda: self.posted() > before and self.practice.open_requests(), 60)

    def read(self) -> None:
        """All pages, as people who look at them now would."""
        for page in self.pages:
            status = self.browser.get(page).status_code
            if status != 200:
                self.wrong.append(f"{page.rpartition('/')[2]} answered {status}")

    def nothing_new(self) -> None:
        """The sender has noticed, and begins nothing from then on, however long it is."""
        with self.site.database.owner() as owner:

            def waits() -> bool:
                found = "SELECT FROM heartbeat WHERE name = %s"
                return owner.execute(found, [room.WAITING]).fetchone() is not None

            wait_until(waits)
            begun = owner.execute("SELECT count(*) FROM attempt").fetchone()
            wait_for_rounds(self.site.database)
            if owner.execute("SELECT count(*) FROM attempt").fetchone() != begun:
                self.wrong.append("requests were begun without room")
            if "the disk of this site is nearly full" not in self.browser.get(self.pages[2]).text:
                self.wrong.append("the campaign's page says nothing of it")
            owner.execute("DELETE FROM heartbeat WHERE name = %s", [room.WAITING])

    def fill(self, number: int) -> None:
        """Once: full, looked at, and empty again."""
        assert self.site.disk is not None
        left = LEFT[number % len(LEFT)]
        self.wait_for_open()
        self.fills.append({"kill": time.time(), "dead": time.time(), "met": "open"})
        self.site.disk.fill(left)
        self.read()
        if left:
            self.nothing_new()
        else:
            time.sleep(SECONDS)
        self.read()
        self.site.disk.empty()

    def raise_limit(self) -> None:
        """The same without a disk to fill: more must be free than there is."""
        for _number in range(FILLS):
            self.wait_for_open()
            self.fills.append({"kill": time.time(), "dead": time.time(), "met": "open"})
            ask_for(self.site.app, 10_000_000)
            self.nothing_new()
            self.read()
            ask_for(self.site.app, 0)


def ask_for(app: Flask, least_free_mb: int) -> None:
    """So much room must be free from now on."""
    app.extensions["tidings_settings"] = dataclasses.replace(settings_of(app), least_free_mb=least_free_mb)


def test_a_full_disk_loses_nothing(site: Site, practice: PracticeGateway, tmp_path: Path) -> None:
    app, alice = site.app, site.alice
    campaign = confirm(app, alice, site.account, PEOPLE)
    watch = Watch(site, practice, campaign)
    if site.disk is None:
        with sender(app):
            watch.raise_limit()
            finish(site, campaign)
    else:
        for number in range(FILLS):
            if not watch.wrong:
                watch.fill(number)
        finish(site, campaign)
    fills = write_lines(tmp_path / "fills", watch.fills)
    found = figures_of(practice, site.database, tmp_path / "dump", uids[site.account], kills=fills)
    with tenancy.team_scope(alice.team_id, app):
        watch.wrong += invariants.broken()
    wanted = {**GATHERED, "recipients": len(PEOPLE), "delivered": len(PEOPLE)}
    how = "a disk of its own in memory" if site.disk else "no small disk allowed here: the limit was raised"
    note = f"times full while a request was open; {how}; {found['unconfirmed']} unconfirmed"
    tell(row_of("F12", found, note=note, wrong=[*watch.wrong, *unlike(found, wanted)]))


def finish(site: Site, campaign: int) -> None:
    wait_until(lambda: campaign_of(site.app, site.alice, campaign).state == "waiting_for_reports", 120)
