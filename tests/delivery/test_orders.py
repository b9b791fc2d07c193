"""The same reports end in the same numbers, whatever their order, repetition and grouping.

A small model in Python says what must come out; the database is asked after each step whether its tallies
still are what a recount gives.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from tests.delivery.building import (
    Account,
    Connection,
    Told,
    at,
    count_roll_ups,
    make_account,
    make_campaign,
    note_msgid,
    outcomes,
    recount,
    roll_ups,
    states,
    tallies,
    tell,
)
from tests.delivery.conftest import Settler

BATCHES = {"700": 1, "0701": 2, "Ab": 3}
SPELLINGS = {"700": ("700", "0700"), "0701": ("0701", "701"), "Ab": ("Ab", "aB", "0AB"), "999": ("999",)}
RANKS = {
    "ACCEPTD": 1, "UNKNOWN": 2, "XYZ": 2, "UNDELIV": 3, "EXPIRED": 3, "MK:0001": 3, "DELIVRD": 4,
}  # fmt: skip
OUTCOMES = {"DELIVRD": "delivered", "XYZ": "other"}
NUMBERS = [f"138000000{number:02d}" for number in range(18)]
FAR = datetime.max.replace(tzinfo=UTC).isoformat()


def numbers_of(no: int) -> list[str]:
    return NUMBERS[(no - 1) * 6 : no * 6]


def make_reports(chance: random.Random) -> list[Told]:
    """Reports for known, unknown and misspelt msgids and for numbers of the right and the wrong batch."""
    reports = []
    for _ in range(90):
        msgid = chance.choice(list(SPELLINGS))
        time_text, moment = at(chance.choice((0, 1, 70, 400_000)))
        timed = chance.random() < 0.9
        reports.append(
            (
                chance.choice(SPELLINGS[msgid]),
                chance.choice(NUMBERS),
                chance.choice(list(RANKS)),
                time_text if timed else "soon",
                moment if timed else None,
            )
        )
    return reports + chance.choices(reports, k=30)


def expected_outcomes(reports: list[Told]) -> dict[str, tuple[str | None, str | None]]:
    """What the model says that each message ends as."""
    best: dict[str, tuple[int, str, str]] = {}
    for msgid, mobile, status, _, moment in reports:
        key = next(known for known, spelt in SPELLINGS.items() if msgid in spelt)
        if mobile not in numbers_of(BATCHES.get(key, 0)) or RANKS[status] == 1:
            continue
        candidate = (-RANKS[status], moment.isoformat() if moment else FAR, status)
        best[mobile] = min(best.get(mobile, candidate), candidate)
    result: dict[str, tuple[str | None, str | None]] = dict.fromkeys(NUMBERS, (None, None))
    for mobile, (_, _, status) in best.items():
        result[mobile] = (OUTCOMES.get(status, "failed"), status)
    return result


def check_sums(owner: Connection, campaign_id: int, team_id: int) -> None:
    counted, still_open = recount(owner, campaign_id)
    assert tallies(owner, campaign_id) == counted
    assert roll_ups(owner, team_id) == count_roll_ups(owner, team_id)
    assert dict(owner.execute("SELECT no, open FROM batch").fetchall()) == still_open


def play(
    owner: Connection, settler: Settler, reports: list[Told], chance: random.Random
) -> tuple[Account, int]:
    """Tell the reports in some order and grouping, with the msgids becoming known somewhere between."""
    account = make_account(owner)
    campaign_id = make_campaign(
        owner, account, [("accepted" if no < 3 else "unconfirmed", numbers_of(no)) for no in (1, 2, 3)]
    )
    reports = chance.sample(reports, len(reports))
    steps: list[Callable[[], object]] = []
    while reports:
        size = chance.randrange(1, 40)
        group, reports = reports[:size], reports[size:]
        steps.append(lambda group=group: tell(owner, account, group))  # type: ignore[misc] # bound now, on purpose
    for msgid, no in BATCHES.items():
        noting = lambda msgid=msgid, no=no: note_msgid(owner, account, msgid, campaign_id, no)  # noqa: E731
        steps.insert(chance.randrange(len(steps) + 1), noting)
    for step in steps:
        step()
        if chance.random() < 0.6:
            settler.settle(account.team_id)
            check_sums(owner, campaign_id, account.team_id)
        if chance.random() < 0.4:
            settler.match_waiting(account.team_id)
            check_sums(owner, campaign_id, account.team_id)
    settler.settle(account.team_id)
    settler.match_waiting(account.team_id)
    check_sums(owner, campaign_id, account.team_id)
    return account, campaign_id


@pytest.mark.parametrize("seed", range(8))
def test_order_repetition_and_grouping_change_nothing(owner: Connection, settler: Settler, seed: int) -> None:
    chance = random.Random(seed)
    reports = make_reports(chance)
    ends = []
    for _ in range(2):
        account, campaign_id = play(owner, settler, reports, chance)
        assert outcomes(owner, campaign_id) == expected_outcomes(reports)
        query = (
            "SELECT mobile, outcome, status, rank, reported_at FROM message WHERE campaign_id = %s ORDER BY 1"
        )
        ends.append(sorted(owner.execute(query, (campaign_id,)).fetchall()))
        times = Counter(report[:3] for report in reports)
        told_times: Counter[tuple[str, str, str]] = Counter()
        query = "SELECT msgid, mobile, status, seen FROM report WHERE team_id = %s"
        for msgid, mobile, status, seen in owner.execute(query, (account.team_id,)):
            told_times[msgid, mobile, status] += seen
        assert told_times == times
        for (msgid, mobile, _), (state, _) in states(owner, account.team_id).items():
            key = next(known for known, spelt in SPELLINGS.items() if msgid in spelt)
            assert state == ("matched" if mobile in numbers_of(BATCHES.get(key, 0)) else "waiting")
        owner.execute("TRUNCATE campaign, report CASCADE")
        owner.execute("TRUNCATE message")
    assert ends[0] == ends[1]


def test_a_model_that_is_wrong_is_noticed(owner: Connection, settler: Settler) -> None:
    """The comparison itself can fail: one report less is another end."""
    chance = random.Random(1)
    reports = make_reports(chance)
    _, campaign_id = play(owner, settler, reports, chance)
    deciding = [mobile for mobile, (outcome, _) in expected_outcomes(reports).items() if outcome]
    fewer = [report for report in reports if report[1] != deciding[0]]
    assert outcomes(owner, campaign_id) != expected_outcomes(fewer)
