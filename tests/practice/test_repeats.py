"""The gateway's own de-duplication, on which a sender's repeats rest."""

from __future__ import annotations

from tests.practice.fixture import PracticeGateway, wait_until
from tests.practice.sink import Sink


def test_a_repeat_is_answered_but_not_delivered_and_costs_nothing(
    gateway: PracticeGateway, sink: Sink
) -> None:
    gateway.add_user("team", "pw", balance=10, callback=sink.url)
    first = gateway.send("19900000000,19900000003", "hi", "team", "pw").json()
    again = gateway.send("19900000000,19900000003", "hi", "team", "pw").json()
    assert again["respCode"] == "0"
    assert again["msgid"] != first["msgid"]
    assert gateway.balance("team", "pw").json()["respMsg"] == "8"
    one, two = gateway.submissions()
    assert (one["delivered"], one["swallowed"]) == (["19900000000", "19900000003"], [])
    assert (two["delivered"], two["swallowed"]) == ([], ["19900000000", "19900000003"])
    assert one["body_sha256"] == two["body_sha256"]
    wait_until(lambda: gateway.counts()["reports_pending"] == 0)
    assert sink.reported() == [("19900000000", "DELIVRD")]


def test_the_first_msgid_and_the_full_price_are_on_the_dial(gateway: PracticeGateway) -> None:
    gateway.dial(dedup_same_msgid=True, dedup_charged=True)
    first = gateway.send("13800000001")
    assert gateway.send("13800000001").json()["msgid"] == first.json()["msgid"]
    assert gateway.balance().json()["respMsg"] == str(48_210 - 2)


def test_only_the_same_text_to_the_same_number_of_the_same_uid_is_a_repeat(gateway: PracticeGateway) -> None:
    gateway.add_user("other", "pw")
    gateway.send("13800000001", "a")
    gateway.send("13800000001", "b")
    gateway.send("13800000001", "a", "other", "pw")
    gateway.send("13800000002,13800000001,13800000002", "a")
    last = gateway.submissions()
    assert [len(line["swallowed"]) for line in last] == [0, 0, 0, 2]
    assert last[3]["delivered"] == ["13800000002"]


def test_after_the_time_it_is_delivered_again(gateway: PracticeGateway) -> None:
    gateway.dial(dedup_seconds=1)
    gateway.send("13800000001")

    def delivered_again() -> bool:
        gateway.send("13800000001")
        return len([line for line in gateway.submissions() if line["delivered"]]) >= 2

    assert not delivered_again()
    wait_until(delivered_again)
    times = [line["opened_at"] for line in gateway.submissions() if line["delivered"]]
    assert times[1] - times[0] >= 0.99


def test_a_refused_request_is_not_remembered(gateway: PracticeGateway) -> None:
    gateway.add_user("poor", "pw", balance=1)
    assert gateway.send("13800000001,13800000002", "x", "poor", "pw").json()["respCode"] == "5"
    gateway.add_user("poor", "pw", balance=2)
    gateway.send("13800000001,13800000002", "x", "poor", "pw")
    assert len(gateway.submissions()[-1]["delivered"]) == 2


def test_an_untaken_request_is_not_remembered(gateway: PracticeGateway) -> None:
    gateway.dial(next=["http500"])
    assert gateway.send("13800000001").status == 500
    gateway.send("13800000001")
    assert gateway.submissions()[-1]["delivered"] == ["13800000001"]
