"""Brings batches to where a person decides, decides, and looks at what became of them."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import timedelta

from flask import Flask

from tests.campaigns.running import batches_of, campaign_of
from tests.campaigns.test_late_answers import claim, reap
from tests.campaigns.test_repeats import give_up_at
from tests.conftest import Database
from tests.factories import Person, confirm, numbers
from webapp import clock, tenancy
from webapp.accounts.models import AuditEntry
from webapp.campaigns import decisions, invariants, stopping
from webapp.campaigns.claims import Claim
from webapp.campaigns.decisions import Choice, Decided
from webapp.campaigns.models import GatewayMessage
from webapp.contacts.optouts import opt_out
from webapp.delivery import settling
from webapp.gateway.models import GatewayAccount


def give_up(app: Flask, person: Person) -> int:
    return give_up_at(app, person, clock.now() + timedelta(hours=1))


def unconfirmed(app: Flask, person: Person, account: int, count: int = 5) -> tuple[int, Claim]:
    """A campaign whose only batch nobody can say anything about, and the call that was made of it."""
    campaign_id = confirm(app, person, account, numbers(count))
    (claimed,) = claim(app, person)
    reap(app, person)
    assert give_up(app, person) == 1
    campaign = campaign_of(app, person, campaign_id)
    assert (campaign.state, campaign.unconfirmed) == ("waiting_for_reports", count)
    return campaign_id, claimed


def decide(app: Flask, person: Person, campaign_id: int, choice: Choice, no: int = 1) -> Decided:
    with app.test_request_context(), tenancy.team_scope(person.team_id, app) as session:
        decided = decisions.CHOICES[choice](campaign_id, no, person.user_id)
        session.commit()
        return decided


def states(app: Flask, person: Person, campaign_id: int) -> list[str]:
    return [batch.state for batch in batches_of(app, person, campaign_id)]


def tallies(app: Flask, person: Person, campaign_id: int) -> dict[str, int]:
    """The tallies that are not zero; they are recounted on the way, and whatever must hold is looked at."""
    campaign = campaign_of(app, person, campaign_id)
    with tenancy.team_scope(person.team_id, app):
        assert invariants.broken() == []
    names = ("waiting", "unconfirmed", "no_report", "delivered", "failed", "not_sent")
    return {name: getattr(campaign, name) for name in names if getattr(campaign, name)}


def rolled_up(database: Database) -> dict[str, int]:
    """The roll-ups by outcome, over all hours and operators."""
    with database.owner() as owner:
        rows = owner.execute("SELECT outcome, sum(messages)::int FROM rollup_hour GROUP BY 1").fetchall()
    return {outcome: messages for outcome, messages in rows if messages}


def noted(app: Flask, person: Person, action: str) -> list[dict[str, object]]:
    with tenancy.team_scope(person.team_id, app) as session:
        rows = session.query(AuditEntry).filter_by(team_id=person.team_id, action=action)
        return [dict(row.details) for row in rows.order_by(AuditEntry.id)]


def msgids(app: Flask, person: Person) -> set[tuple[str, int]]:
    with tenancy.team_scope(person.team_id, app) as session:
        rows = session.query(GatewayMessage).filter_by(team_id=person.team_id)
        return {(row.msgid, row.batch_no) for row in rows}


def report(
    app: Flask, database: Database, person: Person, account: int, msgid: str, mobiles: list[str]
) -> None:
    """Let DELIVRD come for these numbers, and settle it."""
    with database.owner() as owner, owner.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO report_inbox (team_id, account_id, received_at, msgid, mobile, status, time_text, "
            "reported_at) VALUES (%s, %s, now(), %s, %s, 'DELIVRD', '1770000000', now())",
            [(person.team_id, account, msgid, mobile) for mobile in mobiles],
        )
    settle(app, person)


def settle(app: Flask, person: Person) -> None:
    with tenancy.team_scope(person.team_id, app) as session:
        while settling.settle(person.team_id):
            session.commit()
        settling.match_waiting(person.team_id)
        session.commit()


def at_once(count: int, act: Callable[[int], object]) -> None:
    threads = [threading.Thread(target=act, args=[n]) for n in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
        assert not thread.is_alive()


def leave(app: Flask, person: Person, mobiles: list[str]) -> None:
    with tenancy.team_scope(person.team_id, app) as session:
        opt_out(mobiles, "reply", None, clock.now())
        session.commit()


def set_account(app: Flask, person: Person, account: int, **values: object) -> None:
    with tenancy.team_scope(person.team_id, app) as session:
        found = session.get_one(GatewayAccount, (person.team_id, account))
        for name, value in values.items():
            setattr(found, name, value)
        session.commit()


def resume(app: Flask, person: Person, campaign_id: int) -> None:
    with app.test_request_context(), tenancy.team_scope(person.team_id, app) as session:
        stopping.resume_campaign(campaign_id)
        session.commit()
