"""What may be claimed when: the sending hours of its kind, the campaign's own limit, and its beginning."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from typing import Any

from flask import Flask

from tests.campaigns.running import batches_of, campaign_of
from tests.campaigns.test_late_answers import answered, store
from tests.campaigns.test_repeats import claim_at
from tests.campaigns.timing import MARKETING, confirmed
from tests.factories import Person, confirm, numbers
from webapp import clock, tenancy
from webapp.accounts import queries
from webapp.campaigns import claims, planning
from webapp.campaigns.models import Campaign, DraftPaste
from webapp.gateway.exchange import Exchange, Kind
from webapp.gateway.models import GatewayAccount

LOST = Exchange(Kind.LOST_AFTER_SEND)


def set_team(app: Flask, person: Person, **values: object) -> None:
    with tenancy.team_scope(person.team_id, app) as session:
        team = queries.team_at_hand()
        for name, value in values.items():
            setattr(team, name, value)
        session.commit()


def begin_at(app: Flask, person: Person, moment: datetime) -> None:
    with tenancy.team_scope(person.team_id, app) as session:
        claims.begin_ready_campaigns(moment)
        session.commit()


def pastes(app: Flask, person: Person) -> int:
    with tenancy.team_scope(person.team_id, app) as session:
        return session.query(DraftPaste).filter_by(team_id=person.team_id).count()


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def marketing(app: Flask, person: Person, account: int, count: int = 3, **more: Any) -> int:
    return confirmed(app, person, account, numbers(count), **{**MARKETING, **more})


def test_a_kind_begins_and_goes_out_only_in_its_hours(app: Flask, alice: Person, account: int) -> None:
    """Over the night on which the clocks of Berlin go back and show 2:30 twice."""
    set_team(app, alice, time_zone="Europe/Berlin", marketing_from=time(2, 30), marketing_until=time(20, 30))
    campaign_id = marketing(app, alice, account)
    for closed in ("2030-10-26T20:30+02:00", "2030-10-27T02:29+02:00", "2030-10-27T02:00+01:00"):
        begin_at(app, alice, at(closed))
        assert campaign_of(app, alice, campaign_id).state == "ready"
    assert pastes(app, alice) == 1
    begin_at(app, alice, at("2030-10-27T02:45+02:00"))
    assert campaign_of(app, alice, campaign_id).state == "sending"
    assert pastes(app, alice) == 0
    assert claim_at(app, alice, at("2030-10-27T02:15+01:00")) == []
    assert claim_at(app, alice, at("2030-10-27T20:30+01:00")) == []
    assert len(claim_at(app, alice, at("2030-10-27T02:30+01:00"))) == 1


def test_a_repeat_waits_for_the_hours_too(app: Flask, alice: Person, account: int) -> None:
    set_team(app, alice, time_zone="Asia/Shanghai")
    campaign_id = marketing(app, alice, account)
    evening = at("2030-05-06T20:29+08:00")
    begin_at(app, alice, evening)
    (first,) = claim_at(app, alice, evening)
    with clock.standing_at(evening + timedelta(seconds=1)):
        store(app, alice, [answered(first, LOST)])
    assert claim_at(app, alice, evening + timedelta(seconds=91)) == []
    set_team(app, alice, marketing_until=time(20, 45))
    (again,) = claim_at(app, alice, evening + timedelta(seconds=91))
    assert again.mobiles == first.mobiles
    assert campaign_of(app, alice, campaign_id).unconfirmed == 3


def test_other_kinds_do_not_wait_for_hours_that_are_not_theirs(
    app: Flask, alice: Person, account: int
) -> None:
    set_team(app, alice, notice_from=time(9), notice_until=time(10), time_zone="Asia/Shanghai")
    test = confirmed(app, alice, account, numbers(1), kind="test")
    notice = confirmed(app, alice, account, numbers(2))
    advert = marketing(app, alice, account)
    at_night, at_nine, at_noon = (at(f"2030-05-06T{hour}:00+08:00") for hour in ("03", "09", "12"))
    begin_at(app, alice, at_night)
    assert [one.campaign_id for one in claim_at(app, alice, at_night)] == [test]
    begin_at(app, alice, at_nine)
    assert {one.campaign_id for one in claim_at(app, alice, at_nine)} == {notice, advert}
    late = confirmed(app, alice, account, numbers(2))
    begin_at(app, alice, at_noon)
    assert campaign_of(app, alice, late).state == "ready"


def test_nothing_goes_out_after_the_campaigns_own_limit(app: Flask, alice: Person, account: int) -> None:
    until = clock.now() + timedelta(hours=3)
    late = timedelta(microseconds=1)
    campaign_id = confirmed(app, alice, account, numbers(3), not_after=until)
    begin_at(app, alice, until + late)
    assert campaign_of(app, alice, campaign_id).state == "ready"
    begin_at(app, alice, until)
    assert campaign_of(app, alice, campaign_id).state == "sending"
    assert claim_at(app, alice, until + late) == []
    (only,) = claim_at(app, alice, until)
    store(app, alice, [answered(only, LOST)])
    assert claim_at(app, alice, until + timedelta(seconds=91)) == []
    assert [batch.state for batch in batches_of(app, alice, campaign_id)] == ["hold"]


def test_an_account_without_balance_is_said_at_the_confirm(app: Flask, alice: Person, account: int) -> None:
    """Its campaign never says that it is sending, and can still be edited."""
    with tenancy.team_scope(alice.team_id, app) as session:
        session.get_one(GatewayAccount, (alice.team_id, account)).state = "out_of_balance"
        session.commit()
    campaign_id = confirm(app, alice, account, numbers(2))
    assert campaign_of(app, alice, campaign_id).paused_by_machine == "balance"
    with tenancy.team_scope(alice.team_id, app) as session:
        while planning.plan_chunk(campaign_id):
            session.commit()
        # Let go for a moment, as a sweep may: it must not begin all the same.
        session.get_one(Campaign, (alice.team_id, campaign_id)).paused_by_machine = None
        session.commit()
        claims.begin_ready_campaigns(clock.now())
        session.commit()
    assert campaign_of(app, alice, campaign_id).state == "ready"
