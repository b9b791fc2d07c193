"""Settling: what reports change, a group of them at a time, in any order and any number of times.

A message's outcome is the best report about it, by rank and then by time, whoever came first. So repeats and
late reports change nothing that they should not, and the same reports always end in the same numbers. Reports
start, stop and pay for nothing.

Locks are taken as everywhere in sending: batches in the order of their keys, then campaigns, then the
roll-ups, then accounts.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Row

from webapp import clock, tenancy
from webapp.campaigns import endings, rollups, tallies
from webapp.campaigns.rollups import BatchMove, MessageMove
from webapp.delivery import promises, statements
from webapp.gateway.report_words import meaning

MOST_REPORTS = 20_000
ALWAYS = datetime(1970, 1, 1, tzinfo=UTC)


def settle(team_id: int) -> int:
    """Settle the oldest reports in the team's inbox, at most 20,000; returns how many were taken out of it.

    Needs an open scope of this team. The caller commits. 0 also when another process settles this team.
    """
    if not _begin(team_id):
        return 0
    _run(statements.TAKE_INBOX, team_id, most=MOST_REPORTS)
    taken = int(tenancy.session().execute(statements.COUNT_TAKEN).scalar_one())
    if taken:
        _match_and_move(team_id)
        _run(statements.STORE_REPORTS, team_id)
        _run(statements.LOCK_ACCOUNTS, team_id)
        _run(statements.NOTE_LAST_HEARD, team_id)
        promises.check(team_id)
    return taken


def match_waiting(team_id: int, since: datetime = ALWAYS) -> int:
    """Settle waiting reports, received since then, whose message is known by now; returns how many.

    Needs an open scope of this team. The caller commits.
    """
    if not _begin(team_id):
        return 0
    found = _run(statements.TAKE_WAITING, team_id, since=since, most=MOST_REPORTS).rowcount
    if found:
        _match_and_move(team_id)
        stored = int(_run(statements.STORE_WAITED, team_id).rowcount)
        promises.check(team_id)
        return stored
    return 0


def give_up_waiting(team_id: int, now: datetime) -> int:
    """Reports that waited as long as their account waits for any belong to nothing; returns how many."""
    return int(_run(statements.GIVE_UP_WAITING, team_id, now=now).rowcount)


def _begin(team_id: int) -> bool:
    if tenancy.scope() != team_id:
        raise tenancy.ScopeError("settling needs the scope of its team")
    session = tenancy.session()
    if not session.execute(statements.LOCK_TEAM, {"team": team_id}).scalar_one():
        return False
    for table in statements.SESSION_TABLES:
        session.execute(table)
    return True


def _match_and_move(team_id: int) -> None:
    """Find the message of each report laid out, give it its outcome, and move tallies and roll-ups."""
    _run(statements.LOCK_BATCHES, team_id)
    _run(statements.MATCH, team_id)
    statuses = tenancy.session().execute(statements.STATUSES).scalars().all()
    if not statuses:
        return
    now = clock.now()
    changes = _run(statements.SETTLE, team_id, now=now, **_words(statuses)).all()
    _lower_open(team_id, changes, now)
    _run(statements.LOCK_CAMPAIGNS, team_id)
    moved: dict[int, list[tuple[str | None, str, int]]] = defaultdict(list)
    for row in changes:
        moved[row.campaign_id].append((_source(row), _target(row), row.messages))
    for campaign_id in sorted(moved):
        tallies.move(campaign_id, tallies.moved(moved[campaign_id]))
    rollups.move_messages(_moves(changes))
    rollups.move_batches(_handed_by_report(changes), now)
    endings.note_finished(sorted(moved), now)
    _run(statements.NOTE_LAST_REPORT, team_id)


def _words(statuses: Sequence[str]) -> dict[str, Any]:
    """The words that change something, as columns."""
    words = [(status, meaning(status)) for status in statuses]
    telling = [(status, word) for status, word in words if word.outcome is not None]
    return {
        "statuses": [status for status, _ in telling],
        "ranks": [word.rank for _, word in telling],
        "outcomes": [word.outcome for _, word in telling],
    }


def _source(row: Row[Any]) -> str | None:
    if row.old_outcome is not None:
        return tallies.outcome_tally(row.old_outcome)
    return _open_tally(row)


def _open_tally(row: Row[Any]) -> str | None:
    return tallies.tally_of(row.state, row.first_unknown)


def _target(row: Row[Any]) -> str:
    return tallies.outcome_tally(row.outcome)


def _moves(changes: Sequence[Row[Any]]) -> Iterator[MessageMove]:
    """What the roll-ups must hear; of a batch that is not in them yet nothing can be taken."""
    for row in changes:
        before = _source(row) if row.handed else None
        parts = row.messages * row.parts
        yield MessageMove(row.account_id, row.hour, row.operator, before, _target(row), row.messages, parts)


def _handed_by_report(changes: Sequence[Row[Any]]) -> Iterator[BatchMove]:
    """Batches that nobody had noted as handed over: what is still open of them is rolled up from now on."""
    tally = {(row.campaign_id, row.batch_no): _open_tally(row) for row in changes if not row.handed}
    for (campaign_id, no), after in tally.items():
        yield BatchMove(campaign_id, no, None, after)


def _lower_open(team_id: int, changes: Sequence[Row[Any]], now: datetime) -> None:
    closed: Counter[tuple[int, int]] = Counter()
    for row in changes:
        if row.old_outcome is None:
            closed[row.campaign_id, row.batch_no] += row.messages
    if closed:
        campaigns, numbers = zip(*closed, strict=True)
        _run(
            statements.LOWER_OPEN,
            team_id,
            now=now,
            campaigns=list(campaigns),
            numbers=list(numbers),
            messages=list(closed.values()),
        )


def _run(statement: Any, team_id: int, **values: Any) -> Any:
    return tenancy.session().execute(statement, {"team": team_id, **values})
