"""Campaigns and what they are made of; docs/sending.md tells how the rows change."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Boolean, Integer, LargeBinary, SmallInteger, Text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from webapp.campaigns.states import AtHoursEnd, CampaignState
from webapp.database import Base, TeamOwned, new_id


class Campaign(TeamOwned, Base):
    """One text to one audience through one gateway account, for its whole life."""

    __tablename__ = "campaign"

    id: Mapped[int] = mapped_column(primary_key=True, default=new_id)
    account_id: Mapped[int]
    kind: Mapped[str] = mapped_column(Text)
    state: Mapped[str] = mapped_column(Text, default=CampaignState.DRAFT)
    version: Mapped[int] = mapped_column(Integer, default=1)
    name: Mapped[str] = mapped_column(Text)
    body: Mapped[str] = mapped_column(Text)
    signature: Mapped[str] = mapped_column(Text, default="")
    content: Mapped[str] = mapped_column(Text, default="")
    parts: Mapped[int] = mapped_column(Integer, default=0)
    left_out: Mapped[dict[str, Any]] = mapped_column(JSONB, default=dict)
    confirm_key: Mapped[str | None] = mapped_column(Text)
    preview_hash: Mapped[str | None] = mapped_column(Text)
    created_by: Mapped[int | None]
    confirmed_by: Mapped[int | None]
    created_at: Mapped[datetime]
    confirmed_at: Mapped[datetime | None]
    begin_at: Mapped[datetime | None]
    planned_at: Mapped[datetime | None]
    started_at: Mapped[datetime | None]
    handed_over_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]
    paused_by_person: Mapped[str | None] = mapped_column(Text)
    paused_by_machine: Mapped[str | None] = mapped_column(Text)
    paused_at: Mapped[datetime | None]
    cursor_hash: Mapped[bytes | None] = mapped_column(LargeBinary)
    cursor_mobile: Mapped[str | None] = mapped_column(Text)
    cursor_copy: Mapped[int | None] = mapped_column(SmallInteger)
    next_batch: Mapped[int] = mapped_column(Integer, default=1)
    halvings: Mapped[int] = mapped_column(Integer, default=0)
    recipients: Mapped[int] = mapped_column(Integer, default=0)
    waiting: Mapped[int] = mapped_column(Integer, default=0)
    unconfirmed: Mapped[int] = mapped_column(Integer, default=0)
    no_report: Mapped[int] = mapped_column(Integer, default=0)
    delivered: Mapped[int] = mapped_column(Integer, default=0)
    failed: Mapped[int] = mapped_column(Integer, default=0)
    not_sent: Mapped[int] = mapped_column(Integer, default=0)
    last_report_at: Mapped[datetime | None]
    parts_total: Mapped[int] = mapped_column(default=0)
    parts_least: Mapped[int] = mapped_column(Integer, default=0)
    send_at: Mapped[datetime | None]
    start_by: Mapped[datetime | None]
    not_after: Mapped[datetime | None]
    at_hours_end: Mapped[str] = mapped_column(Text, default=AtHoursEnd.WAIT)
    resumed_at: Mapped[datetime | None]
    defaults: Mapped[dict[str, str]] = mapped_column(JSONB, default=dict)
    leave_out_long: Mapped[bool] = mapped_column(Boolean, default=False)
    draft_key: Mapped[str | None] = mapped_column(Text)
    saved_at: Mapped[datetime | None]
    saved_by: Mapped[int | None]
    prepared_version: Mapped[int | None] = mapped_column(Integer)
    stale_rows: Mapped[bool] = mapped_column(Boolean, default=False)
    test_of: Mapped[int | None]
    each_line: Mapped[bool] = mapped_column(Boolean, default=False)
    layout: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))


class DraftPaste(TeamOwned, Base):
    """The numbers of a draft as they were pasted; kept until nothing of it can be edited any more."""

    __tablename__ = "draft_paste"

    campaign_id: Mapped[int] = mapped_column(primary_key=True)
    numbers: Mapped[str] = mapped_column(Text)


class CampaignGroup(TeamOwned, Base):
    """A group that a campaign is for, or with `minus` one whose people are taken out of it again.

    `people`: how many were in it when the campaign was written.
    """

    __tablename__ = "campaign_group"

    campaign_id: Mapped[int] = mapped_column(primary_key=True)
    position: Mapped[int] = mapped_column(SmallInteger, primary_key=True)
    group_id: Mapped[int | None]
    group_name: Mapped[str] = mapped_column(Text)
    minus: Mapped[bool] = mapped_column(Boolean)
    people: Mapped[int] = mapped_column(default=0)


class Template(TeamOwned, Base):
    """A text that is kept to be used again."""

    __tablename__ = "template"

    id: Mapped[int] = mapped_column(primary_key=True, default=new_id)
    name: Mapped[str] = mapped_column(Text)
    body: Mapped[str] = mapped_column(Text, default="")
    kind: Mapped[str] = mapped_column(Text, default="notice")
    created_at: Mapped[datetime]
    created_by: Mapped[int | None]
    changed_at: Mapped[datetime]
    used_at: Mapped[datetime | None]
    archived_at: Mapped[datetime | None]


class CampaignText(TeamOwned, Base):
    """One of the texts that recipients of a campaign get, filled in and signed; `parts` is its weight."""

    __tablename__ = "campaign_text"

    campaign_id: Mapped[int] = mapped_column(primary_key=True)
    text_hash: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    content: Mapped[str] = mapped_column(Text)
    parts: Mapped[int] = mapped_column(Integer)


class CampaignMinute(TeamOwned, Base):
    """How the tallies of a campaign changed in one minute; only `tallies.py` writes it."""

    __tablename__ = "campaign_minute"

    campaign_id: Mapped[int] = mapped_column(primary_key=True)
    minute: Mapped[datetime] = mapped_column(primary_key=True)
    waiting: Mapped[int] = mapped_column(Integer, default=0)
    unconfirmed: Mapped[int] = mapped_column(Integer, default=0)
    no_report: Mapped[int] = mapped_column(Integer, default=0)
    delivered: Mapped[int] = mapped_column(Integer, default=0)
    failed: Mapped[int] = mapped_column(Integer, default=0)
    not_sent: Mapped[int] = mapped_column(Integer, default=0)


class RollupHour(TeamOwned, Base):
    """Messages handed over in one UTC hour, by account, operator and what is known of them now."""

    __tablename__ = "rollup_hour"

    hour: Mapped[datetime] = mapped_column(primary_key=True)
    account_id: Mapped[int] = mapped_column(primary_key=True)
    operator: Mapped[str] = mapped_column(Text, primary_key=True)
    outcome: Mapped[str] = mapped_column(Text, primary_key=True)
    messages: Mapped[int]
    parts: Mapped[int] = mapped_column(default=0)


class RollupReport(TeamOwned, Base):
    """Messages handed over in one UTC hour with an outcome by a report: its status word, how long it took."""

    __tablename__ = "rollup_report"

    hour: Mapped[datetime] = mapped_column(primary_key=True)
    account_id: Mapped[int] = mapped_column(primary_key=True)
    outcome: Mapped[str] = mapped_column(Text, primary_key=True)
    status: Mapped[str] = mapped_column(Text, primary_key=True)
    step: Mapped[int] = mapped_column(SmallInteger, primary_key=True)
    messages: Mapped[int]


class Audience(TeamOwned, Base):
    """One number that a draft or a campaign being planned is for."""

    __tablename__ = "audience"

    campaign_id: Mapped[int] = mapped_column(primary_key=True)
    text_hash: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    mobile: Mapped[str] = mapped_column(Text, primary_key=True)
    copy: Mapped[int] = mapped_column(SmallInteger, primary_key=True, default=0)
    variables: Mapped[dict[str, Any] | None] = mapped_column(JSONB)


class Message(TeamOwned, Base):
    """One number of a campaign. What became of it is its own outcome, else the state of its batch."""

    __tablename__ = "message"

    campaign_id: Mapped[int] = mapped_column(primary_key=True)
    mobile: Mapped[str] = mapped_column(Text, primary_key=True)
    copy: Mapped[int] = mapped_column(SmallInteger, primary_key=True, default=0)
    batch_no: Mapped[int] = mapped_column(Integer)
    outcome: Mapped[str | None] = mapped_column(Text)
    rank: Mapped[int] = mapped_column(SmallInteger, default=0)
    status: Mapped[str | None] = mapped_column(Text)
    reported_at: Mapped[datetime | None]
    variables: Mapped[dict[str, Any] | None] = mapped_column(JSONB)


class Batch(TeamOwned, Base):
    """The numbers of one request, frozen in their order from its first attempt on."""

    __tablename__ = "batch"

    campaign_id: Mapped[int] = mapped_column(primary_key=True)
    no: Mapped[int] = mapped_column(Integer, primary_key=True)
    account_id: Mapped[int] = mapped_column(BigInteger)
    state: Mapped[str] = mapped_column(Text)
    content: Mapped[str] = mapped_column(Text)
    mobiles: Mapped[list[str]] = mapped_column(ARRAY(Text))
    size: Mapped[int] = mapped_column(Integer)
    digest: Mapped[bytes | None] = mapped_column(LargeBinary)
    account_fingerprint: Mapped[bytes | None] = mapped_column(LargeBinary)
    attempts: Mapped[int] = mapped_column(Integer, default=0)
    repeats: Mapped[int] = mapped_column(SmallInteger, default=0)
    open: Mapped[int] = mapped_column(Integer)
    lease_until: Mapped[datetime | None]
    wake_at: Mapped[datetime | None]
    first_unknown_at: Mapped[datetime | None]
    parent: Mapped[int | None] = mapped_column(Integer)
    why: Mapped[str | None] = mapped_column(Text)
    handed_at: Mapped[datetime | None]
    again: Mapped[bool] = mapped_column(Boolean, default=False)
    decided_by: Mapped[int | None]
    decided_at: Mapped[datetime | None]
    parts: Mapped[int] = mapped_column(Integer, default=0)


class Attempt(TeamOwned, Base):
    """One call of the gateway: written before the call, closed by its answer or by the reaper."""

    __tablename__ = "attempt"

    campaign_id: Mapped[int] = mapped_column(primary_key=True)
    batch_no: Mapped[int] = mapped_column(Integer, primary_key=True)
    n: Mapped[int] = mapped_column(Integer, primary_key=True)
    account_id: Mapped[int] = mapped_column(BigInteger)
    started_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]
    outcome: Mapped[str | None] = mapped_column(Text)
    why: Mapped[str | None] = mapped_column(Text)
    http_status: Mapped[int | None] = mapped_column(Integer)
    resp_code: Mapped[int | None] = mapped_column(Integer)
    msgid: Mapped[str | None] = mapped_column(Text)
    answer: Mapped[bytes | None] = mapped_column(LargeBinary)


class GatewayMessage(TeamOwned, Base):
    """A msgid by which reports name a batch; a batch may have several."""

    __tablename__ = "gateway_message"

    account_id: Mapped[int] = mapped_column(primary_key=True)
    msgid: Mapped[str] = mapped_column(Text, primary_key=True)
    campaign_id: Mapped[int] = mapped_column(primary_key=True)
    batch_no: Mapped[int] = mapped_column(Integer, primary_key=True)
    attempt: Mapped[int | None] = mapped_column(Integer)
    source: Mapped[str] = mapped_column(Text)
    noted_at: Mapped[datetime]
