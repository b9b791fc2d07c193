"""Campaigns with a time, for the tests of schedule and editing."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import Any, TypeVar

from flask import Flask

from tests.factories import Person
from webapp import tenancy
from webapp.accounts.models import AuditEntry
from webapp.campaigns import drafts, operations, planning

Answer = TypeVar("Answer")
MARKETING: dict[str, Any] = {"kind": "marketing", "body": "New tea, 拒收请回复R"}


def confirmed(
    app: Flask, person: Person, account: int, mobiles: list[str], *, plan: bool = True, **more: Any
) -> int:
    """A confirmed campaign without a delay; `more` is of `drafts.Written` (send_at, kind, body …)."""
    body = more.pop("body", "Hello")
    with tenancy.team_scope(person.team_id, app) as session:
        draft = drafts.draft_campaign(account, "\n".join(mobiles), body, "Shop", person.user_id, **more)
        seen = drafts.preview(draft).digest
        operations.confirm_campaign(draft.id, secrets.token_hex(8), seen, person.user_id, 0)
        campaign_id = draft.id
        session.commit()
    if plan:
        plan_all(app, person)
    return campaign_id


def plan_all(app: Flask, person: Person) -> None:
    """Plan whatever is to be planned, to its end."""
    with tenancy.team_scope(person.team_id, app) as session:
        for campaign_id in planning.campaigns_to_plan():
            while planning.plan_chunk(campaign_id):
                session.commit()
            session.commit()


def did(app: Flask, person: Person, act: Callable[[], Answer]) -> Answer:
    """What an operation answers, committed as its door would."""
    with app.test_request_context(), tenancy.team_scope(person.team_id, app) as session:
        answer = act()
        session.commit()
        return answer


def told(app: Flask, person: Person, action: str) -> list[dict[str, Any]]:
    """The details of a team's log entries of one action, oldest first."""
    with tenancy.team_scope(person.team_id, app) as session:
        rows = session.query(AuditEntry).filter_by(team_id=person.team_id, action=action)
        return [row.details for row in rows.order_by(AuditEntry.id)]
