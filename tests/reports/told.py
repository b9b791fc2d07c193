"""Campaigns that were sent at chosen moments, by the program's own operations and without a network; and what
counting their messages one by one gives."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from flask import Flask

from tests.conftest import Database
from tests.factories import Person
from webapp import tenancy
from webapp.campaigns.models import Campaign
from webapp.campaigns.written import Written
from webapp.demo.acting import LOST, Stage, crowd, refused
from webapp.reports.periods import Period


@dataclass(frozen=True)
class Handed:
    """A message that was handed over, as its rows say."""

    at: datetime
    operator: str
    outcome: str
    status: str | None
    took: float | None
    parts: int

    @property
    def hour(self) -> datetime:
        return self.at.replace(minute=0, second=0, microsecond=0)


def send(
    app: Flask,
    person: Person,
    account: int,
    at: datetime,
    people: int,
    *,
    seed: int = 0,
    kind: str = "notice",
) -> int:
    """Hand a campaign over at that moment: most is taken and reported on, some is refused or unclear."""
    chance = random.Random(seed)
    with app.test_request_context(), tenancy.team_scope(person.team_id, app) as session:
        stage = Stage.of(person.user_id)
        written = Written(
            account,
            "\n".join(crowd(people, 1_000_000 + 1000 * seed)),
            "x" * (60 + seed % 3 * 30),
            "Shop",
            kind,
        )
        campaign = stage.confirm(written, at, 0)
        stage.plan(campaign, at)
        # A refusal pauses the campaign, so what is left after it waits.
        for batches, exchange in ((1, LOST), (5, None), (1, refused(3, "no"))):
            stage.send(campaign, at + timedelta(seconds=1), batches, exchange)
        for share in (0.4, 0.9):
            later = at + timedelta(seconds=chance.choice((5, 70, 2000, 50_000)))
            stage.report(campaign, later, share, failed=0.2, since=at)
        session.commit()
        return campaign.id


def move_to(database: Database, begin: datetime, to: datetime) -> None:
    """Let all that was told from `begin` on have begun at `to`; both are at the same minute of an hour."""
    shift = to - begin
    with database.owner() as owner:
        for statement in (
            "UPDATE batch SET handed_at = handed_at + %(by)s",
            "UPDATE message SET reported_at = reported_at + %(by)s",
            "UPDATE campaign SET started_at = started_at + %(by)s, handed_over_at = handed_over_at + %(by)s",
            "UPDATE rollup_hour SET hour = hour + %(by)s",
            "UPDATE rollup_report SET hour = hour + %(by)s",
        ):
            owner.execute(statement, {"by": shift})


def campaign_of(app: Flask, person: Person, campaign_id: int) -> Campaign:
    """A campaign's row."""
    with tenancy.team_scope(person.team_id, app) as session:
        found = session.get_one(Campaign, (person.team_id, campaign_id))
        session.expunge(found)
    return found


def handed(database: Database, person: Person) -> list[Handed]:
    """Every message of a team that was handed over."""
    with database.owner() as owner:
        rows = owner.execute(
            "SELECT batch.handed_at, batch.state, batch.parts, operator_of(message.mobile), message.outcome, "
            "message.status, message.reported_at FROM message JOIN batch ON batch.team_id = message.team_id "
            "AND batch.campaign_id = message.campaign_id AND batch.no = message.batch_no "
            "WHERE message.team_id = %s AND batch.handed_at IS NOT NULL",
            [person.team_id],
        ).fetchall()
    known = {"accepted": "no_report", "rejected": "failed"}
    return [
        Handed(
            at,
            operator,
            {"other": "no_report", None: known.get(state, "unconfirmed")}.get(outcome, outcome),
            status,
            None if reported_at is None else (reported_at - at).total_seconds(),
            parts,
        )
        for at, state, parts, operator, outcome, status, reported_at in rows
    ]


def within(messages: Sequence[Handed], period: Period) -> list[Handed]:
    """Those of a period: an hour belongs to the day on which it begins in its zone."""
    return [
        one
        for one in messages
        if period.first <= one.hour.astimezone(period.zone).date() <= period.last
    ]  # fmt: skip
