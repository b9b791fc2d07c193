"""Delivery reports: fates, spellings, tries, and where they may go."""

from __future__ import annotations

import gzip
import json
import socket
from collections import Counter

import pytest

from tests.practice.fixture import PracticeGateway, wait_until
from tests.practice.sink import Sink


def all_posted(gateway: PracticeGateway) -> None:
    wait_until(lambda: gateway.counts()["reports_pending"] == 0)


@pytest.fixture
def team(gateway: PracticeGateway, sink: Sink) -> tuple[str, str]:
    """An account whose reports go to the sink."""
    gateway.add_user("team", "pw", callback=sink.url)
    return "team", "pw"


def test_a_report_is_a_raw_body_under_the_msgid(
    gateway: PracticeGateway, sink: Sink, team: tuple[str, str]
) -> None:
    msgid = gateway.send("19900000000", "x", *team).json()["msgid"]
    posted = wait_until(lambda: list(sink.posted))[0]
    name, _, value = posted.body.decode().partition("=")
    assert name == "Report"
    assert value.split(",")[:3] == [msgid, "19900000000", "DELIVRD"]
    opened_at = gateway.submissions()[0]["opened_at"]
    assert 0 <= int(value.split(",")[3]) - int(opened_at) <= 5
    assert posted.path == "/r/token"
    assert "content-type" not in posted.headers


@pytest.mark.parametrize(
    ("number", "words"),
    [
        ("19900000000", ["DELIVRD"]),
        ("19900000001", ["MK:0001"]),
        ("19900000002", ["UNDELIV"]),
        ("19900000003", []),
        ("19900000004", ["DELIVRD"]),
        ("19900000006", ["DELIVRD"]),
        ("19900000007", ["DELIVRD"]),
        ("19900000008", ["DELIVRD"]),
        ("19900000009", ["DELIVRD", "DELIVRD", "UNKNOWN"]),
    ],
)
def test_each_fate_that_is_reported(
    gateway: PracticeGateway, sink: Sink, team: tuple[str, str], number: str, words: list[str]
) -> None:
    gateway.dial(late_seconds=1)
    if number == "19900000006":
        with pytest.raises((ConnectionResetError, ConnectionError)):
            gateway.send(number, "x", *team)
    else:
        code = gateway.send(number, "x", *team).json()["respCode"]
        assert code == ("7" if number == "19900000007" else "0")
    all_posted(gateway)
    assert sink.reported() == [(number, word) for word in words]
    # A repeat is swallowed and answered in peace, whatever the number's fate.
    assert gateway.send(number, "x", *team).json()["respCode"] == "0"


def test_a_late_number_is_late(gateway: PracticeGateway, sink: Sink, team: tuple[str, str]) -> None:
    gateway.dial(late_seconds=1)
    gateway.send("19900000004,19900000000", "x", *team)
    all_posted(gateway)
    assert sink.reported() == [("19900000000", "DELIVRD"), ("19900000004", "DELIVRD")]
    late, opened = gateway.reports()[-1]["at"], gateway.submissions()[0]["opened_at"]
    assert late - opened >= 0.99


def test_early_reports_come_before_the_answer(
    gateway: PracticeGateway, sink: Sink, team: tuple[str, str]
) -> None:
    gateway.dial(report_delay_ms=60_000, delivered_percent=100, failed_percent=0)
    gateway.send("19900000008,19900000000", "x", *team)
    assert sink.reported() == [("19900000008", "DELIVRD")]
    gateway.dial(early_percent=100)
    numbers = [str(13_900_000_000 + n) for n in range(100)]
    gateway.send(",".join(numbers), "x", *team)
    assert {number for number, _ in sink.reported()} == {"19900000008", *numbers}
    lines = gateway.ledger()
    first_answer = next(i for i, line in enumerate(lines) if "submission" in line)
    assert any("report" in line for line in lines[:first_answer])


def test_an_early_report_nobody_takes_does_not_keep_the_answer(gateway: PracticeGateway) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{nobody.getsockname()[1]}/"
        gateway.add_user("alone", "pw", callback=url)
        assert gateway.send("19900000008", "x", "alone", "pw").json()["respCode"] == "0"


def test_ordinary_numbers_end_by_chance_and_the_same_way_each_time(
    gateway: PracticeGateway, sink: Sink, team: tuple[str, str]
) -> None:
    gateway.dial(delivered_percent=60, failed_percent=30)
    numbers = [str(13_900_000_000 + n) for n in range(500)]
    gateway.send(",".join(numbers), "one", *team)
    all_posted(gateway)
    first = dict(sink.reported())
    sink.posted.clear()
    gateway.send(",".join(reversed(numbers)), "two", *team)
    all_posted(gateway)
    assert dict(sink.reported()) == first
    words = Counter(first.values())
    assert 255 <= words["DELIVRD"] <= 345
    assert 110 <= sum(count for word, count in words.items() if word != "DELIVRD") <= 190
    assert len(words) > 3


def test_all_may_be_repeated_and_shuffled(
    gateway: PracticeGateway, sink: Sink, team: tuple[str, str]
) -> None:
    gateway.dial(repeat_percent=100, shuffle=True, delivered_percent=100, failed_percent=0)
    numbers = [str(13_900_000_000 + n) for n in range(200)]
    gateway.send(",".join(numbers), "x", *team)
    all_posted(gateway)
    bodies = Counter(sink.bodies)
    assert len(bodies) == 200
    assert set(bodies.values()) == {2}
    assert [number for number, _ in sink.reported()][:200] != numbers


@pytest.mark.parametrize(
    ("spelling", "expected"),
    [
        (["percent"], "Report={m}%2C19900000001%2CMK%3A0001%2C{t}"),
        (["percent", "plus86"], "Report={m}%2C%2B8619900000001%2CMK%3A0001%2C{t}"),
        (["plus86"], "Report={m},+8619900000001,MK:0001,{t}"),
        (["milliseconds"], "Report={m},19900000001,MK:0001,{t}000"),
    ],
)
def test_spellings(
    gateway: PracticeGateway, sink: Sink, team: tuple[str, str], spelling: list[str], expected: str
) -> None:
    gateway.dial(spelling=spelling)
    msgid = gateway.send("19900000001", "x", *team).json()["msgid"]
    all_posted(gateway)
    body = sink.bodies[0]
    time = body.replace("%2C", ",").rpartition(",")[2][:10]
    assert body == expected.format(m=msgid, t=time)


def test_text_time_form_type_and_gzip(gateway: PracticeGateway, sink: Sink, team: tuple[str, str]) -> None:
    gateway.dial(spelling="text_time form gzip")
    gateway.send("19900000000", "x", *team)
    all_posted(gateway)
    posted = sink.posted[0]
    assert posted.headers["content-type"] == "application/x-www-form-urlencoded"
    assert posted.headers["content-encoding"] == "gzip"
    time = gzip.decompress(posted.body).decode().rpartition(",")[2]
    assert len(time) == len("2026-01-01 00:00:00")
    assert time[4] == time[7] == "-"


@pytest.mark.parametrize(("word", "separator"), [("several", "&"), ("lines", "\n"), ("semicolons", ";")])
def test_several_reports_in_one_body(
    gateway: PracticeGateway, sink: Sink, team: tuple[str, str], word: str, separator: str
) -> None:
    gateway.dial(spelling=[word], delivered_percent=100, failed_percent=0)
    gateway.send(",".join(str(13_900_000_000 + n) for n in range(45)), "x", *team)
    all_posted(gateway)
    assert sorted(len(body.split(separator)) for body in sink.bodies) == [5, 20, 20]
    assert all(part.startswith("Report=") for body in sink.bodies for part in body.split(separator))


def test_a_report_that_is_not_answered_200_is_posted_again(
    gateway: PracticeGateway, sink: Sink, team: tuple[str, str]
) -> None:
    sink.answers[:] = [500, 404]
    gateway.send("19900000000", "x", *team)
    all_posted(gateway)
    assert len(set(sink.bodies)) == 1
    assert [(line["try"], line["answer"]) for line in gateway.reports()] == [(1, 500), (2, 404), (3, 200)]


def test_one_try_is_all_the_dial_allows(gateway: PracticeGateway, sink: Sink, team: tuple[str, str]) -> None:
    gateway.dial(report_tries=1)
    sink.answers[:] = [503]
    gateway.send("19900000000", "x", *team)
    all_posted(gateway)
    assert len(sink.posted) == 1
    assert gateway.reports()[0]["given_up"] is True
    assert gateway.counts()["reports_given_up"] == 1


def test_reports_wait_for_an_address_that_is_away(gateway: PracticeGateway) -> None:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        port = holder.getsockname()[1]
        gateway.add_user("team", "pw", callback=f"http://localhost:{port}/r/x")
        gateway.send("19900000000", "x", "team", "pw")
        wait_until(lambda: gateway.counts()["reports_pending"] == 1)
        holder.listen()
        peer, _ = holder.accept()
        with peer:
            assert b"Report=" in peer.recv(4096)
            peer.sendall(b"HTTP/1.1 204 No Content\r\n\r\n")
            # 204 is not the 200 that the protocol asks for, so it comes again.
            assert b"Report=" in peer.recv(4096)
            peer.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n")
            all_posted(gateway)
    assert gateway.counts()["reports_posted"] == 1


@pytest.mark.parametrize("answer", [b"rubbish\r\n\r\n", b"HTTP/1.1 abc\r\n\r\n", b""])
def test_an_unreadable_answer_is_none(gateway: PracticeGateway, answer: bytes) -> None:
    gateway.dial(report_tries=1)
    with socket.create_server(("127.0.0.1", 0)) as server:
        gateway.add_user("team", "pw", callback=f"http://127.0.0.1:{server.getsockname()[1]}/")
        gateway.send("19900000000", "x", "team", "pw")
        peer, _ = server.accept()
        with peer:
            peer.recv(4096)
            peer.sendall(answer)
            peer.shutdown(socket.SHUT_WR)
            all_posted(gateway)
    assert [line["answer"] for line in gateway.reports()] == [0]


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com/r/x",
        "http://10.0.0.1/r/x",
        "http://192.168.1.1:8000/r/x",
        "http://127.0.0.1.example.com/r/x",
        "http://127.0.0.1@example.com/r/x",
        "http://localhost.example.com/",
        "http://0.0.0.0/",
        "http://127.1/",
        "http://2130706433/",
        "http://0x7f000001/",
        "http://127.0.0.256/",
        "http://127.0.0.01/",
        "http://[::]/",
        "http://[::ffff:10.0.0.1]/",
        "https://127.0.0.1/r/x",
        "http://127.0.0.1:0/",
        "http://127.0.0.1:70000/",
        "http://127.0.0.1/a b",
        "http://127.0.0.1/\r\nX: y",
        "ftp://127.0.0.1/",
        "//127.0.0.1/",
        "127.0.0.1",
    ],
)
def test_reports_go_to_this_computer_only(shared: PracticeGateway, url: str) -> None:
    for path, values in (
        ("callback", {"uid": "practice", "pwd": "practice-only", "url": url}),
        ("accounts", {"url": url}),
    ):
        answer = shared.request("POST", f"/practice/{path}", json.dumps(values))
        assert answer.status == 422
        assert answer.json()["error"].endswith(".")


@pytest.mark.parametrize("host", ["127.0.0.1:8000", "127.9.9.9", "localhost", "[::1]:9"])
def test_loopback_addresses_may_be_registered(shared: PracticeGateway, host: str) -> None:
    values = {"uid": "practice", "pwd": "practice-only", "url": f"http://{host}/r/x"}
    assert shared.control("callback", **values)["url"] == f"http://{host}/r/x"


def test_a_host_named_at_the_start_is_allowed(gateway: PracticeGateway) -> None:
    from webapp.practice.callback import CallbackError, read_callback

    assert read_callback("http://web:8000/r/x", frozenset({"web"})).hosts == ("web",)
    with pytest.raises(CallbackError):
        read_callback("http://web2:8000/r/x", frozenset({"web"}))
