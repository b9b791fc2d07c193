"""What a machine can find wrong with a page that somebody looks at."""

from __future__ import annotations

import re

from tests.browser.conftest import PHONE
from tests.browser.person import Person


def kind(path: str) -> str:
    """What kind of page an address is: without team, ids, tokens and what follows the question mark."""
    bare = re.split(r"[?#]", path)[0]
    bare = re.sub(r"/m/[^/]+$", "/m/_", re.sub(r"/\d{6,}", "/_", bare))
    return re.sub(r"^/t/[^/]+", "/t/_", bare)


def assert_pages(person: Person, pages: dict[str, str], *, phone: bool) -> None:
    """Each page is without such a fault; all faults of all pages are told together."""
    faults = []
    for name, path in pages.items():
        answer = person.page.goto(person.address + path)
        assert answer
        if answer.status not in {200, *person.expected}:
            faults.append(f"{name}: answered {answer.status}")
        faults += [f"{name}: {fault}" for fault in faults_of(person, phone=phone)]
    assert not faults, "\n".join(faults)


def faults_of(person: Person, *, phone: bool) -> list[str]:
    """What is wrong with the page at hand."""
    faults = person.axe()
    headings = person.page.locator("h1").count()
    if headings != 1:
        faults.append(f"{headings} h1")
    faults += too_wide(person)
    if phone:
        faults += [f"too small to touch: {what}" for what in person.page.evaluate(SMALL_TARGETS)]
    return faults


def too_wide(person: Person) -> list[str]:
    """A page must not scroll sideways, on the smallest phone neither."""
    was = person.page.viewport_size
    assert was
    faults = []
    for width in {was["width"], 320 if was["width"] == PHONE["width"] else was["width"]}:
        person.page.set_viewport_size({"width": width, "height": was["height"]})
        wide, room = person.page.evaluate(
            "[document.documentElement.scrollWidth, document.documentElement.clientWidth]"
        )
        if wide > room:
            faults.append(f"is {wide} px wide in {room} px")
    person.page.set_viewport_size(was)
    return faults


# Controls, not links within a sentence; 24 px is the floor of WCAG 2.5.8. A label around one is pressed too.
SMALL_TARGETS = """() => [...document.querySelectorAll("button, .button, summary, input, select, nav a")]
  .filter(one => one.offsetParent && !one.closest(".sr") && !one.classList.contains("sr"))
  .filter(one => {
    const box = (one.closest("label") || one).getBoundingClientRect();
    return box.width < 24 || box.height < 24;
  })
  .map(one => one.outerHTML.slice(0, 120))"""
