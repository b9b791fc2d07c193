"""The rules of sending that need no database: what a state counts as, and when a request is made again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from webapp.campaigns import states, tallies
from webapp.campaigns.repeats import next_repeat
from webapp.settings import Times

NOW = datetime(2026, 3, 1, 8, 0, tzinfo=UTC)
COUNTED = {
    "waiting": ("planned", "retry", "blocked"),
    "unconfirmed": ("hold", "unconfirmed", "closed"),
    "no_report": ("accepted",),
    "failed": ("rejected",),
    "not_sent": ("stopped",),
}


@pytest.mark.parametrize("unknown", [False, True])
@pytest.mark.parametrize(("tally", "state"), [(tally, one) for tally in COUNTED for one in COUNTED[tally]])
def test_what_a_batch_counts_as(tally: str, state: str, unknown: bool) -> None:
    assert tallies.tally_of(state, unknown) == tally


def test_a_batch_under_way_counts_as_what_was_known_before() -> None:
    assert tallies.tally_of("inflight", first_unknown=False) == "waiting"
    assert tallies.tally_of("inflight", first_unknown=True) == "unconfirmed"


def test_a_replaced_batch_counts_nothing() -> None:
    assert tallies.tally_of("replaced", first_unknown=False) is None
    assert tallies.tally_of("replaced", first_unknown=True) is None


def test_a_message_counts_as_its_own_outcome() -> None:
    outcomes = ("delivered", "failed", "not_sent", "other")
    assert [tallies.outcome_tally(one) for one in outcomes] == [*outcomes[:3], "no_report"]
    assert tallies.TALLIES == ("waiting", "unconfirmed", "no_report", "delivered", "failed", "not_sent")


def test_moves_add_up() -> None:
    moves = [("waiting", "no_report", 5), ("waiting", None, 2), (None, "waiting", 1), ("failed", "failed", 3)]
    assert tallies.moved(moves) == {"waiting": -6, "no_report": 5, "failed": 0}


def test_the_words_that_the_database_keeps() -> None:
    assert " ".join(states.CampaignState) == (
        "draft planning scheduled ready sending stopping stopped missed waiting_for_reports finished"
    )
    assert " ".join(states.BatchState) == (
        "planned inflight retry hold blocked accepted rejected replaced unconfirmed closed stopped"
    )
    assert " ".join(states.Kind) == "notice marketing test"
    assert " ".join(states.AtHoursEnd) == "wait drop"
    assert states.STOPPABLE == ("planning", "scheduled", "ready", "sending")


@pytest.mark.parametrize(
    ("made", "seconds"), [(0, 90), (1, 300), (2, None), (3, None)], ids=["first", "second", "third", "later"]
)
def test_when_the_identical_request_is_made_again(made: int, seconds: int | None) -> None:
    expected = None if seconds is None else NOW + timedelta(seconds=seconds)
    for now in (NOW, NOW + timedelta(hours=1)):
        assert next_repeat(made, NOW, Times(), now) == expected


def test_no_repeat_before_the_evidence_is_over() -> None:
    times = Times(evidence=120, first_repeat=30)
    assert next_repeat(0, NOW, times, NOW) == NOW + timedelta(seconds=120)


def test_nothing_is_repeated_once_the_clock_was_set_back() -> None:
    assert next_repeat(0, NOW, Times(), NOW - timedelta(microseconds=1)) is None
