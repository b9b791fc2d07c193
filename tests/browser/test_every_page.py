"""Every page that the program has, in both themes and both languages, on a desk and on a phone.

The rules come from the program itself, their addresses from the links of the demonstration's team, which has
something to show everywhere; pages.py only says what each must be. So a page that lost its last link, shows
an empty table, or was added without a thought fails here.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from email.parser import BytesParser
from email.policy import default
from pathlib import Path

import pytest
from flask import Flask
from playwright.sync_api import Browser, StorageState

from tests.browser.beholding import faults_of
from tests.browser.conftest import DESK, PHONE, Demonstration, Visit
from tests.browser.pages import NO_LINK, NO_PAGES, PLACES, PUBLIC, Place
from tests.browser.person import Person, choose, new_team
from tests.browser.program import Program
from tests.browser.walk import Walk, endpoints, rows_of
from tests.practice.fixture import wait_until
from tests.ui import markup
from webapp import create_app
from webapp.demo import EMAIL
from webapp.settings import Settings

VARIANTS = [
    pytest.param(language, theme, viewport, id=f"{theme}-{language}-{viewport['width']}")
    for language in ("en", "zh")
    for theme in ("light", "dark")
    for viewport in (DESK, PHONE)
]
# The others differ from these two in nothing that a single page has of its own, so they see a few pages;
# `make test-pages` shows every page in all eight.
WHOLE = {("en", "light", 1440), ("zh", "dark", 390)}
EVERYTHING = bool(os.environ.get("TIDINGS_ALL_PAGES"))
FEW = ("home.index", "campaigns.show", "campaigns.edit", "campaigns.unconfirmed", "gateway.show")
EMPTY = (
    "start.show",
    "home.index",
    "campaigns.index",
    "campaigns.new",
    "balance.index",
    "gateway.accounts",
)


@dataclass(frozen=True)
class Site:
    """Somebody's cookies, and the addresses of each endpoint that they can reach."""

    state: StorageState
    team: str
    found: dict[str, list[str]]
    empty: dict[str, str]
    """Pages of a team that has nothing yet."""


@pytest.fixture(scope="package")
def rules(tmp_path_factory: pytest.TempPathFactory) -> Flask:
    """The program's rules."""
    return make_rules(tmp_path_factory.mktemp("rules"))


def make_rules(folder: Path) -> Flask:
    """The program's application, to be asked for its rules alone: it gets no database."""
    nowhere = "postgresql://nobody:nothing@127.0.0.1:1/nothing"
    return create_app(Settings.from_environ({"TIDINGS_INSTANCE": str(folder), "DATABASE_URL": nowhere}))


@pytest.fixture(scope="package")
def site(browser: Browser, program: Program, demonstration: Demonstration, rules: Flask) -> Site:
    """What the pages of the demonstration's team link to, and where only a form leads."""
    context = browser.new_context(viewport=DESK, locale="en-GB", storage_state=demonstration.state)  # type: ignore[arg-type] # a TypedDict
    person = Person(context, program.address)
    team = demonstration.team
    walk = Walk(rules, {name: place.look for name, place in PLACES.items()})
    walk.follow(person, f"{team}/home")
    for endpoint, lead in LED_BY_FORMS.items():
        walk.found[endpoint] = [lead(person, team, walk, program)]
    new_team(person, "Nothing yet")
    address = person.team_path
    empty = {name: walk.found[name][0].replace(team, address) for name in EMPTY if name in walk.found}
    context.close()
    return Site(demonstration.state, team, walk.found, empty)


def to_review(person: Person, team: str, _walk: Walk, _program: Program) -> str:
    """Write a draft and press Review."""
    person.open(f"{team}/campaigns/new")
    person.write("Mobile numbers", "13800138000 王芳\n13800138001\n1.38E+10")
    person.write("Signature", "Green Tea")
    person.write("Text", "{name}, hello.")
    person.press("Review")
    person.page.wait_for_url("**/review")
    return person.path


def to_status(_person: Person, _team: str, walk: Walk, _program: Program) -> str:
    """What a campaign's page asks for."""
    return f"{walk.found['campaigns.show'][0]}/status"


def to_confirm(_person: Person, _team: str, _walk: Walk, _program: Program) -> str:
    """What a page leads to that wants the password again."""
    return "/me/confirm"


def to_invitation(person: Person, team: str, _walk: Walk, _program: Program) -> str:
    """Invite somebody, and take the link that is shown once."""
    person.open(f"{team}/settings/members")
    person.write("Email", "somebody@example.org")
    person.press("Invite")
    return _link_in(person.page.content(), "invite")


def to_reset(person: Person, _team: str, _walk: Walk, program: Program) -> str:
    """Forget the password in another browser, and open the mail."""
    outbox = program.instance / "outbox"
    browser = person.context.browser
    assert browser
    context = browser.new_context()
    page = context.new_page()
    page.goto(f"{program.address}/forgot")
    page.fill("[name=email]", EMAIL)
    page.click("main form button[type=submit]")
    page.wait_for_load_state()
    context.close()

    def mails() -> list[str]:
        texts = [BytesParser(policy=default).parsebytes(file.read_bytes()) for file in outbox.glob("*.eml")]
        return [mail.get_content() for mail in texts if "/reset/" in mail.get_content()]

    wait_until(lambda: bool(mails()), 40)
    return _link_in(mails()[-1], "reset")


def to_start(_person: Person, team: str, _walk: Walk, _program: Program) -> str:
    """A page that the team was done with."""
    return f"{team}/start"


def to_readings(person: Person, team: str, _walk: Walk, _program: Program) -> str:
    """Go back in time on the balance page."""
    person.open(f"{team}/balance")
    return person.page.locator('a[rel="next"]').first.get_attribute("href") or ""


def _link_in(text: str, word: str) -> str:
    found = re.search(rf"/{word}/[\w-]+", text)
    assert found, text
    return found[0]


LED_BY_FORMS: dict[str, Callable[[Person, str, Walk, Program], str]] = {
    "accounts.confirm": to_confirm,
    "accounts.invitation": to_invitation,
    "accounts.reset": to_reset,
    "balance.readings": to_readings,
    "campaigns.review": to_review,
    "campaigns.status": to_status,
    "start.show": to_start,
}


def test_every_rule_has_its_place(rules: Flask) -> None:
    known = [*PUBLIC, *PLACES, *NO_PAGES]
    assert set(known) == endpoints(rules)
    assert len(known) == len(set(known)), "an endpoint stands in two lists"
    assert set(NO_LINK) == set(LED_BY_FORMS)


def test_every_page_has_a_link(site: Site) -> None:
    lost = set(PLACES) - set(site.found)
    assert not lost, f"no link leads to {sorted(lost)}"


def assert_places(person: Person, places: dict[str, tuple[Place, list[str]]], *, phone: bool) -> None:
    """Each page is without a fault that a machine can find; all faults of all pages are told together."""
    faults = []
    for name, (place, paths) in places.items():
        faults += [f"{name}: {fault}" for fault in faults_of_place(person, place, paths, phone=phone)]
    assert not faults, "\n".join(faults)


def faults_of_place(person: Person, place: Place, paths: list[str], *, phone: bool) -> list[str]:
    """What is wrong with the first of these pages whose table is as full as it should be."""
    faults: list[str] = []
    for path in paths:
        answer = person.page.goto(person.address + path)
        assert answer
        if rows_of(person) >= place.rows or path == paths[-1]:
            faults += [f"answered {answer.status}"] if answer.status not in {200, *person.expected} else []
            faults += markup.faults(answer.text())
            break
    if rows_of(person) < place.rows:
        faults.append(f"the largest table has {rows_of(person)} rows, not {place.rows}")
    heading = person.heading()
    if person.page.locator('html[lang="en"]').count() and not re.match(place.h1, heading):
        faults.append(f"is called {heading!r}, not {place.h1!r}")
    return faults + faults_of(person, phone=phone)


@pytest.mark.parametrize(("language", "theme", "viewport"), VARIANTS)
def test_public_pages(
    visit: Visit, rules: Flask, language: str, theme: str, viewport: dict[str, int]
) -> None:
    person = visit(viewport=viewport)
    person.open("/")
    choose(person, language, theme)
    person.expected = {404}
    places = {name: (place, [place.path or only_path(rules, name)]) for name, place in PUBLIC.items()}
    places["404"] = (Place("."), ["/no/such/page"])
    if not _whole(language, theme, viewport):
        places = {name: places[name] for name in ("accounts.sign_in", "404")}
    assert_places(person, places, phone=viewport is PHONE)


@pytest.mark.parametrize(("language", "theme", "viewport"), VARIANTS)
def test_pages_of_a_team(
    visit: Visit, site: Site, language: str, theme: str, viewport: dict[str, int]
) -> None:
    person = visit(viewport=viewport, storage_state=site.state)
    person.open("/me")
    choose(person, language, theme)
    person.expected = {404}
    places = {name: (place, site.found[name]) for name, place in PLACES.items() if name in site.found}
    places |= {f"{name}, empty": (Place("."), [path]) for name, path in site.empty.items()}
    places["404"] = (Place("."), [f"{site.team}/campaigns/1"])
    if not _whole(language, theme, viewport):
        places = {name: places[name] for name in FEW}
    assert_places(person, places, phone=viewport is PHONE)


def only_path(rules: Flask, endpoint: str) -> str:
    """The address of a page that needs nothing to be named in it."""
    return next(rule.rule for rule in rules.url_map.iter_rules() if rule.endpoint == endpoint)


def _whole(language: str, theme: str, viewport: dict[str, int]) -> bool:
    """Whether this variant shows every page."""
    return EVERYTHING or (language, theme, viewport["width"]) in WHOLE


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
