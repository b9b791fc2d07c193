"""Planning: each recipient in one batch of the own text, whatever happens while it is done."""

from __future__ import annotations

import dataclasses
import random
import secrets
import threading
from collections import Counter, defaultdict
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import delete, select

from tests.campaigns.laying import Recipient, hash_of, lay_out, messages_of, opt_out, plan_slices
from tests.campaigns.running import batches_of, campaign_of
from tests.campaigns.test_late_answers import claim
from tests.campaigns.timing import confirmed, did
from tests.factories import Person, make_person, numbers
from webapp import clock, tenancy
from webapp.campaigns import clearing, drafts, editing, operations, planning, stopping
from webapp.campaigns.models import Audience, Batch, Campaign, CampaignText
from webapp.gateway.models import GatewayAccount


def take(app: Flask, person: Person, account: int, limit: int) -> None:
    with tenancy.team_scope(person.team_id, app) as session:
        session.get_one(GatewayAccount, (person.team_id, account)).numbers_per_request = limit
        session.commit()


def left_to_plan(app: Flask, person: Person, campaign_id: int) -> tuple[int, int]:
    """Rows of the audience and of its texts."""
    with tenancy.team_scope(person.team_id, app) as session:
        own = {"team_id": person.team_id, "campaign_id": campaign_id}
        return (
            session.query(Audience).filter_by(**own).count(),
            session.query(CampaignText).filter_by(**own).count(),
        )


def check_plan(
    app: Flask, person: Person, campaign_id: int, audience: list[Recipient], limit: int
) -> list[Batch]:
    """Every recipient has one message, in a batch of the own text that is no larger than it may be."""
    batches = {batch.no: batch for batch in batches_of(app, person, campaign_id)}
    messages = messages_of(app, person, campaign_id)
    planned = [
        (batches[row.batch_no].content, row.mobile, row.copy) for row in messages if row.batch_no != 0
    ]  # fmt: skip
    dropped = {(row.mobile, row.copy) for row in messages if row.batch_no == 0}
    assert sorted(planned) == sorted(one for one in audience if one[1:] not in dropped)
    assert {row.outcome for row in messages if row.batch_no == 0} <= {"not_sent"}
    assert {row.outcome for row in messages if row.batch_no != 0} <= {None}
    in_batch = Counter((row.batch_no, row.mobile) for row in messages if row.batch_no != 0)
    assert in_batch == Counter((no, mobile) for no, batch in batches.items() for mobile in batch.mobiles)
    assert all(1 <= batch.size == batch.open == len(batch.mobiles) <= limit for batch in batches.values())
    assert sorted(batches) == list(range(min(batches), min(batches) + len(batches)))
    assert len(messages) == len(audience)
    return list(batches.values())


def test_each_recipient_gets_the_own_text_and_equal_texts_go_together(
    app: Flask, alice: Person, account: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same name stands all over the paste, and a slice is smaller than a text's recipients."""
    monkeypatch.setattr(planning, "CHUNK", 40)
    take(app, alice, account, 30)
    names = ["Wang Fang", "Li Wei", "{name}"]
    lines = [f"{mobile}, {names[n % 3]}" for n, mobile in enumerate(numbers(200))]
    campaign_id = confirmed(app, alice, account, lines, body="Dear {name}, we are open")
    audience = [
        (f"【Shop】Dear {names[n % 3]}, we are open", mobile, 0) for n, mobile in enumerate(numbers(200))
    ]
    batches = check_plan(app, alice, campaign_id, audience, 30)
    assert sorted(batch.size for batch in batches) == [6, 7, 7] + [30] * 6
    assert {row.mobile: row.variables for row in messages_of(app, alice, campaign_id)}[numbers(1)[0]] == {
        "name": "Wang Fang"
    }
    claimed = claim(app, alice)
    assert {(one.content, mobile, 0) for one in claimed for mobile in one.mobiles} <= set(audience)


@pytest.mark.parametrize("seed", range(6))
def test_no_slice_cuts_a_text_where_a_whole_request_would_fit(
    app: Flask, alice: Person, account: int, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    """Texts of one to a hundred people, in slices of any size: as few requests as their numbers allow."""
    chance = random.Random(seed)
    limit = chance.choice([1, 3, 7, 20])
    monkeypatch.setattr(planning, "CHUNK", limit + chance.randrange(15))
    monkeypatch.setattr(clearing, "MOST_CLEARED", 30)
    take(app, alice, account, limit)
    sizes = [chance.choice([1, 2, limit, limit + 1, 100]) for _ in range(12)]
    mobiles = iter(numbers(2000))
    audience = [(f"text {text}", next(mobiles), 0) for text, size in enumerate(sizes) for _ in range(size)]
    campaign_id = lay_out(app, alice, account, audience)
    plan_slices(app, alice, campaign_id)
    batches = check_plan(app, alice, campaign_id, audience, limit)
    assert len(batches) == sum(-(-size // limit) for size in sizes)
    assert (campaign_of(app, alice, campaign_id).state, left_to_plan(app, alice, campaign_id)) == (
        "ready",
        (0, 0),
    )


@pytest.mark.parametrize("seed", range(6))
def test_who_opts_out_while_it_is_planned_has_no_batch(
    app: Flask, alice: Person, account: int, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    """Now and then whole slices of them; the tallies are recounted after each."""
    chance = random.Random(seed)
    monkeypatch.setattr(planning, "CHUNK", 10)
    take(app, alice, account, 10)
    sizes = [chance.choice([1, 4, 10, 35]) for _ in range(6)]
    mobiles = iter(numbers(1000))
    audience = [(f"text {text}", next(mobiles), 0) for text, size in enumerate(sizes) for _ in range(size)]
    campaign_id = lay_out(app, alice, account, audience)
    gone = [one[1] for one in audience if chance.random() < chance.choice([0.05, 0.95])]
    opt_out(app, alice, gone[: len(gone) // 2])
    plan_slices(app, alice, campaign_id, 2)
    campaign_of(app, alice, campaign_id)
    opt_out(app, alice, gone)
    plan_slices(app, alice, campaign_id)
    check_plan(app, alice, campaign_id, audience, 10)
    without = {row.mobile for row in messages_of(app, alice, campaign_id) if row.outcome == "not_sent"}
    assert set(gone[: len(gone) // 2]) <= without <= set(gone)
    campaign = campaign_of(app, alice, campaign_id)
    assert (campaign.state, campaign.not_sent) == ("ready", len(without))
    assert campaign.waiting == len(audience) - len(without)


def test_copies_of_a_number_go_out_with_their_own_texts(app: Flask, alice: Person, account: int) -> None:
    one, other = numbers(2)
    audience = [("first", one, 0), ("second", one, 1), ("second", other, 0), ("third", one, 2)]
    campaign_id = lay_out(app, alice, account, audience)
    plan_slices(app, alice, campaign_id)
    batches = check_plan(app, alice, campaign_id, audience, 5000)
    assert {batch.content: batch.mobiles for batch in batches} == {
        "first": [one],
        "second": [one, other],
        "third": [one],
    }
    opt_out(app, alice, [one])
    assert [claimed.mobiles for claimed in claim(app, alice)] == [(other,)]
    assert campaign_of(app, alice, campaign_id).not_sent == 3


def test_a_crash_in_the_middle_repeats_a_slice_and_nothing_else(
    app: Flask, alice: Person, account: int
) -> None:
    audience = [("Hello", mobile, 0) for mobile in numbers(20_000)]
    campaign_id = lay_out(app, alice, account, audience)
    for _ in range(5):
        with tenancy.team_scope(alice.team_id, app) as session:
            planning.plan_chunk(campaign_id)
            session.rollback()
        plan_slices(app, alice, campaign_id, 1)
    batches = check_plan(app, alice, campaign_id, audience, 5000)
    assert [(batch.no, batch.size) for batch in batches] == [(no, 5000) for no in range(1, 5)]
    assert campaign_of(app, alice, campaign_id).state == "ready"
    assert left_to_plan(app, alice, campaign_id) == (0, 0)


def test_two_planners_at_once_plan_it_once(
    app: Flask, alice: Person, account: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(planning, "CHUNK", 20)
    take(app, alice, account, 7)
    audience = [(f"text {n % 9}", mobile, 0) for n, mobile in enumerate(numbers(400))]
    campaign_id = lay_out(app, alice, account, audience)
    with tenancy.team_scope(alice.team_id, app):
        assert planning.plan_chunk(campaign_id)
        # Not committed, so the row is held: the other one must not wait for it.
        with tenancy.team_scope(alice.team_id, app):
            assert not planning.plan_chunk(campaign_id)
    ready = threading.Barrier(2)

    def plan() -> None:
        ready.wait()
        while campaign_of(app, alice, campaign_id).state == "planning":
            plan_slices(app, alice, campaign_id)

    threads = [threading.Thread(target=plan) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    check_plan(app, alice, campaign_id, audience, 7)


def confirm_again(app: Flask, person: Person, campaign_id: int, mobiles: list[str]) -> None:
    """Other numbers for a campaign that was reopened, confirmed but not planned."""
    with app.test_request_context(), tenancy.team_scope(person.team_id, app) as session:
        draft = session.get_one(Campaign, (person.team_id, campaign_id))
        written = dataclasses.replace(drafts.written_of(draft), numbers="\n".join(mobiles))
        draft = drafts.save_draft(written, person.user_id, campaign_id=campaign_id, version=draft.version)
        drafts.prepare(draft)
        seen = drafts.preview(draft).digest
        operations.confirm_campaign(campaign_id, secrets.token_hex(8), seen, person.user_id, 0)
        session.commit()


def test_the_plan_of_an_earlier_version_goes_in_slices_before_the_new_one_is_made(
    app: Flask, alice: Person, account: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Some had opted out before the first plan. The tallies are recounted after each slice."""
    monkeypatch.setattr(planning, "CHUNK", 20)
    take(app, alice, account, 1)
    opt_out(app, alice, numbers(5))
    campaign_id = lay_out(app, alice, account, [("Hello", mobile, 0) for mobile in numbers(65)])
    plan_slices(app, alice, campaign_id)
    did(app, alice, lambda: editing.reopen(campaign_id).id)
    confirm_again(app, alice, campaign_id, numbers(30, 13_800_000_000))
    before = 65 + 60
    while campaign_of(app, alice, campaign_id).stale_rows:
        assert plan_slices(app, alice, campaign_id, 1)
        rows = len(messages_of(app, alice, campaign_id)) + len(batches_of(app, alice, campaign_id))
        assert before - 2 * 20 <= rows < before
        before = rows
    assert before == 0
    plan_slices(app, alice, campaign_id)
    audience = [("【Shop】x", mobile, 0) for mobile in numbers(30, 13_800_000_000)]
    assert len(messages_of(app, alice, campaign_id)) == len(audience)
    assert campaign_of(app, alice, campaign_id).state == "ready"


def test_an_old_batch_that_somebody_holds_is_left_for_later(app: Flask, alice: Person, account: int) -> None:
    """Whoever cuts it has the batch and waits for the campaign: to wait for the batch would be a deadlock."""
    take(app, alice, account, 1)
    campaign_id = confirmed(app, alice, account, numbers(2))
    did(app, alice, lambda: editing.reopen(campaign_id).id)
    confirm_again(app, alice, campaign_id, numbers(3))
    with tenancy.team_scope(alice.team_id, app) as session:
        held = select(Batch).where(Batch.team_id == alice.team_id, Batch.no == 1).with_for_update()
        assert session.scalars(held).one().campaign_id == campaign_id
        assert plan_slices(app, alice, campaign_id) == 2
        assert [batch.no for batch in batches_of(app, alice, campaign_id)] == [1]
    plan_slices(app, alice, campaign_id)
    assert [batch.no for batch in batches_of(app, alice, campaign_id)] == [3, 4, 5]


def test_a_lowered_limit_cuts_no_batch_of_an_earlier_version(app: Flask, alice: Person, account: int) -> None:
    campaign_id = confirmed(app, alice, account, numbers(10))
    did(app, alice, lambda: editing.reopen(campaign_id).id)
    take(app, alice, account, 2)
    assert did(app, alice, lambda: operations.split_oversized(account)) == 0
    assert [batch.state for batch in batches_of(app, alice, campaign_id)] == ["planned"]


def test_a_stop_while_it_is_planned_gives_every_recipient_a_row(
    app: Flask, alice: Person, account: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stopped after each slice in turn, so also between the last one and the end."""
    monkeypatch.setattr(planning, "CHUNK", 10)
    monkeypatch.setattr(clearing, "MOST_CLEARED", 10)
    take(app, alice, account, 4)
    opt_out(app, alice, numbers(3))
    for slices in range(9):
        audience = [(f"text {n % 5}", mobile, 0) for n, mobile in enumerate(numbers(30))]
        campaign_id = lay_out(app, alice, account, audience)
        plan_slices(app, alice, campaign_id, slices)
        did(app, alice, lambda campaign_id=campaign_id: stopping.stop_campaign(campaign_id))  # type: ignore[misc] # binds it
        campaign_of(app, alice, campaign_id)
        plan_slices(app, alice, campaign_id)
        campaign = campaign_of(app, alice, campaign_id)
        assert (campaign.state, campaign.not_sent, campaign.recipients) == ("stopped", 30, 30)
        assert {batch.state for batch in batches_of(app, alice, campaign_id)} == {"stopped"}
        check_plan(app, alice, campaign_id, audience, 4)
        assert left_to_plan(app, alice, campaign_id) == (0, 0)
    assert claim(app, alice) == []


def test_a_stop_while_the_plan_of_an_earlier_version_goes_stops_the_new_one(
    app: Flask, alice: Person, account: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the earlier version had planned is counted nowhere any more."""
    monkeypatch.setattr(planning, "CHUNK", 10)
    take(app, alice, account, 4)
    for slices in range(6):
        campaign_id = confirmed(app, alice, account, numbers(30))
        did(app, alice, lambda campaign_id=campaign_id: editing.reopen(campaign_id).id)  # type: ignore[misc] # binds it
        confirm_again(app, alice, campaign_id, numbers(12))
        plan_slices(app, alice, campaign_id, slices)
        did(app, alice, lambda campaign_id=campaign_id: stopping.stop_campaign(campaign_id))  # type: ignore[misc] # binds it
        plan_slices(app, alice, campaign_id)
        campaign = campaign_of(app, alice, campaign_id)
        assert (campaign.state, campaign.not_sent, campaign.recipients) == ("stopped", 12, 12)
    assert claim(app, alice) == []


@pytest.mark.parametrize("lost", ["text", "recipient"])
def test_a_plan_that_does_not_add_up_is_not_sent(app: Flask, alice: Person, account: int, lost: str) -> None:
    campaign_id = lay_out(app, alice, account, [("a", numbers(1)[0], 0), ("b", numbers(2)[1], 0)])
    with tenancy.team_scope(alice.team_id, app) as session:
        model = CampaignText if lost == "text" else Audience
        session.execute(
            delete(model).where(model.team_id == alice.team_id, model.text_hash == hash_of("a"))
        )  # fmt: skip
        session.commit()
    plan_slices(app, alice, campaign_id)
    plan_slices(app, alice, campaign_id)
    with tenancy.team_scope(alice.team_id, app) as session:
        campaign = session.get_one(Campaign, (alice.team_id, campaign_id))
        assert (campaign.state, campaign.paused_by_machine) == ("planning", "sums")
    assert left_to_plan(app, alice, campaign_id)[0] == (2 if lost == "text" else 1)
    assert claim(app, alice) == []


def test_with_a_time_of_its_own_it_is_scheduled(app: Flask, alice: Person, account: int) -> None:
    at = clock.now() + timedelta(hours=2)
    campaign_id = confirmed(app, alice, account, numbers(3), send_at=at)
    campaign = campaign_of(app, alice, campaign_id)
    assert (campaign.state, campaign.send_at, campaign.waiting) == ("scheduled", at, 3)
    assert claim(app, alice) == []


def test_another_teams_opt_outs_do_not_count(app: Flask, alice: Person, account: int) -> None:
    opt_out(app, make_person(app, "charlie"), numbers(3))
    opt_out(app, alice, numbers(1))
    campaign_id = lay_out(app, alice, account, [("Hello", mobile, 0) for mobile in numbers(3)])
    plan_slices(app, alice, campaign_id)
    sizes: dict[str | None, int] = defaultdict(int)
    for row in messages_of(app, alice, campaign_id):
        sizes[row.outcome] += 1
    assert sizes == {"not_sent": 1, None: 2}
