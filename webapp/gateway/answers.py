"""The answer table: what one exchange with the gateway means for the batch, the account and the campaign.

A pure function of what happened, so that every row can be a row of a test. The batch column holds only
while no attempt of the batch is unknown. After one, nothing but code 0 changes the batch: a 5 or a 7 on a
repeat may be the effect of a first request that went through. The account and campaign columns act in any
case.
"""

from dataclasses import dataclass, replace
from enum import StrEnum

from webapp.gateway.exchange import Exchange, Kind
from webapp.gateway.parsing import Answer, looks_like_html, parse_answer


class Meaning(StrEnum):
    """What is known about the request itself."""

    TAKEN = "taken"
    REFUSED = "refused"
    UNKNOWN = "unknown"
    NOT_LEFT = "not_left"
    WRONG_ADDRESS = "wrong_address"


class BatchChange(StrEnum):
    """The state that the batch goes to; the values are those of the batch's state column."""

    ACCEPTED = "accepted"
    BLOCKED = "blocked"
    REPLACED = "replaced"
    REJECTED = "rejected"
    PLANNED = "planned"
    RETRY = "retry"
    HOLD = "hold"
    UNCONFIRMED = "unconfirmed"


class AccountChange(StrEnum):
    """What happens to the gateway account."""

    WELL = "well"
    FLAGGED = "flagged"
    BROKEN = "broken"
    FROZEN = "frozen"
    OUT_OF_BALANCE = "out_of_balance"
    SMALLER_LIMIT = "smaller_limit"
    MISCONFIGURED = "misconfigured"
    UNCHANGED = "unchanged"


class Pause(StrEnum):
    """Why the machine pauses a campaign."""

    CREDENTIALS = "credentials"
    FROZEN = "frozen"
    BALANCE = "balance"
    CONTENT_EMPTY = "content_empty"
    CONTENT_TOO_LONG = "content_too_long"
    REQUEST_TOO_LARGE = "request_too_large"
    ODD_CODE = "odd_code"
    WRONG_ADDRESS = "wrong_address"


class Why(StrEnum):
    """One word for what happened; pages turn it into a sentence."""

    ACCEPTED = "accepted"
    ACCEPTED_WITHOUT_MSGID = "accepted_without_msgid"
    BAD_CREDENTIALS = "bad_credentials"
    BAD_NUMBER = "bad_number"
    CONTENT_EMPTY = "content_empty"
    CONTENT_TOO_LONG = "content_too_long"
    NO_BALANCE = "no_balance"
    TOO_MANY_NUMBERS = "too_many_numbers"
    FAILED_TO_SEND = "failed_to_send"
    FROZEN = "frozen"
    ODD_CODE = "odd_code"
    NAME_UNKNOWN = "name_unknown"
    CONNECTION_REFUSED = "connection_refused"
    UNREACHABLE = "unreachable"
    CONNECT_TIMEOUT = "connect_timeout"
    TLS_FAILED = "tls_failed"
    WITHHELD = "withheld"
    LOST = "lost"
    NO_ANSWER = "no_answer"
    CUT = "cut"
    TOO_LONG = "too_long"
    GARBLED = "garbled"
    SERVER_ERROR = "server_error"
    REDIRECTED = "redirected"
    FORBIDDEN = "forbidden"
    NOT_FOUND = "not_found"
    HTML = "html"
    EMPTY = "empty"
    NOT_READABLE = "not_readable"
    NO_CODE = "no_code"


@dataclass(frozen=True)
class Verdict:
    """What one exchange means.

    limit is the new ceiling of numbers per request after code 6. trouble tells that the account's breaker
    counts this call. pause is set where the machine pauses the campaign; `pauses_account` tells that all
    campaigns of the account are meant.
    """

    meaning: Meaning
    batch: BatchChange
    account: AccountChange
    why: Why
    pause: Pause | None = None
    resp_code: int | None = None
    msgid: str | None = None
    limit: int | None = None
    trouble: bool = False

    @property
    def unknown(self) -> bool:
        """Whether the attempt ends unknown: something left, and no one can say what became of it."""
        return self.meaning in {Meaning.UNKNOWN, Meaning.WRONG_ADDRESS}

    @property
    def pauses_account(self) -> bool:
        """Whether the pause is for every campaign of the account, because the account is what is wrong."""
        return self.account in STOPS_ACCOUNT


STOPS_ACCOUNT = frozenset(
    {
        AccountChange.BROKEN,
        AccountChange.FROZEN,
        AccountChange.OUT_OF_BALANCE,
        AccountChange.MISCONFIGURED,
    }
)

NOT_LEFT_WHY = {
    Kind.NAME_UNKNOWN: Why.NAME_UNKNOWN,
    Kind.REFUSED: Why.CONNECTION_REFUSED,
    Kind.UNREACHABLE: Why.UNREACHABLE,
    Kind.CONNECT_TIMEOUT: Why.CONNECT_TIMEOUT,
    Kind.TLS_FAILED: Why.TLS_FAILED,
    Kind.WITHHELD: Why.WITHHELD,
}

NO_WHOLE_ANSWER_WHY = {
    Kind.LOST_AFTER_SEND: Why.LOST,
    Kind.ANSWER_TIMEOUT: Why.NO_ANSWER,
    Kind.CUT: Why.CUT,
    Kind.TOO_LONG: Why.TOO_LONG,
    Kind.GARBLED: Why.GARBLED,
}


def judge(exchange: Exchange, *, numbers: int, unknown_before: bool) -> Verdict:
    """Say what a send call means.

    numbers is how many the request carried; unknown_before whether an earlier attempt of the batch ended
    unknown.
    """
    verdict = _first(exchange, numbers)
    if unknown_before and verdict.batch is not BatchChange.ACCEPTED:
        return replace(verdict, batch=BatchChange.HOLD)
    return verdict


def _first(exchange: Exchange, numbers: int) -> Verdict:
    if exchange.kind.nothing_left:
        return Verdict(
            Meaning.NOT_LEFT,
            BatchChange.RETRY,
            AccountChange.UNCHANGED,
            NOT_LEFT_WHY[exchange.kind],
            trouble=exchange.kind is not Kind.WITHHELD,
        )
    answer = readable(exchange)
    if answer is not None and answer.resp_code is not None:
        return replace(_by_code(answer, answer.resp_code, numbers), resp_code=answer.resp_code)
    wrong = wrong_address_why(exchange)
    if wrong is not None:
        return Verdict(
            Meaning.WRONG_ADDRESS,
            BatchChange.UNCONFIRMED,
            AccountChange.MISCONFIGURED,
            wrong,
            pause=Pause.WRONG_ADDRESS,
        )
    return Verdict(
        Meaning.UNKNOWN,
        BatchChange.HOLD,
        AccountChange.UNCHANGED,
        unreadable_why(exchange, answer),
        trouble=True,
    )


def _by_code(answer: Answer, code: int, numbers: int) -> Verdict:
    match code:
        case 0 if answer.msgid is not None:
            return Verdict(
                Meaning.TAKEN, BatchChange.ACCEPTED, AccountChange.WELL, Why.ACCEPTED, msgid=answer.msgid
            )
        case 0:
            return Verdict(
                Meaning.TAKEN, BatchChange.ACCEPTED, AccountChange.FLAGGED, Why.ACCEPTED_WITHOUT_MSGID
            )
        case 1:
            return _refused(BatchChange.BLOCKED, Why.BAD_CREDENTIALS, AccountChange.BROKEN, Pause.CREDENTIALS)
        case 2:
            return _refused(BatchChange.REPLACED if numbers > 1 else BatchChange.REJECTED, Why.BAD_NUMBER)
        case 3:
            return _refused(BatchChange.REJECTED, Why.CONTENT_EMPTY, pause=Pause.CONTENT_EMPTY)
        case 4:
            return _refused(BatchChange.REJECTED, Why.CONTENT_TOO_LONG, pause=Pause.CONTENT_TOO_LONG)
        case 5:
            return _refused(BatchChange.BLOCKED, Why.NO_BALANCE, AccountChange.OUT_OF_BALANCE, Pause.BALANCE)
        case 6 if numbers > 1:
            smaller = _refused(BatchChange.PLANNED, Why.TOO_MANY_NUMBERS, AccountChange.SMALLER_LIMIT)
            return replace(smaller, limit=numbers // 2)
        case 6:
            # One number cannot be too many: planning it anew would go round for ever.
            return _refused(BatchChange.REJECTED, Why.TOO_MANY_NUMBERS, pause=Pause.REQUEST_TOO_LARGE)
        case 7:
            return Verdict(
                Meaning.UNKNOWN,
                BatchChange.HOLD,
                AccountChange.UNCHANGED,
                Why.FAILED_TO_SEND,
                trouble=True,
            )
        case 8:
            return _refused(BatchChange.BLOCKED, Why.FROZEN, AccountChange.FROZEN, Pause.FROZEN)
        case _:
            return Verdict(
                Meaning.UNKNOWN,
                BatchChange.UNCONFIRMED,
                AccountChange.UNCHANGED,
                Why.ODD_CODE,
                pause=Pause.ODD_CODE,
            )


def _refused(
    batch: BatchChange,
    why: Why,
    account: AccountChange = AccountChange.UNCHANGED,
    pause: Pause | None = None,
) -> Verdict:
    return Verdict(Meaning.REFUSED, batch, account, why, pause=pause)


def readable(exchange: Exchange) -> Answer | None:
    """The answer in an exchange, where a whole one came that counts: a server error says nothing."""
    if exchange.kind is not Kind.ANSWERED or is_server_error(exchange):
        return None
    return parse_answer(exchange.body)


def is_server_error(exchange: Exchange) -> bool:
    """Whether the answer is a 5xx: often a proxy's word about a request that went through behind it."""
    return exchange.http_status is not None and exchange.http_status >= 500


def wrong_address_why(exchange: Exchange) -> Why | None:
    """Why the address must be wrong, by the HTTP status of an answer that has no code; else None."""
    status = exchange.http_status
    if status is None:
        return None
    if 300 <= status < 400:
        return Why.REDIRECTED
    if status in {401, 403}:
        return Why.FORBIDDEN
    if status == 404:
        return Why.NOT_FOUND
    return None


def unreadable_why(exchange: Exchange, answer: Answer | None) -> Why:
    """In which way an exchange without a code failed to tell what became of the request."""
    if is_server_error(exchange):
        return Why.SERVER_ERROR
    if exchange.kind in NO_WHOLE_ANSWER_WHY:
        return NO_WHOLE_ANSWER_WHY[exchange.kind]
    if answer is not None:
        return Why.NO_CODE
    if not exchange.body.strip():
        return Why.EMPTY
    return Why.HTML if looks_like_html(exchange.body) else Why.NOT_READABLE
