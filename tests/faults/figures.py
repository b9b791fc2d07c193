"""Figures of a fault test, computed from the gateway's ledger and one dump of the tables.

    python tests/faults/figures.py LEDGER.jsonl DUMP_FOLDER --uid UID [--uid …] [--account ID …]
        [--kills FILE] [--posts FILE]

It imports nothing of the program, so that an error in the program's own counting cannot repeat itself here.
It asserts nothing either: it prints one JSON object, and whoever runs it decides.

LEDGER is the practice gateway's (JSON lines). DUMP_FOLDER holds campaign.csv, batch.csv, message.csv and
attempt.csv, written by COPY with a header from one snapshot. The UIDs are those of the gateway accounts whose
lines count; with ID only campaigns of those accounts do. FILE of --kills has a line {"kill": seconds, "dead":
seconds} for each kill, which happened between the two. What it is expected to have met is in "met": "caller"
(so it is unless said), "open" or "transaction". FILE of --posts has a line {"open_attempt": bool} for each
request that passed the hook.

tried, hit          kills, and those of them that met something under way: cut off a request that the gateway
                    was holding open (caller), found one open (open), or found a transaction (transaction:
                    whoever killed had it in hand)
recipients          messages of all campaigns that are no draft
delivered           different recipients whose number the gateway took
never_taken         recipients that it never took
lost                those of them of whom the rows do not say that it is unclear, refused or not sent
twice               numbers that it took more often than they are recipients
strangers           numbers that it took although they are nobody's
second_digests      batches that were posted in two ways although one may have been taken (I3)
submitted_again     numbers that were in a request again after one whose answer was no proved refusal
forgotten           requests that were answered with a msgid which no attempt knows
posts, unannounced  requests that the hook saw, and those for which no open attempt was committed (I4)
unconfirmed         messages of which nobody knows what became of them
waiting, no_report, reported, failed, not_sent   the other messages, counted one by one
differences         tallies that say something else than the count
open_attempts       attempts without an end
"""

from __future__ import annotations

import argparse
import csv
import json
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

Row = dict[str, str]
Line = dict[str, Any]
Key = tuple[str, str, str]

# Codes by which a gateway says that it took nothing; 7 may mean anything.
REFUSALS = {"1", "2", "3", "4", "5", "6", "8"}
# The tally of a message without an outcome of its own, by its batch.
BY_BATCH = {
    "planned": "waiting",
    "retry": "waiting",
    "blocked": "waiting",
    "inflight": "waiting",
    "hold": "unconfirmed",
    "unconfirmed": "unconfirmed",
    "closed": "unconfirmed",
    "accepted": "no_report",
    "rejected": "failed",
    "stopped": "not_sent",
}
TALLIES = ("waiting", "unconfirmed", "no_report", "delivered", "failed", "not_sent")
# How long after its caller's death the gateway may notice that nobody waits any more.
NOTICED_WITHIN = 2.0


def lines_of(path: Path | None) -> Iterator[Line]:
    """The JSON lines of a file; a last one that is not finished is left out."""
    if path is None:
        return
    raw = path.read_bytes()
    for line in raw[: raw.rfind(b"\n") + 1].splitlines():
        yield json.loads(line)


def rows_of(folder: Path, table: str) -> list[Row]:
    """One table of the dump."""
    with (folder / f"{table}.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def was_hit(kill: Line, submissions: list[Line]) -> bool:
    """Whether a kill met something under way, of the kind that it is expected to have met."""
    if kill.get("met") == "transaction":
        return True
    if kill.get("met") == "open":
        return any(
            line["opened_at"] is not None and line["opened_at"] <= kill["kill"] <= line["closed_at"]
            for line in submissions
        )
    return any(
        line["ended"] == "gone"
        and line["opened_at"] <= kill["dead"]
        and kill["kill"] <= line["closed_at"] <= kill["dead"] + NOTICED_WITHIN
        for line in submissions
    )


def may_be_taken(line: Line) -> bool:
    """Whether a request may have reached people, as far as its answer tells."""
    refused = line["decision"] in REFUSALS or line["kind"].removeprefix("code") in REFUSALS
    return not (refused and not line["delivered"] and not line["swallowed"])


def tally_of(message: Row, batch: Row | None) -> str:
    """Where one message is counted: its own outcome wins, else the state of its batch says it."""
    outcome = message["outcome"]
    if outcome:
        return "no_report" if outcome == "other" else outcome
    if batch is None:
        return "nowhere"
    if batch["state"] == "inflight" and batch["first_unknown_at"]:
        return "unconfirmed"
    return BY_BATCH.get(batch["state"], "nowhere")


def second_digests(submissions: list[Line], messages: list[Row]) -> int:
    """Batches of which two different requests may have been taken."""
    batch_of: dict[str, set[Key]] = defaultdict(set)
    for message in messages:
        batch_of[message["mobile"]].add((message["team_id"], message["campaign_id"], message["batch_no"]))
    bodies: dict[tuple[Key, str], set[str]] = defaultdict(set)
    for line in filter(may_be_taken, submissions):
        for mobile in line["mobiles"]:
            for key in batch_of[mobile]:
                # One number may be in several campaigns; their texts tell the requests apart.
                bodies[key, line["content_sha256"]].add(line["body_sha256"])
    return len({key for (key, _content), found in bodies.items() if len(found) > 1})


def submitted_again(submissions: list[Line]) -> int:
    """Numbers in a request that came after one with the same text which may have been taken."""
    doubtful: set[tuple[str, str]] = set()
    again: set[str] = set()
    for line in sorted(
        (line for line in submissions if line["opened_at"]), key=lambda line: line["opened_at"]
    ):
        pairs = {(mobile, line["content_sha256"]) for mobile in line["mobiles"]}
        again |= {mobile for mobile, _text in pairs & doubtful}
        if may_be_taken(line):
            doubtful |= pairs
    return len(again)


def is_told(message: Row, batch: Row | None) -> bool:
    """Whether the rows say of a message that nobody can count on it: unclear, refused, or not sent."""
    tally = tally_of(message, batch)
    refused = not message["outcome"] and batch is not None and batch["state"] == "rejected"
    return tally in ("unconfirmed", "not_sent") or refused


def figures(
    ledger: list[Line],
    folder: Path,
    uids: set[str],
    accounts: set[str],
    kills: list[Line],
    posts: list[Line],
) -> dict[str, object]:
    """All figures."""
    submissions = [line for line in ledger if "submission" in line and line["uid"] in uids]
    campaigns = {
        (row["team_id"], row["id"]): row
        for row in rows_of(folder, "campaign")
        if row["state"] != "draft" and (not accounts or row["account_id"] in accounts)
    }
    batches = {(row["team_id"], row["campaign_id"], row["no"]): row for row in rows_of(folder, "batch")}
    messages = [
        row for row in rows_of(folder, "message") if (row["team_id"], row["campaign_id"]) in campaigns
    ]
    attempts = [
        row for row in rows_of(folder, "attempt") if (row["team_id"], row["campaign_id"]) in campaigns
    ]
    taken = Counter(mobile for line in submissions for mobile in line["delivered"])
    wanted = Counter(message["mobile"] for message in messages)
    told: set[str] = set()
    counted: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    for message in messages:
        campaign = message["team_id"], message["campaign_id"]
        batch = batches.get((*campaign, message["batch_no"]))
        counted[campaign][tally_of(message, batch)] += 1
        if is_told(message, batch):
            told.add(message["mobile"])
    total: Counter[str] = sum(counted.values(), Counter())
    known = {"", *(row["msgid"] for row in attempts)}
    return {
        "tried": len(kills),
        "hit": sum(was_hit(kill, submissions) for kill in kills),
        "recipients": len(messages),
        "delivered": sum(1 for mobile in wanted if taken[mobile]),
        "never_taken": sum(1 for mobile in wanted if not taken[mobile]),
        "lost": sum(1 for mobile in wanted if not taken[mobile] and mobile not in told),
        "twice": sum(1 for mobile, times in taken.items() if times > max(1, wanted[mobile])),
        "strangers": sum(1 for mobile in taken if mobile not in wanted),
        "second_digests": second_digests(submissions, messages),
        "submitted_again": submitted_again(submissions),
        "forgotten": sum(
            1
            for line in submissions
            if line["ended"] == "answered" and line["kind"] == "ok" and line["msgid"] not in known
        ),
        "posts": len(posts),
        "unannounced": sum(1 for post in posts if not post["open_attempt"]),
        "unconfirmed": total["unconfirmed"] + total["nowhere"],
        "waiting": total["waiting"],
        "no_report": total["no_report"],
        "reported": total["delivered"],
        "failed": total["failed"],
        "not_sent": total["not_sent"],
        "differences": differences(campaigns, counted),
        "open_attempts": sum(1 for row in attempts if not row["finished_at"]),
    }


def differences(campaigns: dict[tuple[str, str], Row], counted: dict[tuple[str, str], Counter[str]]) -> int:
    """Tallies that are not what counting the messages gives, and campaigns that do not add up."""
    wrong = 0
    for key, campaign in campaigns.items():
        wrong += sum(int(campaign[tally]) != counted[key][tally] for tally in TALLIES)
        wrong += sum(counted[key].values()) != int(campaign["recipients"])
    return wrong


def main(arguments: list[str]) -> None:
    """Read, count, print."""
    parser = argparse.ArgumentParser(description="Figures of a fault test as JSON.")
    parser.add_argument("ledger", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--uid", action="append", required=True)
    parser.add_argument("--account", action="append", default=[])
    parser.add_argument("--kills", type=Path)
    parser.add_argument("--posts", type=Path)
    said = parser.parse_args(arguments)
    found = figures(
        list(lines_of(said.ledger)),
        said.folder,
        set(said.uid),
        set(said.account),
        list(lines_of(said.kills)),
        list(lines_of(said.posts)),
    )
    sys.stdout.write(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
