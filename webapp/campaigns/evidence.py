"""What is known of batches without a clear answer, for the person who decides about them.

Everything is shown as it was noted: what was sent, each call and what came back word for word, what reports
and the balance tell. Conclusions are drawn only where nothing else can explain the numbers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from flask_babel import format_decimal, ngettext
from flask_babel import gettext as _
from sqlalchemy import Row

from webapp import tenancy
from webapp.accounts.permissions import may
from webapp.campaigns import decision_statements as statements
from webapp.campaigns import pausing, recipients, trace_words
from webapp.campaigns.models import Campaign
from webapp.campaigns.states import BatchState
from webapp.campaigns.trace_words import Event
from webapp.characters import CONTROL
from webapp.contacts.numbers import MOBILE
from webapp.database import id_at
from webapp.gateway import queries as gateway
from webapp.gateway.models import GatewayAccount, RepeatMode
from webapp.reading import mask, moment
from webapp.settings import Times

PAGE = 20
# Of a batch that was tried for days, the latest calls tell what there is to know.
MOST_CALLS = 20
MOST_SHOWN = 2000


@dataclass(frozen=True)
class Said:
    """What came back of one call, word for word."""

    title: str
    text: str


@dataclass(frozen=True)
class Evidence:
    """One batch that a person decides about. `people`: of how many nothing is known; `size`: all of it."""

    no: int
    people: int
    size: int
    content: str
    first: str
    last: str
    unknown_at: datetime
    events: tuple[Event, ...]
    said: tuple[Said, ...]
    facts: tuple[str, ...]


@dataclass(frozen=True)
class Held:
    """A batch that the machine still asks about, and what it does next."""

    no: int
    people: int
    next_step: str


def undecided(campaign: Campaign, account: GatewayAccount, after: int, now: datetime) -> list[Evidence]:
    """A page of the batches that a person decides about, by number; one more than a page holds."""
    rows = _shown(campaign, after, PAGE + 1, on_hold=False)
    calls: dict[int, list[Row[Any]]] = {row.no: [] for row in rows}
    found = tenancy.session().execute(
        statements.CALLS,
        {
            "team": tenancy.scope(),
            "campaign": campaign.id,
            "numbers": list(calls),
            "most": MOST_CALLS,
        },
    )
    for call in found:
        calls[call.shown].append(call)
    return [_evidence(campaign, account, row, calls[row.no], now) for row in rows]


def held(campaign: Campaign, account: GatewayAccount, times: Times, now: datetime) -> list[Held]:
    """The batches still being asked about, at most a page of them."""
    return [
        Held(row.no, row.open, _next_step(row, account, times, now))
        for row in _shown(campaign, 0, PAGE, on_hold=True)
    ]


def _shown(campaign: Campaign, after: int, most: int, *, on_hold: bool) -> Sequence[Row[Any]]:
    return tenancy.session().execute(
        statements.SHOWN,
        {
            "team": tenancy.scope(),
            "campaign": campaign.id,
            "after": after,
            "most": most,
            "on_hold": on_hold,
        },
    ).all()  # fmt: skip


def _evidence(
    campaign: Campaign, account: GatewayAccount, row: Row[Any], calls: list[Row[Any]], now: datetime
) -> Evidence:
    facts = [
        *_by_reports(row),
        *_by_balance(campaign, account, row, calls),
        _by_machine(account, row),
        *_by_person(row),
        _deadline(account, row, now),
    ]
    return Evidence(
        no=row.no,
        people=row.open,
        size=row.size,
        content=row.content,
        first=row.first,
        last=row.last,
        unknown_at=row.first_unknown_at,
        events=tuple(event for call in calls for event in trace_words.attempted(call)),
        said=tuple(_said(call) for call in calls if call.answer or call.http_status),
        facts=tuple(facts),
    )


def _said(call: Row[Any]) -> Said:
    title = _("Batch %(no)s, attempt %(n)s", no=format_decimal(call.batch_no), n=format_decimal(call.n))
    if call.http_status is not None:
        title = _("%(attempt)s: HTTP status %(status)s", attempt=title, status=call.http_status)
    text = CONTROL.sub("�", (call.answer or b"").decode("utf-8", "replace"))[:MOST_SHOWN]
    if not may("numbers.view"):
        # A gateway may repeat what it was sent.
        text = MOBILE.sub(lambda found: mask(found[0]), text)
    return Said(title, text)


def _by_reports(row: Row[Any]) -> list[str]:
    settled = row.size - row.open
    numbers = {"settled": format_decimal(settled), "all": format_decimal(row.size)}
    if settled:
        return [
            ngettext(
                "%(settled)s of %(all)s person resolved by reports.",
                "%(settled)s of %(all)s people resolved by reports.",
                row.size,
                **numbers,
            )
        ]
    return [_("No report has come for these people.")]


def _by_balance(
    campaign: Campaign, account: GatewayAccount, row: Row[Any], calls: list[Row[Any]]
) -> list[str]:
    """What the balance tells, in one sentence; nothing where it was not read before and after."""
    if not calls or any(call.finished_at is None for call in calls):
        return []
    last = max(call.finished_at for call in calls)
    around = tenancy.session().execute(
        statements.BALANCE_AROUND,
        {
            "team": tenancy.scope(),
            "account": account.id,
            "campaign": campaign.id,
            "numbers": sorted({call.batch_no for call in calls}),
            "first_id": id_at(min(call.started_at for call in calls)),
            # A millisecond later than any id of that moment.
            "last_id": id_at(last + timedelta(milliseconds=1)),
        },
    ).first()  # fmt: skip
    if around is None:
        return []
    if around.others:
        return [_("Other messages went through this account in between, so its balance tells nothing.")]
    fell = around.before - around.after
    parts = recipients.parts_of(campaign, account, row.content) or 0
    numbers = {
        "before": format_decimal(around.before),
        "after": format_decimal(around.after),
        "before_at": moment(around.before_at, seconds=True),
        "after_at": moment(around.after_at, seconds=True),
    }
    read = _("Balance: %(before)s at %(before_at)s, %(after)s at %(after_at)s.", **numbers)
    return [f"{read} {_fell(fell, row.size, parts)}"]


def _fell(fell: int, size: int, parts: int) -> str:
    numbers = {
        "fell": format_decimal(abs(fell)),
        "size": format_decimal(size),
        "parts": format_decimal(parts),
        "cost": format_decimal(size * parts),
    }
    if fell == 0:
        return _("It did not change: probably not sent.")
    if fell < 0:
        return _("It rose by %(fell)s, so it tells nothing.", **numbers)
    if fell == size * parts:
        return ngettext(
            "It fell by %(fell)s = %(size)s × %(parts)s part: probably sent.",
            "It fell by %(fell)s = %(size)s × %(parts)s parts: probably sent.",
            parts,
            **numbers,
        )
    return ngettext(
        "It fell by %(fell)s. The whole batch costs %(cost)s = %(size)s × %(parts)s part.",
        "It fell by %(fell)s. The whole batch costs %(cost)s = %(size)s × %(parts)s parts.",
        parts,
        **numbers,
    )


def _by_machine(account: GatewayAccount, row: Row[Any]) -> str:
    if row.why == pausing.SENDS_REST:
        return _(
            "The gateway refused a larger request with these people in it for one bad number, but reports "
            "came for that request. So they may have the message already."
        )
    if row.repeats:
        return ngettext(
            "The identical request was made again %(num)s time, without a clear answer.",
            "The identical request was made again %(num)s times, without a clear answer.",
            row.repeats,
        )
    if account.repeat_mode == RepeatMode.ASK:
        return _("This account is set to ask a person, so the request was not made again by itself.")
    return _("The request was not made again by itself.")


def _by_person(row: Row[Any]) -> list[str]:
    if row.decided_at is None:
        return []
    who = gateway.person(row.decided_by) or _("Somebody")
    return [_("%(who)s chose to wait on %(when)s.", who=who, when=moment(row.decided_at))]


def _deadline(account: GatewayAccount, row: Row[Any], now: datetime) -> str:
    until = row.first_unknown_at + timedelta(seconds=account.report_expired_seconds)
    if until > now:
        return _("Reports may still come; they are waited for until %(when)s.", when=moment(until))
    return _("Reports were waited for until %(when)s. One that comes later still counts.", when=moment(until))


def _next_step(row: Row[Any], account: GatewayAccount, times: Times, now: datetime) -> str:
    if row.state == BatchState.INFLIGHT:
        return _("The identical request is being made again at this moment.")
    asks = account.repeat_mode == RepeatMode.REPEAT and row.wake_at is not None
    last_call = row.first_unknown_at + timedelta(seconds=account.dedup_seconds - times.call_limit)
    evidence_ends = row.first_unknown_at + timedelta(seconds=times.evidence)
    if asks and now < row.wake_at < last_call:
        return _(
            "Reports are waited for. Without one, the identical request is made again at %(when)s.",
            when=moment(row.wake_at, seconds=True),
        )
    if not asks and now < evidence_ends:
        return _(
            "Reports are waited for until %(when)s. Without one, you decide.",
            when=moment(evidence_ends, seconds=True),
        )
    if asks and now < last_call:
        return _(
            "The identical request is made again as soon as the campaign may send. "
            "After %(when)s you decide.",
            when=moment(last_call, seconds=True),
        )
    return _("You can decide in a moment.")
