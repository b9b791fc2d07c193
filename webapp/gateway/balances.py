"""What a balance call says about the account.

The balance stands in `respMsg` as text and nobody documents its form, so it is kept as it was said, and
counted only where it can be nothing but a whole number.
"""

import re
from dataclasses import dataclass
from enum import StrEnum

from webapp.gateway.answers import (
    NOT_LEFT_WHY,
    Why,
    readable,
    unreadable_why,
    wrong_address_why,
)
from webapp.gateway.exchange import Exchange
from webapp.gateway.parsing import Answer

# A bigint has 19 digits; nobody owns more messages than 15 digits can say.
_WHOLE = re.compile(r"(-?[0-9]{1,15})(?:\.0+)?", re.ASCII)
_GROUPED = re.compile(r"-?[0-9]{1,3}(?:,[0-9]{3})+(?:\.0+)?", re.ASCII)


class BalanceOutcome(StrEnum):
    """How a balance call ended; the values are those of the readings' outcome column."""

    OK = "ok"
    BAD_CREDENTIALS = "bad_credentials"
    FROZEN = "frozen"
    WRONG_ADDRESS = "wrong_address"
    UNREACHABLE = "unreachable"
    UNCLEAR = "unclear"


@dataclass(frozen=True)
class BalanceVerdict:
    """What one balance call means.

    said is the gateway's own text; messages is that as a whole number, or None where it is none.
    """

    outcome: BalanceOutcome
    why: Why
    said: str = ""
    messages: int | None = None
    resp_code: int | None = None


def amount(said: str) -> int | None:
    """The whole number in a balance text such as `48210`, `48,210` or `48210.00`; None for anything else."""
    text = said.strip()
    if _GROUPED.fullmatch(text):
        text = text.replace(",", "")
    whole = _WHOLE.fullmatch(text)
    return int(whole[1]) if whole else None


def judge_balance(exchange: Exchange) -> BalanceVerdict:
    """Say what a balance call means."""
    if exchange.kind.nothing_left:
        return BalanceVerdict(BalanceOutcome.UNREACHABLE, NOT_LEFT_WHY[exchange.kind])
    answer = readable(exchange)
    if answer is not None and answer.resp_code is not None:
        return _by_code(answer, answer.resp_code)
    wrong = wrong_address_why(exchange)
    if wrong is not None:
        return BalanceVerdict(BalanceOutcome.WRONG_ADDRESS, wrong)
    return BalanceVerdict(BalanceOutcome.UNCLEAR, unreadable_why(exchange, answer))


def _by_code(answer: Answer, code: int) -> BalanceVerdict:
    match code:
        case 0:
            return BalanceVerdict(BalanceOutcome.OK, Why.ACCEPTED, answer.said, amount(answer.said), 0)
        case 1:
            return BalanceVerdict(
                BalanceOutcome.BAD_CREDENTIALS, Why.BAD_CREDENTIALS, answer.said, resp_code=1
            )
        case 2:
            return BalanceVerdict(BalanceOutcome.FROZEN, Why.FROZEN, answer.said, resp_code=2)
        case _:
            return BalanceVerdict(BalanceOutcome.UNCLEAR, Why.ODD_CODE, answer.said, resp_code=code)
