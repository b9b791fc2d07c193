"""Every page that a person can reach, in both themes and both languages, on a desk and on a phone.

They are those of the demonstration's team, which has campaigns in every state. They are not listed by hand,
but found by following the links, as a person would. The list below only says what must be among them, so that
a page that lost its last link is noticed.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import pytest
from playwright.sync_api import Browser, StorageState

from tests.browser.conftest import DESK, PHONE, Demonstration, Visit
from tests.browser.person import Person, choose, new_team
from tests.browser.program import Program

PUBLIC = ["/", "/login", "/signup"]
MUST_BE_FOUND = {
    "/me",
    "/teams/new",
    "/t/_/home",
    "/t/_/balance",
    "/t/_/campaigns",
    "/t/_/campaigns/new",
    "/t/_/campaigns/_",
    "/t/_/campaigns/_/delete",
    "/t/_/campaigns/_/edit",
    "/t/_/campaigns/_/m/_",
    "/t/_/campaigns/_/stop",
    "/t/_/campaigns/_/time",
    "/t/_/campaigns/_/unconfirmed",
    "/t/_/settings/gateways",
    "/t/_/settings/gateways/new",
    "/t/_/settings/gateways/_",
    "/t/_/settings/gateways/_/switch-off",
    "/t/_/settings/general",
}
# What a campaign's page links to depends on its state, so one after the other is looked at for its links.
EACH = "/t/_/campaigns/_"
VARIANTS = [
    pytest.param("en", "light", DESK, id="light-en-1440"),
    pytest.param("zh", "dark", PHONE, id="dark-zh-390"),
    pytest.param("zh", "light", DESK, id="light-zh-1440"),
    pytest.param("en", "dark", PHONE, id="dark-en-390"),
]

# The other two variants differ from these in nothing that a single page has of its own, so they see a few.
WHOLE = {("en", "light"), ("zh", "dark")}
FEW = (
    "/t/_/home",
    "/t/_/campaigns/_",
    "/t/_/campaigns/_/edit",
    "/t/_/campaigns/_/unconfirmed",
    "/t/_/settings/gateways/_",
)


@dataclass(frozen=True)
class Site:
    """Somebody's cookies, and one address of every kind of page that they can reach."""

    state: StorageState
    team: str
    pages: dict[str, str]
    empty: dict[str, str]
    """Pages of a team that has nothing yet."""


def kind(path: str) -> str:
    """What kind of page an address is: without team, ids, tokens and what follows the question mark."""
    bare = re.split(r"[?#]", path)[0]
    bare = re.sub(r"/m/[^/]+$", "/m/_", re.sub(r"/\d{6,}", "/_", bare))
    return re.sub(r"^/t/[^/]+", "/t/_", bare)


@pytest.fixture(scope="package")
def site(browser: Browser, program: Program, demonstration: Demonstration) -> Site:
    """What the pages of the demonstration's team link to, and where only a form leads."""
    context = browser.new_context(viewport=DESK, locale="en-GB", storage_state=demonstration.state)  # type: ignore[arg-type] # a TypedDict
    person = Person(context, program.address)
    team = demonstration.team
    person.open(f"{team}/campaigns/new")
    person.write("Mobile numbers", "13800138000 王芳\n13800138001\n1.38E+10")
    person.write("Signature", "Green Tea")
    person.write("Text", "{name}, hello.")
    person.press("Review")
    person.page.wait_for_url("**/review")
    found = {kind(person.path): person.path, **follow_all(person, f"{team}/home")}
    new_team(person, "Nothing yet")
    places = ("start", "home", "campaigns", "campaigns/new", "balance", "settings/gateways")
    empty = {f"{place}, empty": f"{person.team_path}/{place}" for place in places}
    context.close()
    return Site(demonstration.state, team, found, empty)


def follow_all(person: Person, begin: str) -> dict[str, str]:
    """From there along all links; the first address of each kind of page."""
    found: dict[str, str] = {}
    waiting = [begin]
    seen = set(waiting)
    while waiting:
        path = waiting.pop(0)
        enough = found.keys() if found.keys() >= MUST_BE_FOUND else found.keys() - {EACH}
        if kind(path) in enough:
            continue
        person.open(path)
        found.setdefault(kind(person.path), person.path)
        for link in person.page.locator("a[href]").evaluate_all(HREFS):
            if link.startswith("/") and link not in seen and not link.startswith("/static"):
                seen.add(link)
                waiting.append(link)
    return found


HREFS = """all => all.map(link => link.getAttribute("href").split("#")[0])
  .filter(path => !/\\?(show|find|after|before|updates)=/.test(path))"""


def assert_pages(person: Person, pages: dict[str, str], *, phone: bool) -> None:
    """Each page is without a fault that a machine can find; all faults of all pages are told together."""
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


def test_all_pages_have_a_link(site: Site) -> None:
    assert set(site.pages) >= MUST_BE_FOUND, f"no link leads to {MUST_BE_FOUND - set(site.pages)}"


@pytest.mark.parametrize(("language", "theme", "viewport"), VARIANTS)
def test_public_pages(visit: Visit, language: str, theme: str, viewport: dict[str, int]) -> None:
    person = visit(viewport=viewport)
    person.open("/")
    choose(person, language, theme)
    person.expected = {404}
    pages = {path: path for path in [*PUBLIC, "/no/such/page"]}
    assert_pages(person, pages, phone=viewport is PHONE)


@pytest.mark.parametrize(("language", "theme", "viewport"), VARIANTS)
def test_pages_of_a_team(
    visit: Visit, site: Site, language: str, theme: str, viewport: dict[str, int]
) -> None:
    person = visit(viewport=viewport, storage_state=site.state)
    person.open("/me")
    choose(person, language, theme)
    person.expected = {404}
    campaign = site.pages["/t/_/campaigns/_"]
    own = {"status": f"{campaign}/status", "stop": f"{campaign}/stop", "404": f"{site.team}/campaigns/1"}
    whole = {**site.pages, **site.empty, **own}
    few = {name: whole[name] for name in FEW}
    assert_pages(person, whole if (language, theme) in WHOLE else few, phone=viewport is PHONE)


def test_what_was_chosen_is_kept_with_the_account(visit: Visit, site: Site) -> None:
    person = visit(storage_state=site.state)
    person.open("/me")
    choose(person, "zh", "dark")
    # The cookies of another browser know nothing of it, the account does.
    elsewhere = visit(storage_state=site.state)
    elsewhere.open(f"{site.team}/start")
    assert elsewhere.page.locator('html[lang="zh-Hans"][data-theme="dark"]').count() == 1
    dark = background(elsewhere)
    choose(person, "en", "light")
    elsewhere.page.reload()
    assert elsewhere.page.locator('html[lang="en"][data-theme="light"]').count() == 1
    assert background(elsewhere) != dark


def background(person: Person) -> str:
    """The colour that the page lies on."""
    colour: str = person.page.evaluate("getComputedStyle(document.body).backgroundColor")
    return colour


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_without_a_choice_the_device_decides(visit: Visit, scheme: str) -> None:
    person = visit(color_scheme=scheme)
    person.open("/")
    shade = sum(int(part) for part in re.findall(r"\d+", background(person))[:3])
    assert (shade > 380) == (scheme == "light")
    assert not person.axe()
