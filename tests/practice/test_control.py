"""The control door, the page, and the life of the program."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import urlencode

import html5lib
import pytest

from tests.practice.fixture import ROOT, PracticeGateway, wait_until
from tests.practice.sink import Sink

COMMAND = [sys.executable, "-m", "webapp.practice"]


@pytest.mark.parametrize(
    "changes",
    [
        {"latency_ms": -1},
        {"latency_ms": "soon"},
        {"latency_ms": True},
        {"latency_ms": 1.5},
        {"latency_ms": 10**9},
        {"failures": {"meteor": 5}},
        {"failures": {"lost": 101}},
        {"failures": {"lost": 60, "http500": 60}},
        {"failures": "lost"},
        {"failures": {"lost": "NaN"}},
        {"failures": {"reset_before+taken": 5}},
        {"delivered_percent": 98, "failed_percent": 3},
        {"shuffle": "perhaps"},
        {"spelling": ["morse"]},
        {"away": "holiday"},
        {"dedup_seconds": None},
        {"next": ["meteor"]},
        {"next": 5},
        {"unknown": 1},
    ],
)
def test_a_wrong_dial_is_refused_as_a_whole(shared: PracticeGateway, changes: dict[str, object]) -> None:
    before = shared.dial()
    answer = shared.request("POST", "/practice/dial", json.dumps({"huge_megabytes": 7, **changes}))
    assert answer.status == 422
    assert answer.json()["error"]
    assert shared.request("GET", "/practice/dial").json() == before


@pytest.mark.parametrize("body", [b"[]", b"{", b"\xff", b"[" * 100_000])
def test_a_control_request_must_be_an_object(shared: PracticeGateway, body: bytes) -> None:
    for path in ("dial", "users", "accounts", "callback"):
        assert shared.request("POST", f"/practice/{path}", body).status == 422


@pytest.mark.parametrize(
    "values",
    [
        {},
        {"uid": "a"},
        {"uid": "", "pwd": "x"},
        {"uid": "a b", "pwd": "x"},
        {"uid": "a", "pwd": "x", "balance": -1},
        {"uid": "a", "pwd": "x", "balance": "5"},
        {"uid": "a", "pwd": "x", "frozen": 1},
        {"uid": 5, "pwd": "x"},
        {"uid": "a", "pwd": "x" * 200},
    ],
)
def test_a_wrong_user_is_refused(shared: PracticeGateway, values: dict[str, object]) -> None:
    assert shared.request("POST", "/practice/users", json.dumps(values)).status == 422


def test_registering_needs_the_password(gateway: PracticeGateway) -> None:
    values = {"uid": "practice", "pwd": "wrong", "url": "http://127.0.0.1:1/"}
    assert gateway.request("POST", "/practice/callback", json.dumps(values)).status == 422


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "http://rebound.example:8010", "Host": "rebound.example:8010"},
    ],
)
def test_other_sites_pages_cannot_turn_the_dial(shared: PracticeGateway, headers: dict[str, str]) -> None:
    for path in ("dial", "users", "accounts", "callback"):
        answer = shared.request("POST", f"/practice/{path}", b"{}", headers)
        assert answer.status == 403


def test_the_page_turns_the_dial_without_script(gateway: PracticeGateway) -> None:
    gateway.dial(shuffle=True, spelling=["gzip"])
    form = [("latency_ms", "5"), ("fail_lost", "2.5"), ("fail_html", ""), ("fail_cut", "0"), ("away", "no")]
    form += [("spelling", "form"), ("spelling", "percent"), ("dedup_charged", "1")]
    headers = {"Content-Type": "application/x-www-form-urlencoded", "Origin": gateway.url}
    answer = gateway.request("POST", "/practice/dial?lang=zh", urlencode(form), headers)
    assert (answer.status, answer.headers["location"]) == (303, "/?lang=zh")
    dial = gateway.dial()
    assert (dial["latency_ms"], dial["failures"]) == (5, {"lost": 2.5})
    assert (dial["shuffle"], dial["dedup_charged"]) == (False, True)
    assert dial["spelling"] == ["percent", "form"]


def test_a_wrong_form_says_so_on_the_page(gateway: PracticeGateway) -> None:
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    for body in ("latency_ms=%3Cb%3E", "nonsense=1", b"\xff=\xff"):
        answer = gateway.request("POST", "/practice/dial", body, headers)
        assert answer.status == 422
        assert 'role="alert"' in answer.body.decode()
        assert "<b>&gt;" not in answer.body.decode()


@pytest.mark.parametrize(
    ("query", "title"), [("", "Practice gateway"), ("?lang=zh", "练习网关"), ("?lang=x", "Practice")]
)
def test_the_page_in_both_languages(gateway: PracticeGateway, query: str, title: str) -> None:
    gateway.add_user("team", "pw", callback="http://127.0.0.1:1/r/secret-token")
    gateway.send("13812345678,13912345678,13712345678", "<script>alert(1)</script>{{7*7}}")
    gateway.send("13812345678", "x", uid="<img src=x>")
    gateway.dial(next=["reset_before"])
    with pytest.raises(ConnectionError):
        gateway.send("13812345678")
    answer = gateway.request("GET", f"/{query}")
    page = answer.body.decode()
    assert title in page
    html5lib.HTMLParser(strict=True).parse(page)
    assert "<script" not in page
    assert " style=" not in page
    assert "<style" not in page
    assert "<img" not in page
    assert " on" + "click" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;{{7*7}}" in page
    assert "13812345678" not in page
    assert "*** 5678" in page
    assert "secret-token" not in page
    policy = answer.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; style-src 'self'")
    assert "unsafe" not in policy


def test_the_style_sheet_is_served(gateway: PracticeGateway) -> None:
    answer = gateway.request("GET", "/practice.css")
    assert answer.headers["content-type"].startswith("text/css")
    assert b"--accent: #2350d6" in answer.body


# --- restarts


def test_a_restart_keeps_accounts_balances_and_callbacks(gateway: PracticeGateway, sink: Sink) -> None:
    account = gateway.new_account(sink.url)
    uid, pwd = account["uid"], account["pwd"]
    assert uid.startswith("practice-")
    first = gateway.send("19900000000", "x", uid, pwd).json()["msgid"]
    wait_until(lambda: len(sink.posted) == 1)
    assert gateway.stop() == 0
    gateway.start()
    assert gateway.balance(uid, pwd).json()["respMsg"] == str(48_210 - 1)
    # The repeat is swallowed as if nothing had been; a new text is reported to the same address.
    second = gateway.send("19900000000", "x", uid, pwd).json()["msgid"]
    assert gateway.submissions()[-1]["swallowed"] == ["19900000000"]
    assert int(second) > int(first)
    gateway.send("19900000000", "y", uid, pwd)
    wait_until(lambda: len(sink.posted) == 2)


def test_a_clean_restart_keeps_reports_that_are_not_due(tmp_path: Path, sink: Sink) -> None:
    numbers = [str(13_900_000_000 + n) for n in range(50)]
    with PracticeGateway(tmp_path, report_delay_ms=2000, delivered_percent=100, failed_percent=0) as gateway:
        gateway.add_user("team", "pw", callback=sink.url)
        gateway.send(",".join(numbers), "x", "team", "pw")
        assert gateway.counts()["reports_pending"] == 50
        gateway.stop()
        assert sink.posted == []
        gateway.start()
        wait_until(lambda: len(sink.posted) == 50)
    assert {number for number, _ in sink.reported()} == set(numbers)


def test_new_credentials_survive_a_kill(gateway: PracticeGateway) -> None:
    account = gateway.new_account()
    gateway.kill()
    gateway.start()
    assert gateway.balance(account["uid"], account["pwd"]).json()["respCode"] == "0"


@pytest.mark.parametrize(
    "damage", [b"", b"{", b"[]", b'{"accounts":5}', b'{"version":1,"accounts":[{"uid":7}]}']
)
def test_a_damaged_state_is_kept_aside(gateway: PracticeGateway, damage: bytes) -> None:
    gateway.stop()
    gateway.state_file.write_bytes(damage)
    gateway.start()
    assert gateway.balance().json()["respCode"] == "0"
    assert gateway.state_file.with_name("practice.json.unreadable").read_bytes() == damage


def test_files_are_for_their_owner_only(gateway: PracticeGateway) -> None:
    gateway.new_account()
    for file in (gateway.ledger_file, gateway.state_file):
        assert file.stat().st_mode & 0o077 == 0


def test_a_request_under_way_at_the_end_is_in_the_ledger(gateway: PracticeGateway) -> None:
    gateway.dial(latency_ms=60_000)
    body = json.dumps(
        {"uid": "practice", "pwd": "practice-only", "mobile": "13800000001", "content": "x"}
    ).encode()
    with socket.create_connection(("127.0.0.1", gateway.port)) as peer:
        peer.sendall(
            b"POST /Admin/index.php/Message/send HTTP/1.1\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)
        )
        assert wait_until(gateway.open_requests) == {1}
        gateway.stop()
    assert gateway.submissions()[0]["ended"] == "stopped"


def test_ledger_lines_are_in_order(gateway: PracticeGateway) -> None:
    gateway.send("13800000001", "字" * 71)
    gateway.send("bad")
    opened, first, _, second = gateway.ledger()
    assert (opened["open"], first["submission"], second["submission"]) == (1, 1, 2)
    assert first["opened_at"] <= first["closed_at"]
    assert first["content_length"] == 71
    assert first["cost"] == 2
    assert (second["decision"], second["mobiles"], second["msgid"]) == ("2", ["bad"], "")


# --- the command line


def test_a_taken_port_is_one_sentence(gateway: PracticeGateway) -> None:
    command = [*COMMAND, "--bind", f"127.0.0.1:{gateway.port}"]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=30, check=False)
    assert ended.returncode == 1
    assert ended.stdout == ""
    assert ended.stderr.count("\n") == 1
    assert "--bind" in ended.stderr


@pytest.mark.parametrize(
    "options",
    [
        ["--bind", "8010"],
        ["--bind", "x:99999"],
        ["--latency-ms", "-5"],
        ["--failures", "meteor=5"],
        ["--away", "close"],
    ],
)
def test_a_wrong_option_ends_the_start(options: list[str]) -> None:
    ended = subprocess.run(
        [*COMMAND, *options], cwd=ROOT, capture_output=True, text=True, timeout=30, check=False
    )
    assert ended.returncode == 2
    assert "Traceback" not in ended.stderr


def test_a_ledger_that_cannot_be_written_is_one_sentence(tmp_path: Path) -> None:
    command = [*COMMAND, "--bind", "127.0.0.1:0", "--ledger", str(tmp_path / "no" / "where")]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=30, check=False)
    assert (ended.returncode, ended.stderr.count("\n")) == (1, 1)


def test_options_set_the_dial(tmp_path: Path) -> None:
    failures = "lost=3,http500+taken=2"
    with PracticeGateway(
        tmp_path, latency_ms=3, failures=failures, spelling="form,gzip", shuffle="on"
    ) as running:
        dial = running.dial()
    assert (dial["latency_ms"], dial["shuffle"]) == (3, True)
    assert dial["failures"] == {"lost": 3, "http500+taken": 2}
    assert dial["spelling"] == ["form", "gzip"]


def test_it_loads_nothing_of_the_product() -> None:
    code = (
        "import sys, webapp.practice.program\n"
        "own = {name for name in sys.modules if name.startswith('webapp.')}\n"
        "sys.exit(any(not name.startswith('webapp.practice') for name in own)"
        " or bool({'flask', 'sqlalchemy', 'urllib3'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0


def test_it_is_small_and_still_at_rest(gateway: PracticeGateway) -> None:
    status = Path(f"/proc/{gateway.pid}/status")
    if not status.exists():
        pytest.skip("this system has no /proc")
    resident = next(line for line in status.read_text().splitlines() if line.startswith("VmRSS"))
    assert int(resident.split()[1]) < 25_000

    def ticks() -> int:
        return sum(int(field) for field in Path(f"/proc/{gateway.pid}/stat").read_text().split()[13:15])

    before = ticks()
    time.sleep(1)  # nothing is waited for: this is the second whose processor time is measured
    assert ticks() - before <= os.sysconf("SC_CLK_TCK") // 50
