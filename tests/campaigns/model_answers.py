"""The model's T1, T2 and R: what a claim may take, what an answer does, what the reaper makes of silence."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from tests.campaigns.model import (
    ACCOUNT_REASONS,
    ANSWERS,
    CALL_LIMIT,
    EVIDENCE,
    FEWEST,
    LEASE,
    MOST_CUTS,
    NOT_GONE,
    REPEATS,
    START_BY,
    STOPS_ACCOUNT,
    UNCLEAR,
    UNDER_WAY,
    Account,
    Batch,
    Campaign,
)

REASON = {"broken": "credentials", "frozen": "frozen", "out_of_balance": "balance",
          "misconfigured": "wrong_address"}  # fmt: skip


@dataclass(frozen=True)
class Made:
    """One attempt as the model knows it. `n` begins at 1."""

    campaign: int
    no: int
    n: int
    at: datetime
    version: int


@dataclass
class Model:
    """One team with an account and campaigns, by a small number each."""

    account: Account = field(default_factory=Account)
    campaigns: dict[int, Campaign] = field(default_factory=dict)
    opted_out: set[str] = field(default_factory=set)

    # ---- T1 ------------------------------------------------------------------------------------------

    def begin(self, now: datetime) -> None:
        """Planned campaigns begin whose moment has come."""
        for one in self.campaigns.values():
            in_time = one.not_after is None or one.not_after >= now
            due = one.state == "ready" and one.begin_at is not None and one.begin_at <= now and in_time
            if due and not one.paused and one.why is None and self.account.usable:
                one.state, one.since = "sending", now
                if "waiting" not in one.tallies():
                    one.note_over()

    def dropped(self, campaign: Campaign, batch: Batch, left: Sequence[str]) -> None:
        """A claim took everybody out of a batch who opted out since it was planned."""
        gone = [one for one in batch.mobiles if one in self.opted_out]
        assert list(left) == [one for one in batch.mobiles if one not in self.opted_out], "not just those"
        assert batch.state in NOT_GONE, "a batch was changed that may have been taken"
        assert batch.unknown_at is None, "a batch was changed that may have been taken"
        going = [one for one in campaign.held(batch) if one in gone]
        if campaign.second(batch):
            if going:
                campaign.born(sorted(going), batch, state="closed", opted_out=True)
        else:
            for mobile in going:
                campaign.messages[mobile].outcome = "not_sent"
        batch.mobiles = list(left)
        if not left:
            batch.state = "stopped"
        campaign.note_over()

    def claimed(self, made: Made, mobiles: Sequence[str], now: datetime, *, repeat: bool) -> None:
        """A batch was claimed: asserts that it may be, and lets it be under way."""
        account, campaign = self.account, self.campaigns[made.campaign]
        batch = campaign.batches[made.no]
        probing = account.state == "out_of_balance"
        if probing and campaign.state == "ready":
            campaign.state, campaign.since = "sending", now
        assert account.usable or probing, f"claimed through an account that is {account.state}"
        assert campaign.state == "sending", f"claimed of a campaign that is {campaign.state}"
        assert not campaign.paused, "claimed although a person paused it"
        assert campaign.why is None or (probing and campaign.why == "balance"), f"claimed, {campaign.why}"
        assert campaign.not_after is None or now <= campaign.not_after, "claimed after its limit"
        assert list(mobiles) == batch.mobiles, "other numbers than the batch has"
        assert made.n == len(batch.began) + 1
        if repeat:
            self._may_repeat(batch, now)
            batch.repeats += 1
        else:
            blocked = ("blocked",) if probing else ()
            assert batch.state in ("planned", "retry", *blocked), f"claimed while {batch.state}"
            assert batch.unknown_at is None, "made anew although an attempt is unknown"
            assert not batch.msgids, "sent again although the first sending is known to have been taken"
            assert len(batch.mobiles) <= account.limit, "larger than the account takes"
            assert not self.opted_out & set(mobiles), "posted to somebody who opted out"
        batch.state, batch.lease = "inflight", now + LEASE
        batch.began.append(now)
        batch.uids.append(account.uid)

    def _may_repeat(self, batch: Batch, now: datetime) -> None:
        account, first = self.account, batch.unknown_at
        assert batch.state == "hold", f"repeated while {batch.state}"
        assert account.mode == "repeat", "repeated although the account is set to ask"
        assert account.usable, "repeated as a probe"
        assert first is not None
        assert batch.repeats < len(REPEATS), "repeated a third time"
        assert first + REPEATS[batch.repeats] <= now, "repeated too early"
        assert now + CALL_LIMIT < first + account.dedup, "repeated too late"
        assert batch.uids[-1] == account.uid, "repeated through another account"

    # ---- T2 ------------------------------------------------------------------------------------------

    def answered(self, answers: Sequence[tuple[Made, str, str | None]], now: datetime) -> None:
        """Answers (attempt, kind of answer, msgid) come in together."""
        for made, kind, msgid in answers:
            self._move(self.campaigns[made.campaign], made, kind, msgid)
        for made, kind, msgid in answers:
            campaign = self.campaigns[made.campaign]
            if ANSWERS[kind][0] == "taken":
                self.heed(campaign, campaign.batches[made.no], msgid)
        for made, kind, _ in answers:
            self._cut(self.campaigns[made.campaign], made, kind)
        for made, kind, _ in answers:
            self._act(made, kind, now)
        for campaign in {made.campaign: self.campaigns[made.campaign] for made, _, _ in answers}.values():
            campaign.note_over()
            campaign.note_stopped()
            campaign.note_unclear()

    def _move(self, campaign: Campaign, made: Made, kind: str, msgid: str | None) -> None:
        meaning, state, _, _ = ANSWERS[kind]
        batch = campaign.batches[made.no]
        single = len(batch.mobiles) == 1
        if msgid:
            batch.msgids.add(msgid)
        if batch.state == "inflight" and made.n == len(batch.began):
            if batch.unknown_at is not None and meaning != "taken":
                state = "hold"
            elif state in ("halves", "smaller"):
                state = "rejected" if single else "planned"
            if meaning in ("unknown", "wrong_address") and batch.unknown_at is None:
                batch.unknown_at = made.at
        elif meaning == "taken" and batch.state in ("inflight", *UNCLEAR):
            state = "accepted"
        elif (
            meaning == "not_left" and batch.state == "hold"
            and made.n == len(batch.began) and batch.unknown_at == made.at
        ):  # fmt: skip
            # Late, it turns out that nothing left: no attempt is unknown any more.
            state, batch.unknown_at = "planned", None
        else:
            return
        if campaign.state in ("stopping", "stopped"):
            if state in NOT_GONE:
                state = "closed" if campaign.second(batch) else "stopped"
            state = "unconfirmed" if state == "hold" else state
        batch.state, batch.lease = state, None
        batch.no_msgid = kind == "0 without msgid"
        batch.cut_for_number = kind == "2" and batch.unknown_at is None

    def _cut(self, campaign: Campaign, made: Made, kind: str) -> None:
        batch = campaign.batches[made.no]
        fresh = batch.state == "planned" and made.n == len(batch.began)
        if kind not in ("2", "6") or not fresh or len(batch.mobiles) == 1:
            return
        if kind == "2" and campaign.cuts >= MOST_CUTS:
            batch.state = "blocked"
            campaign.pause("too_many_bad_numbers")
            return
        campaign.cuts += kind == "2"
        campaign.halve(batch)

    def _act(self, made: Made, kind: str, now: datetime) -> None:
        _, _, state, why = ANSWERS[kind]
        account, campaign = self.account, self.campaigns[made.campaign]
        size = len(campaign.batches[made.no].mobiles)
        if made.version == account.version:
            if kind == "6" and size > 1:
                account.limit = min(account.limit, size // 2)
            self._move_account(state, made.at, now)
        if kind == "6" and size == 1:
            why = "request_too_large"
        if state in STOPS_ACCOUNT and account.usable:
            # An answer to credentials that were changed since.
            if campaign.batches[made.no].state == "blocked":
                campaign.batches[made.no].state = "planned"
            return
        if why is not None:
            for one in self.campaigns.values() if state in STOPS_ACCOUNT else [campaign]:
                one.pause(why)

    def _move_account(self, state: str | None, asked_at: datetime, now: datetime) -> None:
        account = self.account
        old = account.state_at is not None and asked_at < account.state_at
        if state is None or (old and state in ("ok", "out_of_balance")):
            return
        if state == "ok" and account.state not in ("untested", "out_of_balance"):
            return
        if account.state in ("broken", "frozen") and state not in ("broken", "frozen"):
            return
        self.set_account(state, now)

    def set_account(self, state: str, now: datetime) -> None:
        """The account comes to a state."""
        if self.account.state != state:
            self.account.state, self.account.state_at = state, now

    # ---- R and the sweeps ----------------------------------------------------------------------------

    def reap(self, now: datetime) -> None:
        """Nobody came back before the lease ended: nobody knows."""
        for campaign in self.campaigns.values():
            for batch in campaign.batches.values():
                if batch.state == "inflight" and batch.lease is not None and batch.lease < now:
                    batch.state, batch.lease = "hold", None
                    batch.unknown_at = batch.unknown_at or batch.began[-1]

    def give_up(self, now: datetime) -> None:
        """Evidence and repeats are over: a person decides."""
        for campaign in self.campaigns.values():
            given = [one for one in campaign.batches.values() if self._is_over(one, now)]
            for batch in given:
                batch.state = "unconfirmed"
            if given:
                campaign.note_over()
                campaign.note_unclear()

    def _is_over(self, batch: Batch, now: datetime) -> bool:
        if batch.state != "hold" or batch.unknown_at is None:
            return False
        if self.account.mode == "ask":
            return batch.unknown_at + EVIDENCE <= now
        return batch.repeats >= len(REPEATS) or now + CALL_LIMIT >= batch.unknown_at + self.account.dedup

    def sweep(self, now: datetime) -> None:
        """Campaigns wait for their account, or do not any more; what is too large is cut; stops end."""
        for campaign in self.campaigns.values():
            if not self.account.usable:
                campaign.pause(REASON[self.account.state])
        if self.account.usable:
            self._release(now)
        for campaign in self.campaigns.values():
            while too_large := [
                one for one in campaign.batches.values()
                if one.state in ("planned", "retry") and len(one.mobiles) > self.account.limit
            ]:  # fmt: skip
                for batch in too_large:
                    campaign.halve(batch)
            if campaign.state == "stopping":
                campaign.end()

    def _release(self, now: datetime) -> None:
        blocked = [
            one for campaign in self.campaigns.values() for one in campaign.batches.values()
            if one.state == "blocked"
        ]  # fmt: skip
        paused = [one for one in self.campaigns.values() if one.why in ACCOUNT_REASONS]
        for batch in blocked:
            batch.state = "planned"
        for campaign in paused:
            campaign.why, campaign.since = None, now

    def keep_time(self, now: datetime) -> None:
        """Scheduled campaigns begin or are missed; those past their limit pause."""
        for one in self.campaigns.values():
            self.start_or_miss(one, now)
            late = one.not_after is not None and one.not_after < now
            if late and one.state in ("ready", "sending") and "waiting" in one.tallies():
                one.why = "expired" if one.why in (None, *ACCOUNT_REASONS) else one.why

    def start_or_miss(self, one: Campaign, now: datetime) -> None:
        """A scheduled campaign's time has come, or is long over."""
        at, paused = one.send_at, one.paused or one.why is not None
        if one.state == "scheduled" and not paused and at is not None and at <= now:
            late = now > at + START_BY
            one.state, one.begin_at = ("missed", one.begin_at) if late else ("ready", at)

    # ---- a person --------------------------------------------------------------------------------------

    def resume(self, one: Campaign, now: datetime) -> bool:
        """Whether a person may let it go on; then it does."""
        if one.state not in UNDER_WAY or not (one.paused or one.why):
            return True
        if not self.account.usable or (one.not_after is not None and one.not_after <= now):
            return False
        if one.why not in (None, *ACCOUNT_REASONS):
            one.cuts = 0
        for batch in one.batches.values():
            batch.state = "planned" if batch.state == "blocked" else batch.state
        one.paused, one.why, one.since = False, None, now
        self.start_or_miss(one, now)
        return True

    def send_again(self, one: Campaign, batch: Batch) -> bool:
        """Whether a batch may be sent again; then its child is made, without who opted out."""
        held = one.held(batch)
        if batch.state != "unconfirmed" or not held:
            return True
        if one.state in ("stopping", "stopped"):
            return False
        if batch.msgids:
            batch.state = "accepted"
            return True
        going = [mobile for mobile in held if mobile not in self.opted_out]
        if not going:
            return False
        batch.state = "replaced"
        child = one.born(going, batch, again=True)
        one.sent_again.update(going)
        staying = sorted(set(held) - set(going))
        if staying:
            apart = one.born(staying, child, state="closed", opted_out=True)
            for mobile in staying:
                one.messages[mobile].no = apart.no
        if one.state in ("waiting_for_reports", "finished"):
            one.state, one.paused, one.why = "sending", False, None
        return True

    # ---- news --------------------------------------------------------------------------------------------

    def family(self, one: Campaign, batch: Batch) -> list[Batch]:
        """What came of a batch because a person had it sent again."""
        found = [child for child in one.batches.values() if child.parent == batch.no and child.again]
        for child in found:
            found.extend(
                other for other in one.batches.values() if other.parent == child.no and other not in found
            )
        return found

    def heed(self, one: Campaign, batch: Batch, msgid: str | None) -> None:
        """The first sending was taken after all: what is not posted yet is not, the rest has two msgids."""
        family = self.family(one, batch) if batch.state == "replaced" else []
        if not family:
            return
        for member in (batch, *family) if msgid else ():
            member.msgids.add(str(msgid))
        live = [member for member in family if member.state != "replaced"]
        unsent = [m for m in live if m.state in (*NOT_GONE, "stopped") and m.unknown_at is None]
        kept_out = [m for m in live if m.state == "closed" and m.opted_out]
        if len(unsent) + len(kept_out) == len(live):
            for child in live:
                for mobile in one.held(child):
                    one.messages[mobile].no = batch.no
                child.state = "stopped"
            batch.state = "accepted"
            return
        for child in live:
            if child in unsent or child.state in UNCLEAR:
                child.state = "accepted"

    def adopt(self, msgid: str, mobiles: set[str], heard: datetime) -> tuple[int, int] | None:
        """The batch (campaign, no) that an unknown msgid, reported for these numbers, must be of."""
        found = []
        for number, one in self.campaigns.items():
            for batch in one.batches.values():
                again = any(child.parent == batch.no and child.again for child in one.batches.values())
                unclear = batch.state in ("inflight", *UNCLEAR)
                accepted = batch.state == "accepted" and (batch.no_msgid or batch.unknown_at is not None)
                holds = mobiles <= set(batch.mobiles) and batch.began and batch.began[0] <= heard
                cut = batch.cut_for_number and batch.state == "replaced"
                if holds and cut and len(mobiles) >= min(FEWEST, len(batch.mobiles) - 1):
                    # It may be the whole that is meant, or a half.
                    return None
                if holds and (unclear or accepted or (batch.state == "replaced" and again)):
                    found.append((number, batch))
        if len(found) != 1:
            return None
        number, batch = found[0]
        one = self.campaigns[number]
        if batch.state == "inflight" and batch.unknown_at is None:
            return None
        if len(mobiles) < min(FEWEST, len(batch.mobiles)):
            return None
        if batch.state == "replaced":
            self.heed(one, batch, msgid)
        else:
            batch.state, batch.lease = "accepted", None
            batch.msgids.add(msgid)
            batch.no_msgid = False
        one.note_over()
        return number, batch.no
