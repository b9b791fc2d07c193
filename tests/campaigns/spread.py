"""A campaign with somebody in every state that a recipient can be in, and a look at its pages."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import timedelta
from html import unescape

from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.campaigns.timing import confirmed
from tests.conftest import Database
from tests.factories import Person, numbers
from webapp import clock, tenancy
from webapp.campaigns import recounting, rollups, tallies
from webapp.campaigns.models import Batch
from webapp.campaigns.rollups import BatchMove
from webapp.contacts.optouts import opt_out
from webapp.delivery import settling

A_REQUEST = 10
STATES = ("accepted", "accepted", "rejected", "hold", "planned", "stopped", "inflight")
PART = {"HX-Request": "true"}
FIRST = 13_700_000_000


def smaller_requests(database: Database, size: int = A_REQUEST) -> None:
    """Let each request carry few numbers only."""
    with database.owner() as owner:
        owner.execute("UPDATE gateway_account SET numbers_per_request = %s", [size])


def planned(app: Flask, person: Person, account: int, count: int) -> int:
    """A confirmed campaign whose recipients are in batches; the first number opts out meanwhile."""
    campaign_id = confirmed(app, person, account, numbers(count, FIRST), plan=False)
    with app.test_request_context(), tenancy.team_scope(person.team_id, app) as session:
        opt_out([str(FIRST)], "hand", person.user_id, clock.now())
        session.commit()
    plan(app, person, campaign_id)
    return campaign_id


def plan(app: Flask, person: Person, campaign_id: int) -> None:
    """Put all recipients into batches."""
    from webapp.campaigns import planning

    with tenancy.team_scope(person.team_id, app) as session:
        while planning.plan_chunk(campaign_id):
            session.commit()
        session.commit()


def bring_to(app: Flask, person: Person, campaign_id: int, states: Sequence[str]) -> None:
    """Bring the batches, in their order, to these states; the tallies go with them."""
    now = clock.now()
    with tenancy.team_scope(person.team_id, app) as session:
        batches = list(
            session.query(Batch)
            .filter(Batch.team_id == person.team_id, Batch.campaign_id == campaign_id)
            .order_by(Batch.no)
        )
        moves = []
        for batch, state in zip(batches, states, strict=False):
            before = tallies.tally_of(batch.state, batch.first_unknown_at is not None)
            batch.state = state
            batch.lease_until = now + timedelta(minutes=4) if state == "inflight" else None
            if state == "hold":
                batch.first_unknown_at = now
            moves.append(BatchMove(campaign_id, batch.no, before, tallies.tally_of(state, state == "hold")))
        session.flush()
        for move, batch in zip(moves, batches, strict=False):
            tallies.move(campaign_id, tallies.moved([(move.before, move.after, batch.open)]))
        rollups.move_batches(moves, now)
        session.commit()


def spread_out(app: Flask, database: Database, person: Person, account: int) -> int:
    """A campaign of 71: one opted out, and ten in each of STATES, of whom some have reports."""
    smaller_requests(database)
    campaign_id = planned(app, person, account, 1 + A_REQUEST * len(STATES))
    bring_to(app, person, campaign_id, STATES)
    report(app, database, person, account, campaign_id, 1, ["DELIVRD"] * 4 + ["UNDELIV"] * 2 + ["XYZ:9"])
    with tenancy.team_scope(person.team_id, app):
        assert recounting.differences() == []
    return campaign_id


def report(
    app: Flask,
    database: Database,
    person: Person,
    account: int,
    campaign_id: int,
    no: int,
    words: Sequence[str],
    first: int = 0,
) -> None:
    """Let reports come for numbers of a batch, from the one at place `first` on, and settle them."""
    now, msgid = clock.now(), f"{campaign_id}-{no}"
    with database.owner() as owner:
        owner.execute(
            "INSERT INTO gateway_message (team_id, account_id, msgid, campaign_id, batch_no, source, "
            "noted_at) VALUES (%s, %s, %s, %s, %s, 'answer', %s) ON CONFLICT DO NOTHING",
            [person.team_id, account, msgid, campaign_id, no, now],
        )
        row = owner.execute(
            "SELECT mobiles FROM batch WHERE campaign_id = %s AND no = %s", [campaign_id, no]
        ).fetchone()
        assert row is not None
        for mobile, word in zip(row[0][first:], words, strict=False):
            owner.execute(
                "INSERT INTO report_inbox (team_id, account_id, received_at, msgid, mobile, status, "
                "time_text, reported_at) VALUES (%s, %s, %s, %s, %s, %s, '1770000000', %s)",
                [person.team_id, account, now, msgid, mobile, word, now],
            )
    with tenancy.team_scope(person.team_id, app) as session:
        settling.settle(person.team_id)
        session.commit()


def said(answer: TestResponse) -> str:
    """The page's text, as people read it."""
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", answer.text)).split())


def rows(answer: TestResponse) -> list[tuple[str, str]]:
    """The table of recipients: each number as it is shown, and its status."""
    body = answer.text[answer.text.index('id="recipients"') :].split("<tbody>")[1].split("</tbody>")[0]
    found = []
    for row in body.split("<tr>")[1:]:
        cells = [" ".join(unescape(re.sub(r"<[^>]+>", " ", cell)).split()) for cell in row.split("<td")]
        found.append((cells[0], cells[2].partition(">")[2].strip()))
    return found


def link(answer: TestResponse, label: str) -> str | None:
    """Where a link with these words leads."""
    for address, words in re.findall(r'<a\b[^>]*?\bhref="([^"]*)"[^>]*>(.*?)</a>', answer.text, re.DOTALL):
        if " ".join(re.sub(r"<[^>]+>", " ", unescape(words)).split()).startswith(label):
            return unescape(address).partition("#")[0]
    return None


def pages_from(browser: FlaskClient, url: str, label: str = "Next page") -> list[TestResponse]:
    """The page at `url` and all that its links with these words lead to, one after the other."""
    found, following = [], url
    while following:
        found.append(browser.get(following))
        assert found[-1].status_code == 200
        following = link(found[-1], label) or ""
        assert len(found) < 50, "the pages go round"
    return found
