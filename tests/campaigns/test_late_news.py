"""Late news: for a batch that was sent again, about a gateway's promises, and about what was refused.

`campaign_of` recounts everything at each look.
"""

from __future__ import annotations

import pytest
from flask import Flask

from tests.campaigns.deciding import (
    at_once,
    decide,
    give_up,
    leave,
    msgids,
    noted,
    report,
    resume,
    rolled_up,
    set_account,
    settle,
    states,
    tallies,
    unconfirmed,
)
from tests.campaigns.running import campaign_of
from tests.campaigns.test_late_answers import adopt, answered, attempts, claim, code, reap, store
from tests.campaigns.test_repeats import LOST
from tests.conftest import Database
from tests.factories import Person, confirm, numbers
from webapp import clock, tenancy
from webapp.campaigns import operations, stopping
from webapp.campaigns.claims import Claim
from webapp.campaigns.decisions import Choice
from webapp.campaigns.models import Batch
from webapp.gateway.models import GatewayAccount
from webapp.gateway.operations import note_sends_rest

# ---- late news for what was sent again -----------------------------------------------------------------


def test_a_late_code_0_stops_a_child_that_was_not_posted(
    app: Flask, database: Database, alice: Person, account: int
) -> None:
    campaign_id, first = unconfirmed(app, alice, account)
    leave(app, alice, numbers(2))
    decide(app, alice, campaign_id, Choice.SEND_AGAIN)
    store(app, alice, [answered(first, code(0, "m1"))])
    assert states(app, alice, campaign_id) == ["accepted", "stopped", "stopped"]
    assert tallies(app, alice, campaign_id) == {"no_report": 5}, "whoever opted out since was in it"
    assert rolled_up(database) == {"no_report": 5}
    assert campaign_of(app, alice, campaign_id).state == "waiting_for_reports"
    assert claim(app, alice) == []
    report(app, database, alice, account, "m1", numbers(5))
    assert tallies(app, alice, campaign_id) == {"delivered": 5}
    assert noted(app, alice, "batch.taken_after_all") == [{"batch": 1, "people": 5, "not_sent_again": 1}]


@pytest.mark.parametrize("posted", [False, True])
def test_a_second_sending_that_is_stopped_stays_not_confirmed(
    app: Flask, database: Database, alice: Person, account: int, posted: bool
) -> None:
    campaign_id, first = unconfirmed(app, alice, account)
    decide(app, alice, campaign_id, Choice.SEND_AGAIN)
    claimed = claim(app, alice) if posted else []
    with app.test_request_context(), tenancy.team_scope(alice.team_id, app) as session:
        stopping.stop_campaign(campaign_id)
        session.commit()
    for one in claimed:
        store(app, alice, [answered(one, code(5))])
    assert states(app, alice, campaign_id) == ["replaced", "closed"]
    assert tallies(app, alice, campaign_id) == {"unconfirmed": 5}
    assert rolled_up(database) == {"unconfirmed": 5}
    assert campaign_of(app, alice, campaign_id).state == "stopped"
    store(app, alice, [answered(first, code(0, "m1"))])
    assert tallies(app, alice, campaign_id) == {"no_report": 5}
    assert rolled_up(database) == {"no_report": 5}


def test_a_late_code_0_for_a_child_that_was_posted_is_a_second_msgid(
    app: Flask, database: Database, alice: Person, account: int
) -> None:
    campaign_id, first = unconfirmed(app, alice, account)
    decide(app, alice, campaign_id, Choice.SEND_AGAIN)
    (second,) = claim(app, alice)
    store(app, alice, [answered(first, code(0, "m1"))])
    assert states(app, alice, campaign_id) == ["replaced", "inflight"]
    store(app, alice, [answered(second, code(0, "m2"))])
    assert states(app, alice, campaign_id) == ["replaced", "accepted"]
    report(app, database, alice, account, "m1", numbers(2))
    report(app, database, alice, account, "m2", numbers(5))
    assert tallies(app, alice, campaign_id) == {"delivered": 5}
    assert rolled_up(database) == {"delivered": 5}
    assert promise(app, alice, account) == ("repeat", False), "these two requests were meant"


def test_a_child_that_was_repeated_itself_breaks_no_promise_by_its_parents_reports(
    app: Flask, database: Database, alice: Person, account: int
) -> None:
    campaign_id, first = unconfirmed(app, alice, account)
    decide(app, alice, campaign_id, Choice.SEND_AGAIN)
    (second,) = claim(app, alice)
    store(app, alice, [answered(first, code(0, "m1"))])
    store(app, alice, [answered(second, LOST)])
    (third,) = ask_again(app, alice, campaign_id, 2)
    store(app, alice, [answered(third, code(0, "m3"))])
    report(app, database, alice, account, "m1", numbers(5))
    report(app, database, alice, account, "m3", numbers(5))
    assert promise(app, alice, account) == ("repeat", False)
    assert tallies(app, alice, campaign_id) == {"delivered": 5}


def test_a_late_code_0_clears_up_a_child_that_is_unclear_itself(
    app: Flask, alice: Person, account: int
) -> None:
    campaign_id, first = unconfirmed(app, alice, account)
    decide(app, alice, campaign_id, Choice.SEND_AGAIN)
    (second,) = claim(app, alice)
    store(app, alice, [answered(second, LOST)])
    store(app, alice, [answered(first, code(0, "m1"))])
    assert states(app, alice, campaign_id) == ["replaced", "accepted"]
    assert tallies(app, alice, campaign_id) == {"no_report": 5}


def test_what_was_known_to_be_taken_is_not_sent_a_third_time(app: Flask, alice: Person, account: int) -> None:
    campaign_id, first = unconfirmed(app, alice, account)
    decide(app, alice, campaign_id, Choice.SEND_AGAIN)
    (second,) = claim(app, alice)
    store(app, alice, [answered(first, code(0, "m1"))])
    store(app, alice, [answered(second, LOST)])
    give_up(app, alice)
    assert states(app, alice, campaign_id) == ["replaced", "unconfirmed"]
    assert decide(app, alice, campaign_id, Choice.SEND_AGAIN, 2).settled
    assert states(app, alice, campaign_id) == ["replaced", "accepted"]
    assert tallies(app, alice, campaign_id) == {"no_report": 5}


def test_reports_for_the_first_request_stop_the_second(
    app: Flask, database: Database, alice: Person, account: int
) -> None:
    campaign_id, _first = unconfirmed(app, alice, account)
    decide(app, alice, campaign_id, Choice.SEND_AGAIN)
    assert not adopt(app, alice, account, "m1", numbers(2)), "two of five prove nothing"
    assert adopt(app, alice, account, "m1", numbers(3))
    assert states(app, alice, campaign_id) == ["accepted", "stopped"]
    assert tallies(app, alice, campaign_id) == {"no_report": 5}
    assert rolled_up(database) == {"no_report": 5}
    assert campaign_of(app, alice, campaign_id).state == "waiting_for_reports"


def test_reports_for_the_first_request_find_people_in_the_second(
    app: Flask, database: Database, alice: Person, account: int
) -> None:
    campaign_id, _first = unconfirmed(app, alice, account)
    decide(app, alice, campaign_id, Choice.SEND_AGAIN)
    (second,) = claim(app, alice)
    store(app, alice, [answered(second, code(0, "m2"))])
    report(app, database, alice, account, "m1", numbers(3))
    assert tallies(app, alice, campaign_id) == {"no_report": 5}
    assert adopt(app, alice, account, "m1", numbers(3))
    settle(app, alice)
    assert tallies(app, alice, campaign_id) == {"delivered": 3, "no_report": 2}
    assert msgids(app, alice) == {("m1", 1), ("m1", 2), ("m2", 2)}


def test_reports_prove_nothing_while_both_requests_could_be_meant(
    app: Flask, alice: Person, account: int
) -> None:
    campaign_id, _first = unconfirmed(app, alice, account)
    decide(app, alice, campaign_id, Choice.SEND_AGAIN)
    claim(app, alice)
    reap(app, alice)
    assert not adopt(app, alice, account, "m1", numbers(5))
    assert states(app, alice, campaign_id) == ["replaced", "hold"]


def test_news_for_the_first_of_three_reaches_what_is_there_now(
    app: Flask, database: Database, alice: Person, account: int
) -> None:
    campaign_id, first = unconfirmed(app, alice, account)
    leave(app, alice, numbers(1))
    decide(app, alice, campaign_id, Choice.SEND_AGAIN)
    (second,) = claim(app, alice)
    store(app, alice, [answered(second, LOST)])
    give_up(app, alice)
    leave(app, alice, numbers(2))
    decide(app, alice, campaign_id, Choice.SEND_AGAIN, 2)
    assert states(app, alice, campaign_id) == ["replaced", "replaced", "closed", "planned", "closed"]
    store(app, alice, [answered(first, code(0, "m1"))])
    assert states(app, alice, campaign_id) == ["accepted", "replaced", "stopped", "stopped", "stopped"]
    assert tallies(app, alice, campaign_id) == {"no_report": 5}
    assert rolled_up(database) == {"no_report": 5}


def test_a_child_that_was_cut_meanwhile_is_stopped_where_it_was_not_posted(
    app: Flask, database: Database, alice: Person, account: int
) -> None:
    campaign_id, first = unconfirmed(app, alice, account, 6)
    decide(app, alice, campaign_id, Choice.SEND_AGAIN)
    set_account(app, alice, account, numbers_per_request=3, in_flight=1)
    with tenancy.team_scope(alice.team_id, app) as session:
        assert operations.split_oversized(account) == 1
        session.commit()
    (half,) = claim(app, alice)
    assert half.batch_no == 3
    store(app, alice, [answered(first, code(0, "m1"))])
    assert states(app, alice, campaign_id) == ["replaced", "replaced", "inflight", "accepted"]
    assert claim(app, alice) == []
    store(app, alice, [answered(half, code(0, "m2"))])
    assert tallies(app, alice, campaign_id) == {"no_report": 6}
    assert rolled_up(database) == {"no_report": 6}
    report(app, database, alice, account, "m1", numbers(6))
    assert tallies(app, alice, campaign_id) == {"delivered": 6}


@pytest.mark.parametrize("answer_first", [True, False] * 3)
def test_a_late_answer_and_a_decision_at_once_never_post_what_was_taken(
    app: Flask, alice: Person, account: int, answer_first: bool
) -> None:
    campaign_id, first = unconfirmed(app, alice, account)

    def act(n: int) -> None:
        if (n == 0) is answer_first:
            store(app, alice, [answered(first, code(0, "m1"))])
        else:
            decide(app, alice, campaign_id, Choice.SEND_AGAIN)

    at_once(2, act)
    assert claim(app, alice) == []
    assert tallies(app, alice, campaign_id) == {"no_report": 5}


def test_decisions_while_reports_settle_keep_the_sums(
    app: Flask, database: Database, alice: Person, account: int
) -> None:
    campaign_id, first = unconfirmed(app, alice, account, 50)
    decide(app, alice, campaign_id, Choice.SEND_AGAIN)
    (second,) = claim(app, alice)
    store(app, alice, [answered(first, code(0, "m1"))])
    store(app, alice, [answered(second, LOST)])
    give_up(app, alice)
    mobiles = numbers(50)

    def act(n: int) -> None:
        if n == 0:
            for at in range(0, 50, 5):
                report(app, database, alice, account, "m1", mobiles[at : at + 5])
        else:
            decide(app, alice, campaign_id, Choice.SEND_AGAIN if n % 2 else Choice.WAS_SENT, 2)

    at_once(5, act)
    settle(app, alice)
    assert tallies(app, alice, campaign_id) == {"delivered": 50}
    assert rolled_up(database) == {"delivered": 50}
    assert claim(app, alice) == []


# ---- promises of gateways ------------------------------------------------------------------------------


def promise(app: Flask, person: Person, account: int) -> tuple[str, bool]:
    with tenancy.team_scope(person.team_id, app) as session:
        found = session.get_one(GatewayAccount, (person.team_id, account))
        return found.repeat_mode, found.promise_broken_at is not None


def ask_again(app: Flask, person: Person, campaign_id: int, no: int) -> list[Claim]:
    """Claim the identical request that is made after the evidence, as if that time were over."""
    with tenancy.team_scope(person.team_id, app) as session:
        session.get_one(Batch, (person.team_id, campaign_id, no)).wake_at = clock.now()
        session.commit()
    return claim(app, person)


def repeated(app: Flask, person: Person, account: int) -> int:
    """A campaign whose lost request was made again and answered; reports tell of the first one too."""
    campaign_id = confirm(app, person, account, numbers(5))
    (first,) = claim(app, person)
    store(app, person, [answered(first, LOST)])
    (second,) = ask_again(app, person, campaign_id, 1)
    store(app, person, [answered(second, code(0, "m2"))])
    assert adopt(app, person, account, "m1", numbers(5))
    return campaign_id


def test_one_number_delivered_under_two_msgids_ends_all_repeats(
    app: Flask, database: Database, alice: Person, account: int
) -> None:
    campaign_id = repeated(app, alice, account)
    report(app, database, alice, account, "m1", numbers(3))
    report(app, database, alice, account, "m2", numbers(5)[3:])
    assert promise(app, alice, account) == ("repeat", False), "nobody got it twice"
    report(app, database, alice, account, "m2", numbers(1))
    assert promise(app, alice, account) == ("ask", True)
    assert noted(app, alice, "gateway.promise_broken") == [{"campaign": str(campaign_id), "batch": 1}]
    assert tallies(app, alice, campaign_id) == {"delivered": 5}


def test_both_reports_at_once_tell_it_too_and_once(
    app: Flask, database: Database, alice: Person, account: int
) -> None:
    repeated(app, alice, account)
    with database.owner() as owner:
        owner.execute(
            "INSERT INTO report_inbox (team_id, account_id, received_at, msgid, mobile, status, time_text) "
            "SELECT %s, %s, now(), msgid, %s, 'DELIVRD', '' FROM unnest(ARRAY['m1', 'm2']) AS msgid",
            (alice.team_id, account, numbers(1)[0]),
        )
    settle(app, alice)
    assert promise(app, alice, account) == ("ask", True)
    report(app, database, alice, account, "m1", numbers(1))
    assert len(noted(app, alice, "gateway.promise_broken")) == 1


# ---- gateways that send the rest -----------------------------------------------------------------------


def flagged(app: Flask, person: Person, account: int) -> bool:
    with tenancy.team_scope(person.team_id, app) as session:
        return session.get_one(GatewayAccount, (person.team_id, account)).sends_rest_at is not None


def test_reports_for_a_halved_batch_end_halving_and_a_person_decides(
    app: Flask, database: Database, alice: Person, account: int
) -> None:
    campaign_id = confirm(app, alice, account, numbers(8))
    (claimed,) = claim(app, alice)
    store(app, alice, [answered(claimed, code(2))])
    assert not adopt(app, alice, account, "m9", numbers(2)), "two prove nothing"
    assert not flagged(app, alice, account)
    assert adopt(app, alice, account, "m9", numbers(6))
    assert flagged(app, alice, account)
    assert states(app, alice, campaign_id) == ["replaced", "unconfirmed", "unconfirmed"]
    assert tallies(app, alice, campaign_id) == {"unconfirmed": 8}
    assert rolled_up(database) == {"unconfirmed": 8}
    assert campaign_of(app, alice, campaign_id).state == "waiting_for_reports"
    assert not adopt(app, alice, account, "m9", numbers(6)), "once is enough"
    assert msgids(app, alice) == set()
    assert claim(app, alice) == []


def test_a_half_that_waits_for_its_own_answer_is_not_mixed_up_with_the_whole(
    app: Flask, alice: Person, account: int
) -> None:
    campaign_id = confirm(app, alice, account, numbers(8))
    (claimed,) = claim(app, alice)
    store(app, alice, [answered(claimed, code(2))])
    claim(app, alice)
    reap(app, alice)
    assert not adopt(app, alice, account, "m9", numbers(4))
    assert not flagged(app, alice, account)
    assert states(app, alice, campaign_id) == ["replaced", "hold", "hold"]


def test_a_batch_cut_for_the_limit_says_nothing_of_the_gateway(
    app: Flask, alice: Person, account: int
) -> None:
    confirm(app, alice, account, numbers(8))
    (claimed,) = claim(app, alice)
    store(app, alice, [answered(claimed, code(6))])
    assert not adopt(app, alice, account, "m9", numbers(8))
    assert not flagged(app, alice, account)


def test_code_2_from_such_a_gateway_is_for_a_person(app: Flask, alice: Person, account: int) -> None:
    with tenancy.team_scope(alice.team_id, app) as session:
        note_sends_rest(account)
        session.commit()
    set_account(app, alice, account, numbers_per_request=4, in_flight=1)
    campaign_id = confirm(app, alice, account, numbers(9))
    (claimed,) = claim(app, alice)
    store(app, alice, [answered(claimed, code(2))])
    assert states(app, alice, campaign_id) == ["unconfirmed", "planned", "planned"]
    assert tallies(app, alice, campaign_id) == {"unconfirmed": 4, "waiting": 5}
    assert campaign_of(app, alice, campaign_id).paused_by_machine == "sends_rest"
    resume(app, alice, campaign_id)
    (claimed,) = claim(app, alice)
    store(app, alice, [answered(claimed, code(0, "m2"))])
    (single,) = claim(app, alice)
    store(app, alice, [answered(single, code(2))])
    assert states(app, alice, campaign_id)[2] == "rejected", "one number alone is the bad one"
    assert attempts(app, alice)[0] == ("refused", "bad_number")
