"""What the benchmarks of sending stand on: a database, a practice gateway, workers, people, campaigns.

Workers and practice gateway are processes of their own, started as they are shipped. People are put into
their groups by the superuser of the database, which is no part of what is measured.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from flask import Flask

from benchmarks.program import free_port
from webapp import create_app, embedded, schema, tenancy
from webapp.accounts import operations as accounts
from webapp.campaigns import drafts, operations
from webapp.connections import conninfo
from webapp.contacts import groups
from webapp.database import new_id
from webapp.gateway import operations as gateway
from webapp.sealing import Secret
from webapp.settings import Settings

PASSWORD = "a pass-phrase of some length"  # noqa: S105 # of nobody
BALANCE = 1_000_000_000
PATH = "/Admin/index.php/Message/send"
# What a team may spend is not what is measured.
NO_CAP = 1_000_000_000
MOST_SECONDS = 900
FIRST_NUMBER = 13_000_000_000

_PEOPLE = """
INSERT INTO contact (team_id, id, mobile, name, created_at, changed_at)
SELECT %(team)s, %(first)s + n, (%(number)s + n * 7919::bigint %% %(count)s * 7)::text, 'P' || n, now(), now()
FROM generate_series(0, %(count)s - 1) AS n
"""
_GROUPED = """
INSERT INTO grouped_contact (team_id, group_id, contact_id, added_at)
SELECT team_id, %(group)s, id, now() FROM contact WHERE team_id = %(team)s
"""
_NOT_HANDED_OVER = """
SELECT count(*), max(coalesce(paused_by_machine, '')) FROM campaign
WHERE id = ANY(%s) AND state NOT IN ('waiting_for_reports', 'finished')
"""
_GONE = """
SELECT coalesce(sum(size), 0) FROM batch WHERE campaign_id = ANY(%s) AND state = 'accepted'
"""


@dataclass(frozen=True)
class Account:
    """A gateway account, and what it is called at the practice gateway. Its reports go nowhere."""

    id: int
    uid: str
    pwd: str


@dataclass(frozen=True)
class Team:
    """A team, somebody in it, its accounts and a group of all of its people."""

    id: int
    user_id: int
    accounts: Sequence[Account]
    group_id: int


class House:
    """Everything but the workers; `superuser` is a connection that commits each statement."""

    def __init__(self, app: Flask, environ: dict[str, str], superuser: psycopg.Connection[Any]) -> None:
        self.app = app
        self.environ = environ
        self.superuser = superuser
        self.port = int(environ["TIDINGS_PRACTICE_BIND"].rpartition(":")[2])
        self._teams = 0

    @contextmanager
    def practice(self, **dial: object) -> Iterator[None]:
        """The practice gateway, begun anew: it remembers nobody."""
        options = [f"--{name.replace('_', '-')}={value}" for name, value in dial.items()]
        state = Path(self.environ["TIDINGS_INSTANCE"]) / "practice.json"
        argv = [sys.executable, "-m", "webapp.practice", "--bind", f"127.0.0.1:{self.port}"]
        state.unlink(missing_ok=True)
        with _running([*argv, "--state", str(state), *options], dict(os.environ)) as process:
            if process.stdout is None or not process.stdout.readline():
                raise SystemExit("the practice gateway did not start")
            yield

    @contextmanager
    def workers(self, count: int = 1) -> Iterator[list[int]]:
        """So many workers that have begun to look for work; their process ids."""
        with ExitStack() as stack:
            argv = [sys.executable, "-m", "webapp", "worker"]
            environ = {**os.environ, **self.environ}
            processes = [stack.enter_context(_running(argv, environ)) for _ in range(count)]
            began = time.monotonic()
            while self._listening() < count:
                if time.monotonic() - began > 60:
                    raise SystemExit("a worker did not start")
                time.sleep(0.05)
            yield [process.pid for process in processes]

    def _listening(self) -> int:
        """How many workers wait for jobs: each has a connection that listens for them."""
        row = self.superuser.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE query ILIKE 'LISTEN%%procrastinate%%'"
        ).fetchone()
        return int(row[0]) if row else 0

    def bare_account(self, uid: str) -> tuple[str, str]:
        """A uid and a pwd at the practice gateway that only a floor uses."""
        user = {"uid": uid, "pwd": PASSWORD, "balance": BALANCE}
        post(f"http://127.0.0.1:{self.port}/practice/users", user)
        return uid, PASSWORD

    def team(self, people: int, *, accounts_of: int = 1, in_flight: int | None = None) -> Team:
        """A team without delay and without caps, with so many people in one group."""
        self._teams += 1
        name = f"team{self._teams}"
        with self.app.test_request_context():
            user = accounts.add_user(f"{name}@example.org", PASSWORD)
            team = accounts.create_team(user, name)
            team.delay_seconds, team.campaign_cap, team.day_cap = 0, NO_CAP, NO_CAP
            team_id, user_id = team.id, user.id
            tenancy.session().commit()
        with tenancy.team_scope(team_id, self.app) as session:
            made = [self._account(f"{name}-{n}", in_flight) for n in range(accounts_of)]
            group_id = groups.make("Everybody", None).id
            session.commit()
        values = {
            "team": team_id,
            "first": new_id(),
            "number": FIRST_NUMBER,
            "count": people,
            "group": group_id,
        }
        self.superuser.execute(_PEOPLE, values)
        self.superuser.execute(_GROUPED, values)
        self.superuser.execute("ANALYZE contact, grouped_contact")
        return Team(team_id, user_id, made, group_id)

    def _account(self, uid: str, in_flight: int | None) -> Account:
        uid, pwd = self.bare_account(uid)
        account = gateway.connect_account(uid, "practice", Secret(uid), Secret(pwd), by=None)
        account.in_flight = in_flight or account.in_flight
        return Account(account.id, uid, pwd)

    def drafted(self, team: Team, account: Account, body: str) -> tuple[int, str]:
        """A draft to everybody, laid out; its id, and the digest of what the review would show."""
        with self.app.test_request_context(), tenancy.team_scope(team.id, self.app) as session:
            campaign = drafts.draft_campaign(
                account.id, "", body, "Shop", team.user_id, groups=(team.group_id,)
            )
            seen = drafts.preview(campaign).digest
            campaign_id = campaign.id
            session.commit()
        return campaign_id, seen

    def send(self, team: Team, campaigns: Sequence[tuple[int, str]]) -> float:
        """Confirm these drafts; returns the seconds until the last number of them is handed over."""
        ids = [campaign_id for campaign_id, _seen in campaigns]
        began = time.monotonic()
        for campaign_id, seen in campaigns:
            with self.app.test_request_context(), tenancy.team_scope(team.id, self.app) as session:
                operations.confirm_campaign(campaign_id, f"key {campaign_id}", seen, team.user_id, 0)
                session.commit()
        while True:
            row = self.superuser.execute(_NOT_HANDED_OVER, [ids]).fetchone()
            took = time.monotonic() - began
            if row is None or row[0] == 0:
                return took
            if row[1] or took > MOST_SECONDS:
                raise SystemExit(f"a campaign is not through after {took:.0f} s: {row[1] or 'no pause'}")
            time.sleep(0.02)

    def accepted(self, campaigns: Sequence[tuple[int, str]]) -> int:
        """How many numbers of these campaigns the gateway took."""
        row = self.superuser.execute(_GONE, [[one for one, _seen in campaigns]]).fetchone()
        return int(row[0]) if row else 0


@contextmanager
def house(**server: str) -> Iterator[House]:
    """A house in a folder of its own; `server`: settings of PostgreSQL."""
    with tempfile.TemporaryDirectory(prefix="tidings-bench-") as folder:
        Path(folder).chmod(0o755)
        instance = Path(folder) / "instance"
        with embedded.start_for(instance, server) as cluster:
            schema.upgrade(cluster.owner_url, cluster.program_url)
            environ = {
                "DATABASE_URL": cluster.program_url,
                "DATABASE_OWNER_URL": cluster.owner_url,
                "TIDINGS_INSTANCE": str(instance),
                "TIDINGS_PRACTICE": "on",
                "TIDINGS_PRACTICE_BIND": f"127.0.0.1:{free_port()}",
            }
            app = create_app(Settings.from_environ(environ), TESTING=True, WTF_CSRF_ENABLED=False)
            with psycopg.connect(conninfo(cluster.superuser_url), autocommit=True) as superuser:
                yield House(app, environ, superuser)


@contextmanager
def _running(argv: list[str], environ: dict[str, str]) -> Iterator[subprocess.Popen[str]]:
    environ = {**environ, "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(
        argv, env=environ, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        try:
            yield process
        finally:
            process.terminate()
            process.wait(timeout=120)


def peak_mib(pid: int) -> float:
    """The most memory that a process ever had, in MiB."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    return 0.0


def post(url: str, values: dict[str, object]) -> dict[str, object]:
    """POST a JSON object to a door of the practice gateway; the answer."""
    asked = urllib.request.Request(url, json.dumps(values).encode(), {"Content-Type": "application/json"})
    with urllib.request.urlopen(asked, timeout=10) as answer:
        result: dict[str, object] = json.load(answer)
        return result
