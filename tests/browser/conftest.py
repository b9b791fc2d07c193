"""A running program and people with browsers. Both last for the tests of this folder, not longer: the
browser's driver keeps an event loop running, which tests elsewhere may want to start themselves."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from playwright.sync_api import Browser, StorageState, sync_playwright

from tests.browser import chromium
from tests.browser.person import Person, choose, connect_practice, sign_in, sign_up, wait_before_sending
from tests.browser.program import Program
from tests.practice.fixture import PracticeGateway
from webapp.demo import EMAIL, PASSWORD

Visit = Callable[..., Person]

DESK = {"width": 1440, "height": 900}
PHONE = {"width": 390, "height": 844}


@dataclass(frozen=True)
class Demonstration:
    """The cookies of the demonstration's person, and the beginning of its team's addresses."""

    state: StorageState
    team: str


def found_browser() -> str:
    """The path of Chromium. Without one the test is left out with a sentence; where CI is set it fails."""
    found = chromium.path()
    if found is not None:
        return found
    if os.environ.get("CI"):
        pytest.fail(chromium.HOW)
    pytest.skip(chromium.HOW)


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """Chromium with a profile of its own."""
    path = found_browser()
    with sync_playwright() as driver:
        running = driver.chromium.launch(executable_path=path, args=chromium.FLAGS)
        yield running
        running.close()


@pytest.fixture(scope="package")
def program(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Program]:
    """The program, ended with Ctrl-C; nothing of it may be left."""
    running = Program(tmp_path_factory.mktemp("program") / "instance")
    try:
        running.wait_until_ready()
        yield running
        assert running.press_ctrl_c() == 0, running.said
        assert running.left_running() == {}
    finally:
        running.clean_up()


@pytest.fixture
def practice(program: Program) -> Iterator[PracticeGateway]:
    """The practice gateway of the program, with its dial put back afterwards."""
    before = program.practice.request("GET", "/practice/dial").json()
    yield program.practice
    program.practice.dial(**before)


@pytest.fixture
def visit(browser: Browser, program: Program) -> Iterator[Visit]:
    """visit(**options of a browser context) -> a person who is not signed in, at 1440 × 900 in English."""
    people: list[Person] = []

    def come(**options: Any) -> Person:
        context = browser.new_context(**{"viewport": DESK, "locale": "en-GB", **options})
        people.append(Person(context, program.address))
        return people[-1]

    yield come
    faults = [fault for person in people for fault in person.faults]
    for person in people:
        person.context.close()
    assert not faults, "\n".join([*faults, program.log()])


@pytest.fixture(scope="package")
def keeper_state(browser: Browser, program: Program) -> StorageState:
    """The cookies of somebody with a team that is connected to the practice gateway."""
    context = browser.new_context(viewport=DESK, locale="en-GB")  # type: ignore[arg-type] # a TypedDict
    person = Person(context, program.address)
    sign_up(person, "keeper@example.com")
    connect_practice(person)
    wait_before_sending(person, 2)
    state = context.storage_state()
    context.close()
    return state


@pytest.fixture
def keeper(visit: Visit, keeper_state: StorageState) -> Person:
    """Somebody who is signed in, with a connected team, on its start page."""
    person = visit(storage_state=keeper_state)
    person.open("/")
    # Home, once a message has arrived.
    person.page.wait_for_url("**/t/**")
    person.open(f"{person.team_path}/start")
    return person


@pytest.fixture(scope="package")
def demonstration(browser: Browser, program: Program) -> Demonstration:
    """Somebody who has signed in to the team with campaigns in every state."""
    context = browser.new_context(viewport=DESK, locale="en-GB")  # type: ignore[arg-type] # a TypedDict
    person = Person(context, program.address)
    person.open("/login")
    sign_in(person, EMAIL, PASSWORD)
    person.page.wait_for_url("**/home")
    shown = Demonstration(context.storage_state(), person.team_path)
    context.close()
    return shown


@pytest.fixture
def demo(visit: Visit, demonstration: Demonstration) -> Person:
    """The demonstration's person, at home and reading English, whatever a test before has chosen."""
    person = visit(storage_state=demonstration.state)
    person.open("/me")
    choose(person, "en", "light")
    person.open(f"{demonstration.team}/home")
    return person
