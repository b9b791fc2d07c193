"""Two complete teams: whatever a team can have, both have, and every text of Bob's holds a canary.

Wherever the canary, or the beginning of Bob's numbers, appears in something that Alice gets, a wall leaks.
"""

from __future__ import annotations

import dataclasses
from datetime import timedelta
from typing import Any

from flask import Flask, g

from tests.campaigns.running import sender
from tests.conftest import Database
from tests.factories import PASSWORD, Person, make_person
from tests.practice.fixture import PracticeGateway, wait_until
from webapp import clock, tenancy
from webapp.accounts import invitations, members
from webapp.accounts import operations as people
from webapp.accounts.permissions import Role
from webapp.campaigns import addresses, drafts, template_operations
from webapp.campaigns import operations as campaigns
from webapp.campaigns.models import Campaign
from webapp.campaigns.template_operations import Content
from webapp.contacts import bulk, groups, optout_places, optouts
from webapp.contacts import operations as contacts
from webapp.contacts.imports import bringing, line, operations
from webapp.contacts.imports.bringing import Brought
from webapp.contacts.imports.operations import Choices
from webapp.contacts.models import ContactGroup
from webapp.database import new_id
from webapp.delivery import erasing, settling
from webapp.gateway import operations as gateway
from webapp.gateway import queries as gateway_reads
from webapp.gateway.models import BalanceReading
from webapp.reports import exports
from webapp.sealing import Secret

CANARY = "kanari7f3a"
# Numbers of Bob's people all begin so; pages write them in groups, or with four digits hidden.
CANARY_NUMBERS = ("1397700", "139 7700")
ALICES_NUMBERS = 13_600_000_001
BOBS_NUMBERS = 13_977_000_001


@dataclasses.dataclass(frozen=True)
class Side:
    """One team with everything in it. `ids` names each row that an address or a form can name."""

    person: Person
    mark: str
    token: str
    ids: dict[str, str]

    @property
    def canaries(self) -> tuple[str, ...]:
        """What must not be read by anybody else."""
        return (self.mark, self.token, *CANARY_NUMBERS)


@dataclasses.dataclass(frozen=True)
class World:
    """Alice's team and Bob's."""

    alice: Side
    bob: Side


def build(app: Flask, database: Database, practice: PracticeGateway) -> World:
    """Make both teams through the program's operations, a sender's run and the settling of reports."""
    sides = [
        furnish(app, practice, make_person(app, mark), mark, first)
        for mark, first in (("alice", ALICES_NUMBERS), (CANARY, BOBS_NUMBERS))
    ]
    with sender(app):
        for side in sides:
            wait_until(lambda side=side: state_of(app, side, "sent") == "waiting_for_reports")  # type: ignore[misc] # the default binds the loop's value
    for side in sides:
        tell(app, database, side)
    return World(*[take(app, side) for side in sides])


def furnish(app: Flask, practice: PracticeGateway, person: Person, mark: str, first: int) -> Side:
    """An account that works, one that is spare, two drafts, a sent campaign and a scheduled one."""
    token = f"{mark}-callback-token-0123456789"
    batch_no = 85_610_000 + first // 1_000_000 % 1000
    for n in (1, 2):
        practice.add_user(f"{mark}-uid-{n}", f"{mark}-pwd", balance=100_000)
    with tenancy.team_scope(person.team_id, app) as session:
        account_id, spare_id = (
            gateway.connect_account(
                f"{mark} account {n}",
                "practice",
                Secret(f"{mark}-uid-{n}"),
                Secret(f"{mark}-pwd"),
                by=person.user_id,
                token=token if n == 1 else None,
            ).id
            for n in (1, 2)
        )
        session.add(
            BalanceReading(
                team_id=person.team_id, account_id=account_id, id=new_id(), read_at=clock.now(),
                cause="manual", outcome="ok", why="accepted", said=f"{mark} 90,000", messages=90_000,
            )
        )  # fmt: skip
        group_id = groups.make(f"{mark} group", person.user_id).id
        people_id, spare_people_id = (groups.make(f"{mark} people {n}", person.user_id).id for n in (1, 2))
        contact_ids = [
            contacts.add(str(first + n), mark, {f"{mark} field": f"{mark} value"}, person.user_id).id
            for n in (10, 40, 41)
        ]
        done = bulk.add_to_group(
            session.get_one(ContactGroup, (person.team_id, people_id)), contact_ids
        ).token
        gone = [str(first + n) for n in (50, 51, 52)]
        optouts.opt_out(gone, "hand", person.user_id, clock.now())
        optout, spare_optout = map(optout_places.number_token, gone[:2])
        erasure_id = erasing.ask(gone[2], person.user_id, clock.now()).id
        text = Content(f"{mark} template", f"{mark} text", "notice")
        template_id = template_operations.keep(text, person.user_id, clock.now()).id
        made = [
            drafts.draft_campaign(
                account_id,
                f"{first + n} {first + n + 1} {mark}",
                f"{mark} text {n}",
                mark,
                person.user_id,
            ).id
            for n in (0, 10, 20)
        ]
        sent = session.get_one(Campaign, (person.team_id, made[1]))
        campaigns.confirm_campaign(sent.id, f"{mark}-key", drafts.preview(sent).digest, person.user_id, 0)
        # A number of its own, so that a batch named in an address is one team's alone.
        sent.next_batch = batch_no
        later = drafts.draft_campaign(
            account_id,
            f"{first + 30} {mark}",
            f"{mark} text 30",
            mark,
            person.user_id,
            send_at=clock.now() + timedelta(days=1),
        )
        seen = drafts.preview(later).digest
        campaigns.confirm_campaign(later.id, f"{mark}-later", seen, person.user_id, 0)
        later_id = later.id
        member = people.add_user(f"member-{mark}@example.org", PASSWORD, name=f"{mark} member")
        members.add_member(member, Role.SENDER)
        member_id = member.id
        invited = invitations.invite(person.user_id, f"invited-{mark}@example.org", Role.VIEWER)
        invitation_id = invited.invitation.id
        session.commit()
        message = addresses.token_of(made[1], (str(first + 10), 0))
        imports = [bring_file(f"{mark} list {n}.csv", mark, first + 40 + 10 * n) for n in (1, 2)]
    ids = {
        "import": str(imports[0]),
        "spare_import": str(imports[1]),
        "account": str(account_id),
        "spare": str(spare_id),
        "draft": str(made[0]),
        "sent": str(made[1]),
        "batch": str(batch_no),
        "later": str(later_id),
        "group": str(group_id),
        "people": str(people_id),
        "spare_people": str(spare_people_id),
        "contact": str(contact_ids[0]),
        "spare_contact": str(contact_ids[2]),
        "done": done,
        "waste": str(made[2]),
        "optout": optout,
        "spare_optout": spare_optout,
        "erasure": str(erasure_id),
        "template": str(template_id),
        "number": str(first + 10),
        "message": message,
        "member": str(member_id),
        "invitation": str(invitation_id),
        "team": person.team,
    }
    return Side(person, mark, token, ids)


def bring_file(name: str, mark: str, first: int) -> int:
    """A file that is checked, with a row that is good and one that is left out."""
    g.language = "en"
    rows = f"mobile,name,{mark[:20]}\n{first},{mark},{mark}\nhello {mark},{mark},{mark}\n"
    one = bringing.take_in(Brought(name, [rows.encode()]), 1)
    operations.check(one.id, Choices(one.columns))
    import_id = one.id
    tenancy.session().commit()
    line.work()
    return import_id


def state_of(app: Flask, side: Side, which: str) -> str:
    """The state of one of the team's campaigns."""
    with tenancy.team_scope(side.person.team_id, app) as session:
        return session.get_one(Campaign, (side.person.team_id, int(side.ids[which]))).state


def tell(app: Flask, database: Database, side: Side) -> None:
    """Let reports come: one that settles a message, one for nothing here, one that nobody can read."""
    team_id, account_id = side.person.team_id, int(side.ids["account"])
    now = clock.now()
    with database.owner() as owner:
        row = owner.execute("SELECT msgid FROM gateway_message WHERE team_id = %s", [team_id]).fetchone()
        assert row is not None
        for msgid in (row[0], f"{side.mark}-9"):
            owner.execute(
                "INSERT INTO report_inbox (team_id, account_id, received_at, msgid, mobile, status, "
                "time_text, reported_at) VALUES (%s, %s, %s, %s, %s, %s, '1770000000', %s)",
                [team_id, account_id, now, msgid, side.ids["number"], side.mark[:32], now],
            )
        owner.execute(
            "INSERT INTO unreadable_report (team_id, account_id, received_at, raw, size) "
            "VALUES (%s, %s, %s, %s, 9)",
            [team_id, account_id, now, side.mark.encode()],
        )
        owner.execute("INSERT INTO unreadable_day VALUES (%s, %s, 1)", [team_id, now.date()])
    with tenancy.team_scope(team_id, app) as session:
        settling.settle(team_id)
        session.commit()
    with database.owner() as owner:
        owner.execute(
            "INSERT INTO report_inbox (team_id, account_id, received_at, msgid, mobile, status, time_text) "
            "VALUES (%s, %s, %s, %s, %s, %s, '')",
            [team_id, account_id, now, f"{side.mark}-8", side.ids["number"], side.mark[:32]],
        )


def take(app: Flask, side: Side) -> Side:
    """Let the team's owner have a file of recipients that is ready to be fetched."""
    person = side.person
    with tenancy.team_scope(person.team_id, app) as session:
        sent = session.get_one(Campaign, (person.team_id, int(side.ids["sent"])))
        export_id = exports.ask_recipients(sent, exports.Format.CSV, person.user_id, "en").id
        session.commit()
        exports.in_snapshot()
        exports.make(export_id)
        session.commit()
        reading = gateway_reads.last_good_reading(int(side.ids["account"]))
        assert reading is not None
        more = {"export": str(export_id), "reading": str(reading.id), "person": str(person.user_id)}
    return dataclasses.replace(side, ids={**side.ids, **more})


def rows_of(database: Database, side: Side) -> dict[str, list[str]]:
    """Every row of a team and of its person, by table, as the owner sees them."""
    kept: dict[str, list[str]] = {}
    with database.owner() as owner:
        for table, condition, values in _tables(owner, side):
            rows = owner.execute(f"SELECT one::text FROM {table} AS one WHERE {condition} ORDER BY 1", values)
            kept[table] = [text for (text,) in rows]
    return kept


def _tables(owner: Any, side: Side) -> list[tuple[str, str, list[Any]]]:
    owned = owner.execute(
        "SELECT relname FROM pg_class JOIN pg_attribute ON attrelid = pg_class.oid AND attname = 'team_id' "
        "WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') AND NOT relispartition "
        "ORDER BY relname"
    ).fetchall()
    team, user = [side.person.team_id], [side.person.user_id]
    return [
        *((name, "team_id = %s", team) for (name,) in owned),
        ("team", "id = %s", team),
        ("app_user", "id = %s", user),
        ("login_session", "user_id = %s", user),
        ("access_entry", "user_id = %s", user),
        ("procrastinate_jobs", "args->>'team_id' = %s", [str(side.person.team_id)]),
    ]
