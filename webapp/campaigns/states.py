"""States of campaigns and batches, and why the machine pauses; the words for them are in statuses.py."""

from __future__ import annotations

from enum import StrEnum


class CampaignState(StrEnum):
    """The states of docs/sending.md. Whether it is paused is told by two columns beside the state."""

    DRAFT = "draft"
    PLANNING = "planning"
    SCHEDULED = "scheduled"
    READY = "ready"
    SENDING = "sending"
    STOPPING = "stopping"
    STOPPED = "stopped"
    MISSED = "missed"
    WAITING_FOR_REPORTS = "waiting_for_reports"
    FINISHED = "finished"


class BatchState(StrEnum):
    """The states of docs/sending.md."""

    PLANNED = "planned"
    INFLIGHT = "inflight"
    RETRY = "retry"
    HOLD = "hold"
    BLOCKED = "blocked"
    ACCEPTED = "accepted"
    REJECTED = "rejected"
    REPLACED = "replaced"
    UNCONFIRMED = "unconfirmed"
    CLOSED = "closed"
    STOPPED = "stopped"


class Kind(StrEnum):
    """What a campaign is: it decides the hours in which it may go out, and what its text must say."""

    NOTICE = "notice"
    MARKETING = "marketing"
    TEST = "test"


class AtHoursEnd(StrEnum):
    """What happens to the rest of a campaign when the sending hours end before it is through."""

    WAIT = "wait"
    DROP = "drop"


# Campaigns that a fault of their account stops.
STOPPABLE = (
    CampaignState.PLANNING,
    CampaignState.SCHEDULED,
    CampaignState.READY,
    CampaignState.SENDING,
)
