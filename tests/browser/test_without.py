"""The main job without a script, and without a mouse."""

from __future__ import annotations

import time

import pytest
from playwright.sync_api import StorageState

from tests.browser.conftest import Visit
from tests.browser.person import PASSWORD, Person, new_team, send, wait_before_sending, write_message
from tests.practice.fixture import PracticeGateway

VISIBLE_FOCUS = """() => {
  const element = document.activeElement;
  const look = getComputedStyle(element);
  const outlined = look.outlineStyle !== "none" && parseFloat(look.outlineWidth) >= 2;
  const inside = element.getBoundingClientRect();
  const hidden = inside.width < 2 || inside.height < 2;
  return {matches: element.matches(":focus-visible"), outlined: outlined || look.boxShadow !== "none", hidden,
          what: element.tagName + " " + (element.id || element.innerText || element.name).slice(0, 40)};
}"""


def test_the_whole_path_without_a_script(
    visit: Visit, keeper_state: StorageState, practice: PracticeGateway
) -> None:
    practice.dial(delivered_percent=100, failed_percent=0)
    person = visit(storage_state=keeper_state, java_script_enabled=False)
    new_team(person, "Without a script")
    person.press("Try the practice gateway")
    person.is_told("Connected. 48,210 messages left.")
    write_message(person, "13800138003\n1.38E+10\n19900000001\n19900000005", "No script here.")
    assert [row["What it says"] for row in person.rows("Left out")] == ["1.38E+10"]
    review = person.path
    wait_before_sending(person, 1)
    person.open(review)

    # Back to a draft on a page of its own, which is saved when somebody says so.
    person.follow("Back to editing")
    person.write("Mobile numbers", "13800138003 Wang Fang\n1.38E+10\n19900000001\n19900000005")
    person.write("Text", "{name}, no script here.")
    person.page.get_by_text("If the text has a {name}").click()
    person.write("For people without a name", "Friend")
    person.press("Save draft")
    person.sees("Draft saved")
    person.sees("3 people will get this.")
    person.press("Next")
    person.sees("Recipient 2 of 3")
    person.press("Review")
    person.sees("2 different texts.")
    send(person, 3)
    reload_until(person, "Finished")
    assert {row["Phone"]: row["Status"] for row in person.rows("Recipients")} == {
        "138 0013 8003 Wang Fang": "Delivered",
        "199 0000 0001": "Failed",
        "199 0000 0005": "Rejected",
    }
    person.page.locator("#digits").fill("8003")
    person.press("Search")
    assert len(person.rows("Recipients")) == 1
    person.page.locator("#recipients tbody a").click()
    assert person.heading() == "138 0013 8003"
    person.sees("【Green Tea】Wang Fang, no script here.")
    # A button that only a script could serve is not shown.
    for needs_script in person.page.locator(".needs-script").all():
        assert needs_script.is_hidden()


def reload_until(person: Person, pill: str) -> None:
    """Look again and again, as somebody whose page does not refresh itself."""
    deadline = time.monotonic() + 60
    while pill not in person.page.locator("#campaign-pill").inner_text():
        assert time.monotonic() < deadline, person.page.locator("#status").inner_text()
        person.page.wait_for_timeout(500)
        person.page.reload()


def tab_to(person: Person, selector: str, most: int = 60) -> None:
    """Press Tab until the focus is there; wherever it is on the way, it can be seen."""
    for _ in range(most):
        person.page.keyboard.press("Tab")
        focus = person.page.evaluate(VISIBLE_FOCUS)
        if focus["what"].startswith("BODY"):
            continue
        assert focus["matches"], focus
        assert focus["outlined"], focus
        assert not focus["hidden"], focus
        if person.page.locator(selector).evaluate_all("all => all.includes(document.activeElement)"):
            return
    raise AssertionError(f"{selector} cannot be reached")


@pytest.mark.usefixtures("keeper_state")  # makes the account that signs in here
def test_the_whole_path_by_keyboard(visit: Visit) -> None:
    person = visit()
    keys = person.page.keyboard
    person.open("/login")
    keys.press("Tab")
    assert person.page.evaluate("document.activeElement.innerText") == "Skip to the content"
    assert person.page.locator(".skip").evaluate("element => element.getBoundingClientRect().top") >= 0
    tab_to(person, "#email")
    keys.type("keeper@example.com")
    tab_to(person, "#password")
    keys.type(PASSWORD)
    keys.press("Enter")
    person.page.wait_for_url("**/t/**")

    tab_to(person, ".side summary")
    keys.press("Enter")
    person.page.locator(".side .menu").wait_for()
    keys.press("Escape")
    person.page.locator(".side .menu").wait_for(state="hidden")
    assert person.page.locator(".side summary").evaluate("element => element === document.activeElement")
    keys.press("Space")
    tab_to(person, '.side .menu a[href="/teams/new"]')
    keys.press("Enter")
    person.page.wait_for_url("**/teams/new")
    tab_to(person, "#name")
    keys.type("By keyboard")
    keys.press("Enter")
    person.page.wait_for_url("**/start")

    tab_to(person, "#practice button")
    keys.press("Enter")
    person.sees("Connected. 48,210 messages left.")
    # The single keys, outside of fields.
    person.page.locator("h1").click()
    keys.press("g")
    keys.press("b")
    person.page.wait_for_url("**/balance")
    keys.press("c")
    person.page.wait_for_url("**/campaigns/new")
    tab_to(person, "#numbers")
    keys.type("13800138004")
    tab_to(person, "#signature")
    keys.type("Green Tea")
    tab_to(person, "#body")
    keys.type("By keyboard alone.")
    # To the review, never straight out.
    keys.press("Control+Enter")
    person.page.wait_for_url("**/review")
    tab_to(person, "#confirm button")
    keys.press("Enter")
    person.page.locator("#campaign-pill", has_text="Finished").wait_for(timeout=60_000)

    tab_to(person, "#recipients tbody a")
    keys.press("Enter")
    dialog = person.page.locator("dialog#message")
    dialog.get_by_text("Handed to the gateway").wait_for()
    keys.press("Escape")
    dialog.wait_for(state="hidden")
    assert person.page.evaluate("document.activeElement.closest('#recipients') !== null")
