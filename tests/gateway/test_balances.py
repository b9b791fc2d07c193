"""What a balance answer is worth."""

import pytest

from tests.gateway.seed import seed
from webapp.gateway.answers import Why
from webapp.gateway.balances import BalanceOutcome, BalanceVerdict, amount, judge_balance
from webapp.gateway.exchange import Exchange, Kind

OUT = BalanceOutcome


@pytest.mark.parametrize(
    ("said", "messages"),
    [
        ("48210", 48210),
        ("0", 0),
        ("48210.00", 48210),
        (" 48,210 ", 48210),
        ("-3", -3),
        ("007", 7),
        ("48210.5", None),
        ("4,82", None),
        ("4,8210", None),
        ("1e5", None),
        ("９", None),
        ("9" * 16, None),
        ("balance", None),
        ("余额：12", None),
        ("", None),
    ],
)
def test_amount(said: str, messages: int | None) -> None:
    assert amount(said) == messages


@pytest.mark.parametrize(
    ("exchange", "verdict"),
    [
        (
            Exchange(Kind.ANSWERED, 200, seed("balance_ok")),
            BalanceVerdict(OUT.OK, Why.ACCEPTED, "48210", 48210, 0),
        ),
        (
            Exchange(Kind.ANSWERED, 200, b'{"respCode":0,"respMsg":48210}'),
            BalanceVerdict(OUT.OK, Why.ACCEPTED, "48210", 48210, 0),
        ),
        (
            Exchange(Kind.ANSWERED, 200, seed("balance_as_printed")),
            BalanceVerdict(OUT.OK, Why.ACCEPTED, "balance", None, 0),
        ),
        (
            Exchange(Kind.ANSWERED, 200, b'{"respCode":"0","respMsg":true}'),
            BalanceVerdict(OUT.OK, Why.ACCEPTED, "", None, 0),
        ),
        (
            Exchange(Kind.ANSWERED, 200, seed("balance_code_1")),
            BalanceVerdict(OUT.BAD_CREDENTIALS, Why.BAD_CREDENTIALS, "Uid, pwd is empty or wrong", None, 1),
        ),
        (
            Exchange(Kind.ANSWERED, 200, seed("balance_code_2")),
            BalanceVerdict(OUT.FROZEN, Why.FROZEN, "The account has been frozen", None, 2),
        ),
        (
            Exchange(Kind.ANSWERED, 200, b'{"respCode":"7","respMsg":"?"}'),
            BalanceVerdict(OUT.UNCLEAR, Why.ODD_CODE, "?", None, 7),
        ),
        (Exchange(Kind.ANSWERED, 200, b"false"), BalanceVerdict(OUT.UNCLEAR, Why.NOT_READABLE)),
        (Exchange(Kind.ANSWERED, 200, b"<p>"), BalanceVerdict(OUT.UNCLEAR, Why.HTML)),
        (
            Exchange(Kind.ANSWERED, 502, seed("balance_ok")),
            BalanceVerdict(OUT.UNCLEAR, Why.SERVER_ERROR),
        ),
        (Exchange(Kind.ANSWERED, 302), BalanceVerdict(OUT.WRONG_ADDRESS, Why.REDIRECTED)),
        (Exchange(Kind.ANSWERED, 404, b"<p>"), BalanceVerdict(OUT.WRONG_ADDRESS, Why.NOT_FOUND)),
        (Exchange(Kind.ANSWER_TIMEOUT), BalanceVerdict(OUT.UNCLEAR, Why.NO_ANSWER)),
        (Exchange(Kind.CUT, 200, seed("balance_ok")), BalanceVerdict(OUT.UNCLEAR, Why.CUT)),
        (Exchange(Kind.REFUSED), BalanceVerdict(OUT.UNREACHABLE, Why.CONNECTION_REFUSED)),
        (Exchange(Kind.NAME_UNKNOWN), BalanceVerdict(OUT.UNREACHABLE, Why.NAME_UNKNOWN)),
    ],
)
def test_judge_balance(exchange: Exchange, verdict: BalanceVerdict) -> None:
    assert judge_balance(exchange) == verdict
