"""The page of reports: sums that add up, few queries, odd addresses, and what it says of little."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from flask import Flask
from sqlalchemy import event

from tests.campaigns.spread import said
from tests.conftest import Database
from tests.factories import Person, add_member, connect_practice, make_person, sign_in
from tests.practice.fixture import PracticeGateway
from tests.reports.told import campaign_of, send
from tests.walls.test_explain import plans_of
from webapp import clock, tenancy
from webapp.accounts.permissions import Role
from webapp.extensions import db
from webapp.reports import campaign_figures, figures
from webapp.reports.campaign_figures import Sort
from webapp.reports.periods import Period

UTC_ZONE = ZoneInfo("UTC")


@pytest.fixture
def alice(app: Flask) -> Person:
    return make_person(app)


@pytest.fixture
def account(app: Flask, database: Database, practice: PracticeGateway, alice: Person) -> int:
    account_id = connect_practice(app, alice, practice)
    with database.owner() as owner:
        owner.execute("UPDATE gateway_account SET numbers_per_request = 9")
        owner.execute("UPDATE team SET time_zone = 'UTC'")
    return account_id


def place(person: Person, query: str = "") -> str:
    return f"/t/{person.team}/reports{query}"


@contextmanager
def counted() -> Iterator[list[str]]:
    """The statements that are sent meanwhile."""
    sent: list[str] = []

    def note(_c: Any, _cursor: Any, statement: str, *_more: Any) -> None:
        sent.append(statement)

    event.listen(db.engine, "before_cursor_execute", note)
    try:
        yield sent
    finally:
        event.remove(db.engine, "before_cursor_execute", note)


def test_before_the_first_campaign(app: Flask, alice: Person) -> None:
    answer = sign_in(app, alice).get(place(alice))
    assert answer.status_code == 200
    assert "Charts appear after your first campaign." in said(answer)
    assert '<svg class="drawing' not in answer.text


def test_days_without_messages_among_others(app: Flask, alice: Person, account: int) -> None:
    send(app, alice, account, clock.now() - timedelta(days=3), 40)
    browser = sign_in(app, alice)
    old = clock.now() - timedelta(days=60)
    answer = browser.get(place(alice, f"?from={old:%Y-%m-%d}&to={old:%Y-%m-%d}"))
    assert "Nothing was handed to a gateway on these days." in said(answer)


def test_sums_are_those_of_the_campaigns_of_the_period(app: Flask, alice: Person, account: int) -> None:
    ids = [send(app, alice, account, clock.now() - timedelta(hours=5 + n), 40, seed=n) for n in range(3)]
    ids.append(send(app, alice, account, clock.now() - timedelta(hours=2), 1, seed=9, kind="test"))
    campaigns = [campaign_of(app, alice, campaign_id) for campaign_id in ids]
    with app.test_request_context(), tenancy.team_scope(alice.team_id, app):
        period = Period.of_days(7, clock.now(), UTC_ZONE)
        found = figures.read(period)
        listed = campaign_figures.listed(period, Sort.NEWEST, clock.now())
    for name in ("delivered", "failed", "no_report", "unconfirmed"):
        assert getattr(found.total, name) == sum(getattr(one, name) for one in campaigns)
    assert sum(row.handed for row in listed.rows) == found.total.handed > 100
    assert [row.campaign.id for row in listed.rows] == [ids[3], *ids[:3]]
    assert not listed.partly
    answer = sign_in(app, alice).get(place(alice, "?days=7"))
    words = said(answer)
    assert f"{found.total.delivered} of {found.total.handed} messages" in words
    assert "Tests count too" in words
    assert "Guessed from the number's range" in words
    for row in listed.rows:
        assert f'/campaigns/{row.campaign.id}"' in answer.text
    cells = re.search(r'id="operators-table".*?<tbody>(.*?)</tbody>', answer.text, re.DOTALL)
    assert cells is not None
    counts = [int(count) for count in re.findall(r'<td class="num">(\d+)</td>', cells[1])]
    rows = [counts[at : at + 5] for at in range(0, len(counts), 5)]
    assert all(row[0] == sum(row[1:]) for row in rows)
    assert sum(row[0] for row in rows) == found.total.handed


def test_few_messages_are_counted_not_shared(app: Flask, alice: Person, account: int) -> None:
    send(app, alice, account, clock.now() - timedelta(hours=2), 8)
    answer = sign_in(app, alice).get(place(alice))
    words = said(answer)
    assert "With fewer than 30 messages there are counts here, no percentages." in words
    assert "A line needs two days or more with at least 30 messages each." in words
    assert not re.search(r"\d%", said(answer).split("Delivered by weekday")[0].split("as of")[1])


def test_a_campaign_that_was_cut_by_the_period(
    app: Flask, database: Database, alice: Person, account: int
) -> None:
    campaign_id = send(app, alice, account, clock.now() - timedelta(days=2), 60)
    with database.owner() as owner:
        owner.execute("UPDATE campaign SET started_at = started_at - interval '30 days'")
    answer = sign_in(app, alice).get(place(alice, "?days=7"))
    assert f'/campaigns/{campaign_id}"' in answer.text
    assert "Partly on these days" in said(answer)
    assert "Some handed over on other days too" in said(answer)


def test_the_list_is_sorted_as_asked(app: Flask, alice: Person, account: int) -> None:
    ids = [send(app, alice, account, clock.now() - timedelta(hours=5 + n), 30 + n, seed=n) for n in range(3)]
    campaigns = {one: campaign_of(app, alice, one) for one in ids}
    by: dict[str, Callable[[int], Any]] = {
        Sort.LARGEST: lambda one: -(campaigns[one].recipients - campaigns[one].waiting),
        Sort.MOST_FAILED: lambda one: (-campaigns[one].failed, -one),
        Sort.LEAST_DELIVERED: lambda one: (
            campaigns[one].delivered / (campaigns[one].recipients - campaigns[one].waiting)
        ),
    }
    browser = sign_in(app, alice)
    for sort in (*Sort, "", "nothing", "newest'--", "9" * 10_000):
        answer = browser.get(place(alice), query_string={"days": "7", "sort": sort})
        body = answer.text[answer.text.index('id="campaigns"') :].split("<tbody>")[1]
        shown = [int(found) for found in re.findall(r'/campaigns/(\d+)"', body)]
        assert shown == sorted(ids, key=by.get(sort, ids.index)), sort


@pytest.mark.parametrize(
    "query",
    [
        {"from": "-1"},
        {"from": "2026-01-01", "to": "1e99"},
        {"from": "9" * 10_000, "to": '"><script>alert(1)</script>'},
        {"from": "2027-02-30", "to": "2027-03-01"},
        {"days": "9" * 10_000},
        {"days": "7; DROP TABLE rollup_hour"},
        {"from": "0001-01-01", "to": "9999-12-31"},
    ],
)
def test_hostile_addresses_are_answered_in_words(app: Flask, alice: Person, query: dict[str, str]) -> None:
    browser = sign_in(app, alice)
    assert browser.get(place(alice), query_string=query).status_code == 422
    # Without the frame, whose forms lead back to the same address.
    answer = browser.get(place(alice), query_string=query, headers={"HX-Request": "true"})
    assert answer.status_code == 422
    assert 'id="period-error"' in answer.text
    assert len(re.findall('aria-invalid="true"', answer.text)) == 2
    assert "alert(1)" not in answer.text
    assert "999999" not in answer.text


def test_several_of_the_same_and_words_in_other_scripts_do_no_harm(app: Flask, alice: Person) -> None:
    browser = sign_in(app, alice)
    assert browser.get(place(alice, "?days=7&days=90&from=&to=")).status_code == 200
    for odd in ("?days=%ff%fe", "?from=%00&to=%00", "?days=7&sort=%00"):
        assert browser.get(place(alice, odd)).status_code == 400


def test_a_change_of_period_swaps_the_region_alone(app: Flask, alice: Person, account: int) -> None:
    send(app, alice, account, clock.now() - timedelta(hours=2), 40)
    browser = sign_in(app, alice)
    whole = browser.get(place(alice)).text
    assert 'hx-target="#report" hx-swap="outerHTML" hx-push-url="true"' in whole
    answer = browser.get(place(alice, "?days=90"), headers={"HX-Request": "true"})
    assert answer.text.strip().startswith('<div class="stack" id="report">')
    assert "<html" not in answer.text
    assert "Messages per week" in answer.text
    assert "HX-Request" in answer.headers["Vary"]


def test_a_file_is_asked_for_with_the_days_that_are_shown(app: Flask, alice: Person, account: int) -> None:
    send(app, alice, account, clock.now() - timedelta(hours=2), 40)
    browser = sign_in(app, alice)
    today = clock.now().date()
    days = f"?from={today - timedelta(days=3)}&to={today}"
    link = re.search(r'href="([^"]+)">Take a file away', browser.get(place(alice, days)).text)
    assert link is not None
    form = browser.get(link[1].replace("&amp;", "&")).text
    assert f'value="{today - timedelta(days=3)}"' in form
    assert f'value="{today}"' in form


def test_viewers_may_look_and_take_no_files_away(app: Flask, alice: Person, account: int) -> None:
    send(app, alice, account, clock.now() - timedelta(hours=2), 40)
    viewer = make_person(app, "victor")
    add_member(app, viewer, alice, Role.VIEWER)
    answer = sign_in(app, viewer).get(place(alice))
    assert answer.status_code == 200
    assert "Take a file away" not in answer.text
    assert sign_in(app, make_person(app, "mallory")).get(place(alice)).status_code == 404


def test_in_chinese(app: Flask, alice: Person, account: int) -> None:
    send(app, alice, account, clock.now() - timedelta(hours=2), 40)
    browser = sign_in(app, alice)
    with app.app_context(), db.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE app_user SET language = 'zh'")
    words = said(browser.get(place(alice)))
    for chinese in ("报表", "按运营商", "计费条数", "送达用时", "中国移动", "被运营商", "周"):
        assert chinese in words


def test_few_queries_however_much_there_is(
    app: Flask, database: Database, alice: Person, account: int
) -> None:
    """All from roll-ups: neither messages nor batches are looked at."""
    send(app, alice, account, clock.now() - timedelta(hours=2), 40)
    browser = sign_in(app, alice)
    browser.get(place(alice))
    with app.app_context(), counted() as few:
        browser.get(place(alice))
    for seed in range(1, 4):
        send(app, alice, account, clock.now() - timedelta(hours=2 + seed), 80, seed=seed)
    with app.app_context(), counted() as more:
        browser.get(place(alice))
    reads = [
        one for one in more if one.lstrip().upper().startswith(("SELECT", "WITH")) and "set_config" not in one
    ]
    assert len(more) == len(few)
    assert len(reads) <= 12, reads
    assert not [
        one for one in more if re.search(r"\b(message|batch|report|attempt)\b *\n? *(WHERE|JOIN)", one)
    ]


def test_no_query_reads_a_teams_table_from_end_to_end(
    app: Flask, database: Database, alice: Person, account: int
) -> None:
    with database.owner() as owner:
        owner.execute(
            "INSERT INTO rollup_hour SELECT %s, date_trunc('hour', now(), 'UTC') - n * interval '1 hour', "
            "%s, operator, outcome, 9, 9 FROM generate_series(0, 9000) AS n, "
            "unnest(ARRAY['mobile', 'unicom']) AS operator, unnest(ARRAY['delivered', 'failed']) AS outcome",
            [alice.team_id, account],
        )
        owner.execute(
            "INSERT INTO rollup_report SELECT %s, date_trunc('hour', now(), 'UTC') - n * interval '1 hour', "
            "%s, 'delivered', 'DELIVRD', step, 9 FROM generate_series(0, 9000) AS n, "
            "generate_series(1, 9) AS step",
            [alice.team_id, account],
        )
        owner.execute(
            "INSERT INTO campaign (team_id, id, account_id, kind, state, name, body, created_at, started_at, "
            "handed_over_at) SELECT %s, n, %s, 'notice', 'finished', 'x', 'x', now(), "
            "now() - n * interval '1 hour', now() - n * interval '1 hour' FROM generate_series(1, 9000) AS n",
            [alice.team_id, account],
        )
        owner.execute("ANALYZE")

    def read() -> None:
        period = Period.of_days(7, clock.now(), UTC_ZONE)
        assert figures.read(period).total.handed > 1000
        campaign_figures.listed(period, Sort.LARGEST, clock.now())

    plans = plans_of(app, alice, read)
    assert len(plans) == 5
    for plan in plans:
        assert "Seq Scan" not in plan, plan
