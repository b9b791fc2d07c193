"""Minutes and roll-ups move with the tallies: whatever is answered and reported through a whole campaign, a
recount finds what they say."""

from __future__ import annotations

import dataclasses
import random
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy.exc import IntegrityError

from tests.campaigns.test_late_answers import answered, claim, code, reap, store
from tests.conftest import Database
from tests.delivery.building import Account, Connection, note_msgid, tell, told
from tests.factories import Person, confirm, connect_practice, make_person, numbers
from tests.practice.fixture import PracticeGateway
from webapp import clock, tenancy
from webapp.campaigns import invariants, reaper, rollups, stopping
from webapp.campaigns.claims import Claim
from webapp.campaigns.rollups import BatchMove, MessageMove
from webapp.delivery import adopting, settling
from webapp.gateway.exchange import Exchange, Kind
from webapp.settings import settings_of

LOST = Exchange(Kind.LOST_AFTER_SEND)
NEVER_LEFT = Exchange(Kind.WITHHELD)
TOMORROW = (clock.now() + timedelta(days=1)).replace(hour=8, minute=0, second=0, microsecond=0)


@dataclasses.dataclass(frozen=True)
class Team:
    """Alice's team with one gateway account, and the owner's look at its rows."""

    app: Flask
    person: Person
    account: Account
    owner: Connection

    def claim_of(self, campaign_id: int) -> list[Claim]:
        return [one for one in claim(self.app, self.person) if one.campaign_id == campaign_id]

    def store(self, claimed: Claim, exchange: Exchange) -> None:
        store(self.app, self.person, [answered(claimed, exchange)])
        assert self.wrong() == []

    def hear(self, msgid: str, reports: dict[str, str], seconds: int = 0) -> None:
        """Reports (status by number) come and are settled."""
        heard = [told(msgid, mobile, word, seconds) for mobile, word in reports.items()]
        tell(self.owner, self.account, heard, clock.now())
        self.settle()
        assert self.wrong() == []

    def settle(self) -> None:
        with tenancy.team_scope(self.person.team_id, self.app) as session:
            while settling.settle(self.person.team_id):
                session.commit()
            session.commit()

    def wrong(self) -> list[str]:
        with tenancy.team_scope(self.person.team_id, self.app):
            return invariants.broken()

    def rolled_up(self) -> dict[str, int]:
        """What the roll-ups of the account say over all hours and operators."""
        rows = self.owner.execute(
            "SELECT outcome, sum(messages) FROM rollup_hour WHERE account_id = %s GROUP BY outcome "
            "HAVING sum(messages) > 0",
            (self.account.id,),
        )
        return {outcome: int(messages) for outcome, messages in rows}

    def hours(self) -> dict[tuple[int, str, str], int]:
        """Messages by hour of the day, operator and outcome."""
        rows = self.owner.execute(
            "SELECT extract(hour FROM hour AT TIME ZONE 'UTC'), operator, outcome, messages FROM rollup_hour "
            "WHERE messages > 0"
        )
        return {(int(hour), operator, outcome): messages for hour, operator, outcome, messages in rows}

    def minutes(self, campaign_id: int) -> dict[str, int]:
        names = ("waiting", "unconfirmed", "no_report", "delivered", "failed", "not_sent")
        sums = ", ".join(f"sum({name})" for name in names)
        row = self.owner.execute(f"SELECT {sums} FROM campaign_minute WHERE campaign_id = %s", (campaign_id,))
        (counts,) = row.fetchall()
        return {name: int(count) for name, count in zip(names, counts, strict=True) if count}


@pytest.fixture
def team(app: Flask, practice: PracticeGateway, database: Database) -> Iterator[Team]:
    person = make_person(app)
    account_id = connect_practice(app, person, practice)
    with database.owner() as owner:
        yield Team(app, person, Account(person.team_id, account_id, ""), owner)


def smaller_requests(team: Team, limit: int) -> None:
    team.owner.execute("UPDATE gateway_account SET numbers_per_request = %s, in_flight = 16", (limit,))


def test_a_whole_campaign(team: Team) -> None:
    smaller_requests(team, 3)
    campaign = confirm(team.app, team.person, team.account.id, numbers(15))
    first, second, third, fourth, fifth = team.claim_of(campaign)
    assert team.rolled_up() == {}, "what is under way for the first time has not been handed over"
    team.store(first, code(0, "m1"))
    team.store(second, LOST)
    team.store(third, code(3))
    team.store(fourth, code(0, "m4"))
    team.store(fifth, Exchange(Kind.REFUSED))
    assert team.rolled_up() == {"no_report": 6, "unconfirmed": 3, "failed": 3}

    one, two, three = first.mobiles
    team.hear("m1", {one: "DELIVRD", two: "UNDELIV", three: "XYZ"})
    assert team.rolled_up() == {"delivered": 1, "failed": 4, "no_report": 4, "unconfirmed": 3}
    team.hear("m4", {fourth.mobiles[0]: "UNKNOWN"})
    assert team.rolled_up() == {"delivered": 1, "failed": 5, "no_report": 3, "unconfirmed": 3}
    team.hear("m4", {fourth.mobiles[0]: "DELIVRD", fourth.mobiles[1]: "ACCEPTD"}, seconds=1)
    assert team.rolled_up() == {"delivered": 2, "failed": 4, "no_report": 3, "unconfirmed": 3}
    team.hear("m4", {fourth.mobiles[0]: "UNKNOWN"}, seconds=2)
    assert team.rolled_up() == {"delivered": 2, "failed": 4, "no_report": 3, "unconfirmed": 3}

    team.hear("nobody-knows", dict.fromkeys(second.mobiles, "DELIVRD"))
    assert team.rolled_up()["unconfirmed"] == 3
    with tenancy.team_scope(team.person.team_id, team.app) as session:
        assert adopting.adopt_unknown(team.person.team_id, settling.ALWAYS) == 1
        session.commit()
    assert (team.wrong(), team.rolled_up()["no_report"]) == ([], 6)
    with tenancy.team_scope(team.person.team_id, team.app) as session:
        assert settling.match_waiting(team.person.team_id) == 3
        session.commit()
    assert (team.wrong(), team.rolled_up()) == ([], {"delivered": 5, "failed": 4, "no_report": 3})

    with tenancy.team_scope(team.person.team_id, team.app) as session:
        stopping.stop_campaign(campaign)
        session.commit()
    assert (team.wrong(), team.rolled_up()) == ([], {"delivered": 5, "failed": 4, "no_report": 3})
    assert team.minutes(campaign) == {"delivered": 5, "failed": 4, "no_report": 3, "not_sent": 3}


ANSWERS: dict[str, tuple[Exchange, str | None]] = {
    "0": (code(0, "m1"), "no_report"),
    "0 without a msgid": (code(0), "no_report"),
    "1": (code(1), None),
    "2": (code(2), None),
    "3": (code(3), "failed"),
    "4": (code(4), "failed"),
    "5": (code(5), None),
    "6": (code(6), None),
    "7": (code(7), "unconfirmed"),
    "8": (code(8), None),
    "another code": (code(99), "unconfirmed"),
    "a redirect": (Exchange(Kind.ANSWERED, 302, b""), "unconfirmed"),
    "lost": (LOST, "unconfirmed"),
    "refused": (Exchange(Kind.REFUSED), None),
}


@pytest.mark.parametrize("late", [False, True], ids=["in time", "after its lease"])
def test_whatever_is_answered_is_rolled_up(team: Team, practice: PracticeGateway, late: bool) -> None:
    """Once unknown, only code 0 makes it anything else."""
    wrong: dict[str, object] = {}
    for name, (exchange, outcome) in ANSWERS.items():
        account_id = connect_practice(team.app, team.person, practice)
        one = dataclasses.replace(team, account=Account(team.person.team_id, account_id, ""))
        (claimed,) = one.claim_of(confirm(team.app, team.person, account_id, numbers(4), body=name))
        if late:
            reap(team.app, team.person)
            outcome = {"0": "no_report", "0 without a msgid": "no_report", "refused": None}.get(
                name, "unconfirmed"
            )
        one.store(claimed, exchange)
        if one.rolled_up() != ({outcome: 4} if outcome else {}):
            wrong[name] = one.rolled_up()
    assert wrong == {}


def test_messages_stay_in_the_hour_in_which_they_were_handed_over(team: Team) -> None:
    smaller_requests(team, 3)
    day = TOMORROW + timedelta(minutes=59, seconds=59)
    mobiles = ["13000000001", "13300000001", "13400000001", "17000000001", "18600000001", "19200000001"]
    campaign = confirm(team.app, team.person, team.account.id, mobiles)
    first, second = team.claim_of(campaign)
    with clock.standing_at(day):
        team.store(first, code(0, "m1"))
    with clock.standing_at(day + timedelta(seconds=1)):
        reap(team.app, team.person)
    with clock.standing_at(day + timedelta(hours=5)):
        team.hear("m1", {"13000000001": "DELIVRD", "13300000001": "UNDELIV"})
        team.store(second, code(0, "m2"))
        team.hear("m2", {"18600000001": "DELIVRD"})
    assert team.hours() == {
        (8, "unicom", "delivered"): 1, (8, "telecom", "failed"): 1, (8, "mobile", "no_report"): 1,
        (10, "virtual", "no_report"): 1, (10, "unicom", "delivered"): 1, (10, "broadnet", "no_report"): 1,
    }  # fmt: skip


def test_what_never_left_is_handed_over_when_it_does(team: Team) -> None:
    day = TOMORROW
    campaign = confirm(team.app, team.person, team.account.id, numbers(3))
    (claimed,) = team.claim_of(campaign)
    with clock.standing_at(day):
        reap(team.app, team.person)
        assert team.rolled_up() == {"unconfirmed": 3}
        team.store(claimed, NEVER_LEFT)
    assert team.rolled_up() == {}
    (again,) = team.claim_of(campaign)
    with clock.standing_at(day + timedelta(hours=2)):
        team.store(again, code(0, "m1"))
    assert team.hours() == {(10, "mobile", "no_report"): 3}


def test_what_was_reported_although_it_never_left_stays_in_its_hour(team: Team) -> None:
    day = TOMORROW
    campaign = confirm(team.app, team.person, team.account.id, numbers(3))
    (claimed,) = team.claim_of(campaign)
    with clock.standing_at(day):
        reap(team.app, team.person)
        note_msgid(team.owner, team.account, "m1", campaign, 1)
        team.hear("m1", {claimed.mobiles[0]: "DELIVRD"})
        team.store(claimed, NEVER_LEFT)
    assert team.hours() == {(9, "mobile", "delivered"): 1}


def test_reports_for_a_batch_that_is_under_way_for_the_first_time(team: Team) -> None:
    """So it is when the gateway turns out to have taken what the batch is the second sending of."""
    campaign = confirm(team.app, team.person, team.account.id, numbers(3))
    (claimed,) = team.claim_of(campaign)
    note_msgid(team.owner, team.account, "m1", campaign, 1)
    one, two, three = claimed.mobiles
    team.hear("m1", {one: "UNKNOWN"})
    assert team.rolled_up() == {"failed": 1}
    team.hear("m1", {one: "DELIVRD", two: "DELIVRD"})
    assert team.rolled_up() == {"delivered": 2}
    team.store(claimed, code(0, "m2"))
    assert team.rolled_up() == {"delivered": 2, "no_report": 1}
    team.hear("m2", {three: "REJECTD"})
    assert team.rolled_up() == {"delivered": 2, "failed": 1}


def test_a_batch_of_which_nobody_noted_that_it_was_handed_over(team: Team) -> None:
    smaller_requests(team, 3)
    campaign = confirm(team.app, team.person, team.account.id, numbers(6))
    for claimed in team.claim_of(campaign):
        team.store(claimed, code(0, f"m{claimed.batch_no}"))
    team.owner.execute("UPDATE batch SET handed_at = NULL WHERE no = 1")
    team.owner.execute("UPDATE rollup_hour SET messages = 3, parts = 3")
    messages, parts = team.wrong()
    assert "handed over in no hour" in messages
    assert "handed over in no hour: parts of" in parts
    team.hear("m1", {numbers(1)[0]: "DELIVRD"})
    assert team.rolled_up() == {"delivered": 1, "no_report": 5}


def test_a_number_that_was_left_out_is_in_no_roll_up(team: Team) -> None:
    campaign = confirm(team.app, team.person, team.account.id, numbers(3))
    team.owner.execute(
        "INSERT INTO opt_out (team_id, mobile, opted_out_at, how) VALUES (%s, %s, now(), 'hand')",
        (team.person.team_id, numbers(2)[1]),
    )
    (claimed,) = team.claim_of(campaign)
    team.store(claimed, code(0, "m1"))
    assert team.rolled_up() == {"no_report": 2}
    team.hear("m1", dict.fromkeys(numbers(3), "DELIVRD"))
    assert team.rolled_up() == {"delivered": 2}
    assert team.minutes(campaign) == {"delivered": 2, "not_sent": 1}


def test_the_same_reports_again_move_nothing(team: Team) -> None:
    campaign = confirm(team.app, team.person, team.account.id, numbers(3))
    (claimed,) = team.claim_of(campaign)
    team.store(claimed, code(0, "m1"))
    for _time in range(3):
        team.hear("m1", dict.fromkeys(claimed.mobiles, "DELIVRD"))
        team.hear("m1", {claimed.mobiles[0]: "ACCEPTD", "13999999999": "DELIVRD"})
        team.hear("other", {claimed.mobiles[0]: "UNDELIV"})
    assert team.rolled_up() == {"delivered": 3}
    assert team.minutes(campaign) == {"delivered": 3}


@pytest.mark.parametrize("outcome", ["no_report", "delivered"])
def test_the_database_refuses_a_negative_roll_up(team: Team, outcome: str) -> None:
    campaign = confirm(team.app, team.person, team.account.id, numbers(3))
    (claimed,) = team.claim_of(campaign)
    team.store(claimed, code(0, "m1"))
    team.hear("m1", {claimed.mobiles[0]: "DELIVRD"})
    (hour,) = team.owner.execute("SELECT DISTINCT hour FROM rollup_hour").fetchone() or (None,)
    before = team.hours()
    move = MessageMove(team.account.id, hour, "mobile", outcome, "failed", 3, 0)
    with tenancy.team_scope(team.person.team_id, team.app) as session:
        with pytest.raises(IntegrityError, match="ck_rollup_hour_messages"):
            rollups.move_messages([move])
        session.rollback()
    assert team.hours() == before


def test_reports_are_not_settled_against_a_roll_up_that_is_wrong(team: Team) -> None:
    """Better they wait, and the log says so, than that a sum goes on from a wrong number."""
    campaign = confirm(team.app, team.person, team.account.id, numbers(3))
    (claimed,) = team.claim_of(campaign)
    team.store(claimed, code(0, "m1"))
    team.owner.execute("UPDATE rollup_hour SET messages = 1")
    tell(team.owner, team.account, [told("m1", mobile, "DELIVRD") for mobile in claimed.mobiles])
    with pytest.raises(IntegrityError, match="ck_rollup_hour_messages"):
        team.settle()
    assert team.minutes(campaign) == {"no_report": 3}
    assert team.owner.execute("SELECT count(*) FROM report_inbox").fetchall() == [(3,)]
    team.owner.execute("UPDATE rollup_hour SET messages = 3")
    team.settle()
    assert team.rolled_up() == {"delivered": 3}


def test_another_teams_roll_ups_stay_as_they_are(team: Team, practice: PracticeGateway) -> None:
    bob = make_person(team.app, "bob")
    account = connect_practice(team.app, bob, practice)
    other = Team(team.app, bob, Account(bob.team_id, account, ""), team.owner)
    for one in (team, other):
        (claimed,) = one.claim_of(confirm(team.app, one.person, one.account.id, numbers(3)))
        one.store(claimed, code(0, "m1"))
    team.hear("m1", dict.fromkeys(numbers(3), "DELIVRD"))
    assert (team.rolled_up(), other.rolled_up()) == ({"delivered": 3}, {"no_report": 3})


def test_nothing_moves_where_nothing_was_handed_over(team: Team) -> None:
    campaign = confirm(team.app, team.person, team.account.id, numbers(3))
    team.claim_of(campaign)
    with tenancy.team_scope(team.person.team_id, team.app) as session:
        rollups.move_batches([BatchMove(campaign, 1, "waiting", "not_sent")], clock.now())
        rollups.move_batches([BatchMove(campaign, 1, "unconfirmed", "unconfirmed")], clock.now())
        rollups.move_messages([])
        session.commit()
    assert (team.wrong(), team.hours()) == ([], {})


def test_answers_and_reports_at_once_do_not_block_each_other(team: Team, practice: PracticeGateway) -> None:
    """Batches of three campaigns in disorder: two threads store their answers, two settle, one reaps."""
    smaller_requests(team, 3)
    claims: list[Claim] = []
    for body in ("One", "Two", "Three"):
        account_id = connect_practice(team.app, team.person, practice)
        smaller_requests(team, 3)
        confirm(team.app, team.person, account_id, numbers(45), body=body)
        claims += claim(team.app, team.person)
    assert len(claims) == 45
    for claimed in claims:
        # Known before its answer is stored, as when a report comes early.
        told_of = Account(team.person.team_id, claimed.account_id, "")
        words = ("DELIVRD", "UNDELIV", "UNKNOWN")
        msgid = f"m{claimed.campaign_id}-{claimed.batch_no}"
        tell(team.owner, told_of, [told(msgid, *one) for one in zip(claimed.mobiles, words, strict=True)])
    random.Random(4).shuffle(claims)
    done = threading.Event()

    def store_all(some: Sequence[Claim]) -> None:
        for first, second in zip(some[::2], some[1::2], strict=False):
            both = [
                answered(one, code(0, f"m{one.campaign_id}-{one.batch_no}") if one.batch_no % 3 else code(3))
                for one in (first, second)
            ]
            store(team.app, team.person, both)

    def settle_on() -> None:
        while not done.is_set():
            with tenancy.team_scope(team.person.team_id, team.app) as session:
                settling.settle(team.person.team_id)
                session.commit()
                settling.match_waiting(team.person.team_id)
                session.commit()

    def reap_on() -> None:
        times = settings_of(team.app).times
        while not done.is_set():
            with tenancy.team_scope(team.person.team_id, team.app) as session:
                reaper.reap(clock.now() + timedelta(hours=1), times)
                session.commit()

    with ThreadPoolExecutor(5) as pool:
        others = [pool.submit(work) for work in (settle_on, settle_on, reap_on)]
        storing = [pool.submit(store_all, half) for half in (claims[::2], claims[1::2])]
        wait(storing, timeout=60)
        done.set()
        for future in (*storing, *others):
            future.result(timeout=60)
    team.settle()
    with tenancy.team_scope(team.person.team_id, team.app) as session:
        settling.match_waiting(team.person.team_id)
        session.commit()
    assert team.wrong() == []
