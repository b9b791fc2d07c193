"""The compose page, as a browser without a script uses it and as htmx asks for parts of it."""

from __future__ import annotations

import threading
from html import unescape

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests.campaigns.writing import (
    HTMX,
    A,
    B,
    actions,
    campaigns,
    carried,
    id_of,
    kept,
    place_of,
    said,
    written,
)
from tests.factories import Person, add_member, confirm, make_person, numbers, sign_in
from tests.ui.markup import faults
from webapp import tenancy
from webapp.accounts.permissions import Role
from webapp.campaigns import editing
from webapp.campaigns.models import Message


@pytest.fixture
def browser(app: Flask, alice: Person, account: int) -> FlaskClient:
    return sign_in(app, alice)


@pytest.fixture
def bob(app: Flask, alice: Person, account: int) -> FlaskClient:
    """The browser of a second person in the team."""
    person = make_person(app, "bob")
    add_member(app, person, alice, Role.SENDER)
    return sign_in(app, person)


@pytest.fixture
def team(alice: Person) -> str:
    return f"/t/{alice.team}/campaigns"


# ---- saving ------------------------------------------------------------------------------------------


def test_a_draft_saves_itself_and_is_there_again(
    app: Flask, browser: FlaskClient, alice: Person, team: str, account: int
) -> None:
    page = browser.get(f"{team}/new")
    assert faults(page.text) == []
    form = written(account, numbers=f"{A}, Wang Fang", draft_key=carried(page, "draft_key"))
    first = browser.post(f"{team}/draft", data=form, headers=HTMX)
    assert (first.status_code, first.headers["HX-Replace-Url"]) == (200, f"{place_of(first)}/edit")
    assert "Draft saved" in said(first)
    assert faults(first.text, fragment=True) == []
    know = {"draft": carried(first, "draft"), "version": carried(first, "version")}
    second = browser.post(f"{team}/draft", data={**form, **know, "body": "Closed on Sunday"}, headers=HTMX)
    assert (carried(second, "draft"), carried(second, "version")) == (know["draft"], "2")
    shown = browser.get(f"{place_of(second)}/edit")
    assert faults(shown.text) == []
    assert "Closed on Sunday</textarea>" in shown.text
    assert f"{A}, Wang Fang</textarea>" in shown.text
    assert [one.state for one in campaigns(app, alice)] == ["draft"]
    assert actions(app, alice).count("campaign.drafted") == 1


def test_what_is_half_written_is_kept(
    app: Flask, browser: FlaskClient, alice: Person, team: str, account: int
) -> None:
    for form in ({"account": str(account)}, written(account, numbers="", body="Only a te"), {}):
        answer = browser.post(f"{team}/draft", data=form, headers=HTMX)
        assert answer.status_code == (200 if form else 422), form
    assert [one.body for one in campaigns(app, alice)] == ["", "Only a te"]
    saved = browser.post(f"{team}/new", data=written(account, body="", then="save"))
    assert (saved.status_code, saved.location) == (303, f"{place_of(saved)}/edit")


def test_two_first_saves_at_once_make_one_draft(
    app: Flask, browser: FlaskClient, alice: Person, team: str, account: int
) -> None:
    form = written(account, draft_key=carried(browser.get(f"{team}/new"), "draft_key"))
    browsers, answers = [sign_in(app, alice) for _ in range(4)], []

    def save(one: FlaskClient) -> None:
        answers.append(place_of(one.post(f"{team}/draft", data=form, headers=HTMX)))

    threads = [threading.Thread(target=save, args=[one]) for one in browsers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    review = browser.post(f"{team}/new", data={**form, "then": "review", "body": "Typed on meanwhile"})
    assert set(answers) == {place_of(review)}
    assert [one.body for one in campaigns(app, alice)] == ["Typed on meanwhile"]


def test_a_second_persons_save_is_told_and_not_written_over(
    app: Flask, browser: FlaskClient, bob: FlaskClient, alice: Person, team: str, account: int
) -> None:
    first = browser.post(f"{team}/draft", data=written(account, body="Hers, first"), headers=HTMX)
    place, know = place_of(first), {"draft": carried(first, "draft"), "version": carried(first, "version")}
    his = bob.post(f"{place}/edit", data=written(account, body="His text", then="save", **know))
    assert his.status_code == 303
    mine = written(account, body="Her second text", **know)
    told = browser.post(f"{team}/draft", data=mine, headers=HTMX)
    assert told.status_code == 422, "htmx shows no 409"
    assert "bob@example.org saved this draft meanwhile" in said(told)
    assert "His text" in said(told)
    assert carried(told, "version") == know["version"], "the next save must be told again"
    for then in ("save", "review", "test"):
        page = browser.post(f"{place}/edit", data={**mine, "then": then, "test_key": "k", "test_mobile": A})
        assert page.status_code == 409
        assert faults(page.text) == []
        assert "His text" in said(page)
        assert "Her second text</textarea>" in page.text
    assert kept(app, alice, place).body == "His text"
    assert len(campaigns(app, alice)) == 1, "a test was sent of what nobody saved"
    keep = browser.post(f"{place}/edit", data={**mine, "keep": carried(told, "keep")})
    assert keep.location == f"{place}/edit"
    assert kept(app, alice, place).body == "Her second text"


def test_keeping_mine_does_not_write_over_a_third_text(
    app: Flask, browser: FlaskClient, bob: FlaskClient, alice: Person, team: str, account: int
) -> None:
    first = browser.post(f"{team}/draft", data=written(account), headers=HTMX)
    place, know = place_of(first), {"draft": carried(first, "draft"), "version": carried(first, "version")}
    bob.post(f"{place}/edit", data=written(account, body="His text", then="save", **know))
    told = browser.post(f"{team}/draft", data=written(account, body="Mine", **know), headers=HTMX)
    bob.post(f"{place}/edit", data=written(account, body="His third", then="save", version="2"))
    form = written(account, body="Mine", then="save", keep=carried(told, "keep"), **know)
    assert browser.post(f"{place}/edit", data=form).status_code == 409
    assert kept(app, alice, place).body == "His third"


def test_the_review_behind_a_save_of_the_same_is_no_conflict(
    browser: FlaskClient, team: str, account: int
) -> None:
    first = browser.post(f"{team}/draft", data=written(account, body="One"), headers=HTMX)
    know = {"draft": carried(first, "draft"), "version": carried(first, "version")}
    browser.post(f"{team}/draft", data=written(account, body="Two", **know), headers=HTMX)
    review = browser.post(f"{team}/new", data=written(account, body="Two", then="review", **know))
    assert (review.status_code, review.location) == (303, f"{place_of(first)}/review")


def test_a_draft_that_is_gone_or_sent_is_not_made_anew(
    app: Flask, browser: FlaskClient, alice: Person, team: str, account: int
) -> None:
    sent = confirm(app, alice, account, [A])
    for gone, words in ((sent, "not a draft any more"), (sent + 1, "does not exist any more")):
        form = written(account, body="Still here", draft=str(gone), version="1")
        told = browser.post(f"{team}/draft", data=form, headers=HTMX)
        assert told.status_code == 422
        assert words in said(told)
        page = browser.post(f"{team}/new", data={**form, "then": "review"})
        assert page.status_code == 422
        assert words in said(page)
        assert "Still here</textarea>" in page.text
    assert [one.body for one in campaigns(app, alice)] == ["Hello"]


# ---- what it would mean ------------------------------------------------------------------------------


def test_the_preview_shows_who_what_and_how_much(browser: FlaskClient, team: str, account: int) -> None:
    body = "Dear {name}, " + "x" * 55
    form = written(
        account, numbers=f"{A}, Wang Fang\n{B}\n13800138002, Li\n12345\n{A}, Wang Fang", body=body, go="1"
    )
    part = browser.post(f"{team}/preview", data=form, headers=HTMX)
    assert part.status_code == 200
    assert faults(part.text, fragment=True) == []
    text = said(part)
    assert "Recipient 2 of 2" in text
    assert "【Shop】Dear Li, xxx" in text
    assert "2 people will get this." in text
    assert "Left out: 1 duplicate, 1 without a value, and 1 bad entry." in text
    assert "1 person has no name and is left out." in text
    assert f"{len(body) + 6} of 268 characters · 1 to 2 parts" in text
    assert f"Longest after filling in: {len(body) - 6 + 9 + 6}" in text
    assert "Messages needed 3" in text
    whole = browser.post(f"{team}/preview", data=form)
    assert "<html" in whole.text
    assert faults(whole.text) == []
    assert "Recipient 2 of 2" in said(whole)
    with_default = browser.post(f"{team}/preview", data={**form, "default_name": "guest"}, headers=HTMX)
    assert "3 people will get this." in said(with_default)


@pytest.mark.parametrize(
    "more",
    [
        {"go": "-1"}, {"go": "99999999999999999999"}, {"shown": "x"}, {"account": "1"}, {"account": "x"},
        {"kind": "test"}, {"kind": "\u202e"}, {"when": "never"}, {"send_at": "yesterday", "when": "later"},
        {"not_after": "0000-00-00T99:99"}, {"draft": "1"}, {"draft": "9" * 30}, {"body": "{{7*7}} {nmae}"},
        {"numbers": "{name}\x07\x0b" * 1000}, {"signature": "】\x01" * 99}, {"at_hours_end": "x"},
        {"body": "x" * 9000},
    ],
)  # fmt: skip
def test_a_preview_of_rubbish_is_a_preview(
    app: Flask, browser: FlaskClient, alice: Person, team: str, account: int, more: dict[str, str]
) -> None:
    for headers in (HTMX, {}):
        answer = browser.post(f"{team}/preview", data={**written(account), **more}, headers=headers)
        assert answer.status_code == 200, more
        assert faults(answer.text, fragment=bool(headers)) == []
    assert campaigns(app, alice) == []


def test_a_huge_paste_is_taken_or_refused_with_everything_kept(
    app: Flask, browser: FlaskClient, alice: Person, team: str, account: int
) -> None:
    many = "\n".join(f"{one}, Wang Fang" for one in numbers(20_000))
    part = browser.post(f"{team}/preview", data=written(account, numbers=many, body="{name}!"), headers=HTMX)
    assert "20,000 people will get this." in said(part)
    more = browser.post(f"{team}/new", data=written(account, numbers=many + "\n13900000000", then="review"))
    assert more.status_code == 422
    assert "At most 20,000 numbers" in said(more)
    assert "13900000000</textarea>" in more.text
    huge = "x" * 1_000_001
    for place in ("draft", "new"):
        answer = browser.post(f"{team}/{place}", data=written(account, numbers=huge), headers=HTMX)
        assert answer.status_code == 422
        assert "too long to paste" in said(answer)
    assert [len(kept(app, alice, f"/{one.id}").numbers) for one in campaigns(app, alice)] == [len(many) + 12]


# ---- on to the review --------------------------------------------------------------------------------


def test_what_cannot_be_sent_is_said_where_it_is_and_everything_stays(
    app: Flask, browser: FlaskClient, alice: Person, team: str, account: int
) -> None:
    typed = {
        "numbers": "12345", "body": "Dear {nmae}", "signature": "a】b", "name": "Autumn",
        "default_name": "guest", "leave_out_long": "y", "kind": "marketing", "when": "later",
        "send_at": "2020-01-01T10:00", "not_after": "2020-01-02T10:00", "at_hours_end": "drop",
        "test_mobile": "13700000000",
    }  # fmt: skip
    page = browser.post(f"{team}/new", data=written(account, then="review", **typed))
    assert page.status_code == 422
    assert faults(page.text) == []
    for name in ("numbers", "body"):
        assert f"{typed[name]}</textarea>" in page.text
    for name in ("signature", "name", "default_name", "send_at", "not_after", "test_mobile"):
        assert f'value="{typed[name]}"' in page.text, name
    for chosen in ('value="marketing" checked', 'value="later" checked', 'value="drop" checked'):
        assert chosen in page.text
    assert 'name="leave_out_long" type="checkbox" value="y"' in page.text.replace("checked ", "")
    assert "This time has passed" in said(page)
    retyped = {**typed, "when": "now", "send_at": "", "not_after": ""}
    again = browser.post(
        f"{team}/new",
        data=written(account, then="review", draft=carried(page, "draft"), version="1", **retyped),
    )
    for name in ("numbers", "body"):
        assert f"{typed[name]}</textarea>" in again.text
    summary = said(again)
    for words in (
        "None of these is a mainland mobile number",
        "{nmae} is not a field. Did you mean {name}?",
        "A signature is one line without brackets.",
        "A marketing text must say how to refuse more of them.",
    ):
        assert summary.count(words) == 2, f"{words}: in the summary and at its field"
    assert [one.state for one in campaigns(app, alice)] == ["draft"]
    assert browser.get(f"{team}/{campaigns(app, alice)[0].id}/review").location.endswith("/edit")


@pytest.mark.parametrize(
    ("when", "send_at", "words"),
    [
        ("later", "2026-11-23T09:00", "This time has passed"),
        ("later", "", "Give a day and a time that exist"),
        ("later", "tomorrow at ten", "Give a day and a time that exist"),
        ("later", "2026-02-30T10:00", "Give a day and a time that exist"),
        ("later", "2099-01-01T10:00", "more than a year ahead"),
        ("now", "2026-12-24T10:00", "You chose to send now, but gave a time."),
    ],
)
def test_a_time_that_cannot_be_is_said_and_the_rest_is_saved(
    app: Flask,
    browser: FlaskClient,
    alice: Person,
    team: str,
    account: int,
    when: str,
    send_at: str,
    words: str,
) -> None:
    form = written(account, when=when, send_at=send_at)
    auto = browser.post(f"{team}/draft", data=form, headers=HTMX)
    assert auto.status_code == 200
    assert "without the time" in said(auto)
    for then in ("save", "review"):
        page = browser.post(f"{team}/new", data={**form, "then": then, "draft": carried(auto, "draft")})
        assert page.status_code == 422
        assert words in said(page)
        assert f'value="{send_at}"' in page.text
    (draft,) = campaigns(app, alice)
    assert (draft.send_at, draft.body) == (None, form["body"])


# ---- copies, and throwing away -----------------------------------------------------------------------


def test_a_copy_has_the_people_with_their_names_and_no_time(
    app: Flask, browser: FlaskClient, alice: Person, team: str, account: int
) -> None:
    form = written(
        account, numbers=f"{A}, Wang Fang\n{B}", body="Dear {name}", default_name="guest", name="Autumn",
        when="later", send_at="2027-01-02T10:00", kind="notice",
    )  # fmt: skip
    saved = browser.post(f"{team}/new", data={**form, "then": "save"})
    assert saved.status_code in {303, 422}
    page = browser.get(f"{team}/new?from={id_of(place_of(saved))}")
    assert faults(page.text) == []
    assert f"{A}, Wang Fang\n{B}</textarea>" in page.text
    assert "Dear {name}</textarea>" in page.text
    assert 'value="guest"' in page.text
    assert 'value="now" checked' in page.text
    assert "2027-01-02" not in page.text
    assert carried(page, "draft") == ""
    assert browser.get(f"{team}/new?from=1").status_code == 404


def test_a_draft_is_deleted_for_good_and_nothing_else_is(
    app: Flask, browser: FlaskClient, alice: Person, team: str, account: int
) -> None:
    sent = confirm(app, alice, account, [A])
    place = place_of(browser.post(f"{team}/draft", data=written(account), headers=HTMX))
    browser.get(f"{place}/review")
    assert faults(browser.get(f"{place}/delete").text) == []
    assert len(campaigns(app, alice)) == 2
    assert browser.post(f"{place}/delete").location == team
    assert [one.id for one in campaigns(app, alice)] == [sent]
    assert actions(app, alice)[-1] == "campaign.deleted"
    assert [browser.post(f"{place}/delete").status_code, browser.get(f"{place}/edit").status_code] == [
        404,
        404,
    ]
    refused = browser.post(f"{team}/{sent}/delete")
    assert refused.location == f"{team}/{sent}"
    assert "was not deleted" in said(browser.get(refused.location))
    assert [one.id for one in campaigns(app, alice)] == [sent]


def test_a_draft_that_was_confirmed_once_leaves_no_message_behind(
    app: Flask, browser: FlaskClient, alice: Person, team: str, account: int
) -> None:
    campaign_id = confirm(app, alice, account, [A])
    with tenancy.team_scope(alice.team_id, app) as session, app.test_request_context():
        tenancy.open_scope(alice.team_id)
        from webapp.campaigns import planning

        planning.plan_chunk(campaign_id)
        assert session.query(Message).filter_by(team_id=alice.team_id).count() == 1
        editing.reopen(campaign_id)
        session.commit()
    browser.post(f"{team}/{campaign_id}/delete")
    assert campaigns(app, alice) == []
    with tenancy.team_scope(alice.team_id, app) as session:
        assert session.query(Message).filter_by(team_id=alice.team_id).count() == 0


# ---- who may -----------------------------------------------------------------------------------------


def test_a_viewer_writes_nothing(
    app: Flask, browser: FlaskClient, alice: Person, team: str, account: int
) -> None:
    place = place_of(browser.post(f"{team}/draft", data=written(account), headers=HTMX))
    vera = make_person(app, "vera")
    add_member(app, vera, alice, Role.VIEWER)
    viewer = sign_in(app, vera)
    looks = (f"{team}/new", f"{place}/edit", f"{place}/review", f"{place}/delete", f"{place}/test")
    acts = (f"{team}/new", f"{team}/draft", f"{team}/preview", f"{place}/edit", f"{place}/test")
    form = written(account, body="Hers", test_mobile=A, test_key="k" * 20)
    for headers in ({}, HTMX):
        assert [viewer.get(one, headers=headers).status_code for one in looks] == [403] * 5
        assert [viewer.post(one, data=form, headers=headers).status_code for one in acts] == [403] * 5
        assert viewer.post(f"{place}/delete", headers=headers).status_code == 403
    assert [one.body for one in campaigns(app, alice)] == [written(account)["body"]]


# ---- the first message -------------------------------------------------------------------------------


def test_to_ones_own_number_the_first_message_is_a_test(
    app: Flask, browser: FlaskClient, alice: Person, account: int
) -> None:
    start = f"/t/{alice.team}/start"
    page = browser.get(start)
    assert 'value="alice\'s team"' in unescape(page.text)
    form = {"account": str(account), "body": "Hello", "signature": "Shop"}
    bad = browser.post(start, data={**form, "numbers": "12345", "draft_key": carried(page, "draft_key")})
    assert bad.status_code == 422
    assert faults(bad.text) == []
    know = {name: carried(bad, name) for name in ("draft", "version", "draft_key")}
    for pasted, kind in ((A, "test"), (f"{A} {B}", "notice"), (A, "test")):
        answer = browser.post(start, data={**form, **know, "numbers": pasted})
        know["version"] = str(campaigns(app, alice)[0].version)
        assert answer.location == f"{place_of(answer)}/review"
        assert [one.kind for one in campaigns(app, alice)] == [kind]
    review = browser.get(answer.location)
    assert "At once." in said(review)
    assert "You have not sent a test" not in said(review)
