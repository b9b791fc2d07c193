"""The chart of outcomes over time: drawn from minutes alone, in at most sixty points, where it says more than
counts do."""

from __future__ import annotations

import itertools
import re
from datetime import UTC, datetime, timedelta

import pytest
from flask import Flask, render_template_string

from tests.campaigns.test_late_answers import answered, claim, code, store
from tests.conftest import Database
from tests.factories import Person, confirm, make_person, numbers
from tests.practice.fixture import PracticeGateway
from webapp import clock, tenancy
from webapp.campaigns import history, queries
from webapp.campaigns.history import Chart, Point

START = datetime(2026, 11, 9, 2, 0, tzinfo=UTC)
MACRO = '{% from "campaigns/_chart.html" import delivery_chart %}{{ delivery_chart(chart, swap) }}'


def change(minute: int, **counts: int) -> history.Change:
    return START + timedelta(minutes=minute), Point(0, **counts)


def drawn(changes: list[history.Change], now_minute: int) -> list[Point]:
    return history.points(changes, START + timedelta(minutes=now_minute))


def test_five_minutes() -> None:
    found = drawn([change(0, no_report=40), change(2, no_report=-30, delivered=30), change(4, failed=2)], 4)
    assert [point.minutes for point in found] == [0, 1, 2, 3, 4, 5]
    assert [point.no_report for point in found] == [40, 40, 40, 10, 10, 10]
    assert [point.delivered for point in found] == [0, 0, 0, 30, 30, 30]
    assert found[-1] == Point(5, delivered=30, failed=2, no_report=10)


def test_three_hours_with_gaps() -> None:
    found = drawn([change(0, no_report=9), change(7, delivered=4, no_report=-4), change(179, failed=1)], 500)
    assert [point.minutes for point in found] == list(range(0, 181, 5))
    assert [point.delivered for point in found] == [0, 0] + [4] * 35
    assert [point.failed for point in found] == [0] * 36 + [1]


def test_three_days() -> None:
    found = drawn([change(0, no_report=9), change(3 * 24 * 60 - 1, delivered=9, no_report=-9)], 3 * 24 * 60)
    assert len(found) == 37
    assert {later.minutes - one.minutes for one, later in itertools.pairwise(found)} == {120}
    assert found[-1] == Point(3 * 24 * 60, delivered=9)


@pytest.mark.parametrize("later", [0, 1, 100_000])
def test_no_length_has_too_many_points_or_loses_the_end(later: int) -> None:
    for minutes in (*range(1, 130), 1_000, 4_321, 100_000, 600_000, 2_000_000):
        changes = [change(0, no_report=5), change(minutes - 1, delivered=5, no_report=-5)]
        found = drawn(changes, minutes - 1 + later)
        assert 2 <= len(found) <= history.MOST_POINTS
        assert (found[-1].delivered, found[-1].no_report) == (5, 0)
        times = [point.minutes for point in found]
        assert times == sorted(set(times))
        assert minutes <= times[-1] <= minutes + later, "a time that has not come yet"


def test_nothing_is_drawn_before_the_first_change() -> None:
    assert drawn([], 100) == []


def test_what_is_taken_back_is_drawn_so() -> None:
    found = drawn([change(0, unconfirmed=30), change(3, unconfirmed=-30, no_report=30)], 3)
    assert [point.unconfirmed for point in found] == [0, 30, 30, 30, 0]
    assert [point.no_report for point in found] == [30, 0, 0, 0, 30], "nothing was known when they went out"


@pytest.mark.parametrize(
    ("count", "step", "labels"),
    [
        (60, 1, ["0", "15", "30", "45", "60 minutes"]),
        (1, 1, ["0", "1 minute"]),
        (7, 1, ["0", "7 minutes"]),
        (36, 5, ["0", "1", "2", "3 hours"]),
        (38, 5, ["0", "95", "190 minutes"]),
        (36, 120, ["0", "1", "2", "3 days"]),
        (56, 180, ["0", "42", "84", "126", "168 hours"]),
    ],
)
def test_labels_are_whole_numbers_of_one_unit(app: Flask, count: int, step: int, labels: list[str]) -> None:
    with app.test_request_context():
        assert history.axis(count, step) == labels


@pytest.mark.parametrize(
    ("minutes", "words"),
    [(0, "0 minutes"), (1, "1 minute"), (119, "119 minutes"), (120, "2 hours"), (185, "3 h 5 min"),
     (1440, "24 hours"), (2880, "2 days"), (2881, "48 h 1 min")],
)  # fmt: skip
def test_times_in_words(app: Flask, minutes: int, words: str) -> None:
    with app.test_request_context():
        assert history.span(minutes) == words


def chart_of(app: Flask, person: Person, campaign_id: int, language: str = "en") -> Chart | None:
    path = f"/t/{person.team}/campaigns?lang={language}"
    asked = app.test_request_context(path, headers={"Cookie": f"lang={language}"})
    with asked, tenancy.team_scope(person.team_id, app):
        campaign = queries.campaign(campaign_id)
        assert campaign is not None
        return history.delivery_chart(campaign, clock.now())


def drawn_by(app: Flask, chart: Chart | None, swap: bool = False) -> str:
    with app.test_request_context():
        return render_template_string(MACRO, chart=chart, swap=swap)


def sent(app: Flask, person: Person, account: int, people: int) -> int:
    """A campaign whose one batch was taken."""
    campaign_id = confirm(app, person, account, numbers(people))
    (claimed,) = claim(app, person)
    store(app, person, [answered(claimed, code(0, "m1"))])
    return campaign_id


@pytest.mark.parametrize(("people", "is_drawn"), [(29, False), (30, True)])
def test_of_few_messages_counts_say_more(
    app: Flask, alice: Person, account: int, people: int, is_drawn: bool
) -> None:
    chart = chart_of(app, alice, sent(app, alice, account, people))
    assert (chart is not None) == is_drawn


def test_not_sent_is_no_message(app: Flask, alice: Person, account: int, database: Database) -> None:
    campaign_id = sent(app, alice, account, 31)
    with database.owner() as owner:
        owner.execute("UPDATE campaign SET no_report = 29, not_sent = 2")
    assert chart_of(app, alice, campaign_id) is None


def test_before_the_first_hand_over_the_region_is_there_and_empty(
    app: Flask, alice: Person, account: int
) -> None:
    campaign_id = confirm(app, alice, account, numbers(40))
    claim(app, alice)
    chart = chart_of(app, alice, campaign_id)
    assert chart is None
    empty = r'\s*<section class="[a-z -]+" id="delivery-chart" hidden>\s*</section>\s*'
    assert re.fullmatch(empty, drawn_by(app, chart))


def minutes_of(database: Database, campaign_id: int, *rows: tuple[int, int, int, int, int]) -> None:
    """How many minutes ago what changed: delivered, failed, no report, unconfirmed."""
    with database.owner() as owner:
        owner.execute("DELETE FROM campaign_minute WHERE campaign_id = %s", (campaign_id,))
        for ago, *counts in rows:
            owner.execute(
                "INSERT INTO campaign_minute "
                "(team_id, campaign_id, minute, delivered, failed, no_report, unconfirmed) "
                "SELECT team_id, id, date_trunc('minute', %s::timestamptz, 'UTC'), %s, %s, %s, %s "
                "FROM campaign WHERE id = %s",
                (clock.now() - timedelta(minutes=ago), *counts, campaign_id),
            )


def test_what_it_says(app: Flask, alice: Person, account: int, database: Database) -> None:
    campaign_id = sent(app, alice, account, 40)
    minutes_of(database, campaign_id, (60, 0, 0, 40, 0), (49, 38, 1, -39, 0))
    chart = chart_of(app, alice, campaign_id)
    assert chart is not None
    assert chart.sentence == "Within 12 minutes 95.0% of 40 were delivered and 2.5% had failed."
    assert [(one["label"], one["tone"], one["values"][-1]) for one in chart.series] == [
        ("Delivered", "ok", 95.0), ("Failed", "bad", 2.5), ("No report yet", "wait", 2.5),
    ]  # fmt: skip
    assert chart.x_labels == ["0", "3", "6", "9", "12 minutes"]
    assert chart.end_label == "95.0% delivered"
    assert chart.heads == ["Within", "Delivered", "Failed", "No report yet"]
    assert chart.rows[0] == ["0 minutes", "0%", "0%", "100%"]
    assert chart.rows[-1] == ["12 minutes", "95.0%", "2.5%", "2.5%"]
    assert len(chart.rows) == len(chart.says) == 13
    page = drawn_by(app, chart)
    assert page.count('<g class="hit">') == 13
    assert "Within 12 minutes: 95.0% delivered, 2.5% failed" in page
    assert 'id="delivery-table"' in page
    assert "style=" not in page
    assert "hx-swap-oob" not in page
    assert 'hx-swap-oob="true"' in drawn_by(app, chart, swap=True)


def test_what_is_not_confirmed_is_drawn_where_there_is_any(
    app: Flask, alice: Person, account: int, database: Database
) -> None:
    campaign_id = sent(app, alice, account, 40)
    minutes_of(database, campaign_id, (60, 0, 0, 30, 10), (58, 2, 0, -2, 0))
    chart = chart_of(app, alice, campaign_id)
    assert chart is not None
    assert chart.sentence == (
        "Within 3 minutes 5.0% of 40 were delivered, 0% had failed and 25.0% were not confirmed."
    )
    assert [one["tone"] for one in chart.series] == ["ok", "bad", "wait", "odd"]
    assert chart.end_label == "", "under the axis nothing is written"


def test_in_chinese(app: Flask, alice: Person, account: int, database: Database) -> None:
    campaign_id = sent(app, alice, account, 40)
    minutes_of(database, campaign_id, (300, 0, 0, 40, 0), (60, 38, 1, -39, 0))
    chart = chart_of(app, alice, campaign_id, "zh")
    assert chart is not None
    assert chart.sentence == "4 小时 10 分钟内，40 条中 95.0% 已送达，2.5% 失败。"
    assert chart.x_labels[-1] == "250 分钟"
    assert chart.end_label == "已送达 95.0%"


def test_another_teams_minutes_are_not_drawn(
    app: Flask, alice: Person, account: int, practice: PracticeGateway
) -> None:
    campaign_id = sent(app, alice, account, 40)
    with tenancy.team_scope(alice.team_id, app) as session:
        campaign = queries.campaign(campaign_id)
        assert campaign is not None
        session.expunge(campaign)
    bob = make_person(app, "bob")
    with app.test_request_context(), tenancy.team_scope(bob.team_id, app):
        assert history.delivery_chart(campaign, clock.now()) is None
