"""What a newcomer does: from the first page to a delivered message, with nothing explained."""

from __future__ import annotations

import re
import sys

import pytest

from tests.browser.conftest import Visit
from tests.browser.person import (
    Person,
    connect_practice,
    send,
    sign_in,
    sign_up,
    wait_before_sending,
    write_message,
)
from tests.browser.watching import assert_adds_up, watch_until
from tests.practice.fixture import PracticeGateway

GOOD = ["138 0013 8000", "+86 139-0013-9001", "19900000000", "19900000001", "19900000009"]
BAD = {
    "1.38E+10": "Excel has rounded it",
    "13800138000": "stands here already",
    "12345": "too short",
    "+1 3805550100": "not a mainland number",
    "Wang Fang": "not a number",
}


def test_from_signing_up_to_delivered(visit: Visit, practice: PracticeGateway) -> None:
    practice.dial(latency_ms=4000, report_delay_ms=5000, delivered_percent=100, failed_percent=0)
    person = visit()
    sign_up(person, "lin@example.com")
    assert "lin's team" in person.page.locator(".side").inner_text()
    assert person.page.locator("#balance-widget").is_hidden()
    sign_out_and_in(person)

    connect_practice(person)
    assert person.balance() == 48_210
    assert "nothing leaves this computer" in person.page.locator("body").inner_text()

    write_message(person, "\n".join([*GOOD, *BAD]), "The shop is open on Sunday.")
    left_out = person.rows("Left out")
    assert [row["What it says"] for row in left_out] == list(BAD)
    for line, row in enumerate(left_out, len(GOOD) + 1):
        assert row["Line"] == str(line)
        assert row["Why"].startswith(BAD[row["What it says"]])
    facts = person.facts()
    assert facts["Recipients"] == "5"
    assert facts["Parts each"] == "1"
    assert facts["Requests to the gateway"] == "1"
    assert facts["Balance now"] == "48,210"
    assert facts["Left after sending"] == "48,205"

    send(person, 5)
    effort = person.effort
    seen = watch_until(person, "Finished")
    sys.stdout.write(f"\nFrom the first page to delivered: {effort.clicks} clicks, {effort.fields} fields.\n")
    assert effort.clicks <= 5
    assert effort.fields <= 5

    assert_adds_up(seen, 5)
    pills = list(dict.fromkeys(moment["pill"] for moment in seen))
    assert [pill for pill in pills if pill not in ("Planning", "Starting")] == [
        "Sending",
        "Waiting for reports",
        "Finished",
    ]
    assert any(moment["sentence"].startswith("Accepted: the gateway took all 5") for moment in seen)
    assert any(moment["rows"].count("Accepted") == 5 for moment in seen)
    assert seen[-1]["cells"]["Delivered"] == "4"
    assert seen[-1]["cells"]["Failed"] == "1"

    look_at_the_result(person)


def sign_out_and_in(person: Person) -> None:
    """Aside: what this takes is not counted; and the team need not wait for long before it sends."""
    before = person.effort.clicks, person.effort.fields
    person.from_menu("Sign out")
    person.is_told("You are signed out.")
    person.open(person.team_path if "/t/" in person.page.url else "/login")
    sign_in(person, "lin@example.com")
    person.page.wait_for_url("**/start")
    wait_before_sending(person, 3)
    person.open(f"{person.team_path}/start")
    person.effort.clicks, person.effort.fields = before


def look_at_the_result(person: Person) -> None:
    """The balance has fallen by itself; the table, the list and the page after a reload agree."""
    person.page.locator("#balance-widget b", has_text="48,205").wait_for()
    person.page.locator("#recipients tr", has_text="199 0000 0001").get_by_text("MK:0001").wait_for()
    rows = {row["Phone"]: row["Status"] for row in person.rows("Recipients")}
    assert rows == {
        "138 0013 8000": "Delivered",
        "139 0013 9001": "Delivered",
        "199 0000 0000": "Delivered",
        "199 0000 0001": "Failed",
        "199 0000 0009": "Delivered",
    }
    person.page.reload()
    assert {row["Phone"]: row["Status"] for row in person.rows("Recipients")} == rows
    assert not person.page.locator("#status[hx-trigger]").count(), "a finished campaign is asked for again"
    person.page.locator(".side").get_by_role("link", name="Campaigns").click()
    (row,) = person.rows("Campaigns")
    assert row["Campaign"] == "The shop is open on Sunday."
    assert (row["Status"], row["Recipients"], row["Delivered"]) == ("Finished", "5", "80.0%")


def test_a_message_to_oneself_does_not_wait_and_moves_the_balance(keeper: Person) -> None:
    before = keeper.balance()
    write_message(keeper, "13712345678", "Only for me.")
    send(keeper, 1)
    seen = watch_until(keeper, "Finished", 30)
    assert not any("Starts in" in moment["sentence"] and "10" in moment["sentence"] for moment in seen)
    keeper.page.locator("#balance-widget b", has_text=f"{before - 1:,}").wait_for(timeout=20_000)


@pytest.mark.parametrize(
    ("numbers", "signature", "text", "sentence"),
    [
        ("", "Green Tea", "Hello", "Paste at least one mobile number."),
        ("12345\n1.38E+10", "Green Tea", "Hello", "None of these is a mainland mobile number"),
        ("13812345678", "", "Hello", "Enter a signature."),
        ("13812345678", "Green Tea", "", "Write a text."),
        ("13812345678", "Green Tea", "x" * 268, "11 characters too long"),
    ],
)
def test_what_cannot_be_sent_is_said_and_kept(
    keeper: Person, numbers: str, signature: str, text: str, sentence: str
) -> None:
    keeper.expected = {422}
    keeper.write("Mobile numbers", numbers)
    keeper.write("Signature", signature)
    keeper.write("Text", text)
    keeper.press("Review")
    summary = keeper.page.locator(".error-summary")
    summary.wait_for()
    assert sentence in summary.inner_text()
    assert summary.evaluate("element => element === document.activeElement")
    assert keeper.field("Mobile numbers").input_value() == numbers
    assert keeper.field("Text").input_value() == text
    # The summary leads to the field.
    summary.locator("a").first.click()
    assert re.search(r"#(numbers|signature|body)$", keeper.page.url)
