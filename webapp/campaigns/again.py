"""Sending to those of an earlier campaign who came out badly: a draft that reads its people from there.

Nobody is copied: the draft names the campaign and how its people came out there, and whoever is so when the
draft is laid out is in it. A report that comes before the confirm takes its person out again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from flask_babel import format_decimal, ngettext
from flask_babel import gettext as _

from webapp.campaigns import queries, tallies, texts
from webapp.campaigns.models import Campaign
from webapp.campaigns.states import CampaignState, Kind
from webapp.campaigns.written import Again
from webapp.errors import DomainError

# Everything of these has been handed over, or is not sent for good.
HANDED_OVER = frozenset(
    {CampaignState.WAITING_FOR_REPORTS, CampaignState.FINISHED, CampaignState.STOPPED}
)  # fmt: skip


class Outcome(StrEnum):
    """How somebody came out; the names are those of the tallies that count them."""

    FAILED = "failed"
    NO_REPORT = "no_report"
    NOT_SENT = "not_sent"


@dataclass(frozen=True)
class Source:
    """The earlier campaign of a draft, as it is now. `people`: how many of its messages came out so."""

    id: int
    name: str
    outcome: Outcome
    people: int
    fields: tuple[str, ...]
    state: tuple[str, ...]

    @property
    def words(self) -> str:
        """Who is meant."""
        said: Mapping[Outcome, str] = {
            Outcome.FAILED: _("Those of “%(campaign)s” who failed", campaign=self.name),
            Outcome.NO_REPORT: _("Those of “%(campaign)s” without a report", campaign=self.name),
            Outcome.NOT_SENT: _("Those of “%(campaign)s” it was not sent to", campaign=self.name),
        }
        return said[self.outcome]

    @property
    def warning(self) -> str:
        """What is not known of them; empty where nothing could reach anybody twice."""
        if self.outcome is not Outcome.NO_REPORT:
            return ""
        return _("No report does not mean that nothing arrived: this may reach people twice.")


@dataclass(frozen=True)
class Offer:
    """A button on the page of a campaign: who it would be sent to, and what is to be known before."""

    outcome: Outcome
    label: str
    hint: str


def source_of(again: Again | None) -> Source | None:
    """The campaign that a draft reads its people from; None where there is none, or no such one is here."""
    if again is None or again[1] not in list(Outcome) or not 0 < again[0] < 2**63:
        return None
    campaign = queries.campaign(again[0])
    if campaign is None or not may_be_sent_again(campaign):
        return None
    outcome = Outcome(again[1])
    counts = [str(getattr(campaign, name)) for name in tallies.TALLIES]
    return Source(
        id=campaign.id,
        name=campaign.name,
        outcome=outcome,
        people=int(getattr(campaign, outcome)),
        fields=texts.fields_of(campaign.body),
        state=(*counts, str(campaign.last_report_at)),
    )


def may_be_sent_again(campaign: Campaign) -> bool:
    """Whether it is known of everybody in it whether anything was handed over."""
    return campaign.state in HANDED_OVER and campaign.kind != Kind.TEST


def offers(campaign: Campaign) -> list[Offer]:
    """What the page of a campaign offers once all of it is handed over."""
    if not may_be_sent_again(campaign):
        return []
    made = []
    if campaign.failed:
        label = ngettext(
            "Send to the %(count)s who failed",
            "Send to the %(count)s who failed",
            campaign.failed,
            count=format_decimal(campaign.failed),
        )
        made.append(Offer(Outcome.FAILED, label, ""))
    if campaign.no_report:
        label = ngettext(
            "Send to the %(count)s without a report",
            "Send to the %(count)s without a report",
            campaign.no_report,
            count=format_decimal(campaign.no_report),
        )
        hint = _("No report does not mean that nothing arrived: this may reach people twice.")
        made.append(Offer(Outcome.NO_REPORT, label, hint))
    if campaign.not_sent and campaign.state == CampaignState.STOPPED:
        label = ngettext(
            "Send to the %(count)s it was not sent to",
            "Send to the %(count)s it was not sent to",
            campaign.not_sent,
            count=format_decimal(campaign.not_sent),
        )
        made.append(Offer(Outcome.NOT_SENT, label, ""))
    return made


def changed_since(draft: Campaign, source: Source | None) -> str | None:
    """How many more or fewer there are than when the draft was written, in a sentence."""
    if source is None or source.people == draft.again_people:
        return None
    return ngettext(
        "When you wrote this it was %(before)s of “%(campaign)s”; now it is %(count)s.",
        "When you wrote this it was %(before)s of “%(campaign)s”; now it is %(count)s.",
        source.people,
        before=format_decimal(draft.again_people),
        count=format_decimal(source.people),
        campaign=source.name,
    )


def gone() -> DomainError:
    """What is said where a draft names an earlier campaign that is not there."""
    return DomainError(
        _("The earlier campaign is not here, or is being sent. Untick it; nothing was saved or sent."),
        "again",
    )


def value_of(again: Again) -> str:
    """The source as a form carries it."""
    return f"{again[0]}-{again[1]}"


def read(value: str) -> Again | None:
    """The source that a form carries; None for what is none."""
    number, _dash, outcome = value.partition("-")
    if not (number.isascii() and number.isdigit() and len(number) < 20) or outcome not in list(Outcome):
        return None
    return int(number), outcome
