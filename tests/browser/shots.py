"""Pictures: a few for the README, and one sheet with every page on a desk and on a phone.

`python -m tests.browser.shots` starts the demonstration, follows its links and writes into docs/pictures/.
The sheet is for whoever changes how pages look: all of them at one glance.
"""

from __future__ import annotations

import base64
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

from tests.browser import chromium
from tests.browser.conftest import DESK, PHONE
from tests.browser.pages import PLACES, PUBLIC, Place
from tests.browser.person import Person, choose, sign_in
from tests.browser.program import Program
from tests.browser.test_every_page import LED_BY_FORMS, make_rules, only_path
from tests.browser.walk import Walk, rows_of
from tests.practice.fixture import ROOT
from webapp.demo import EMAIL, PASSWORD

PICTURES = ROOT / "docs" / "pictures"
SHEET = PICTURES / "pages.jpg"
MOST_BYTES = 3_000_000
# Which pages the README shows, and under which name.
FOR_README = {
    "home.index": "home",
    "campaigns.show": "campaign",
    "campaigns.edit": "compose",
    "reports.index": "reports",
}
# The campaign that the README shows: a large one with nearly all its reports.
SHOWN = "双十一早鸟价"
QUALITIES = (70, 55, 40, 25)
STYLE = """body { margin: 16px; font: 12px sans-serif; background: #fff; width: 3568px }
main { display: grid; grid-template-columns: repeat(5, 1fr); gap: 16px }
figure { margin: 0 } figcaption { margin-bottom: 4px }
img { border: 1px solid #ccc; vertical-align: top; height: 320px }"""


def picture_all(browser: Browser, folder: Path) -> dict[str, list[bytes]]:
    """Every page of the demonstration: on a desk in light English, on a phone in dark Chinese."""
    program = Program(folder / "instance")
    try:
        program.wait_until_ready()
        walker = _person(browser, program, DESK, "en", "light")
        rules = make_rules(folder)
        walk = Walk(rules, {name: place.look for name, place in PLACES.items()})
        team = walker.team_path
        walk.follow(walker, f"{team}/home")
        # Before the forms are filled in: what that leaves behind belongs into no README.
        picture_for_readme(walker, walk)
        for endpoint, lead in LED_BY_FORMS.items():
            walk.found[endpoint] = [lead(walker, team, walk, program)]
        chosen = {
            name: _fullest(walker, place, walk.found[name])
            for name, place in PLACES.items()
            if name in walk.found
        }
        desk = {name: _shot(walker, path) for name, path in chosen.items()}
        phone = _person(browser, program, PHONE, "zh", "dark")
        shots = {name: [desk[name], _shot(phone, path)] for name, path in chosen.items()}
        desk_outside, phone_outside = _stranger(browser, program, DESK), _stranger(browser, program, PHONE)
        choose(desk_outside, "en", "light")
        choose(phone_outside, "zh", "dark")
        public = {name: place.path or only_path(rules, name) for name, place in PUBLIC.items()}
        outside = {
            name: [_shot(desk_outside, path), _shot(phone_outside, path)] for name, path in public.items()
        }
        return {**outside, **shots}
    finally:
        program.press_ctrl_c()
        program.clean_up()


def picture_for_readme(person: Person, walk: Walk) -> None:
    """The few pages of the README, at the size of a window."""
    for endpoint, name in FOR_README.items():
        for path in walk.found[endpoint]:
            person.open(path)
            if endpoint != "campaigns.show" or SHOWN in person.heading():
                break
        person.page.wait_for_timeout(150)
        person.page.screenshot(path=PICTURES / f"{name}.png")


def _person(browser: Browser, program: Program, size: dict[str, int], language: str, theme: str) -> Person:
    context = browser.new_context(viewport=size, locale="en-GB")  # type: ignore[arg-type] # a TypedDict
    person = Person(context, program.address)
    person.open("/login")
    sign_in(person, EMAIL, PASSWORD)
    person.page.wait_for_url("**/home")
    team = person.team_path
    person.open("/me")
    choose(person, language, theme)
    person.open(f"{team}/home")
    return person


def _stranger(browser: Browser, program: Program, size: dict[str, int]) -> Person:
    context = browser.new_context(viewport=size, locale="en-GB")  # type: ignore[arg-type] # a TypedDict
    person = Person(context, program.address)
    person.open("/")
    return person


def _fullest(person: Person, place: Place, paths: list[str]) -> str:
    """The first of these pages whose table is as full as it should be, else the last."""
    for path in paths:
        person.open(path)
        if rows_of(person) >= place.rows:
            return path
    return paths[-1]


def _shot(person: Person, path: str) -> bytes:
    person.open(path)
    person.page.wait_for_timeout(150)
    return person.page.screenshot(type="jpeg", quality=70)


def make_sheet(browser: Browser, shots: dict[str, list[bytes]]) -> bytes:
    """All pictures on one, small enough to be kept with the program."""
    page = browser.new_page(viewport={"width": 3600, "height": 1000})
    figures = "".join(
        f"<figure><figcaption>{name}</figcaption>{''.join(map(_img, both))}</figure>"
        for name, both in shots.items()
    )
    page.set_content(f"<!doctype html><style>{STYLE}</style><main>{figures}</main>")
    for quality in QUALITIES:
        sheet = page.screenshot(type="jpeg", quality=quality, full_page=True)
        if len(sheet) <= MOST_BYTES:
            return sheet
    raise SystemExit("The sheet is larger than 3 MB.")


def _img(picture: bytes) -> str:
    return f'<img src="data:image/jpeg;base64,{base64.b64encode(picture).decode()}">'


def main() -> int:
    """Write the pictures; 1 where there is no browser."""
    path = chromium.path()
    if path is None:
        print(chromium.HOW)
        return 1
    PICTURES.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=path, args=chromium.FLAGS)
        shots = picture_all(browser, Path(folder))
        SHEET.write_bytes(make_sheet(browser, shots))
        browser.close()
    print(f"{len(shots)} pages: {SHEET.relative_to(ROOT)}, {SHEET.stat().st_size:,} bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main())
