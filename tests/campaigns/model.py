"""A model of sending: plain Python, written from docs/sending.md and from nothing that the program does.

What an outsider cannot know is told to it: which due batch a claim took, how planning cut the numbers. It
checks that this was allowed, and everything else it foretells.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

CALL_LIMIT, LEASE, EVIDENCE = timedelta(seconds=90), timedelta(seconds=240), timedelta(seconds=90)
REPEATS = (timedelta(seconds=90), timedelta(seconds=300))
START_BY = timedelta(hours=1)
MOST_CUTS = 3
MOST_UNCLEAR = 3
FEWEST = 3

NOT_GONE = ("planned", "retry", "blocked")
UNDER_WAY = ("planning", "scheduled", "ready", "sending")
UNCLEAR = ("hold", "unconfirmed", "closed")
ACCOUNT_REASONS = ("credentials", "frozen", "balance", "wrong_address", "switched_off")
TALLY = {
    **dict.fromkeys((*NOT_GONE, "inflight"), "waiting"), **dict.fromkeys(UNCLEAR, "unconfirmed"),
    "accepted": "no_report", "rejected": "failed", "stopped": "not_sent",
}  # fmt: skip

# The table of answers: what is known of the request, the batch while nothing was unknown before, the
# account's next state, why the campaign pauses. "halves" and "smaller" are looked at in `Model.answered`.
ANSWERS: dict[str, tuple[str, str, str | None, str | None]] = {
    "0": ("taken", "accepted", "ok", None),
    "0 without msgid": ("taken", "accepted", "ok", None),
    "1": ("refused", "blocked", "broken", "credentials"),
    "2": ("refused", "halves", None, None),
    "3": ("refused", "rejected", None, "content_empty"),
    "4": ("refused", "rejected", None, "content_too_long"),
    "5": ("refused", "blocked", "out_of_balance", "balance"),
    "6": ("refused", "smaller", None, None),
    "7": ("unknown", "hold", None, None),
    "8": ("refused", "blocked", "frozen", "frozen"),
    "99": ("unknown", "unconfirmed", None, "odd_code"),
    "refused": ("not_left", "retry", None, None),
    "connect timeout": ("not_left", "retry", None, None),
    "withheld": ("not_left", "retry", None, None),
    "lost": ("unknown", "hold", None, None),
    "timeout": ("unknown", "hold", None, None),
    "html": ("unknown", "hold", None, None),
    "500": ("unknown", "hold", None, None),
    "404": ("wrong_address", "unconfirmed", "misconfigured", "wrong_address"),
}
STOPS_ACCOUNT = ("broken", "frozen", "out_of_balance", "misconfigured")
RANKS = {"ACCEPTD": (1, None), "UNKNOWN": (2, "failed"), "WHAT": (2, "other"), "UNDELIV": (3, "failed"),
         "DELIVRD": (4, "delivered")}  # fmt: skip


@dataclass
class Account:
    """The gateway account of the team."""

    state: str = "untested"
    state_at: datetime | None = None
    limit: int = 3
    mode: str = "repeat"
    dedup: timedelta = timedelta(seconds=900)
    version: int = 1
    uid: int = 0

    @property
    def usable(self) -> bool:
        return self.state in ("untested", "ok")


@dataclass
class Message:
    """One number of a campaign."""

    no: int
    outcome: str | None = None
    rank: int = 0
    at: int = 0
    status: str = ""


@dataclass
class Batch:
    """The numbers of one request."""

    no: int
    mobiles: list[str]
    state: str = "planned"
    parent: int | None = None
    again: bool = False
    # (when it began, known by the reaper alone), by n - 1; what each request was made through.
    began: list[datetime] = field(default_factory=list)
    uids: list[int] = field(default_factory=list)
    unknown_at: datetime | None = None
    repeats: int = 0
    lease: datetime | None = None
    msgids: set[str] = field(default_factory=set)
    no_msgid: bool = False
    opted_out: bool = False
    by_person: bool = False
    cut_for_number: bool = False


@dataclass
class Campaign:
    """One campaign; `sent_again` counts for each number how often a person had it sent again."""

    state: str = "planning"
    paused: bool = False
    why: str | None = None
    recipients: int = 0
    send_at: datetime | None = None
    not_after: datetime | None = None
    begin_at: datetime | None = None
    since: datetime | None = None
    cuts: int = 0
    batches: dict[int, Batch] = field(default_factory=dict)
    messages: dict[str, Message] = field(default_factory=dict)
    people: list[str] = field(default_factory=list)
    unplanned: bool = True
    sent_again: Counter[str] = field(default_factory=Counter)
    unborn: list[Batch] = field(default_factory=list)

    def held(self, batch: Batch) -> list[str]:
        """Its numbers without an outcome of their own."""
        return [one for one in batch.mobiles if self.messages[one].no == batch.no
                and self.messages[one].outcome is None]  # fmt: skip

    def tallies(self) -> dict[str, int]:
        """How many recipients are counted as what."""
        sums: Counter[str] = Counter()
        for message in self.messages.values():
            if message.outcome is not None:
                sums["no_report" if message.outcome == "other" else message.outcome] += 1
                continue
            batch = self.batches[message.no]
            repeated = batch.state == "inflight" and batch.unknown_at is not None
            sums["unconfirmed" if repeated else TALLY[batch.state]] += 1
        if self.unplanned and self.state != "draft":
            sums["waiting"] += self.recipients - len(self.messages)
        return {name: count for name, count in sums.items() if count}

    def line(self, batch: Batch) -> Iterator[Batch]:
        """The batch and what it came of."""
        yield batch
        if batch.parent is not None:
            yield from self.line(self.batches[batch.parent])

    def second(self, batch: Batch) -> bool:
        """Whether it, or what it was cut from, is one that a person had sent again."""
        return any(one.again for one in self.line(batch))

    def born(self, mobiles: Iterable[str], parent: Batch, **more: object) -> Batch:
        """A new batch that has its messages already; its number is told by the program."""
        child = Batch(-1 - len(self.unborn), list(mobiles), parent=parent.no)
        for name, value in more.items():
            setattr(child, name, value)
        self.unborn.append(child)
        self.batches[child.no] = child
        for mobile in child.mobiles:
            if self.messages[mobile].no == parent.no:
                self.messages[mobile].no = child.no
        return child

    def christen(self, child: Batch, no: int) -> None:
        """Give a new batch the number that the program gave it."""
        for message in self.messages.values():
            if message.no == child.no:
                message.no = no
        for other in self.batches.values():
            if other.parent == child.no:
                other.parent = no
        self.batches[no] = self.batches.pop(child.no)
        child.no = no

    def halve(self, batch: Batch) -> None:
        """Two planned halves instead of a batch."""
        middle = len(batch.mobiles) // 2
        batch.state = "replaced"
        for mobiles in (batch.mobiles[:middle], batch.mobiles[middle:]):
            self.born(mobiles, batch)

    def pause(self, why: str) -> None:
        """The first reason stays."""
        if self.state in UNDER_WAY and self.why is None:
            self.why = why

    def note_over(self) -> None:
        """Sending is over when no batch waits for anything; finished when everything is known."""
        waiting = (*NOT_GONE, "inflight", "hold")
        if self.state == "sending" and not any(one.state in waiting for one in self.batches.values()):
            self.state = "waiting_for_reports"
        known = not self.tallies().keys() & {"waiting", "unconfirmed", "no_report"}
        if self.state == "waiting_for_reports" and known:
            self.state = "finished"

    def note_unclear(self) -> None:
        """More unconfirmed batches than three, since it began or was resumed, pause it."""
        since = self.since
        unclear = [
            one for one in self.batches.values()
            if one.state == "unconfirmed" and one.unknown_at and since and one.unknown_at >= since
        ]  # fmt: skip
        if self.state == "sending" and len(unclear) > MOST_UNCLEAR:
            self.pause("unclear")

    def note_stopped(self) -> None:
        """Stopped once nothing is under way and everybody has a row."""
        under_way = any(one.state == "inflight" for one in self.batches.values())
        if self.state == "stopping" and not under_way and not self.unplanned:
            self.state = "stopped"

    def end(self) -> None:
        """What has not left goes no more; of a second sending that is not known, so it stays unclear."""
        for batch in self.batches.values():
            if batch.state == "hold":
                batch.state = "unconfirmed"
            elif batch.state in NOT_GONE:
                batch.state = "closed" if self.second(batch) else "stopped"
        self.note_stopped()
