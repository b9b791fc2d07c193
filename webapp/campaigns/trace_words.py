"""The words for what happened to one message: our own sentences, and what others said as they said it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flask_babel import format_decimal, ngettext
from flask_babel import gettext as _

from webapp.campaigns.restored_statements import RESTORED
from webapp.campaigns.states import BatchState
from webapp.gateway.answers import Meaning, Why
from webapp.gateway.report_words import meaning
from webapp.reading import moment

# The attempt never became a request: a worker came too late, and what it had stayed here.
NEVER_LEFT = "never_left"


@dataclass(frozen=True)
class Event:
    """One step, as ui/display.html draws it. `at` None: nobody noted when."""

    title: str
    at: datetime | None
    icon: str
    tone: str
    detail: str = ""


def confirmed(at: datetime | None, who: str | None) -> Event:
    """Somebody said that it shall go out."""
    title = _("Confirmed by %(who)s", who=who) if who else _("Confirmed")
    return Event(title, at, "user", "wait")


def planned(at: datetime | None, batch_no: int) -> Event:
    """The message got its place in a request."""
    return Event(_("Put into batch %(no)s", no=format_decimal(batch_no)), at, "inbox", "wait")


def attempted(attempt: Any) -> list[Event]:
    """A call of the gateway and what came of it; a row of trace_statements.ATTEMPTS."""
    place = _("Batch %(no)s, attempt %(n)s", no=format_decimal(attempt.batch_no), n=format_decimal(attempt.n))
    if attempt.outcome in {NEVER_LEFT, Meaning.NOT_LEFT}:
        what = f"{place}. {_why_not_left(attempt.why)}"
        return [
            Event(_("Not handed over: nothing left this machine"), attempt.started_at, "minus", "wait", what)
        ]
    events = [Event(_("Handed to the gateway"), attempt.started_at, "send", "info", place)]
    if attempt.outcome is not None:
        events.append(_answered(attempt))
    return events


def found(row: Any) -> Event:
    """The batch got a name that no answer told; a row of trace_statements.MSGIDS."""
    named = _("Its id there: %(msgid)s", msgid=row.msgid)
    if row.source == "person":
        return Event(_("A person knows that the gateway took it"), row.noted_at, "user", "info", named)
    return Event(_("Reports prove that the gateway took it"), row.noted_at, "check", "info", named)


def decided(row: Any, who: str | None) -> Event:
    """What a person said of a batch without a clear answer; a row of trace_statements.BATCHES."""
    if row.again:
        title = _("A person had it sent again")
    elif row.state == BatchState.CLOSED:
        title = _("A person decided: do not send it again")
    elif row.state == BatchState.ACCEPTED:
        title = _("A person decided: it was sent")
    elif row.state == BatchState.REPLACED:
        title = _("A person decided: send it again")
    else:
        title = _("A person decided: wait for reports")
    return Event(title, row.decided_at, "user", "odd", who or "")


def reported(report: Any, *, counts: bool) -> Event:
    """A report as it came; a row of trace_statements.REPORTS. `counts`: of several, it is the one."""
    title, icon, tone = {
        "delivered": (_("Report: delivered"), "check-check", "ok"),
        "failed": (_("Report: not delivered"), "circle-x", "bad"),
        "other": (_("Report: a word that nobody here knows"), "circle-help", "wait"),
        None: (_("Report: on its way"), "clock", "info"),
    }[meaning(report.status).outcome]
    said = [_("The gateway wrote: %(word)s", word=report.status)]
    if report.reported_at is not None:
        said.append(_("Time of the carrier: %(time)s", time=moment(report.reported_at, seconds=True)))
    elif report.time_text:
        said.append(_("Time of the carrier, as written: %(text)s", text=report.time_text))
    if report.seen > 1:
        said.append(
            ngettext(
                "It came %(num)s time, last at %(time)s",
                "It came %(num)s times, last at %(time)s",
                report.seen,
                time=moment(report.last_received_at, seconds=True),
            )
        )
    if counts:
        said.append(_("This report counts"))
    return Event(title, report.first_received_at, icon, tone, " · ".join(said))


def opted_out(at: datetime | None) -> Event:
    """The number must not get anything."""
    title = _("Left out: this number has opted out")
    return Event(title, at, "minus", "wait", _("It was not sent."))


def stopped(at: datetime | None) -> Event:
    """Somebody stopped the campaign before this message went."""
    return Event(_("Left out: the campaign was stopped"), at, "square", "wait", _("It was not sent."))


def _answered(attempt: Any) -> Event:
    at, code = attempt.finished_at, attempt.resp_code
    why = _why(attempt.why, code)
    if attempt.outcome == Meaning.TAKEN:
        named = _("Its id there: %(msgid)s", msgid=attempt.msgid) if attempt.msgid else why
        return Event(_("The gateway took it"), at, "check", "info", named)
    if attempt.outcome == Meaning.REFUSED:
        return Event(_("The gateway refused it"), at, "circle-x", "bad", why)
    if attempt.outcome == Meaning.WRONG_ADDRESS:
        return Event(_("What answered was not the gateway"), at, "circle-alert", "bad", why)
    return Event(_("No clear answer: it may or may not have been sent"), at, "circle-help", "odd", why)


def _why_not_left(why: str | None) -> str:
    words: dict[Why | None, str] = {
        Why.NAME_UNKNOWN: _("The name of the gateway's server was not known."),
        Why.CONNECTION_REFUSED: _("The gateway's server refused the connection."),
        Why.UNREACHABLE: _("The gateway's server could not be reached."),
        Why.CONNECT_TIMEOUT: _("The gateway did not take the call in time."),
        Why.TLS_FAILED: _("No safe connection to the gateway could be made."),
    }
    return words.get(_known(why), _("The time for this request was over."))


def _why(why: str | None, code: int | None) -> str:
    words: dict[Why | None, str] = {
        Why.ACCEPTED_WITHOUT_MSGID: _("It gave no id for it; reports are matched by number."),
        Why.BAD_CREDENTIALS: _("It rejected the uid or the password (code %(code)s).", code=code),
        Why.BAD_NUMBER: _("A number in the batch was not acceptable (code %(code)s).", code=code),
        Why.CONTENT_EMPTY: _("It found the text empty (code %(code)s).", code=code),
        Why.CONTENT_TOO_LONG: _("It found the text too long (code %(code)s).", code=code),
        Why.NO_BALANCE: _("The balance was used up (code %(code)s).", code=code),
        Why.TOO_MANY_NUMBERS: _("There were too many numbers in the request (code %(code)s).", code=code),
        Why.FAILED_TO_SEND: _("It said that sending failed (code %(code)s).", code=code),
        Why.FROZEN: _("The account was frozen (code %(code)s).", code=code),
        Why.ODD_CODE: _("It answered with code %(code)s, which nobody documents.", code=code),
        Why.NO_ANSWER: _("It did not answer in time."),
        Why.LOST: _("The connection broke off before an answer came."),
        Why.CUT: _("Its answer broke off in the middle."),
        Why.SERVER_ERROR: _("Its server answered with an error."),
        Why.HTML: _("A web page came instead of an answer."),
        Why.EMPTY: _("Its answer was empty."),
        Why.REDIRECTED: _("Its address sends callers on to another one."),
        Why.FORBIDDEN: _("The server at its address refuses calls from here."),
        Why.NOT_FOUND: _("There is nothing at its address."),
    }
    if why == "reaped":
        return _("The worker that made the request did not come back with an answer.")
    if why == RESTORED:
        return _("It was under way when the backup was made that these data come from.")
    return words.get(_known(why), _("Its answer could not be read."))


def _known(why: str | None) -> Why | None:
    return Why(why) if why in set(Why) else None
