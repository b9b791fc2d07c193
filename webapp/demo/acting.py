"""Plays a campaign without a network: the real operations, with answers and reports that are made up.

Everything happens in the transaction at hand and at a moment that stands still, so a worker that runs beside
it sees a campaign only as it is in the end.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from flask import current_app
from sqlalchemy import select

from webapp import clock, tenancy
from webapp.campaigns import answers, claims, drafts, operations, planning, reaper
from webapp.campaigns.answers import Answered
from webapp.campaigns.claims import Claim
from webapp.campaigns.models import Campaign, GatewayMessage, Message
from webapp.campaigns.written import Written
from webapp.delivery import settling
from webapp.demo import statements
from webapp.gateway.answers import judge
from webapp.gateway.exchange import Exchange, Kind
from webapp.settings import Times, settings_of

LOST = Exchange(Kind.ANSWER_TIMEOUT)
# What networks say of messages that do not arrive, the most frequent first.
FAILURES = ("UNDELIV", "MK:0001", "UNDELIV", "REJECTD", "EXPIRED", "UNDELIV", "DELETED")


def taken() -> Exchange:
    """An answer by which the gateway took a request."""
    said = {"status": "success", "respCode": "0", "respMsg": "send success", "msgid": secrets.token_hex(8)}
    return Exchange(Kind.ANSWERED, 200, json.dumps(said).encode())


def refused(code: int, why: str) -> Exchange:
    """An answer by which the gateway refused a request."""
    said = {"status": "error", "respCode": str(code), "respMsg": why, "msgid": ""}
    return Exchange(Kind.ANSWERED, 200, json.dumps(said).encode())


@dataclass(frozen=True)
class Stage:
    """Whose team it is played in, and the times that hold there."""

    user_id: int
    times: Times

    @classmethod
    def of(cls, user_id: int) -> Stage:
        """The stage of the team at hand."""
        return cls(user_id, settings_of(current_app).times)

    def confirm(self, written: Written, at: datetime, delay_seconds: int = 10) -> Campaign:
        """Write, review and confirm a campaign at that moment."""
        with clock.standing_at(at):
            draft = drafts.save_draft(written, self.user_id)
            drafts.prepare(draft)
            seen = drafts.preview(draft).digest
            key = secrets.token_urlsafe(24)
            return operations.confirm_campaign(draft.id, key, seen, self.user_id, delay_seconds)

    def plan(self, campaign: Campaign, at: datetime) -> None:
        """Plan it to the end."""
        with clock.standing_at(at):
            while planning.plan_chunk(campaign.id):
                pass
            tenancy.session().flush()

    def send(self, campaign: Campaign, at: datetime, batches: int, exchange: Exchange | None = None) -> None:
        """Hand over that many batches; each is taken unless `exchange` says what came back."""
        while batches > 0:
            with clock.standing_at(at):
                claims.begin_ready_campaigns(at)
                claimed = claims.claim_batches(at, self.times, batches)
                if any(claim.campaign_id != campaign.id for claim in claimed):
                    raise RuntimeError("something else of this team is being sent")
                if not claimed:
                    return
                tenancy.session().flush()
                answered = at + timedelta(seconds=1)
                answers.record_answers([_answer(claim, exchange) for claim in claimed], answered, self.times)
                tenancy.session().flush()
            batches -= len(claimed)
            at += timedelta(seconds=2)

    def give_up(self, campaign: Campaign, since: datetime) -> None:
        """Let the time in which an unclear answer is asked about again go by, unanswered."""
        for wait in (self.times.first_repeat, self.times.second_repeat):
            self.send(campaign, since + timedelta(seconds=wait + 5), 50, LOST)
        later = since + timedelta(seconds=self.times.dedup)
        with clock.standing_at(later):
            reaper.give_up_asking(later, self.times)
            tenancy.session().flush()

    def report(
        self,
        campaign: Campaign,
        at: datetime,
        share: float,
        failed: float = 0.02,
        since: datetime | None = None,
    ) -> None:
        """Let reports come in for that share (0 to 1) of the recipients, as if at that moment.

        The same numbers come first each time, so a later call with a larger share goes on from there. With
        `since` they were made between then and now, most of them early.
        """
        session = tenancy.session()
        told = session.execute(
            select(Message.mobile, GatewayMessage.msgid)
            .join(
                GatewayMessage,
                (GatewayMessage.team_id == Message.team_id)
                & (GatewayMessage.campaign_id == Message.campaign_id)
                & (GatewayMessage.batch_no == Message.batch_no),
            )
            .where(
                Message.team_id == tenancy.scope(),
                Message.campaign_id == campaign.id,
                Message.outcome.is_(None),
            )
            .order_by(Message.mobile)
        ).all()
        chosen = [(row.mobile, row.msgid) for row in told if _chance(row.mobile, "heard") < share]
        if not chosen:
            return
        session.execute(
            statements.TELL,
            {
                "team": tenancy.scope(),
                "account": campaign.account_id,
                "at": at,
                "msgids": [msgid for _, msgid in chosen],
                "mobiles": [mobile for mobile, _ in chosen],
                "statuses": [_status(mobile, failed) for mobile, _ in chosen],
                "times": [_made_at(mobile, since or at, at) for mobile, _ in chosen],
            },
        )
        with clock.standing_at(at):
            settling.settle(tenancy.scope())
            session.flush()
        for statement in statements.CLEAR:
            session.execute(statement)

    def report_over_time(
        self,
        campaign: Campaign,
        begin: datetime,
        share: float,
        failed: float,
        minutes: Sequence[int] = (2, 9),
    ) -> None:
        """Let reports come in as they do: half of what is to come every five minutes, and then the rest."""
        for minute in minutes:
            heard = share * (1 - 0.5 ** (minute / 5))
            self.report(campaign, begin + timedelta(minutes=minute), heard, failed)
        self.report(campaign, begin + timedelta(minutes=minutes[-1] + 12), share, failed)


def crowd(count: int, first: int) -> list[str]:
    """That many numbers of all operators, the same ones each time."""
    ranges = ("138", "186", "133", "139", "150", "177", "188", "130", "192", "137")
    return [f"{ranges[n % len(ranges)]}{first + n * 7919 % 90_000_000:08d}" for n in range(count)]


def named(people: Sequence[tuple[str, str]]) -> str:
    """Lines of a number and a name."""
    return "\n".join(f"{mobile}, {name}" for mobile, name in people)


def _answer(claim: Claim, exchange: Exchange | None) -> Answered:
    exchange = exchange or taken()
    verdict = judge(
        exchange, numbers=len(claim.mobiles), unknown_before=claim.swallowed_until is not None
    )  # fmt: skip
    return Answered(claim, verdict, exchange.http_status, exchange.body or None)


def _status(mobile: str, failed: float) -> str:
    if _chance(mobile, "failed") < failed:
        return FAILURES[int(_chance(mobile, "why") * len(FAILURES))]
    return "DELIVRD"


def _made_at(mobile: str, since: datetime, until: datetime) -> datetime:
    return since + (until - since) * _chance(mobile, "when") ** 4


def _chance(mobile: str, question: str) -> float:
    """From 0 up to 1, the same for the same number and question, so that each demonstration is alike."""
    return int.from_bytes(hashlib.sha256(f"{mobile} {question}".encode()).digest()[:6]) / 2**48
