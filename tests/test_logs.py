"""No credential, token or full number is in what the program writes about itself, at the loudest level.

One long walk: a person signs up, connects an account, pastes numbers, sends, gets reports, meets a crash.
Then everything that was written meanwhile is searched for what must not be there.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import io
import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from flask import Flask
from flask.sessions import SecureCookieSessionInterface
from flask.testing import FlaskClient
from sqlalchemy.exc import IntegrityError
from werkzeug.test import Client, TestResponse

from tests.accounts.people import join, sign_in, sign_up
from tests.campaigns.running import sender
from tests.conftest import Database
from tests.practice.fixture import PracticeGateway, wait_until
from webapp import create_app, jobs, logs, tenancy
from webapp.accounts.permissions import Role
from webapp.campaigns import listing
from webapp.campaigns.models import Campaign
from webapp.connections import conninfo
from webapp.contacts.imports import line
from webapp.delivery import settling
from webapp.delivery.inbox import Inbox
from webapp.delivery.receiver import Receiver
from webapp.extensions import db
from webapp.gateway import queries as gateway
from webapp.gateway.models import GatewayAccount
from webapp.settings import Settings

UID, PWD, WRONG_PWD = "uid-quince-5521", "pwd-medlar-8174", "pwd-damson-0093"
PASSWORD, WRONG_PASSWORD = "eleven blue herons stand still", "twelve red herons fly away"
METRICS_TOKEN = "metrics-rowan-3316"
NUMBERS = ["13799110021", "13799110022", "13799110023"]
STATUS = {"Authorization": f"Bearer {METRICS_TOKEN}"}
# Where the numbers of people have to be; a team's own rows, behind its walls.
TABLES_OF_NUMBERS = frozenset(
    [
        "audience",
        "message",
        "batch",
        "report",
        "report_inbox",
        "unreadable_report",
        "campaign",
        "draft_paste",
        "contact",
        "opt_out",
        "erasure",
        "import_problem",
    ]
)


@pytest.fixture
def settings(settings: Settings, practice: PracticeGateway) -> Settings:
    """The practice gateway stands for the real one; figures are to be had with a token."""
    gateways = dict.fromkeys(settings.gateways, practice.base_url)
    return dataclasses.replace(
        settings, gateway_url=practice.base_url, gateways=gateways, metrics_token=METRICS_TOKEN
    )


@pytest.fixture
def app(settings: Settings, loud: None) -> Iterator[Flask]:
    """As in production: an error becomes a page."""
    application = create_app(settings, TESTING=True, WTF_CSRF_ENABLED=False, PROPAGATE_EXCEPTIONS=False)
    yield application
    with application.app_context():
        db.engine.dispose()


@pytest.fixture
def loud() -> Iterator[None]:
    """Logging is put back as it was."""
    root = logging.getLogger()
    before = [(one, one.level) for one in (root, *all_loggers())]
    handlers = list(root.handlers)
    yield
    root.handlers = handlers
    for one in all_loggers():
        one.setLevel(logging.NOTSET)
    for one, level in before:
        one.setLevel(level)


@pytest.fixture
def written(app: Flask) -> io.StringIO:
    """What the program's log handler writes from now on, with every logger at DEBUG."""
    root = logging.getLogger()
    sink = io.StringIO()
    handler = logging.StreamHandler(sink)
    handler.setFormatter(root.handlers[0].formatter)
    root.addHandler(handler)
    for one in (root, *all_loggers()):
        one.setLevel(logging.DEBUG)
    return sink


def all_loggers() -> list[logging.Logger]:
    """Every logger that somebody has asked for."""
    known = logging.root.manager.loggerDict.values()
    return [one for one in known if isinstance(one, logging.Logger)]


@dataclasses.dataclass(frozen=True)
class Walk:
    """What the walk came upon: pages that must hold no secret, and the secrets that were made on the way."""

    home: str
    pages: list[TestResponse]
    token: str
    session_id: str

    @property
    def secrets(self) -> list[str]:
        """What must be read nowhere."""
        return [UID, PWD, WRONG_PWD, PASSWORD, WRONG_PASSWORD, self.token, self.session_id]


@pytest.fixture
def walk(
    app: Flask,
    settings: Settings,
    database: Database,
    practice: PracticeGateway,
    written: io.StringIO,
    monkeypatch: pytest.MonkeyPatch,
) -> Walk:
    """From signing up to a crash."""
    practice.add_user(UID, PWD, balance=100_000)
    browser = app.test_client()
    home = sign_up(browser, "lin@example.com", PASSWORD)
    pages = [sign_in(app.test_client(), "lin@example.com", WRONG_PASSWORD)]
    browser.post(f"{home}settings/general", data={"name": "x", "time_zone": "UTC", "delay_seconds": "0"})
    pages += connect(browser, home)
    account, token, team_id = particulars(app, database)
    place = paste_and_confirm(browser, home, account)
    with sender(app):
        wait_until(lambda: state_of(app, team_id) == "waiting_for_reports")
    report(app, settings, database, team_id, token)
    import_people(app, browser, home, team_id, monkeypatch)
    work_off_jobs(app)
    pages += [browser.get(f"{home}{page}") for page in ("start", "campaigns", "balance", "settings/gateways")]
    pages += [app.test_client().get(page, headers=STATUS) for page in ("/status", "/metrics")]
    pages += crash(browser, home, monkeypatch)
    assert NUMBERS[0] in browser.get(place).text.replace(" ", ""), "its own team sees the number"
    return Walk(home, pages, token, session_id_of(app, browser))


def connect(browser: FlaskClient, home: str) -> list[TestResponse]:
    """Connect an account, first with a wrong password; then put in a wrong one, none, and the right one."""
    form = {"gateway": "main", "uid": UID, "label": ""}
    answers = [browser.post(f"{home}start/gateway", data={**form, "pwd": pwd}) for pwd in (WRONG_PWD, PWD)]
    assert [answer.status_code for answer in answers] == [422, 303]
    page = browser.get(f"{home}settings/gateways").text
    found = re.search(r"settings/gateways/(\d+)", page)
    assert found is not None
    for pwd in (WRONG_PWD, "", PWD):
        place = f"{home}settings/gateways/{found[1]}"
        answers.append(browser.post(f"{place}/credential", data={"uid": UID, "pwd": pwd}))
        answers.append(browser.post(f"{place}/check"))
    return answers


def particulars(app: Flask, database: Database) -> tuple[str, str, int]:
    """The account's id, its callback token, and the team's id."""
    with database.owner() as owner:
        row = owner.execute("SELECT id, team_id FROM gateway_account").fetchone()
    assert row is not None
    with tenancy.team_scope(row[1], app) as session:
        account = session.get_one(GatewayAccount, (row[1], row[0]))
        url = gateway.callback_addresses(account)[0].url
    assert url is not None
    return str(row[0]), url.rpartition("/r/")[2], int(row[1])


def paste_and_confirm(browser: FlaskClient, home: str, account: str) -> str:
    """Send to the numbers; one is pasted twice and one is damaged. Returns the campaign's address."""
    form = {"account": account, "signature": "Shop", "body": "Hello"}
    pasted = "\n".join([*NUMBERS, NUMBERS[0], "1.37E+10"])
    for refused in ({**form, "body": ""}, {**form, "account": "1"}):
        assert browser.post(f"{home}campaigns/new", data={**refused, "numbers": pasted}).status_code == 422
    drafted = browser.post(f"{home}campaigns/new", data={**form, "numbers": pasted})
    assert drafted.status_code == 303
    review = browser.get(drafted.location).text.replace("\n", " ")
    place = drafted.location.removesuffix("/review")
    hidden = dict(re.findall(r'name="(key|seen)"[^>]*value="([^"]*)"', review))
    assert browser.post(f"{place}/confirm", data=hidden).status_code == 303
    return str(place)


def state_of(app: Flask, team_id: int) -> str:
    with tenancy.team_scope(team_id, app) as session:
        # What was refused is kept as a draft.
        sent = session.query(Campaign).filter(Campaign.team_id == team_id, Campaign.state != "draft")
        return sent.one().state


def report(app: Flask, settings: Settings, database: Database, team_id: int, token: str) -> None:
    """Let reports come to the address, good ones and others, and settle them."""
    with database.owner() as owner:
        row = owner.execute("SELECT msgid FROM gateway_message").fetchone()
    assert row is not None
    good = f"Report={row[0]},{NUMBERS[0]},DELIVRD,1770000000;{row[0]},{NUMBERS[1]},UNDELIV,1770000000"
    with closing_inboxes():
        gateway = Client(Receiver(settings, database.program_url))
        for body, status in ((good, 200), (f"nonsense about {NUMBERS[2]}", 200), ("", 400)):
            assert gateway.post(f"/r/{token}", data=body).status_code == status
        assert gateway.post(f"/r/{token}x", data=good).status_code == 404
    with tenancy.team_scope(team_id, app) as session:
        settling.settle(team_id)
        session.commit()


def import_people(
    app: Flask, browser: FlaskClient, home: str, team_id: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two files: one comes in but for a row, the other meets a fault while its rows are in hand."""
    for broken in (False, True):
        rows = f"手机,姓名\n{NUMBERS[1]},王芳\n{NUMBERS[2]},x\n{NUMBERS[2]},again\n"
        place = browser.post(f"{home}contacts/import", data={"paste": rows}).location
        browser.post(f"{place}/columns", data={"if_exists": "update", "group": "0"})
        with tenancy.team_scope(team_id, app):
            line.work()
        browser.post(f"{place}/start")
        with monkeypatch.context() as patch, tenancy.team_scope(team_id, app):
            if broken:
                patch.setattr("webapp.contacts.imports.statements.COPY_INCOMING", "COPY nothing FROM STDIN")
            with contextlib.suppress(Exception):  # whatever it is; it is written down
                line.work()


@contextmanager
def closing_inboxes() -> Iterator[None]:
    """A receiver lives as long as its process; here its connections end with the block."""
    opened: list[Inbox] = []

    def noting(inbox: Inbox, *args: Any, **kwargs: Any) -> None:
        begin(inbox, *args, **kwargs)
        opened.append(inbox)

    begin = Inbox.__init__
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Inbox, "__init__", noting)
        yield
    for inbox in opened:
        inbox.close()


def work_off_jobs(app: Flask) -> None:
    """Run what is in the queue, as a worker does."""

    async def run() -> None:
        worker = jobs.build_worker(app, conninfo(app.config["SQLALCHEMY_DATABASE_URI"]))
        async with worker.open_async():
            await worker.run_worker_async(wait=False, install_signal_handlers=False)

    asyncio.run(run())


def crash(browser: FlaskClient, home: str, monkeypatch: pytest.MonkeyPatch) -> list[TestResponse]:
    """Pages whose code fails, with numbers in the error's text and in what the database says."""

    def broken(*_asked: object) -> list[Campaign]:
        raise RuntimeError(f"cannot write to {NUMBERS[0]}, to +86{NUMBERS[1]} or to 86{NUMBERS[2]}")

    def refused(*_asked: object) -> list[Campaign]:
        detail = f"DETAIL: Key (mobile)=({NUMBERS[0]}) already exists."
        raise IntegrityError("INSERT", {"mobile": NUMBERS[1]}, Exception(detail), hide_parameters=True)

    answers = []
    for fault in (broken, refused):
        monkeypatch.setattr(listing, "page", fault)
        answers += [browser.get(f"{home}campaigns", headers=asked) for asked in ({}, {"HX-Request": "true"})]
    monkeypatch.undo()
    assert [answer.status_code for answer in answers] == [500] * 4
    return answers


def session_id_of(app: Flask, browser: FlaskClient) -> str:
    """The secret id of this browser's session, out of its signed cookie."""
    found = browser.get_cookie(app.config["SESSION_COOKIE_NAME"])
    serializer = SecureCookieSessionInterface().get_signing_serializer(app)
    assert found is not None
    assert serializer is not None
    return str(serializer.loads(found.value)["_user_id"])


def full_numbers(text: str) -> list[str]:
    """Numbers that stand in a text whole, however they are written."""
    return [number for number in NUMBERS if number in re.sub(r"(?<=\d)[ \-](?=\d)", "", text)]


def test_nothing_is_told_by_what_the_program_writes(walk: Walk, written: io.StringIO) -> None:
    text = written.getvalue()
    for told in ("INSERT INTO", "a request failed", "procrastinate", "sqlalchemy.engine", "balance read"):
        assert told in text, "the log is not as loud as it should be"
    assert [line for line in text.splitlines() if any(secret in line for secret in walk.secrets)] == []
    assert [line for line in text.splitlines() if full_numbers(line)] == []


def test_nothing_is_told_by_pages_that_went_wrong_and_by_figures(walk: Walk) -> None:
    for page in walk.pages:
        said = page.text + str(page.headers)
        assert [secret for secret in walk.secrets if secret in said] == [], page.request.path
    errors = [page for page in walk.pages if page.status_code == 500]
    assert len(errors) == 4
    for page in (*errors, *(page for page in walk.pages if page.request.path in {"/status", "/metrics"})):
        assert full_numbers(page.text) == []
        assert "Traceback" not in page.text
        assert "RuntimeError" not in page.text
    for page in errors:
        assert re.search(r"\b[0-9a-f]{8}\b", page.text), "an error page has an id to ask about"


def test_nothing_secret_is_in_any_row(walk: Walk, database: Database) -> None:
    rows = list(all_rows(database))
    assert {"audit_entry", "access_entry", "procrastinate_jobs", "rate_limit"} <= {table for table, _ in rows}
    assert [row for row in rows if any(secret in row[1] for secret in walk.secrets)] == []
    assert {table for table, row in rows if full_numbers(row)} <= TABLES_OF_NUMBERS


def all_rows(database: Database) -> Iterator[tuple[str, str]]:
    """Each row of the database as text, with its table; the jobs of the engine too."""
    with database.owner() as owner:
        tables = owner.execute(
            "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace "
            "AND relkind IN ('r', 'p') AND NOT relispartition"
        ).fetchall()
        for (table,) in tables:
            for (row,) in owner.execute(f'SELECT one::text FROM "{table}" AS one'):
                yield table, row


def test_who_may_not_manage_accounts_does_not_see_the_callback_address(app: Flask, walk: Walk) -> None:
    # That of a practice account is shown on a site that the internet does not reach, too.
    owner, viewer = app.test_client(), join(app, walk.home, "vera@example.com", Role.VIEWER)
    assert sign_in(owner, "lin@example.com", PASSWORD).status_code == 303
    assert owner.post(f"{walk.home}start/practice").status_code == 303
    places = re.findall(r"settings/gateways/\d+", viewer.get(f"{walk.home}settings/gateways").text)
    assert any("/r/" in owner.get(walk.home + place).text for place in places)
    for place in places:
        answer = viewer.get(walk.home + place)
        assert answer.status_code == 200
        assert "/r/" not in answer.text
        assert walk.token not in answer.text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("to 13799110021.", "to *0021."),
        ("['13799110021', '13799110022']", "['*0021', '*0022']"),
        ("+8613799110021", "*0021"),
        ("8613799110021", "*0021"),
        ("137 9911 0021", "*0021"),
        ("137-9911-0021", "*0021"),
        ("campaign 913002594796281344 of 12345", "campaign 913002594796281344 of 12345"),
        ("POST /r/abcdefgh_-0123 HTTP", "POST /r/*** HTTP"),
        ("http://x/invite/abcdefgh_-0123?a", "http://x/invite/***?a"),
        ("next=%2Freset%2Fabcdefgh_-0123", "next=%2Freset%2F***"),
    ],
)
def test_the_net_of_the_logs_catches_numbers_however_they_are_written(text: str, shown: str) -> None:
    assert logs.redact(text).replace("+*", "*").replace("86*", "*") == shown
