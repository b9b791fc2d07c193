"""A long list that a job lays out: crashes, edits meanwhile, and the pages that wait for it."""

from __future__ import annotations

from datetime import timedelta

import pytest
import time_machine
from flask import Flask
from flask.testing import FlaskClient

from tests.campaigns.drafting import at_once
from tests.campaigns.grouping import group_of, join
from tests.campaigns.writing import HTMX, campaigns, carried, id_of, place_of, said, written
from tests.conftest import Database
from tests.factories import Person, numbers, sign_in
from tests.ui.markup import faults
from webapp import clock, tenancy
from webapp.campaigns import drafts, jobs, laying
from webapp.campaigns.drafts import Written
from webapp.campaigns.models import Audience, Campaign
from webapp.contacts import fields, optouts
from webapp.contacts import groups as contact_groups

PEOPLE = numbers(23)
BODY = "Dear {name} of {城市}"


@pytest.fixture(autouse=True)
def in_slices(monkeypatch: pytest.MonkeyPatch) -> None:
    """What takes thousands of people elsewhere takes a few here."""
    monkeypatch.setattr(laying, "MOST_AT_ONCE", 0)
    monkeypatch.setattr(laying, "SET_SLICE", 5)
    monkeypatch.setattr("webapp.campaigns.people.SLICE", 5)


@pytest.fixture
def vip(app: Flask, alice: Person, account: int) -> int:
    """A group of 23."""
    del account
    with app.test_request_context(), tenancy.team_scope(alice.team_id, app) as session:
        fields.ensure(["城市"])
        people = [(one, f"P{n}", {"城市": "杭州"}) for n, one in enumerate(PEOPLE)]
        group_id = group_of(session, "VIP", people)
        session.commit()
        return group_id


@pytest.fixture
def browser(app: Flask, alice: Person, account: int) -> FlaskClient:
    return sign_in(app, alice)


@pytest.fixture
def team(alice: Person) -> str:
    return f"/t/{alice.team}/campaigns"


def slices(app: Flask, person: Person, campaign_id: int, most: int = 99, *, crash: bool = False) -> int:
    """Lay out so many slices, each in a session of its own as after a restart; a crash commits nothing."""
    for done in range(most):
        with app.test_request_context(), tenancy.team_scope(person.team_id, app) as session:
            more = drafts.go_on_preparing(campaign_id, None)
            if crash:
                session.rollback()
            else:
                session.commit()
        if more is None:
            return done + 1
    return most


def begun(app: Flask, person: Person, account: int, vip: int, body: str) -> int:
    """A draft whose list is to be prepared."""
    with app.test_request_context(), tenancy.team_scope(person.team_id, app) as session:
        said = Written(account, groups=(vip,), body=body, signature="Shop")
        draft = drafts.save_draft(said, person.user_id)
        drafts.prepare_soon(draft)
        session.commit()
        return draft.id


def digest_of(app: Flask, person: Person, campaign_id: int) -> str:
    with app.test_request_context(), tenancy.team_scope(person.team_id, app) as session:
        return drafts.preview(session.get_one(Campaign, (person.team_id, campaign_id))).digest


def laid_digest(app: Flask, person: Person, campaign_id: int) -> tuple[str, dict[str, object]]:
    """What the layout came to, without the moments and ids of the draft."""
    with tenancy.team_scope(person.team_id, app) as session:
        layout = session.get_one(Campaign, (person.team_id, campaign_id)).layout
        assert layout is not None
        return layout["digest"], layout["figures"]


def waiting_jobs(database: Database) -> int:
    with database.owner() as owner:
        row = owner.execute(
            "SELECT count(*) FROM procrastinate_jobs WHERE task_name = 'team:campaigns.prepare' "
            "AND status = 'todo'"
        ).fetchone()
        assert row is not None
        return int(row[0])


@pytest.mark.parametrize("body", [BODY, "Hello"])
def test_a_crash_at_any_slice_changes_nothing(
    app: Flask, alice: Person, account: int, vip: int, body: str
) -> None:
    whole = begun(app, alice, account, vip, body)
    # The old rows, the paste, five slices of the group, and what it weighs.
    assert slices(app, alice, whole) == 8
    broken = begun(app, alice, account, vip, body)
    for _ in range(8):
        slices(app, alice, broken, 1, crash=True)
        slices(app, alice, broken, 1)
    assert laid_digest(app, alice, broken) == laid_digest(app, alice, whole)
    with tenancy.team_scope(alice.team_id, app) as session:
        rows = session.query(Audience.mobile).filter_by(campaign_id=broken)
        assert sorted(row.mobile for row in rows) == PEOPLE


def test_two_workers_at_one_list_lay_it_out_once(app: Flask, alice: Person, account: int, vip: int) -> None:
    campaign_id = begun(app, alice, account, vip, BODY)
    at_once(app, alice, [lambda: jobs.prepare(campaign_id=campaign_id)] * 3)
    with tenancy.team_scope(alice.team_id, app) as session:
        campaign = session.get_one(Campaign, (alice.team_id, campaign_id))
        assert campaign.layout is not None
        assert (campaign.layout["done"], campaign.layout["walked"]) == (True, 23)
        assert session.query(Audience).filter_by(campaign_id=campaign_id).count() == 23


def test_an_edit_begins_anew_and_what_was_laid_out_before_is_gone(
    app: Flask, alice: Person, account: int, vip: int
) -> None:
    campaign_id = begun(app, alice, account, vip, BODY)
    slices(app, alice, campaign_id, 4)
    with app.test_request_context(), tenancy.team_scope(alice.team_id, app) as session:
        said = Written(account, groups=(vip,), body="Hello", signature="Shop")
        drafts.save_draft(said, alice.user_id, campaign_id=campaign_id, version=1)
        session.commit()
    assert slices(app, alice, campaign_id) == 1, "nobody has asked to see the new version yet"
    with app.test_request_context(), tenancy.team_scope(alice.team_id, app) as session:
        draft = session.get_one(Campaign, (alice.team_id, campaign_id))
        with pytest.raises(ValueError, match="not prepared"):
            drafts.preview(draft)
        drafts.prepare(draft)
        preview = drafts.preview(draft)
        assert (preview.recipients, preview.texts, preview.content) == (23, 1, "【Shop】Hello")
        assert session.query(Audience).filter_by(campaign_id=campaign_id).count() == 23


# ---- its pages ---------------------------------------------------------------------------------------


def form(account: int, vip: int, **more: str) -> dict[str, str]:
    return written(account, numbers="", groups=str(vip), body=BODY, **more)


def test_the_review_waits_for_the_list_and_then_shows_it(
    app: Flask, database: Database, browser: FlaskClient, alice: Person, team: str, account: int, vip: int
) -> None:
    answer = browser.post(f"{team}/new", data=form(account, vip, then="review"))
    place = place_of(answer)
    assert answer.location == f"{place}/review"
    assert waiting_jobs(database) == 1
    slices(app, alice, id_of(place), 4)
    page = browser.get(answer.location)
    assert faults(page.text) == []
    assert "Preparing the list: 10 of 23" in said(page)
    assert 'id="confirm"' not in page.text
    part = browser.get(answer.location, headers=HTMX)
    assert faults(part.text, fragment=True) == []
    assert "Preparing the list: 10 of 23" in said(part)
    assert waiting_jobs(database) == 1, "one is asked for already"
    slices(app, alice, id_of(place))
    assert browser.get(answer.location, headers=HTMX).headers["HX-Redirect"] == answer.location
    review = browser.get(answer.location)
    assert faults(review.text) == []
    assert "23 people get this message." in said(review)
    assert "VIP 23" in said(review)
    sent = browser.post(
        f"{place}/confirm", data={name: carried(review, name) for name in ("key", "seen", "was")}
    )
    assert sent.location == place
    assert [one.state for one in campaigns(app, alice)] == ["planning"]


def test_a_list_that_nobody_works_at_is_asked_for_again(
    app: Flask, database: Database, browser: FlaskClient, alice: Person, team: str, account: int, vip: int
) -> None:
    place = place_of(browser.post(f"{team}/new", data=form(account, vip, then="review")))
    with database.owner() as owner:
        # Its worker died with it.
        owner.execute("DELETE FROM procrastinate_jobs")
        owner.commit()
    assert browser.get(f"{place}/review").status_code == 200
    assert waiting_jobs(database) == 0
    with time_machine.travel(clock.now() + timedelta(minutes=1), tick=True):
        later = sign_in(app, alice)
        # The part of the page that waits sends the page on, and the page asks.
        assert later.get(f"{place}/review", headers=HTMX).headers["HX-Redirect"] == f"{place}/review"
        later.get(f"{place}/review")
    assert waiting_jobs(database) == 1


def test_whoever_joined_meanwhile_is_said_and_nothing_is_sent(
    app: Flask, browser: FlaskClient, alice: Person, team: str, account: int, vip: int
) -> None:
    place = place_of(browser.post(f"{team}/new", data=form(account, vip, then="review")))
    slices(app, alice, id_of(place))
    review = browser.get(f"{place}/review")
    with app.test_request_context(), tenancy.team_scope(alice.team_id, app) as session:
        join(session, vip, [("13900000001", "Li", {"城市": "北京"}), ("13900000002", "Wu", {"城市": "北京"})])
        optouts.opt_out([PEOPLE[0]], "reply", None, clock.now())
        session.commit()
    keys = {name: carried(review, name) for name in ("key", "seen", "was")}
    told = browser.post(f"{place}/confirm", data=keys)
    assert told.status_code in {409, 422}
    assert faults(told.text) == []
    assert "The list of people is being prepared. Nothing was sent" in said(told)
    slices(app, alice, id_of(place))
    again = browser.get(f"{place}/review")
    assert "2 people joined “VIP” since you wrote this: now 25." in said(again)
    assert "24 people get this message. Left out: 1 opted out." in said(again)
    assert browser.post(f"{place}/confirm", data=keys).status_code == 409
    fresh = {name: carried(again, name) for name in ("key", "seen", "was")}
    assert browser.post(f"{place}/confirm", data=fresh).location == place
    (campaign,) = campaigns(app, alice)
    assert (campaign.state, campaign.recipients) == ("planning", 24)


def test_what_cannot_be_sent_is_said_before_anything_is_laid_out(
    app: Flask, database: Database, browser: FlaskClient, alice: Person, team: str, account: int, vip: int
) -> None:
    for body in ("Dear {nmae}", "{0.__class__}", "{{7*7}}", "{%(x)s}", ""):
        page = browser.post(f"{team}/new", data=form(account, vip, then="review") | {"body": body})
        assert page.status_code == 422, body
        assert "is not a field" in said(page) or not body
    assert waiting_jobs(database) == 0
    kept = browser.post(
        f"{team}/new", data=form(account, vip, then="save") | {"body": "%s %(x)s {name} 100%"}
    )
    shown = browser.get(f"{place_of(kept)}/edit")
    assert "%s %(x)s {name} 100%</textarea>" in shown.text
    assert "【Shop】%s %(x)s P0 100%" in said(shown)


def test_the_compose_page_offers_groups_fields_and_what_stands_for_missing_values(
    app: Flask, browser: FlaskClient, alice: Person, team: str, account: int, vip: int
) -> None:
    with app.test_request_context(), tenancy.team_scope(alice.team_id, app) as session:
        join(session, vip, [("13900000001", "<b>Li", {})])
        session.commit()
    page = browser.get(f"{team}/new")
    assert faults(page.text) == []
    assert "VIP 24 people" in said(page)
    part = browser.post(f"{team}/preview", data=form(account, vip), headers=HTMX)
    assert faults(part.text, fragment=True) == []
    for words in ("23 people will get this.", "Left out: 1 without a value.", "Example 1 of 20",
                  "1 person has no {城市} and is left out.", "For people without {城市}"):  # fmt: skip
        assert words in said(part)
    typed = form(account, vip) | {"default.城市": "上海", "asked": "{城市}"}
    part = browser.post(f"{team}/preview", data=typed, headers=HTMX)
    assert "1 person has no {城市} and gets “上海”." in said(part)
    assert 'name="default.城市"' not in part.text, "nobody's typing is exchanged"
    saved = browser.post(f"{team}/new", data={**typed, "then": "save"})
    shown = browser.get(saved.location)
    assert faults(shown.text) == []
    assert 'name="default.城市" value="上海"' in shown.text
    copy = browser.get(f"{team}/new?from={id_of(place_of(saved))}")
    assert 'name="default.城市" value="上海"' in copy.text
    assert f'name="groups" value="{vip}" checked' in copy.text
    with app.test_request_context(), tenancy.team_scope(alice.team_id, app) as session:
        contact_groups.delete(vip)
        session.commit()
    for place in (saved.location, f"{team}/new?from={id_of(place_of(saved))}"):
        told = browser.get(place)
        assert faults(told.text) == []
        assert "The group “VIP” was deleted. Untick it, or choose another one." in said(told)
        assert 'name="gone" value="VIP" checked' in told.text
    refused = browser.post(
        saved.location, data={**typed, "then": "review", "groups": "", "gone": "VIP", "version": "2"}
    )
    assert refused.status_code in {409, 422}


@pytest.mark.parametrize(
    "more",
    [
        {"groups": "x"}, {"groups": "-1"}, {"groups": "9" * 40}, {"minus": "1e3"}, {"gone": "<b>" * 99},
        {"default.": "x"}, {"default.{x}": "y" * 999}, {"each_line": "maybe"}, {"asked": "{" * 999},
        {"gone_minus": "\u202e"}, {"numbers": "手机,姓名,{x},【】\n13800138000,a,b,c"},
        {"numbers": "手机," + ",".join("abcdefgh" for _ in range(99))},
        {"numbers": '手机,备注\n13800138000,"' + "x" * 200_000},
    ],
)  # fmt: skip
def test_rubbish_in_the_new_fields_is_a_preview_and_never_an_error(
    browser: FlaskClient, team: str, account: int, vip: int, more: dict[str, str]
) -> None:
    for where in ("preview", "draft", "new"):
        answer = browser.post(f"{team}/{where}", data=form(account, vip) | more, headers=HTMX)
        assert answer.status_code in {200, 204, 422}, (where, more)
