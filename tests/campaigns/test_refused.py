"""Numbers that a gateway refused by themselves: marked, left out of the next campaign if wanted, forgiven."""

from __future__ import annotations

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests.campaigns.deciding import noted, report, resume, set_account
from tests.campaigns.grouping import Someone, group_of
from tests.campaigns.running import campaign_of
from tests.campaigns.test_late_answers import answered, claim, code, store
from tests.campaigns.writing import said
from tests.conftest import Database
from tests.factories import Person, confirm, numbers, sign_in
from webapp import clock, tenancy
from webapp.campaigns import drafts, laying, operations, refused
from webapp.campaigns.drafts import Written
from webapp.campaigns.models import Audience, Campaign
from webapp.contacts import operations as contacts
from webapp.delivery import erasing

BAD, GOOD, OTHER = numbers(3, 13_611_000_000)


@pytest.fixture
def browser(app: Flask, alice: Person, account: int) -> FlaskClient:
    return sign_in(app, alice)


def marks(app: Flask, person: Person) -> set[str]:
    with tenancy.team_scope(person.team_id, app):
        return refused.among([BAD, GOOD, OTHER])


def refuse(app: Flask, person: Person, account: int, *mobiles: str) -> int:
    """A campaign of these numbers, each in a request of its own: all get code 2."""
    lines = [f"{one}, N{n}" for n, one in enumerate(mobiles)]
    campaign_id = confirm(app, person, account, lines, "Dear {name}")
    store(app, person, [answered(one, code(2)) for one in claim(app, person)])
    return campaign_id


def known(app: Flask, person: Person, mobile: str) -> int:
    with app.test_request_context(), tenancy.team_scope(person.team_id, app) as session:
        contact_id = contacts.add(mobile, "Wang Fang", {}, person.user_id).id
        session.commit()
        return contact_id


def test_only_a_number_that_was_alone_in_its_request_is_marked(
    app: Flask, alice: Person, account: int
) -> None:
    campaign_id = confirm(app, alice, account, [BAD, GOOD])
    store(app, alice, [answered(claim(app, alice)[0], code(2))])
    assert marks(app, alice) == set()
    for one in claim(app, alice):
        store(app, alice, [answered(one, code(2 if one.mobiles == (BAD,) else 0, "m1"))])
    assert marks(app, alice) == {BAD}
    assert campaign_of(app, alice, campaign_id).failed == 1
    with tenancy.team_scope(alice.team_id, app):
        mark = refused.mark_of(BAD)
        assert mark is not None
        assert (mark.account_id, mark.campaign_id) == (account, campaign_id)


def test_a_later_delivery_takes_the_mark_away_and_an_earlier_one_does_not(
    app: Flask, database: Database, alice: Person, account: int
) -> None:
    confirm(app, alice, account, [BAD, GOOD])
    store(app, alice, [answered(claim(app, alice)[0], code(0, "before"))])
    refuse(app, alice, account, BAD)
    report(app, database, alice, account, "before", [BAD])
    assert marks(app, alice) == {BAD}
    confirm(app, alice, account, [BAD, GOOD], "Once more")
    store(app, alice, [answered(claim(app, alice)[0], code(0, "after"))])
    report(app, database, alice, account, "after", [GOOD])
    assert marks(app, alice) == {BAD}
    report(app, database, alice, account, "after", [BAD])
    assert marks(app, alice) == set()


def test_a_campaign_pauses_when_more_than_one_in_twenty_is_refused_and_counts_anew_once_resumed(
    app: Flask, alice: Person, account: int
) -> None:
    people = [f"{one}, N{n}" for n, one in enumerate(numbers(60, 13_622_000_000))]
    campaign_id = confirm(app, alice, account, people, "Dear {name}")
    set_account(app, alice, account, in_flight=16)
    left = 19
    while left:
        calls = claim(app, alice)
        store(app, alice, [answered(one, code(2 if n < left else 0, "m")) for n, one in enumerate(calls)])
        left -= min(left, len(calls))
    # Nineteen of them: too few to say anything about the list.
    assert campaign_of(app, alice, campaign_id).paused_by_machine is None
    one, *more = claim(app, alice)
    store(app, alice, [answered(one, code(2))])
    assert campaign_of(app, alice, campaign_id).paused_by_machine == "many_refused"
    resume(app, alice, campaign_id)
    store(app, alice, [answered(one, code(2)) for one in more[:5]])
    assert campaign_of(app, alice, campaign_id).paused_by_machine is None


def left_out(app: Flask, person: Person, draft_id: int) -> tuple[list[str], dict[str, int]]:
    """Who is in a draft that is laid out, and who is left out."""
    with tenancy.team_scope(person.team_id, app) as session:
        rows = session.query(Audience.mobile).filter_by(team_id=person.team_id, campaign_id=draft_id)
        draft = session.get_one(Campaign, (person.team_id, draft_id))
        return sorted(mobile for (mobile,) in rows), dict(draft.left_out["counts"])


@pytest.mark.parametrize("body", ["Hello", "Dear {name}"], ids=["one-text", "texts"])
@pytest.mark.parametrize("large", [False, True], ids=["at-once", "in-slices"])
def test_marked_numbers_are_left_out_where_that_is_wanted(
    app: Flask, alice: Person, account: int, monkeypatch: pytest.MonkeyPatch, body: str, large: bool
) -> None:
    refuse(app, alice, account, BAD, OTHER)
    if large:
        monkeypatch.setattr(laying, "MOST_AT_ONCE", 0)
    with app.test_request_context(), tenancy.team_scope(alice.team_id, app) as session:
        people: list[Someone | str] = [(one, "Somebody", {}) for one in (BAD, GOOD)]
        group = group_of(session, "VIP", people)
        said = Written(
            account, f"{OTHER}, Somebody", body, "Shop", groups=(group,), leave_out_refused=True
        )  # fmt: skip
        draft = drafts.save_draft(said, alice.user_id)
        drafts.prepare(draft)
        draft_id = draft.id
        session.commit()
        looked = drafts.look(said)
    assert left_out(app, alice, draft_id) == ([GOOD], {"refused": 2})
    assert (looked.recipients, looked.left_out) == (1, {"refused": 2})


def test_a_contact_says_it_and_a_person_takes_it_away(
    app: Flask, browser: FlaskClient, alice: Person, account: int
) -> None:
    contact_id = known(app, alice, BAD)
    refuse(app, alice, account, BAD, OTHER)
    place = f"/t/{alice.team}/contacts/{contact_id}"
    assert "Refused by the gateway on" in said(browser.get(place))
    for _time in range(2):
        assert browser.post(f"{place}/fine").status_code == 303
    assert "Refused by the gateway on" not in said(browser.get(place))
    assert marks(app, alice) == {OTHER}
    assert noted(app, alice, "number.fine_again") == [{"number": "136 **** 0000"}]


def test_a_mark_is_erased_with_its_number(app: Flask, alice: Person, account: int) -> None:
    refuse(app, alice, account, BAD, OTHER)
    with app.test_request_context(), tenancy.team_scope(alice.team_id, app) as session:
        erasure = erasing.ask(BAD, alice.user_id, clock.now())
        session.commit()
        assert erasing.work(erasure.id)
    assert marks(app, alice) == {OTHER}


@pytest.mark.parametrize("large", [False, True], ids=["at-once", "in-slices"])
def test_a_number_that_is_refused_after_the_review_is_left_out_of_what_was_seen(
    app: Flask, alice: Person, account: int, monkeypatch: pytest.MonkeyPatch, large: bool
) -> None:
    if large:
        monkeypatch.setattr(laying, "MOST_AT_ONCE", 0)
    with app.test_request_context(), tenancy.team_scope(alice.team_id, app) as session:
        group = group_of(session, "VIP", [BAD, GOOD])
        draft = drafts.save_draft(
            Written(account, "", "Hello", "Shop", groups=(group,), leave_out_refused=True), alice.user_id
        )
        drafts.prepare(draft)
        draft_id, seen = draft.id, drafts.preview(draft).digest
        session.commit()
    refuse(app, alice, account, BAD)
    with app.test_request_context(), tenancy.team_scope(alice.team_id, app) as session:
        with pytest.raises((operations.StalePreviewError, drafts.NotPreparedError)):
            operations.confirm_campaign(draft_id, "k", seen, alice.user_id, 0)
        session.commit()
        drafts.prepare(session.get_one(Campaign, (alice.team_id, draft_id)))
        session.commit()
    assert left_out(app, alice, draft_id) == ([GOOD], {"refused": 1})
