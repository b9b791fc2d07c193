"""Saving a draft: anything is kept, and nobody's change is overwritten."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from flask_babel import force_locale
from sqlalchemy.orm import Session

from tests.campaigns.drafting import A, B, C, at_once, refused
from tests.factories import Person, connect_practice, make_person
from tests.practice.fixture import PracticeGateway
from webapp import clock, tenancy
from webapp.campaigns import drafts, operations
from webapp.campaigns.drafts import StaleDraftError, Written
from webapp.campaigns.models import Audience, Campaign, DraftPaste


@pytest.fixture
def session(app: Flask, alice: Person, account: int) -> Iterator[Session]:
    """Alice's team, in a request of its own; what is not committed is undone."""
    del account
    with app.test_request_context(), tenancy.team_scope(alice.team_id, app) as opened:
        yield opened
        opened.rollback()


RUBBISH: dict[str, dict[str, Any]] = {
    "nothing": {},
    "no numbers": {"body": "Hello", "signature": "Shop"},
    "no text": {"numbers": A},
    "far over the limit": {"numbers": A, "body": "字" * 1999, "signature": "Shop"},
    "no numbers at all in it": {"numbers": "abc\n1.38E+10", "body": "Hello", "signature": "Shop"},
    "an unknown field": {"numbers": A, "body": "{nmae}", "signature": "Shop"},
    "no signature": {"numbers": A, "body": "Hello"},
    "brackets everywhere": {"numbers": A, "body": "【Hello】", "signature": "a】b"},
    "what a database refuses": {"numbers": f"138\x00{A}\ud800", "body": "a\x00\udfff", "signature": "\x00"},
    "no way to refuse": {"numbers": A, "body": "Hello", "signature": "Shop", "kind": "marketing"},
    "a test to a crowd": {"numbers": f"{A}\n{B}", "body": "Hello", "signature": "Shop", "kind": "test"},
    "a time long past": {
        "numbers": A, "body": "Hello", "signature": "Shop", "send_at": clock.now() - timedelta(days=400)
    },
}  # fmt: skip


def test_anything_is_saved_and_found_again_and_refused_when_it_is_to_be_sent(
    session: Session, alice: Person, account: int, subtests: pytest.Subtests
) -> None:
    for what, said in RUBBISH.items():
        with subtests.test(what):
            campaign = drafts.save_draft(Written(account, **said), alice.user_id)
            session.commit()
            assert (campaign.version, campaign.state, campaign.saved_by) == (1, "draft", alice.user_id)
            kept = drafts.written_of(campaign)
            assert kept.body == said.get("body", "").replace("\x00", "").replace("\udfff", "")
            again = drafts.save_draft(kept, alice.user_id, campaign_id=campaign.id, version=1)
            assert (again.id, again.version) == (campaign.id, 1)
            field, sentence = refused(functools.partial(drafts.prepare, campaign))
            assert field in {"numbers", "body", "signature", "send_at", "defaults", "kind"}
            assert sentence.endswith((".", "?"))
            assert session.query(Audience).filter_by(campaign_id=campaign.id).count() == 0
            assert drafts.look(kept).problems[0] == (field, sentence)


NOT_KEPT: tuple[tuple[dict[str, Any], str], ...] = (
    ({"numbers": "1" * 1_000_001}, "numbers"),
    ({"body": "字" * 2001}, "body"),
    ({"signature": "字" * 21}, "signature"),
    ({"name": "x" * 81}, "name"),
    ({"defaults": {"name": "x" * 41}}, "defaults"),
    ({"kind": "spam"}, "kind"),
    ({"at_hours_end": "never"}, "at_hours_end"),
    ({"account_id": 12345}, "account"),
    ({"account_id": 2**80}, "account"),
)


def test_what_is_too_large_or_no_choice_is_not_saved(
    session: Session, alice: Person, account: int, subtests: pytest.Subtests
) -> None:
    for said, field in NOT_KEPT:
        with subtests.test(field):
            written = Written(**{"account_id": account, **said})
            found, sentence = refused(functools.partial(drafts.save_draft, written, alice.user_id))
            assert found == field
            assert "Nothing was s" in sentence
            assert drafts.look(written).problems == [(field, sentence)]
    assert session.query(Campaign).filter_by(team_id=alice.team_id).count() == 0


def test_the_version_rises_only_when_something_changed(session: Session, alice: Person, account: int) -> None:
    first = Written(account, numbers=f"{A}\r\n{B}", body=" Hello ", signature="【Shop】", defaults={"x": "y"})
    campaign = drafts.save_draft(first, alice.user_id)
    saved_at = campaign.saved_at
    for same in (first, drafts.written_of(campaign), dataclasses.replace(first, body="Hello", name="Hello")):
        assert drafts.save_draft(same, alice.user_id, campaign_id=campaign.id, version=1).version == 1
    assert campaign.saved_at == saved_at
    changes: list[dict[str, Any]] = [
        {"numbers": f"{A}\n{C}"}, {"body": "Hello!"}, {"signature": "Store"}, {"name": "Autumn"},
        {"kind": "marketing"}, {"defaults": {"name": "you"}}, {"leave_out_long": True},
        {"send_at": clock.now() + timedelta(days=1)}, {"not_after": clock.now() + timedelta(days=2)},
        {"at_hours_end": "drop"},
    ]  # fmt: skip
    for version, change in enumerate(changes, start=1):
        written = dataclasses.replace(drafts.written_of(campaign), **change)
        drafts.save_draft(written, alice.user_id, campaign_id=campaign.id, version=version)
        assert campaign.version == version + 1, change
        assert drafts.written_of(campaign) == written
    assert campaign.start_by is not None
    drafts.save_draft(
        dataclasses.replace(written, send_at=None), alice.user_id, campaign_id=campaign.id, version=11
    )
    assert campaign.start_by is None


def test_a_draft_is_called_as_its_writer_says_else_as_its_text_begins_else_new(
    session: Session, alice: Person, account: int
) -> None:
    campaign = drafts.save_draft(
        Written(account, body="Dear friends,\nthe autumn sale " + "x" * 40), alice.user_id
    )
    assert campaign.name == "Dear friends, the autumn sale…"
    assert drafts.written_of(campaign).name == ""
    named = Written(account, name=" Autumn \n sale\u200b ", body="x")
    drafts.save_draft(named, alice.user_id, campaign_id=campaign.id, version=1)
    assert (campaign.name, drafts.written_of(campaign).name) == ("Autumn sale", "Autumn sale")
    with force_locale("zh_Hans_CN"):
        chinese = drafts.save_draft(Written(account), alice.user_id)
    assert chinese.name == "新建群发任务"
    # Nobody gave it this name, whatever language it is looked at in.
    assert drafts.written_of(chinese).name == ""
    assert drafts.save_draft(Written(account), alice.user_id, campaign_id=chinese.id, version=1).version == 1


def test_the_second_of_two_people_overwrites_nothing(session: Session, alice: Person, account: int) -> None:
    campaign = drafts.save_draft(Written(account, body="Hello"), alice.user_id)
    bob = alice.user_id + 1
    drafts.save_draft(Written(account, body="Bob's"), bob, campaign_id=campaign.id, version=1)
    with pytest.raises(StaleDraftError) as raised:
        drafts.save_draft(Written(account, body="Mine"), alice.user_id, campaign_id=campaign.id, version=1)
    assert (raised.value.campaign.body, raised.value.campaign.saved_by) == ("Bob's", bob)
    assert campaign.version == 2
    # The same words are no loss, and having looked at the other's, one may go on from there.
    drafts.save_draft(Written(account, body="Bob's"), alice.user_id, campaign_id=campaign.id, version=1)
    drafts.save_draft(Written(account, body="Mine"), alice.user_id, campaign_id=campaign.id, version=2)
    assert (campaign.version, campaign.body) == (3, "Mine")


def test_of_two_saves_at_once_one_wins(app: Flask, alice: Person, account: int) -> None:
    with app.test_request_context(), tenancy.team_scope(alice.team_id, app) as opened:
        campaign_id = drafts.save_draft(Written(account, body="Hello"), alice.user_id).id
        opened.commit()

    def save(body: str) -> str:
        written = Written(account, body=body)
        return drafts.save_draft(written, alice.user_id, campaign_id=campaign_id, version=1).body

    answers = at_once(app, alice, [functools.partial(save, body) for body in ("One", "Two", "Three")])
    won = [answer for answer in answers if isinstance(answer, str)]
    lost = [answer for answer in answers if isinstance(answer, StaleDraftError)]
    assert (len(won), len(lost)) == (1, 2)
    with app.test_request_context(), tenancy.team_scope(alice.team_id, app) as opened:
        campaign = opened.get_one(Campaign, (alice.team_id, campaign_id))
        assert (campaign.version, campaign.body) == (2, won[0])


def test_one_page_makes_one_draft_however_often_it_saves_at_once(
    app: Flask, alice: Person, account: int
) -> None:
    def save(n: int) -> int:
        return drafts.save_draft(Written(account, body=f"Hello {n}"), alice.user_id, draft_key="key").id

    answers = at_once(app, alice, [functools.partial(save, n) for n in range(6)])
    assert len(set(answers)) == 1
    with tenancy.team_scope(alice.team_id, app) as opened:
        assert opened.query(Campaign).filter_by(team_id=alice.team_id).count() == 1
        assert opened.query(DraftPaste).filter_by(team_id=alice.team_id).count() == 1


def test_a_page_that_does_not_know_the_version_overwrites_only_its_own_person(
    session: Session, alice: Person, account: int
) -> None:
    campaign = drafts.save_draft(Written(account, body="One"), alice.user_id, draft_key="key")
    drafts.save_draft(Written(account, body="Two"), alice.user_id, draft_key="key")
    assert (campaign.body, campaign.version) == ("Two", 2)
    odd = [drafts.save_draft(Written(account), alice.user_id, draft_key="\x00key").id for _ in "ab"]
    assert odd[0] == odd[1]
    bob = alice.user_id + 1
    drafts.save_draft(Written(account, body="Bob's"), bob, campaign_id=campaign.id, version=2)
    with pytest.raises(StaleDraftError):
        drafts.save_draft(Written(account, body="Three"), alice.user_id, draft_key="key")
    assert campaign.body == "Bob's"


def test_what_is_no_draft_any_more_is_not_saved(session: Session, alice: Person, account: int) -> None:
    sent = drafts.draft_campaign(account, A, "Hello", "Shop", alice.user_id)
    operations.confirm_campaign(sent.id, "key", drafts.preview(sent).digest, alice.user_id, 0)
    later = Written(account, body="Other")
    _, sentence = refused(lambda: drafts.save_draft(later, alice.user_id, campaign_id=sent.id, version=1))
    assert "not a draft any more" in sentence
    assert "not a draft any more" in refused(lambda: drafts.prepare(sent))[1]
    assert (sent.body, sent.version) == ("Hello", 1)


@pytest.fixture
def theirs(app: Flask, practice: PracticeGateway) -> tuple[int, int]:
    """A draft of another team, made with the key "key", and the account that it is for."""
    charlie = make_person(app, "charlie")
    account_id = connect_practice(app, charlie, practice)
    with app.test_request_context(), tenancy.team_scope(charlie.team_id, app) as opened:
        foreign = drafts.save_draft(Written(account_id, body="Theirs"), charlie.user_id, draft_key="key").id
        opened.commit()
    return foreign, account_id


def test_another_teams_draft_is_neither_found_nor_written_over(
    theirs: tuple[int, int], session: Session, alice: Person, account: int
) -> None:
    foreign, their_account = theirs
    later = Written(account, body="Other")
    for campaign_id in (foreign, 12345):
        save = functools.partial(drafts.save_draft, later, alice.user_id, campaign_id=campaign_id, version=1)
        _, sentence = refused(save)
        assert "does not exist any more" in sentence
    assert refused(lambda: drafts.save_draft(Written(their_account), alice.user_id))[0] == "account"
    # Another team's page may have the same key by chance.
    assert drafts.save_draft(later, alice.user_id, draft_key="key").id != foreign


def test_a_draft_that_was_deleted_meanwhile_is_not_laid_out(
    app: Flask, session: Session, alice: Person, account: int
) -> None:
    campaign = drafts.save_draft(Written(account, numbers=A, body="Hi", signature="Shop"), alice.user_id)
    session.commit()
    with tenancy.team_scope(alice.team_id, app) as other:
        other.delete(other.get_one(Campaign, (alice.team_id, campaign.id)))
        other.commit()
    assert "not a draft any more" in refused(lambda: drafts.prepare(campaign))[1]
