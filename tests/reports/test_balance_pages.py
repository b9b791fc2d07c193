"""The page of the balance: what is left, for how long, how it came to that, and the line."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests.campaigns.spread import PART, link, said
from tests.conftest import Database
from tests.factories import Person, add_member, make_person, sign_in, uids
from tests.practice.fixture import PracticeGateway
from tests.ui.markup import faults
from webapp import clock, tenancy
from webapp.accounts.permissions import Role
from webapp.gateway import operations, queries
from webapp.gateway.answers import Why
from webapp.gateway.balances import BalanceOutcome, BalanceVerdict
from webapp.gateway.models import BalanceCause
from webapp.reports import axes, balance_history, lasting


def read_at(app: Flask, person: Person, account: int, at: datetime, left: int | None) -> None:
    with tenancy.team_scope(person.team_id, app) as session, clock.standing_at(at):
        one = queries.account(account)
        assert one is not None
        ok = BalanceVerdict(BalanceOutcome.OK, Why.ACCEPTED, str(left), left, 0)
        none = BalanceVerdict(BalanceOutcome.UNREACHABLE, Why.CONNECTION_REFUSED)
        operations.record_balance(account, one.version, none if left is None else ok, BalanceCause.PERIODIC)
        session.commit()


def drawn(app: Flask, person: Person, account: int, now: datetime) -> balance_history.Chart:
    with app.test_request_context(), tenancy.team_scope(person.team_id, app):
        one = queries.account(account)
        assert one is not None
        chart = balance_history.history(one, now)
    assert chart is not None
    return chart


def hand_over(database: Database, person: Person, account: int, days: int, messages: int, parts: int) -> None:
    """Roll-ups as they are after something was handed over some days ago."""
    hour = (clock.now() - timedelta(days=days)).replace(minute=0, second=0, microsecond=0)
    with database.owner() as owner:
        owner.execute(
            "INSERT INTO rollup_hour (team_id, hour, account_id, operator, outcome, messages, parts) "
            "VALUES (%s, %s, %s, 'mobile', 'delivered', %s, %s)",
            [person.team_id, hour, account, messages, parts],
        )


def older(database: Database, days: int) -> None:
    with database.owner() as owner:
        owner.execute(
            "UPDATE gateway_account SET created_at = created_at - make_interval(days => %s)", [days]
        )


# ---- for how long it lasts ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("parts", "days", "left", "lasts"),
    [
        (1_400, 14, 1_000, 10),
        (1_400, 14, 0, 0),
        (1_400, 14, -5, 0),
        (3, 14, 1_000, 4_666),
        (100, 1, 250, 2),
        (0, 14, 5, None),
        (100, 0, 250, None),
        (100, 14, None, None),
    ],
)
def test_days_are_cut_off_and_never_guessed(
    parts: int, days: int, left: int | None, lasts: int | None
) -> None:
    assert lasting.Used(parts, parts, days, exact=True).lasts(left) == lasts


def test_it_is_said_what_the_pace_is_worked_out_from(
    app: Flask, database: Database, browser: FlaskClient, alice: Person, account: int
) -> None:
    place = f"/t/{alice.team}/balance"
    read_at(app, alice, account, clock.now(), 10_000)
    assert "connected less than a day ago" in said(browser.get(place))
    older(database, 40)
    assert "Nothing went through it in the last 14 days" in said(browser.get(place))
    hand_over(database, alice, account, 20, 9_999, 9_999)
    hand_over(database, alice, account, 3, 1_000, 2_800)
    text = said(browser.get(place))
    assert "about 50 days" in text
    assert "At the pace of the last 14 days: 2,800 parts were handed over." in text
    hand_over(database, alice, account, 5, 700, 0)
    text = said(browser.get(place))
    assert "about 40 days" in text
    assert "1,700 messages were handed over. For some of them the number of parts is not known" in text
    assert "about 40 days" in said(browser.get(f"/t/{alice.team}/home"))


# ---- its history -------------------------------------------------------------------------------------


def test_the_history_has_few_steps_and_the_last_reading_of_each(
    app: Flask, browser: FlaskClient, alice: Person, account: int
) -> None:
    now = clock.now()
    assert "The history appears after the second reading." in said(browser.get(f"/t/{alice.team}/balance"))
    for hours in range(29 * 24, -1, -4):
        read_at(app, alice, account, now - timedelta(hours=hours), 1_000 + hours)
    read_at(app, alice, account, now - timedelta(hours=1), None)
    chart = drawn(app, alice, account, now)
    assert len(chart.values) <= 60
    assert len(chart.says) == len(chart.values)
    assert chart.values[0] <= 1_000 + 29 * 24
    assert chart.values[-1] == 1_000
    assert chart.values == sorted(chart.values, reverse=True)
    assert chart.top >= max(chart.values)
    page = browser.get(f"/t/{alice.team}/balance")
    assert faults(page.text) == []
    assert f"and {max(chart.values):,} messages; now it is 1,000." in said(page)


def test_a_balance_stands_still_between_readings(app: Flask, alice: Person, account: int) -> None:
    now = clock.now()
    for days, left in ((40, 7), (20, 500), (10, 900), (0, -3)):
        read_at(app, alice, account, now - timedelta(days=days), left)
    chart = drawn(app, alice, account, now)
    assert list(dict.fromkeys(chart.values)) == [7, 500, 900, -3]
    assert len(chart.rows) == 4 + (chart.values[-2] != -3) - 1


@pytest.mark.parametrize(
    ("most", "top"), [(1, 4), (4, 4), (5, 8), (48_210, 80_000), (80_001, 200_000), (10**12, 2 * 10**12)]
)
def test_an_axis_ends_with_a_round_number(most: int, top: int) -> None:
    assert axes.round_top(most) == top


def test_a_stale_balance_stays_with_its_age(
    app: Flask, browser: FlaskClient, alice: Person, account: int
) -> None:
    now = clock.now()
    read_at(app, alice, account, now - timedelta(hours=5), 800)
    read_at(app, alice, account, now, None)
    text = said(browser.get(f"/t/{alice.team}/balance"))
    assert "800" in text
    assert "Old: checked 5 hours ago" in text
    assert "The gateway's server refused the connection." in text
    assert "the gateway has not told the balance since" in said(browser.get(f"/t/{alice.team}/home"))


# ---- the line and the check --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("typed", "line"),
    [("2000", 2000), ("2,000", 2000), ("２０００", 2000), (" 2 000 ", 2000), ("", None)],
)
def test_a_line_is_set_as_people_write_it(
    app: Flask,
    database: Database,
    browser: FlaskClient,
    alice: Person,
    account: int,
    typed: str,
    line: int | None,
) -> None:
    answer = browser.post(f"/t/{alice.team}/balance/{account}/line", data={"line": typed})
    assert answer.status_code == 303
    with database.owner() as owner:
        assert owner.execute("SELECT alert_below FROM gateway_account").fetchone() == (line,)


@pytest.mark.parametrize("line", ["-1", "0", "1.5", "1e9", "many", "٣", "9" * 40, "2000条", "<b>"])
def test_what_is_no_line_is_said(browser: FlaskClient, alice: Person, account: int, line: str) -> None:
    answer = browser.post(f"/t/{alice.team}/balance/{account}/line", data={"line": line})
    assert answer.status_code == 422
    assert "Enter a whole number of messages" in said(answer)
    assert faults(answer.text) == []


def test_a_low_balance_waits_for_somebody(
    app: Flask, database: Database, browser: FlaskClient, alice: Person, account: int
) -> None:
    browser.post(f"/t/{alice.team}/balance/{account}/line", data={"line": "2,000"})
    read_at(app, alice, account, clock.now(), 1_480)
    home = browser.get(f"/t/{alice.team}/home")
    assert "Practice: 1,480 messages left, below your line of 2,000." in said(home)
    assert "Told" in said(browser.get(f"/t/{alice.team}/balance"))


def test_check_now_asks_the_gateway(
    browser: FlaskClient, alice: Person, account: int, practice: PracticeGateway
) -> None:
    practice.add_user(uids[account], "secret-pwd", balance=777)
    assert browser.post(f"/t/{alice.team}/balance/{account}/check").location.endswith("/balance")
    assert "777" in said(browser.get(f"/t/{alice.team}/balance"))


def test_a_viewer_looks_and_changes_nothing(app: Flask, alice: Person, account: int) -> None:
    bob = make_person(app, "bob")
    add_member(app, bob, alice, Role.VIEWER)
    viewer = sign_in(app, bob)
    page = viewer.get(f"/t/{alice.team}/balance")
    assert page.status_code == 200
    assert "Check now" not in said(page)
    assert viewer.post(f"/t/{alice.team}/balance/{account}/line", data={"line": "5"}).status_code == 403
    assert viewer.post(f"/t/{alice.team}/balance/{account}/check").status_code == 403


def test_readings_are_walked_by_key(app: Flask, browser: FlaskClient, alice: Person, account: int) -> None:
    now = clock.now()
    for n in range(23):
        read_at(app, alice, account, now - timedelta(hours=30 - n), 5_000 + n)
    page = browser.get(f"/t/{alice.team}/balance")
    seen = re.findall(r'<td class="num">(5,0\d\d)</td>', page.text.partition('id="readings-')[2])
    place = link(page, "Older")
    while place:
        part = browser.get(place, headers=PART)
        assert faults(part.text, fragment=True) == []
        seen += re.findall(r'<td class="num">(5,0\d\d)</td>', part.text)
        assert browser.get(place).text.count("<h1") == 1
        place = link(part, "Older")
    assert seen == [f"{5_000 + n:,}" for n in range(22, -1, -1)]
    for bad in ("x", "-1", "9" * 30, "１"):
        assert browser.get(f"/t/{alice.team}/balance/{account}/readings?before={bad}").status_code == 200
