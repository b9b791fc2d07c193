"""One small campaign after the other, and what a person does to each at a random moment.

A round notes what was done and when it was committed; the tests hold that against the ledger and the rows.
"""

from __future__ import annotations

import dataclasses
import random
import secrets
import time
from collections.abc import Callable
from datetime import datetime
from hashlib import sha256
from typing import TypeVar

from flask import Flask

from tests.conftest import Database
from tests.factories import Person, confirm, numbers
from tests.practice.fixture import wait_until
from webapp import clock, tenancy
from webapp.campaigns import drafts, editing, operations, stopping
from webapp.campaigns.models import Campaign
from webapp.campaigns.sender import wake
from webapp.contacts import optouts
from webapp.errors import DomainError

PEOPLE = 12
FIRST = 13_300_000_000
# How long after the point that a round waits for a person acts, at most.
LATER = 0.02
T = TypeVar("T")
OVER = ("waiting_for_reports", "finished", "stopped")


@dataclasses.dataclass
class Round:
    """What was done in one round. Times are those after the commit; None where it was not done."""

    number: int
    campaign_id: int
    people: list[str]
    body: str
    what: str
    phase: str = ""
    stopped_at: datetime | None = None
    reopened_at: datetime | None = None
    opted_out_at: datetime | None = None
    opted_out: list[str] = dataclasses.field(default_factory=list)
    # Of the version that was taken back: its text and those who are not in the next one.
    old_content: str = ""
    old_people: list[str] = dataclasses.field(default_factory=list)

    @property
    def content(self) -> str:
        """What the ledger calls the text that may go out."""
        return content_of(self.body)


def content_of(body: str) -> str:
    """The ledger's name of a text, signed."""
    return sha256(f"【Shop】{body}".encode()).hexdigest()


def play(app: Flask, database: Database, person: Person, account: int, number: int, seed: int) -> Round:
    """One round: confirm, wait for the moment, act."""
    chance = random.Random(seed * 1000 + number)
    played = Round(
        number=number,
        campaign_id=0,
        people=numbers(PEOPLE, FIRST + 100 * number),
        body=f"Round {number}",
        what=("stop", "reopen", "opt out", "opt out and stop")[number % 4],
    )
    played.campaign_id = confirm(app, person, account, played.people, played.body)
    wake()
    # Most edits come before the first request; the others must be refused.
    if chance.random() < (0.8 if played.what == "reopen" else 0.4):
        wait_for_rows(database, "message", played, chance.choice((0, 0, 3, PEOPLE)))
    else:
        wait_for_rows(database, "attempt", played, chance.choice((1, 1, 2, 3)))
    time.sleep(chance.uniform(0, LATER))
    played.phase = in_request(app, person, lambda: phase_of(played.campaign_id))
    if played.what.startswith("opt out"):
        opt_out(app, person, played, chance)
    if played.what.endswith("stop"):
        stop(app, person, played)
    if played.what == "reopen":
        reopen(app, person, played)
    return played


def wait_for_rows(database: Database, table: str, played: Round, least: int) -> None:
    """Until so many rows of the campaign are committed."""
    asked = f"SELECT count(*) FROM {table} WHERE campaign_id = %s"
    with database.owner() as connection:

        def there() -> bool:
            row = connection.execute(asked.encode(), [played.campaign_id]).fetchone()
            return row is not None and row[0] >= least

        wait_until(there, 30)


def in_request(app: Flask, person: Person, act: Callable[[], T]) -> T:
    """Do something as a page of this team does, and commit."""
    with app.test_request_context(), tenancy.team_scope(person.team_id, app) as session:
        done = act()
        session.commit()
        return done


def phase_of(campaign_id: int) -> str:
    """The campaign's state as a person might see it; "sending" only while something is left to send."""
    campaign = tenancy.session().get_one(Campaign, (tenancy.scope(), campaign_id))
    if campaign.state == "sending" and campaign.waiting == 0:
        return "over"
    return "over" if campaign.state in OVER else campaign.state


def opt_out(app: Flask, person: Person, played: Round, chance: random.Random) -> None:
    played.opted_out = chance.sample(played.people, chance.choice((1, 3, PEOPLE)))
    in_request(app, person, lambda: optouts.opt_out(played.opted_out, "hand", person.user_id, clock.now()))
    played.opted_out_at = clock.now()


def stop(app: Flask, person: Person, played: Round) -> None:
    in_request(app, person, lambda: stopping.stop_campaign(played.campaign_id))
    played.stopped_at = clock.now()


def reopen(app: Flask, person: Person, played: Round) -> None:
    """Back to editing, another text for fewer people, and confirmed anew; nothing where it has begun."""
    try:
        in_request(app, person, lambda: editing.reopen(played.campaign_id))
    except DomainError:
        return
    played.reopened_at = clock.now()
    played.old_content, played.old_people = played.content, played.people[: PEOPLE // 2]
    played.people = played.people[PEOPLE // 2 :]
    played.body += ", mended"
    in_request(app, person, lambda: confirm_anew(person, played))
    wake()


def confirm_anew(person: Person, played: Round) -> None:
    session = tenancy.session()
    campaign = session.get_one(Campaign, (tenancy.scope(), played.campaign_id))
    written = dataclasses.replace(
        drafts.written_of(campaign), numbers="\n".join(played.people), body=played.body
    )
    draft = drafts.save_draft(written, person.user_id, campaign_id=campaign.id, version=campaign.version)
    drafts.prepare(draft)
    operations.confirm_campaign(
        draft.id, secrets.token_hex(8), drafts.preview(draft).digest, person.user_id, 0
    )
