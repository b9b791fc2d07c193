"""Pause, resume and stop, at each point at which a person may press the button."""

from __future__ import annotations

import pytest
from flask import Flask

from tests.campaigns.running import batches_of, campaign_of, sender
from tests.campaigns.test_late_answers import answered, claim, code, reap, store
from tests.factories import Person, confirm, connect_practice, numbers, sign_in
from tests.practice.fixture import PracticeGateway, wait_until
from webapp import clock, tenancy
from webapp.campaigns import planning, stopping
from webapp.errors import DomainError
from webapp.gateway.exchange import Exchange, Kind
from webapp.gateway.models import GatewayAccount


@pytest.fixture
def account(app: Flask, alice: Person, practice: PracticeGateway) -> int:
    """An account that takes ten numbers a request, four requests at once."""
    account_id = connect_practice(app, alice, practice)
    with tenancy.team_scope(alice.team_id, app) as session:
        session.get_one(GatewayAccount, (alice.team_id, account_id)).numbers_per_request = 10
        session.commit()
    return account_id


def act(app: Flask, person: Person, action: object, campaign_id: int) -> None:
    assert callable(action)
    with app.test_request_context(), tenancy.team_scope(person.team_id, app) as session:
        action(campaign_id)
        session.commit()


def sweep(app: Flask, person: Person) -> None:
    with tenancy.team_scope(person.team_id, app) as session:
        for campaign_id in stopping.stopping_campaigns():
            stopping.stop_what_has_not_left(campaign_id, clock.now())
            session.commit()


def test_a_paused_campaign_waits_and_goes_on(app: Flask, alice: Person, account: int) -> None:
    campaign_id = confirm(app, alice, account, numbers(100))
    first = claim(app, alice)
    act(app, alice, stopping.pause_campaign, campaign_id)
    assert claim(app, alice) == []
    store(app, alice, [answered(one, code(0, f"m{one.batch_no}")) for one in first])
    campaign = campaign_of(app, alice, campaign_id)
    assert (campaign.no_report, campaign.waiting) == (40, 60)
    act(app, alice, stopping.resume_campaign, campaign_id)
    assert len(claim(app, alice)) == 4


def test_what_has_not_left_is_not_sent_after_a_stop(app: Flask, alice: Person, account: int) -> None:
    campaign_id = confirm(app, alice, account, numbers(100))
    first = claim(app, alice)
    act(app, alice, stopping.stop_campaign, campaign_id)
    campaign = campaign_of(app, alice, campaign_id)
    assert (campaign.state, campaign.not_sent, campaign.waiting) == ("stopping", 60, 40)
    store(app, alice, [answered(one, code(0, f"m{one.batch_no}")) for one in first])
    campaign = campaign_of(app, alice, campaign_id)
    assert (campaign.state, campaign.no_report, campaign.not_sent) == ("stopped", 40, 60)
    assert claim(app, alice) == []


@pytest.mark.parametrize(
    ("exchange", "tally"),
    [
        (code(2), "not_sent"),
        (code(5), "not_sent"),
        (code(6), "not_sent"),
        (Exchange(Kind.REFUSED), "not_sent"),
        (Exchange(Kind.LOST_AFTER_SEND), "unconfirmed"),
        (code(7), "unconfirmed"),
    ],
)
def test_what_an_answer_would_let_go_again_ends_after_a_stop(
    app: Flask, alice: Person, account: int, exchange: Exchange, tally: str
) -> None:
    campaign_id = confirm(app, alice, account, numbers(10))
    (only,) = claim(app, alice)
    act(app, alice, stopping.stop_campaign, campaign_id)
    store(app, alice, [answered(only, exchange)])
    campaign = campaign_of(app, alice, campaign_id)
    assert (campaign.state, getattr(campaign, tally)) == ("stopped", 10)
    assert claim(app, alice) == []


@pytest.mark.parametrize(
    ("exchange", "state"), [(Exchange(Kind.REFUSED), "retry"), (code(1), "blocked"), (code(5), "blocked")]
)
def test_what_waits_for_another_try_or_its_account_is_not_sent_after_a_stop(
    app: Flask, alice: Person, account: int, exchange: Exchange, state: str
) -> None:
    campaign_id = confirm(app, alice, account, numbers(10))
    (only,) = claim(app, alice)
    store(app, alice, [answered(only, exchange)])
    assert [batch.state for batch in batches_of(app, alice, campaign_id)] == [state]
    act(app, alice, stopping.stop_campaign, campaign_id)
    campaign = campaign_of(app, alice, campaign_id)
    assert (campaign.state, campaign.not_sent) == ("stopped", 10)


def test_what_is_on_hold_is_a_persons_to_decide_after_a_stop(app: Flask, alice: Person, account: int) -> None:
    campaign_id = confirm(app, alice, account, numbers(10))
    (only,) = claim(app, alice)
    store(app, alice, [answered(only, Exchange(Kind.LOST_AFTER_SEND))])
    act(app, alice, stopping.stop_campaign, campaign_id)
    assert [batch.state for batch in batches_of(app, alice, campaign_id)] == ["unconfirmed"]
    assert campaign_of(app, alice, campaign_id).unconfirmed == 10


def test_a_stop_while_planning_gives_every_recipient_a_row(app: Flask, alice: Person, account: int) -> None:
    campaign_id = confirm(app, alice, account, numbers(12_000))
    with tenancy.team_scope(alice.team_id, app) as session:
        assert planning.plan_chunk(campaign_id)
        session.commit()
    act(app, alice, stopping.stop_campaign, campaign_id)
    assert claim(app, alice) == []
    campaign = campaign_of(app, alice, campaign_id)
    assert (campaign.state, campaign.not_sent) == ("stopped", 12_000)
    assert sum(batch.size for batch in batches_of(app, alice, campaign_id)) == 12_000


def test_a_dead_workers_batch_ends_unconfirmed_after_a_stop(app: Flask, alice: Person, account: int) -> None:
    campaign_id = confirm(app, alice, account, numbers(10))
    claim(app, alice)
    act(app, alice, stopping.stop_campaign, campaign_id)
    reap(app, alice)
    sweep(app, alice)
    campaign = campaign_of(app, alice, campaign_id)
    assert (campaign.state, campaign.unconfirmed) == ("stopped", 10)


def test_what_the_machine_paused_is_resumed_only_with_a_well_account(
    app: Flask, alice: Person, account: int
) -> None:
    campaign_id = confirm(app, alice, account, numbers(10))
    (only,) = claim(app, alice)
    store(app, alice, [answered(only, code(1))])
    with pytest.raises(DomainError, match="does not work yet"):
        act(app, alice, stopping.resume_campaign, campaign_id)
    with tenancy.team_scope(alice.team_id, app) as session:
        session.get_one(GatewayAccount, (alice.team_id, account)).state = "ok"
        session.commit()
    act(app, alice, stopping.resume_campaign, campaign_id)
    assert len(claim(app, alice)) == 1


def test_the_buttons_on_the_page(app: Flask, practice: PracticeGateway, alice: Person, account: int) -> None:
    practice.dial(latency_ms=200)
    campaign_id = confirm(app, alice, account, numbers(400))
    place = f"/t/{alice.team}/campaigns/{campaign_id}"
    browser = sign_in(app, alice)
    with sender(app):
        wait_until(lambda: campaign_of(app, alice, campaign_id).no_report > 0)
        assert browser.post(f"{place}/pause").location == place
        assert "Paused by a member of your team" in browser.get(place).text
        assert browser.post(f"{place}/resume").location == place
        assert "Stop this campaign?" in browser.get(f"{place}/stop").text
        assert browser.post(f"{place}/stop").location == place
        wait_until(lambda: campaign_of(app, alice, campaign_id).state == "stopped")
    campaign = campaign_of(app, alice, campaign_id)
    assert campaign.not_sent > 0
    assert campaign.no_report + campaign.not_sent == 400
    assert browser.post(f"{place}/resume").location == place
    assert campaign_of(app, alice, campaign_id).state == "stopped"
