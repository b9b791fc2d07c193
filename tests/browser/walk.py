"""Finds the pages of the program by their links, as a person would, and knows which rule answers each."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from flask import Flask
from werkzeug.exceptions import HTTPException
from werkzeug.routing import RequestRedirect

from tests.browser.person import Person

HREFS = """all => all.map(link => link.getAttribute("href").split("#")[0])
  .filter(path => !/[?&](show|find|after|before|updates|sort|page)=/.test(path))"""
ROWS = """() => Math.max(0, ...[...document.querySelectorAll("main table")]
  .map(table => table.querySelectorAll("tbody tr").length))"""


@dataclass
class Walk:
    """Addresses by the endpoint that answers them; `kinds` says how many of one endpoint are looked at."""

    app: Flask
    kinds: dict[str, int]
    found: dict[str, list[str]] = field(default_factory=dict)

    def endpoint(self, path: str) -> str | None:
        """The endpoint that answers a GET of this address, None where there is none."""
        try:
            return self.app.url_map.bind("127.0.0.1").match(path.split("?")[0], "GET")[0]
        except (HTTPException, RequestRedirect):
            return None

    def follow(self, person: Person, begin: str) -> None:
        """Go from there along all links, so far as they show pages of a kind that was not seen enough."""
        waiting, seen = [begin], {begin}
        while waiting:
            path = waiting.pop(0)
            endpoint = self.endpoint(path)
            if endpoint is None or self._enough(endpoint):
                continue
            person.open(path)
            self._note(person.path)
            for link in self._links(person):
                if link not in seen:
                    seen.add(link)
                    waiting.append(link)

    def _enough(self, endpoint: str) -> bool:
        # What has no place in the map is no page: a file to take away would open nothing.
        return len(self.found.get(endpoint, ())) >= self.kinds.get(endpoint, 0)

    def _note(self, path: str) -> None:
        endpoint = self.endpoint(path)
        if endpoint is not None and path not in self.found.setdefault(endpoint, []):
            self.found[endpoint].append(path)

    def _links(self, person: Person) -> Iterator[str]:
        for link in person.page.locator("a[href]").evaluate_all(HREFS):
            if link.startswith("/") and not link.startswith("/static"):
                yield link


def rows_of(person: Person) -> int:
    """How many rows the largest table of the page at hand has."""
    rows: int = person.page.evaluate(ROWS)
    return rows


def endpoints(app: Flask) -> set[str]:
    """Every endpoint that answers a GET."""
    return {
        rule.endpoint
        for rule in app.url_map.iter_rules()
        if "GET" in (rule.methods or ()) and rule.endpoint != "static"
    }
