"""The time left of a campaign that nothing moved of yet, and what is said while the gateway is silent."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from flask import Flask

from tests.campaigns.test_repeats import set_account
from tests.factories import Person
from webapp import tenancy
from webapp.campaigns import progress
from webapp.campaigns.models import Campaign, CampaignMinute
from webapp.campaigns.states import Kind

NOW = datetime(2030, 5, 6, 4, 5, 30, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def sending(app: Flask, person: Person, account: int, number: int, waiting: int, gone: int) -> None:
    """A campaign that has been sending for two minutes and a half, evenly; or one that begins now."""
    begun = NOW - 2.5 * MINUTE if gone else NOW
    with tenancy.team_scope(person.team_id, app) as session:
        session.add(
            Campaign(
                team_id=person.team_id, id=number, account_id=account, kind=Kind.NOTICE, state="sending",
                name="x", body="x", created_at=begun, confirmed_at=begun, started_at=begun,
                recipients=waiting + gone, no_report=gone, waiting=waiting,
            )
        )  # fmt: skip
        session.flush()
        if gone:
            minute = begun.replace(second=0)
            session.add(
                CampaignMinute(
                    team_id=person.team_id, campaign_id=number, minute=minute, no_report=gone, waiting=-gone
                )
            )
        session.commit()


def sentence(app: Flask, person: Person, number: int) -> str:
    with app.test_request_context(), tenancy.team_scope(person.team_id, app) as session:
        return progress.progress_of(session.get_one(Campaign, (person.team_id, number)), NOW).sentence


@pytest.mark.parametrize(
    ("waiting", "left"),
    [(1000, "about 3 minutes left"), (100_000, "about 201 minutes left")],
    ids=["small", "large"],
)
def test_what_moves_of_the_others_tells_when_its_turn_is_over(
    app: Flask, alice: Person, account: int, waiting: int, left: str
) -> None:
    """1,000 a minute: as much of a large one goes beside it as it has itself, of a smaller one all."""
    sending(app, alice, account, 1, waiting=1_000_000, gone=2000)
    sending(app, alice, account, 2, waiting=500, gone=500)
    sending(app, alice, account, 3, waiting=waiting, gone=0)
    said = sentence(app, alice, 3)
    assert "Its account hands over 1,000 per minute (other campaigns there: 2)" in said
    # (1000 + 1000 + 500) and (100,000 + 100,000 + 500) of which 1000 go in a minute.
    assert left in said
    assert "(other campaigns" not in sentence(app, alice, 1)


@pytest.mark.parametrize(
    ("quiet_for", "said"),
    [(10, "the next try is at 6 May 2030, 04:15."), (-1, "one request at a time tries it.")],
    ids=["quiet", "probing"],
)
def test_no_time_is_named_while_the_gateway_is_silent(
    app: Flask, alice: Person, account: int, quiet_for: int, said: str
) -> None:
    sending(app, alice, account, 1, waiting=1000, gone=2500)
    assert "left (1,000 per minute)" in sentence(app, alice, 1)
    set_account(app, alice, account, troubles=4, quiet_until=NOW + quiet_for * MINUTE)
    found = sentence(app, alice, 1)
    assert said in found
    assert "left (" not in found
