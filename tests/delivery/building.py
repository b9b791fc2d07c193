"""Rows that reports are about, written straight into the database, and a look at what became of them."""

from __future__ import annotations

import dataclasses
import hashlib
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

import psycopg

from webapp.campaigns import ladder
from webapp.database import new_address, new_id

NOW = datetime(2026, 3, 1, 8, 0, tzinfo=UTC)
TALLIES = ("waiting", "unconfirmed", "no_report", "delivered", "failed", "not_sent")
TALLY_OF = {
    "planned": "waiting",
    "accepted": "no_report",
    "hold": "unconfirmed",
    "unconfirmed": "unconfirmed",
    "stopped": "not_sent",
}

# Tallies of what was handed over, which the roll-ups count.
HANDED = ("unconfirmed", "no_report")
# What a message of these campaigns is billed as.
PARTS = 2

Connection = psycopg.Connection[tuple[Any, ...]]


@dataclasses.dataclass(frozen=True)
class Account:
    """A team with one gateway account and a callback token."""

    team_id: int
    id: int
    token: str


def make_account(owner: Connection, token: str = "") -> Account:
    """A new team with an account."""
    team_id = new_id()
    owner.execute(
        "INSERT INTO team (id, address, name, created_at) VALUES (%s, %s, 'Team', %s)",
        (team_id, new_address(), NOW),
    )
    account_id = new_id()
    owner.execute(
        "INSERT INTO gateway_account (team_id, id, label, gateway, sealed_uid, sealed_pwd, set_at, "
        "fingerprint, state_at, created_at) VALUES (%s, %s, 'Main', 'main', '', '', %s, %s, %s, %s)",
        (team_id, account_id, NOW, bytes(32), NOW, NOW),
    )
    token = token or f"token-{account_id}"
    add_token(owner, team_id, account_id, token)
    return Account(team_id, account_id, token)


def add_token(owner: Connection, team_id: int, account_id: int, token: str) -> None:
    """One more valid callback address for an account."""
    owner.execute(
        "INSERT INTO callback_token (team_id, account_id, token_hash, sealed_token, created_at) "
        "VALUES (%s, %s, %s, '', %s)",
        (team_id, account_id, hashlib.sha256(token.encode()).digest(), NOW),
    )


def make_campaign(owner: Connection, account: Account, batches: Sequence[tuple[str, Sequence[str]]]) -> int:
    """A campaign whose batches have these states and numbers; returns its id."""
    campaign_id = new_id()
    sums = dict.fromkeys(TALLIES, 0)
    for state, mobiles in batches:
        sums[TALLY_OF[state]] += len(mobiles)
    owner.execute(
        "INSERT INTO campaign (team_id, id, account_id, kind, state, name, body, created_at, recipients, "
        f"{', '.join(sums)}) VALUES (%s, %s, %s, 'notice', 'sending', 'C', 'hello', %s, %s, "
        f"{', '.join(['%s'] * len(sums))})",
        (account.team_id, campaign_id, account.id, NOW, sum(sums.values()), *sums.values()),
    )
    for no, (state, mobiles) in enumerate(batches, 1):
        owner.execute(
            "INSERT INTO batch (team_id, campaign_id, no, account_id, state, content, mobiles, size, open, "
            "handed_at, parts) VALUES (%s, %s, %s, %s, %s, 'hello', %s, %s, %s, %s, %s)",
            (account.team_id, campaign_id, no, account.id, state, list(mobiles), len(mobiles), len(mobiles),
            NOW if TALLY_OF[state] in HANDED else None, PARTS),
        )  # fmt: skip
        owner.execute(
            "INSERT INTO message (team_id, campaign_id, mobile, batch_no) "
            "SELECT %s, %s, unnest(%s::text[]), %s",
            (account.team_id, campaign_id, list(mobiles), no),
        )
        if TALLY_OF[state] in HANDED:
            _roll_up(owner, account, TALLY_OF[state], mobiles)
    return campaign_id


def _roll_up(owner: Connection, account: Account, outcome: str, mobiles: Sequence[str]) -> None:
    owner.execute(
        "INSERT INTO rollup_hour AS known (team_id, hour, account_id, operator, outcome, messages, parts) "
        "SELECT %s, date_trunc('hour', %s::timestamptz, 'UTC'), %s, operator_of(mobile), %s, count(*), "
        "%s * count(*) FROM unnest(%s::text[]) AS mobile GROUP BY operator_of(mobile) "
        "ON CONFLICT (team_id, hour, account_id, operator, outcome) DO UPDATE SET "
        "messages = known.messages + excluded.messages, parts = known.parts + excluded.parts",
        (account.team_id, NOW, account.id, outcome, PARTS, list(mobiles)),
    )


def note_msgid(
    owner: Connection, account: Account, msgid: str, campaign_id: int, no: int, at: datetime = NOW
) -> None:
    """What storing an answer does: this msgid names this batch from now on."""
    owner.execute(
        "INSERT INTO gateway_message (team_id, account_id, msgid, campaign_id, batch_no, source, noted_at) "
        "VALUES (%s, %s, %s, %s, %s, 'answer', %s)",
        (account.team_id, account.id, msgid, campaign_id, no, at),
    )


Told = tuple[str, str, str, str, datetime | None]


def tell(owner: Connection, account: Account, reports: Iterable[Told], received_at: datetime = NOW) -> None:
    """Put reports (msgid, mobile, status, time text, time) into the inbox."""
    with owner.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO report_inbox (team_id, account_id, received_at, msgid, mobile, status, time_text, "
            "reported_at) VALUES (%s, %s, %s, %s, %s, %s, %s, %s)",
            [(account.team_id, account.id, received_at, *report) for report in reports],
        )


def at(seconds: int) -> tuple[str, datetime]:
    """The time of a report so long after NOW, as its text and as a moment."""
    moment = int(NOW.timestamp()) + seconds
    return str(moment), datetime.fromtimestamp(moment, UTC)


def told(msgid: str, mobile: str, status: str, seconds: int = 0) -> Told:
    """One report."""
    return (msgid, mobile, status, *at(seconds))


def outcomes(owner: Connection, campaign_id: int) -> dict[str, tuple[str | None, str | None]]:
    """Outcome and status of each message of a campaign."""
    rows = owner.execute("SELECT mobile, outcome, status FROM message WHERE campaign_id = %s", (campaign_id,))
    return {mobile: (outcome, status) for mobile, outcome, status in rows}


def tallies(owner: Connection, campaign_id: int) -> dict[str, int]:
    """The tallies of a campaign that are not zero."""
    row = owner.execute(f"SELECT {', '.join(TALLIES)} FROM campaign WHERE id = %s", (campaign_id,)).fetchone()
    assert row is not None
    return {name: count for name, count in zip(TALLIES, row, strict=True) if count}


def recount(owner: Connection, campaign_id: int) -> tuple[dict[str, int], dict[int, int]]:
    """The tallies and the open messages of each batch, counted from the messages themselves."""
    sums = dict.fromkeys(TALLIES, 0)
    still_open: dict[int, int] = {}
    rows = owner.execute(
        "SELECT batch.no, batch.state, message.outcome FROM batch "
        "LEFT JOIN message ON message.campaign_id = batch.campaign_id AND message.batch_no = batch.no "
        "WHERE batch.campaign_id = %s",
        (campaign_id,),
    )
    for no, state, outcome in rows:
        still_open.setdefault(no, 0)
        still_open[no] += outcome is None
        tally = TALLY_OF[state] if outcome is None else str(outcome)
        sums["no_report" if tally == "other" else tally] += 1
    return {name: count for name, count in sums.items() if count}, still_open


RollUps = tuple[Counter[tuple[Any, ...]], Counter[tuple[Any, ...]]]


def roll_ups(owner: Connection, team_id: int) -> RollUps:
    """What the roll-ups of a team say: of what was handed over, and of what was reported."""
    hours = owner.execute(
        "SELECT hour, operator, outcome, messages, parts FROM rollup_hour "
        "WHERE team_id = %s AND messages > 0",
        (team_id,),
    )
    reports = owner.execute(
        "SELECT hour, outcome, status, step, messages FROM rollup_report WHERE team_id = %s AND messages > 0",
        (team_id,),
    )
    return Counter({tuple(row): 1 for row in hours}), Counter({tuple(key): n for *key, n in reports})


def count_roll_ups(owner: Connection, team_id: int) -> RollUps:
    """The same, counted one by one from the messages."""
    messages: Counter[tuple[Any, ...]] = Counter()
    parts: Counter[tuple[Any, ...]] = Counter()
    reports: Counter[tuple[Any, ...]] = Counter()
    rows = owner.execute(
        "SELECT batch.handed_at, batch.state, batch.parts, operator_of(message.mobile), message.outcome, "
        "message.status, message.reported_at FROM message JOIN batch ON batch.team_id = message.team_id "
        "AND batch.campaign_id = message.campaign_id AND batch.no = message.batch_no "
        "WHERE message.team_id = %s",
        (team_id,),
    )
    for handed_at, state, weight, operator, outcome, status, reported_at in rows:
        tally = TALLY_OF[state] if outcome is None else ("no_report" if outcome == "other" else outcome)
        if tally not in ("waiting", "not_sent"):
            hour = handed_at.replace(minute=0, second=0, microsecond=0)
            messages[hour, operator, tally] += 1
            parts[hour, operator, tally] += weight
            if outcome is not None:
                took = None if reported_at is None else (reported_at - handed_at).total_seconds()
                reports[hour, outcome, status, ladder.step(took)] += 1
    return Counter({(*key, count, parts[key]): 1 for key, count in messages.items()}), reports


def states(owner: Connection, team_id: int) -> dict[tuple[str, str, str], tuple[str, int]]:
    """State and count of each settled report of a team, by msgid, number and status."""
    query = "SELECT msgid, mobile, status, state, seen FROM report WHERE team_id = %s"
    rows = owner.execute(query, (team_id,))
    return {(msgid, mobile, status): (state, seen) for msgid, mobile, status, state, seen in rows}
