"""Each answer and each state has its words, and none shows what the gateway said but the balance."""

import pytest
from flask import Flask

from webapp.gateway.answers import Why
from webapp.gateway.balances import BalanceOutcome, BalanceVerdict, judge_balance
from webapp.gateway.exchange import Exchange, Kind
from webapp.gateway.models import AccountState
from webapp.gateway.words import STATES, service_words, state_words, words_for

OUT = BalanceOutcome
ANSWERS = [
    Exchange(Kind.ANSWERED, 200, b'{"respCode":"1","respMsg":"pwd hunter2 wrong"}'),
    Exchange(Kind.ANSWERED, 200, b'{"respCode":"2","respMsg":"hunter2"}'),
    Exchange(Kind.ANSWERED, 200, b'{"respCode":"77","respMsg":"hunter2"}'),
    *[Exchange(kind) for kind in Kind if kind not in {Kind.ANSWERED, Kind.WITHHELD}],
    Exchange(Kind.ANSWERED, 200, b"<p>hunter2"),
    Exchange(Kind.ANSWERED, 200, b"false"),
    Exchange(Kind.ANSWERED, 200, b'{"hunter2":1}'),
    Exchange(Kind.ANSWERED, 200),
    *[Exchange(Kind.ANSWERED, status, b"<p>hunter2") for status in (302, 403, 404, 500)],
]


@pytest.mark.parametrize("exchange", ANSWERS, ids=repr)
def test_each_trouble_is_told_with_what_is_safe_and_what_to_do(app: Flask, exchange: Exchange) -> None:
    with app.test_request_context():
        told = words_for(judge_balance(exchange))
    assert told.tone in {"odd", "bad"}
    assert told.title.endswith(".")
    assert "no message was sent" in told.safe
    assert told.advice
    assert "hunter2" not in told.text
    assert "%(" not in told.text


def test_every_word_that_a_balance_can_bring_is_told(app: Flask) -> None:
    brought = {judge_balance(exchange).why for exchange in ANSWERS}
    sending_only = {
        Why.ACCEPTED, Why.ACCEPTED_WITHOUT_MSGID, Why.BAD_NUMBER, Why.CONTENT_EMPTY, Why.CONTENT_TOO_LONG,
        Why.NO_BALANCE, Why.TOO_MANY_NUMBERS, Why.FAILED_TO_SEND, Why.WITHHELD,
    }  # fmt: skip
    assert brought | sending_only == set(Why)


@pytest.mark.parametrize(
    ("said", "messages", "tone", "title"),
    [
        ("48210", 48210, "ok", "Connected. 48,210 messages left."),
        ("1", 1, "ok", "Connected. 1 message left."),
        ("0", 0, "odd", "Connected, but the balance is 0."),
        ("-3", -3, "odd", "Connected, but the balance is -3."),
        ("12.50 yuan", None, "ok", "Connected. The gateway said “12.50 yuan” about the balance."),
        ("100%s %(x)s", None, "ok", "Connected. The gateway said “100%s %(x)s” about the balance."),
    ],
)
def test_a_balance_is_told(app: Flask, said: str, messages: int | None, tone: str, title: str) -> None:
    with app.test_request_context():
        told = words_for(BalanceVerdict(OUT.OK, Why.ACCEPTED, said, messages, 0))
    assert (told.tone, told.title) == (tone, title)


def test_each_state_has_words() -> None:
    assert set(STATES) == set(AccountState)
    assert str(state_words("broken", disabled=True).label) == "Switched off"
    assert str(state_words("broken", disabled=False).label) == "Wrong uid or password"


def test_the_words_for_customer_service_carry_the_address_whole() -> None:
    url = "https://sms.example.com/r/abc_-1"
    told = service_words(url)
    for text in (told.english, told.chinese):
        assert f" {url} " in text
        assert "Report=msgid,mobile,report_status,report_time" in text
