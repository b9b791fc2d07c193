"""The one place that writes a campaign's tallies.

A tally is a column of `campaign`. It moves in the transaction that moves what it counts, so that a page
never has to count messages, and the database refuses a transaction after which the sum is not the number
of recipients.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

from sqlalchemy import delete, update
from sqlalchemy.dialects.postgresql import insert

from webapp import clock, tenancy
from webapp.campaigns.models import Campaign, CampaignMinute
from webapp.campaigns.states import BatchState

TALLIES = ("waiting", "unconfirmed", "no_report", "delivered", "failed", "not_sent")

_BY_STATE: dict[str, str] = {
    BatchState.PLANNED: "waiting",
    BatchState.RETRY: "waiting",
    BatchState.BLOCKED: "waiting",
    BatchState.INFLIGHT: "waiting",
    BatchState.HOLD: "unconfirmed",
    BatchState.UNCONFIRMED: "unconfirmed",
    BatchState.CLOSED: "unconfirmed",
    BatchState.ACCEPTED: "no_report",
    BatchState.REJECTED: "failed",
    BatchState.STOPPED: "not_sent",
}


def tally_of(state: str, first_unknown: bool) -> str | None:
    """The tally that a batch's open messages are counted in; None for a replaced batch, which counts nothing.

    A batch under way again after an unknown attempt is not "waiting": it may have reached people.
    """
    if state == BatchState.INFLIGHT and first_unknown:
        return "unconfirmed"
    return _BY_STATE.get(state)


def outcome_tally(outcome: str) -> str:
    """The tally of a message with an outcome of its own; a status word that nobody knows is no report."""
    return "no_report" if outcome == "other" else outcome


def moved(changes: Iterable[tuple[str | None, str | None, int]]) -> Counter[str]:
    """What a set of moves (from, to, how many) adds to and takes from each tally."""
    deltas: Counter[str] = Counter()
    for source, target, count in changes:
        if source is not None:
            deltas[source] -= count
        if target is not None:
            deltas[target] += count
    return deltas


def begin(campaign: Campaign, recipients: int) -> None:
    """Give a confirmed campaign its recipients; all of them wait."""
    campaign.recipients = campaign.waiting = recipients
    tenancy.session().flush()
    _note_minute(campaign.id, {"waiting": recipients})


def take_back(campaign: Campaign) -> None:
    """A campaign that goes back to being a draft has no recipients and no history."""
    campaign.recipients = 0
    for name in TALLIES:
        setattr(campaign, name, 0)
    session = tenancy.session()
    session.flush()
    session.execute(
        delete(CampaignMinute).where(
            CampaignMinute.team_id == tenancy.scope(), CampaignMinute.campaign_id == campaign.id
        )
    )


def move(campaign_id: int, deltas: Mapping[str, int]) -> None:
    """Add to a campaign's tallies, and note it under this minute. Batch rows must be locked before.

    The order of locks is that of docs/sending.md; the campaign's row guards its minutes.
    """
    changed = {name: count for name, count in deltas.items() if count}
    unknown = changed.keys() - set(TALLIES)
    if unknown:
        raise ValueError(f"no tally is called {sorted(unknown)}")
    if changed:
        tenancy.session().execute(
            update(Campaign)
            .where(Campaign.team_id == tenancy.scope(), Campaign.id == campaign_id)
            .values({name: getattr(Campaign, name) + count for name, count in changed.items()})
            .execution_options(synchronize_session=False)
        )
        _note_minute(campaign_id, changed)


def _note_minute(campaign_id: int, deltas: Mapping[str, int]) -> None:
    """What a chart over time is drawn from, so that nobody has to count messages by their reports."""
    minute = clock.now().replace(second=0, microsecond=0)
    statement = insert(CampaignMinute).values(
        team_id=tenancy.scope(), campaign_id=campaign_id, minute=minute, **deltas
    )
    tenancy.session().execute(
        statement.on_conflict_do_update(
            index_elements=["team_id", "campaign_id", "minute"],
            set_={name: getattr(CampaignMinute, name) + statement.excluded[name] for name in deltas},
        )
    )
