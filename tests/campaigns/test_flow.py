"""Who may send when, and how much at once: the account's limits, shares of campaigns, probes, spreading.

Mostly claim by claim, with the moments handed in; what two workers or a real gateway add is at the end.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest
from flask import Flask

from tests.campaigns.running import batches_of, campaign_of, sender
from tests.campaigns.test_late_answers import answered, claim, code
from tests.campaigns.test_repeats import claim_at, set_account
from tests.factories import Person, confirm, connect_practice, make_person, numbers, uids
from tests.practice.fixture import PracticeGateway, wait_until
from webapp import clock, tenancy
from webapp.campaigns import answers, claims, operations, planning, stopping
from webapp.campaigns.claims import Claim
from webapp.campaigns.models import Campaign
from webapp.campaigns.sender import Sender
from webapp.gateway.exchange import Exchange, Kind
from webapp.gateway.models import GatewayAccount
from webapp.gateway.operations import change_credentials, connect_account
from webapp.sealing import Secret
from webapp.settings import settings_of

AWAY = Exchange(Kind.REFUSED)
LOST = Exchange(Kind.LOST_AFTER_SEND)
TAKEN = code(0, "m")
SECOND = timedelta(seconds=1)
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE


def store_at(app: Flask, person: Person, moment: datetime, claimed: Sequence[Claim], came: Exchange) -> None:
    """T2 of these claims, all with the same answer, at that moment."""
    with clock.standing_at(moment), tenancy.team_scope(person.team_id, app) as session:
        answers.record_answers([answered(one, came) for one in claimed], moment, settings_of(app).times)
        session.commit()


def account_of(app: Flask, person: Person, account: int) -> GatewayAccount:
    with tenancy.team_scope(person.team_id, app) as session:
        found = session.get_one(GatewayAccount, (person.team_id, account))
        session.expunge(found)
        return found


def set_campaign(app: Flask, person: Person, campaign_id: int, **values: Any) -> None:
    with tenancy.team_scope(person.team_id, app) as session:
        found = session.get_one(Campaign, (person.team_id, campaign_id))
        for name, value in values.items():
            setattr(found, name, value)
        session.commit()


def campaigns_of(claimed: Sequence[Claim]) -> list[int]:
    return [one.campaign_id for one in claimed]


def begin(app: Flask, person: Person) -> None:
    """Plan everything and let it begin, without claiming any of it."""
    with tenancy.team_scope(person.team_id, app) as session:
        for campaign_id in planning.campaigns_to_plan():
            while planning.plan_chunk(campaign_id):
                session.commit()
            session.commit()
        claims.begin_ready_campaigns(clock.now())
        session.commit()


def ones(app: Flask, person: Person, account: int, people: int, first: int = 13_700_000_000) -> int:
    """A campaign of that many requests, of one number each."""
    set_account(app, person, account, numbers_per_request=1)
    return confirm(app, person, account, numbers(people, first))


# ---- shares ------------------------------------------------------------------------------------------------


def test_each_campaign_gets_as_many_places_as_the_others(app: Flask, alice: Person, account: int) -> None:
    large = ones(app, alice, account, 30)
    under_way = claim(app, alice)
    assert campaigns_of(under_way) == [large] * 4
    small, middle = ones(app, alice, account, 2, 13_500_000_000), ones(app, alice, account, 9, 13_600_000_000)
    begin(app, alice)
    assert claim_at(app, alice, clock.now()) == []
    for place, expected in enumerate((small, middle, small)):
        store_at(app, alice, clock.now(), [under_way[place]], TAKEN)
        assert campaigns_of(claim_at(app, alice, clock.now())) == [expected]
    set_account(app, alice, account, in_flight=8)
    # One of the large one, two of the small one and one of the middle one are under way; the small one ends.
    assert campaigns_of(claim_at(app, alice, clock.now())) == [middle, large, middle, large]


def test_after_an_outage_the_small_ones_go_first(app: Flask, alice: Person, account: int) -> None:
    large, small, middle = (
        ones(app, alice, account, people, first)
        for people, first in ((9, 13_100_000_000), (2, 13_200_000_000), (5, 13_300_000_000))
    )
    set_account(app, alice, account, in_flight=2)
    assert campaigns_of(claim(app, alice)) == [small, middle]
    set_account(app, alice, account, in_flight=5)
    assert campaigns_of(claim(app, alice)) == [large, small, middle]


def test_several_accounts_of_a_team_send_at_once(
    app: Flask, practice: PracticeGateway, alice: Person, account: int
) -> None:
    other = connect_practice(app, alice, practice)
    ones(app, alice, account, 9, 13_100_000_000)
    ones(app, alice, other, 9, 13_200_000_000)
    set_account(app, alice, other, in_flight=2)
    assert [one.account_id for one in claim(app, alice)] == [account] * 4 + [other] * 2


# ---- never more than its places ------------------------------------------------------------------------


def test_two_workers_never_have_more_under_way_than_the_account_has_places(
    app: Flask, alice: Person, account: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second comes when the first has counted what is under way, and has claimed nothing yet."""
    campaign_id = ones(app, alice, account, 30)
    begin(app, alice)
    count, between = claims._in_flight, [lambda: claim_at(app, alice, clock.now())]

    def counted(account_id: int) -> int:
        found = count(account_id)
        while between:
            between.pop()()
        return found

    monkeypatch.setattr(claims, "_in_flight", counted)
    first = claim_at(app, alice, clock.now())
    assert claim_at(app, alice, clock.now()) == []
    states = [one.state for one in batches_of(app, alice, campaign_id)]
    assert states.count("inflight") == 4
    store_at(app, alice, clock.now(), first[:1], TAKEN)
    assert len(claim_at(app, alice, clock.now())) == 1


def test_no_two_requests_are_closer_than_the_rate(app: Flask, alice: Person, account: int) -> None:
    ones(app, alice, account, 30)
    set_account(app, alice, account, in_flight=16, per_second=20)
    begin(app, alice)
    now, step = clock.now(), timedelta(milliseconds=50)
    assert [one.post_at for one in claim_at(app, alice, now)] == [now, now + step, now + 2 * step]
    assert claim_at(app, alice, now) == []
    (one,) = claim_at(app, alice, now + step)
    assert (one.post_at, one.next_at) == (now + 3 * step, now + 4 * step)
    # Used by nobody, a moment is not saved up.
    assert len(claim_at(app, alice, now + HOUR)) == 3


def test_the_first_request_of_a_changed_account_goes_alone(app: Flask, alice: Person, account: int) -> None:
    ones(app, alice, account, 30)
    with tenancy.team_scope(alice.team_id, app) as session:
        found = session.get_one(GatewayAccount, (alice.team_id, account))
        change_credentials(found, Secret(uids[account]), Secret("secret-pwd"), by=None)
        session.commit()
    alone = claim(app, alice)
    assert len(alone) == 1
    assert claim_at(app, alice, clock.now()) == []
    store_at(app, alice, clock.now(), alone, LOST)
    again = claim_at(app, alice, clock.now())
    assert len(again) == 1, "nobody knows whether the first was taken"
    store_at(app, alice, clock.now(), again, TAKEN)
    assert len(claim_at(app, alice, clock.now())) == 4


# ---- trouble ---------------------------------------------------------------------------------------------


def test_trouble_halves_opens_and_probes_with_one_batch_until_one_is_taken(
    app: Flask, alice: Person, account: int
) -> None:
    ones(app, alice, account, 60)
    set_account(app, alice, account, in_flight=16)
    now = clock.now() + SECOND
    first = claim(app, alice)
    store_at(app, alice, now, first[:1], LOST)
    store_at(app, alice, now, first[1:5], TAKEN)
    more = claim_at(app, alice, now)
    assert len(more) == 5, "one that is taken ends the row"
    store_at(app, alice, now, first[5:6], LOST)
    assert claim_at(app, alice, now) == [], "eight are half of them, and fifteen are under way"
    store_at(app, alice, now, [*first[6:], *more], AWAY)
    found = account_of(app, alice, account)
    assert (found.troubles, found.quiet_until) == (3, now + 15 * SECOND)
    for wait in (15, 30):
        assert claim_at(app, alice, now + (wait - 1) * SECOND) == []
        now += wait * SECOND
        probes = claim_at(app, alice, now)
        assert len(probes) == 1, "a probe is one batch"
        assert claim_at(app, alice, now + HOUR) == []
        store_at(app, alice, now, probes, AWAY)
    now += MINUTE
    store_at(app, alice, now, claim_at(app, alice, now), TAKEN)
    # Also those that never left: in good order none of them waits for itself.
    assert len(claim_at(app, alice, now)) == 16


def test_another_campaign_gets_no_answer_either_and_is_not_tried(
    app: Flask, alice: Person, account: int
) -> None:
    ones(app, alice, account, 3)
    now = clock.now() + SECOND
    store_at(app, alice, now, claim(app, alice), AWAY)
    other = ones(app, alice, account, 2, 13_600_000_000)
    begin(app, alice)
    assert claim_at(app, alice, now + 14 * SECOND) == []
    assert campaigns_of(claim_at(app, alice, now + 15 * SECOND)) == [other]


# ---- out of balance --------------------------------------------------------------------------------------


def broke(app: Flask, person: Person, account: int) -> tuple[int, datetime]:
    """A campaign of three requests (of 5, 5 and 2 numbers), the first of which found no balance."""
    set_account(app, person, account, numbers_per_request=5, in_flight=1)
    campaign_id = confirm(app, person, account, numbers(12))
    now = clock.now() + SECOND
    store_at(app, person, now, claim(app, person), code(5))
    assert campaign_of(app, person, campaign_id).paused_by_machine == "balance"
    set_account(app, person, account, in_flight=16)
    return campaign_id, now


def test_an_account_without_balance_is_probed_with_one_batch_the_smallest_and_ever_later(
    app: Flask, alice: Person, account: int
) -> None:
    campaign_id, now = broke(app, alice, account)
    for minutes in (15, 60, 240, 240):
        assert claim_at(app, alice, now + minutes * MINUTE - SECOND) == []
        now += minutes * MINUTE
        probes = claim_at(app, alice, now)
        assert [len(one.mobiles) for one in probes] == [2]
        assert claim_at(app, alice, now) == []
        store_at(app, alice, now, probes, code(5))
    now += 240 * MINUTE
    store_at(app, alice, now, claim_at(app, alice, now), TAKEN)
    assert account_of(app, alice, account).state == "ok"
    with tenancy.team_scope(alice.team_id, app) as session:
        operations.release_account(account)
        session.commit()
    assert len(claim_at(app, alice, now)) == 2
    assert campaign_of(app, alice, campaign_id).no_report == 2


def test_no_campaign_that_anything_else_stops_is_a_probe_but_one_that_could_not_begin_is(
    app: Flask, alice: Person, account: int
) -> None:
    campaign_id, now = broke(app, alice, account)
    with tenancy.team_scope(alice.team_id, app) as session:
        stopping.pause_campaign(campaign_id)
        session.commit()
    assert claim_at(app, alice, now + HOUR) == []
    waits = confirm(app, alice, account, numbers(3, 13_600_000_000))
    begin(app, alice)
    assert campaign_of(app, alice, waits).state == "ready"
    (probe,) = claim_at(app, alice, now + HOUR)
    assert (probe.campaign_id, campaign_of(app, alice, waits).state) == (waits, "sending")


# ---- spread over time ------------------------------------------------------------------------------------


def test_so_many_an_hour_and_after_a_pause_no_burst(app: Flask, alice: Person, account: int) -> None:
    set_account(app, alice, account, numbers_per_request=5)
    campaign_id = confirm(app, alice, account, numbers(40))
    other = confirm(app, alice, account, numbers(5, 13_600_000_000))
    begin(app, alice)
    set_campaign(app, alice, campaign_id, per_hour=100)
    now = clock.now()
    assert campaigns_of(claim_at(app, alice, now)) == [other, campaign_id]
    assert campaign_of(app, alice, campaign_id).next_at == now + 3 * MINUTE
    assert claim_at(app, alice, now + 3 * MINUTE - SECOND) == []
    late = now + HOUR
    assert campaigns_of(claim_at(app, alice, late)) == [campaign_id]
    assert claim_at(app, alice, late) == []
    assert campaign_of(app, alice, campaign_id).next_at == late + 3 * MINUTE


def test_a_moment_in_the_next_days_hours_is_believed_and_one_that_no_night_explains_is_not(
    app: Flask, alice: Person, account: int
) -> None:
    set_account(app, alice, account, numbers_per_request=5)
    campaign_id = confirm(app, alice, account, numbers(40))
    begin(app, alice)
    now = clock.now()
    set_campaign(app, alice, campaign_id, per_hour=100_000, next_at=now + 13 * HOUR)
    assert claim_at(app, alice, now) == []
    set_campaign(app, alice, campaign_id, next_at=now + 25 * HOUR)
    assert len(claim_at(app, alice, now)) == 1


def test_evenly_until_a_moment_and_then_without_waiting(app: Flask, alice: Person, account: int) -> None:
    set_account(app, alice, account, numbers_per_request=5)
    campaign_id = confirm(app, alice, account, numbers(40))
    begin(app, alice)
    now = clock.now()
    set_campaign(app, alice, campaign_id, even_until=now + 80 * MINUTE)
    first = claim_at(app, alice, now)
    assert campaign_of(app, alice, campaign_id).next_at == now + 10 * MINUTE
    store_at(app, alice, now, first, TAKEN)
    # A pause of half an hour: what is left is spread over the time that is left.
    now += 45 * MINUTE
    assert len(claim_at(app, alice, now)) == 1
    assert campaign_of(app, alice, campaign_id).next_at == now + 5 * MINUTE
    assert len(claim_at(app, alice, now + HOUR)) == 1
    assert len(claim_at(app, alice, now + HOUR)) == 1


# ---- a person, and a real gateway ------------------------------------------------------------------------


@pytest.mark.parametrize("act", [stopping.pause_campaign, stopping.stop_campaign], ids=["pause", "stop"])
def test_a_person_stops_it_within_what_is_under_way(
    app: Flask, practice: PracticeGateway, alice: Person, account: int, act: Callable[[int], None]
) -> None:
    practice.dial(latency_ms=100)
    campaign_id = ones(app, alice, account, 60)
    with sender(app):
        wait_until(lambda: campaign_of(app, alice, campaign_id).no_report >= 4)
        with tenancy.team_scope(alice.team_id, app) as session:
            act(campaign_id)
            session.commit()
        before = sum(one.attempts for one in batches_of(app, alice, campaign_id))
        wait_until(lambda: all(one.state != "inflight" for one in batches_of(app, alice, campaign_id)))
    assert len([line for line in practice.submissions() if line["uid"] == uids[account]]) <= before + 4
    assert campaign_of(app, alice, campaign_id).no_report < 60


def test_a_campaign_of_a_hundred_does_not_wait_for_one_of_very_many(
    app: Flask, practice: PracticeGateway, alice: Person, account: int
) -> None:
    """Neither in its own team nor in another one; in the order in which the gateway got the requests."""
    practice.dial(latency_ms=300)
    large = ones(app, alice, account, 300)
    bob = make_person(app, "bob")
    with sender(app):
        wait_until(lambda: campaign_of(app, alice, large).no_report >= 4)
        small = ones(app, alice, account, 6, 13_600_000_000)
        foreign = ones(app, bob, connect_practice(app, bob, practice), 6, 13_600_000_000)
        wait_until(lambda: campaign_of(app, alice, small).state == "waiting_for_reports")
        wait_until(lambda: campaign_of(app, bob, foreign).state == "waiting_for_reports")
        with tenancy.team_scope(alice.team_id, app) as session:
            stopping.stop_campaign(large)
            session.commit()
    order = [
        line["mobiles"][0].startswith("136")
        for line in practice.submissions()
        if line["uid"] == uids[account]
    ]
    place = order.index(True)
    last = len(order) - order[::-1].index(True)
    assert last - place <= 2 * 6 + 4, "every second request was of the small one"
    assert len(order) < 300


def test_teams_with_fewer_requests_under_way_come_first(app: Flask, alice: Person, account: int) -> None:
    ones(app, alice, account, 9)
    claim(app, alice)
    for person in (make_person(app, "bob"), make_person(app, "carol")):
        with tenancy.team_scope(person.team_id, app) as session:
            found = connect_account("A", "practice", Secret("x"), Secret("y"), by=None)
            found.state = "ok"
            found_id = found.id
            session.commit()
        confirm(app, person, found_id, numbers(2))
    assert Sender(app, threading.Event())._teams()[-1] == alice.team_id
