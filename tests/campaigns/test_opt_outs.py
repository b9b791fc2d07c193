"""Opt-outs: noted once, and heeded until the last moment at which a request can still be changed."""

from __future__ import annotations

import random
import threading
from datetime import datetime, timedelta

import pytest
from flask import Flask
from sqlalchemy import select, text, update
from sqlalchemy.exc import IntegrityError

from tests.campaigns.deciding import decide, unconfirmed
from tests.campaigns.laying import messages_of, opt_out, plan_slices
from tests.campaigns.running import batches_of, campaign_of, sender
from tests.campaigns.test_late_answers import answered, claim, code, store
from tests.campaigns.test_repeats import after, claim_at
from tests.conftest import Database
from tests.factories import Person, confirm, connect_practice, make_person, numbers, uids
from tests.practice.fixture import PracticeGateway, wait_until
from webapp import clock, tenancy
from webapp.campaigns import claims, tallies
from webapp.campaigns.decisions import Choice
from webapp.campaigns.models import Batch, Campaign, Message
from webapp.campaigns.rollup_statements import LOCK_ROLLUPS
from webapp.contacts import optouts
from webapp.contacts.models import OptOut
from webapp.gateway.exchange import Exchange, Kind
from webapp.gateway.models import GatewayAccount
from webapp.settings import settings_of

LOST = Exchange(Kind.LOST_AFTER_SEND)
REFUSED = Exchange(Kind.REFUSED)


@pytest.fixture
def account(app: Flask, alice: Person, practice: PracticeGateway) -> int:
    """An account that takes ten numbers a request, four requests at once."""
    account_id = connect_practice(app, alice, practice)
    with tenancy.team_scope(alice.team_id, app) as session:
        session.get_one(GatewayAccount, (alice.team_id, account_id)).numbers_per_request = 10
        session.commit()
    return account_id


# --- The list of those who opted out


def test_a_number_opts_out_once_and_the_first_time_is_kept(app: Flask, alice: Person) -> None:
    first, second = numbers(2)
    now = clock.now()
    with tenancy.team_scope(alice.team_id, app) as session:
        assert optouts.opt_out([first, first], "reply", None, now) == 1
        assert optouts.opt_out([second, first], "hand", alice.user_id, now + timedelta(days=1)) == 1
        session.commit()
        kept = session.get_one(OptOut, (alice.team_id, first))
        assert (kept.opted_out_at, kept.how, kept.by_user) == (now, "reply", None)
        assert optouts.opted_out_among(numbers(4)) == {first, second}
        assert optouts.opted_out_among(["13900000000"]) == set()


def test_nothing_to_note_or_to_look_for_is_no_error(app: Flask, alice: Person) -> None:
    with tenancy.team_scope(alice.team_id, app):
        assert (
            optouts.opt_out([], "hand", None, clock.now()),
            optouts.opt_in([]),
            optouts.opted_out_among([]),
        ) == (0, 0, set())


def test_an_opt_out_that_is_taken_back_is_gone(app: Flask, alice: Person) -> None:
    with tenancy.team_scope(alice.team_id, app):
        optouts.opt_out(numbers(3), "paste", alice.user_id, clock.now())
        assert optouts.opt_in([*numbers(2), "13900000000"]) == 2
        assert optouts.opted_out_among(numbers(3)) == {numbers(3)[2]}


def test_another_team_neither_sees_nor_takes_back_an_opt_out(app: Flask, alice: Person) -> None:
    charlie = make_person(app, "charlie")
    with tenancy.team_scope(alice.team_id, app) as session:
        optouts.opt_out(numbers(1), "hand", alice.user_id, clock.now())
        session.commit()
    with tenancy.team_scope(charlie.team_id, app) as session:
        assert optouts.opted_out_among(numbers(1)) == set()
        assert optouts.opt_in(numbers(1)) == 0
        session.commit()
    with tenancy.team_scope(alice.team_id, app):
        assert optouts.opted_out_among(numbers(1)) == set(numbers(1))


@pytest.mark.parametrize(
    ("mobile", "how"), [("1370", "hand"), ("13700000000", "because"), ("+8613700000000", "hand")]
)
def test_what_is_no_number_or_no_way_to_opt_out_is_refused(
    app: Flask, alice: Person, mobile: str, how: str
) -> None:
    with tenancy.team_scope(alice.team_id, app), pytest.raises(IntegrityError):
        optouts.opt_out([mobile], how, None, clock.now())


# --- Before the planning, and before a request


def begin(app: Flask, person: Person, moment: datetime | None = None) -> None:
    with tenancy.team_scope(person.team_id, app) as session:
        claims.begin_ready_campaigns(moment or clock.now())
        session.commit()


def claim_without_waiting(app: Flask, person: Person) -> list[claims.Claim]:
    """Claim; a lock that is waited for is an error."""
    with tenancy.team_scope(person.team_id, app) as session:
        session.execute(text("SET LOCAL lock_timeout = '1s'"))
        claimed = claims.claim_batches(clock.now(), settings_of(app).times, 64)
        session.commit()
        return claimed


def outcomes(app: Flask, person: Person, campaign_id: int) -> dict[str, str | None]:
    return {row.mobile: row.outcome for row in messages_of(app, person, campaign_id)}


def test_who_opts_out_between_confirm_and_plan_is_a_recipient_who_gets_nothing(
    app: Flask, alice: Person, account: int
) -> None:
    campaign_id = confirm(app, alice, account, numbers(12))
    opt_out(app, alice, numbers(4)[2:])
    claimed = claim(app, alice)
    assert [one.mobiles for one in claimed] == [tuple(numbers(2) + numbers(12)[4:])]
    without = [row.mobile for row in messages_of(app, alice, campaign_id) if row.batch_no == 0]
    assert without == numbers(4)[2:]
    campaign = campaign_of(app, alice, campaign_id)
    assert (campaign.recipients, campaign.waiting, campaign.not_sent) == (12, 10, 2)


@pytest.mark.parametrize("when", ["before the plan", "before the request"])
def test_a_campaign_of_people_who_all_opted_out_comes_to_its_end(
    app: Flask, practice: PracticeGateway, alice: Person, account: int, when: str
) -> None:
    campaign_id = confirm(app, alice, account, numbers(12))
    if when == "before the request":
        plan_slices(app, alice, campaign_id)
    opt_out(app, alice, numbers(12))
    with sender(app):
        wait_until(lambda: campaign_of(app, alice, campaign_id).state == "finished")
    campaign = campaign_of(app, alice, campaign_id)
    assert (campaign.not_sent, campaign.waiting) == (12, 0)
    assert campaign.handed_over_at is not None
    assert {batch.state for batch in batches_of(app, alice, campaign_id)} <= {"stopped"}
    assert [line for line in practice.submissions() if line["uid"] == uids[account]] == []


def test_who_opts_out_after_the_plan_is_taken_out_of_the_request(
    app: Flask, alice: Person, account: int
) -> None:
    campaign_id = confirm(app, alice, account, numbers(30))
    plan_slices(app, alice, campaign_id)
    opt_out(app, alice, [numbers(30)[0], numbers(30)[5], *numbers(30)[10:20]])
    kept = [numbers(10)[1:5] + numbers(10)[6:], numbers(30)[20:]]
    claimed = claim(app, alice)
    assert [list(one.mobiles) for one in claimed] == kept
    first, emptied, last = batches_of(app, alice, campaign_id)
    assert (first.state, first.size, first.open, first.mobiles) == ("inflight", 8, 8, kept[0])
    assert (emptied.state, emptied.size, emptied.open, emptied.attempts) == ("stopped", 0, 0, 0)
    assert (last.state, last.size, last.open) == ("inflight", 10, 10)
    assert first.digest == claims.digest(claimed[0].credentials, claimed[0].content, claimed[0].mobiles)
    told = outcomes(app, alice, campaign_id)
    assert {mobile for mobile in told if told[mobile] == "not_sent"} == set(numbers(30)) - set(
        kept[0] + kept[1]
    )
    assert campaign_of(app, alice, campaign_id).not_sent == 12
    store(app, alice, [answered(one, code(0, f"m{one.batch_no}")) for one in claimed])
    campaign = campaign_of(app, alice, campaign_id)
    assert (campaign.state, campaign.no_report, campaign.not_sent) == ("waiting_for_reports", 18, 12)


def test_what_was_proved_not_taken_is_made_anew_without_them(app: Flask, alice: Person, account: int) -> None:
    campaign_id = confirm(app, alice, account, numbers(5))
    (first,) = claim(app, alice)
    store(app, alice, [answered(first, REFUSED)])
    opt_out(app, alice, numbers(2))
    (second,) = claim_at(app, alice, after(first, 3600))
    assert (first.mobiles, second.mobiles, second.n) == (tuple(numbers(5)), tuple(numbers(5)[2:]), 2)
    (batch,) = batches_of(app, alice, campaign_id)
    assert batch.digest == claims.digest(second.credentials, second.content, second.mobiles)
    assert campaign_of(app, alice, campaign_id).not_sent == 2


def test_a_repeat_stays_as_it_was(app: Flask, alice: Person, account: int) -> None:
    """It may have reached people already, and only the identical request is swallowed."""
    campaign_id = confirm(app, alice, account, numbers(15))
    first, other = claim(app, alice)
    store(app, alice, [answered(first, LOST), answered(other, REFUSED)])
    opt_out(app, alice, numbers(15)[8:])
    digest = batches_of(app, alice, campaign_id)[0].digest
    (again,) = claim_at(app, alice, after(first, 91))
    assert (again.mobiles, again.content, again.batch_no) == (first.mobiles, first.content, first.batch_no)
    assert batches_of(app, alice, campaign_id)[0].digest == digest
    campaign = campaign_of(app, alice, campaign_id)
    assert (campaign.unconfirmed, campaign.not_sent) == (10, 5)
    assert batches_of(app, alice, campaign_id)[1].state == "stopped"


def test_what_was_reported_of_them_all_the_same_stays(app: Flask, alice: Person, account: int) -> None:
    campaign_id = confirm(app, alice, account, numbers(3))
    plan_slices(app, alice, campaign_id)
    with tenancy.team_scope(alice.team_id, app) as session:
        own = Message.team_id == alice.team_id, Message.mobile == numbers(1)[0]
        session.execute(update(Message).where(*own).values(outcome="delivered"))
        session.execute(update(Batch).where(Batch.team_id == alice.team_id).values(open=2))
        tallies.move(campaign_id, {"waiting": -1, "delivered": 1})
        session.commit()
    opt_out(app, alice, numbers(2)[1:])
    (only,) = claim(app, alice)
    (batch,) = batches_of(app, alice, campaign_id)
    assert (len(only.mobiles), batch.size, batch.open) == (2, 2, 1)
    store(app, alice, [answered(only, REFUSED)])
    opt_out(app, alice, numbers(3))
    assert claim_at(app, alice, after(only, 3600)) == []
    with tenancy.team_scope(alice.team_id, app) as session:
        campaign = session.get_one(Campaign, (alice.team_id, campaign_id))
        assert (campaign.state, campaign.delivered, campaign.not_sent) == ("finished", 1, 2)
    assert [(batch.state, batch.open) for batch in batches_of(app, alice, campaign_id)] == [("stopped", 0)]
    assert sorted(str(one) for one in outcomes(app, alice, campaign_id).values()) == [
        "delivered",
        "not_sent",
        "not_sent",
    ]


def test_a_campaign_in_other_hands_is_not_waited_for(app: Flask, alice: Person, account: int) -> None:
    held = confirm(app, alice, account, numbers(10))
    free = confirm(app, alice, account, numbers(10, 13_800_000_000))
    for campaign_id in (held, free):
        plan_slices(app, alice, campaign_id)
    begin(app, alice)
    opt_out(app, alice, [numbers(1)[0], "13800000000"])
    with tenancy.team_scope(alice.team_id, app) as session:
        row = select(Campaign).where(Campaign.team_id == alice.team_id, Campaign.id == held)
        session.scalars(row.with_for_update(key_share=True)).one()
        assert [one.campaign_id for one in claim_without_waiting(app, alice)] == [free]
    assert batches_of(app, alice, held)[0].state == "planned"
    assert outcomes(app, alice, held)[numbers(1)[0]] is None
    (late,) = claim_at(app, alice, clock.now())
    assert (late.campaign_id, late.mobiles) == (held, tuple(numbers(10)[1:]))


def test_a_second_sending_waits_a_round_while_somebody_rolls_up(
    app: Flask, alice: Person, account: int
) -> None:
    """Who opts out of it stays not confirmed, so it is rolled up; whoever else does may want the account."""
    campaign_id, _first = unconfirmed(app, alice, account)
    decide(app, alice, campaign_id, Choice.SEND_AGAIN)
    opt_out(app, alice, numbers(1))
    with tenancy.team_scope(alice.team_id, app) as session:
        session.execute(LOCK_ROLLUPS, {"team": alice.team_id})
        assert claim_without_waiting(app, alice) == []
    assert campaign_of(app, alice, campaign_id).waiting == 5
    (again,) = claim_at(app, alice, clock.now())
    assert again.mobiles == tuple(numbers(5)[1:])
    assert campaign_of(app, alice, campaign_id).unconfirmed == 1


def test_claims_and_answers_never_wait_for_each_other_in_a_circle(
    app: Flask, alice: Person, account: int
) -> None:
    """Two who claim and one who stores answers, on one campaign, while people opt out of it."""
    people = numbers(600)
    campaign_id = confirm(app, alice, account, people)
    plan_slices(app, alice, campaign_id)
    begin(app, alice)
    chance = random.Random(7)
    gone = chance.sample(people, 200)
    under_way: list[claims.Claim] = []
    faults: list[BaseException] = []

    def over() -> bool:
        return bool(faults) or campaign_of(app, alice, campaign_id).state != "sending"

    def keep(work: object) -> None:
        assert callable(work)
        try:
            while not over():
                work()
        except BaseException as error:  # noqa: BLE001 # whatever it is, the test must hear of it
            faults.append(error)

    def take() -> None:
        under_way.extend(claim_at(app, alice, clock.now()))

    def answer() -> None:
        some = [under_way.pop() for _ in range(min(len(under_way), 3))]
        if some:
            store(app, alice, [answered(one, code(0, f"m{one.batch_no}")) for one in some])

    def leave() -> None:
        if gone:
            opt_out(app, alice, [gone.pop() for _ in range(min(len(gone), 4))])

    threads = [threading.Thread(target=keep, args=[work]) for work in (take, take, answer, leave)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert faults == []
    campaign = campaign_of(app, alice, campaign_id)
    assert campaign.state == "waiting_for_reports"
    assert campaign.no_report + campaign.not_sent == 600
    assert campaign.not_sent > 0


# --- What is left of an opt-out when the number was erased


def test_who_opted_out_and_was_erased_is_known_again_and_nowhere_to_be_read(
    app: Flask, alice: Person, empty: Database
) -> None:
    first, second, third = numbers(3)
    long_ago = clock.now() - timedelta(days=90)
    charlie = make_person(app, "charlie")
    with tenancy.team_scope(alice.team_id, app) as session:
        optouts.opt_out([first, second], "reply", None, long_ago)
        assert (optouts.forget(first), optouts.forget(first), optouts.forget(third)) == (True, False, False)
        session.commit()
        assert optouts.opted_out_among(numbers(3)) == {first, second}
    with empty.owner() as owner:
        assert owner.execute("SELECT count(*) FROM opt_out").fetchall() == [(1,)]
        assert (
            owner.execute("SELECT hash::text FROM erased_opt_out WHERE hash::text ~ %s", [first]).fetchall()
            == []
        )
    with tenancy.team_scope(charlie.team_id, app):
        assert optouts.opted_out_among(numbers(3)) == set()
        assert optouts.remembered(numbers(3), clock.now()) == set()


def test_whoever_is_brought_again_is_a_plain_opt_out_again(app: Flask, alice: Person) -> None:
    first, second, third = numbers(3)
    long_ago = clock.now() - timedelta(days=90)
    with tenancy.team_scope(alice.team_id, app) as session:
        optouts.opt_out([first, second, third], "reply", None, long_ago)
        for mobile in (first, second, third):
            optouts.forget(mobile)
        assert optouts.remembered([second, "13900000000"], clock.now()) == {second}
        assert optouts.remembered([second], clock.now()) == set()
        kept = session.get_one(OptOut, (alice.team_id, second))
        assert (kept.opted_out_at, kept.how, kept.by_user) == (long_ago, "reply", None)
        # Noted by hand, the first time is kept; taken back, nothing is left.
        assert optouts.opt_out([first], "hand", alice.user_id, clock.now()) == 0
        assert session.get_one(OptOut, (alice.team_id, first)).opted_out_at == long_ago
        assert optouts.opt_in([first, third]) == 2
        assert optouts.opted_out_among(numbers(3)) == {second}
