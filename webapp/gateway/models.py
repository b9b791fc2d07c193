"""Gateway accounts and what hangs on them; `operations` writes them, `credentials` opens what is sealed."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy import Boolean, Integer, LargeBinary, Text
from sqlalchemy.orm import Mapped, mapped_column

from webapp.database import Base, TeamOwned, new_id


class AccountState(StrEnum):
    """How an account stands with its gateway. Whether it is switched off is `disabled_at`, a thing apart."""

    UNTESTED = "untested"
    OK = "ok"
    BROKEN = "broken"
    FROZEN = "frozen"
    OUT_OF_BALANCE = "out_of_balance"
    MISCONFIGURED = "misconfigured"


class RepeatMode(StrEnum):
    """What happens after an answer that never came: repeat (the gateway de-duplicates), or ask a person."""

    REPEAT = "repeat"
    ASK = "ask"


class BalanceCause(StrEnum):
    """Why a balance was asked for."""

    TEST = "test"
    PERIODIC = "periodic"
    MANUAL = "manual"
    CAMPAIGN = "campaign"


class GatewayAccount(TeamOwned, Base):
    """A team's account at a gateway. The reports' receiver moves `last_heard_at`."""

    __tablename__ = "gateway_account"

    id: Mapped[int] = mapped_column(primary_key=True, default=new_id)
    label: Mapped[str] = mapped_column(Text)
    gateway: Mapped[str] = mapped_column(Text)
    practice: Mapped[bool] = mapped_column(Boolean, default=False)
    sealed_uid: Mapped[bytes] = mapped_column(LargeBinary)
    sealed_pwd: Mapped[bytes] = mapped_column(LargeBinary)
    set_at: Mapped[datetime]
    set_by: Mapped[int | None]
    fingerprint: Mapped[bytes] = mapped_column(LargeBinary)
    version: Mapped[int] = mapped_column(Integer, default=1)
    state: Mapped[str] = mapped_column(Text, default=AccountState.UNTESTED)
    state_why: Mapped[str | None] = mapped_column(Text)
    state_at: Mapped[datetime]
    repeat_mode: Mapped[str] = mapped_column(Text, default=RepeatMode.REPEAT)
    numbers_per_request: Mapped[int] = mapped_column(Integer, default=5000)
    text_limit: Mapped[int] = mapped_column(Integer, default=268)
    first_part: Mapped[int] = mapped_column(Integer, default=70)
    next_part: Mapped[int] = mapped_column(Integer, default=67)
    adds_signature: Mapped[bool] = mapped_column(Boolean, default=False)
    in_flight: Mapped[int] = mapped_column(Integer, default=4)
    dedup_seconds: Mapped[int] = mapped_column(Integer, default=900)
    no_report_seconds: Mapped[int] = mapped_column(Integer, default=600)
    report_expired_seconds: Mapped[int] = mapped_column(Integer, default=259_200)
    troubles: Mapped[int] = mapped_column(Integer, default=0)
    quiet_until: Mapped[datetime | None]
    msgid_missing_at: Mapped[datetime | None]
    balance_asked_at: Mapped[datetime | None]
    balance_wanted_at: Mapped[datetime | None]
    disabled_at: Mapped[datetime | None]
    last_heard_at: Mapped[datetime | None]
    promise_broken_at: Mapped[datetime | None]
    sends_rest_at: Mapped[datetime | None]
    alert_below: Mapped[int | None]
    alerted_at: Mapped[datetime | None]
    created_at: Mapped[datetime]

    @property
    def usable(self) -> bool:
        """Whether campaigns may be sent through it now."""
        return self.disabled_at is None and self.state in {AccountState.UNTESTED, AccountState.OK}


class CallbackToken(TeamOwned, Base):
    """The secret part of a callback address. The receiver looks it up by its hash."""

    __tablename__ = "callback_token"

    account_id: Mapped[int] = mapped_column(primary_key=True)
    token_hash: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    sealed_token: Mapped[bytes] = mapped_column(LargeBinary)
    created_at: Mapped[datetime]
    retired_at: Mapped[datetime | None]


class BalanceReading(TeamOwned, Base):
    """One balance call and what it brought; only ever added."""

    __tablename__ = "balance_reading"

    account_id: Mapped[int] = mapped_column(primary_key=True)
    id: Mapped[int] = mapped_column(primary_key=True, default=new_id)
    read_at: Mapped[datetime]
    cause: Mapped[str] = mapped_column(Text)
    outcome: Mapped[str] = mapped_column(Text)
    why: Mapped[str] = mapped_column(Text)
    resp_code: Mapped[int | None] = mapped_column(Integer)
    said: Mapped[str] = mapped_column(Text, default="")
    messages: Mapped[int | None]
