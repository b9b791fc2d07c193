"""Parts, words and times in the roll-ups: whoever wins in the end is counted once, with what it said."""

from __future__ import annotations

import importlib
from collections import Counter
from datetime import timedelta

import pytest
from sqlalchemy.exc import IntegrityError

from tests.campaigns.test_late_answers import code
from tests.campaigns.test_tallies import LOST, Team
from tests.campaigns.test_tallies import team as team  # a fixture, handed on
from tests.delivery.building import tell
from tests.factories import confirm, numbers
from webapp import clock, tenancy
from webapp.campaigns import decisions, ladder


def report(team: Team, msgid: str, mobile: str, word: str, seconds: int | None) -> None:
    """Settle a report that was made so many seconds from now, or at no time that can be read."""
    at = None if seconds is None else clock.now() + timedelta(seconds=seconds)
    tell(team.owner, team.account, [(msgid, mobile, word, str(seconds), at)], clock.now())
    team.settle()
    assert team.wrong() == []


def words(team: Team) -> Counter[tuple[str, str, int]]:
    """Messages by outcome, status word and step."""
    rows = team.owner.execute("SELECT outcome, status, step, messages FROM rollup_report WHERE messages > 0")
    return Counter({(outcome, status, step): messages for outcome, status, step, messages in rows})


def parts(team: Team) -> dict[str, int]:
    """Parts by outcome."""
    rows = team.owner.execute("SELECT outcome, sum(parts) FROM rollup_hour GROUP BY outcome ORDER BY outcome")
    return {outcome: int(count) for outcome, count in rows if count}


def personal(team: Team) -> int:
    """A campaign to six people, three of whom have a name that makes the text longer than one part."""
    lines = [f"{mobile}, {'Ann' if n % 2 else 'B' * 30}" for n, mobile in enumerate(numbers(6))]
    return confirm(team.app, team.person, team.account.id, lines, body="Hello {name}! " + "x" * 40)


def test_parts_go_with_their_messages(team: Team) -> None:
    campaign = personal(team)
    claims = team.claim_of(campaign)
    for claimed in claims:
        team.store(claimed, code(0, f"m{claimed.batch_no}"))
    total, least = team.owner.execute("SELECT parts_total, parts_least FROM campaign").fetchone() or (0, 0)
    assert (total, least) == (9, 1)
    assert parts(team) == {"no_report": 9}
    assert sorted(team.owner.execute("SELECT size, parts FROM batch")) == [(3, 1), (3, 2)]
    long_one = next(claimed for claimed in claims if numbers(1)[0] in claimed.mobiles)
    report(team, f"m{long_one.batch_no}", numbers(1)[0], "DELIVRD", 5)
    assert parts(team) == {"delivered": 2, "no_report": 7}


def test_what_a_batch_becomes_weighs_the_same(team: Team) -> None:
    """Cut in halves, and sent again without somebody who opted out."""
    lines = [f"{mobile}, {'B' * 30}" for mobile in numbers(4)]
    campaign = confirm(team.app, team.person, team.account.id, lines, body="Hello {name}! " + "x" * 40)
    (whole,) = team.claim_of(campaign)
    team.store(whole, code(2))
    first, second = team.claim_of(campaign)
    team.store(first, code(0, "m1"))
    team.store(second, LOST)
    assert parts(team) == {"no_report": 4, "unconfirmed": 4}
    team.owner.execute("UPDATE batch SET state = 'unconfirmed' WHERE state = 'hold'")
    team.owner.execute(
        "INSERT INTO opt_out (team_id, mobile, opted_out_at, how) VALUES (%s, %s, now(), 'hand')",
        (team.person.team_id, second.mobiles[0]),
    )
    with team.app.test_request_context(), tenancy.team_scope(team.person.team_id, team.app) as session:
        decisions.send_again(campaign, second.batch_no, team.person.user_id)
        session.commit()
    assert team.wrong() == []
    assert {weight for (weight,) in team.owner.execute("SELECT parts FROM batch")} == {2}
    (again,) = team.claim_of(campaign)
    team.store(again, code(0, "m2"))
    assert parts(team) == {"no_report": 6, "unconfirmed": 2}


def test_a_later_winner_takes_the_earlier_one_back(team: Team) -> None:
    campaign = confirm(team.app, team.person, team.account.id, numbers(2))
    (claimed,) = team.claim_of(campaign)
    team.store(claimed, code(0, "m1"))
    one, two = claimed.mobiles
    # Nothing here takes four minutes, so these are steps that no slow machine moves.
    report(team, "m1", one, "XYZ:9", None)
    assert words(team) == {("other", "XYZ:9", ladder.NOT_KNOWN): 1}
    report(team, "m1", one, "UNDELIV", 3700)
    assert words(team) == {("failed", "UNDELIV", ladder.step(3700)): 1}
    report(team, "m1", one, "DELIVRD", 11_000)
    report(team, "m1", two, "DELIVRD", 11_000)
    assert words(team) == {("delivered", "DELIVRD", ladder.step(11_000)): 2}
    report(team, "m1", one, "DELIVRD", 3700)
    for _time in range(2):
        report(team, "m1", one, "UNDELIV", 1)
        report(team, "m1", one, "ACCEPTD", 1)
        report(team, "m1", one, "DELIVRD", 90_000)
    assert words(team) == {
        ("delivered", "DELIVRD", ladder.step(3700)): 1,
        ("delivered", "DELIVRD", ladder.step(11_000)): 1,
    }


def test_a_report_from_before_the_hand_over_took_no_time(team: Team) -> None:
    campaign = confirm(team.app, team.person, team.account.id, numbers(1))
    (claimed,) = team.claim_of(campaign)
    team.store(claimed, code(0, "m1"))
    report(team, "m1", claimed.mobiles[0], "DELIVRD", -8 * 3600)
    assert words(team) == {("delivered", "DELIVRD", 1): 1}


def test_a_recount_sees_what_is_wrong(team: Team) -> None:
    campaign = confirm(team.app, team.person, team.account.id, numbers(3))
    (claimed,) = team.claim_of(campaign)
    team.store(claimed, code(0, "m1"))
    report(team, "m1", claimed.mobiles[0], "DELIVRD", 5)
    team.owner.execute("UPDATE rollup_hour SET parts = 7 WHERE outcome = 'no_report'")
    (wrong,) = team.wrong()
    assert "parts of no_report at mobile" in wrong
    assert wrong.endswith("is 7, counted 2")
    team.owner.execute("UPDATE rollup_hour SET parts = 2 WHERE outcome = 'no_report'")
    team.owner.execute("UPDATE rollup_report SET step = step + 1")
    assert len(team.wrong()) == 2
    team.owner.execute("DELETE FROM rollup_report")
    (wrong,) = team.wrong()
    assert "delivered by DELIVRD, step" in wrong


def test_reports_are_not_settled_against_words_that_are_wrong(team: Team) -> None:
    campaign = confirm(team.app, team.person, team.account.id, numbers(2))
    (claimed,) = team.claim_of(campaign)
    team.store(claimed, code(0, "m1"))
    for mobile in claimed.mobiles:
        tell(team.owner, team.account, [("m1", mobile, "UNKNOWN", "", None)], clock.now())
    team.settle()
    team.owner.execute("UPDATE rollup_report SET messages = 1")
    tell(team.owner, team.account, [("m1", mobile, "DELIVRD", "", None) for mobile in claimed.mobiles])
    with pytest.raises(IntegrityError, match="ck_rollup_report_messages"):
        team.settle()


def test_what_was_there_before_is_counted_when_the_tables_come(team: Team) -> None:
    campaign = personal(team)
    for claimed in team.claim_of(campaign):
        team.store(claimed, code(0, f"m{claimed.batch_no}"))
        report(team, f"m{claimed.batch_no}", claimed.mobiles[0], "UNDELIV", 400)
        report(team, f"m{claimed.batch_no}", claimed.mobiles[1], "XYZ", None)
    same = confirm(team.app, team.person, team.account.id, numbers(3))
    (claimed,) = team.claim_of(same)
    team.store(claimed, code(0, "same"))
    before = words(team)
    team.owner.execute("UPDATE batch SET parts = 0")
    team.owner.execute("UPDATE rollup_hour SET parts = 0")
    team.owner.execute("DELETE FROM rollup_report")
    people = importlib.import_module("migrations.versions.0007_people")
    for statement in people.FILL_ROLLUPS.split(";\n"):
        if statement.strip():
            team.owner.execute(statement)
    assert team.wrong() == []
    assert words(team) == before
    # The texts of the first campaign weigh differently, and nobody wrote down which weighs what.
    assert sum(parts(team).values()) == 3
