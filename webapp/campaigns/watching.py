"""What the page of a campaign shows besides its progress: what may be done, what is said aloud, what is new.

The table of recipients is read by people while reports come in, so it never changes under their eyes: a
button says how many are new. Only a list that fits one page, which a newcomer watches, is exchanged at once.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from flask_babel import format_decimal, ngettext
from flask_babel import gettext as _

from webapp.accounts.permissions import may
from webapp.campaigns import recipients, tallies
from webapp.campaigns.models import Campaign
from webapp.campaigns.places import Place
from webapp.campaigns.progress import Progress
from webapp.campaigns.recipients import Filter
from webapp.campaigns.states import STOPPABLE, CampaignState
from webapp.statuses import CampaignStatus

_MAY_BE_EDITED = frozenset(
    {CampaignState.PLANNING, CampaignState.SCHEDULED, CampaignState.READY, CampaignState.MISSED}
)
_PAUSABLE = frozenset({CampaignState.PLANNING, CampaignState.READY, CampaignState.SENDING})


@dataclass(frozen=True)
class Actions:
    """The buttons that a campaign's state and the person's role leave."""

    pause: bool
    resume: bool
    stop: bool
    change_time: bool
    new_time: bool
    new_limit: bool
    edit: bool


@dataclass(frozen=True)
class Said:
    """What a screen reader is told, and a short name of it, so that it is told once only."""

    key: str
    sentence: str


@dataclass(frozen=True)
class FilterTab:
    """One tab above the table."""

    label: str
    href: str
    current: bool
    count: int


def actions_of(campaign: Campaign) -> Actions:
    """What may be done to a campaign now. The operations check again."""
    send = may("campaigns.send")
    paused = bool(campaign.paused_by_person or campaign.paused_by_machine)
    expired = campaign.paused_by_machine == "expired"
    state = campaign.state
    return Actions(
        pause=send and state in _PAUSABLE and campaign.waiting > 0 and not paused,
        resume=send and state in STOPPABLE and paused and not expired,
        stop=send and state in (*STOPPABLE, CampaignState.MISSED),
        change_time=send and state == CampaignState.SCHEDULED,
        new_time=send and state == CampaignState.MISSED,
        new_limit=send and state in STOPPABLE and expired,
        edit=send and state in _MAY_BE_EDITED and campaign.started_at is None,
    )


def said_of(campaign: Campaign, shown: Progress) -> Said:
    """The sentence for the ear: a new one with each state and each quarter of the way, not with each poll."""
    still_to_come = campaign.waiting
    if shown.status is CampaignStatus.WAITING_FOR_REPORTS:
        still_to_come = campaign.no_report
    done = campaign.recipients - still_to_come
    quarter = 4 * done // campaign.recipients if campaign.recipients else 0
    return Said(f"{shown.status}.{quarter}", shown.sentence)


def tabs_of(campaign: Campaign, place: Place) -> list[FilterTab]:
    """The filters that let somebody through, and the one that was chosen."""
    words = {
        Filter.ALL: _("All"),
        Filter.DELIVERED: _("Delivered"),
        Filter.FAILED: _("Failed"),
        Filter.NO_REPORT: _("No report yet"),
        Filter.UNCONFIRMED: _("Not confirmed"),
        Filter.WAITING: _("Waiting"),
        Filter.NOT_SENT: _("Not sent"),
    }
    return [
        FilterTab(label, place.filtered(chosen).url, place.chosen is chosen, count)
        for chosen, label in words.items()
        if (count := recipients.count_of(campaign, chosen)) or chosen in {Filter.ALL, place.chosen}
    ]


def parts_words(campaign: Campaign) -> str:
    """How many parts the recipients' texts have each."""
    least, most = campaign.parts_least, campaign.parts
    if least == most:
        return ngettext("%(num)s part each", "%(num)s parts each", most)
    return _("%(least)s to %(most)s parts each", least=format_decimal(least), most=format_decimal(most))


def is_exchanged_at_once(campaign: Campaign) -> bool:
    """Whether the table follows by itself: where all of it is in sight anyway."""
    return campaign.recipients <= recipients.PAGE


def reports_of(campaign: Campaign) -> int:
    """How many recipients have a result that a report or a refusal brought."""
    return campaign.delivered + campaign.failed


def table_version(campaign: Campaign) -> str:
    """Changes whenever a row of the table may have."""
    counts = [getattr(campaign, name) for name in tallies.TALLIES]
    return hashlib.sha256(repr(counts).encode()).hexdigest()[:16]


def news_words(new_reports: int) -> str:
    """The button above a table that is no longer the newest."""
    if new_reports <= 0:
        return _("The list has changed – show")
    return ngettext(
        "%(count)s new report – show",
        "%(count)s new reports – show",
        new_reports,
        count=format_decimal(new_reports),
    )
