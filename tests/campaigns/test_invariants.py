"""What must always hold is asked of rows, and each way of breaking it is found, and said where.

The rows are made by sending; then the owner of the tables plants one wrong thing after the other.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from flask import Flask

from tests.campaigns.test_late_answers import answered, claim, code, store
from tests.conftest import Database
from tests.delivery.building import Connection
from tests.factories import Person, confirm, connect_practice, make_person, numbers
from tests.practice.fixture import PracticeGateway
from webapp import tenancy
from webapp.campaigns import editing, invariants, planning, stopping
from webapp.gateway.exchange import Exchange, Kind


@dataclasses.dataclass(frozen=True)
class Sent:
    """A campaign of twelve in four batches: 1 accepted, 2 on hold, 3 rejected, 4 in flight."""

    person: Person
    account_id: int
    id: int


def broken(app: Flask, person: Person) -> list[str]:
    with tenancy.team_scope(person.team_id, app):
        return invariants.broken()


@pytest.fixture
def account(app: Flask, alice: Person, practice: PracticeGateway, database: Database) -> int:
    account_id = connect_practice(app, alice, practice)
    with database.owner() as owner:
        owner.execute("UPDATE gateway_account SET numbers_per_request = 3")
    return account_id


@pytest.fixture
def sent(app: Flask, alice: Person, account: int) -> Sent:
    campaign_id = confirm(app, alice, account, numbers(12))
    first, second, third, _fourth = claim(app, alice)
    store(app, alice, [answered(first, code(0, "m1")), answered(third, code(3))])
    store(app, alice, [answered(second, Exchange(Kind.LOST_AFTER_SEND))])
    assert broken(app, alice) == []
    return Sent(alice, account, campaign_id)


BATCH = "UPDATE batch SET {} WHERE campaign_id = %(id)s AND no = {}"
ATTEMPT = "UPDATE attempt SET {} WHERE campaign_id = %(id)s AND batch_no = {}"
ONE_OF_1 = "(SELECT mobiles[1] FROM batch WHERE campaign_id = %(id)s AND no = 1)"

WRONG: dict[str, tuple[str, str]] = {
    "one recipient more": (
        "I1",
        "UPDATE campaign SET recipients = recipients + 1, waiting = waiting + 1 WHERE id = %(id)s",
    ),
    "a message is gone": ("I1", f"DELETE FROM message WHERE mobile = {ONE_OF_1}"),
    "a message of another batch": ("I2", f"UPDATE message SET batch_no = 2 WHERE mobile = {ONE_OF_1}"),
    "a message of no batch": ("I2", f"UPDATE message SET batch_no = 0 WHERE mobile = {ONE_OF_1}"),
    "a batch that is not there": ("I2", f"UPDATE message SET batch_no = 9 WHERE mobile = {ONE_OF_1}"),
    "a number twice in a batch": ("I2", BATCH.format("mobiles[2] = mobiles[1]", 1)),
    "a number in two batches": (
        "I2",
        BATCH.format(f"mobiles = mobiles || {ONE_OF_1}, size = size + 1", 4),
    ),
    "a message left in a replaced batch": ("I2", BATCH.format("state = 'replaced'", 3)),
    "no digest": ("I3", BATCH.format("digest = NULL", 1)),
    "no fingerprint": ("I3", BATCH.format("account_fingerprint = NULL", 2)),
    "another text": ("I3", BATCH.format("content = content || '.'", 1)),
    "another order of numbers": (
        "I3",
        BATCH.format("mobiles = ARRAY[mobiles[2], mobiles[1], mobiles[3]]", 2),
    ),
    "a repeat through another account": (
        "I3",
        "INSERT INTO attempt (team_id, campaign_id, batch_no, n, account_id, started_at) "
        "SELECT team_id, campaign_id, batch_no, 2, account_id + 1, started_at + interval '2 min' "
        "FROM attempt WHERE campaign_id = %(id)s AND batch_no = 2",
    ),
    "an attempt is gone": ("I4", "DELETE FROM attempt WHERE campaign_id = %(id)s AND batch_no = 1"),
    "an attempt too many": ("I4", BATCH.format("attempts = 2", 1)),
    "in flight without an open attempt": ("I4", ATTEMPT.format("outcome = 'refused'", 4)),
    "on hold with an open attempt": ("I4", ATTEMPT.format("outcome = NULL", 2)),
    "accepted, nobody knows why": ("I5", BATCH.format("state = 'accepted'", 2)),
    "accepted after a person said wait": (
        "I5",
        BATCH.format("state = 'accepted', decided_at = now(), decided_by = 1", 2),
    ),
    "taken, and not accepted": ("I5", BATCH.format("state = 'unconfirmed'", 1)),
    "taken, and rejected": ("I5", BATCH.format("state = 'rejected'", 1)),
    "unknown, its time forgotten": ("I6", BATCH.format("state = 'planned', first_unknown_at = NULL", 2)),
    "unknown, called never left": (
        "I6",
        "WITH other AS (UPDATE attempt SET outcome = 'never_left' WHERE batch_no = 2) "
        + BATCH.format("state = 'planned'", 2),
    ),
    "replaced, but by the machine": (
        "I6",
        "WITH child AS (INSERT INTO batch (team_id, campaign_id, no, account_id, state, content, mobiles, "
        "size, open, parent, again) SELECT team_id, campaign_id, 9, account_id, 'planned', content, mobiles, "
        "size, open, no, true FROM batch WHERE campaign_id = %(id)s AND no = 2) "
        + BATCH.format("state = 'replaced'", 2),
    ),
    "a tally": (
        "I7",
        "UPDATE campaign SET delivered = delivered + 1, no_report = no_report - 1 WHERE id = %(id)s",
    ),
    "a batch's open messages": ("I7", BATCH.format("open = open - 1", 1)),
    "a minute": (
        "I7",
        "UPDATE campaign_minute SET failed = failed + 1, waiting = waiting - 1 WHERE campaign_id = %(id)s",
    ),
    "a minute is gone": ("I7", "DELETE FROM campaign_minute WHERE campaign_id = %(id)s"),
    "a roll-up": ("I7", "UPDATE rollup_hour SET messages = messages + 1 WHERE outcome = 'failed'"),
    "a roll-up is gone": ("I7", "DELETE FROM rollup_hour"),
    "handed over in another hour": ("I7", BATCH.format("handed_at = handed_at - interval '1 hour'", 1)),
    "handed over in no hour": ("I7", BATCH.format("handed_at = NULL", 1)),
    "an hour for what did not leave": (
        "I7",
        "INSERT INTO rollup_hour SELECT team_id, date_trunc('hour', now(), 'UTC'), account_id, 'virtual', "
        "'no_report', 3 FROM batch WHERE campaign_id = %(id)s AND no = 4",
    ),
    "finished with a batch on hold": (
        "States",
        "UPDATE campaign SET state = 'finished' WHERE id = %(id)s",
    ),
    "stopped with a batch in flight": ("States", "UPDATE campaign SET state = 'stopped' WHERE id = %(id)s"),
    "sending, but never started": ("States", "UPDATE campaign SET started_at = NULL WHERE id = %(id)s"),
}
UNDER_I6 = ("planned", "retry", "blocked", "rejected", "replaced", "stopped")
WRONG |= {f"unknown, and {state}": ("I6", BATCH.format(f"state = '{state}'", 2)) for state in UNDER_I6}


RULES = sorted({rule for rule, _statement in WRONG.values()})

# What is planted in, in the order in which it may be filled again.
TABLES = ("campaign", "batch", "audience", "message", "attempt", "campaign_minute", "rollup_hour")


@contextmanager
def unharmed(owner: Connection) -> Iterator[None]:
    """Puts back what the block plants."""
    for table in TABLES:
        owner.execute(f"CREATE TEMPORARY TABLE IF NOT EXISTS as_{table} AS TABLE {table}")
    yield
    for table in reversed(TABLES):
        owner.execute(f"DELETE FROM {table}")
    for table in TABLES:
        owner.execute(f"INSERT INTO {table} TABLE as_{table}")


@pytest.mark.parametrize("rule", RULES)
def test_a_wrong_row_is_found(app: Flask, sent: Sent, database: Database, rule: str) -> None:
    planted = {what: statement for what, (breaks, statement) in WRONG.items() if breaks == rule}
    found: dict[str, list[str]] = {}
    with database.owner() as owner:
        for what, statement in planted.items():
            with unharmed(owner):
                assert owner.execute(statement, {"id": sent.id}).rowcount >= 1, what
                found[what] = [one for one in broken(app, sent.person) if one.startswith(f"{rule}: ")]
    assert broken(app, sent.person) == []
    assert [what for what, sentences in found.items() if not sentences] == []
    if rule != "I7":
        assert [what for what, (first, *_more) in found.items() if f"campaign {sent.id}" not in first] == []


@pytest.mark.parametrize("state", ["draft", "planning"])
def test_an_audience_that_lost_somebody(
    app: Flask, alice: Person, account: int, database: Database, state: str
) -> None:
    campaign_id = confirm(app, alice, account, numbers(3))
    with database.owner() as owner:
        owner.execute("DELETE FROM audience WHERE mobile = %s", (numbers(1)[0],))
        if state == "draft":
            # Its numbers are nobody's yet, so nothing is wrong.
            none = "state = 'draft', recipients = 0, waiting = 0"
            owner.execute(f"UPDATE campaign SET {none} WHERE id = %s", (campaign_id,))
            owner.execute("DELETE FROM campaign_minute")
    found = broken(app, alice)
    assert [sentence.partition(":")[0] for sentence in found] == ([] if state == "draft" else ["I1"])


def test_another_team_hears_nothing_of_it(app: Flask, sent: Sent, database: Database) -> None:
    bob = make_person(app, "bob")
    with database.owner() as owner:
        owner.execute("UPDATE batch SET digest = NULL, handed_at = NULL")
    assert broken(app, bob) == []
    assert len(broken(app, sent.person)) > 1


def test_many_differences_are_not_all_told(app: Flask, sent: Sent, database: Database) -> None:
    with database.owner() as owner:
        owner.execute("UPDATE campaign_minute SET waiting = 9, failed = 9, not_sent = 9, delivered = 9")
        owner.execute("DELETE FROM rollup_hour")
    found = broken(app, sent.person)
    assert len(found) == 6
    assert found[-1].endswith("numbers differ in all")


def test_digests_cannot_be_told_when_the_account_was_exchanged(
    app: Flask, sent: Sent, database: Database
) -> None:
    with database.owner() as owner:
        owner.execute("UPDATE batch SET account_fingerprint = %s", (bytes(32),))
        owner.execute("UPDATE batch SET content = 'another' WHERE no = 1")
    assert broken(app, sent.person) == []


def test_credentials_that_cannot_be_opened_hide_nothing_else(
    app: Flask, sent: Sent, database: Database
) -> None:
    with database.owner() as owner:
        owner.execute("UPDATE gateway_account SET sealed_uid = 'broken'")
        owner.execute("UPDATE batch SET digest = NULL WHERE no = 1")
    (found,) = broken(app, sent.person)
    assert found.startswith("I3: a request was made without a digest")


def test_a_stop_and_an_edit_break_nothing(app: Flask, sent: Sent, alice: Person, account: int) -> None:
    stopped = confirm(app, alice, account, numbers(7))
    reopened = confirm(app, alice, account, numbers(7))
    with tenancy.team_scope(alice.team_id, app) as session:
        for campaign_id in (stopped, reopened):
            while planning.plan_chunk(campaign_id):
                session.commit()
        session.commit()
        stopping.stop_campaign(sent.id)
        session.commit()
        stopping.stop_campaign(stopped)
        session.commit()
        editing.reopen(reopened)
        session.commit()
    assert broken(app, alice) == []
