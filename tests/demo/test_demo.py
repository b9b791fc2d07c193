"""The demonstration: campaigns in every state in which one can stay, by the program's own operations."""

from __future__ import annotations

from flask import Flask
from sqlalchemy import select

from tests.practice.fixture import PracticeGateway
from webapp import tenancy
from webapp.accounts import queries as people
from webapp.campaigns import queries, recounting
from webapp.campaigns.models import Campaign
from webapp.demo import EMAIL, seeding

STAYING = {
    "draft", "scheduled", "missed", "paused", "stopped", "needs_attention", "waiting_for_reports", "finished",
}  # fmt: skip


def test_every_state_is_shown_and_all_adds_up(app: Flask, practice: PracticeGateway) -> None:
    address = seeding.seed(app)
    with app.app_context():
        person = people.user_by_email(EMAIL)
        assert person is not None
        (membership,) = people.memberships(person.id)
    assert membership.team.address == address
    with tenancy.team_scope(membership.team.id, app) as session:
        campaigns = session.scalars(select(Campaign).where(Campaign.team_id == membership.team.id))
        shown = {campaign.name: str(queries.status_of(campaign)) for campaign in campaigns}
        assert recounting.differences() == []
    assert set(shown.values()) == STAYING


def test_a_second_time_changes_nothing(app: Flask, practice: PracticeGateway) -> None:
    assert seeding.seed(app) == seeding.seed(app)
