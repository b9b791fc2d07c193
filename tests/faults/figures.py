"""Figures of a fault test, computed from the gateway's ledger and one dump of the tables.

    python tests/faults/figures.py LEDGER.jsonl DUMP_FOLDER --uid UID [--kills FILE] [--posts FILE]

It imports nothing of the program, so that an error in the program's own counting cannot repeat itself here.
It asserts nothing either: it prints one JSON object, and whoever runs it decides.

LEDGER is the practice gateway's (JSON lines). DUMP_FOLDER holds campaign.csv, batch.csv, message.csv and
attempt.csv, written by COPY with a header from one snapshot. UID is the account whose lines count.
FILE of --kills has a line {"kill": seconds, "dead": seconds} for each kill, which happened between the two;
that of --posts has one {"open_attempt": bool} for each request that passed the hook.

tried, hit          kills, and those of them that cut off a request which the gateway was holding open
recipients          messages of all campaigns that are no draft
delivered           different recipients whose number the gateway took
lost                recipients that it never took
twice               numbers that it took more often than they are recipients
strangers           numbers that it took although they are nobody's
second_digests      batches that were posted in two ways although one may have been taken (I3)
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
    """Whether the gateway held a request open whose caller this kill took away."""
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


def figures(
    ledger: list[Line], folder: Path, uid: str, kills: list[Line], posts: list[Line]
) -> dict[str, object]:
    """All figures."""
    submissions = [line for line in ledger if "submission" in line and line["uid"] == uid]
    campaigns = {
        (row["team_id"], row["id"]): row for row in rows_of(folder, "campaign") if row["state"] != "draft"
    }
    batches = {(row["team_id"], row["campaign_id"], row["no"]): row for row in rows_of(folder, "batch")}
    messages = [
        row for row in rows_of(folder, "message") if (row["team_id"], row["campaign_id"]) in campaigns
    ]
    taken = Counter(mobile for line in submissions for mobile in line["delivered"])
    wanted = Counter(message["mobile"] for message in messages)
    counted: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    for message in messages:
        campaign = message["team_id"], message["campaign_id"]
        counted[campaign][tally_of(message, batches.get((*campaign, message["batch_no"])))] += 1
    total: Counter[str] = sum(counted.values(), Counter())
    return {
        "tried": len(kills),
        "hit": sum(was_hit(kill, submissions) for kill in kills),
        "recipients": len(messages),
        "delivered": sum(1 for mobile in wanted if taken[mobile]),
        "lost": sum(1 for mobile in wanted if not taken[mobile]),
        "twice": sum(1 for mobile, times in taken.items() if times > max(1, wanted[mobile])),
        "strangers": sum(1 for mobile in taken if mobile not in wanted),
        "second_digests": second_digests(submissions, messages),
        "posts": len(posts),
        "unannounced": sum(1 for post in posts if not post["open_attempt"]),
        "unconfirmed": total["unconfirmed"] + total["nowhere"],
        "waiting": total["waiting"],
        "no_report": total["no_report"],
        "reported": total["delivered"],
        "failed": total["failed"],
        "not_sent": total["not_sent"],
        "differences": differences(campaigns, counted),
        "open_attempts": sum(1 for row in rows_of(folder, "attempt") if not row["finished_at"]),
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
    parser.add_argument("--uid", required=True)
    parser.add_argument("--kills", type=Path)
    parser.add_argument("--posts", type=Path)
    said = parser.parse_args(arguments)
    found = figures(
        list(lines_of(said.ledger)),
        said.folder,
        said.uid,
        list(lines_of(said.kills)),
        list(lines_of(said.posts)),
    )
    sys.stdout.write(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
