"""T2: what answers change, in one transaction for all that came together.

A late answer is never thrown away: the attempt is closed with it even when the lease was lost. The batch
follows it only while it is still this attempt's turn, or when the answer says "taken", which is true whenever
it comes.

Locks, as everywhere: batches by key, campaigns by id, accounts by id; jobs are queued at the commit.
"""

from __future__ import annotations

import dataclasses
from collections import Counter, defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import or_, select, tuple_

from webapp import jobs, tenancy
from webapp.campaigns import endings, halving, late_news, pausing, repeats, rollups, statements, tallies
from webapp.campaigns.claims import Claim
from webapp.campaigns.late_news import Taken
from webapp.campaigns.models import Batch, Campaign
from webapp.campaigns.rollups import BatchMove
from webapp.campaigns.states import STOPPABLE, BatchState, CampaignState
from webapp.gateway import operations as gateway
from webapp.gateway import queries as accounts
from webapp.gateway.answers import AccountChange, BatchChange, Meaning, Verdict, Why
from webapp.settings import Times

# A late "taken" still counts for a batch that is in one of these; "in flight" is a repeat of what was taken.
MAY_STILL_BE_ACCEPTED = frozenset(
    {BatchState.INFLIGHT, BatchState.HOLD, BatchState.UNCONFIRMED, BatchState.CLOSED}
)

STOPPING = frozenset({CampaignState.STOPPING, CampaignState.STOPPED})
# What an answer would let go again, or leave to be asked about, ends there once a person has stopped it.
_AFTER_A_STOP = {
    BatchState.PLANNED: BatchState.STOPPED,
    BatchState.RETRY: BatchState.STOPPED,
    BatchState.BLOCKED: BatchState.STOPPED,
    BatchState.HOLD: BatchState.UNCONFIRMED,
}

Batches = dict[tuple[int, int], Batch]
Campaigns = dict[int, Campaign]


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
    campaigns = _locked_campaigns(answers)
    sending_rest = _accounts_sending_rest(answers)
    moves: list[BatchMove] = []
    deltas: dict[int, Counter[str]] = defaultdict(Counter)
    for answer in answers:
        batch = batches[answer.claim.campaign_id, answer.claim.batch_no]
        stopping = campaigns[batch.campaign_id].state in STOPPING
        cut = answer.claim.account_id not in sending_rest
        before, after = _move_batch(batch, answer, now, times, stopping=stopping, cut=cut)
        moves.append(BatchMove(batch.campaign_id, batch.no, before, after))
        deltas[batch.campaign_id].update(tallies.moved([(before, after, batch.open)]))
    session.flush()
    for campaign_id, moved in deltas.items():
        tallies.move(campaign_id, moved)
    rollups.move_batches(moves, now)
    for answer in answers:
        if answer.verdict.meaning is Meaning.TAKEN:
            batch = batches[answer.claim.campaign_id, answer.claim.batch_no]
            late_news.heed(batch, Taken(answer.verdict.msgid, "answer"), now)
    for answer in answers:
        _cut_if_asked(batches[answer.claim.campaign_id, answer.claim.batch_no], answer, campaigns, now)
    for answer in sorted(answers, key=lambda one: one.claim.account_id):
        _act_on_account(answer, batches, campaigns, now)
    session.flush()
    for campaign_id in deltas:
        endings.note_handed_over(campaign_id, now)
        endings.note_stopped(campaign_id, now)
    pausing.pause_if_unclear(deltas, now)


def _locked_batches(answers: Sequence[Answered]) -> Batches:
    """The batches of the answers, and what those that were taken were sent again as meanwhile."""
    keys = [(answer.claim.campaign_id, answer.claim.batch_no) for answer in answers]
    taken = [
        (answer.claim.campaign_id, answer.claim.batch_no)
        for answer in answers
        if answer.verdict.meaning is Meaning.TAKEN
    ]
    keys.extend(late_news.descendants(taken))
    rows = tenancy.session().scalars(
        select(Batch)
        .where(Batch.team_id == tenancy.scope(), tuple_(Batch.campaign_id, Batch.no).in_(keys))
        .order_by(Batch.campaign_id, Batch.no)
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    )
    return {(row.campaign_id, row.no): row for row in rows}


def _locked_campaigns(answers: Sequence[Answered]) -> Campaigns:
    """Every campaign that may be touched: those of the answers, and all that a broken account would stop."""
    own = {answer.claim.campaign_id for answer in answers}
    stopped = {answer.claim.account_id for answer in answers if answer.verdict.pauses_account}
    rows = tenancy.session().scalars(
        select(Campaign)
        .where(
            Campaign.team_id == tenancy.scope(),
            or_(Campaign.id.in_(own), Campaign.account_id.in_(stopped) & Campaign.state.in_(STOPPABLE)),
        )
        .order_by(Campaign.id)
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    )
    return {row.id: row for row in rows}


def _move_batch(
    batch: Batch, answer: Answered, now: datetime, times: Times, *, stopping: bool, cut: bool
) -> tuple[str | None, str | None]:
    """Bring the batch to its next state; returns the tallies that its open messages were and are in.

    `cut`: whether a batch refused for one bad number may be cut. Where its gateway sends to the others all
    the same, nobody knows who got it.
    """
    verdict = answer.verdict
    before = tallies.tally_of(batch.state, batch.first_unknown_at is not None)
    if batch.state == BatchState.INFLIGHT and batch.attempts == answer.claim.n:
        batch.state = _state_after(verdict, batch, cut=cut)
        unclear = verdict.unknown or batch.state == BatchState.UNCONFIRMED
        if unclear and batch.first_unknown_at is None:
            batch.first_unknown_at = answer.claim.claimed_at
    elif batch.state in MAY_STILL_BE_ACCEPTED and verdict.meaning is Meaning.TAKEN:
        batch.state = BatchState.ACCEPTED
    elif _proves_that_nothing_left(batch, answer):
        batch.state = BatchState.PLANNED
        batch.first_unknown_at = None
    else:
        return before, before
    if stopping:
        batch.state = _AFTER_A_STOP.get(batch.state, batch.state)
        if batch.again and batch.state == BatchState.STOPPED:
            # Its people may have the message by the sending that this one was to make up for.
            batch.state = BatchState.CLOSED
    batch.lease_until = batch.wake_at = None
    batch.why = verdict.why
    if batch.state == BatchState.RETRY:
        batch.wake_at = now + timedelta(seconds=_back_off(batch.attempts, times))
    if batch.state == BatchState.HOLD and batch.first_unknown_at is not None:
        batch.wake_at = repeats.next_repeat(batch.repeats, batch.first_unknown_at, times, now)
    return before, tallies.tally_of(batch.state, batch.first_unknown_at is not None)


def _state_after(verdict: Verdict, batch: Batch, *, cut: bool) -> BatchState:
    if verdict.batch is BatchChange.REPLACED and batch.size == 1:
        return BatchState.REJECTED
    if verdict.batch is BatchChange.REPLACED and not cut:
        return BatchState.UNCONFIRMED
    if verdict.batch is BatchChange.REPLACED:
        # Cut in the next step of this transaction; until then it counts as what its halves will count as.
        return BatchState.PLANNED
    return BatchState(verdict.batch)


def _proves_that_nothing_left(batch: Batch, answer: Answered) -> bool:
    """Whether the attempt that put the batch on hold turns out, late, never to have left this machine.

    A worker that was stopped past its lease withholds its request; the reaper had to take it for unknown.
    """
    return (
        batch.state == BatchState.HOLD
        and batch.attempts == answer.claim.n
        and batch.first_unknown_at == answer.claim.claimed_at
        and answer.verdict.meaning is Meaning.NOT_LEFT
    )


def _cut_if_asked(batch: Batch, answer: Answered, campaigns: Campaigns, now: datetime) -> None:
    """Cut a batch that the gateway refused whole, or found too large, in halves."""
    verdict = answer.verdict
    wanted = verdict.batch is BatchChange.REPLACED or verdict.account is AccountChange.SMALLER_LIMIT
    fresh = batch.state == BatchState.PLANNED and batch.attempts == answer.claim.n
    if not (wanted and fresh and verdict.meaning is Meaning.REFUSED and batch.size > 1):
        return
    session = tenancy.session()
    campaign = campaigns[batch.campaign_id]
    session.refresh(campaign, ["halvings"])
    search = verdict.why is Why.BAD_NUMBER
    if not search or campaign.halvings < halving.MOST_HALVINGS:
        halving.replace_by_halves(batch.campaign_id, batch.no, counted=search)
        session.refresh(batch)
        return
    batch.state = BatchState.BLOCKED
    pausing.pause(campaign, "too_many_bad_numbers", now)


def _back_off(attempts: int, times: Times) -> float:
    """Seconds until a request that never left is tried again: 15 s, doubled each time, at most 15 min."""
    return float(min(times.retry_most, times.retry_first * 2 ** min(attempts - 1, 16)))


def _act_on_account(answer: Answered, batches: Batches, campaigns: Campaigns, now: datetime) -> None:
    """Move the account, pause what it stops, and ask what is left of its balance."""
    verdict, claim = answer.verdict, answer.claim
    if verdict.account is not AccountChange.UNCHANGED:
        gateway.note_answer(
            claim.account_id, verdict, version=claim.credentials.version, asked_at=claim.claimed_at
        )
    if verdict.account is AccountChange.SMALLER_LIMIT:
        jobs.enqueue(
            "campaigns.split_oversized",
            claim.team_id,
            once=str(claim.account_id),
            account_id=claim.account_id,
        )
    if verdict.meaning is Meaning.TAKEN:
        gateway.want_balance(claim.account_id)
    batch = batches[claim.campaign_id, claim.batch_no]
    if verdict.why is Why.BAD_NUMBER and batch.state == BatchState.UNCONFIRMED:
        pausing.pause(campaigns[claim.campaign_id], pausing.SENDS_REST, now)
    if verdict.pauses_account and _is_usable(claim.account_id):
        # An answer to credentials that a person has changed meanwhile: it stops nothing.
        if batch.state == BatchState.BLOCKED:
            batch.state = BatchState.PLANNED
        return
    if verdict.pause is None:
        return
    if not verdict.pauses_account:
        pausing.pause(campaigns[claim.campaign_id], verdict.pause, now)
        return
    for campaign in campaigns.values():
        if campaign.account_id == claim.account_id and campaign.state in STOPPABLE:
            pausing.pause(campaign, verdict.pause, now)


def _accounts_sending_rest(answers: Sequence[Answered]) -> set[int]:
    """Those whose gateway is known to send to the others when it refuses a batch for one bad number."""
    asked = {answer.claim.account_id for answer in answers if answer.verdict.why is Why.BAD_NUMBER}
    found = [account for one in sorted(asked) if (account := accounts.account(one)) is not None]
    return {account.id for account in found if account.sends_rest_at is not None}


def _is_usable(account_id: int) -> bool:
    account = accounts.account(account_id)
    return account is not None and account.usable


def _attempt_values(answer: Answered, now: datetime) -> dict[str, Any]:
    verdict, claim = answer.verdict, answer.claim
    withheld = verdict.why is Why.WITHHELD
    return {
        "team": claim.team_id,
        "campaign": claim.campaign_id,
        "no": claim.batch_no,
        "n": claim.n,
        "now": now,
        "outcome": "never_left" if withheld else str(verdict.meaning),
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
