"""What a campaign's page says while it runs: a sentence, numbers that add up, when to look again."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta

from flask_babel import gettext as _

from webapp.campaigns import hours, queries
from webapp.campaigns.models import Campaign
from webapp.campaigns.sentences import pause_words as pause_words
from webapp.campaigns.sentences import sentence_of
from webapp.reading import percent
from webapp.statuses import CampaignStatus

# How far ahead something is that will happen by itself -> how often to look. The last one is "near".
_AHEAD = ((timedelta(hours=1), 120), (timedelta(minutes=10), 60), (timedelta(minutes=2), 20))
_NEAR = 5


@dataclass(frozen=True)
class Cell:
    """One number of the strip; those of one strip add up to the recipients. `tally` names its column."""

    tally: str
    label: str
    count: int
    tone: str
    share: str


@dataclass(frozen=True)
class Progress:
    """The status block of a campaign's page. `poll_seconds` None: nothing will change by itself any more."""

    status: CampaignStatus
    sentence: str
    cells: tuple[Cell, ...]
    parts: tuple[tuple[int, str], ...]
    poll_seconds: int | None
    version: str


def progress_of(campaign: Campaign, now: datetime, seen_besides: str = "") -> Progress:
    """Put the block together. `seen_besides` is what else the block shows (the balance), for its version."""
    status = queries.status_of(campaign, now)
    shown = (
        ("delivered", _("Delivered"), "ok", True),
        ("failed", _("Failed"), "bad", True),
        ("no_report", _("No report yet"), "wait", True),
        ("waiting", _("Waiting"), "info", campaign.waiting > 0),
        ("unconfirmed", _("Not confirmed"), "odd", campaign.unconfirmed > 0),
        ("not_sent", _("Not sent"), "wait", campaign.not_sent > 0),
    )
    counts = {tally: int(getattr(campaign, tally)) for tally, *_more in shown}
    reached = campaign.recipients - campaign.not_sent
    cells = tuple(
        # A share is of those whom anything was, or is to be, sent to; who is not among them has none.
        Cell(
            tally, label, counts[tally], tone, percent(counts[tally], reached) if tally != "not_sent" else ""
        )
        for tally, label, tone, show in shown
        if show
    )
    sentence = sentence_of(campaign, status, now)
    poll_seconds = _poll_seconds(campaign, status, now)
    shows = (
        status,
        sentence,
        campaign.paused_by_machine,
        campaign.paused_by_person,
        [(cell.label, cell.count) for cell in cells],
        seen_besides,
        # Unchanged, the page would keep the pace it was told before.
        poll_seconds,
    )
    return Progress(
        status=status,
        sentence=sentence,
        cells=cells,
        parts=tuple((cell.count, cell.tone) for cell in cells),
        poll_seconds=poll_seconds,
        version=hashlib.sha256(repr(shows).encode()).hexdigest()[:16],
    )


def _poll_seconds(campaign: Campaign, status: CampaignStatus, now: datetime) -> int | None:
    """How soon the page looks again: often at first, seldom later, never once nothing can change."""
    if status is CampaignStatus.STOPPED and not campaign.no_report:
        return None
    if status in {CampaignStatus.DRAFT, CampaignStatus.FINISHED, CampaignStatus.MISSED}:
        return None
    if status is CampaignStatus.SCHEDULED:
        return _ahead(campaign.send_at, now)
    if status is CampaignStatus.WAITING_FOR_HOURS:
        return _ahead(hours.next_opening(campaign.kind, now), now)
    age = now - _last_turn(campaign, now)
    if age < timedelta(minutes=1):
        return 2
    # Also hours later, as after a decision to send something again.
    if status is CampaignStatus.SENDING:
        return 5
    if age > timedelta(hours=72):
        return None
    if age > timedelta(hours=1):
        return 60
    return 5 if campaign.waiting else 15


def _ahead(moment: datetime | None, now: datetime) -> int:
    distance = timedelta() if moment is None else moment - now
    return next((seconds for least, seconds in _AHEAD if distance > least), _NEAR)


def _last_turn(campaign: Campaign, now: datetime) -> datetime:
    """When it last took a turn by the clock or by a person: from then on something may be expected."""
    turns = (
        campaign.confirmed_at,
        campaign.started_at,
        campaign.paused_at,
        campaign.resumed_at,
        campaign.handed_over_at,
    )
    return max((turn for turn in turns if turn is not None), default=now)
