"""Every row of the answer table, as a first answer and after an unknown one."""

from dataclasses import replace

import pytest

from tests.gateway.seed import seed
from webapp.gateway.answers import (
    AccountChange,
    BatchChange,
    Meaning,
    Pause,
    Verdict,
    Why,
    judge,
)
from webapp.gateway.exchange import Exchange, Kind

B, A, M = BatchChange, AccountChange, Meaning


def answered(body: bytes, status: int = 200) -> Exchange:
    return Exchange(Kind.ANSWERED, status, body)


def refused(
    why: Why, batch: BatchChange, code: int, account: AccountChange = A.UNCHANGED, pause: Pause | None = None
) -> Verdict:
    return Verdict(M.REFUSED, batch, account, why, pause=pause, resp_code=code)


def unknown(why: Why, code: int | None = None) -> Verdict:
    return Verdict(M.UNKNOWN, B.HOLD, A.UNCHANGED, why, resp_code=code, trouble=True)


def odd(code: int) -> Verdict:
    return Verdict(M.UNKNOWN, B.UNCONFIRMED, A.UNCHANGED, Why.ODD_CODE, pause=Pause.ODD_CODE, resp_code=code)


def not_left(why: Why, *, trouble: bool = True) -> Verdict:
    return Verdict(M.NOT_LEFT, B.RETRY, A.UNCHANGED, why, trouble=trouble)


def misled(why: Why) -> Verdict:
    return Verdict(M.WRONG_ADDRESS, B.UNCONFIRMED, A.MISCONFIGURED, why, pause=Pause.WRONG_ADDRESS)


HTML = b"<!doctype html><title>Bad gateway</title>"
TAKEN = Verdict(M.TAKEN, B.ACCEPTED, A.WELL, Why.ACCEPTED, resp_code=0, msgid="800000")
NO_HANDLE = Verdict(M.TAKEN, B.ACCEPTED, A.FLAGGED, Why.ACCEPTED_WITHOUT_MSGID, resp_code=0)
NO_BALANCE = refused(Why.NO_BALANCE, B.BLOCKED, 5, A.OUT_OF_BALANCE, Pause.BALANCE)
SMALLER = replace(refused(Why.TOO_MANY_NUMBERS, B.PLANNED, 6, A.SMALLER_LIMIT), limit=50)

# (name, exchange, verdict as the first answer); each request carries 100 numbers.
TABLE: list[tuple[str, Exchange, Verdict]] = [
    ("0 with msgid", answered(seed("send_taken")), TAKEN),
    (
        "0 as the document prints it",
        answered(seed("send_taken_as_printed")),
        replace(TAKEN, msgid="msgid"),
    ),
    ("0 with msgid under 404", answered(seed("send_taken"), 404), TAKEN),
    ("0 with an empty msgid", answered(b'{"respCode":"0","msgid":""}'), NO_HANDLE),
    ("0 without a msgid", answered(b'{"respCode":0}'), NO_HANDLE),
    ("0 with a msgid of odd shape", answered(b'{"respCode":"0","msgid":"a b"}'), NO_HANDLE),
    (
        "1",
        answered(seed("send_code_1")),
        refused(Why.BAD_CREDENTIALS, B.BLOCKED, 1, A.BROKEN, Pause.CREDENTIALS),
    ),
    ("2", answered(seed("send_code_2")), refused(Why.BAD_NUMBER, B.REPLACED, 2)),
    (
        "3",
        answered(seed("send_code_3")),
        refused(Why.CONTENT_EMPTY, B.REJECTED, 3, pause=Pause.CONTENT_EMPTY),
    ),
    (
        "4",
        answered(seed("send_code_4")),
        refused(Why.CONTENT_TOO_LONG, B.REJECTED, 4, pause=Pause.CONTENT_TOO_LONG),
    ),
    ("5", answered(seed("send_code_5")), NO_BALANCE),
    ("6", answered(seed("send_code_6")), SMALLER),
    ("7", answered(seed("send_code_7")), unknown(Why.FAILED_TO_SEND, 7)),
    ("8", answered(seed("send_code_8")), refused(Why.FROZEN, B.BLOCKED, 8, A.FROZEN, Pause.FROZEN)),
    ("9", answered(b'{"respCode":"9"}'), odd(9)),
    ("404 as a code", answered(b'{"respCode":404}'), odd(404)),
    ("5 under 401", answered(seed("send_code_5"), 401), NO_BALANCE),
    ("5 under 400", answered(seed("send_code_5"), 400), NO_BALANCE),
    ("name unknown", Exchange(Kind.NAME_UNKNOWN), not_left(Why.NAME_UNKNOWN)),
    ("refused", Exchange(Kind.REFUSED), not_left(Why.CONNECTION_REFUSED)),
    ("unreachable", Exchange(Kind.UNREACHABLE), not_left(Why.UNREACHABLE)),
    ("connect timeout", Exchange(Kind.CONNECT_TIMEOUT), not_left(Why.CONNECT_TIMEOUT)),
    ("TLS failed", Exchange(Kind.TLS_FAILED), not_left(Why.TLS_FAILED)),
    ("withheld", Exchange(Kind.WITHHELD), not_left(Why.WITHHELD, trouble=False)),
    ("lost", Exchange(Kind.LOST_AFTER_SEND), unknown(Why.LOST)),
    ("no answer in time", Exchange(Kind.ANSWER_TIMEOUT), unknown(Why.NO_ANSWER)),
    ("drip", Exchange(Kind.ANSWER_TIMEOUT, 200, seed("send_taken")), unknown(Why.NO_ANSWER)),
    ("cut by EOF", Exchange(Kind.CUT, 200, seed("send_taken")), unknown(Why.CUT)),
    ("too long", Exchange(Kind.TOO_LONG, 200, b"x" * 65536), unknown(Why.TOO_LONG)),
    ("not HTTP", Exchange(Kind.GARBLED), unknown(Why.GARBLED)),
    ("500", answered(b"", 500), unknown(Why.SERVER_ERROR)),
    ("502 HTML", answered(HTML, 502), unknown(Why.SERVER_ERROR)),
    ("500 with code 5", answered(seed("send_code_5"), 500), unknown(Why.SERVER_ERROR)),
    ("503 with code 0", answered(seed("send_taken"), 503), unknown(Why.SERVER_ERROR)),
    ("200 HTML", answered(HTML), unknown(Why.HTML)),
    ("400 HTML", answered(HTML, 400), unknown(Why.HTML)),
    ("empty", answered(b"", 204), unknown(Why.EMPTY)),
    ("cut JSON", answered(seed("send_taken")[:40]), unknown(Why.NOT_READABLE)),
    ("false", answered(b"false"), unknown(Why.NOT_READABLE)),
    ("code false", answered(b'{"respCode":false,"msgid":"1"}'), unknown(Why.NO_CODE)),
    ("two codes", answered(b'{"respCode":"5","respCode":"0"}'), unknown(Why.NOT_READABLE)),
    ("no code", answered(b'{"status":"success","msgid":"1"}'), unknown(Why.NO_CODE)),
    ("gzip", answered(b"\x1f\x8b\x08\x00rest"), unknown(Why.NOT_READABLE)),
    ("302", answered(b"", 302), misled(Why.REDIRECTED)),
    ("308 HTML", answered(HTML, 308), misled(Why.REDIRECTED)),
    ("401 HTML", answered(HTML, 401), misled(Why.FORBIDDEN)),
    ("403 HTML", answered(HTML, 403), misled(Why.FORBIDDEN)),
    ("404 HTML", answered(HTML, 404), misled(Why.NOT_FOUND)),
    ("404 without a code", answered(b'{"error":"no such page"}', 404), misled(Why.NOT_FOUND)),
    ("404, cut", Exchange(Kind.CUT, 404, HTML), misled(Why.NOT_FOUND)),
]


@pytest.mark.parametrize(("exchange", "verdict"), [row[1:] for row in TABLE], ids=[row[0] for row in TABLE])
def test_first_answer(exchange: Exchange, verdict: Verdict) -> None:
    assert judge(exchange, numbers=100, unknown_before=False) == verdict


@pytest.mark.parametrize(("exchange", "verdict"), [row[1:] for row in TABLE], ids=[row[0] for row in TABLE])
def test_after_an_unknown_one_only_code_0_changes_the_batch(exchange: Exchange, verdict: Verdict) -> None:
    expected = verdict if verdict.resp_code == 0 else replace(verdict, batch=B.HOLD)
    assert judge(exchange, numbers=100, unknown_before=True) == expected


def test_every_kind_and_every_word_stands_in_the_table() -> None:
    assert {exchange.kind for _name, exchange, _verdict in TABLE} == set(Kind)
    assert {verdict.why for _name, _exchange, verdict in TABLE} == set(Why)
    assert {verdict.batch for _name, _exchange, verdict in TABLE} == set(BatchChange)
    assert {verdict.account for _name, _exchange, verdict in TABLE} == set(AccountChange)


def test_a_single_number_that_is_wrong_is_rejected() -> None:
    verdict = judge(answered(seed("send_code_2")), numbers=1, unknown_before=False)
    assert verdict == refused(Why.BAD_NUMBER, B.REJECTED, 2)


def test_a_single_number_that_is_too_many_does_not_go_round_for_ever() -> None:
    verdict = judge(answered(seed("send_code_6")), numbers=1, unknown_before=False)
    assert verdict == refused(Why.TOO_MANY_NUMBERS, B.REJECTED, 6, pause=Pause.REQUEST_TOO_LARGE)


@pytest.mark.parametrize(("numbers", "limit"), [(2, 1), (3, 1), (5000, 2500)])
def test_code_6_halves_the_limit(numbers: int, limit: int) -> None:
    assert judge(answered(seed("send_code_6")), numbers=numbers, unknown_before=False).limit == limit


def test_what_is_unknown_and_what_stops_the_account() -> None:
    stops = {name for name, exchange, verdict in TABLE if verdict.pauses_account}
    assert stops == {
        "1", "5", "8", "5 under 401", "5 under 400",
        "302", "308 HTML", "401 HTML", "403 HTML", "404 HTML", "404 without a code", "404, cut",
    }  # fmt: skip
    assert judge(Exchange(Kind.LOST_AFTER_SEND), numbers=1, unknown_before=False).unknown
    assert judge(answered(HTML, 404), numbers=1, unknown_before=False).unknown
    assert judge(answered(b'{"respCode":"9"}'), numbers=1, unknown_before=False).unknown
    assert not judge(answered(seed("send_code_1")), numbers=1, unknown_before=True).unknown
    assert not judge(Exchange(Kind.REFUSED), numbers=1, unknown_before=True).unknown


def test_a_body_is_not_shown_by_accident() -> None:
    assert "login password" not in repr(answered(b"you sent: login password"))
