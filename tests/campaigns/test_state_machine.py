"""Campaigns taken through everything that can happen to them, in any order, against a model.

Hypothesis chooses what happens next; the real operations do it on the real database, and after each step the
rows are what the model foretells, what must always hold does, and no phone got anything twice that no person
wanted twice. TIDINGS_MACHINE_EXAMPLES asks for more than a run of all tests has time for (`make machine`).
"""

from __future__ import annotations

import os
from datetime import timedelta
from typing import Any

from flask import Flask
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    precondition,
    rule,
    run_state_machine_as_test,
)

from tests.campaigns import model
from tests.campaigns.driving import World
from tests.campaigns.machine import PEOPLE, Machine
from tests.factories import make_person
from webapp.campaigns import (
    decisions,
    editing,
    halving,
    planning,
    stopping,
)
from webapp.contacts import optouts
from webapp.gateway import operations as gateway
from webapp.gateway import queries
from webapp.gateway.answers import Why
from webapp.gateway.balances import BalanceOutcome, BalanceVerdict
from webapp.gateway.models import BalanceCause
from webapp.sealing import Secret

# By default the same ones each time; asked for more, others each time, and the failing one is made small.
EXAMPLES = int(os.environ.get("TIDINGS_MACHINE_EXAMPLES", "0"))
FEW = 15
STEPS = 40


class MachineAndPeople(Machine):
    """And what people do."""

    # ---- people --------------------------------------------------------------------------------------

    @rule(data=st.data(), what=st.sampled_from(("pause", "resume", "stop", "limit")))
    def press(self, data: st.DataObject, what: str) -> None:
        number = data.draw(st.sampled_from(sorted(self.model.campaigns)))
        one, place, now = self.model.campaigns[number], self.world.ids[number], self.world.now
        if what == "pause":
            self.world.do(lambda: stopping.pause_campaign(place))
            one.paused = one.paused or one.state in model.UNDER_WAY
        elif what == "resume":
            self._resume(number)
        elif what == "limit":
            self.world.do(lambda: stopping.resume_with_limit(place, None))
            if one.why == "expired":
                limit, one.not_after = one.not_after, None
                if not self.model.resume(one, now):
                    one.not_after = limit
        elif one.state in (*model.UNDER_WAY, "missed") and data.draw(st.sampled_from((True, False))):
            self.world.do(lambda: stopping.stop_campaign(place))
            one.state, one.paused, one.why = "stopping", False, None
            one.end()
        self.check()

    @precondition(lambda self: self.undecided())
    @rule(data=st.data(), choice=st.sampled_from((*decisions.Choice, decisions.Choice.SEND_AGAIN)))
    def decide(self, data: st.DataObject, choice: decisions.Choice) -> None:
        self._decide(*data.draw(st.sampled_from(self.undecided())), choice)

    def _decide(self, number: int, no: int, choice: decisions.Choice) -> None:
        one = self.model.campaigns[number]
        batch = one.batches[no]
        done, _ = self.world.do(
            lambda: decisions.CHOICES[choice](self.world.ids[number], no, self.world.user_id)
        )
        if choice is decisions.Choice.SEND_AGAIN:
            assert done == self.model.send_again(one, batch)
        elif one.held(batch) and choice is not decisions.Choice.WAIT:
            sent = choice is decisions.Choice.WAS_SENT
            batch.state, batch.by_person = ("accepted", True) if sent else ("closed", False)
        self.check()

    @precondition(lambda self: self.undecided())
    @rule(kind=st.sampled_from(("", "0", "2", "refused", "lost")))
    def send_again(self, kind: str) -> None:
        """A person has all of it sent again, and it is."""
        for number, no in self.undecided():
            self._decide(number, no, decisions.Choice.SEND_AGAIN)
        if kind:
            self.send(64, [kind, "0"], True, "stored")

    @precondition(lambda self: any(one.paused or one.why for one in self.model.campaigns.values()))
    @rule()
    def go_on(self) -> None:
        for number in self.model.campaigns:
            self._resume(number)
        self.check()

    def _resume(self, number: int) -> None:
        place = self.world.ids[number]
        done, _ = self.world.do(lambda: stopping.resume_campaign(place))
        assert done == self.model.resume(self.model.campaigns[number], self.world.now)

    def _edit(self, number: int) -> None:
        one = self.model.campaigns[number]
        if one.state == "draft":
            people = [mobile for mobile in one.people if mobile not in self.model.opted_out]
            past = one.send_at is not None and one.send_at <= self.world.now
            limited = one.not_after is not None and one.not_after <= self.world.now
            well = self.model.account.state not in ("broken", "frozen", "misconfigured")
            done = self.world.confirm_again(number)
            assert done == (bool(people) and well and not past and not limited)
            if done:
                one.state, one.people, one.recipients = "planning", people, len(people)
                one.begin_at = one.send_at or self.world.now
                one.why = "balance" if self.model.account.state == "out_of_balance" else None
        else:
            done, _ = self.world.do(lambda: editing.reopen(self.world.ids[number]))
            assert done == (one.state != "sending")
            if done:
                self.model.campaigns[number] = model.Campaign(
                    state="draft", people=one.people, send_at=one.send_at, not_after=one.not_after
                )
        self.check()

    def undecided(self) -> list[tuple[int, int]]:
        """What a person decides about."""
        return [
            (number, no) for number, one in self.model.campaigns.items()
            for no, batch in one.batches.items() if batch.state == "unconfirmed"
        ]  # fmt: skip

    @rule(data=st.data(), what=st.sampled_from(("opt out", "opt out", "edit", "mode", "account", "confirm")))
    def now_and_then(self, data: st.DataObject, what: str) -> None:
        """What people do rarely."""
        going = ("planning", "scheduled", "ready", "missed", "sending", "draft")
        if what == "opt out" and len(self.model.opted_out) < 3:
            self._opt_out(data.draw(st.sampled_from(PEOPLE)))
        elif what == "edit" and self.on_its_way(*going):
            self._edit(self.a_campaign(data, *going))
        elif what == "mode":
            self._set_mode(data.draw(st.sampled_from(("repeat", "repeat", "ask"))))
        elif what == "account" and self.model.account.version < 4:
            self._mend(other=data.draw(st.booleans()))
        elif what == "confirm" and len(self.model.campaigns) < 3:
            first, people = data.draw(st.integers(0, 4)), data.draw(st.integers(1, 4))
            later = data.draw(st.sampled_from((None, None, 5, 90)))
            self._confirm(
                PEOPLE[first : first + people], later, data.draw(st.sampled_from((None, None, 4000)))
            )

    @precondition(lambda self: any(one.state == "draft" for one in self.model.campaigns.values()))
    @rule(data=st.data())
    def finish_editing(self, data: st.DataObject) -> None:
        self._edit(self.a_campaign(data, "draft"))

    def _opt_out(self, mobile: str) -> None:
        self.world.do(lambda: optouts.opt_out([mobile], "reply", None, self.world.now))
        self.model.opted_out.add(mobile)

    def _set_mode(self, mode: str) -> None:
        self.model.account.mode = mode
        self.world.set_account(repeat_mode=mode)

    @precondition(lambda self: not self.model.account.usable)
    @rule(other=st.sampled_from((False, False, True)))
    def mend(self, other: bool) -> None:
        self._mend(other=other)

    def _mend(self, *, other: bool) -> None:
        """A person gives the account its password again, or those of another one, and tests it."""
        account = self.model.account
        account.version += 1
        account.uid += other

        def act() -> None:
            found = queries.account(self.world.account)
            assert found is not None
            uid = Secret(f"uid-{account.uid}")
            gateway.change_credentials(found, uid, Secret("secret-pwd"), by=None)

        self.world.do(act)
        self.model.set_account("untested", self.world.now)
        self.world.now += timedelta(seconds=1)
        verdict = BalanceVerdict(BalanceOutcome.OK, Why.ACCEPTED, "1000", 1000, 0)
        self.world.do(
            lambda: gateway.record_balance(self.world.account, account.version, verdict, BalanceCause.TEST)
        )
        self.model.set_account("ok", self.world.now)
        self.check()


def test_whatever_happens_the_rows_are_what_the_model_foretells(app: Flask, monkeypatch: Any) -> None:
    monkeypatch.setattr(planning, "CHUNK", 5)
    monkeypatch.setattr(halving, "MOST_HALVINGS", model.MOST_CUTS)
    user = make_person(app).user_id

    class Here(MachineAndPeople):
        def make(self) -> World:
            return World(app, user)

    phases = (Phase.generate, Phase.shrink) if EXAMPLES else (Phase.generate,)
    run_state_machine_as_test(
        Here,
        settings=settings(
            max_examples=EXAMPLES or FEW, stateful_step_count=STEPS, deadline=None, database=None,
            derandomize=not EXAMPLES, suppress_health_check=list(HealthCheck), phases=phases,
        ),
    )  # fmt: skip
