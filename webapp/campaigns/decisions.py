"""What a person decides about a batch without a clear answer, after the machine has done what it may.

A batch that reports have settled meanwhile keeps what it is, and the person is told. The key of "send again"
is the batch itself: it has one child of that kind, however often and from however many pages it is asked for.

Locks, as everywhere: batches by key, then the campaign.
"""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum

from flask_babel import gettext as _
from sqlalchemy import Select, func, insert, select, update

from webapp import clock, jobs, tenancy
from webapp.accounts.audit import audit
from webapp.campaigns import apart, decision_statements, rollups, statements, tallies
from webapp.campaigns.late_news import TAKEN_AFTER_ALL
from webapp.campaigns.locking import locked_batch, locked_campaign
from webapp.campaigns.models import Batch, Campaign, GatewayMessage
from webapp.campaigns.rollups import BatchMove
from webapp.campaigns.states import AtHoursEnd, BatchState, CampaignState
from webapp.contacts.optouts import opted_out_among
from webapp.errors import DomainError

# Why a batch is accepted that no answer and no report says was taken.
BY_PERSON = "person"
_OVER = frozenset({CampaignState.WAITING_FOR_REPORTS, CampaignState.FINISHED})
_STOPPED = frozenset({CampaignState.STOPPING, CampaignState.STOPPED})


class Choice(StrEnum):
    """The four things that a person may say."""

    WAIT = "wait"
    WAS_SENT = "was_sent"
    DO_NOT_SEND = "do_not_send"
    SEND_AGAIN = "send_again"


class NobodyLeftError(DomainError):
    """Everybody that a batch could be sent to again has opted out; the batch stays as it is."""


class ChangedError(DomainError):
    """Other batches are undecided than those that were shown; nothing was decided."""


@dataclass(frozen=True)
class Decided:
    """What came of one decision. `people`: how many it is about; `settled`: it was too late for one."""

    no: int
    people: int
    settled: bool = False
    child: int | None = None


def wait(campaign_id: int, no: int, user_id: int | None) -> Decided:
    """Go on waiting for reports: nothing changes but that it is known who looked."""
    batch = locked_batch(campaign_id, no)
    if batch.state != BatchState.UNCONFIRMED or not batch.open:
        return Decided(no, batch.open, settled=True)
    _note(batch, Choice.WAIT, user_id, batch.open)
    return Decided(no, batch.open)


def was_sent(campaign_id: int, no: int, user_id: int | None) -> Decided:
    """Take the batch for accepted. The same decision again changes nothing."""
    batch = locked_batch(campaign_id, no)
    if batch.state == BatchState.ACCEPTED and batch.why == BY_PERSON:
        return Decided(no, batch.open)
    if batch.state != BatchState.UNCONFIRMED or not batch.open:
        return Decided(no, batch.open, settled=True)
    _note(batch, Choice.WAS_SENT, user_id, batch.open)
    _accept(batch, BY_PERSON)
    return Decided(no, batch.open)


def do_not_send(campaign_id: int, no: int, user_id: int | None) -> Decided:
    """Close the batch: it stays not confirmed, and nothing more is sent of it; reports may still settle it.

    The same decision again changes nothing.
    """
    batch = locked_batch(campaign_id, no)
    if batch.state == BatchState.CLOSED:
        return Decided(no, batch.open)
    if batch.state != BatchState.UNCONFIRMED or not batch.open:
        return Decided(no, batch.open, settled=True)
    # Counted as before, so no tally moves.
    batch.state = BatchState.CLOSED
    _note(batch, Choice.DO_NOT_SEND, user_id, batch.open)
    return Decided(no, batch.open)


def send_again(campaign_id: int, no: int, user_id: int | None) -> Decided:
    """Replace the batch by one child that is sent as a new request; the same again finds that child.

    Without those who opted out since. Raises DomainError where nothing may be sent any more.
    """
    batch = locked_batch(campaign_id, no)
    if batch.state == BatchState.REPLACED and (child := _child_of(batch)) is not None:
        return Decided(no, child.size, child=child.no)
    if batch.state != BatchState.UNCONFIRMED or not batch.open:
        return Decided(no, batch.open, settled=True)
    campaign = locked_campaign(campaign_id)
    if campaign.state in _STOPPED:
        raise DomainError(
            _("This campaign was stopped, so nothing of it is sent again. Choose one of the other answers.")
        )
    if _has_msgid(batch):
        # What it is the second sending of turned out to have been taken while this one was under way.
        _accept(batch, TAKEN_AFTER_ALL)
        return Decided(no, batch.open, settled=True)
    child = _replace(batch, campaign)
    _note(batch, Choice.SEND_AGAIN, user_id, child.size, child.no)
    return Decided(no, child.size, child=child.no)


CHOICES: dict[Choice, Callable[[int, int, int | None], Decided]] = {
    Choice.WAIT: wait,
    Choice.WAS_SENT: was_sent,
    Choice.DO_NOT_SEND: do_not_send,
    Choice.SEND_AGAIN: send_again,
}


def decide_all(campaign_id: int, choice: Choice, seen: str, user_id: int | None) -> list[Decided]:
    """Decide the same for every batch that a person has to decide about.

    `seen` is the digest of those that were shown. Raises ChangedError where others are undecided by now, so
    that nothing is decided that nobody saw.
    """
    rows = tenancy.session().scalars(
        _undecided(campaign_id).order_by(Batch.no).with_for_update(key_share=True)
    )
    numbers = list(rows)
    if digest_of(numbers) != seen:
        raise ChangedError(
            _("Something changed since you looked: nothing was decided. Please look at what is left.")
        )
    decided = []
    for no in numbers:
        # Those of whom nobody is left stay undecided and are shown again; the others go their way.
        with contextlib.suppress(NobodyLeftError):
            decided.append(CHOICES[choice](campaign_id, no, user_id))
    return decided


def undecided_numbers(campaign_id: int) -> list[int]:
    """The numbers of all batches that a person has to decide about."""
    return list(tenancy.session().scalars(_undecided(campaign_id).order_by(Batch.no)))


def people_undecided(campaign_id: int) -> int:
    """Of how many people in those batches nothing is known."""
    still_open = _undecided(campaign_id).with_only_columns(func.coalesce(func.sum(Batch.open), 0))
    return int(tenancy.session().scalars(still_open).one())


def digest_of(numbers: Iterable[int]) -> str:
    """A name for just these batches."""
    return hashlib.sha256(",".join(map(str, numbers)).encode()).hexdigest()


def _undecided(campaign_id: int) -> Select[int]:
    return select(Batch.no).where(
        Batch.team_id == tenancy.scope(),
        Batch.campaign_id == campaign_id,
        Batch.state == BatchState.UNCONFIRMED,
        Batch.open > 0,
    )


def _child_of(batch: Batch) -> Batch | None:
    return tenancy.session().scalar(
        select(Batch).where(
            Batch.team_id == batch.team_id,
            Batch.campaign_id == batch.campaign_id,
            Batch.parent == batch.no,
            Batch.again,
        )
    )


def _has_msgid(batch: Batch) -> bool:
    found = tenancy.session().scalar(
        select(GatewayMessage.msgid)
        .where(
            GatewayMessage.team_id == batch.team_id,
            GatewayMessage.campaign_id == batch.campaign_id,
            GatewayMessage.batch_no == batch.no,
        )
        .limit(1)
    )
    return found is not None


def _note(batch: Batch, choice: Choice, user_id: int | None, people: int, child: int | None = None) -> None:
    batch.decided_by, batch.decided_at = user_id, clock.now()
    tenancy.session().flush()
    audit(f"batch.{choice}", "campaign", batch.campaign_id, batch=batch.no, people=people, child=child)


def _accept(batch: Batch, why: str) -> None:
    now = clock.now()
    batch.state, batch.why = BatchState.ACCEPTED, why
    tenancy.session().flush()
    tallies.move(batch.campaign_id, tallies.moved([("unconfirmed", "no_report", batch.open)]))
    rollups.move_batches([BatchMove(batch.campaign_id, batch.no, "unconfirmed", "no_report")], now)


def _replace(parent: Batch, campaign: Campaign) -> Batch:
    """Make the child, and move to it what is open of the parent. Both rows are locked."""
    session = tenancy.session()
    now = clock.now()
    key = {"team": parent.team_id, "campaign": parent.campaign_id, "no": parent.no}
    values = {**key, "mobiles": parent.mobiles}
    still_open = set(session.scalars(decision_statements.OPEN_NUMBERS, values))
    opted_out = opted_out_among(still_open)
    mobiles = [mobile for mobile in parent.mobiles if mobile in still_open - opted_out]
    if not mobiles:
        raise NobodyLeftError(_("Everybody in this batch has opted out since, so nothing is sent again."))
    # Rolled up while the parent still holds its messages.
    parent.state = BatchState.REPLACED
    session.flush()
    tallies.move(campaign.id, tallies.moved([("unconfirmed", "waiting", len(mobiles))]))
    rollups.move_batches([BatchMove(campaign.id, parent.no, "unconfirmed", None)], now)
    child = _insert_child(parent, campaign, mobiles)
    session.execute(
        statements.MOVE_MESSAGES,
        {
            "team": parent.team_id,
            "campaign": campaign.id,
            "child": child.no,
            "parent": parent.no,
            "mobiles": mobiles,
        },
    )
    if opted_out:
        apart.set_apart(campaign.id, child.no, parent.no, opted_out, now)
    parent.open = 0
    _send_on(campaign)
    session.flush()
    return child


def _insert_child(parent: Batch, campaign: Campaign, mobiles: list[str]) -> Batch:
    session = tenancy.session()
    no = session.scalars(
        update(Campaign)
        .where(Campaign.team_id == campaign.team_id, Campaign.id == campaign.id)
        .values(next_batch=Campaign.next_batch + 1)
        .returning(Campaign.next_batch - 1)
        .execution_options(synchronize_session=False)
    ).one()
    return session.scalars(
        insert(Batch)
        .values(
            team_id=parent.team_id, campaign_id=campaign.id, no=no, account_id=parent.account_id,
            state=BatchState.PLANNED, content=parent.content, parts=parent.parts, mobiles=mobiles,
            size=len(mobiles), open=len(mobiles), parent=parent.no, again=True,
        )
        .returning(Batch)
    ).one()  # fmt: skip


def _send_on(campaign: Campaign) -> None:
    """A campaign that had handed over is sending again; one that is on its way goes on as it is."""
    if campaign.state in _OVER:
        campaign.state = CampaignState.SENDING
        campaign.handed_over_at = campaign.finished_at = None
        # What it was paused for ended with its last batch; an account that is not well pauses it anew.
        campaign.paused_by_person = campaign.paused_by_machine = campaign.paused_at = None
        # The end of the hours in which it began must not drop what a person wants sent now.
        campaign.at_hours_end = AtHoursEnd.WAIT
    jobs.enqueue("campaigns.wake_sender", campaign.team_id, once="wake")
