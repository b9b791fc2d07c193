"""Lays out an audience of any shape, as a confirmed campaign that waits to be planned."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Any

from flask import Flask
from sqlalchemy import insert

from tests.factories import Person
from webapp import clock, tenancy
from webapp.campaigns import tallies
from webapp.campaigns.models import Audience, Campaign, CampaignText, Message
from webapp.campaigns.planning import plan_chunk
from webapp.campaigns.states import CampaignState
from webapp.contacts import optouts
from webapp.database import new_id

Recipient = tuple[str, str, int]


def lay_out(app: Flask, person: Person, account: int, recipients: Iterable[Recipient], **values: Any) -> int:
    """A campaign of (text, number, copy); `values` are columns of it."""
    audience = list(recipients)
    campaign_id = new_id()
    with tenancy.team_scope(person.team_id, app) as session:
        campaign = Campaign(
            team_id=person.team_id, id=campaign_id, account_id=account, name="Laid out", body="x",
            signature="Shop", content="x", state=CampaignState.PLANNING, created_at=clock.now(),
            begin_at=clock.now(), confirmed_at=clock.now(), **{"kind": "notice", **values},
        )  # fmt: skip
        session.add(campaign)
        session.flush()
        tallies.begin(campaign, len(audience))
        own = {"team_id": person.team_id, "campaign_id": campaign_id}
        texts = sorted({text for text, _mobile, _copy in audience})
        session.execute(
            insert(CampaignText),
            [{**own, "text_hash": hash_of(text), "content": text, "parts": 1} for text in texts],
        )
        session.execute(
            insert(Audience),
            [
                {**own, "text_hash": hash_of(text), "mobile": mobile, "copy": copy}
                for text, mobile, copy in audience
            ],
        )
        session.commit()
    return campaign_id


def hash_of(text: str) -> bytes:
    """The hash that a text is known by."""
    return hashlib.sha256(text.encode()).digest()


def plan_slices(app: Flask, person: Person, campaign_id: int, most: int = 1000) -> int:
    """Plan up to so many slices, each in a session of its own as after a restart; returns how many."""
    for done in range(most):
        with tenancy.team_scope(person.team_id, app) as session:
            more = plan_chunk(campaign_id)
            session.commit()
        if not more:
            return done + 1
    return most


def messages_of(app: Flask, person: Person, campaign_id: int) -> list[Message]:
    """Its messages by number and copy, detached."""
    with tenancy.team_scope(person.team_id, app) as session:
        rows = session.query(Message).filter_by(team_id=person.team_id, campaign_id=campaign_id)
        found = rows.order_by(Message.mobile, Message.copy).all()
        session.expunge_all()
        return found


def opt_out(app: Flask, person: Person, mobiles: list[str]) -> None:
    """These people want nothing any more."""
    with tenancy.team_scope(person.team_id, app) as session:
        optouts.opt_out(mobiles, "hand", person.user_id, clock.now())
        session.commit()
