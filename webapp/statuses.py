"""The one dictionary of statuses: the words, the sentence, the icon and the tone of each.

Pages, exports and the help read from here, so that a status has one name everywhere. What decides which
status a message has is elsewhere; here is only how it is said. "Sent" and "success" are not among the words:
a gateway that took a message has not delivered it.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from flask_babel import LazyString, lazy_gettext

Tone = Literal["ok", "bad", "wait", "info", "odd"]


@dataclass(frozen=True)
class Wording:
    """How a status is said and drawn. `final`: nothing changes any more by itself."""

    label: LazyString
    sentence: LazyString
    icon: str
    tone: Tone
    final: bool


class MessageStatus(StrEnum):
    """What a page shows for one recipient; each has exactly one, so that their counts add up."""

    QUEUED = "queued"
    SENDING = "sending"
    ACCEPTED = "accepted"
    NO_REPORT = "no_report"
    DELIVERED = "delivered"
    FAILED = "failed"
    REJECTED = "rejected"
    UNCONFIRMED = "unconfirmed"
    NOT_SENT = "not_sent"
    EXPIRED = "expired"


class CampaignStatus(StrEnum):
    """Where a campaign stands."""

    DRAFT = "draft"
    SCHEDULED = "scheduled"
    PLANNING = "planning"
    STARTING = "starting"
    WAITING_FOR_HOURS = "waiting_for_hours"
    SENDING = "sending"
    PAUSED = "paused"
    STOPPING = "stopping"
    STOPPED = "stopped"
    MISSED = "missed"
    WAITING_FOR_REPORTS = "waiting_for_reports"
    FINISHED = "finished"
    NEEDS_ATTENTION = "needs_attention"


MESSAGES: dict[MessageStatus, Wording] = {
    MessageStatus.QUEUED: Wording(
        lazy_gettext("Waiting to send"),
        lazy_gettext("In line. It has not been handed to the gateway yet."),
        "clock",
        "wait",
        final=False,
    ),
    MessageStatus.SENDING: Wording(
        lazy_gettext("Sending"),
        lazy_gettext("It is being handed to the gateway now."),
        "send",
        "info",
        final=False,
    ),
    MessageStatus.ACCEPTED: Wording(
        lazy_gettext("Accepted"),
        lazy_gettext("The gateway took it. The phone may not have it yet."),
        "check",
        "info",
        final=False,
    ),
    MessageStatus.NO_REPORT: Wording(
        lazy_gettext("No report yet"),
        lazy_gettext(
            "The gateway took it, but the carrier has not reported on it. Most reports come within 72 hours."
        ),
        "clock",
        "wait",
        final=False,
    ),
    MessageStatus.DELIVERED: Wording(
        lazy_gettext("Delivered"),
        lazy_gettext("The carrier reported that the phone has it. Nobody can tell us whether it was read."),
        "check-check",
        "ok",
        final=True,
    ),
    MessageStatus.FAILED: Wording(
        lazy_gettext("Failed"),
        lazy_gettext("The carrier reported that it could not be delivered."),
        "circle-x",
        "bad",
        final=True,
    ),
    MessageStatus.REJECTED: Wording(
        lazy_gettext("Rejected"),
        lazy_gettext("The gateway refused it. It was not sent."),
        "circle-x",
        "bad",
        final=True,
    ),
    MessageStatus.UNCONFIRMED: Wording(
        lazy_gettext("Not confirmed"),
        lazy_gettext("The gateway gave no clear answer. It may or may not have been sent."),
        "circle-help",
        "odd",
        final=False,
    ),
    MessageStatus.NOT_SENT: Wording(
        lazy_gettext("Not sent"),
        lazy_gettext("It was left out and never handed to the gateway."),
        "minus",
        "wait",
        final=True,
    ),
    MessageStatus.EXPIRED: Wording(
        lazy_gettext("No report received"),
        lazy_gettext("72 hours passed without a report. A late report would still be counted."),
        "clock",
        "wait",
        final=True,
    ),
}

CAMPAIGNS: dict[CampaignStatus, Wording] = {
    CampaignStatus.DRAFT: Wording(
        lazy_gettext("Draft"),
        lazy_gettext("Nothing is sent until somebody confirms it."),
        "pencil",
        "wait",
        final=False,
    ),
    CampaignStatus.SCHEDULED: Wording(
        lazy_gettext("Scheduled"),
        lazy_gettext("It starts by itself at the time it was given."),
        "calendar",
        "info",
        final=False,
    ),
    CampaignStatus.PLANNING: Wording(
        lazy_gettext("Planning"),
        lazy_gettext("The recipients are being put into batches. Nothing has been sent yet."),
        "clock",
        "info",
        final=False,
    ),
    CampaignStatus.STARTING: Wording(
        lazy_gettext("Starting"),
        lazy_gettext("It starts in a few seconds. It can still be stopped before anything is sent."),
        "clock",
        "info",
        final=False,
    ),
    CampaignStatus.WAITING_FOR_HOURS: Wording(
        lazy_gettext("Waiting for sending hours"),
        lazy_gettext("It goes on by itself when the sending hours of its kind begin."),
        "clock",
        "info",
        final=False,
    ),
    CampaignStatus.SENDING: Wording(
        lazy_gettext("Sending"),
        lazy_gettext("Its messages are being handed to the gateway."),
        "send",
        "info",
        final=False,
    ),
    CampaignStatus.PAUSED: Wording(
        lazy_gettext("Paused"),
        lazy_gettext("Nothing more is handed to the gateway until it is resumed. Nothing is lost."),
        "pause",
        "odd",
        final=False,
    ),
    CampaignStatus.STOPPING: Wording(
        lazy_gettext("Stopping"),
        lazy_gettext("What is on its way to the gateway is waited for; nothing else is handed over."),
        "square",
        "wait",
        final=False,
    ),
    CampaignStatus.STOPPED: Wording(
        lazy_gettext("Stopped"),
        lazy_gettext("It was stopped. What had not gone by then will not be sent."),
        "square",
        "wait",
        final=True,
    ),
    CampaignStatus.MISSED: Wording(
        lazy_gettext("Missed"),
        lazy_gettext("Its time had passed by too much, so nothing was sent. Give it a new time to send it."),
        "circle-alert",
        "odd",
        final=False,
    ),
    CampaignStatus.WAITING_FOR_REPORTS: Wording(
        lazy_gettext("Waiting for reports"),
        lazy_gettext("Everything has been handed over. The carriers have not reported on all messages yet."),
        "clock",
        "info",
        final=False,
    ),
    CampaignStatus.FINISHED: Wording(
        lazy_gettext("Finished"),
        lazy_gettext("Every message has its result."),
        "check",
        "ok",
        final=True,
    ),
    CampaignStatus.NEEDS_ATTENTION: Wording(
        lazy_gettext("Needs attention"),
        lazy_gettext("Somebody has to decide something before this can end."),
        "triangle-alert",
        "odd",
        final=False,
    ),
}


def wording(status: MessageStatus | CampaignStatus) -> Wording:
    """The words for a status of either kind."""
    if isinstance(status, MessageStatus):
        return MESSAGES[status]
    return CAMPAIGNS[status]
