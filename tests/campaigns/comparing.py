"""Holds the rows against the model, and both against what the phones got."""

from __future__ import annotations

from typing import Any

from tests.campaigns.driving import Gateway, World
from tests.campaigns.model import NOT_GONE, UNCLEAR, Batch, Message
from tests.campaigns.model_answers import Model

TALLIES = ("waiting", "unconfirmed", "no_report", "delivered", "failed", "not_sent")


def planned(world: World, model: Model, number: int) -> None:
    """Take over how planning cut the numbers, which must be allowed: everybody once, nobody who opted out."""
    one = model.campaigns[number]
    campaigns, batches, messages, _ = world.rows()
    row, unplanned = next((row, left) for row, left in campaigns if row.id == world.ids[number])
    if row.stale_rows:
        return
    stopping = one.state == "stopping"
    for batch in batches:
        if batch.campaign_id == row.id and batch.no not in one.batches:
            assert batch.size == len(batch.mobiles) <= model.account.limit
            assert stopping == (batch.state == "stopped")
            assert not model.opted_out & set(batch.mobiles), "planned although opted out"
            one.batches[batch.no] = Batch(batch.no, list(batch.mobiles), state=batch.state)
            for mobile in batch.mobiles:
                assert mobile in one.people
                assert mobile not in one.messages, "planned twice"
                one.messages[mobile] = Message(batch.no)
    for message in messages:
        if message.campaign_id == row.id and message.mobile not in one.messages:
            assert (message.batch_no, message.outcome) == (0, "not_sent")
            assert message.mobile in model.opted_out
            one.messages[message.mobile] = Message(0, "not_sent")
    one.unplanned = bool(unplanned)
    if not unplanned:
        assert sorted(one.messages) == sorted(one.people), "not everybody was planned"
        if stopping:
            one.note_stopped()
        elif one.state == "planning":
            one.state = "ready" if one.send_at is None else "scheduled"


def compare(world: World, model: Model) -> None:
    """The rows are what the model foretells."""
    campaigns, batches, messages, account = world.rows()
    found = (account.state, account.numbers_per_request, account.repeat_mode)
    foretold = (model.account.state, model.account.limit, model.account.mode)
    assert found == foretold, f"the account is {found}, foretold was {foretold}"
    rows = {row.id: row for row, _ in campaigns}
    for number, one in model.campaigns.items():
        row = rows[world.ids[number]]
        own = [batch for batch in batches if batch.campaign_id == row.id and not row.stale_rows]
        _christen(one, own)
        assert row.state == one.state, f"the campaign is {row.state}, foretold was {one.state}"
        if one.state in ("planning", "scheduled", "ready", "sending"):
            paused = (row.paused_by_person is not None, row.paused_by_machine)
            assert paused == (one.paused, one.why), f"paused {paused}, foretold {(one.paused, one.why)}"
        _same("tallies", {name: count for name in TALLIES if (count := getattr(row, name))}, one.tallies())
        found_batches = {batch.no: _told(batch) for batch in own}
        _same("batches", found_batches, {batch.no: _foretold(one, batch) for batch in one.batches.values()})
        outcomes = {
            message.mobile: (message.batch_no, message.outcome)
            for message in messages if message.campaign_id == row.id and not row.stale_rows
        }  # fmt: skip
        held_as = {mobile: (held.no, held.outcome) for mobile, held in one.messages.items()}
        _same("messages", outcomes, held_as)


def _same(what: str, found: dict[Any, Any], foretold: dict[Any, Any]) -> None:
    differing = {
        key: (found.get(key), foretold.get(key))
        for key in found.keys() | foretold.keys()
        if found.get(key) != foretold.get(key)
    }
    assert not differing, f"{what} (found, foretold): {differing}"


def _christen(one: Any, own: list[Any]) -> None:
    """New batches of the model take the numbers that the program gave them."""
    for child in one.unborn:
        match = [
            row for row in own
            if row.no not in one.batches and row.parent == child.parent and list(row.mobiles) == child.mobiles
        ]  # fmt: skip
        assert match, f"no batch was made of {child.mobiles} out of {child.parent}"
        one.christen(child, match[0].no)
    one.unborn.clear()


def _told(row: Any) -> tuple[Any, ...]:
    return (row.state, list(row.mobiles), row.size, row.open, row.attempts, row.repeats, row.first_unknown_at,
            row.parent, row.again)  # fmt: skip


def _foretold(one: Any, batch: Batch) -> tuple[Any, ...]:
    size, still_open = len(batch.mobiles), len(one.held(batch))
    return (batch.state, batch.mobiles, size, still_open, len(batch.began), batch.repeats, batch.unknown_at,
            batch.parent, batch.again)  # fmt: skip


def truth(world: World, model: Model, gateway: Gateway) -> None:
    """Nobody was reached more often than wanted, and nothing is said that the phones would deny."""
    for (number, mobile), times in gateway.delivered.items():
        one = model.campaigns[number]
        message, wanted = one.messages[mobile], one.sent_again[mobile]
        assert times <= 1 + wanted, f"{mobile} was reached {times} times"
        assert message.outcome != "not_sent", "said not to be sent, but it was"
        if message.outcome is None:
            state = one.batches[message.no].state
            assert state in ("accepted", "inflight", *UNCLEAR, *((*NOT_GONE, "rejected") if wanted else ()))
    for number, one in model.campaigns.items():
        for batch in one.batches.values():
            if batch.state == "accepted" and not batch.by_person:
                reached = [gateway.delivered[number, mobile] for mobile in one.held(batch)]
                assert all(reached), "said to be accepted, but it was not"
