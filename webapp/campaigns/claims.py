"""T1: claim batches for sending, and write down each attempt before its call is made.

Everything here happens in one transaction, and nothing is claimed that will not be posted at once. When this
is committed and the process dies, the attempt tells that a request may have left.
"""

from __future__ import annotations

import dataclasses
import hashlib
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Row, delete, func, insert, or_, select

from webapp import tenancy
from webapp.campaigns import dropping, endings, hours, repeats, statements
from webapp.campaigns.models import Attempt, Batch, Campaign, DraftPaste
from webapp.campaigns.states import BatchState, CampaignState
from webapp.gateway.credentials import Credentials, GatewayGoneError, open_credentials
from webapp.gateway.models import GatewayAccount, RepeatMode
from webapp.sealing import SealError
from webapp.settings import Times


@dataclasses.dataclass(frozen=True)
class Claim:
    """One attempt that is committed and waits to be posted."""

    team_id: int
    account_id: int
    campaign_id: int
    batch_no: int
    n: int
    mobiles: tuple[str, ...] = dataclasses.field(repr=False)
    content: str = dataclasses.field(repr=False)
    credentials: Credentials
    claimed_at: datetime
    lease_until: datetime
    # Set for a repeat: the moment from which on the gateway might no longer swallow it.
    swallowed_until: datetime | None = None


class AccountUnusableError(Exception):
    """An account's credentials cannot be opened, or its gateway is no longer listed."""

    def __init__(self, account_id: int) -> None:
        super().__init__("a gateway account cannot be opened")
        self.account_id = account_id


def begin_ready_campaigns(now: datetime) -> None:
    """Planned campaigns whose delay is over begin to send in their hours; nothing of them is edited any more.

    One that somebody else holds waits a turn.
    """
    session = tenancy.session()
    beginning = session.scalars(
        select(Campaign)
        .where(
            Campaign.team_id == tenancy.scope(),
            Campaign.state == CampaignState.READY,
            Campaign.begin_at <= now,
            Campaign.kind.in_(hours.open_kinds(now)),
            or_(Campaign.not_after.is_(None), Campaign.not_after >= now),
            Campaign.paused_by_person.is_(None),
            Campaign.paused_by_machine.is_(None),
            # Else it would say that it is sending while nothing can be sent.
            Campaign.account_id.in_(select(GatewayAccount.id).where(*_well())),
        )
        .order_by(Campaign.id)
        .with_for_update(skip_locked=True, key_share=True)
        .execution_options(populate_existing=True)
    ).all()
    if not beginning:
        return
    for campaign in beginning:
        campaign.state = CampaignState.SENDING
        campaign.started_at = now
    session.flush()
    session.execute(
        delete(DraftPaste).where(
            DraftPaste.team_id == tenancy.scope(),
            DraftPaste.campaign_id.in_([campaign.id for campaign in beginning]),
        )
    )
    for campaign in beginning:
        if campaign.waiting == 0:
            # Everybody opted out before the planning: no answer will ever come to end it.
            endings.note_handed_over(campaign.id, now)


def _well() -> tuple[ColumnElement[bool], ...]:
    """Which of the team's accounts something may be sent through."""
    return (
        GatewayAccount.team_id == tenancy.scope(),
        GatewayAccount.disabled_at.is_(None),
        GatewayAccount.state.in_(("ok", "untested")),
    )


def claim_batches(now: datetime, times: Times, room: int) -> list[Claim]:
    """Claim up to `room` due batches of the team's accounts and open an attempt for each.

    Raises AccountUnusableError, after which the transaction must be undone.
    """
    claims: list[Claim] = []
    accounts = _well_accounts()
    kinds = list(hours.open_kinds(now)) if accounts else []
    for account in accounts:
        free = min(account.in_flight - _in_flight(account.id), room - len(claims))
        if free > 0:
            claims.extend(_claim_of(account, kinds, now, times, free))
    return claims


def digest(credentials: Credentials, content: str, mobiles: tuple[str, ...]) -> bytes:
    """SHA-256 of what makes a request the same to the gateway: address, uid, content, numbers in order."""
    parts = (credentials.base_url, credentials.uid.reveal(), content, ",".join(mobiles))
    return hashlib.sha256("\x00".join(parts).encode()).digest()


def _well_accounts() -> list[GatewayAccount]:
    """The team's usable accounts, locked: two workers must not count the same free connections."""
    return list(
        tenancy.session().scalars(
            select(GatewayAccount)
            .where(
                *_well(),
                select(Batch.no)
                .where(
                    Batch.team_id == tenancy.scope(),
                    Batch.account_id == GatewayAccount.id,
                    or_(
                        Batch.state.in_((BatchState.PLANNED, BatchState.RETRY)),
                        (Batch.state == BatchState.HOLD) & Batch.wake_at.is_not(None),
                    ),
                )
                .exists(),
            )
            .order_by(GatewayAccount.id)
            .with_for_update(skip_locked=True, key_share=True)
        )
    )


def _in_flight(account_id: int) -> int:
    return tenancy.session().scalars(
        select(func.count()).where(
            Batch.team_id == tenancy.scope(),
            Batch.account_id == account_id,
            Batch.state == BatchState.INFLIGHT,
        )
    ).one()  # fmt: skip


def _claim_of(
    account: GatewayAccount, kinds: list[str], now: datetime, times: Times, free: int
) -> list[Claim]:
    session = tenancy.session()
    asked = {"team": account.team_id, "account": account.id, "now": now, "kinds": kinds}
    again = _due_repeats(account, asked, times, free)
    fresh = session.execute(
        statements.DUE_BATCHES,
        {**asked, "limit": account.numbers_per_request, "free": free - len(again)},
    ).all()
    if not (again or fresh):
        return []
    try:
        credentials = open_credentials(account)
    except (GatewayGoneError, SealError) as error:
        raise AccountUnusableError(account.id) from error
    again = _identical(again, credentials)
    # Never from a repeat: it may have reached people already, and only the identical request is swallowed.
    due = {(row.campaign_id, row.no): tuple(row.mobiles) for row in fresh}
    if any(row.any_opt_outs for row in fresh):
        due |= dropping.drop_opted_out(due, now)
    lease_until = now + timedelta(seconds=times.lease)
    claims = [
        Claim(
            team_id=account.team_id,
            account_id=account.id,
            campaign_id=row.campaign_id,
            batch_no=row.no,
            n=row.attempts + 1,
            mobiles=mobiles,
            content=row.content,
            credentials=credentials,
            claimed_at=now,
            lease_until=lease_until,
            swallowed_until=swallowed_until,
        )
        for row, mobiles, swallowed_until in (
            *((row, tuple(row.mobiles), until) for row, until in again),
            *((row, due[row.campaign_id, row.no], None) for row in fresh),
        )
        if mobiles
    ]
    if claims:
        session.execute(statements.MARK_INFLIGHT, [_inflight_values(claim, account) for claim in claims])
        session.execute(insert(Attempt), [_attempt_values(claim) for claim in claims])
    return claims


def _due_repeats(
    account: GatewayAccount, asked: dict[str, Any], times: Times, free: int
) -> list[tuple[Row[Any], datetime]]:
    """Identical requests that are due, each with the moment at which it would no longer be swallowed."""
    if account.repeat_mode != RepeatMode.REPEAT:
        return []
    rows = tenancy.session().execute(
        statements.DUE_REPEATS,
        {
            **asked,
            "answered_by": asked["now"] + timedelta(seconds=times.call_limit),
            "dedup": account.dedup_seconds,
            "fingerprint": account.fingerprint,
            "free": free,
        },
    )
    return [(row, row.first_unknown_at + timedelta(seconds=account.dedup_seconds)) for row in rows]


def _identical(
    due: list[tuple[Row[Any], datetime]], credentials: Credentials
) -> list[tuple[Row[Any], datetime]]:
    """Those that would be the same request to the gateway as the first; the others are not repeated at all.

    The operator may have given the gateway another address since: what is behind that one swallows nothing.
    """
    same = [
        (row, until)
        for row, until in due
        if row.digest == digest(credentials, row.content, tuple(row.mobiles))
    ]
    kept = {(row.campaign_id, row.no) for row, _until in same}
    repeats.end([key for row, _until in due if (key := (row.campaign_id, row.no)) not in kept])
    return same


def _inflight_values(claim: Claim, account: GatewayAccount) -> dict[str, Any]:
    return {
        "team": claim.team_id,
        "campaign": claim.campaign_id,
        "no": claim.batch_no,
        "n": claim.n,
        "repeated": int(claim.swallowed_until is not None),
        "digest": digest(claim.credentials, claim.content, claim.mobiles),
        "fingerprint": account.fingerprint,
        "lease_until": claim.lease_until,
    }


def _attempt_values(claim: Claim) -> dict[str, Any]:
    return {
        "team_id": claim.team_id,
        "campaign_id": claim.campaign_id,
        "batch_no": claim.batch_no,
        "n": claim.n,
        "account_id": claim.account_id,
        "started_at": claim.claimed_at,
    }
