"""What may be believed of a gateway's body."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.gateway.seed import seed
from webapp.gateway.parsing import Answer, parse_answer


def test_reads_the_answer_as_the_document_prints_it() -> None:
    assert parse_answer(seed("send_taken_as_printed")) == Answer(0, "msgid", "send success")


def test_reads_the_error_and_balance_lines_of_the_document() -> None:
    # "Failed id" stands for a number there; as it is, it is no code.
    assert parse_answer(seed("failed_as_printed")) == Answer(None, None, "Failure reason")
    assert parse_answer(seed("balance_as_printed")) == Answer(0, None, "balance")


@pytest.mark.parametrize("code", range(1, 9))
def test_reads_each_code_of_the_document(code: int) -> None:
    answer = parse_answer(seed(f"send_code_{code}"))
    assert answer is not None
    assert (answer.resp_code, answer.msgid) == (code, None)


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b'{"respCode":0}', 0),
        (b'{"respCode":"0"}', 0),
        (b' \r\n{"respCode":"12"}\n', 12),
        (b'{"respCode":999}', 999),
        (b'\xef\xbb\xbf{"respCode":"5"}', 5),
        ('{"respCode":"5","respMsg":"余额不足"}'.encode("gb18030"), 5),
        (b'{"respCode":"\\u0030"}', 0),
    ],
)
def test_codes_that_count(body: bytes, code: int) -> None:
    answer = parse_answer(body)
    assert answer is not None
    assert answer.resp_code == code


@pytest.mark.parametrize(
    "body",
    [
        b'{"respCode":false}',
        b'{"respCode":true}',
        b'{"respCode":null}',
        b'{"respCode":""}',
        b'{"respCode":"00"}',
        b'{"respCode":"01"}',
        b'{"respCode":" 0"}',
        b'{"respCode":"0\\n"}',
        b'{"respCode":"-0"}',
        b'{"respCode":-0}',
        b'{"respCode":0.0}',
        b'{"respCode":0e5}',
        b'{"respCode":"1000"}',
        b'{"respCode":' + b"9" * 6000 + b"}",
        b'{"respCode":[0]}',
        b'{"respCode":{"respCode":0}}',
        b'{"respcode":"0"}',
        b'{"RespCode":"0"}',
        '{"respCode":"０"}'.encode(),
        '{"respCode":"٠"}'.encode(),
        b"{}",
    ],
)
def test_codes_that_do_not_count(body: bytes) -> None:
    answer = parse_answer(body)
    assert answer is not None
    assert answer.resp_code is None


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"false",
        b"0",
        b'"0"',
        b"null",
        b'["0"]',
        b'{"respCode":"0","respCode":"1"}',
        b'{"respCode":"0","respCode":"0"}',
        b'{"respCode":"0","x":{"a":1,"a":2}}',
        b'{"respCode":"0","\\u0072espCode":"1"}',
        b'{"respCode":"0"',
        b'{"respCode":"0","msgid":"80',
        b'{"respCode":"0"}}',
        b'{"respCode":"0"}{"respCode":"1"}',
        b'{"respCode":"0"}<br>',
        b"<br>Notice: x</br>" + b'{"respCode":"0"}',
        b'{"respCode":NaN}',
        b'{"respCode":"0","x":Infinity}',
        b'{"respCode":"0",}',
        b"{'respCode':'0'}",
        b'{"respCode":"0","respMsg":"a\nb"}',
        b'{"respCode":"0","respMsg":"\xff\xff"}',
        b"[" * 5000 + b"]" * 5000,
        b'{"x":' * 5000 + b"1" + b"}" * 5000,
        b"<html><body>502</body></html>",
        '{"respCode":"0"}'.encode("utf-16"),
        b'\xef\xbb\xbf\xef\xbb\xbf{"respCode":"0"}',
        # The document's surplus quotation mark is forgiven there and nowhere else.
        b'{"respCode":"0"","msgid":"1"}',
        b'{"respCode":"0","msgid":"1""',
        b'{"respCode":"0","msgid":"1"""}',
        b'{"respCode":"0","respCode":"1","msgid":"1""}',
        b'{"respCode":"0","msgid":"a b""}',
    ],
)
def test_bodies_that_are_no_answer(body: bytes) -> None:
    assert parse_answer(body) is None


@pytest.mark.parametrize(
    ("written", "msgid"),
    [
        ('"800000"', "800000"),
        ("800000", "800000"),
        ('"000800"', "000800"),
        ("123456789012345678901234567890", "123456789012345678901234567890"),
        ('"a_B-9"', "a_B-9"),
        (f'"{"x" * 64}"', "x" * 64),
        (f'"{"x" * 65}"', None),
        ('""', None),
        ('"msg id"', None),
        ('"1,2"', None),
        ('"1\\n"', None),
        ('"<b>"', None),
        ('"消息"', None),
        ("1.5", None),
        ("true", None),
        ("null", None),
        ("[1]", None),
    ],
)
def test_usable_msgids(written: str, msgid: str | None) -> None:
    answer = parse_answer(f'{{"respCode":"0","msgid":{written}}}'.encode())
    assert answer == Answer(0, msgid, "")


def test_what_was_said_can_be_stored_and_stays_on_one_line() -> None:
    answer = parse_answer(json.dumps({"respMsg": "a\x00b\n\ud800c" + "d" * 500}).encode())
    assert answer is not None
    assert answer.said.startswith("a b c")
    assert len(answer.said) == 200
    answer.said.encode()


@given(st.binary(max_size=300))
def test_no_bytes_raise(body: bytes) -> None:
    parse_answer(body)


@given(st.binary(max_size=40), st.integers(0, 80))
def test_a_damaged_answer_never_becomes_another_code(noise: bytes, place: int) -> None:
    whole = seed("send_code_5")
    answer = parse_answer(whole[:place] + noise + whole[place:])
    # Noise may happen to be harmless (inside respMsg) or make it unreadable, but may not say "taken".
    assert answer is None or answer.resp_code != 0 or b"0" in noise
