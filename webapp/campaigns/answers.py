"""T2: what an answer changes, in one transaction for all answers that came together.

A late answer is never thrown away: the attempt is closed with it even when the lease was lost. The batch
follows it only while it is still this attempt's turn, or when the answer says "taken", which is true whenever
it comes.
"""

from __future__ import annotations

import dataclasses
from collections import Counter, defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import structlog
from sqlalchemy import select, tuple_, update

from webapp import jobs, tenancy
from webapp.accounts.audit import audit
from webapp.campaigns import endings, halving, statements, tallies
from webapp.campaigns.claims import Claim
from webapp.campaigns.models import Batch, Campaign
from webapp.campaigns.states import BatchState, CampaignState
from webapp.gateway import operations as gateway
from webapp.gateway.answers import AccountChange, BatchChange, Meaning, Verdict
from webapp.settings import Times

log = structlog.get_logger(__name__)

# A late "taken" still counts for a batch that is in one of these.
MAY_STILL_BE_ACCEPTED = frozenset({BatchState.HOLD, BatchState.UNCONFIRMED, BatchState.CLOSED})
# Campaigns that a fault of their account stops.
STOPPABLE = (
    CampaignState.PLANNING,
    CampaignState.SCHEDULED,
    CampaignState.READY,
    CampaignState.SENDING,
)


@dataclasses.dataclass(frozen=True)
class Answered:
    """One claim, what came of its call, and the part of the answer that is kept (no secrets in it)."""

    claim: Claim
    verdict: Verdict
    http_status: int | None
    excerpt: bytes | None


def record_answers(answers: Sequence[Answered], now: datetime, times: Times) -> None:
    """Store the answers of one team. The caller commits, and tries again until it could."""
    session = tenancy.session()
    batches = _locked_batches(answers)
    session.execute(statements.CLOSE_ATTEMPT, [_attempt_values(answer, now) for answer in answers])
    with_msgid = [_msgid_values(answer, now) for answer in answers if answer.verdict.msgid]
    if with_msgid:
        session.execute(statements.NOTE_MSGID, with_msgid)
    deltas: dict[int, Counter[str]] = defaultdict(Counter)
    for answer in answers:
        batch = batches[answer.claim.campaign_id, answer.claim.batch_no]
        deltas[batch.campaign_id].update(_move_batch(batch, answer, now, times))
    session.flush()
    for campaign_id in sorted(deltas):
        tallies.move(campaign_id, deltas[campaign_id])
    for answer in answers:
        _replace_if_asked(batches[answer.claim.campaign_id, answer.claim.batch_no], answer)
    for answer in answers:
        _act_on_campaigns(answer, now)
    for campaign_id in sorted(deltas):
        endings.note_handed_over(campaign_id, now)
    for answer in answers:
        _act_on_account(answer)


def _locked_batches(answers: Sequence[Answered]) -> dict[tuple[int, int], Batch]:
    keys = [(answer.claim.campaign_id, answer.claim.batch_no) for answer in answers]
    rows = tenancy.session().scalars(
        select(Batch)
        .where(Batch.team_id == tenancy.scope(), tuple_(Batch.campaign_id, Batch.no).in_(keys))
        .order_by(Batch.campaign_id, Batch.no)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return {(row.campaign_id, row.no): row for row in rows}


def _move_batch(batch: Batch, answer: Answered, now: datetime, times: Times) -> Counter[str]:
    """Bring the batch to its next state; returns what that moves between the tallies."""
    verdict = answer.verdict
    mine = batch.state == BatchState.INFLIGHT and batch.attempts == answer.claim.n
    late_taken = batch.state in MAY_STILL_BE_ACCEPTED and verdict.meaning is Meaning.TAKEN
    if not (mine or late_taken):
        return Counter()
    before = tallies.tally_of(batch.state, batch.first_unknown_at is not None)
    batch.state = _state_after(verdict, batch)
    batch.lease_until = None
    batch.why = verdict.why
    batch.wake_at = None
    if verdict.unknown and batch.first_unknown_at is None:
        batch.first_unknown_at = answer.claim.claimed_at
    if batch.state == BatchState.RETRY:
        batch.wake_at = now + timedelta(seconds=_back_off(batch.attempts, times))
    after = tallies.tally_of(batch.state, batch.first_unknown_at is not None)
    return tallies.moved([(before, after, batch.open)])


def _state_after(verdict: Verdict, batch: Batch) -> BatchState:
    if verdict.batch is BatchChange.REPLACED and batch.size == 1:
        return BatchState.REJECTED
    if verdict.batch is BatchChange.REPLACED or verdict.account is AccountChange.SMALLER_LIMIT:
        # Cut in the next step of this transaction; until then it counts as what its halves will count as.
        return BatchState.PLANNED
    return BatchState(verdict.batch)


def _replace_if_asked(batch: Batch, answer: Answered) -> None:
    verdict = answer.verdict
    cut = verdict.batch is BatchChange.REPLACED or (
        verdict.batch is BatchChange.PLANNED and verdict.account is AccountChange.SMALLER_LIMIT
    )
    if not (
        cut and batch.state == BatchState.PLANNED and batch.attempts == answer.claim.n and batch.size > 1
    ):
        return
    done = tenancy.session().scalars(
        select(Campaign.halvings).where(Campaign.team_id == batch.team_id, Campaign.id == batch.campaign_id)
    ).one()  # fmt: skip
    if done < halving.MOST_HALVINGS:
        halving.replace_by_halves(batch.campaign_id, batch.no)
        return
    batch.state = BatchState.BLOCKED
    tenancy.session().flush()
    _pause([batch.campaign_id], "too_many_bad_numbers", answer.claim.claimed_at)


def _back_off(attempts: int, times: Times) -> float:
    """Seconds until a request that never left is tried again: 15 s, doubled each time, at most 15 min."""
    return float(min(times.retry_most, times.retry_first * 2 ** min(attempts - 1, 16)))


def _act_on_campaigns(answer: Answered, now: datetime) -> None:
    verdict = answer.verdict
    if verdict.pause is None:
        return
    session = tenancy.session()
    if not verdict.pauses_account:
        _pause([answer.claim.campaign_id], verdict.pause, now)
        return
    ids = session.scalars(
        select(Campaign.id)
        .where(
            Campaign.team_id == tenancy.scope(),
            Campaign.account_id == answer.claim.account_id,
            Campaign.state.in_(STOPPABLE),
        )
        .order_by(Campaign.id)
        .with_for_update()
    ).all()
    _pause(list(ids), verdict.pause, now)


def _pause(campaign_ids: list[int], reason: str, now: datetime) -> None:
    paused = tenancy.session().scalars(
        update(Campaign)
        .where(
            Campaign.team_id == tenancy.scope(),
            Campaign.id.in_(campaign_ids),
            Campaign.paused_by_machine.is_(None),
        )
        .values(paused_by_machine=str(reason), paused_at=now)
        .returning(Campaign.id)
        .execution_options(synchronize_session=False)
    ).all()  # fmt: skip
    for campaign_id in paused:
        log.warning("campaign paused", campaign=campaign_id, why=str(reason))
        audit("campaign.paused_by_machine", "campaign", campaign_id, why=str(reason))


def _act_on_account(answer: Answered) -> None:
    verdict = answer.verdict
    account_id = answer.claim.account_id
    if verdict.account is not AccountChange.UNCHANGED:
        gateway.note_answer(
            account_id, verdict, version=answer.claim.credentials.version, asked_at=answer.claim.claimed_at
        )
    if verdict.account is AccountChange.SMALLER_LIMIT:
        jobs.enqueue(
            "campaigns.split_oversized", tenancy.scope(), once=str(account_id), account_id=account_id
        )
    if verdict.meaning is Meaning.TAKEN:
        gateway.want_balance(account_id)


def _attempt_values(answer: Answered, now: datetime) -> dict[str, Any]:
    verdict = answer.verdict
    return {
        "team": answer.claim.team_id,
        "campaign": answer.claim.campaign_id,
        "no": answer.claim.batch_no,
        "n": answer.claim.n,
        "now": now,
        "outcome": str(verdict.meaning),
        "why": str(verdict.why),
        "http_status": answer.http_status,
        "resp_code": verdict.resp_code,
        "msgid": verdict.msgid,
        "answer": answer.excerpt,
    }


def _msgid_values(answer: Answered, now: datetime) -> dict[str, Any]:
    return {
        "team": answer.claim.team_id,
        "account": answer.claim.account_id,
        "msgid": answer.verdict.msgid,
        "campaign": answer.claim.campaign_id,
        "no": answer.claim.batch_no,
        "n": answer.claim.n,
        "now": now,
    }
