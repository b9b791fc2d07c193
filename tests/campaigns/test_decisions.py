"""What a person decides about a batch without a clear answer.

Each test brings a batch to "unconfirmed" as the program does: a call without an answer, then the time in
which reports or repeats could have told. `campaign_of` recounts everything at each look.
"""

from __future__ import annotations

from datetime import timedelta

import pytest
from flask import Flask

from tests.campaigns.deciding import (
    at_once,
    decide,
    give_up,
    leave,
    msgids,
    noted,
    resume,
    rolled_up,
    set_account,
    states,
    tallies,
    unconfirmed,
)
from tests.campaigns.running import batches_of, campaign_of
from tests.campaigns.test_late_answers import adopt, answered, claim, code, store
from tests.campaigns.test_repeats import LOST
from tests.conftest import Database
from tests.factories import Person, confirm, numbers
from webapp import clock, jobs, mail, tenancy
from webapp.campaigns import decisions, endings, stopping
from webapp.campaigns.decisions import Choice, Decided
from webapp.campaigns.models import Batch, Campaign
from webapp.errors import DomainError

# ---- the four answers ---------------------------------------------------------------------------------


def test_waiting_changes_nothing_but_that_somebody_looked(app: Flask, alice: Person, account: int) -> None:
    campaign_id, _claimed = unconfirmed(app, alice, account)
    assert decide(app, alice, campaign_id, Choice.WAIT) == Decided(1, 5)
    (batch,) = batches_of(app, alice, campaign_id)
    assert (batch.state, batch.decided_by) == ("unconfirmed", alice.user_id)
    assert batch.decided_at is not None
    assert tallies(app, alice, campaign_id) == {"unconfirmed": 5}
    assert noted(app, alice, "batch.wait") == [{"batch": 1, "people": 5, "child": None}]


def test_what_was_sent_counts_as_accepted(
    app: Flask, database: Database, alice: Person, account: int
) -> None:
    campaign_id, _claimed = unconfirmed(app, alice, account)
    assert rolled_up(database) == {"unconfirmed": 5}
    for _press in range(2):
        assert decide(app, alice, campaign_id, Choice.WAS_SENT) == Decided(1, 5)
    assert states(app, alice, campaign_id) == ["accepted"]
    assert tallies(app, alice, campaign_id) == {"no_report": 5}
    assert rolled_up(database) == {"no_report": 5}
    assert noted(app, alice, "batch.was_sent") == [{"batch": 1, "people": 5, "child": None}]
    assert msgids(app, alice) == set()
    assert adopt(app, alice, account, "m9", numbers(5)), "reports still find it"


def test_what_is_not_sent_stays_not_confirmed_and_is_not_asked_about_again(
    app: Flask, database: Database, alice: Person, account: int
) -> None:
    campaign_id, _claimed = unconfirmed(app, alice, account)
    for _press in range(2):
        assert decide(app, alice, campaign_id, Choice.DO_NOT_SEND) == Decided(1, 5)
    assert states(app, alice, campaign_id) == ["closed"]
    assert tallies(app, alice, campaign_id) == {"unconfirmed": 5}
    assert rolled_up(database) == {"unconfirmed": 5}
    assert len(noted(app, alice, "batch.do_not_send")) == 1
    assert claim(app, alice) == []
    assert adopt(app, alice, account, "m9", numbers(5)), "reports still find it"
    assert tallies(app, alice, campaign_id) == {"no_report": 5}


def test_sending_again_makes_one_child_and_the_campaign_sends(
    app: Flask, database: Database, alice: Person, account: int
) -> None:
    campaign_id, first = unconfirmed(app, alice, account)
    assert decide(app, alice, campaign_id, Choice.SEND_AGAIN) == Decided(1, 5, child=2)
    parent, child = batches_of(app, alice, campaign_id)
    assert (parent.state, parent.open, parent.decided_by) == ("replaced", 0, alice.user_id)
    assert (child.state, child.again, child.parent, child.open) == ("planned", True, 1, 5)
    assert (child.content, child.mobiles) == (first.content, list(first.mobiles))
    assert tallies(app, alice, campaign_id) == {"waiting": 5}
    assert rolled_up(database) == {}
    campaign = campaign_of(app, alice, campaign_id)
    assert (campaign.state, campaign.handed_over_at) == ("sending", None)
    (second,) = claim(app, alice)
    store(app, alice, [answered(second, code(0, "m2"))])
    assert states(app, alice, campaign_id) == ["replaced", "accepted"]
    assert campaign_of(app, alice, campaign_id).state == "waiting_for_reports"
    assert rolled_up(database) == {"no_report": 5}
    assert decide(app, alice, campaign_id, Choice.SEND_AGAIN) == Decided(1, 5, child=2), "the same child"


def test_what_a_person_sends_again_is_not_dropped_for_hours_that_ended_long_ago(
    app: Flask, alice: Person, account: int
) -> None:
    campaign_id, _claimed = unconfirmed(app, alice, account)
    with tenancy.team_scope(alice.team_id, app) as session:
        campaign = session.get_one(Campaign, (alice.team_id, campaign_id))
        campaign.kind, campaign.at_hours_end = "marketing", "drop"
        assert campaign.started_at is not None
        campaign.started_at -= timedelta(days=2)
        session.commit()
    decide(app, alice, campaign_id, Choice.SEND_AGAIN)
    with tenancy.team_scope(alice.team_id, app):
        assert stopping.cut_off_campaigns(clock.now()) == []
    assert tallies(app, alice, campaign_id) == {"waiting": 5}


def test_fifty_presses_at_once_send_again_once(app: Flask, alice: Person, account: int) -> None:
    campaign_id, _claimed = unconfirmed(app, alice, account)
    found: list[Decided] = []
    at_once(50, lambda _n: found.append(decide(app, alice, campaign_id, Choice.SEND_AGAIN)))
    assert found == [Decided(1, 5, child=2)] * 50
    assert states(app, alice, campaign_id) == ["replaced", "planned"]
    assert len(noted(app, alice, "batch.send_again")) == 1
    assert tallies(app, alice, campaign_id) == {"waiting": 5}


def test_different_answers_at_once_are_decided_once(app: Flask, alice: Person, account: int) -> None:
    campaign_id, _claimed = unconfirmed(app, alice, account)
    choices = [Choice.WAS_SENT, Choice.DO_NOT_SEND, Choice.SEND_AGAIN] * 4
    at_once(len(choices), lambda n: decide(app, alice, campaign_id, choices[n]))
    decided = [len(noted(app, alice, f"batch.{choice}")) for choice in set(choices)]
    assert sum(decided) == 1
    assert sum(tallies(app, alice, campaign_id).values()) == 5


def test_who_opted_out_since_does_not_get_it_again(
    app: Flask, database: Database, alice: Person, account: int
) -> None:
    campaign_id, _claimed = unconfirmed(app, alice, account)
    leave(app, alice, numbers(2))
    assert decide(app, alice, campaign_id, Choice.SEND_AGAIN) == Decided(1, 3, child=2)
    assert tallies(app, alice, campaign_id) == {"waiting": 3, "unconfirmed": 2}, "they may have the first one"
    assert rolled_up(database) == {"unconfirmed": 2}
    leave(app, alice, numbers(3))
    (second,) = claim(app, alice)
    assert second.mobiles == tuple(numbers(5)[3:])
    assert tallies(app, alice, campaign_id) == {"waiting": 2, "unconfirmed": 3}
    assert rolled_up(database) == {"unconfirmed": 3}
    assert states(app, alice, campaign_id) == ["replaced", "inflight", "closed", "closed"]


def test_a_second_sending_for_nobody_is_not_made(app: Flask, alice: Person, account: int) -> None:
    campaign_id, _claimed = unconfirmed(app, alice, account)
    decide(app, alice, campaign_id, Choice.SEND_AGAIN)
    leave(app, alice, numbers(5))
    assert claim(app, alice) == []
    assert states(app, alice, campaign_id) == ["replaced", "stopped", "closed"]
    assert tallies(app, alice, campaign_id) == {"unconfirmed": 5}
    assert campaign_of(app, alice, campaign_id).state == "waiting_for_reports"


def test_a_batch_whose_people_all_opted_out_stays_as_it_is(app: Flask, alice: Person, account: int) -> None:
    campaign_id, _claimed = unconfirmed(app, alice, account)
    leave(app, alice, numbers(5))
    with pytest.raises(DomainError, match="opted out"):
        decide(app, alice, campaign_id, Choice.SEND_AGAIN)
    assert states(app, alice, campaign_id) == ["unconfirmed"]
    with app.test_request_context(), tenancy.team_scope(alice.team_id, app) as session:
        seen = decisions.digest_of(decisions.undecided_numbers(campaign_id))
        assert decisions.decide_all(campaign_id, Choice.SEND_AGAIN, seen, None) == []
        session.commit()
    assert tallies(app, alice, campaign_id) == {"unconfirmed": 5}


@pytest.mark.parametrize("choice", list(Choice))
def test_what_reports_settled_meanwhile_stays_what_it_is(
    app: Flask, alice: Person, account: int, choice: Choice
) -> None:
    campaign_id, claimed = unconfirmed(app, alice, account)
    store(app, alice, [answered(claimed, code(0, "m1"))])
    assert decide(app, alice, campaign_id, choice).settled
    assert states(app, alice, campaign_id) == ["accepted"]
    assert tallies(app, alice, campaign_id) == {"no_report": 5}
    assert noted(app, alice, f"batch.{choice}") == []


@pytest.mark.parametrize("choice", list(Choice))
def test_a_batch_still_being_asked_about_is_not_decided(
    app: Flask, alice: Person, account: int, choice: Choice
) -> None:
    campaign_id = confirm(app, alice, account, numbers(5))
    (claimed,) = claim(app, alice)
    store(app, alice, [answered(claimed, LOST)])
    assert decide(app, alice, campaign_id, choice).settled
    assert states(app, alice, campaign_id) == ["hold"]


def test_nothing_of_a_stopped_campaign_is_sent_again(app: Flask, alice: Person, account: int) -> None:
    campaign_id = confirm(app, alice, account, numbers(5))
    (claimed,) = claim(app, alice)
    store(app, alice, [answered(claimed, LOST)])
    with app.test_request_context(), tenancy.team_scope(alice.team_id, app) as session:
        stopping.stop_campaign(campaign_id)
        session.commit()
    assert states(app, alice, campaign_id) == ["unconfirmed"]
    with pytest.raises(DomainError, match="was stopped"):
        decide(app, alice, campaign_id, Choice.SEND_AGAIN)
    assert states(app, alice, campaign_id) == ["unconfirmed"]
    decide(app, alice, campaign_id, Choice.WAS_SENT)
    assert tallies(app, alice, campaign_id) == {"no_report": 5}
    assert campaign_of(app, alice, campaign_id).state == "stopped"


def test_a_decision_for_all_is_about_those_that_were_shown(app: Flask, alice: Person, account: int) -> None:
    campaign_id = four_unclear(app, alice, account)
    with app.test_request_context(), tenancy.team_scope(alice.team_id, app) as session:
        with pytest.raises(decisions.ChangedError):
            decisions.decide_all(campaign_id, Choice.SEND_AGAIN, decisions.digest_of([1, 2, 3]), None)
        session.rollback()
    assert set(states(app, alice, campaign_id)[:4]) == {"unconfirmed"}
    with app.test_request_context(), tenancy.team_scope(alice.team_id, app) as session:
        seen = decisions.digest_of(decisions.undecided_numbers(campaign_id))
        decided = decisions.decide_all(campaign_id, Choice.SEND_AGAIN, seen, None)
        session.commit()
    assert [one.people for one in decided] == [2] * 4
    assert tallies(app, alice, campaign_id) == {"waiting": 10}


# ---- more than three unclear answers -------------------------------------------------------------------


def four_unclear(app: Flask, person: Person, account: int) -> int:
    """A campaign of five batches, four of which are unclear and handed to a person."""
    set_account(app, person, account, numbers_per_request=2, in_flight=4)
    campaign_id = confirm(app, person, account, numbers(10))
    store(app, person, [answered(one, LOST) for one in claim(app, person)])
    assert give_up(app, person) == 4
    return campaign_id


def test_the_fourth_unclear_batch_pauses_and_a_person_lets_it_go_on(
    app: Flask, alice: Person, account: int
) -> None:
    campaign_id = four_unclear(app, alice, account)
    campaign = campaign_of(app, alice, campaign_id)
    assert (campaign.state, campaign.paused_by_machine) == ("sending", "unclear")
    assert claim(app, alice) == []
    resume(app, alice, campaign_id)
    assert campaign_of(app, alice, campaign_id).paused_by_machine is None
    (fifth,) = claim(app, alice)
    store(app, alice, [answered(fifth, LOST)])
    give_up(app, alice)
    assert campaign_of(app, alice, campaign_id).paused_by_machine is None, "counted from the resume on"
    assert states(app, alice, campaign_id) == ["unconfirmed"] * 5


def test_three_unclear_batches_do_not_pause(app: Flask, alice: Person, account: int) -> None:
    set_account(app, alice, account, numbers_per_request=2, in_flight=3)
    campaign_id = confirm(app, alice, account, numbers(10))
    store(app, alice, [answered(one, LOST) for one in claim(app, alice)])
    assert give_up(app, alice) == 3
    assert campaign_of(app, alice, campaign_id).paused_by_machine is None


def test_the_four_answers_work_while_it_is_paused_and_owners_are_told(
    app: Flask, alice: Person, account: int
) -> None:
    campaign_id = four_unclear(app, alice, account)
    assert decide(app, alice, campaign_id, Choice.SEND_AGAIN, 2).child == 6
    assert claim(app, alice) == [], "a person resumes it"
    with tenancy.team_scope(alice.team_id, app):
        jobs._team_jobs["campaigns.tell_owners"](campaign_id=campaign_id)
    (told,) = mail.read_outbox(app.extensions["tidings_settings"].instance)
    assert told.to == alice.email
    assert f"/campaigns/{campaign_id}/unconfirmed" in told.body
    resume(app, alice, campaign_id)
    assert {one.batch_no for one in claim(app, alice)} == {5, 6}


def test_the_database_itself_refuses_a_second_child(app: Flask, alice: Person, account: int) -> None:
    campaign_id, _claimed = unconfirmed(app, alice, account)
    decide(app, alice, campaign_id, Choice.SEND_AGAIN)
    with tenancy.team_scope(alice.team_id, app) as session:
        twin = {"team_id": alice.team_id, "campaign_id": campaign_id, "account_id": account}
        more = {"content": "x", "mobiles": [], "size": 0, "open": 0, "parent": 1, "again": True}
        session.add(Batch(**twin, **more, no=9, state="planned"))
        with pytest.raises(Exception, match="uq_batch_again"):
            session.flush()


def test_a_campaign_with_a_closed_batch_finishes_and_an_undecided_one_does_not(
    app: Flask, alice: Person, account: int
) -> None:
    campaign_id, _claimed = unconfirmed(app, alice, account)
    later = clock.now() + timedelta(hours=80)
    for choice, state in ((Choice.WAIT, "waiting_for_reports"), (Choice.DO_NOT_SEND, "finished")):
        decide(app, alice, campaign_id, choice)
        with tenancy.team_scope(alice.team_id, app) as session:
            endings.finish_those_no_longer_reported(later)
            session.commit()
        assert campaign_of(app, alice, campaign_id).state == state
    assert tallies(app, alice, campaign_id) == {"unconfirmed": 5}
