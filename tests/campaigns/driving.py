"""Drives the real operations for the state machine, in one team, at the moments that it says, and looks at
what became of the rows.

The gateway is a simulated one that keeps its promises: it says the truth about what it refuses, may be silent
about what it took, and swallows an identical request for the time that it is said to.
"""

from __future__ import annotations

import secrets
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, TypeVar

from flask import Flask
from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from tests.campaigns.model_answers import Made
from webapp import clock, tenancy
from webapp.accounts import operations as accounts
from webapp.accounts.models import User
from webapp.campaigns import drafts, invariants, operations, planning
from webapp.campaigns.answers import Answered, record_answers
from webapp.campaigns.claims import Claim, begin_ready_campaigns, claim_batches
from webapp.campaigns.models import Audience, Batch, Campaign, Message
from webapp.campaigns.sender import Sender
from webapp.delivery import adopting, settling
from webapp.errors import DomainError
from webapp.extensions import db
from webapp.gateway import operations as gateway
from webapp.gateway.answers import judge
from webapp.gateway.exchange import Exchange, Kind
from webapp.gateway.models import GatewayAccount
from webapp.sealing import Secret
from webapp.settings import settings_of

Found = TypeVar("Found")
# Tomorrow: what was made before, and the time that the database has partitions for, lie close by.
START = (clock.now() + timedelta(days=1)).replace(hour=2, minute=0, second=0, microsecond=0)
KINDS = {"refused": Kind.REFUSED, "connect timeout": Kind.CONNECT_TIMEOUT, "withheld": Kind.WITHHELD,
         "lost": Kind.LOST_AFTER_SEND, "timeout": Kind.ANSWER_TIMEOUT}  # fmt: skip
PAGES = {"html": (200, b"<html>busy</html>"), "500": (500, b'{"respCode": "0", "msgid": "m"}'),
         "404": (404, b"<html>no such page</html>")}  # fmt: skip

_INBOX = text(
    """
INSERT INTO report_inbox (team_id, account_id, received_at, msgid, mobile, status, time_text, reported_at)
VALUES (:team, :account, :now, :msgid, :mobile, :status, :time, :at)
"""
)


def exchange(kind: str, msgid: str | None) -> Exchange:
    """What came back, by the name that the model gives it."""
    if kind in KINDS:
        return Exchange(KINDS[kind])
    if kind in PAGES:
        status, body = PAGES[kind]
        return Exchange(Kind.ANSWERED, status, body)
    said = f', "msgid": "{msgid}"' if msgid else ""
    return Exchange(Kind.ANSWERED, 200, f'{{"respCode": "{kind.split()[0]}"{said}}}'.encode())


@dataclass
class Under:
    """A claim whose answer is not stored yet; `kind` once it was posted, or was not."""

    claim: Claim
    made: Made
    kind: str | None = None
    msgid: str | None = None


@dataclass
class Gateway:
    """What the gateway took, and from when: by request its msgid, by campaign and number how often."""

    dedup: timedelta
    seen: dict[tuple[int, str, tuple[str, ...]], tuple[str, datetime]] = field(default_factory=dict)
    delivered: Counter[tuple[int, str]] = field(default_factory=Counter)
    people: dict[str, tuple[int, tuple[str, ...]]] = field(default_factory=dict)

    def take(self, uid: int, campaign: int, content: str, mobiles: tuple[str, ...], now: datetime) -> str:
        """Take a request, or swallow it; returns its msgid."""
        request = (uid, content, mobiles)
        msgid, at = self.seen.get(request, ("", now - self.dedup))
        if now >= at + self.dedup:
            msgid = f"m{len(self.people) + 1}"
            self.seen[request] = (msgid, now)
            self.people[msgid] = (campaign, mobiles)
            self.delivered.update((campaign, mobile) for mobile in mobiles)
        return msgid

    def swallows(self, uid: int, content: str, mobiles: tuple[str, ...], now: datetime) -> bool:
        """Whether an identical request was taken a short time ago."""
        found = self.seen.get((uid, content, mobiles))
        return found is not None and now < found[1] + self.dedup


class World:
    """One team, its account, its campaigns by a small number, and a clock that only the test moves."""

    def __init__(self, app: Flask, user_id: int) -> None:
        self.app, self.user_id, self.now = app, user_id, START
        self.ids: dict[int, int] = {}
        self.sender = Sender(app, threading.Event())
        self.gateway = Gateway(timedelta(seconds=settings_of(app).times.dedup))
        with clock.standing_at(self.now), app.test_request_context():
            user = db.session.get_one(User, user_id)
            self.team = accounts.create_team(user, "Machine").id
            account = gateway.connect_account(
                "Main", "practice", Secret("uid-0"), Secret("secret-pwd"), by=None
            )
            account.numbers_per_request = 3
            self.account = account.id
            db.session.execute(select(func.partition_ensure(self.now.date())))
            db.session.commit()

    @contextmanager
    def at_work(self) -> Iterator[Session]:
        """A scope of the team at the moment that it is; commits unless that was refused."""
        with (
            clock.standing_at(self.now),
            self.app.test_request_context(),
            tenancy.team_scope(self.team, self.app) as session,
        ):
            yield session
            session.commit()

    def do(self, act: Callable[[], Found]) -> tuple[bool, Found | None]:
        """Whether an operation was carried out, and its answer; not where it raised a DomainError."""
        try:
            with self.at_work():
                return True, act()
        except DomainError:
            return False, None

    # ---- writing and planning ---------------------------------------------------------------------------

    def confirm(
        self, number: int, mobiles: list[str], send_at: datetime | None, limit: datetime | None
    ) -> bool:
        """Write and confirm a campaign; whether it could be."""

        def act() -> int:
            draft = drafts.draft_campaign(
                self.account, "\n".join(mobiles), f"Hello {number}", "Shop", self.user_id,
                send_at=send_at, not_after=limit,
            )  # fmt: skip
            self._confirm(draft)
            return draft.id

        done, found = self.do(act)
        if found is not None:
            self.ids[number] = found
        return done

    def confirm_again(self, number: int) -> bool:
        """Confirm a campaign that went back to being a draft."""

        def act() -> None:
            draft = tenancy.session().get_one(Campaign, (self.team, self.ids[number]))
            drafts.prepare(draft)
            self._confirm(draft)

        return self.do(act)[0]

    def _confirm(self, draft: Campaign) -> None:
        seen = drafts.preview(draft).digest
        operations.confirm_campaign(draft.id, secrets.token_hex(8), seen, self.user_id, 0)

    def plan(self, number: int) -> bool:
        """Plan a slice; whether there is more."""
        with self.at_work():
            return planning.plan_chunk(self.ids[number])

    # ---- sending ------------------------------------------------------------------------------------------

    def begin(self) -> None:
        with self.at_work():
            begin_ready_campaigns(self.now)

    def claim(self, room: int) -> list[Claim]:
        """T1."""
        with self.at_work():
            return claim_batches(self.now, settings_of(self.app).times, room)

    def may_post(self, claim: Claim) -> bool:
        """Whether the worker still posts it, as the sender decides just before the first byte."""
        with clock.standing_at(self.now):
            return self.sender.calls.may_still_send(claim)

    def store(self, some: list[Under]) -> None:
        """T2."""
        answers = []
        for one in some:
            came = exchange(one.kind or "", one.msgid)
            repeat = one.claim.swallowed_until is not None
            verdict = judge(came, numbers=len(one.claim.mobiles), unknown_before=repeat)
            answers.append(Answered(one.claim, verdict, came.http_status, came.body or None))
        with self.at_work():
            record_answers(answers, self.now, settings_of(self.app).times)

    def hear(self, reports: list[tuple[str, str, str, int]]) -> None:
        """Reports (msgid, mobile, word, second) come and are settled, as the settler's round does it."""
        with self.at_work() as session:
            for msgid, mobile, word, second in reports:
                session.execute(
                    _INBOX,
                    {
                        "team": self.team, "account": self.account, "now": self.now, "msgid": msgid,
                        "mobile": mobile, "status": word, "time": str(second),
                        "at": START + timedelta(seconds=second),
                    },
                )  # fmt: skip
        with self.at_work():
            settling.settle(self.team)
        more = 1
        while more:
            with self.at_work():
                more = adopting.adopt_unknown(self.team, settling.ALWAYS)
        with self.at_work():
            settling.match_waiting(self.team)

    def set_account(self, **values: Any) -> None:
        with self.at_work() as session:
            found = session.get_one(GatewayAccount, (self.team, self.account))
            for name, value in values.items():
                setattr(found, name, value)

    # ---- looking ------------------------------------------------------------------------------------------

    def broken(self) -> list[str]:
        """What the program itself says does not hold."""
        with self.at_work():
            return invariants.broken()

    def rows(self) -> tuple[list[Any], list[Any], list[Any], GatewayAccount]:
        """Campaigns (with whether people of theirs are not planned yet), batches, messages, the account."""
        with self.at_work() as session:
            unplanned = select(Audience.mobile).where(
                Audience.team_id == Campaign.team_id, Audience.campaign_id == Campaign.id
            )
            campaigns = session.execute(
                select(Campaign, unplanned.exists()).where(Campaign.team_id == self.team)
            ).all()
            batches = session.scalars(
                select(Batch).where(Batch.team_id == self.team).order_by(Batch.no)
            ).all()
            messages = session.scalars(select(Message).where(Message.team_id == self.team)).all()
            account = session.get_one(GatewayAccount, (self.team, self.account))
            session.expunge_all()
        return list(campaigns), list(batches), list(messages), account
