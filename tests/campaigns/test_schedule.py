"""The clock and a campaign: when it begins, when it is too late, when its hours or its limit are over."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from flask import Flask

from tests.campaigns.running import batches_of, campaign_of, sender
from tests.campaigns.test_late_answers import answered, claim, code, store
from tests.campaigns.test_sending import submitted
from tests.campaigns.timing import MARKETING, confirmed, did, plan_all, told
from tests.factories import Person, connect_practice, make_person, numbers
from tests.practice.fixture import PracticeGateway, wait_until
from webapp import clock, tenancy
from webapp.campaigns import claims, drafts, operations, schedule, stopping
from webapp.campaigns.models import Campaign
from webapp.errors import DomainError
from webapp.gateway.models import GatewayAccount
from webapp.settings import settings_of

# A Monday, 10:00 in Shanghai: within the hours of every kind.
MONDAY = datetime(2026, 11, 23, 2, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.fixture
def account(app: Flask, alice: Person, practice: PracticeGateway) -> int:
    """An account that takes ten numbers a request, four requests at once."""
    account_id = connect_practice(app, alice, practice)
    with tenancy.team_scope(alice.team_id, app) as session:
        session.get_one(GatewayAccount, (alice.team_id, account_id)).numbers_per_request = 10
        session.commit()
    return account_id


def claim_at(app: Flask, person: Person, now: datetime) -> int:
    """Begin and claim as a worker does at that moment; how many batches."""
    with tenancy.team_scope(person.team_id, app) as session:
        claims.begin_ready_campaigns(now)
        found = claims.claim_batches(now, settings_of(app).times, 64)
        session.commit()
        return len(found)


def turn(app: Flask, person: Person, now: datetime) -> None:
    """One look at the clock, as the sender takes it."""
    with time_machine.travel(now, tick=False), tenancy.team_scope(person.team_id, app) as session:
        schedule.start_due(now)
        schedule.expire(now)
        session.commit()
        for campaign_id in stopping.cut_off_campaigns(now):
            stopping.cut_off(campaign_id, now)
            session.commit()


# ---- begin, or miss ----------------------------------------------------------------------------------


def test_a_scheduled_campaign_is_planned_at_once_and_begins_at_its_time(
    app: Flask, alice: Person, account: int
) -> None:
    at = clock.now() + HOUR
    campaign_id = confirmed(app, alice, account, numbers(12), send_at=at)
    campaign = campaign_of(app, alice, campaign_id)
    assert (campaign.state, campaign.begin_at, campaign.start_by) == ("scheduled", at, at + HOUR)
    assert len(batches_of(app, alice, campaign_id)) == 2
    for early in (clock.now(), at - timedelta(seconds=1)):
        turn(app, alice, early)
        assert claim_at(app, alice, early) == 0
    turn(app, alice, at)
    assert campaign_of(app, alice, campaign_id).state == "ready"
    assert claim_at(app, alice, at) == 2


@pytest.mark.parametrize(("late", "state"), [(HOUR, "ready"), (HOUR + timedelta(seconds=1), "missed")])
def test_found_later_than_an_hour_after_its_time_it_is_missed(
    app: Flask, alice: Person, account: int, late: timedelta, state: str
) -> None:
    at = clock.now() + HOUR
    campaign_id = confirmed(app, alice, account, numbers(2), send_at=at)
    turn(app, alice, at + late)
    assert campaign_of(app, alice, campaign_id).state == state
    assert len(told(app, alice, "campaign.missed")) == (state == "missed")
    turn(app, alice, at)
    assert campaign_of(app, alice, campaign_id).state == state


def test_a_clock_that_jumps_a_day_and_back_starts_nothing_and_loses_nothing(
    app: Flask, alice: Person, account: int
) -> None:
    now = clock.now()
    campaign_id = confirmed(app, alice, account, numbers(2), send_at=now + 2 * HOUR)
    turn(app, alice, now + timedelta(days=1))
    assert claim_at(app, alice, now + timedelta(days=1)) == 0
    turn(app, alice, now)
    assert claim_at(app, alice, now) == 0
    campaign = campaign_of(app, alice, campaign_id)
    assert (campaign.state, campaign.waiting) == ("missed", 2)
    later = did(app, alice, lambda: schedule.reschedule(campaign_id, now + 3 * HOUR, "key").send_at)
    assert later is not None
    turn(app, alice, later)
    assert claim_at(app, alice, later) == 1


def test_two_schedulers_start_each_of_fifty_once(app: Flask, alice: Person, account: int) -> None:
    at = clock.now() + HOUR
    made = [
        confirmed(app, alice, account, [str(13_700_000_000 + n)], send_at=at, plan=False) for n in range(50)
    ]
    plan_all(app, alice)
    begun: list[list[int]] = [[], []]
    ready = threading.Barrier(2)

    def look(mine: list[int]) -> None:
        with tenancy.team_scope(alice.team_id, app) as session:
            ready.wait(timeout=30)
            mine.extend(schedule.start_due(at))
            # Neither commits before both have looked.
            ready.wait(timeout=30)
            session.commit()

    threads = [threading.Thread(target=look, args=[mine]) for mine in begun]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
    assert sorted(begun[0] + begun[1]) == sorted(made)


def test_the_sender_starts_what_is_due(
    app: Flask, alice: Person, practice: PracticeGateway, account: int
) -> None:
    campaign_id = confirmed(app, alice, account, numbers(2), send_at=clock.now() + timedelta(seconds=2))
    with sender(app):
        wait_until(lambda: campaign_of(app, alice, campaign_id).no_report == 2)
    campaign = campaign_of(app, alice, campaign_id)
    assert campaign.started_at is not None
    assert campaign.send_at is not None
    assert campaign.started_at >= campaign.send_at
    assert sorted(submitted(practice, account)) == numbers(2)


# ---- at the confirm ----------------------------------------------------------------------------------


def test_a_time_that_passes_during_the_review_is_refused(app: Flask, alice: Person, account: int) -> None:
    with tenancy.team_scope(alice.team_id, app) as session:
        draft = drafts.draft_campaign(
            account, "13700000000", "Hello", "Shop", alice.user_id, send_at=clock.now() + HOUR
        )
        campaign_id, seen = draft.id, drafts.preview(draft).digest
        session.commit()
    with time_machine.travel(clock.now() + 2 * HOUR, tick=False), pytest.raises(DomainError) as refused:
        did(app, alice, lambda: operations.confirm_campaign(campaign_id, "k", seen, alice.user_id, 0))
    assert "Nothing was sent" in str(refused.value)
    assert refused.value.field == "send_at"
    assert campaign_of(app, alice, campaign_id).state == "draft"


@pytest.mark.parametrize(
    ("count", "more", "seconds"), [(2, {}, 10), (1, {}, 0), (2, {"send_at": MONDAY + HOUR}, 3600)]
)
def test_the_delay_is_for_many_and_for_now_only(
    app: Flask, alice: Person, account: int, count: int, more: dict[str, Any], seconds: int
) -> None:
    with time_machine.travel(MONDAY, tick=False), tenancy.team_scope(alice.team_id, app) as session:
        draft = drafts.draft_campaign(
            account, "\n".join(numbers(count)), "Hello", "Shop", alice.user_id, **more
        )
        seen = drafts.preview(draft).digest
        operations.confirm_campaign(draft.id, "k", seen, alice.user_id, 10)
        campaign_id = draft.id
        session.commit()
    assert campaign_of(app, alice, campaign_id).begin_at == MONDAY + timedelta(seconds=seconds)


# ---- another time ------------------------------------------------------------------------------------


def test_another_time_keeps_everything_else(app: Flask, alice: Person, account: int) -> None:
    now = clock.now()
    campaign_id = confirmed(app, alice, account, numbers(12), send_at=now + HOUR)
    before = campaign_of(app, alice, campaign_id)
    later = now + 5 * HOUR
    did(app, alice, lambda: schedule.reschedule(campaign_id, later, "one"))
    did(app, alice, lambda: schedule.reschedule(campaign_id, now + 9 * HOUR, "one"))
    after = campaign_of(app, alice, campaign_id)
    assert (after.state, after.send_at, after.start_by) == ("scheduled", later, later + HOUR)
    kept = ("version", "confirm_key", "confirmed_at", "preview_hash", "recipients", "waiting", "planned_at")
    assert [getattr(after, name) for name in kept] == [getattr(before, name) for name in kept]
    assert told(app, alice, "campaign.time_changed") == [{"send_at": later.isoformat(), "key": "one"}]
    turn(app, alice, now + HOUR)
    assert claim_at(app, alice, now + HOUR) == 0


def test_a_double_press_at_once_changes_the_time_once(app: Flask, alice: Person, account: int) -> None:
    now = clock.now()
    campaign_id = confirmed(app, alice, account, numbers(2), send_at=now + HOUR)
    ready = threading.Barrier(4)

    def press(hours: int) -> None:
        ready.wait()
        did(app, alice, lambda: schedule.reschedule(campaign_id, now + hours * HOUR, "one"))

    threads = [threading.Thread(target=press, args=[hours]) for hours in (2, 3, 4, 5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
    (entry,) = told(app, alice, "campaign.time_changed")
    sent_at = campaign_of(app, alice, campaign_id).send_at
    assert sent_at is not None
    assert entry["send_at"] == sent_at.isoformat()


@pytest.mark.parametrize("state", ["planning", "scheduled", "missed", "ready"])
def test_now_is_a_time_too(app: Flask, alice: Person, account: int, state: str) -> None:
    at = clock.now() + HOUR
    campaign_id = confirmed(app, alice, account, numbers(2), send_at=at, plan=state != "planning")
    if state in {"missed", "ready"}:
        turn(app, alice, at + (2 * HOUR if state == "missed" else timedelta()))
    assert campaign_of(app, alice, campaign_id).state == state
    did(app, alice, lambda: schedule.reschedule(campaign_id, None, "one"))
    assert campaign_of(app, alice, campaign_id).send_at is None
    assert len(claim(app, alice)) == 1


def test_a_ready_campaign_can_still_get_a_time(app: Flask, alice: Person, account: int) -> None:
    campaign_id = confirmed(app, alice, account, numbers(2))
    assert campaign_of(app, alice, campaign_id).state == "ready"
    did(app, alice, lambda: schedule.reschedule(campaign_id, clock.now() + HOUR, "one"))
    assert campaign_of(app, alice, campaign_id).state == "scheduled"
    assert claim(app, alice) == []


def test_times_that_cannot_be_are_refused(app: Flask, alice: Person, account: int) -> None:
    now = clock.now()
    limited = confirmed(app, alice, account, numbers(2), send_at=now + HOUR, not_after=now + 2 * HOUR)
    for at, words in ((now - HOUR, "has passed"), (now + 2 * HOUR, "limit"), (now + 3 * HOUR, "limit")):
        with pytest.raises(DomainError, match=words) as refused:
            did(app, alice, lambda at=at: schedule.reschedule(limited, at, "one"))  # type: ignore[misc] # binds it
        assert refused.value.field == "send_at"
    begun = confirmed(app, alice, account, numbers(2))
    claim(app, alice)
    with pytest.raises(DomainError, match="has begun"):
        did(app, alice, lambda: schedule.reschedule(begun, now + HOUR, "two"))
    assert campaign_of(app, alice, limited).send_at == now + HOUR
    assert told(app, alice, "campaign.time_changed") == []


# ---- pause, resume, stop -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("resumed", "state"), [(HOUR, "scheduled"), (3 * HOUR, "ready"), (4 * HOUR, "missed")]
)
def test_a_paused_one_does_not_start(
    app: Flask, alice: Person, account: int, resumed: timedelta, state: str
) -> None:
    now = clock.now()
    campaign_id = confirmed(app, alice, account, numbers(2), send_at=now + 5 * HOUR / 2)
    did(app, alice, lambda: stopping.pause_campaign(campaign_id))
    turn(app, alice, now + 3 * HOUR)
    turn(app, alice, now + 6 * HOUR)
    assert campaign_of(app, alice, campaign_id).state == "scheduled"
    with time_machine.travel(now + resumed, tick=False):
        did(app, alice, lambda: stopping.resume_campaign(campaign_id))
    campaign = campaign_of(app, alice, campaign_id)
    assert (campaign.state, campaign.resumed_at) == (state, now + resumed)
    assert len(told(app, alice, "campaign.missed")) == (state == "missed")


@pytest.mark.parametrize("late", [timedelta(), 3 * HOUR])
def test_what_waits_for_its_time_or_has_missed_it_can_be_stopped(
    app: Flask, alice: Person, account: int, late: timedelta
) -> None:
    at = clock.now() + HOUR
    campaign_id = confirmed(app, alice, account, numbers(2), send_at=at)
    if late:
        turn(app, alice, at + late)
    did(app, alice, lambda: stopping.stop_campaign(campaign_id))
    campaign = campaign_of(app, alice, campaign_id)
    assert (campaign.state, campaign.not_sent) == ("stopped", 2)
    turn(app, alice, at)
    assert claim_at(app, alice, at) == 0


# ---- sending hours -----------------------------------------------------------------------------------


def half_sent(app: Flask, alice: Person, account: int, **more: Any) -> int:
    """A marketing campaign of 60 that begins at 20:00 in Shanghai, 40 of them handed over."""
    evening = MONDAY + 10 * HOUR
    with time_machine.travel(evening, tick=False):
        campaign_id = confirmed(app, alice, account, numbers(60), **MARKETING, **more)
        first = claim(app, alice)
        store(app, alice, [answered(one, code(0, f"m{one.batch_no}")) for one in first])
    assert campaign_of(app, alice, campaign_id).waiting == 20
    return campaign_id


def test_the_rest_waits_for_the_next_day(app: Flask, alice: Person, account: int) -> None:
    campaign_id = half_sent(app, alice, account)
    closed, open_again = MONDAY + 10.5 * HOUR, MONDAY + 22.5 * HOUR
    turn(app, alice, closed)
    assert claim_at(app, alice, closed) == 0
    assert campaign_of(app, alice, campaign_id).state == "sending"
    assert claim_at(app, alice, open_again - timedelta(seconds=1)) == 0
    assert claim_at(app, alice, open_again) == 2


@pytest.mark.parametrize("found", [timedelta(), 14 * HOUR])
def test_the_rest_is_dropped_where_that_was_chosen(
    app: Flask, alice: Person, account: int, found: timedelta
) -> None:
    campaign_id = half_sent(app, alice, account, at_hours_end="drop")
    turn(app, alice, MONDAY + 10.5 * HOUR - timedelta(seconds=1))
    assert campaign_of(app, alice, campaign_id).state == "sending"
    # Also where nobody was there to do it before the next day's hours began.
    turn(app, alice, MONDAY + 10.5 * HOUR + found)
    campaign = campaign_of(app, alice, campaign_id)
    assert (campaign.state, campaign.not_sent, campaign.no_report) == ("stopped", 20, 40)
    assert told(app, alice, "campaign.stopped") == [{"why": "hours"}]
    with tenancy.team_scope(alice.team_id, app):
        assert stopping.was_cut_off(campaign)


def test_one_that_has_not_begun_is_not_dropped(app: Flask, alice: Person, account: int) -> None:
    night = MONDAY + 12 * HOUR
    with time_machine.travel(night, tick=False):
        campaign_id = confirmed(app, alice, account, numbers(2), at_hours_end="drop", **MARKETING)
        turn(app, alice, night)
        assert claim_at(app, alice, night) == 0
    assert campaign_of(app, alice, campaign_id).state == "ready"
    assert claim_at(app, alice, MONDAY + 24 * HOUR) == 1


def test_a_persons_stop_is_told_as_one(app: Flask, alice: Person, account: int) -> None:
    campaign_id = half_sent(app, alice, account, at_hours_end="drop")
    did(app, alice, lambda: stopping.stop_campaign(campaign_id))
    with tenancy.team_scope(alice.team_id, app):
        assert not stopping.was_cut_off(campaign_of(app, alice, campaign_id))


# ---- not after ---------------------------------------------------------------------------------------


def limited(app: Flask, alice: Person, account: int) -> tuple[int, datetime]:
    """A campaign of 60, 40 handed over, whose limit has passed; and the limit."""
    now = clock.now()
    limit = now + HOUR
    campaign_id = confirmed(app, alice, account, numbers(60), not_after=limit)
    store(app, alice, [answered(one, code(0, f"m{one.batch_no}")) for one in claim(app, alice)])
    turn(app, alice, limit)
    assert campaign_of(app, alice, campaign_id).paused_by_machine is None
    turn(app, alice, limit + timedelta(seconds=1))
    return campaign_id, limit


def test_nothing_more_goes_out_after_the_limit(app: Flask, alice: Person, account: int) -> None:
    campaign_id, limit = limited(app, alice, account)
    campaign = campaign_of(app, alice, campaign_id)
    assert (campaign.state, campaign.paused_by_machine, campaign.waiting) == ("sending", "expired", 20)
    assert claim_at(app, alice, limit + HOUR) == 0
    with tenancy.team_scope(alice.team_id, app) as session:
        operations.release_account(account)
        session.commit()
    assert campaign_of(app, alice, campaign_id).paused_by_machine == "expired"


@pytest.mark.parametrize("later", [timedelta(hours=5), None])
def test_an_expired_one_goes_on_with_another_limit(
    app: Flask, alice: Person, account: int, later: timedelta | None
) -> None:
    campaign_id, limit = limited(app, alice, account)
    wanted = None if later is None else limit + later
    with time_machine.travel(limit + HOUR, tick=False):
        with pytest.raises(stopping.ExpiredError, match="give it a later one or none"):
            did(app, alice, lambda: stopping.resume_campaign(campaign_id))
        with pytest.raises(DomainError, match="has passed"):
            did(app, alice, lambda: stopping.resume_with_limit(campaign_id, limit))
        for _ in range(2):
            did(app, alice, lambda: stopping.resume_with_limit(campaign_id, wanted))
    turn(app, alice, limit + HOUR)
    assert claim_at(app, alice, limit + HOUR) == 2
    assert len(told(app, alice, "campaign.limit_changed")) == 1
    assert len(told(app, alice, "campaign.resumed")) == 1


def test_a_limit_holds_over_an_accounts_trouble(app: Flask, alice: Person, account: int) -> None:
    limit = clock.now() + HOUR
    campaign_id = confirmed(app, alice, account, numbers(20), not_after=limit)
    first = claim(app, alice)[0]
    store(app, alice, [answered(first, code(5))])
    assert campaign_of(app, alice, campaign_id).paused_by_machine == "balance"
    turn(app, alice, limit + HOUR)
    with tenancy.team_scope(alice.team_id, app) as session:
        session.get_one(GatewayAccount, (alice.team_id, account)).state = "ok"
        operations.release_well_accounts()
        session.commit()
    assert campaign_of(app, alice, campaign_id).paused_by_machine == "expired"


def test_another_team_is_left_alone(
    app: Flask, alice: Person, account: int, practice: PracticeGateway
) -> None:
    bob = make_person(app, "bob")
    theirs = connect_practice(app, bob, practice)
    at = clock.now() + HOUR
    campaign_id = confirmed(app, bob, theirs, numbers(2), send_at=at)
    turn(app, alice, at)
    assert campaign_of(app, bob, campaign_id).state == "scheduled"
    with pytest.raises(Exception, match="No row"):
        did(app, alice, lambda: schedule.reschedule(campaign_id, None, "one"))
    with tenancy.team_scope(bob.team_id, app) as session:
        assert session.get_one(Campaign, (bob.team_id, campaign_id)).send_at == at
