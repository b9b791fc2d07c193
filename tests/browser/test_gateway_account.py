"""A gateway account from its wrong password to its second copy; what was entered is never shown again.

The uid and the password are those that the practice gateway prints on its page.
"""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Visit
from tests.browser.person import Person, connect_practice, new_team, write_message
from tests.practice.fixture import PracticeGateway

UID, PWD = "seen-by-nobody-4711", "opens-no-door-0815"


@pytest.fixture
def clinic(keeper: Person) -> Person:
    """Somebody on the start page of a team without a gateway account."""
    new_team(keeper, "Clinic")
    return keeper


def connect(person: Person, uid: str, pwd: str) -> None:
    person.write("Uid", uid)
    person.write("Password", pwd)
    person.press("Connect")


def hides_the_secret(person: Person) -> None:
    html = person.page.content()
    assert PWD not in html
    assert UID not in html


def test_an_account_is_connected_looked_after_and_switched_off(
    clinic: Person, practice: PracticeGateway
) -> None:
    practice.add_user(UID, PWD, balance=731)
    practice.add_user("frozen-4711", PWD, frozen=True)
    clinic.expected = {422}
    connect(clinic, "", "")
    clinic.sees("Enter the uid of your account at the gateway.")
    clinic.sees("Enter the password of your account at the gateway.")
    clinic.open(f"{clinic.team_path}/start")
    connect(clinic, UID, "not-the-password")
    clinic.sees("The gateway rejected this uid or password.")
    assert "not-the-password" not in clinic.page.content()
    clinic.open(f"{clinic.team_path}/start")
    connect(clinic, UID, PWD)
    clinic.sees("Connected. 731 messages left.")
    assert clinic.balance() == 731
    hides_the_secret(clinic)

    clinic.page.locator("#card-gateway a").click()
    account = clinic.path
    clinic.sees("They are sealed and never shown.")
    assert clinic.page.locator("h1").inner_text().startswith("Main")
    hides_the_secret(clinic)

    clinic.press("Test the account")
    clinic.is_told("Connected. 731 messages left.")
    practice.add_user(UID, PWD, balance=1_500)
    clinic.press("Check now")
    clinic.is_told("1,500 messages left.")
    assert [row["Balance"] for row in clinic.rows("Balance")] == ["1,500", "731", "731"]

    change_credential(clinic, "frozen-4711")
    clinic.is_told("This account is frozen at the gateway.")
    hides_the_secret(clinic)
    change_credential(clinic, UID)
    clinic.is_told("Connected. 1,500 messages left.")
    hides_the_secret(clinic)

    clinic.follow("Switch off")
    clinic.press("Switch off")
    clinic.is_told("Switched off.")
    assert clinic.path == account
    assert not clinic.page.get_by_role("button", name="Check now").count()
    clinic.open(f"{clinic.team_path}/campaigns/new")
    clinic.sees("A campaign needs a gateway account to go through.")
    clinic.open(account)
    clinic.press("Switch on")
    clinic.is_told("Switched on.")


def change_credential(person: Person, uid: str) -> None:
    person.page.locator("summary", has_text="Change them").click()
    form = person.page.locator("#credential")
    assert form.locator("#uid").input_value() == ""
    assert form.locator("input[type=password]").input_value() == ""
    person.write("Uid", uid)
    person.write("Password", PWD)
    person.press("Save and test")


def test_a_second_account_and_the_balance_of_both(clinic: Person, practice: PracticeGateway) -> None:
    practice.add_user("second-4711", PWD, balance=55)
    connect_practice(clinic)
    clinic.page.locator(".side").get_by_role("link", name="Gateway accounts").click()
    clinic.follow("Connect an account")
    clinic.write("Uid", "second-4711")
    clinic.write("Password", PWD)
    clinic.write("Name of this account", "Branch in Suzhou")
    clinic.press("Connect")
    clinic.is_told("Connected. 55 messages left.")
    assert clinic.page.locator("h1").inner_text().startswith("Branch in Suzhou")

    clinic.page.locator(".side").get_by_role("link", name="Gateway accounts").click()
    rows = {row["Account"]: row["Balance"] for row in clinic.rows("Gateway accounts")}
    assert rows == {"Practice": "48,210", "Branch in Suzhou": "55"}
    clinic.page.locator(".side nav").get_by_role("link", name="Balance").click()
    assert [row["Balance"] for row in clinic.rows("Balance readings of Branch in Suzhou")] == ["55"]
    assert [row["Balance"] for row in clinic.rows("Balance readings of Practice")] == ["48,210"]

    # Too little on the second one is said before anything is sent.
    clinic.open(f"{clinic.team_path}/campaigns/new")
    clinic.field("Gateway account").select_option(label="Branch in Suzhou")
    write_message(clinic, "\n".join(str(13_800_138_100 + n) for n in range(56)), "Too many for it.")
    clinic.sees("Not enough balance")
    clinic.sees("This needs 56 messages, and 55 are left.")
    assert not clinic.page.locator("#confirm").count()


def test_the_callback_address_is_copied(clinic: Person) -> None:
    clinic.context.grant_permissions(["clipboard-read", "clipboard-write"])
    connect_practice(clinic)
    clinic.page.locator("#card-gateway a").click()
    address = clinic.field("Callback address").input_value()
    assert address.startswith(clinic.address)
    clinic.press("Copy")
    expect(clinic.page.locator("[data-copy] [data-label]")).to_have_text("Copied")
    assert clinic.page.evaluate("navigator.clipboard.readText()") == address
    clinic.press("Make a new address")
    clinic.is_told("The one before goes on working.")
    newer = clinic.field("Callback address").input_value()
    assert newer != address
    assert clinic.field("The one before, still valid").input_value() == address


def test_a_gateway_that_is_away_is_said_in_words(clinic: Person, practice: PracticeGateway) -> None:
    practice.add_user("away-4711", PWD)
    practice.dial(away="close")
    connect(clinic, "away-4711", PWD)
    said = clinic.is_told("no message was sent")
    assert not re.search(r"\b(None|Error|Exception|Errno)\b", said)
    practice.dial(away="no")
    clinic.page.locator("#card-gateway a").click()
    clinic.press("Test the account")
    clinic.is_told("Connected. 48,210 messages left.")
    assert clinic.balance() == 48_210


def test_who_is_not_signed_in_sees_no_account(visit: Visit, keeper: Person) -> None:
    keeper.open(f"{keeper.team_path}/settings/gateways")
    nobody = visit()
    nobody.open(keeper.path)
    assert nobody.heading() == "Sign in"
