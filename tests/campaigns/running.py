"""Runs a sender in this process, and waits for what it does."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from flask import Flask

from tests.factories import Person
from webapp import tenancy
from webapp.campaigns import queries, recounting
from webapp.campaigns.models import Batch, Campaign
from webapp.campaigns.sender import Sender, wake


@contextmanager
def sender(app: Flask) -> Iterator[None]:
    """A sender's loop while the block runs; it ends with everything stored."""
    stop = threading.Event()
    thread = threading.Thread(target=Sender(app, stop).run)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        wake()
        thread.join(timeout=60)
        assert not thread.is_alive()


def campaign_of(app: Flask, person: Person, campaign_id: int) -> Campaign:
    """The campaign as it is now, detached."""
    with tenancy.team_scope(person.team_id, app) as session:
        campaign = queries.campaign(campaign_id)
        assert campaign is not None
        assert recounting.differences() == []
        session.expunge(campaign)
        return campaign


def batches_of(app: Flask, person: Person, campaign_id: int) -> list[Batch]:
    """Its batches by number, detached."""
    with tenancy.team_scope(person.team_id, app) as session:
        batches = list(
            session.query(Batch)
            .filter(Batch.team_id == person.team_id, Batch.campaign_id == campaign_id)
            .order_by(Batch.no)
        )
        session.expunge_all()
        return batches
