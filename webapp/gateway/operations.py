"""What is done with gateway accounts. Every function flushes at most; the door commits.

None of them calls a gateway: `calls` asks with no transaction open and hands the verdict in here.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from flask import current_app
from flask_babel import lazy_gettext as _l
from sqlalchemy import select, update

from webapp import clock, jobs, tenancy
from webapp.accounts.audit import audit
from webapp.database import new_id
from webapp.errors import DomainError
from webapp.extensions import db
from webapp.gateway import addresses, alerts, queries
from webapp.gateway.answers import AccountChange, Verdict
from webapp.gateway.balances import BalanceOutcome, BalanceVerdict
from webapp.gateway.credentials import PWD, TOKEN, UID, base_url_of, key_ring
from webapp.gateway.models import (
    AccountState,
    BalanceCause,
    BalanceReading,
    CallbackToken,
    GatewayAccount,
    RepeatMode,
)
from webapp.gateway.transitions import after_answer, after_balance
from webapp.sealing import Secret, fingerprint, seal
from webapp.settings import settings_of

PRACTICE = "practice"
MOST_ACCOUNTS = 20
VALID_ADDRESSES = 2
# Heard by campaigns: blocked batches are planned again, and what only this account paused goes on.
WELL_AGAIN = "campaigns.account_well"
# Heard by campaigns: those that go through it pause, with the reason.
STOPPED = "campaigns.account_stopped"
# Heard by campaigns: batches that were planned for larger requests are cut.
SPLIT = "campaigns.split_oversized"


@dataclass(frozen=True)
class Behaviour:
    """What an account's owner knows about the gateway; limits in characters, times in seconds."""

    repeat_mode: RepeatMode
    adds_signature: bool
    numbers_per_request: int
    text_limit: int
    first_part: int
    next_part: int
    in_flight: int
    dedup_seconds: int


# ---- connecting --------------------------------------------------------------------------------------


def fingerprint_of(gateway: str, uid: Secret) -> bytes:
    """The name of "this uid at this address". Raises GatewayGoneError."""
    return fingerprint(key_ring(), base_url_of(gateway), uid)


def connect_account(
    label: str, gateway: str, uid: Secret, pwd: Secret, *, by: int | None, token: str | None = None
) -> GatewayAccount:
    """Add an account, untested, with a callback address. Raises DomainError."""
    if len(queries.accounts()) >= MOST_ACCOUNTS:
        raise DomainError(_l("A team has at most %(n)s gateway accounts.", n=MOST_ACCOUNTS))
    now = clock.now()
    times = settings_of(current_app).times
    account = GatewayAccount(
        team_id=tenancy.scope(),
        id=new_id(),
        label=label,
        gateway=gateway,
        practice=gateway == PRACTICE,
        state=AccountState.UNTESTED,
        state_at=now,
        version=1,
        created_at=now,
        dedup_seconds=int(times.dedup),
        no_report_seconds=int(times.no_report_after) or 1,
        report_expired_seconds=int(times.report_expired_after) or 1,
    )
    _put_credentials(account, uid, pwd, by, now)
    db.session.add(account)
    db.session.flush()
    make_address(account, token)
    audit("gateway.connected", "gateway_account", account.id, label=label, gateway=gateway)
    return account


def change_credentials(account: GatewayAccount, uid: Secret, pwd: Secret, *, by: int | None) -> None:
    """Put new credentials in place of the old ones; the account is untested again."""
    now = clock.now()
    account.version += 1
    account.troubles = 0
    account.quiet_until = None
    _put_credentials(account, uid, pwd, by, now)
    _move(account, AccountState.UNTESTED, None, now)
    db.session.flush()
    audit("gateway.credentials_changed", "gateway_account", account.id)


def _put_credentials(
    account: GatewayAccount, uid: Secret, pwd: Secret, by: int | None, now: datetime
) -> None:
    ring = key_ring()
    account.sealed_uid = seal(ring, account.team_id, account.id, UID, uid)
    account.sealed_pwd = seal(ring, account.team_id, account.id, PWD, pwd)
    account.fingerprint = fingerprint_of(account.gateway, uid)
    account.set_at = now
    account.set_by = by


def make_address(account: GatewayAccount, token: str | None = None) -> str:
    """Give the account a new callback address and return its token; the one before stays, older ones end."""
    now = clock.now()
    valid = db.session.scalars(
        select(CallbackToken)
        .where(
            CallbackToken.team_id == account.team_id,
            CallbackToken.account_id == account.id,
            CallbackToken.retired_at.is_(None),
        )
        .order_by(CallbackToken.created_at.desc())
        .with_for_update()
    ).all()
    for old in valid[VALID_ADDRESSES - 1 :]:
        old.retired_at = now
    made = token or addresses.new_token()
    db.session.add(
        CallbackToken(
            team_id=account.team_id,
            account_id=account.id,
            token_hash=addresses.token_hash(made),
            sealed_token=seal(key_ring(), account.team_id, account.id, TOKEN, made),
            created_at=now,
        )
    )
    db.session.flush()
    if valid:
        audit("gateway.address_made", "gateway_account", account.id)
    return made


# ---- settings ----------------------------------------------------------------------------------------


def set_disabled(account: GatewayAccount, *, disabled: bool) -> None:
    """Switch an account off or on. Off, nothing is sent through it and its balance is not asked."""
    if (account.disabled_at is not None) == disabled:
        return
    account.disabled_at = clock.now() if disabled else None
    db.session.flush()
    audit("gateway.disabled" if disabled else "gateway.enabled", "gateway_account", account.id)
    _tell_campaigns(account)


def change_behaviour(account: GatewayAccount, label: str, behaviour: Behaviour) -> None:
    """Change an account's name and what is known of its gateway. Raises DomainError."""
    times = settings_of(current_app).times
    least = times.lease + times.reaper + times.evidence + times.call_limit
    if behaviour.repeat_mode is RepeatMode.REPEAT and behaviour.dedup_seconds <= least:
        raise DomainError(
            _l(
                "With repeats, the gateway must de-duplicate for more than %(n)s seconds. "
                "Choose “ask” if it does not.",
                n=int(least),
            ),
            "dedup_seconds",
        )
    if behaviour.next_part > behaviour.first_part:
        raise DomainError(_l("A further part cannot be longer than the first one."), "next_part")
    account.label = label
    account.repeat_mode = behaviour.repeat_mode
    account.adds_signature = behaviour.adds_signature
    if behaviour.numbers_per_request < account.numbers_per_request:
        jobs.enqueue(SPLIT, account.team_id, once=str(account.id), account_id=account.id)
    account.numbers_per_request = behaviour.numbers_per_request
    account.text_limit = behaviour.text_limit
    account.first_part = behaviour.first_part
    account.next_part = behaviour.next_part
    account.in_flight = behaviour.in_flight
    account.dedup_seconds = behaviour.dedup_seconds
    db.session.flush()
    audit("gateway.changed", "gateway_account", account.id)


# ---- what the gateway said ---------------------------------------------------------------------------


def record_balance(
    account_id: int, version: int, verdict: BalanceVerdict, cause: BalanceCause
) -> BalanceReading:
    """Store what a balance call brought and move the account by it.

    `version` is the one that the call was made with: an answer to older credentials is kept, but says nothing
    about the account as it is now. The account must be there.
    """
    now = clock.now()
    account = _locked(account_id)
    before = queries.last_good_reading(account_id)
    reading = BalanceReading(
        team_id=account.team_id,
        account_id=account_id,
        id=new_id(),
        read_at=now,
        cause=cause,
        outcome=verdict.outcome,
        why=verdict.why,
        resp_code=verdict.resp_code,
        said=verdict.said,
        messages=verdict.messages,
    )
    db.session.add(reading)
    account.balance_asked_at = now
    if verdict.outcome is BalanceOutcome.OK:
        account.balance_wanted_at = None
    if account.version == version:
        state = after_balance(
            AccountState(account.state),
            verdict.outcome,
            cause,
            messages=verdict.messages,
            before=before.messages if before is not None else None,
        )
        _move(account, state, verdict.why, now)
        alerts.watch(account, reading, now)
    db.session.flush()
    return reading


def note_answer(
    account_id: int, verdict: Verdict, *, version: int | None = None, asked_at: datetime | None = None
) -> None:
    """Move the account by the answer to a send call.

    With `version` (of the credentials used) and `asked_at` (when the attempt began) given, an answer to
    older credentials, or a good one to a request from before the last change of state, changes nothing.
    """
    if verdict.account is AccountChange.UNCHANGED:
        return
    now = clock.now()
    account = _locked(account_id)
    if version is not None and version != account.version:
        return
    if verdict.account is AccountChange.FLAGGED:
        account.msgid_missing_at = now
    if verdict.limit is not None:
        account.numbers_per_request = min(account.numbers_per_request, verdict.limit)
    # A good answer, or one short of balance, says nothing of what a person or a top-up changed since.
    passing = verdict.account in {AccountChange.WELL, AccountChange.FLAGGED, AccountChange.OUT_OF_BALANCE}
    if not (passing and asked_at is not None and asked_at < account.state_at):
        _move(account, after_answer(AccountState(account.state), verdict.account), verdict.why, now)
    db.session.flush()
    if verdict.account is AccountChange.OUT_OF_BALANCE:
        # What is left now is what a later top-up is measured against.
        jobs.enqueue("gateway.check_balance", account.team_id, once=str(account_id), account_id=account_id)


def note_sends_rest(account_id: int) -> None:
    """Reports came for a request that was refused for one bad number: the others are sent to all the same."""
    account = _locked(account_id)
    if account.sends_rest_at is None:
        account.sends_rest_at = clock.now()
        db.session.flush()
        audit("gateway.sends_rest", "gateway_account", account_id)


def note_broken_promise(account_id: int, campaign_id: int, batch: int) -> None:
    """One number was reported delivered twice for one batch: what this gateway gets again, it sends again.

    From now on nothing is repeated by itself through this account.
    """
    account = _locked(account_id)
    if account.repeat_mode == RepeatMode.ASK and account.promise_broken_at is not None:
        return
    account.repeat_mode = RepeatMode.ASK
    account.promise_broken_at = clock.now()
    db.session.flush()
    audit(
        "gateway.promise_broken", "gateway_account", account_id, campaign=str(campaign_id), batch=batch
    )  # fmt: skip


def set_misconfigured(account_id: int) -> None:
    """The account cannot be used as it is (gateway no longer listed, key missing); it waits for a person."""
    account = _locked(account_id)
    _move(account, AccountState.MISCONFIGURED, None, clock.now())
    db.session.flush()


def want_balance(account_id: int) -> None:
    """Ask that the balance be read soon; many times is as good as once."""
    db.session.execute(
        update(GatewayAccount)
        .where(
            GatewayAccount.team_id == tenancy.scope(),
            GatewayAccount.id == account_id,
            GatewayAccount.balance_wanted_at.is_(None),
        )
        .values(balance_wanted_at=clock.now())
        .execution_options(synchronize_session=False)
    )


def _locked(account_id: int) -> GatewayAccount:
    return db.session.scalars(
        select(GatewayAccount)
        .where(GatewayAccount.team_id == tenancy.scope(), GatewayAccount.id == account_id)
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    ).one()


def _move(account: GatewayAccount, state: AccountState, why: str | None, now: datetime) -> None:
    """Bring the account to a state; where it becomes well, campaigns are told in the same transaction."""
    if account.state == state:
        return
    before, was_usable = account.state, account.usable
    account.state = state
    account.state_why = why
    account.state_at = now
    audit("gateway.state", "gateway_account", account.id, before=str(before), after=str(state), why=why)
    if state is AccountState.OK:
        account.state_why = None
    _tell_campaigns(account)
    if was_usable and not account.usable:
        jobs.enqueue("gateway.tell_owners", account.team_id, once=str(account.id), account_id=account.id)


def _tell_campaigns(account: GatewayAccount) -> None:
    """What waits for this account goes on, or what goes through it pauses."""
    job = WELL_AGAIN if account.usable else STOPPED
    jobs.enqueue(job, account.team_id, once=str(account.id), account_id=account.id)
