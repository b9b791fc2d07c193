"""One text for each line of a paste: copies of one number, from the paste to the reports of each."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

import pytest
from flask import Flask
from sqlalchemy.orm import Session

from tests.campaigns.drafting import A, B, C
from tests.campaigns.grouping import group_of
from tests.campaigns.laying import messages_of
from tests.campaigns.running import batches_of, campaign_of, sender
from tests.campaigns.spread import report
from tests.campaigns.writing import said
from tests.conftest import Database
from tests.factories import Person, sign_in, uids
from tests.practice.fixture import PracticeGateway, wait_until
from webapp import tenancy
from webapp.campaigns import addresses, drafts, invariants, operations
from webapp.campaigns.models import Audience, Campaign

LINES = "\n".join(
    ["手机,姓名,时间", f"{A},王芳,9点", f"{B},李雷,10点", f"{A},王芳,11点", f"{A},王芳,9点", f"{A},小明,9点",
     f"{C},,", "12345,x,y"]
)  # fmt: skip
BODY = "{name}您好，{时间}见。"


@pytest.fixture
def session(app: Flask, alice: Person, account: int) -> Iterator[Session]:
    """Alice's team, in a request of its own; what is not committed is undone."""
    del account
    with app.test_request_context(), tenancy.team_scope(alice.team_id, app) as opened:
        yield opened
        opened.rollback()


def laid(session: Session, campaign: Campaign) -> list[tuple[str, int, dict[str, str] | None]]:
    rows = session.query(Audience).filter_by(team_id=campaign.team_id, campaign_id=campaign.id)
    return sorted((row.mobile, row.copy, row.variables) for row in rows)


def test_each_line_is_a_message_and_the_same_text_once(session: Session, alice: Person, account: int) -> None:
    campaign = drafts.draft_campaign(account, LINES, BODY, "Shop", alice.user_id, each_line=True)
    assert laid(session, campaign) == [
        (A, 0, {"name": "王芳", "时间": "9点"}),
        (A, 1, {"name": "王芳", "时间": "11点"}),
        (A, 2, {"name": "小明", "时间": "9点"}),
        (B, 0, {"name": "李雷", "时间": "10点"}),
    ]
    assert campaign.left_out["counts"] == {"too_short": 1, "twice": 1, "no_value": 1}
    preview = drafts.preview(campaign)
    assert (preview.recipients, preview.texts, preview.requests) == (4, 4, 4)
    assert drafts.recheck(campaign).digest == preview.digest
    look = drafts.look(drafts.written_of(campaign))
    assert (look.recipients, look.left_out, look.requests) == (4, campaign.left_out["counts"], 4)
    # Without it the first line of a number counts, and its others are said to differ.
    once = drafts.draft_campaign(account, LINES, BODY, "Shop", alice.user_id)
    assert [row[:2] for row in laid(session, once)] == [(A, 0), (B, 0)]
    assert once.left_out["counts"] == {"too_short": 1, "twice": 1, "twice_other": 2, "no_value": 1}
    # Where all get the same text, a number in several lines gets it once all the same.
    same = drafts.draft_campaign(account, LINES, "Hello", "Shop", alice.user_id, each_line=True)
    assert [row[:2] for row in laid(session, same)] == [(A, 0), (B, 0), (C, 0)]


def test_somebody_of_a_group_who_was_pasted_gets_only_the_lines(
    session: Session, alice: Person, account: int
) -> None:
    vip = group_of(session, "VIP", [(A, "王芳", {}), (C, "韩梅", {})])
    campaign = drafts.draft_campaign(
        account, f"{A}, 王芳\n{A}, 小芳", "{name}", "Shop", alice.user_id, (vip,), each_line=True
    )
    assert [row[:2] for row in laid(session, campaign)] == [(A, 0), (A, 1), (C, 0)]
    assert campaign.left_out["counts"] == {"twice": 1}


def test_copies_are_sent_reported_and_shown_each_by_itself(
    app: Flask, database: Database, practice: PracticeGateway, alice: Person, account: int
) -> None:
    with app.test_request_context(), tenancy.team_scope(alice.team_id, app) as session:
        draft = drafts.draft_campaign(account, LINES, BODY, "Shop", alice.user_id, each_line=True)
        seen = drafts.preview(draft).digest
        operations.confirm_campaign(draft.id, "key", seen, alice.user_id, 0)
        session.commit()
        campaign_id = draft.id
    with sender(app):
        wait_until(lambda: campaign_of(app, alice, campaign_id).state == "waiting_for_reports")
    got = sorted(
        (mobile, line["content_sha256"])
        for line in practice.submissions()
        if line["uid"] == uids[account]
        for mobile in line["delivered"]
    )
    texts = [
        (A, "王芳您好，9点见。"),
        (A, "王芳您好，11点见。"),
        (A, "小明您好，9点见。"),
        (B, "李雷您好，10点见。"),
    ]
    assert got == sorted(
        (mobile, hashlib.sha256(f"【Shop】{text}".encode()).hexdigest()) for mobile, text in texts
    )
    batches = batches_of(app, alice, campaign_id)
    assert all(len(set(batch.mobiles)) == len(batch.mobiles) == 1 for batch in batches)
    # Every request of A is reported otherwise.
    words = ["DELIVRD", "UNDELIV", "DELIVRD", "UNKNOWN"]
    for batch, word in zip(batches, words, strict=True):
        report(app, database, alice, account, campaign_id, batch.no, [word])
    by_batch = {batch.no: word for batch, word in zip(batches, words, strict=True)}
    messages = messages_of(app, alice, campaign_id)
    assert [(one.mobile, one.copy) for one in messages] == [(A, 0), (A, 1), (A, 2), (B, 0)]
    assert all(one.status == by_batch[one.batch_no] for one in messages)
    campaign = campaign_of(app, alice, campaign_id)
    assert (campaign.recipients, campaign.delivered, campaign.failed) == (4, 2, 2)
    with app.test_request_context(), tenancy.team_scope(alice.team_id, app):
        assert invariants.broken() == []
        tokens = [addresses.token_of(campaign_id, (one.mobile, one.copy)) for one in messages]
    browser = sign_in(app, alice)
    place = f"/t/{alice.team}/campaigns/{campaign_id}"
    assert said(browser.get(place)).count("138 0013 8000") == 3
    for one, token in zip(messages, tokens, strict=True):
        page = said(browser.get(f"{place}/m/{token}"))
        assert f"{(one.variables or {})['时间']}见。" in page
        assert f"The gateway wrote: {one.status}" in page
