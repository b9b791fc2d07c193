"""What must always hold, asked of a team's rows: after every fault test, and by `python -m webapp doctor`.

Two things no row can tell. That an attempt was committed before its
request left (I4): here only that it is there. That a repeat had the same bytes as the first request (I3): a
batch keeps one digest, so here it is held against its numbers and text of now, as long as the account still
has the uid that they went out with; what really was posted only the gateway's side knows.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import TextClause, select

from webapp import tenancy
from webapp.campaigns import invariant_statements as statements
from webapp.campaigns import recounting
from webapp.campaigns.claims import digest
from webapp.gateway.credentials import Credentials, GatewayGoneError, key_ring, open_credentials
from webapp.gateway.models import GatewayAccount
from webapp.sealing import KeyRingError, SealError, fingerprint

# Rows of a big team are read in pieces: each holds thousands of numbers.
_PIECE = 50
_MOST_TOLD = 5


@dataclass(frozen=True)
class Rule:
    """One thing that must hold. `look` returns a sentence for each way in which it does not."""

    name: str
    holds: str
    look: Callable[[], list[str]]


def broken() -> list[str]:
    """What does not hold in the present team, as sentences; none when all is well."""
    return [f"{rule.name}: {sentence}" for rule in RULES for sentence in rule.look()]


def _rows(statement: TextClause, sentence: str) -> Callable[[], list[str]]:
    """A look for rows that break a rule."""

    def look() -> list[str]:
        row = tenancy.session().execute(statement, {"team": tenancy.scope()}).one()
        return [_told(row.found, tuple(row.first), sentence)] if row.found else []

    return look


def _told(found: int, first: tuple[int, int], sentence: str) -> str:
    campaign_id, no = first
    place = f"campaign {campaign_id}, batch {no}" if no else f"campaign {campaign_id}"
    return f"{sentence}: {found} time(s), first in {place}"


def _digests() -> list[str]:
    """Batches whose digest is not that of their numbers and their text."""
    wrong: list[tuple[int, int]] = []
    for account in tenancy.session().scalars(
        select(GatewayAccount).where(GatewayAccount.team_id == tenancy.scope())
    ):
        credentials = _credentials(account)
        if credentials is not None:
            wrong.extend(_of_another_digest(account, credentials))
    if not wrong:
        return []
    return [_told(len(wrong), min(wrong), "a batch is not what its digest was made of")]


def _of_another_digest(account: GatewayAccount, credentials: Credentials) -> list[tuple[int, int]]:
    rows = tenancy.session().execute(
        statements.DIGESTS,
        {
            "team": tenancy.scope(),
            "account": account.id,
            # Not the one that is kept: the operator may have given the gateway another address since.
            "fingerprint": fingerprint(key_ring(), credentials.base_url, credentials.uid),
        },
        execution_options={"yield_per": _PIECE},
    )
    return [
        (row.campaign_id, row.no)
        for row in rows
        if row.digest is not None and row.digest != digest(credentials, row.content, tuple(row.mobiles))
    ]


def _credentials(account: GatewayAccount) -> Credentials | None:
    """None where they cannot be opened: then nothing can be said about digests."""
    try:
        return open_credentials(account)
    except (GatewayGoneError, SealError, KeyRingError):
        return None


def _posted() -> list[str]:
    sentence = "a request was made without a digest, or once more through another account"
    return [*_rows(statements.WITHOUT_DIGEST, sentence)(), *_digests()]


def _recount() -> list[str]:
    found = recounting.differences()
    told = [str(difference) for difference in found[:_MOST_TOLD]]
    more = [f"{len(found)} numbers differ in all"] if len(found) > _MOST_TOLD else []
    return told + more


RULES = (
    Rule(
        "I1",
        "every recipient is counted, and has a message",
        _rows(statements.RECIPIENTS, "the recipients are not what the tallies or the messages make up"),
    ),
    Rule(
        "I2",
        "each number's copy is in one live batch of its campaign",
        _rows(statements.LIVE_BATCHES, "a number and its message do not stand in the same live batch"),
    ),
    Rule("I3", "what may have been taken is still what its digest was made of", _posted),
    Rule(
        "I4",
        "each attempt is written down, and only what is in flight waits for an answer",
        _rows(statements.ATTEMPTS, "a batch and its attempts do not agree"),
    ),
    Rule(
        "I5",
        "a batch is accepted if and only if an answer, its reports or a person said so",
        _rows(statements.TAKEN, "a batch is accepted without a reason, or has one and is not"),
    ),
    Rule(
        "I6",
        "nothing that may have been taken is given out as not sent, or sent anew, by the machine",
        _rows(statements.UNKNOWN, "a batch with an unknown attempt was taken for one that had not left"),
    ),
    Rule("I7", "tallies, minutes and roll-ups agree with a recount", _recount),
    Rule(
        "States",
        "the state of a campaign says what its batches do",
        _rows(statements.STATES, "a batch is on its way, or was tried, against its campaign's state"),
    ),
)
