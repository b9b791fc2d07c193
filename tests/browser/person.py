"""Somebody at a browser: does what people do, by the words on the page, and notes all that goes wrong.

Whatever the console, the content policy or the network complained about ends up in `faults`; the fixture
that made the person asserts at the end that there was nothing.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from playwright.sync_api import BrowserContext, ConsoleMessage, Locator, Page, Request, Response

PASSWORD = "green hills in april rain"
AXE = Path(__file__).parents[1] / "ui" / "axe.min.js"
STATUS_OF = re.compile(r"responded with a status of (\d{3})")
TELL_VIOLATIONS = """
document.addEventListener("securitypolicyviolation", function (event) {
  window.tellViolation(event.violatedDirective + " " + event.blockedURI + " " + event.sourceFile);
});
"""
FOUND_BY_AXE = """async () => (await axe.run({resultTypes: ["violations"]})).violations
  .map(one => one.id + ": " + one.nodes
    .map(node => node.target.join(" ") + " " + node.failureSummary).join(" | "))"""


@dataclass
class Effort:
    """What a person had to do so far."""

    clicks: int = 0
    fields: int = 0


@dataclass
class Person:
    """A browser of its own. `expected` holds the statuses of 4xx answers that belong to the test."""

    context: BrowserContext
    address: str
    page: Page = field(init=False)
    effort: Effort = field(default_factory=Effort)
    expected: set[int] = field(default_factory=set)
    faults: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.context.expose_binding("tellViolation", self._violated)
        self.context.add_init_script(TELL_VIOLATIONS)
        self.context.on("console", self._said)
        self.context.on("weberror", lambda error: self.faults.append(f"script: {error.error}"))
        self.context.on("requestfailed", self._failed)
        self.context.on("response", self._answered)
        self.page = self.context.new_page()

    # ---- what goes wrong ---------------------------------------------------------------------------------

    def _violated(self, _source: Any, what: str) -> None:
        self.faults.append(f"content policy: {what}")

    def _said(self, message: ConsoleMessage) -> None:
        status = STATUS_OF.search(message.text)
        if status is None or int(status[1]) not in self.expected:
            self.faults.append(f"console: {message.type}: {message.text} ({message.location.get('url')})")

    def _failed(self, request: Request) -> None:
        # A page that is left takes its requests under way with it.
        if request.failure != "net::ERR_ABORTED":
            self.faults.append(f"request: {request.url}: {request.failure}")

    def _answered(self, response: Response) -> None:
        if response.status >= 500:
            self.faults.append(f"answer: {response.status} {response.url}")

    # ---- what people do ----------------------------------------------------------------------------------

    def open(self, path: str) -> None:
        """Type an address of the site."""
        self.page.goto(self.address + path)

    def press(self, label: str) -> None:
        """Press the button that says so."""
        self._click("button", label)

    def follow(self, label: str) -> None:
        """Follow the link that says so, in the page or its frame."""
        self._click("link", label)

    def _click(self, role: Literal["button", "link"], label: str) -> None:
        self.page.get_by_role(role, name=label, exact=True).first.click()
        self.effort.clicks += 1

    def write(self, label: str, text: str) -> None:
        """Fill in the field whose label begins so."""
        self.field(label).fill(text)
        self.effort.fields += 1

    def field(self, label: str) -> Locator:
        """The field whose label begins so."""
        return self.page.locator("main").get_by_label(re.compile(rf"^{re.escape(label)}($|\s)"))

    def from_menu(self, label: str) -> None:
        """Choose an entry of the team menu in the sidebar."""
        self.page.locator(".side summary").click()
        self.page.locator(".side .menu").get_by_text(label, exact=True).click()

    # ---- what people read --------------------------------------------------------------------------------

    @property
    def team_path(self) -> str:
        """The beginning of the addresses of the team at hand: /t/<team>."""
        found = re.search(r"/t/[^/]+", self.page.url)
        assert found, self.page.url
        return found[0]

    @property
    def path(self) -> str:
        """The address at hand without the host."""
        return self.page.url.removeprefix(self.address)

    def heading(self) -> str:
        """The one h1."""
        return self.page.locator("h1").inner_text()

    def sees(self, text: str, seconds: float = 20) -> None:
        """Wait until the text is on the page, in sight."""
        self.page.get_by_text(text).first.wait_for(timeout=seconds * 1000)

    def is_told(self, text: str) -> str:
        """Wait for a message in the corner that holds the text; the whole message."""
        toast = self.page.locator("#toasts .toast", has_text=text).first
        toast.wait_for()
        return toast.inner_text()

    def facts(self) -> dict[str, str]:
        """The terms and values of the page's definition lists."""
        rows = self.page.locator("main dl.facts > div")
        return {row.locator("dt").inner_text(): row.locator("dd").inner_text() for row in rows.all()}

    def rows(self, caption: str) -> list[dict[str, str]]:
        """The rows of the table whose caption begins so; each cell under the words of its column's head."""
        name = re.compile(rf"^{re.escape(caption)}")
        table = self.page.locator("main").get_by_role("table", name=name).first
        heads = table.locator("thead th").all_inner_texts()
        cells = [row.locator("th, td").all_inner_texts() for row in table.locator("tbody tr").all()]
        return [dict(zip(heads, row, strict=True)) for row in cells]

    def balance(self) -> int:
        """The balance in the sidebar."""
        return int(self.page.locator("#balance-widget b").inner_text().replace(",", ""))

    def axe(self) -> list[str]:
        """What axe finds on the page, by its default rules."""
        # Not as a script tag: the content policy stays in force.
        self.page.evaluate(AXE.read_text(encoding="utf-8"))
        found: list[str] = self.page.evaluate(FOUND_BY_AXE)
        return found


def sign_up(person: Person, email: str) -> None:
    """From the first page to the start page of the team that is made on the way."""
    person.open("/")
    person.follow("Sign up")
    person.write("Email", email)
    person.write("Password", PASSWORD)
    person.press("Sign up")
    person.page.wait_for_url("**/start")


def sign_in(person: Person, email: str, password: str = PASSWORD) -> None:
    """Fill in the form for it."""
    person.write("Email", email)
    person.write("Password", password)
    person.press("Sign in")


def choose(person: Person, language: str, theme: str) -> None:
    """Switch language and theme by the buttons of the page at hand; they hold at once."""
    buttons = person.page.locator("main form.preferences, .public-head form.preferences")
    buttons.locator(f"button[name=language][value={language}]").first.click()
    pressed = f'button[value={language}][aria-pressed="true"]'
    person.page.locator(pressed).first.wait_for(state="attached")
    buttons.locator(f"button[name=theme][value={theme}]").first.click()
    person.page.locator(f'html[data-theme="{theme}"]').wait_for()
    assert person.page.locator("html").get_attribute("lang") == {"en": "en", "zh": "zh-Hans"}[language]


def connect_practice(person: Person) -> None:
    """Card 1 without an account."""
    person.press("Try the practice gateway")
    person.sees("Connected. 48,210 messages left.")


def wait_before_sending(person: Person, seconds: int) -> None:
    """Let the team's campaigns wait so long between the confirm and the first request."""
    person.open(f"{person.team_path}/settings/general")
    person.write("Seconds between", str(seconds))
    person.press("Save the settings")
    person.is_told("Saved.")


def write_message(person: Person, numbers: str, text: str) -> None:
    """Card 2, up to the review."""
    person.write("Mobile numbers", numbers)
    person.write("Signature", "Green Tea")
    person.write("Text", text)
    person.press("Review")
    person.page.wait_for_url("**/review")


def send(person: Person, people: int) -> str:
    """Confirm; the path of the campaign's page."""
    person.press(f"Send to {people:,} people" if people != 1 else "Send to 1 person")
    person.page.wait_for_url(re.compile(r"/campaigns/\d+$"))
    return person.path


def new_team(person: Person, name: str) -> None:
    """Make another team and stand on its start page."""
    person.open("/teams/new")
    person.write("Team name", name)
    person.press("Create the team")
    person.page.wait_for_url("**/start")
