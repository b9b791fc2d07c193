"""The answers of the gateway, byte for byte, and what requests cost."""

from __future__ import annotations

import json

import pytest

from tests.practice.fixture import PracticeGateway

GOOD = {"uid": "practice", "pwd": "practice-only", "mobile": "13800000001", "content": "hello"}
MANY = ",".join(str(13_000_000_000 + n) for n in range(5001))
PATH = "/Admin/index.php/Message/send"


def refusal(code: str, reason: str) -> bytes:
    return f'{{"status":"error","respCode":"{code}","respMsg":"{reason}","msgid":""}}'.encode()


def test_success_has_the_shape_and_type_of_the_real_one(gateway: PracticeGateway) -> None:
    answer = gateway.send("13800000001")
    msgid = answer.json()["msgid"]
    assert msgid.isdigit()
    expected = f'{{"status":"success","respCode":"0","respMsg":"send success","msgid":"{msgid}"}}'
    assert (answer.status, answer.body) == (200, expected.encode())
    assert answer.headers["content-type"] == "text/html; charset=utf-8"


@pytest.mark.parametrize(
    ("change", "code", "reason"),
    [
        ({"uid": ""}, "1", "uid or pwd is empty or wrong"),
        ({"pwd": ""}, "1", "uid or pwd is empty or wrong"),
        ({"pwd": "wrong"}, "1", "uid or pwd is empty or wrong"),
        ({"uid": "nobody", "pwd": ""}, "1", "uid or pwd is empty or wrong"),
        ({"uid": ["practice"]}, "1", "uid or pwd is empty or wrong"),
        ({"mobile": ""}, "2", "mobile is empty or wrong"),
        ({"mobile": 13800000001}, "2", "mobile is empty or wrong"),
        ({"mobile": "12800000001"}, "2", "mobile is empty or wrong"),
        ({"mobile": "13800000001,1380000000"}, "2", "mobile is empty or wrong"),
        ({"mobile": "13800000001,"}, "2", "mobile is empty or wrong"),
        ({"mobile": "１３８００００００００"}, "2", "mobile is empty or wrong"),
        ({"mobile": "13800000001\n"}, "2", "mobile is empty or wrong"),
        ({"mobile": "13800000001,19900000005"}, "2", "mobile is empty or wrong"),
        ({"content": ""}, "3", "content is empty"),
        ({"content": None}, "3", "content is empty"),
        ({"content": "字" * 269}, "4", "content is too long"),
        ({"content": "😀" * 269}, "4", "content is too long"),
        ({"uid": "empty"}, "5", "balance is insufficient"),
        ({"mobile": MANY}, "6", "more than 5000 mobile numbers"),
        ({"uid": "frozen"}, "8", "account is frozen"),
    ],
)
def test_each_refusal(shared: PracticeGateway, change: dict[str, object], code: str, reason: str) -> None:
    answer = shared.request("POST", PATH, json.dumps({**GOOD, **change}))
    assert (answer.status, answer.body) == (200, refusal(code, reason))
    assert shared.balance().json()["respMsg"] == "48210"


def test_code_7_comes_from_the_dial(gateway: PracticeGateway) -> None:
    gateway.dial(next=["code7"])
    assert gateway.send("13800000001").body == refusal("7", "failed to send")
    assert gateway.send("13800000001").json()["respCode"] == "0"


@pytest.mark.parametrize("missing", list(GOOD))
def test_a_missing_key_is_an_empty_one(shared: PracticeGateway, missing: str) -> None:
    answer = shared.request("POST", PATH, json.dumps({k: v for k, v in GOOD.items() if k != missing}))
    assert answer.json()["respCode"] == {"uid": "1", "pwd": "1", "mobile": "2", "content": "3"}[missing]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b'"x"',
        b"\xff\xfe\x00",
        b"[" * 200_000,
        b'{"uid":' + b"9" * 9000 + b"}",
        b"uid=practice",
    ],
)
def test_an_unreadable_body_is_an_unknown_account(shared: PracticeGateway, body: bytes) -> None:
    assert shared.request("POST", PATH, body).json()["respCode"] == "1"
    assert shared.balance().status == 200


def test_a_lone_surrogate_is_a_text_like_any_other(gateway: PracticeGateway) -> None:
    body = json.dumps({**GOOD, "content": "\ud800"})
    assert gateway.request("POST", PATH, body).json()["respCode"] == "0"
    assert gateway.request("GET", "/").status == 200


def test_content_type_is_not_looked_at(gateway: PracticeGateway) -> None:
    for kind in ("application/json", "application/x-www-form-urlencoded", "image/png"):
        answer = gateway.request("POST", PATH, json.dumps(GOOD), {"Content-Type": kind})
        assert answer.json()["respCode"] == "0"


def test_the_balance_answers(gateway: PracticeGateway) -> None:
    assert gateway.balance().body == b'{"status":"success","respCode":"0","respMsg":"48210","msgid":""}'
    assert gateway.balance("practice", "no").body == refusal("1", "uid or pwd is empty or wrong")
    assert gateway.balance("frozen").body == refusal("2", "account is frozen")
    assert gateway.balance("empty").json()["respMsg"] == "0"


@pytest.mark.parametrize(
    ("length", "parts"), [(1, 1), (70, 1), (71, 2), (134, 2), (135, 3), (201, 3), (202, 4), (268, 4)]
)
def test_the_balance_falls_by_parts_for_each_number(
    gateway: PracticeGateway, length: int, parts: int
) -> None:
    gateway.send("13800000001,13800000002,13800000003", "字" * length)
    assert gateway.balance().json()["respMsg"] == str(48_210 - 3 * parts)


def test_5000_numbers_are_taken_and_the_balance_is_all_or_nothing(gateway: PracticeGateway) -> None:
    gateway.add_user("rich", "pw", balance=5001)
    assert gateway.send(MANY.rpartition(",")[0], "x", "rich", "pw").json()["respCode"] == "0"
    assert gateway.send("13800000001,13800000002", "y", "rich", "pw").json()["respCode"] == "5"
    assert gateway.send("13800000001", "y", "rich", "pw").json()["respCode"] == "0"
    assert gateway.balance("rich", "pw").json()["respMsg"] == "0"
