"""What happens to campaigns without anybody's doing: sending, answers, silence, time, reports."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    precondition,
    rule,
)

from tests.campaigns import model
from tests.campaigns.comparing import compare, planned, truth
from tests.campaigns.driving import Under, World
from tests.campaigns.model_answers import Made, Model
from tests.campaigns.model_reports import Reports
from tests.factories import numbers
from webapp.campaigns import (
    operations,
    reaper,
    schedule,
    stopping,
)
from webapp.settings import settings_of

PEOPLE = numbers(10)
NOTHING_TAKEN = ("1", "2", "3", "4", "5", "6", "8", "refused", "connect timeout")
UNCLEAR = ("7", "99", "lost", "timeout", "html", "500", "404")
KINDS = st.sampled_from(
    ("0",) * 6 + ("0 without msgid",) + NOTHING_TAKEN + ("2", "6") + UNCLEAR + ("lost",) * 4
)


class Machine(RuleBasedStateMachine):
    """One team; `make` gives it a world. In `under` is what waits for its answer to be stored."""

    make: Callable[[], World]

    def __init__(self) -> None:
        super().__init__()
        self.world = self.make()
        self.model = Model()
        self.gateway = self.world.gateway
        self.reports = Reports(self.model)
        self.under: list[Under] = []

    # ---- helpers -------------------------------------------------------------------------------------

    def on_its_way(self, *states: str) -> list[int]:
        """Campaigns in one of these states."""
        return [number for number, one in self.model.campaigns.items() if one.state in states]

    def a_campaign(self, data: st.DataObject, *states: str) -> int:
        return data.draw(st.sampled_from(self.on_its_way(*states)))

    def check(self) -> None:
        """After each step."""
        compare(self.world, self.model)
        truth(self.world, self.model, self.gateway)
        assert self.world.broken() == []

    # ---- writing -------------------------------------------------------------------------------------

    @initialize(
        people=st.integers(3, 10), ask=st.sampled_from((False, False, True)), most=st.integers(2, 5),
        limit=st.sampled_from((None, None, None, 4000)), kinds=st.lists(KINDS, min_size=1, max_size=4),
        taken=st.booleans(), begun=st.sampled_from(("planned", "sent", "lost", "lost")),
    )  # fmt: skip
    def first(
        self, people: int, ask: bool, most: int, limit: int | None, kinds: list[str], taken: bool, begun: str
    ) -> None:
        self.model.account.limit = most
        self.model.account.mode = "ask" if ask else "repeat"
        self.world.set_account(numbers_per_request=most, repeat_mode=self.model.account.mode)
        self._confirm(PEOPLE[:people], None, limit)
        self._plan_all(0)
        if begun == "sent":
            self.send(64, kinds, taken, "stored")
        elif begun == "lost":
            self.lose(kinds, taken, most % 2 == 0)

    def _confirm(self, mobiles: list[str], later: int | None, limit: int | None) -> None:
        now, number = self.world.now, len(self.model.campaigns)
        send_at = None if later is None else now + timedelta(minutes=later)
        not_after = None if limit is None else now + timedelta(minutes=later or 0, seconds=limit)
        people = [one for one in mobiles if one not in self.model.opted_out]
        done = self.world.confirm(number, mobiles, send_at, not_after)
        assert done == (
            bool(people) and self.model.account.state not in ("broken", "frozen", "misconfigured")
        )
        if done:
            one = model.Campaign(
                recipients=len(people),
                people=people,
                begin_at=send_at or now,
                send_at=send_at,
                not_after=not_after,
            )
            one.why = "balance" if self.model.account.state == "out_of_balance" else None
            self.model.campaigns[number] = one
        self.check()

    @precondition(lambda self: self.on_its_way("planning", "stopping"))
    @rule(data=st.data(), whole=st.booleans())
    def plan(self, data: st.DataObject, whole: bool) -> None:
        number = self.a_campaign(data, "planning", "stopping")
        if whole:
            self._plan_all(number)
        else:
            self.world.plan(number)
            planned(self.world, self.model, number)
            self.check()

    def _plan_all(self, number: int) -> None:
        while self.world.plan(number):
            pass
        planned(self.world, self.model, number)
        self.check()

    # ---- sending -------------------------------------------------------------------------------------

    @precondition(lambda self: self.on_its_way("ready", "sending"))
    @rule(
        room=st.sampled_from((64, 64, 1)), kinds=st.lists(KINDS, min_size=1, max_size=4), taken=st.booleans(),
        fate=st.sampled_from(("stored", "stored", "stored", "posted", "claimed")),
    )  # fmt: skip
    def send(self, room: int, kinds: list[str], taken: bool, fate: str) -> None:
        self.world.begin()
        self.model.begin(self.world.now)
        claims = self.world.claim(room)
        _, rows, _, _ = self.world.rows()
        here = {place: number for number, place in self.world.ids.items()}
        for row in rows:
            one = self.model.campaigns[here[row.campaign_id]]
            batch = one.batches.get(row.no)
            if batch is not None and batch.state in model.NOT_GONE and list(row.mobiles) != batch.mobiles:
                self.model.dropped(one, batch, row.mobiles)
        some = []
        for claim in claims:
            number = here[claim.campaign_id]
            made = Made(number, claim.batch_no, claim.n, claim.claimed_at, claim.credentials.version)
            self.model.claimed(made, claim.mobiles, self.world.now, repeat=claim.swallowed_until is not None)
            some.append(Under(claim, made))
        self.under.extend(some)
        in_flight = [b for one in self.model.campaigns.values() for b in one.batches.values()
                     if b.state == "inflight"]  # fmt: skip
        assert len(in_flight) <= 4, "more requests at once than the account takes"
        self.check()
        if fate != "claimed":
            for place, under in enumerate(some):
                self._post(under, kinds[place % len(kinds)], taken)
        if fate == "stored" and some:
            self._store(some)

    @precondition(lambda self: self.on_its_way("ready", "sending"))
    @rule(kind=KINDS, taken=st.booleans())
    def send_all(self, kind: str, taken: bool) -> None:
        self.send(64, [kind], taken, "stored")

    @precondition(lambda self: self.on_its_way("ready", "sending"))
    @rule(kind=st.sampled_from(("lost", "2", "5", "6")), taken=st.booleans())
    def go_wrong(self, kind: str, taken: bool) -> None:
        self.send(64, [kind, "0"], taken, "stored")

    @precondition(lambda self: self.on_its_way("ready", "sending"))
    @rule(kinds=st.lists(KINDS, min_size=1, max_size=3), taken=st.booleans(), all_day=st.booleans())
    def lose(self, kinds: list[str], taken: bool, all_day: bool) -> None:
        """Every worker dies, or sleeps, with its requests made; what the answers are may still come out."""
        self.send(64, kinds, taken, "posted")
        self.wait(245)
        if all_day:
            self.wait(820)

    @precondition(lambda self: any(one.kind is None for one in self.under))
    @rule(data=st.data(), kind=KINDS, taken=st.booleans())
    def post(self, data: st.DataObject, kind: str, taken: bool) -> None:
        self._post(data.draw(st.sampled_from([one for one in self.under if one.kind is None])), kind, taken)
        truth(self.world, self.model, self.gateway)

    def _post(self, under: Under, kind: str, taken: bool) -> None:
        """Make the request, if the sender still does; the gateway then says the truth, or nothing."""
        claim, now = under.claim, self.world.now
        if not self.world.may_post(claim):
            under.kind = "withheld"
            return
        uid, number = self.model.account.uid, under.made.campaign
        uid = int(claim.credentials.uid.reveal().removeprefix("uid-"))
        assert now <= under.claim.claimed_at + model.LEASE, "posted after its lease"
        swallowed = self.gateway.swallows(uid, claim.content, claim.mobiles, now)
        reaches = kind.startswith("0") or (kind in UNCLEAR and (taken or swallowed))
        if swallowed and kind not in model.ANSWERS.keys() - {"refused", "connect timeout"}:
            reaches = False
        under.kind = kind
        if reaches:
            msgid = self.gateway.take(uid, number, claim.content, claim.mobiles, now)
            under.msgid = msgid if kind == "0" else None

    @precondition(lambda self: any(one.kind is not None for one in self.under))
    @rule(data=st.data())
    def store(self, data: st.DataObject) -> None:
        posted = [one for one in self.under if one.kind is not None]
        first = data.draw(st.sampled_from(posted))
        # Of one batch one answer at a time: a worker has one, and two workers are two transactions.
        others = [
            one for one in posted if (one.made.campaign, one.made.no) != (first.made.campaign, first.made.no)
        ]
        self._store([first, *others[: data.draw(st.integers(0, 1))]])

    def _store(self, some: list[Under]) -> None:
        self.world.store(some)
        self.model.answered([(one.made, one.kind or "", one.msgid) for one in some], self.world.now)
        self.under = [one for one in self.under if one not in some]
        self.check()

    # ---- time ----------------------------------------------------------------------------------------

    @rule(seconds=st.sampled_from((5, 20, 91, 120, 245, 310, 820, 4000)))
    def wait(self, seconds: int) -> None:
        self.world.now += timedelta(seconds=seconds)
        self.turn()

    @rule()
    def turn(self) -> None:
        """What the sender's loop does beside sending."""
        world, now = self.world, self.world.now
        times = settings_of(world.app).times
        steps: list[tuple[Callable[[], Any], Callable[[], None]]] = [
            (lambda: (schedule.start_due(now), schedule.expire(now)), lambda: self.model.keep_time(now)),
            (lambda: reaper.reap(now, times), lambda: self.model.reap(now)),
            (lambda: reaper.give_up_asking(now, times), lambda: self.model.give_up(now)),
        ]
        for real, foretold in steps:
            with world.at_work():
                real()
            foretold()
        self.check()
        with world.at_work():
            operations.pause_for_accounts(now)
        with world.at_work():
            operations.release_well_accounts()
        with world.at_work():
            for account_id in operations.accounts_with_oversized():
                while operations.split_oversized(account_id):
                    pass
        for number in self.on_its_way("stopping"):
            with world.at_work():
                stopping.stop_what_has_not_left(world.ids[number], now)
        with world.at_work():
            reaper.close_abandoned(now, times)
        self.model.sweep(now)
        self.check()

    # ---- reports -------------------------------------------------------------------------------------

    @precondition(lambda self: self.gateway.people)
    @rule(data=st.data(), words=st.lists(st.sampled_from(("DELIVRD", *model.RANKS)), min_size=1, max_size=4))
    def report(self, data: st.DataObject, words: list[str]) -> None:
        msgid = data.draw(st.sampled_from(sorted(self.gateway.people)))
        _number, mobiles = self.gateway.people[msgid]
        told = data.draw(st.lists(st.sampled_from(mobiles), min_size=1, max_size=4, unique=True))
        if data.draw(st.booleans()):
            told = list(mobiles)
        reports = [
            (msgid, mobile, words[place % len(words)], data.draw(st.integers(1, 3)))
            for place, mobile in enumerate(told)
        ]
        self.world.hear(reports)
        self.reports.hear(reports, self.world.now)
        self.check()
