"""T1: claim batches for sending, and write down each attempt before its call is made.

Everything here happens in one transaction, and nothing is claimed that will not be posted at once. When this
is committed and the process dies, the attempt tells that a request may have left.
"""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Row, and_, delete, func, or_, select

from webapp import tenancy
from webapp.accounts.queries import team_at_hand
from webapp.campaigns import affording, caps, claim_statements, dropping, endings, hours, repeats
from webapp.campaigns.models import Batch, Campaign, DraftPaste
from webapp.campaigns.spread import Spread
from webapp.campaigns.states import BatchState, CampaignState
from webapp.gateway import breaker
from webapp.gateway.credentials import Credentials, GatewayGoneError, open_credentials
from webapp.gateway.models import AccountState, GatewayAccount, RepeatMode
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
    # Set where the account has a rate: when this request may go, and when the next one after it.
    post_at: datetime | None = None
    next_at: datetime | None = None


class AccountUnusableError(Exception):
    """An account's credentials cannot be opened, or its gateway is no longer listed."""

    def __init__(self, account_id: int) -> None:
        super().__init__("a gateway account cannot be opened")
        self.account_id = account_id


def begin_ready_campaigns(now: datetime) -> None:
    """Planned campaigns whose delay is over begin to send in their hours; nothing of them is edited any more.

    One that somebody else holds waits a turn.
    """
    affording.go_on_after_top_up(now)
    session = tenancy.session()
    session.flush()
    ready = session.scalars(
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
    _begin(affording.that_may_begin(ready, now), now)


def _begin(beginning: Sequence[Campaign], now: datetime) -> None:
    """Locked campaigns begin to send."""
    if not beginning:
        return
    session = tenancy.session()
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
        caps.tell_if_large(campaign)
        if campaign.waiting == 0:
            # Everybody opted out before the planning: no answer will ever come to end it.
            endings.note_handed_over(campaign.id, now)


def _well() -> tuple[ColumnElement[bool], ...]:
    """Which of the team's accounts something may be sent through."""
    return (
        GatewayAccount.team_id == tenancy.scope(),
        GatewayAccount.disabled_at.is_(None),
        GatewayAccount.state.in_((AccountState.OK, AccountState.UNTESTED)),
    )


def _to_be_probed() -> ColumnElement[bool]:
    """Which accounts without balance wait for a batch to be tried; the rules of `breaker` say when."""
    return and_(
        GatewayAccount.team_id == tenancy.scope(),
        GatewayAccount.disabled_at.is_(None),
        GatewayAccount.state == AccountState.OUT_OF_BALANCE,
        GatewayAccount.probe_at.is_not(None),
    )


def claim_batches(now: datetime, times: Times, room: int) -> list[Claim]:
    """Claim up to `room` due batches of the team's accounts and open an attempt for each.

    Raises AccountUnusableError, after which the transaction must be undone.
    """
    claims: list[Claim] = []
    accounts = _accounts_to_serve()
    kinds = list(hours.open_kinds(now)) if accounts else []
    for account in accounts:
        turn = _turn_of(account, kinds, now, times, room - len(claims))
        if turn is not None:
            claims.extend(_claim_of(turn))
    return claims


def digest(credentials: Credentials, content: str, mobiles: tuple[str, ...]) -> bytes:
    """SHA-256 of what makes a request the same to the gateway: address, uid, content, numbers in order."""
    parts = (credentials.base_url, credentials.uid.reveal(), content, ",".join(mobiles))
    return hashlib.sha256("\x00".join(parts).encode()).digest()


@dataclasses.dataclass(frozen=True)
class _Turn:
    """One locked account's turn: the moments at which its requests may go, as many as it has free places."""

    account: GatewayAccount
    kinds: list[str]
    now: datetime
    times: Times
    moments: list[datetime]
    next_at: datetime | None

    @property
    def probing(self) -> bool:
        """Whether one batch is to show that there is balance again."""
        return self.account.state == AccountState.OUT_OF_BALANCE

    def asked(self, free: int) -> dict[str, Any]:
        """What every statement is asked with."""
        return {
            "team": self.account.team_id,
            "account": self.account.id,
            "now": self.now,
            "kinds": self.kinds,
            "limit": self.account.numbers_per_request,
            "free": free,
        }


def _accounts_to_serve() -> list[GatewayAccount]:
    """The team's accounts that have something to do, locked: two workers must not count the same places."""
    # Not whether a batch is due: with many that are over, that alone would read them all.
    sending = (
        select(Campaign.id)
        .where(
            Campaign.team_id == tenancy.scope(),
            Campaign.account_id == GatewayAccount.id,
            Campaign.state == CampaignState.SENDING,
        )
        .exists()
    )
    return list(
        tenancy.session().scalars(
            select(GatewayAccount)
            .where(or_(and_(*_well(), sending), _to_be_probed()))
            .order_by(GatewayAccount.id)
            .with_for_update(skip_locked=True, key_share=True)
            .execution_options(populate_existing=True)
        )
    )


def _turn_of(
    account: GatewayAccount, kinds: list[str], now: datetime, times: Times, room: int
) -> _Turn | None:
    """How many requests a locked account may make now, and at which moments; None for none."""
    if breaker.is_quiet(account.troubles, account.quiet_until, now, times):
        return None
    probing = account.state == AccountState.OUT_OF_BALANCE
    if probing and not breaker.balance_probe_is_due(account.probe_at, account.probes, now, times):
        return None
    places = breaker.places(
        account.in_flight, account.troubles, unproved=account.unproved or probing
    )  # fmt: skip
    free = min(places - _in_flight(account.id), room)
    moments, next_at = breaker.turns(account.per_second, account.rate_at, now, free)
    return _Turn(account, kinds, now, times, moments, next_at) if moments else None


def _in_flight(account_id: int) -> int:
    return tenancy.session().scalars(
        select(func.count()).where(
            Batch.team_id == tenancy.scope(),
            Batch.account_id == account_id,
            Batch.state == BatchState.INFLIGHT,
        )
    ).one()  # fmt: skip


def _claim_of(turn: _Turn) -> list[Claim]:
    account, free = turn.account, len(turn.moments)
    again = [] if turn.probing else _due_repeats(turn, free)
    fresh = _smallest(turn) if turn.probing else _due(turn, free - len(again))
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
        due |= dropping.drop_opted_out(due, turn.now)
    lease_until = turn.now + timedelta(seconds=turn.times.lease)
    to_post = [
        *((row, tuple(row.mobiles), until) for row, until in again),
        *((row, due[row.campaign_id, row.no], None) for row in fresh),
    ]
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
            claimed_at=turn.now,
            lease_until=lease_until,
            swallowed_until=swallowed_until,
            post_at=turn.moments[place] if turn.next_at is not None else None,
            next_at=turn.next_at,
        )
        for place, (row, mobiles, swallowed_until) in enumerate(one for one in to_post if one[1])
    ]
    if claims:
        _write_down(claims, turn)
    return claims


def _due(turn: _Turn, free: int) -> Sequence[Row[Any]]:
    """Batches that may go for the first time, or that were proved not taken; locked."""
    if free <= 0:
        return []
    patient = breaker.waits_for_itself(turn.account.troubles)
    rows = tenancy.session().execute(
        claim_statements.DUE_BATCHES, {**turn.asked(free), "patient": patient}
    ).all()  # fmt: skip
    return _in_their_time(rows, turn)


def _smallest(turn: _Turn) -> Sequence[Row[Any]]:
    """The one batch that probes an account without balance; a campaign that waited for it begins."""
    rows = tenancy.session().execute(claim_statements.SMALLEST_BATCH, turn.asked(1)).all()
    rows = _in_their_time(rows, turn)
    ready = [row.campaign_id for row in rows if row.campaign_state == CampaignState.READY]
    _begin([tenancy.session().get_one(Campaign, (tenancy.scope(), one)) for one in ready], turn.now)
    return rows


def _in_their_time(rows: Sequence[Row[Any]], turn: _Turn) -> Sequence[Row[Any]]:
    """Those rows whose campaign is not spread over time, or could be moved on by what is claimed of it.

    A campaign that somebody else holds waits a turn.
    """
    sizes = {row.campaign_id: row.size for row in rows if row.spread}
    if not sizes:
        return rows
    free = tenancy.session().scalars(
        select(Campaign)
        .where(Campaign.team_id == tenancy.scope(), Campaign.id.in_(list(sizes)))
        .order_by(Campaign.id)
        .with_for_update(skip_locked=True, key_share=True)
        .execution_options(populate_existing=True)
    ).all()  # fmt: skip
    team = team_at_hand()
    for one in free:
        window = hours.hours_of(team, one.kind)
        one.next_at = Spread.of(one).next_at(one.next_at, sizes[one.id], one.waiting, turn.now, window)
    tenancy.session().flush()
    moved = {one.id for one in free}
    return [row for row in rows if not row.spread or row.campaign_id in moved]


def _write_down(claims: list[Claim], turn: _Turn) -> None:
    """Before anything is posted: the batches are under way, each has its attempt, the account its times."""
    account = turn.account
    tenancy.session().execute(
        claim_statements.MARK_INFLIGHT,
        {
            "team": account.team_id,
            "account": account.id,
            "now": turn.now,
            "fingerprint": account.fingerprint,
            "lease_until": claims[0].lease_until,
            "campaigns": [claim.campaign_id for claim in claims],
            "nos": [claim.batch_no for claim in claims],
            "ns": [claim.n for claim in claims],
            "repeated": [int(claim.swallowed_until is not None) for claim in claims],
            "digests": [digest(claim.credentials, claim.content, claim.mobiles) for claim in claims],
        },
    )
    if turn.next_at is not None:
        account.rate_at = [*turn.moments, turn.next_at][len(claims)]
    if turn.probing:
        account.probes += 1
        account.probe_at = turn.now + breaker.balance_pause(account.probes, turn.times)


def _due_repeats(turn: _Turn, free: int) -> list[tuple[Row[Any], datetime]]:
    """Identical requests that are due, each with the moment at which it would no longer be swallowed."""
    account = turn.account
    if account.repeat_mode != RepeatMode.REPEAT:
        return []
    rows = tenancy.session().execute(
        claim_statements.DUE_REPEATS,
        {
            **turn.asked(free),
            "answered_by": turn.now + timedelta(seconds=turn.times.call_limit),
            "dedup": account.dedup_seconds,
            "fingerprint": account.fingerprint,
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
