"""Watches a campaign's page as somebody does who only looks: every state that it shows, in its order."""

from __future__ import annotations

import re
from typing import Any

from tests.browser.person import Person

# Keeps every state that the page goes through, as one reading each, from the moment it is called.
WATCH = """() => {
  window.seen = [];
  const look = () => {
    const text = selector => (document.querySelector(selector) || {innerText: ""}).innerText.trim();
    const cells = {};
    for (const cell of document.querySelectorAll("#status .kpi")) {
      cells[cell.querySelector("dt").innerText.trim()] = cell.querySelector("dd.value").innerText.trim();
    }
    const now = {pill: text("#campaign-pill"), sentence: text(".status-sentence"), cells,
                 balance: text("#balance-widget b"), rows: text("#recipients tbody")};
    if (JSON.stringify(now) !== JSON.stringify(window.seen[window.seen.length - 1])) window.seen.push(now);
  };
  look();
  new MutationObserver(look).observe(document.body, {childList: true, subtree: true, characterData: true});
}"""

Moment = dict[str, Any]


def count(text: str) -> int:
    """A number as a page writes it."""
    return int(text.replace(",", ""))


def watch(person: Person) -> None:
    """Begin to watch the campaign's page at hand."""
    person.page.evaluate(WATCH)


def seen_by(person: Person) -> list[Moment]:
    """Every state of the page since then; a page that was left has taken its own along."""
    seen: list[Moment] = person.page.evaluate("window.seen")
    return seen


def watch_until(person: Person, pill: str, seconds: float = 60) -> list[Moment]:
    """Watch the campaign's page without touching it until its pill says so; every state on the way."""
    watch(person)
    wait_for_pill(person, pill, seconds)
    return seen_by(person)


def wait_for_pill(person: Person, pill: str, seconds: float = 60) -> None:
    """Wait until the campaign's page calls its state so."""
    person.page.locator("#campaign-pill", has_text=pill).wait_for(timeout=seconds * 1000)


def wait_for_sentence(person: Person, pattern: str, seconds: float = 60) -> str:
    """Wait until the sentence at the top of the campaign's page matches; the sentence."""
    sentence = person.page.locator(".status-sentence", has_text=re.compile(pattern))
    sentence.wait_for(timeout=seconds * 1000)
    return sentence.inner_text()


def cells_of(moment: Moment) -> dict[str, int]:
    """The strip's counts of people."""
    return {label: count(value) for label, value in moment["cells"].items() if label != "Parts"}


def assert_adds_up(seen: list[Moment], people: int) -> None:
    """At every moment each recipient is counted in exactly one cell."""
    assert seen
    for moment in seen:
        cells = cells_of(moment)
        assert cells.pop("Recipients") == people, moment
        assert sum(cells.values()) == people, moment
