"""The one sentence at the top of a campaign's page, and why the machine paused it.

A sentence says what is so, what is safe and, where somebody can do something, what that is.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from flask_babel import format_decimal, ngettext
from flask_babel import gettext as _

from webapp.campaigns import hours, stopping
from webapp.campaigns.models import Campaign
from webapp.campaigns.pace import Pace, pace_of
from webapp.campaigns.states import CampaignState, Kind
from webapp.reading import moment, time_zone
from webapp.statuses import CampaignStatus


def sentence_of(campaign: Campaign, status: CampaignStatus, now: datetime) -> str:
    """The sentence for a campaign of this status."""
    match status:
        case CampaignStatus.PLANNING:
            return _planning(campaign)
        case CampaignStatus.SCHEDULED:
            return _scheduled(campaign)
        case CampaignStatus.STARTING:
            return ngettext(
                "Starts in %(num)s second.", "Starts in %(num)s seconds.", seconds_to_begin(campaign, now)
            )
        case CampaignStatus.WAITING_FOR_HOURS:
            return _waiting_for_hours(campaign, now)
        case CampaignStatus.SENDING:
            return _sending(campaign, pace_of(campaign, now))
        case CampaignStatus.PAUSED:
            return _paused(campaign)
        case CampaignStatus.MISSED:
            return _(
                "Nothing was sent: it was to start on %(when)s (%(zone)s) and could not. "
                "Give it a new time, or send it now.",
                **_at(campaign.send_at),
            )
        case CampaignStatus.STOPPING | CampaignStatus.STOPPED:
            return _stopped(campaign)
        case CampaignStatus.NEEDS_ATTENTION:
            return ngettext(
                "%(count)s message is not confirmed: the gateway gave no clear answer.",
                "%(count)s messages are not confirmed: the gateway gave no clear answer.",
                campaign.unconfirmed,
                count=format_decimal(campaign.unconfirmed),
            )
        case CampaignStatus.WAITING_FOR_REPORTS:
            return _waiting_for_reports(campaign)
        case CampaignStatus.FINISHED:
            return _finished(campaign)
    return ""


def seconds_to_begin(campaign: Campaign, now: datetime) -> int:
    """Whole seconds until the delay is over, rounded up."""
    if campaign.begin_at is None:
        return 0
    return max(0, -int((now - campaign.begin_at) // timedelta(seconds=1)))


def _planning(campaign: Campaign) -> str:
    if campaign.send_at is None:
        return _("Getting ready: the requests are being put together.")
    return _(
        "Getting ready for %(when)s (%(zone)s): the requests are being put together.", **_at(campaign.send_at)
    )


def _scheduled(campaign: Campaign) -> str:
    opening = None if campaign.send_at is None else hours.next_opening(campaign.kind, campaign.send_at)
    if opening is not None:
        return _(
            "Its time, %(when)s (%(zone)s), is outside the sending hours: it starts when they begin, "
            "on %(opening)s.",
            **_at(campaign.send_at),
            opening=moment(opening),
        )
    return ngettext(
        "Starts by itself on %(when)s (%(zone)s): %(count)s person gets it.",
        "Starts by itself on %(when)s (%(zone)s): %(count)s people get it.",
        campaign.recipients,
        count=format_decimal(campaign.recipients),
        **_at(campaign.send_at),
    )


def _waiting_for_hours(campaign: Campaign, now: datetime) -> str:
    opening = _at(hours.next_opening(campaign.kind, now))
    if campaign.started_at is None:
        return _("Starts when the sending hours begin, on %(when)s (%(zone)s).", **opening)
    return _(
        "Goes on when the sending hours begin, on %(when)s (%(zone)s). "
        "%(gone)s of %(total)s were handed to the gateway.",
        **opening,
        **_gone(campaign),
    )


def _sending(campaign: Campaign, pace: Pace | None) -> str:
    numbers = _gone(campaign)
    if pace is None or not campaign.waiting:
        return _("Sending: %(gone)s of %(total)s handed to the gateway.", **numbers)
    numbers["rate"] = format_decimal(pace.per_minute)
    if pace.left < timedelta(minutes=1):
        return _(
            "Sending: %(gone)s of %(total)s handed to the gateway, less than a minute left "
            "(%(rate)s per minute).",
            **numbers,
        )
    minutes = -(-pace.left // timedelta(minutes=1))
    if minutes <= 90:
        return ngettext(
            "Sending: %(gone)s of %(total)s handed to the gateway, about %(num)s minute left "
            "(%(rate)s per minute).",
            "Sending: %(gone)s of %(total)s handed to the gateway, about %(num)s minutes left "
            "(%(rate)s per minute).",
            minutes,
            **numbers,
        )
    return ngettext(
        "Sending: %(gone)s of %(total)s handed to the gateway, about %(num)s hour left "
        "(%(rate)s per minute).",
        "Sending: %(gone)s of %(total)s handed to the gateway, about %(num)s hours left "
        "(%(rate)s per minute).",
        round(minutes / 60),
        **numbers,
    )


def _paused(campaign: Campaign) -> str:
    if campaign.state == CampaignState.SCHEDULED:
        return _(
            "Paused: it does not start on %(when)s (%(zone)s) unless somebody resumes it before.",
            **_at(campaign.send_at),
        )
    return _("Paused: %(gone)s of %(total)s had been handed to the gateway.", **_gone(campaign))


def _stopped(campaign: Campaign) -> str:
    if stopping.was_cut_off(campaign):
        return _(
            "The sending hours ended: %(gone)s of %(total)s had been handed to the gateway. "
            "The rest is not sent, as was chosen for this campaign.",
            **_gone(campaign),
        )
    return _("Stopped: %(gone)s of %(total)s had been handed to the gateway.", **_gone(campaign))


def _waiting_for_reports(campaign: Campaign) -> str:
    if campaign.kind == Kind.TEST:
        return _("Test message: the gateway took it. A report usually comes within a minute.")
    if campaign.delivered + campaign.failed == 0:
        return _(
            "Accepted: the gateway took all %(gone)s. Reports usually start within a minute.",
            **_gone(campaign),
        )
    if not campaign.no_report and campaign.unconfirmed:
        return ngettext(
            "Handed over. %(count)s message stays not confirmed, as was decided.",
            "Handed over. %(count)s messages stay not confirmed, as was decided.",
            campaign.unconfirmed,
            count=format_decimal(campaign.unconfirmed),
        )
    return ngettext(
        "Handed over. %(count)s report is still to come.",
        "Handed over. %(count)s reports are still to come.",
        campaign.no_report,
        count=format_decimal(campaign.no_report),
    )


def _finished(campaign: Campaign) -> str:
    if campaign.not_sent == campaign.recipients:
        return _("Nothing was sent: everybody had opted out by then.")
    if campaign.kind == Kind.TEST:
        if campaign.delivered:
            return _("Test message: delivered.")
        if campaign.failed:
            return _("Test message: it could not be delivered. Its row below says why.")
        return _("Test message: no report came.")
    return _(
        "Finished: %(delivered)s of %(total)s delivered.",
        delivered=format_decimal(campaign.delivered),
        total=format_decimal(campaign.recipients),
    )


def _gone(campaign: Campaign) -> dict[str, str]:
    gone = campaign.recipients - campaign.waiting - campaign.not_sent
    return {"gone": format_decimal(gone), "total": format_decimal(campaign.recipients)}


def _at(when: datetime | None) -> dict[str, str]:
    return {"when": moment(when), "zone": str(time_zone())}


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
        "expired": _(
            "The limit that was set for this campaign has passed, so nothing more is sent. Nothing is lost: "
            "give it a later limit, or none, and what is left goes on."
        ),
        "unclear": _(
            "More than three requests got no clear answer, so nothing more is sent for now. Look at what is "
            "not confirmed; what is left goes on when somebody resumes it."
        ),
        "sends_rest": _(
            "The gateway refused a request and sent it to some of its numbers all the same. Nothing more is "
            "sent, so that nobody gets it twice; look at what is not confirmed before you resume."
        ),
        "restored": _(
            "These data come from a backup. What was sent after it was made is not known here, so nothing "
            "goes on by itself. Resume the campaign only if you know that the rest was not sent elsewhere: "
            "people would get it twice. Otherwise stop it."
        ),
        "sums": _(
            "The planned numbers do not add up to the recipients, so nothing was sent. Please report this."
        ),
    }
    return words.get(reason, _("The campaign was paused. What is left was not sent."))
