"""Back to editing, against everybody who works on the same campaign at the same moment."""

from __future__ import annotations

import dataclasses
import random
import secrets
import threading
import time
from datetime import timedelta

import pytest
from flask import Flask

from tests.campaigns.running import batches_of, campaign_of, sender
from tests.campaigns.test_late_answers import claim
from tests.campaigns.test_sending import submitted
from tests.campaigns.timing import confirmed, did, plan_all, told
from tests.factories import Person, connect_practice, numbers
from tests.practice.fixture import PracticeGateway, wait_until
from webapp import clock, tenancy
from webapp.campaigns import clearing, drafts, editing, operations, planning, schedule, stopping
from webapp.campaigns.models import Campaign, CampaignMinute, Message
from webapp.campaigns.sender import wake
from webapp.errors import DomainError
from webapp.gateway.models import GatewayAccount

HOUR = timedelta(hours=1)


@pytest.fixture
def account(app: Flask, alice: Person, practice: PracticeGateway) -> int:
    """An account that takes ten numbers a request, four requests at once."""
    account_id = connect_practice(app, alice, practice)
    with tenancy.team_scope(alice.team_id, app) as session:
        session.get_one(GatewayAccount, (alice.team_id, account_id)).numbers_per_request = 10
        session.commit()
    return account_id


def written_anew(app: Flask, person: Person, campaign_id: int, mobiles: list[str]) -> None:
    """Give a reopened campaign other numbers, and confirm it once more."""
    with tenancy.team_scope(person.team_id, app) as session:
        draft = session.get_one(Campaign, (person.team_id, campaign_id))
        written = dataclasses.replace(drafts.written_of(draft), numbers="\n".join(mobiles), send_at=None)
        draft = drafts.save_draft(written, person.user_id, campaign_id=campaign_id, version=draft.version)
        drafts.prepare(draft)
        seen = drafts.preview(draft).digest
        operations.confirm_campaign(draft.id, secrets.token_hex(8), seen, person.user_id, 0)
        session.commit()


def mobiles_of(app: Flask, person: Person, campaign_id: int) -> list[str]:
    with tenancy.team_scope(person.team_id, app) as session:
        rows = session.query(Message.mobile).filter_by(team_id=person.team_id, campaign_id=campaign_id)
        return sorted(row.mobile for row in rows)


@pytest.mark.parametrize("state", ["planning", "scheduled", "missed", "ready", "paused"])
def test_whatever_has_not_begun_can_be_edited_and_confirmed_again(
    app: Flask, alice: Person, account: int, state: str
) -> None:
    at = clock.now() + HOUR if state in {"scheduled", "missed"} else None
    campaign_id = confirmed(app, alice, account, numbers(25), plan=state != "planning", send_at=at)
    if state == "missed" and at is not None:
        did(app, alice, lambda: schedule.start_due(at + 2 * HOUR))
    if state == "paused":
        did(app, alice, lambda: stopping.pause_campaign(campaign_id))
    before = campaign_of(app, alice, campaign_id)
    assert before.state == state or state == "paused"
    did(app, alice, lambda: editing.reopen(campaign_id).id)
    draft = campaign_of(app, alice, campaign_id)
    assert (draft.state, draft.version, draft.recipients, draft.waiting) == (
        "draft",
        before.version + 1,
        0,
        0,
    )
    assert (draft.confirm_key, draft.confirmed_at, draft.planned_at, draft.paused_by_person) == (None,) * 4
    with tenancy.team_scope(alice.team_id, app) as session:
        assert "13700000000" in drafts.written_of(draft).numbers
        assert session.query(CampaignMinute).filter_by(campaign_id=campaign_id).count() == 0
    assert told(app, alice, "campaign.reopened") == [{"version": before.version + 1}]
    plan_all(app, alice)
    assert claim(app, alice) == []
    written_anew(app, alice, campaign_id, numbers(13, 13_800_000_000))
    assert sorted(one for batch in claim(app, alice) for one in batch.mobiles) == numbers(13, 13_800_000_000)
    assert mobiles_of(app, alice, campaign_id) == numbers(13, 13_800_000_000)
    assert campaign_of(app, alice, campaign_id).recipients == 13


def test_a_confirm_from_before_the_edit_sends_nothing(app: Flask, alice: Person, account: int) -> None:
    campaign_id = confirmed(app, alice, account, numbers(2))
    before = campaign_of(app, alice, campaign_id)
    key, seen = before.confirm_key or "", before.preview_hash or ""
    did(app, alice, lambda: editing.reopen(campaign_id).id)
    with pytest.raises(operations.StalePreviewError):
        did(app, alice, lambda: operations.confirm_campaign(campaign_id, key, seen, alice.user_id, 0))
    assert campaign_of(app, alice, campaign_id).state == "draft"


def test_what_has_begun_is_not_edited(app: Flask, alice: Person, account: int) -> None:
    campaign_id = confirmed(app, alice, account, numbers(2))
    claim(app, alice)
    with pytest.raises(DomainError, match="cannot be edited any more"):
        did(app, alice, lambda: editing.reopen(campaign_id))
    did(app, alice, lambda: stopping.stop_campaign(campaign_id))
    with pytest.raises(DomainError, match="cannot be edited any more"):
        did(app, alice, lambda: editing.reopen(campaign_id))


def test_pressed_twice_it_is_edited_once(app: Flask, alice: Person, account: int) -> None:
    campaign_id = confirmed(app, alice, account, numbers(2))
    ready = threading.Barrier(3)

    def press() -> None:
        ready.wait()
        did(app, alice, lambda: editing.reopen(campaign_id).id)

    run([press] * 3)
    assert campaign_of(app, alice, campaign_id).version == 2
    assert len(told(app, alice, "campaign.reopened")) == 1


def test_against_planning_whoever_has_the_row_wins(
    app: Flask, alice: Person, account: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(planning, "CHUNK", 20)
    monkeypatch.setattr(clearing, "MOST_CLEARED", 50)
    chance = random.Random(4)
    for turn in range(16):
        people = numbers(300, 13_100_000_000 + turn * 1000)
        campaign_id = confirmed(app, alice, account, people, plan=False)
        ready = threading.Barrier(2)

        def plan(campaign_id: int = campaign_id, ready: threading.Barrier = ready) -> None:
            ready.wait()
            with tenancy.team_scope(alice.team_id, app) as session:
                while planning.plan_chunk(campaign_id):
                    session.commit()
                session.commit()

        late = chance.random() / 4

        def edit(
            campaign_id: int = campaign_id, ready: threading.Barrier = ready, late: float = late
        ) -> None:
            ready.wait()
            time.sleep(late)
            did(app, alice, lambda: editing.reopen(campaign_id).id)

        run([plan, edit])
        draft = campaign_of(app, alice, campaign_id)
        assert (draft.state, draft.recipients) == ("draft", 0)
        people = numbers(30, 13_200_000_000 + turn * 100)
        written_anew(app, alice, campaign_id, people)
        plan_all(app, alice)
        campaign = campaign_of(app, alice, campaign_id)
        assert (campaign.state, campaign.waiting) == ("ready", 30)
        assert mobiles_of(app, alice, campaign_id) == people
        assert sum(batch.size for batch in batches_of(app, alice, campaign_id)) == 30
        did(app, alice, lambda campaign_id=campaign_id: stopping.stop_campaign(campaign_id))  # type: ignore[misc] # binds it


def test_against_the_sender_it_is_edited_or_sent_never_both(
    app: Flask, alice: Person, practice: PracticeGateway, account: int
) -> None:
    chance = random.Random(5)
    edited, sent = [], []
    with sender(app):
        for turn in range(16):
            people = numbers(3, 13_300_000_000 + turn * 10)
            campaign_id = confirmed(app, alice, account, people, plan=False)
            wake()
            time.sleep(chance.random() / 4)
            try:
                did(app, alice, lambda campaign_id=campaign_id: editing.reopen(campaign_id).id)  # type: ignore[misc] # binds it
                edited.append((campaign_id, people))
            except DomainError:
                sent.append((campaign_id, people))
        wait_until(lambda: all(campaign_of(app, alice, one).no_report == 3 for one, _people in sent))
    assert sorted(submitted(practice, account)) == sorted(one for _id, people in sent for one in people)
    assert [campaign_of(app, alice, one).state for one, _people in edited] == ["draft"] * len(edited)
    assert edited
    assert sent


def run(jobs: list[object]) -> None:
    """Each on a thread of its own; a fault of one fails the test."""
    faults: list[BaseException] = []

    def kept(job: object) -> None:
        assert callable(job)
        try:
            job()
        except BaseException as error:  # noqa: BLE001 # whatever it is, the test must hear of it
            faults.append(error)

    threads = [threading.Thread(target=kept, args=[job]) for job in jobs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert faults == []
