"""A draft for those who failed, have no report or were not sent to: who is in it, until the confirm."""

from __future__ import annotations

import pytest
from flask import Flask

from tests.campaigns.deciding import leave, report
from tests.campaigns.grouping import Someone, group_of
from tests.campaigns.laying import messages_of
from tests.campaigns.running import campaign_of
from tests.campaigns.test_late_answers import answered, claim, code, store
from tests.campaigns.writing import carried, id_of, place_of, said
from tests.conftest import Database
from tests.factories import Person, confirm, make_person, numbers, sign_in
from webapp import clock, tenancy
from webapp.campaigns import drafts, laying, operations, stopping
from webapp.campaigns.again import Outcome
from webapp.campaigns.drafts import Written
from webapp.campaigns.models import Audience, Campaign
from webapp.delivery import erasing
from webapp.errors import DomainError

FAILED, ALSO_FAILED, UNHEARD, DELIVERED, ELSEWHERE = numbers(5, 13_633_000_000)
NAMES = {FAILED: "Wang", ALSO_FAILED: "Li", UNHEARD: "Zhao", DELIVERED: "Sun"}


@pytest.fixture
def earlier(app: Flask, database: Database, alice: Person, account: int) -> int:
    """A campaign that was handed over: two were refused, one was not reported, one got it."""
    lines = [f"{mobile}, {name}" for mobile, name in NAMES.items()]
    campaign_id = confirm(app, alice, account, lines, "Dear {name}")
    while calls := claim(app, alice):
        refused = {FAILED, ALSO_FAILED}
        store(
            app,
            alice,
            [answered(one, code(2 if set(one.mobiles) <= refused else 0, one.mobiles[0])) for one in calls],
        )
    report(app, database, alice, account, DELIVERED, [DELIVERED])
    campaign = campaign_of(app, alice, campaign_id)
    assert (campaign.failed, campaign.no_report, campaign.delivered) == (2, 1, 1)
    return campaign_id


def draft(app: Flask, person: Person, account: int, earlier: int, outcome: str, **more: object) -> int:
    """A draft for those of the earlier campaign, laid out."""
    with app.test_request_context(), tenancy.team_scope(person.team_id, app) as session:
        values = {"body": "Dear {name}, once more", "signature": "Shop", **more}
        made = drafts.save_draft(Written(account, again=(earlier, outcome), **values), person.user_id)  # type: ignore[arg-type] # fields of all types
        drafts.prepare(made)
        draft_id = made.id
        session.commit()
    return draft_id


def laid(app: Flask, person: Person, draft_id: int) -> dict[str, dict[str, str] | None]:
    with tenancy.team_scope(person.team_id, app) as session:
        rows = session.query(Audience).filter_by(team_id=person.team_id, campaign_id=draft_id)
        return {row.mobile: row.variables for row in rows}


@pytest.fixture(params=[False, True], ids=["at-once", "in-slices"])
def slices(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> bool:
    """What takes thousands of people elsewhere takes a few here."""
    if request.param:
        monkeypatch.setattr(laying, "MOST_AT_ONCE", 0)
        monkeypatch.setattr(laying, "SET_SLICE", 1)
        monkeypatch.setattr("webapp.campaigns.people.SLICE", 1)
    return bool(request.param)


def test_each_outcome_brings_its_people_with_their_values(
    app: Flask, alice: Person, account: int, earlier: int, slices: bool
) -> None:
    del slices
    failed = laid(app, alice, draft(app, alice, account, earlier, Outcome.FAILED))
    assert failed == {FAILED: {"name": "Wang"}, ALSO_FAILED: {"name": "Li"}}
    unheard = laid(app, alice, draft(app, alice, account, earlier, Outcome.NO_REPORT))
    assert unheard == {UNHEARD: {"name": "Zhao"}}
    plain = laid(app, alice, draft(app, alice, account, earlier, Outcome.FAILED, body="The same to all"))
    assert plain == {FAILED: None, ALSO_FAILED: None}


def test_who_opted_out_is_erased_or_stands_elsewhere_is_in_it_once_or_not_at_all(
    app: Flask, alice: Person, account: int, earlier: int, slices: bool
) -> None:
    del slices
    leave(app, alice, [ALSO_FAILED])
    with app.test_request_context(), tenancy.team_scope(alice.team_id, app) as session:
        people: list[Someone | str] = [FAILED, DELIVERED]
        group = group_of(session, "VIP", people)
        session.commit()
    for body in ("The same to all", "Dear {name}, once more"):
        draft_id = draft(
            app, alice, account, earlier, Outcome.FAILED, body=body, groups=(group,), numbers=ELSEWHERE,
            defaults={"name": "friend"},
        )  # fmt: skip
        assert set(laid(app, alice, draft_id)) == {FAILED, DELIVERED, ELSEWHERE}
        with tenancy.team_scope(alice.team_id, app) as session:
            left_out = session.get_one(Campaign, (alice.team_id, draft_id)).left_out["counts"]
            assert left_out == {"twice": 1, "opted_out": 1}
    with app.test_request_context(), tenancy.team_scope(alice.team_id, app) as session:
        erasing.ask(FAILED, alice.user_id, clock.now())
        session.commit()
        with pytest.raises(DomainError):
            draft(app, alice, account, earlier, Outcome.FAILED)


def test_a_report_that_comes_before_the_confirm_takes_its_person_out(
    app: Flask, database: Database, alice: Person, account: int, earlier: int, slices: bool
) -> None:
    del slices
    draft_id = draft(
        app, alice, account, earlier, Outcome.NO_REPORT, numbers=f"{ELSEWHERE}, Qian", body="Dear {name}"
    )
    with app.test_request_context(), tenancy.team_scope(alice.team_id, app) as session:
        seen = drafts.preview(session.get_one(Campaign, (alice.team_id, draft_id))).digest
    report(app, database, alice, account, UNHEARD, [UNHEARD])
    with app.test_request_context(), tenancy.team_scope(alice.team_id, app) as session:
        with pytest.raises((operations.StalePreviewError, drafts.NotPreparedError)):
            operations.confirm_campaign(draft_id, "k", seen, alice.user_id, 0)
        session.commit()
        drafts.prepare(session.get_one(Campaign, (alice.team_id, draft_id)))
        session.commit()
    assert set(laid(app, alice, draft_id)) == {ELSEWHERE}


def test_lines_of_one_number_that_failed_stay_messages_of_their_own(
    app: Flask, alice: Person, account: int, slices: bool
) -> None:
    del slices
    with app.test_request_context(), tenancy.team_scope(alice.team_id, app) as session:
        lines = f"{FAILED}, Wang\n{FAILED}, Li\n{UNHEARD}, Zhao"
        first = drafts.draft_campaign(account, lines, "Dear {name}", "Shop", alice.user_id, each_line=True)
        first_id, seen = first.id, drafts.preview(first).digest
        operations.confirm_campaign(first_id, "k", seen, alice.user_id, 0)
        session.commit()
    while calls := claim(app, alice):
        store(app, alice, [answered(one, code(2)) for one in calls])
    assert len(messages_of(app, alice, first_id)) == 3
    for body, each_line, expected in (
        ("Dear {name}, again", True, 3),
        ("Dear {name}, again", False, 2),
        ("The same to all", True, 2),
    ):
        draft_id = draft(app, alice, account, first_id, Outcome.FAILED, body=body, each_line=each_line)
        with tenancy.team_scope(alice.team_id, app) as session:
            rows = session.query(Audience).filter_by(team_id=alice.team_id, campaign_id=draft_id)
            assert rows.count() == expected, (body, each_line)


def test_the_page_offers_it_and_a_person_sends_it(
    app: Flask, alice: Person, account: int, earlier: int
) -> None:
    browser = sign_in(app, alice)
    team = f"/t/{alice.team}/campaigns"
    page = browser.get(f"{team}/{earlier}")
    assert "Send to the 2 who failed" in said(page)
    assert "Send to the 1 without a report" in said(page)
    assert "may reach people twice" in said(page)
    form = browser.get(f"{team}/new?again={earlier}&outcome=failed")
    assert "Those of “Dear {name}” who failed 2 people" in said(form)
    fields = {
        "account": str(account), "again": f"{earlier}-failed", "body": "Dear {name}, once more",
        "signature": "Shop", "kind": "notice", "when": "now", "at_hours_end": "wait",
        "draft_key": carried(form, "draft_key"), "then": "review",
    }  # fmt: skip
    place = place_of(browser.post(f"{team}/new", data=fields))
    review = browser.get(f"{place}/review")
    assert "Those of “Dear {name}” who failed 2" in said(review)
    assert "2 numbers that a gateway refused before" in said(review)
    browser.post(f"{place}/refused", data={"leave_out": "yes"})
    assert "everybody in the list is left out" in said(browser.get(f"{place}/review", follow_redirects=True))
    browser.post(f"{place}/refused", data={"leave_out": "no"})
    review = browser.get(f"{place}/review")
    sent = browser.post(
        f"{place}/confirm", data={"key": carried(review, "key"), "seen": carried(review, "seen")}
    )
    assert sent.status_code == 303
    claim(app, alice)
    assert {one.mobile for one in messages_of(app, alice, id_of(place))} == {FAILED, ALSO_FAILED}


def test_who_was_not_sent_to_after_a_stop_is_offered_too(app: Flask, alice: Person, account: int) -> None:
    campaign_id = confirm(app, alice, account, [f"{FAILED}, Wang", f"{UNHEARD}, Zhao"], "Dear {name}")
    one, *more = claim(app, alice)
    store(app, alice, [answered(one, code(0, "m1"))])
    with app.test_request_context(), tenancy.team_scope(alice.team_id, app) as session:
        stopping.stop_campaign(campaign_id)
        session.commit()
    for call in more:
        store(app, alice, [answered(call, code(5))])
    page = sign_in(app, alice).get(f"/t/{alice.team}/campaigns/{campaign_id}")
    assert "Send to the 1 it was not sent to" in said(page)
    (left,) = {FAILED, UNHEARD} - set(one.mobiles)
    assert set(laid(app, alice, draft(app, alice, account, campaign_id, Outcome.NOT_SENT))) == {left}


def test_the_earlier_campaign_can_be_unticked_and_another_teams_is_none(
    app: Flask, alice: Person, account: int, earlier: int
) -> None:
    draft_id = draft(app, alice, account, earlier, Outcome.FAILED)
    with app.test_request_context(), tenancy.team_scope(alice.team_id, app) as session:
        found = session.get_one(Campaign, (alice.team_id, draft_id))
        assert (found.again_of, found.again_people) == (earlier, 2)
        drafts.save_draft(
            Written(account, numbers=ELSEWHERE, body="Hello", signature="Shop"),
            alice.user_id, campaign_id=draft_id, version=found.version,
        )  # fmt: skip
        drafts.prepare(found)
        session.commit()
    assert set(laid(app, alice, draft_id)) == {ELSEWHERE}
    bob = make_person(app, "bob")
    browser = sign_in(app, bob)
    assert browser.get(f"/t/{bob.team}/campaigns/new?again={earlier}&outcome=failed").status_code == 404
