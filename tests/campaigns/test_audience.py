"""Laying out a draft: who gets which text, who does not and why, and what it costs."""

from __future__ import annotations

import dataclasses
import functools
import hashlib
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import Text, literal_column, select
from sqlalchemy.orm import Session

from tests.campaigns.drafting import A, B, C, D, at_once, refused
from tests.factories import Person, numbers
from webapp import clock, tenancy
from webapp.campaigns import drafts, operations
from webapp.campaigns.drafts import Written
from webapp.campaigns.models import Audience, Campaign, CampaignText, DraftPaste
from webapp.contacts import optouts
from webapp.gateway.models import GatewayAccount


@pytest.fixture
def session(app: Flask, alice: Person, account: int) -> Iterator[Session]:
    """Alice's team, in a request of its own; what is not committed is undone."""
    del account
    with app.test_request_context(), tenancy.team_scope(alice.team_id, app) as opened:
        yield opened
        opened.rollback()


def texts_of(session: Session, campaign: Campaign) -> dict[str, str]:
    """Who gets what, as it is laid out."""
    rows = session.query(Audience.mobile, CampaignText.content).filter(
        Audience.team_id == campaign.team_id,
        Audience.campaign_id == campaign.id,
        CampaignText.team_id == campaign.team_id,
        CampaignText.campaign_id == campaign.id,
        CampaignText.text_hash == Audience.text_hash,
    )
    return {row.mobile: row.content for row in rows}


PASTE = f"手机,姓名\n{A}, 王芳\n李雷 {B}\n{C}\t{{name}}\n{D}\n{A}, 韩梅\n1.38E+10"


def test_each_gets_the_text_with_the_own_name(session: Session, alice: Person, account: int) -> None:
    campaign = drafts.draft_campaign(account, PASTE, "Dear {name}, hi {name}", "Shop", alice.user_id)
    texts = texts_of(session, campaign)
    assert texts == {
        A: "【Shop】Dear 王芳, hi 王芳",
        B: "【Shop】Dear 李雷, hi 李雷",
        C: "【Shop】Dear {name}, hi {name}",
    }
    for row in session.query(Audience).filter_by(campaign_id=campaign.id):
        assert row.text_hash == hashlib.sha256(texts[row.mobile].encode()).digest()
        assert (row.variables, row.copy) == ({"name": {A: "王芳", B: "李雷", C: "{name}"}[row.mobile]}, 0)
    assert campaign.left_out == {
        "counts": {"twice_other": 1, "rounded": 1, "no_value": 1},
        "listed": [
            {"line": 6, "said": f"{A}, 韩梅", "reason": "twice_other"},
            {"line": 7, "said": "1.38E+10", "reason": "rounded"},
            {"line": 5, "said": D, "reason": "no_value"},
        ],
    }
    assert set(campaign.left_out["counts"]) <= set(drafts.REASON_WORDS)
    assert campaign.content == "【Shop】Dear {name}, hi {name}"
    preview = drafts.preview(campaign)
    assert (preview.recipients, preview.texts, preview.requests, preview.cost) == (3, 3, 3, 3)
    assert preview.longest == texts[C]
    assert preview.shortest in (texts[A], texts[B])


def test_what_stands_for_a_missing_name(session: Session, alice: Person, account: int) -> None:
    campaign = drafts.draft_campaign(
        account, f"{A}, 王芳\n{B}\n{C}", "{name}好", "Shop", alice.user_id, defaults={"name": "您"}
    )
    assert texts_of(session, campaign) == {A: "【Shop】王芳好", B: "【Shop】您好", C: "【Shop】您好"}
    own = {row.mobile: row.variables for row in session.query(Audience).filter_by(campaign_id=campaign.id)}
    assert own == {A: {"name": "王芳"}, B: None, C: None}
    preview = drafts.preview(campaign)
    assert (preview.recipients, preview.texts, preview.requests) == (3, 2, 2)


def test_a_text_without_a_field_is_one_for_all_whatever_the_names_are(
    session: Session, alice: Person, account: int
) -> None:
    campaign = drafts.draft_campaign(account, PASTE, "Hello", "Shop", alice.user_id)
    assert set(texts_of(session, campaign).values()) == {"【Shop】Hello"}
    assert campaign.left_out["counts"] == {"twice": 1, "rounded": 1}
    preview = drafts.preview(campaign)
    assert (preview.recipients, preview.texts, preview.content) == (4, 1, "【Shop】Hello")
    assert preview.shortest == preview.longest == campaign.content


def test_parts_are_summed_over_the_texts_that_people_get(
    session: Session, alice: Person, account: int
) -> None:
    # 【Shop】 is 6 characters: 64 of text are one part, 65 are two, and 129 are three.
    body = "字" * 60 + "{name}"
    paste = f"{A}, 王芳王芳\n{B}, 王芳王芳芳\n{C}, 王芳王芳\n{D}, " + "芳" * 40
    campaign = drafts.draft_campaign(account, paste, body, "Shop", alice.user_id)
    preview = drafts.preview(campaign)
    assert (campaign.parts_least, campaign.parts, campaign.parts_total) == (1, 2, 6)
    assert (preview.parts_least, preview.parts, preview.cost) == (1, 2, 6)
    assert (preview.texts, preview.requests) == (3, 3)
    look = drafts.look(drafts.written_of(campaign))
    assert (look.parts_least, look.parts, look.cost, look.requests) == (1, 2, 6, 3)
    assert (look.shortest, look.longest, look.limit, look.over_limit) == (70, 106, 268, 0)


def test_a_signature_that_the_gateway_adds_is_counted_and_shown_but_not_posted(
    session: Session, alice: Person, account: int
) -> None:
    session.get_one(GatewayAccount, (alice.team_id, account)).adds_signature = True
    campaign = drafts.draft_campaign(account, A, "字" * 65, "Shop", alice.user_id)
    preview = drafts.preview(campaign)
    assert preview.content == "字" * 65
    assert preview.longest == "【Shop】" + "字" * 65
    assert (preview.parts, preview.cost) == (2, 2)
    unsigned = drafts.draft_campaign(account, A, "字" * 65, "", alice.user_id)
    assert drafts.preview(unsigned).parts == 1


def over(paste: str, body: str = "字" * 258 + "{name}", **more: Any) -> dict[str, Any]:
    return {"numbers": paste, "body": body, "signature": "Shop", **more}


REFUSED = (
    (over(f"{A}, 王芳\n{B}, 王芳芳芳芳\n{C}, 王芳芳芳芳"), "body", "2 people would get more than 268"),
    (over(f"{A}, 王芳\n{B}, 王芳芳芳芳"), "body", "1 person would get more than 268"),
    (over(f"{A}, 王芳芳芳芳", leave_out_long=True), "numbers", "Nobody is left to send to"),
    (over(A, body="字" * 263), "body", "1 characters too long"),
    # To leave people out helps nobody where all get the same.
    (over(A, body="字" * 263, leave_out_long=True), "body", "1 characters too long"),
    (over("", body="字" * 280 + "{name}"), "numbers", "Paste at least one"),
    (over(f"{A}\n{B}"), "numbers", "Nobody is left to send to"),
    (over(A, body="{nmae}"), "body", "{nmae} is not a field. Did you mean {name}?"),
    (over(f"{A}, x", body="｛name｝"), "body", "full-width braces"),
    (over(f"{A}, 【x】", body="{name}"), "numbers", "None of these is a mainland mobile number"),
    (over(A, body="{name}", defaults={"name": "【x】"}), "defaults", "around the signature"),
    (over(A, body="Hello", kind="marketing"), "body", "拒收请回复R"),
    (over("\n".join(numbers(20_001)), body="Hello"), "numbers", "At most 20,000 numbers"),
    (over(A, body="Hi", send_at=clock.now() - timedelta(minutes=1)), "send_at", "has passed"),
    (over(A, body="Hi", not_after=clock.now() - timedelta(minutes=1)), "not_after", "before it can"),
)  # fmt: skip


def test_what_nothing_can_be_sent_with(
    session: Session, alice: Person, account: int, subtests: pytest.Subtests
) -> None:
    for said, field, words in REFUSED:
        with subtests.test(words, text=said["body"]):
            campaign = drafts.save_draft(Written(account, **said), alice.user_id)
            found, sentence = refused(functools.partial(drafts.prepare, campaign))
            assert (found, words in sentence) == (field, True), sentence
            assert campaign.prepared_version is None
            assert (field, sentence) in drafts.look(drafts.written_of(campaign)).problems
            with pytest.raises(ValueError, match="not prepared"):
                drafts.preview(campaign)


def test_people_whose_text_is_too_long_can_be_left_out(session: Session, alice: Person, account: int) -> None:
    paste = f"{A}, 王芳\n{B}, 王芳芳芳芳"
    campaign = drafts.draft_campaign(
        account, paste, "字" * 258 + "{name}", "Shop", alice.user_id, leave_out_long=True
    )
    assert set(texts_of(session, campaign)) == {A}
    assert campaign.left_out["listed"] == [{"line": 2, "said": B, "reason": "too_long_text"}]
    look = drafts.look(drafts.written_of(campaign))
    assert (look.recipients, look.over_limit, look.problems) == (1, 1, [])


def test_a_marketing_text_that_says_how_to_refuse(session: Session, alice: Person, account: int) -> None:
    campaign = drafts.draft_campaign(account, A, "五折 拒收请回复R", "Shop", alice.user_id, kind="marketing")
    assert drafts.preview(campaign).recipients == 1


def test_who_opts_out_after_the_review_makes_it_stale(session: Session, alice: Person, account: int) -> None:
    optouts.opt_out([B], "hand", alice.user_id, clock.now())
    campaign = drafts.draft_campaign(account, f"{A}\n{B}\n{C}", "Hello", "Shop", alice.user_id)
    assert set(texts_of(session, campaign)) == {A, C}
    assert campaign.left_out["listed"] == [{"line": 2, "said": B, "reason": "opted_out"}]
    seen = drafts.preview(campaign).digest
    assert drafts.recheck(campaign).digest == seen
    optouts.opt_out([C], "reply", None, clock.now())
    with pytest.raises(operations.StalePreviewError):
        operations.confirm_campaign(campaign.id, "key", seen, alice.user_id, 0)
    assert campaign.state == "draft"
    # The review that is shown then is of what there is now, and can be confirmed.
    preview = drafts.preview(campaign)
    assert (preview.recipients, preview.cost) == (1, 1)
    optouts.opt_out([A], "reply", None, clock.now())
    field, sentence = refused(lambda: drafts.recheck(campaign))
    assert (field, "Nobody is left" in sentence) == ("numbers", True)
    optouts.opt_in([A, B, C])
    assert drafts.recheck(campaign).recipients == 3


def test_whatever_changes_what_is_sent_changes_the_digest(
    session: Session, alice: Person, account: int
) -> None:
    soon = clock.now() + timedelta(days=1)
    campaign = drafts.draft_campaign(account, f"{A}, 王芳\n{B}, 李雷", "退订 {name}", "Shop", alice.user_id)
    digests = [drafts.preview(campaign).digest]
    changes: list[dict[str, Any]] = [
        {"numbers": f"{A}, 李雷\n{B}, 王芳"}, {"numbers": f"{A}, 李雷\n{C}, 王芳"}, {"body": "退订 {name}!"},
        {"signature": "Store"}, {"kind": "marketing"}, {"send_at": soon},
        {"not_after": soon + timedelta(days=1)}, {"at_hours_end": "drop"},
    ]  # fmt: skip
    for version, change in enumerate(changes, start=1):
        written = dataclasses.replace(drafts.written_of(campaign), **change)
        drafts.save_draft(written, alice.user_id, campaign_id=campaign.id, version=version)
        with pytest.raises(ValueError, match="not prepared"):
            drafts.preview(campaign)
        digests.append(drafts.recheck(campaign).digest)
    # What the account counts as a part, and what it adds, is not the draft's own, but is what is paid for.
    settings = session.get_one(GatewayAccount, (alice.team_id, account))
    settings.first_part = settings.next_part = 5
    digests.append(drafts.recheck(campaign).digest)
    settings.adds_signature = True
    digests.append(drafts.recheck(campaign).digest)
    assert len(set(digests)) == len(digests)


def test_what_changed_without_the_version_is_seen_too(session: Session, alice: Person, account: int) -> None:
    """The digest covers the rows that will be planned, not what was meant to be written there."""
    campaign = drafts.draft_campaign(account, f"{A}, 王芳\n{B}, 李雷", "{name}", "Shop", alice.user_id)
    seen = drafts.preview(campaign).digest
    session.query(Audience).filter_by(campaign_id=campaign.id, mobile=B).update({"mobile": C})
    assert drafts.preview(campaign).digest != seen
    assert drafts.recheck(campaign).digest == seen
    assert set(texts_of(session, campaign)) == {A, B}


def test_rows_that_are_right_are_left_alone(session: Session, alice: Person, account: int) -> None:
    campaign = drafts.draft_campaign(account, PASTE, "Dear {name}", "Shop", alice.user_id)
    session.commit()
    place = select(Audience.mobile, literal_column("ctid", Text)).where(Audience.campaign_id == campaign.id)
    places = session.execute(place).all()
    drafts.recheck(campaign)
    session.commit()
    assert session.execute(place).all() == places


def test_two_people_looking_at_the_review_at_once(app: Flask, alice: Person, account: int) -> None:
    written = Written(account, numbers=PASTE, body="Dear {name}", signature="Shop")
    with app.test_request_context(), tenancy.team_scope(alice.team_id, app) as opened:
        campaign_id = drafts.save_draft(written, alice.user_id).id
        opened.commit()

    def review() -> str:
        campaign = tenancy.session().get_one(Campaign, (alice.team_id, campaign_id))
        return drafts.recheck(campaign).digest

    answers = at_once(app, alice, [review] * 4)
    assert len(answers) == 4
    assert len(set(answers)) == 1
    assert isinstance(answers[0], str)


def test_twenty_thousand_people_with_a_text_each(session: Session, alice: Person, account: int) -> None:
    paste = "\n".join(f"{mobile}, {chr(0x4E00 + n)}" for n, mobile in enumerate(numbers(20_000)))
    campaign = drafts.draft_campaign(account, paste, "Dear {name}", "Shop", alice.user_id)
    preview = drafts.preview(campaign)
    assert (preview.recipients, preview.texts, preview.requests, preview.cost) == (20_000,) * 4
    assert session.query(CampaignText).filter_by(campaign_id=campaign.id).count() == 20_000


def test_requests_are_counted_as_they_will_be_cut(session: Session, alice: Person, account: int) -> None:
    session.get_one(GatewayAccount, (alice.team_id, account)).numbers_per_request = 3
    paste = "\n".join([f"{mobile}, 王芳" for mobile in numbers(7)] + [f"{A}, 李雷"])
    campaign = drafts.draft_campaign(account, paste, "{name}", "Shop", alice.user_id)
    assert drafts.preview(campaign).requests == 4
    assert drafts.look(drafts.written_of(campaign)).requests == 4


def test_a_campaign_can_be_written_again_from_what_is_left_of_it(
    session: Session, alice: Person, account: int
) -> None:
    campaign = drafts.draft_campaign(account, PASTE, "Dear {name}", "Shop", alice.user_id)
    assert drafts.lines_of(campaign, 10) == PASTE
    session.query(DraftPaste).filter_by(campaign_id=campaign.id).delete()
    assert drafts.lines_of(campaign, 10) == f"{A}, 王芳\n{B}, 李雷\n{C}, {{name}}"
    assert drafts.lines_of(campaign, 1) == f"{A}, 王芳"
    # A draft from before pastes were kept is laid out alike.
    assert drafts.recheck(campaign).recipients == 3


def test_a_look_shows_one_recipient_after_the_other(session: Session, alice: Person, account: int) -> None:
    written = Written(
        account, numbers=PASTE, body="Dear {name}", signature="Shop", defaults={"name": "friend"}
    )
    look = drafts.look(written)
    assert (look.recipients, look.left_out, look.fields) == (4, {"twice_other": 1, "rounded": 1}, ("name",))
    shown = [drafts.look(written, k).sample for k in (0, 3, 99, -5)]
    assert [(one.k, one.of, one.mobile, one.name, one.text) for one in shown if one] == [
        (0, 4, A, "王芳", "【Shop】Dear 王芳"),
        (3, 4, D, None, "【Shop】Dear friend"),
        (3, 4, D, None, "【Shop】Dear friend"),
        (0, 4, A, "王芳", "【Shop】Dear 王芳"),
    ]
    assert session.query(Campaign).filter_by(team_id=alice.team_id).count() == 0


def test_a_look_before_anybody_is_to_get_it(session: Session, alice: Person, account: int) -> None:
    look = drafts.look(Written(account, body="Dear {name}", signature="Shop"))
    assert (look.recipients, look.longest, look.parts, look.cost, look.requests) == (0, 17, 1, 0, 0)
    assert look.sample is not None
    assert (look.sample.of, look.sample.text) == (0, "【Shop】Dear {name}")
    assert [field for field, _ in look.problems] == ["numbers"]
    long = drafts.look(Written(account, body="字" * 300 + "{name}", signature="Shop"))
    assert [field for field, _ in long.problems] == ["numbers", "body"]
    assert drafts.look(Written(0)).problems[0][0] == "account"
