"""What tests of the pages before a campaign is on its way share: a browser, the form, what it answered."""

from __future__ import annotations

import re
from html import unescape

from flask import Flask
from werkzeug.test import TestResponse

from tests.factories import Person
from webapp import clock, tenancy
from webapp.accounts.models import AuditEntry
from webapp.campaigns import drafts
from webapp.campaigns.drafts import Written
from webapp.campaigns.models import Campaign
from webapp.database import new_id
from webapp.gateway.models import BalanceReading

HTMX = {"HX-Request": "true"}
A, B, C = "13800138000", "13800138001", "13800138002"


def said(answer: TestResponse) -> str:
    """The page's text, as people read it."""
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", answer.text)).split())


def carried(answer: TestResponse, name: str) -> str:
    """The value of a hidden field."""
    found = re.search(rf'name="{name}"[^>]*?value="([^"]*)"', answer.text) or re.search(
        rf'value="([^"]*)"[^>]*name="{name}"', answer.text
    )
    assert found is not None, f"no {name} in the answer"
    return found[1]


def written(account: int, **more: str) -> dict[str, str]:
    """The fields of the compose form, complete."""
    fields = {
        "account": str(account), "numbers": f"{A}\n{B}", "body": "The shop opens at nine.",
        "signature": "Shop", "kind": "notice", "when": "now", "at_hours_end": "wait",
    }  # fmt: skip
    return fields | more


def place_of(answer: TestResponse) -> str:
    """The address of the draft that an answer leads to, without what is done there."""
    where = answer.headers.get("HX-Replace-Url") or answer.location or ""
    found = re.match(r".*/campaigns/\d+", where)
    assert found is not None, f"{answer.status_code} leads to {where!r}"
    return found[0]


def id_of(place: str) -> int:
    """The id in an address."""
    return int(place.rsplit("/", 1)[1])


def campaigns(app: Flask, person: Person) -> list[Campaign]:
    """The team's campaigns, the oldest first, detached."""
    with tenancy.team_scope(person.team_id, app) as session:
        found = session.query(Campaign).filter_by(team_id=person.team_id).order_by(Campaign.id).all()
        session.expunge_all()
        return found


def kept(app: Flask, person: Person, place: str) -> Written:
    """What stands in a draft."""
    with tenancy.team_scope(person.team_id, app) as session, app.test_request_context():
        tenancy.open_scope(person.team_id)
        return drafts.written_of(session.get_one(Campaign, (person.team_id, id_of(place))))


def actions(app: Flask, person: Person) -> list[str]:
    """What the team's log says was done, in order."""
    with tenancy.team_scope(person.team_id, app) as session:
        rows = session.query(AuditEntry).filter_by(team_id=person.team_id).order_by(AuditEntry.id)
        return [row.action for row in rows]


def has_left(app: Flask, person: Person, account: int, messages: int) -> None:
    """Let the gateway have said that so many messages are left."""
    with tenancy.team_scope(person.team_id, app) as session:
        session.add(
            BalanceReading(
                team_id=person.team_id, account_id=account, id=new_id(), read_at=clock.now(), cause="manual",
                outcome="ok", why="ok", said=str(messages), messages=messages,
            )
        )  # fmt: skip
        session.commit()
