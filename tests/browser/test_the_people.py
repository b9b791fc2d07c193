"""A file from Excel, with what is always wrong with such files, up to the reports of who was sent to.

One story: 50,000 rows as a spreadsheet in China saves them, 387 of which cannot be imported. Those are mended
and brought again, the large import is undone, who is left becomes a group, the group gets a personal text. At
the end campaign, home, reports, export and the gateway's own ledger must tell the same numbers.
"""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from tests.browser.beholding import faults_of
from tests.browser.conftest import DESK, Demonstration
from tests.browser.person import Person, connect_practice, new_team, wait_before_sending
from tests.browser.program import Program
from tests.browser.watching import count, wait_for_pill
from tests.practice.fixture import PracticeGateway

ROWS = 50_000
HEAD = ("姓名", "手机", "城市", "积分")
CITIES = ("北京", "上海", "广州", "成都", "西安")
KINDS = {"Not a mobile number": 301, "Same number twice in the file": 61, "Phone is empty": 25}
PROBLEMS = sum(KINDS.values())
FIRST = 13_300_000_000
# Where the numbers of the mended rows begin: none of them stands in the file.
MENDED = 13_900_000_000
TEXT = "{name}您好，您在{城市}门店的积分为{积分}。"


def spreadsheet() -> bytes:
    """The file, as GB18030; the rows with problems lie anywhere in it."""
    bad = ["12345678901"] * 301 + [str(FIRST + n) for n in range(61)] + [""] * 25
    rows = [HEAD]
    for n in range(ROWS):
        wrong = n % 129 == 100 and n // 129 < PROBLEMS
        mobile = bad[n // 129] if wrong else str(FIRST + n)
        rows.append((f"客户{n}", mobile, CITIES[n % len(CITIES)], str(n % 900)))
    return "\r\n".join(",".join(row) for row in rows).encode("gb18030")


def mended(problem_rows: bytes) -> bytes:
    """The problem rows as they were handed back, each with a number that can be sent to."""
    table = list(csv.reader(io.StringIO(problem_rows.decode("utf-8-sig"))))
    head, rows = table[0], table[1:]
    at = head.index("手机")
    for n, row in enumerate(rows):
        row[at] = str(MENDED + n)
    out = io.StringIO()
    csv.writer(out).writerows([head, *rows])
    return out.getvalue().encode("utf-8-sig")


@dataclass
class Story:
    """The person, a folder for their files, and what earlier chapters left for later ones."""

    person: Person
    folder: Path
    large: str = ""
    campaign: str = ""


@pytest.fixture(scope="module")
def told(
    browser: Browser, program: Program, demonstration: Demonstration, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Story]:
    """Somebody with a fresh team whose campaigns begin at once."""
    context = browser.new_context(
        viewport=DESK,  # type: ignore[arg-type] # a TypedDict
        locale="en-GB",
        storage_state=demonstration.state,
    )
    person = Person(context, program.address)
    new_team(person, "Bookshop")
    connect_practice(person)
    wait_before_sending(person, 0)
    yield Story(person, tmp_path_factory.mktemp("files"))
    context.close()


@pytest.fixture
def story(told: Story) -> Iterator[Story]:
    """The same; what went wrong on the way fails the chapter."""
    told.person.faults.clear()
    yield told
    assert not told.person.faults, "\n".join(told.person.faults)


def bring(story: Story, name: str, content: bytes) -> None:
    """Choose a file on the page at hand and send it."""
    file = story.folder / name
    file.write_bytes(content)
    story.person.page.set_input_files("input[type=file]", file)
    story.person.press("Upload and look at it")
    story.person.page.wait_for_url(re.compile(r"/contacts/imports/\d+$"))


def run_import(person: Person, ready: int) -> None:
    """From the columns to the result."""
    person.press("Check the file")
    start = person.page.get_by_role("button", name=f"Import {ready:,} good rows")
    start.wait_for(timeout=60_000)
    assert faults_of(person, phone=False) == []
    start.click()
    person.page.get_by_role("button", name="Undo this import").wait_for(timeout=90_000)


def figures(person: Person) -> dict[str, int]:
    """The strip of numbers of the page at hand."""
    cells = person.page.locator(".kpi").all()
    return {
        cell.locator("dt").inner_text().strip(): count(cell.locator("dd.value").inner_text())
        for cell in cells
        if re.fullmatch(r"[\d,]+", cell.locator("dd.value").inner_text())
    }


def test_a_file_from_excel_is_imported_but_for_its_problems(story: Story) -> None:
    person = story.person
    person.open(f"{person.team_path}/contacts/import")
    bring(story, "会员.csv", spreadsheet())
    assert person.page.locator("select[name=encoding]").input_value() == "gb18030"
    person.page.locator("input[name=new_group]").fill("Members")
    run_import(person, ROWS - PROBLEMS)
    told = figures(person)
    assert told == {
        "Added": ROWS - PROBLEMS, "Updated": 0, "Same": 0, "Rows left out": PROBLEMS, "Rows": ROWS
    }  # fmt: skip
    listed = {row["Problem"]: count(row["Rows"].split()[0]) for row in person.rows("What is left out")}
    assert listed == KINDS
    story.large = person.path


def test_the_problem_rows_are_mended_and_brought_again(story: Story) -> None:
    person = story.person
    person.open(story.large)
    with person.page.expect_download() as download:
        person.follow(f"Download {PROBLEMS} problem rows")
    problem_rows = Path(download.value.path()).read_bytes()
    person.follow("Upload a corrected file")
    bring(story, "mended.csv", mended(problem_rows))
    run_import(person, PROBLEMS)
    assert figures(person)["Added"] == PROBLEMS
    person.open(f"{person.team_path}/contacts")
    person.sees(f"{ROWS:,} people")


def test_the_large_import_is_undone(story: Story) -> None:
    person = story.person
    person.open(story.large)
    person.press("Undo this import")
    person.sees(f"{ROWS - PROBLEMS:,} people who had been added were deleted again.", 60)
    person.open(f"{person.team_path}/contacts")
    person.sees(f"{PROBLEMS} people")


def test_who_is_left_becomes_a_group(story: Story) -> None:
    person = story.person
    person.open(f"{person.team_path}/contacts/groups")
    person.write("Name", "Mended")
    person.press("Make the group")
    person.open(f"{person.team_path}/contacts")
    person.page.locator("select[name=whom]").select_option("all")
    person.page.locator("select[name=into]").select_option(label="Mended")
    person.press("Add to group")
    person.sees(f"{PROBLEMS} people were added to “Mended”.")


def test_the_group_gets_a_personal_text(story: Story, practice: PracticeGateway) -> None:
    person = story.person
    practice.dial(delivered_percent=90, failed_percent=10, report_delay_ms=300)
    person.open(f"{person.team_path}/campaigns/new")
    person.page.get_by_label(re.compile("^Mended")).first.check()
    person.write("Signature", "Bookshop")
    person.write("Text", TEXT)
    person.press("Review")
    person.page.get_by_role("button", name=f"Send to {PROBLEMS} people").wait_for(timeout=30_000)
    person.press(f"Send to {PROBLEMS} people")
    person.page.wait_for_url(re.compile(r"/campaigns/\d+$"))
    story.campaign = person.path
    wait_for_pill(person, "Finished", 120)


def test_all_places_tell_the_same_numbers(story: Story, program: Program) -> None:
    person, team = story.person, story.person.team_path
    person.open(story.campaign)
    campaign = figures(person)
    delivered, failed = campaign["Delivered"], campaign["Failed"]
    assert delivered + failed == PROBLEMS
    assert failed > 0

    took = taken(program.practice)
    assert len(took) == len(set(took.values())) == PROBLEMS, "everybody was sent a text of their own, once"
    said = arrived(program.practice)
    assert (said["DELIVRD"], said.total()) == (delivered, PROBLEMS)

    person.open(f"{team}/home")
    person.sees(f"{delivered} of {PROBLEMS} messages delivered")

    person.open(f"{team}/reports")
    assert f"{delivered} of {PROBLEMS}" in cell(person, "Delivered")
    assert str(failed) in cell(person, "Failed").split()

    person.open(story.campaign)
    exported = export_recipients(person)
    assert len(exported) == PROBLEMS
    assert sum(row["Status"] == "Delivered" for row in exported) == delivered
    assert sum(row["Status"] == "Failed" for row in exported) == failed


def cell(person: Person, label: str) -> str:
    """All that a cell of the strip says, whose share stands above its number."""
    cells = [one.inner_text() for one in person.page.locator(".kpi").all()]
    return next(text for text in cells if text.strip().startswith(label))


def is_mended(mobile: str) -> bool:
    """Whether it is one of the mended rows' numbers; the ledger has those of other stories too."""
    return MENDED <= int(mobile) < MENDED + PROBLEMS


def taken(gateway: PracticeGateway) -> dict[str, str]:
    """By its ledger: each number that the gateway delivered to, and the hash of the text."""
    return {
        mobile: line["content_sha256"]
        for line in gateway.submissions()
        for mobile in line["delivered"]
        if is_mended(mobile)
    }


def arrived(gateway: PracticeGateway) -> Counter[str]:
    """By its ledger: how many numbers were reported with each status word."""
    said = {line["mobile"][-11:]: line["status"] for line in gateway.reports()}
    return Counter(status for mobile, status in said.items() if is_mended(mobile))


def export_recipients(person: Person) -> list[dict[str, str]]:
    """Ask for the recipients as CSV, wait for the file, and read it."""
    person.follow("Export")
    person.page.get_by_label(re.compile("^CSV")).check()
    person.press("Make the file")
    ready = person.page.get_by_role("link", name="Download", exact=True).first
    ready.wait_for(timeout=60_000)
    with person.page.expect_download() as download:
        ready.click()
    content = Path(download.value.path()).read_text(encoding="utf-8-sig")
    return list(csv.DictReader(io.StringIO(content)))
