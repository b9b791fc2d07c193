"""What a campaign's page says while it runs: a sentence, numbers that add up, when to look again."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta

from flask_babel import format_decimal, ngettext
from flask_babel import gettext as _

from webapp.campaigns import queries
from webapp.campaigns.models import Campaign
from webapp.reading import percent
from webapp.statuses import CampaignStatus


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
    status = queries.status_of(campaign)
    shown = (
        ("delivered", _("Delivered"), "ok", True),
        ("failed", _("Failed"), "bad", True),
        ("no_report", _("No report yet"), "wait", True),
        ("waiting", _("Waiting"), "info", campaign.waiting > 0),
        ("unconfirmed", _("Not confirmed"), "odd", campaign.unconfirmed > 0),
        ("not_sent", _("Not sent"), "wait", campaign.not_sent > 0),
    )
    counts = {tally: int(getattr(campaign, tally)) for tally, *_more in shown}
    cells = tuple(
        Cell(tally, label, counts[tally], tone, percent(counts[tally], campaign.recipients))
        for tally, label, tone, show in shown
        if show
    )
    shows = (
        status,
        campaign.paused_by_machine,
        campaign.paused_by_person,
        [(cell.label, cell.count) for cell in cells],
        seen_besides,
        _seconds_to_begin(campaign, now),
    )
    return Progress(
        status=status,
        sentence=_sentence(campaign, status, now),
        cells=cells,
        parts=tuple((cell.count, cell.tone) for cell in cells),
        poll_seconds=_poll_seconds(campaign, status, now),
        version=hashlib.sha256(repr(shows).encode()).hexdigest()[:16],
    )


def pause_words(reason: str) -> str:
    """Why the machine paused a campaign, what is safe, and what to do."""
    words = {
        "credentials": _(
            "The gateway refuses the uid or the password of this account. Nothing is lost: change them, "
            "and what is left goes on."
        ),
        "frozen": _(
            "The gateway says that this account is frozen. Nothing is lost: ask its customer service; "
            "after a test that passes, what is left goes on."
        ),
        "balance": _(
            "The balance of the gateway account is used up. Nothing is lost: after a top-up what is left "
            "goes on by itself."
        ),
        "switched_off": _(
            "The gateway account is switched off. What is left waits until somebody switches it on again."
        ),
        "content_empty": _("The gateway says that the text is empty. What is left was not sent."),
        "content_too_long": _("The gateway says that the text is too long. What is left was not sent."),
        "request_too_large": _("The gateway takes no request, however small. What is left was not sent."),
        "odd_code": _(
            "The gateway gave an answer that nobody documents. What is left was not sent; ask its customer "
            "service what it means."
        ),
        "wrong_address": _(
            "What answers at the gateway's address is not the gateway. Nothing more is sent until its "
            "address is mended."
        ),
        "too_many_bad_numbers": _(
            "The gateway refused very many numbers of this list. What is left was not sent; look at where "
            "the list comes from."
        ),
        "sums": _(
            "The planned numbers do not add up to the recipients, so nothing was sent. Please report this."
        ),
    }
    return words.get(reason, _("The campaign was paused. What is left was not sent."))


def _sentence(campaign: Campaign, status: CampaignStatus, now: datetime) -> str:
    total = campaign.recipients
    gone = total - campaign.waiting - campaign.not_sent
    numbers = {"gone": format_decimal(gone), "total": format_decimal(total)}
    if status is CampaignStatus.PLANNING:
        return _("Getting ready: the requests are being put together.")
    if status is CampaignStatus.STARTING:
        seconds = _seconds_to_begin(campaign, now)
        return ngettext("Starts in %(num)s second.", "Starts in %(num)s seconds.", seconds)
    if status is CampaignStatus.SENDING:
        return _("Sending: %(gone)s of %(total)s handed to the gateway.", **numbers)
    if status is CampaignStatus.PAUSED:
        return _("Paused: %(gone)s of %(total)s had been handed to the gateway.", **numbers)
    if status is CampaignStatus.NEEDS_ATTENTION:
        return ngettext(
            "%(count)s message is not confirmed: the gateway gave no clear answer.",
            "%(count)s messages are not confirmed: the gateway gave no clear answer.",
            campaign.unconfirmed,
            count=format_decimal(campaign.unconfirmed),
        )
    if status is CampaignStatus.WAITING_FOR_REPORTS:
        if campaign.delivered + campaign.failed == 0:
            return _(
                "Accepted: the gateway took all %(gone)s. Reports usually start within a minute.", **numbers
            )
        return ngettext(
            "Handed over. %(count)s report is still to come.",
            "Handed over. %(count)s reports are still to come.",
            campaign.no_report,
            count=format_decimal(campaign.no_report),
        )
    if status in {CampaignStatus.STOPPING, CampaignStatus.STOPPED}:
        return _("Stopped: %(gone)s of %(total)s had been handed to the gateway.", **numbers)
    if status is CampaignStatus.FINISHED:
        return _(
            "Finished: %(delivered)s of %(total)s delivered.",
            delivered=format_decimal(campaign.delivered),
            total=format_decimal(total),
        )
    return ""


def _seconds_to_begin(campaign: Campaign, now: datetime) -> int:
    if campaign.begin_at is None:
        return 0
    return max(0, -int((now - campaign.begin_at) // timedelta(seconds=1)))


def _poll_seconds(campaign: Campaign, status: CampaignStatus, now: datetime) -> int | None:
    """How soon the page looks again: often at first, seldom later, never once nothing can change."""
    over = status is CampaignStatus.STOPPED and not campaign.no_report
    if over or status in {CampaignStatus.DRAFT, CampaignStatus.FINISHED}:
        return None
    age = now - (campaign.confirmed_at or now)
    if age > timedelta(hours=72):
        return None
    if age > timedelta(hours=1):
        return 60
    if age < timedelta(minutes=1):
        return 2
    return 5 if campaign.waiting else 15
