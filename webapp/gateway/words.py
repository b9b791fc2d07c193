"""What people are told about an account and about an answer of its gateway.

Each answer is told in three parts: what happened, what is safe, what to do next. Nothing the gateway said is
shown but its balance; a body may echo what was sent.
"""

from __future__ import annotations

from dataclasses import dataclass

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel import ngettext

from webapp.errors import Words
from webapp.gateway.answers import Why
from webapp.gateway.balances import BalanceOutcome, BalanceVerdict
from webapp.gateway.client import SHORT
from webapp.gateway.models import AccountState, BalanceReading
from webapp.reading import number

NOTHING_SENT = _l("This was only a question about the balance: no message was sent.")


@dataclass(frozen=True)
class Told:
    """tone: ok, odd or bad. title: what happened. safe: what is safe. advice: what to do next (or empty)."""

    tone: str
    title: str
    safe: str
    advice: str

    @property
    def text(self) -> str:
        """All of it as one line."""
        return " ".join(part for part in (self.title, self.safe, self.advice) if part)


def words_for(verdict: BalanceVerdict) -> Told:
    """What a person is told about a balance call."""
    if verdict.outcome is BalanceOutcome.OK:
        return _connected(verdict)
    title, advice = _TROUBLES.get(verdict.why, _TROUBLES[Why.NOT_READABLE])
    tone = "odd" if verdict.outcome in {BalanceOutcome.UNREACHABLE, BalanceOutcome.UNCLEAR} else "bad"
    return Told(tone, str(title) % _values(verdict), str(NOTHING_SENT), str(advice))


def words_for_reading(reading: BalanceReading) -> Told:
    """What a person is told about a balance call that was made earlier."""
    return words_for(
        BalanceVerdict(
            BalanceOutcome(reading.outcome),
            _why(reading.why),
            reading.said,
            reading.messages,
            reading.resp_code,
        )
    )


def _why(word: str) -> Why:
    """A word that this version does not know was written by a later one."""
    return Why(word) if word in set(Why) else Why.NOT_READABLE


def _connected(verdict: BalanceVerdict) -> Told:
    if verdict.messages is None:
        said = verdict.said or "–"
        return Told(
            "ok", str(_("Connected. The gateway said “%(text)s” about the balance.", text=said)), "", ""
        )
    if verdict.messages <= 0:
        return Told(
            "odd",
            str(_("Connected, but the balance is %(n)s.", n=number(verdict.messages))),
            "",
            str(_("Top it up at the gateway before you send; until then nothing can go out.")),
        )
    return Told(
        "ok",
        str(
            ngettext(
                "Connected. %(n)s message left.",
                "Connected. %(n)s messages left.",
                verdict.messages,
                n=number(verdict.messages),
            )
        ),
        "",
        "",
    )


def _values(verdict: BalanceVerdict) -> dict[str, str]:
    return {"seconds": str(int(SHORT.total)), "code": str(verdict.resp_code)}


_ADDRESS = _l("The address is set by whoever runs this site; tell them what you see here.")
_AGAIN = _l("Try again in a few minutes. If it stays so, ask the gateway's customer service.")
# Sentences are marked here and looked up when they are shown; `%%` where one is filled in afterwards.
_TROUBLES: dict[Why, tuple[Words, Words]] = {
    Why.BAD_CREDENTIALS: (
        _l("The gateway rejected this uid or password."),
        _l("Copy both again from the gateway's site. Too many wrong tries can freeze the account there."),
    ),
    Why.FROZEN: (
        _l("This account is frozen at the gateway."),
        _l("Ask the gateway's customer service to open it again, then test it here."),
    ),
    Why.ODD_CODE: (
        _l("The gateway answered with code %(code)s, which its document does not explain for a balance."),
        _l("Ask the gateway's customer service what this code means."),
    ),
    Why.NAME_UNKNOWN: (_l("The name of the gateway's server is not known here."), _ADDRESS),
    Why.CONNECTION_REFUSED: (
        _l("The gateway's server refused the connection."),
        _l("It may be restarting. Try again in a few minutes."),
    ),
    Why.UNREACHABLE: (
        _l("The gateway's server cannot be reached from this machine."),
        _l("Whoever runs this site should look at its network or firewall."),
    ),
    Why.CONNECT_TIMEOUT: (_l("The gateway did not take the call in time."), _AGAIN),
    Why.TLS_FAILED: (
        _l("No safe connection to the gateway could be made: its certificate or its https is wrong."),
        _ADDRESS,
    ),
    Why.NO_ANSWER: (
        _l("The gateway did not answer in %(seconds)s seconds."),
        _l("Check the address or try again."),
    ),
    Why.LOST: (_l("The gateway hung up without an answer."), _AGAIN),
    Why.CUT: (_l("The gateway's answer broke off in the middle."), _AGAIN),
    Why.TOO_LONG: (_l("The answer was far too long to be the gateway's."), _ADDRESS),
    Why.GARBLED: (_l("What answered does not speak HTTP."), _ADDRESS),
    Why.SERVER_ERROR: (_l("The gateway answered with an error of its server."), _AGAIN),
    Why.REDIRECTED: (
        _l("The gateway's address sends callers on to another one; your password was not sent there."),
        _ADDRESS,
    ),
    Why.FORBIDDEN: (
        _l("The server at the gateway's address refuses calls from here."),
        _l("The gateway may allow only some network addresses. Ask its customer service to add this one."),
    ),
    Why.NOT_FOUND: (_l("There is no gateway at this address (page not found)."), _ADDRESS),
    Why.HTML: (_l("A web page answered instead of the gateway."), _ADDRESS),
    Why.EMPTY: (_l("The gateway answered nothing at all."), _AGAIN),
    Why.NOT_READABLE: (_l("The gateway's answer cannot be read."), _AGAIN),
    Why.NO_CODE: (_l("The gateway's answer holds no result code."), _AGAIN),
}


@dataclass(frozen=True)
class StateWords:
    """How a state is shown: word, tone, icon, and a sentence."""

    label: Words
    tone: str
    icon: str
    sentence: Words


STATES = {
    AccountState.UNTESTED: StateWords(
        _l("Not tested"), "wait", "clock", _l("Nobody knows yet whether the gateway takes these credentials.")
    ),
    AccountState.OK: StateWords(
        _l("Working"), "ok", "check", _l("The gateway took the uid and the password.")
    ),
    AccountState.BROKEN: StateWords(
        _l("Wrong uid or password"),
        "bad",
        "circle-x",
        _l("The gateway rejects the uid or the password. Nothing is sent until they are put right."),
    ),
    AccountState.FROZEN: StateWords(
        _l("Frozen"),
        "bad",
        "circle-x",
        _l("The gateway has frozen the account. Nothing is sent until it is open again and a test passes."),
    ),
    AccountState.OUT_OF_BALANCE: StateWords(
        _l("Out of balance"),
        "odd",
        "wallet",
        _l("The gateway took nothing more for want of balance. Sending goes on by itself after a top-up."),
    ),
    AccountState.MISCONFIGURED: StateWords(
        _l("Wrong address"),
        "bad",
        "circle-x",
        _l("Something else than the gateway answers at its address. Nothing is sent until a test passes."),
    ),
}
SWITCHED_OFF = StateWords(
    _l("Switched off"), "wait", "pause", _l("Nothing is sent through it and its balance is not asked.")
)


def state_words(state: str, *, disabled: bool) -> StateWords:
    """How an account's state is shown; switched off is told before anything else."""
    return SWITCHED_OFF if disabled else STATES[AccountState(state)]


@dataclass(frozen=True)
class ServiceWords:
    """What to tell the gateway's customer service, in both languages: it is copied, not read here."""

    english: str
    chinese: str


def service_words(url: str) -> ServiceWords:
    """The request to enter a callback address. The uid is left out: its owner fills it in."""
    return ServiceWords(
        english=(
            "Please set the delivery report callback address of our account (uid: ______) to "
            f"{url} . Reports are expected as an HTTP POST with the body "
            "Report=msgid,mobile,report_status,report_time . Thank you."
        ),
        chinese=(
            f"您好，请将我们账号（uid：______）的状态报告推送地址设置为 {url} 。"
            "推送方式为 HTTP POST，内容格式为 Report=msgid,mobile,report_status,report_time 。谢谢！"
        ),
    )


@dataclass(frozen=True)
class CodeWords:
    """What a code of the gateway's answer to a send request says, and what is done then."""

    says: Words
    does: Words


# Code 2 of a balance call is another one: there it is the frozen account.
SEND_CODES: dict[int, CodeWords] = {
    0: CodeWords(_l("It took the messages."), _l("They are accepted, and their reports are waited for.")),
    1: CodeWords(
        _l("The uid or the password is wrong."),
        _l("The account stops and its campaigns pause. They go on when a test passes."),
    ),
    2: CodeWords(
        _l("A number in the request is not acceptable."),
        _l("The request is cut in halves until the number is found; the others go out."),
    ),
    3: CodeWords(_l("The text is empty."), _l("The campaign pauses. Nothing of this request was sent.")),
    4: CodeWords(_l("The text is too long."), _l("The campaign pauses. Nothing of this request was sent.")),
    5: CodeWords(
        _l("The balance is used up."), _l("The campaign pauses and goes on by itself after a top-up.")
    ),
    6: CodeWords(_l("There are too many numbers in the request."), _l("Requests are made smaller.")),
    7: CodeWords(
        _l("Sending failed."),
        _l("It may have gone out all the same: the messages are not confirmed until that is known."),
    ),
    8: CodeWords(
        _l("The account is frozen."),
        _l("The account stops and its campaigns pause. Ask the gateway's customer service."),
    ),
}
