"""What reports change: each case of the table in docs/sending.md, on a real database."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.delivery.building import (
    NOW,
    Account,
    Connection,
    make_account,
    make_campaign,
    note_msgid,
    outcomes,
    states,
    tallies,
    tell,
    told,
)
from tests.delivery.conftest import Settler

A, B, C, D = "13800000001", "13800000002", "13800000003", "13800000004"


@pytest.fixture
def account(owner: Connection) -> Account:
    return make_account(owner)


def sent(owner: Connection, account: Account, msgid: str = "800000", state: str = "accepted") -> int:
    campaign_id = make_campaign(owner, account, [(state, [A, B, C])])
    note_msgid(owner, account, msgid, campaign_id, 1)
    return campaign_id


def test_reports_become_outcomes_and_tallies(owner: Connection, account: Account, settler: Settler) -> None:
    campaign = sent(owner, account)
    tell(owner, account, [told("800000", A, "DELIVRD"), told("800000", B, "UNKNOWN")])
    assert settler.settle(account.team_id) == 2
    assert settler.settle(account.team_id) == 0
    assert outcomes(owner, campaign) == {
        A: ("delivered", "DELIVRD"),
        B: ("failed", "UNKNOWN"),
        C: (None, None),
    }
    assert tallies(owner, campaign) == {"delivered": 1, "failed": 1, "no_report": 1}
    assert owner.execute("SELECT open FROM batch").fetchall() == [(1,)]
    assert owner.execute("SELECT count(*) FROM report_inbox").fetchall() == [(0,)]
    assert owner.execute("SELECT last_heard_at FROM gateway_account").fetchall() == [(NOW,)]
    assert owner.execute("SELECT last_report_at FROM campaign").fetchall() == [(NOW,)]


@pytest.mark.parametrize(
    ("status", "outcome", "tally"),
    [
        ("DELIVRD", "delivered", "delivered"),
        ("delivrd", "delivered", "delivered"),
        ("UNKNOWN", "failed", "failed"),
        ("UNDELIV", "failed", "failed"),
        ("EXPIRED", "failed", "failed"),
        ("REJECTD", "failed", "failed"),
        ("DELETED", "failed", "failed"),
        ("MK:0001", "failed", "failed"),
        ("IC:0001", "failed", "failed"),
        ("ML:0000", None, "no_report"),
        ("ACCEPTD", None, "no_report"),
        ("XYZ", "other", "no_report"),
        ("MK:1", "other", "no_report"),
        ("ZZ:0001", "other", "no_report"),
        ("成功", "other", "no_report"),
    ],
)
def test_words(
    owner: Connection, account: Account, settler: Settler, status: str, outcome: str | None, tally: str
) -> None:
    campaign = sent(owner, account)
    tell(owner, account, [told("800000", A, status)])
    settler.settle(account.team_id)
    assert outcomes(owner, campaign)[A] == (outcome, status if outcome else None)
    assert tallies(owner, campaign).pop(tally) == (3 if tally == "no_report" else 1)
    assert owner.execute("SELECT open FROM batch").fetchall() == [(2 if outcome else 3,)]
    assert states(owner, account.team_id) == {("800000", A, status): ("matched", 1)}


@pytest.mark.parametrize("first", ["DELIVRD", "UNKNOWN"])
def test_delivered_wins_whoever_comes_first(
    owner: Connection, account: Account, settler: Settler, first: str
) -> None:
    campaign = sent(owner, account)
    second = {"DELIVRD": "UNKNOWN", "UNKNOWN": "DELIVRD"}[first]
    for seconds, status in enumerate((first, second)):
        tell(owner, account, [told("800000", A, status, seconds)])
        settler.settle(account.team_id)
    assert outcomes(owner, campaign)[A] == ("delivered", "DELIVRD")
    assert tallies(owner, campaign) == {"delivered": 1, "no_report": 2}
    assert len(states(owner, account.team_id)) == 2


def test_the_earlier_of_two_equals_is_kept(owner: Connection, account: Account, settler: Settler) -> None:
    campaign = sent(owner, account)
    for seconds in (50, 10, 90):
        tell(owner, account, [told("800000", A, "DELIVRD", seconds)])
        settler.settle(account.team_id)
    ((reported,),) = owner.execute("SELECT reported_at FROM message WHERE outcome IS NOT NULL").fetchall()
    assert reported == told("800000", A, "DELIVRD", 10)[4]
    assert tallies(owner, campaign) == {"delivered": 1, "no_report": 2}


def test_repeats_only_count(owner: Connection, account: Account, settler: Settler) -> None:
    campaign = sent(owner, account)
    report = told("800000", A, "DELIVRD")
    tell(owner, account, [report, report])
    settler.settle(account.team_id)
    before = tallies(owner, campaign)
    tell(owner, account, [report], NOW + timedelta(hours=1))
    settler.settle(account.team_id)
    assert tallies(owner, campaign) == before == {"delivered": 1, "no_report": 2}
    assert states(owner, account.team_id) == {("800000", A, "DELIVRD"): ("matched", 3)}
    rows = owner.execute("SELECT first_received_at, last_received_at FROM report").fetchall()
    assert rows == [(NOW, NOW + timedelta(hours=1))]


def test_a_report_before_its_msgid_is_known_waits(
    owner: Connection, account: Account, settler: Settler
) -> None:
    campaign = make_campaign(owner, account, [("planned", [A, B])])
    tell(owner, account, [told("800000", A, "DELIVRD")] * 2)
    settler.settle(account.team_id)
    assert settler.match_waiting(account.team_id) == 0
    assert states(owner, account.team_id) == {("800000", A, "DELIVRD"): ("waiting", 2)}
    assert tallies(owner, campaign) == {"waiting": 2}
    owner.execute("UPDATE batch SET state = 'accepted'")
    owner.execute("UPDATE campaign SET waiting = 0, no_report = 2")
    note_msgid(owner, account, "800000", campaign, 1)
    assert settler.match_waiting(account.team_id, NOW + timedelta(seconds=1)) == 0
    assert settler.match_waiting(account.team_id, NOW) == 1
    assert settler.match_waiting(account.team_id, NOW) == 0
    assert states(owner, account.team_id) == {("800000", A, "DELIVRD"): ("matched", 2)}
    assert tallies(owner, campaign) == {"delivered": 1, "no_report": 1}


def test_what_waited_too_long_belongs_to_nothing_but_may_still_be_found(
    owner: Connection, account: Account, settler: Settler
) -> None:
    tell(owner, account, [told("800000", A, "DELIVRD")])
    settler.settle(account.team_id)
    assert settler.give_up_waiting(account.team_id, NOW + timedelta(hours=71)) == 0
    assert settler.give_up_waiting(account.team_id, NOW + timedelta(hours=73)) == 1
    assert states(owner, account.team_id) == {("800000", A, "DELIVRD"): ("unmatched", 1)}
    campaign = sent(owner, account)
    tell(owner, account, [told("800000", A, "DELIVRD")])
    settler.settle(account.team_id)
    assert states(owner, account.team_id) == {("800000", A, "DELIVRD"): ("matched", 2)}
    assert tallies(owner, campaign) == {"delivered": 1, "no_report": 2}


@pytest.mark.parametrize(("known", "reported"), [("0800000", "800000"), ("80", "0080"), ("aB-1", "Ab-1")])
def test_zeros_and_letter_case_of_a_msgid(
    owner: Connection, account: Account, settler: Settler, known: str, reported: str
) -> None:
    campaign = sent(owner, account, known)
    tell(owner, account, [told(reported, A, "DELIVRD")])
    settler.settle(account.team_id)
    assert outcomes(owner, campaign)[A] == ("delivered", "DELIVRD")
    assert owner.execute("SELECT found_by FROM report").fetchall() == [("spelling",)]


def test_an_exact_msgid_comes_before_a_similar_one(
    owner: Connection, account: Account, settler: Settler
) -> None:
    similar, exact = sent(owner, account, "ab"), sent(owner, account, "AB")
    tell(owner, account, [told("AB", A, "DELIVRD")])
    settler.settle(account.team_id)
    assert (outcomes(owner, similar)[A][0], outcomes(owner, exact)[A][0]) == (None, "delivered")


def test_two_similar_msgids_with_the_number_decide_nothing(
    owner: Connection, account: Account, settler: Settler
) -> None:
    campaigns = [sent(owner, account, "ab"), sent(owner, account, "AB")]
    tell(owner, account, [told("aB", A, "DELIVRD"), told("0ab", A, "UNKNOWN")])
    settler.settle(account.team_id)
    assert [tallies(owner, campaign) for campaign in campaigns] == [{"no_report": 3}] * 2
    assert {state for state, _ in states(owner, account.team_id).values()} == {"waiting"}


def test_a_similar_msgid_whose_batch_alone_holds_the_number(
    owner: Connection, account: Account, settler: Settler
) -> None:
    other = make_campaign(owner, account, [("accepted", [D])])
    note_msgid(owner, account, "AB", other, 1)
    campaign = sent(owner, account, "ab")
    tell(owner, account, [told("aB", A, "DELIVRD")])
    settler.settle(account.team_id)
    assert tallies(owner, campaign) == {"delivered": 1, "no_report": 2}
    assert tallies(owner, other) == {"no_report": 1}


def test_a_msgid_that_returns_means_the_latest_batch_with_the_number(
    owner: Connection, account: Account, settler: Settler
) -> None:
    older, newer = (make_campaign(owner, account, [("accepted", numbers)]) for numbers in ([A, B], [B, C]))
    note_msgid(owner, account, "7", newer, 1, NOW)
    note_msgid(owner, account, "7", older, 1, NOW - timedelta(days=1))
    tell(owner, account, [told("7", number, "DELIVRD") for number in (A, B, C)])
    settler.settle(account.team_id)
    assert tallies(owner, older) == {"delivered": 1, "no_report": 1}
    assert tallies(owner, newer) == {"delivered": 2}
    assert owner.execute("SELECT found_by FROM report ORDER BY mobile").fetchall() == [
        ("exact",), ("latest",), ("exact",),
    ]  # fmt: skip


def test_a_number_that_is_not_in_that_batch(owner: Connection, account: Account, settler: Settler) -> None:
    campaign = make_campaign(owner, account, [("accepted", [A]), ("accepted", [B])])
    note_msgid(owner, account, "1", campaign, 1)
    note_msgid(owner, account, "2", campaign, 2)
    tell(owner, account, [told("1", B, "DELIVRD"), told("1", D, "DELIVRD"), told("2", "8613", "DELIVRD")])
    assert settler.settle(account.team_id) == 3
    assert settler.match_waiting(account.team_id) == 0
    assert tallies(owner, campaign) == {"no_report": 2}
    assert {state for state, _ in states(owner, account.team_id).values()} == {"waiting"}


def test_a_number_that_was_left_out_of_its_batch_is_not_in_it(
    owner: Connection, account: Account, settler: Settler
) -> None:
    campaign = sent(owner, account)
    owner.execute("UPDATE message SET outcome = 'not_sent' WHERE mobile = %s", (A,))
    owner.execute("UPDATE batch SET open = 2")
    owner.execute("UPDATE campaign SET no_report = 2, not_sent = 1")
    tell(owner, account, [told("800000", A, "DELIVRD")])
    settler.settle(account.team_id)
    assert outcomes(owner, campaign)[A] == ("not_sent", None)
    assert tallies(owner, campaign) == {"no_report": 2, "not_sent": 1}


def test_a_msgid_of_another_team_is_nothing_here(
    owner: Connection, account: Account, settler: Settler
) -> None:
    campaign = sent(owner, account)
    stranger = make_account(owner)
    tell(owner, stranger, [told("800000", A, "DELIVRD")])
    assert settler.settle(account.team_id) == 0
    assert settler.settle(stranger.team_id) == 1
    assert tallies(owner, campaign) == {"no_report": 3}
    assert outcomes(owner, campaign)[A] == (None, None)
    assert states(owner, stranger.team_id) == {("800000", A, "DELIVRD"): ("waiting", 1)}
    assert states(owner, account.team_id) == {}
    heard = owner.execute("SELECT id, last_heard_at FROM gateway_account ORDER BY id").fetchall()
    assert heard == [(account.id, None), (stranger.id, NOW)]


def test_a_msgid_of_another_account_of_the_team(
    owner: Connection, account: Account, settler: Settler
) -> None:
    campaign = sent(owner, account)
    tell(owner, Account(account.team_id, account.id + 1, ""), [told("800000", A, "DELIVRD")])
    # In the same group, so that the batch is looked at.
    tell(owner, account, [told("800000", B, "DELIVRD")])
    settler.settle(account.team_id)
    assert outcomes(owner, campaign)[A] == (None, None)
    assert tallies(owner, campaign) == {"delivered": 1, "no_report": 2}


def test_a_report_for_an_unconfirmed_batch_leaves_the_right_tally(
    owner: Connection, account: Account, settler: Settler
) -> None:
    campaign = sent(owner, account, state="hold")
    tell(owner, account, [told("800000", A, "XYZ"), told("800000", B, "DELIVRD")])
    settler.settle(account.team_id)
    assert tallies(owner, campaign) == {"unconfirmed": 1, "no_report": 1, "delivered": 1}
    tell(owner, account, [told("800000", A, "DELIVRD")])
    settler.settle(account.team_id)
    assert tallies(owner, campaign) == {"unconfirmed": 1, "delivered": 2}
    assert owner.execute("SELECT open FROM batch").fetchall() == [(1,)]


def test_no_time_loses_against_a_time(owner: Connection, account: Account, settler: Settler) -> None:
    campaign = sent(owner, account)
    tell(owner, account, [("800000", A, "DELIVRD", "timestamp", None), told("800000", A, "DELIVRD", 5)])
    settler.settle(account.team_id)
    assert owner.execute("SELECT reported_at FROM message WHERE mobile = %s", (A,)).fetchall() == [
        (told("800000", A, "DELIVRD", 5)[4],)
    ]
    assert tallies(owner, campaign) == {"delivered": 1, "no_report": 2}
