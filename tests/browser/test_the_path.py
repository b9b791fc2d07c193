"""The whole path of campaigns, gone by one person in a browser, from sign-up to the last report.

Each chapter begins where a person would begin it, so one that fails does not take the others along. The pages
that were passed are looked at again in the end, on a phone, in the other language and theme.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.beholding import assert_pages, faults_of, kind
from tests.browser.conftest import DESK, PHONE, Visit
from tests.browser.person import PASSWORD, Person, choose, send, wait_before_sending
from tests.browser.program import Program
from tests.browser.watching import (
    Moment,
    assert_adds_up,
    cells_of,
    count,
    seen_by,
    wait_for_pill,
    wait_for_sentence,
    watch,
)
from tests.practice.fixture import PracticeGateway

OWN = "13712345678"
NAMED = ["139 0013 9001, 王芳", "13900139002\t李娜", "13900139003 Zhao Min"]
PLAIN = [f"1370002{n:04d}" for n in range(60)]
# Reported as failed by the practice gateway, always.
FAILING = ["19900000001", "19900000002"]
PEOPLE = 65
BAD = {
    "1.38E+10": "Excel has rounded it",
    "12345": "too short",
    "13900139001": "stands here already",
    "+1 3805550100": "not a mainland number",
}
# Once the text has a {name}, the other name is what is wrong with the line.
BAD_LINES = [f"{said}, 王方" if said == "13900139001" else said for said in BAD]
PASTE = "\n".join(
    [
        *NAMED,
        ", ".join(PLAIN[:20]),
        "；".join(PLAIN[20:40]),
        " ".join(PLAIN[40:50]),
        *PLAIN[50:],
        "，".join(FAILING),
        *BAD_LINES,
    ]
)
TEXT = "{name}, the shop opens at nine tomorrow."


@dataclass
class Walker:
    """The person of this story, and the pages that they have been on."""

    person: Person
    pages: dict[str, str] = field(default_factory=dict)

    def looks(self, *, again: bool = True) -> None:
        """The page at hand is without a fault that a machine can find. `again`: look at it on a phone too."""
        assert faults_of(self.person, phone=False) == []
        if again:
            self.pages[kind(self.person.path)] = self.person.path


@pytest.fixture(scope="module")
def newcomer(browser: Browser, program: Program) -> Iterator[Walker]:
    """Somebody who has signed up a moment ago and pressed the button for the practice gateway."""
    context = browser.new_context(viewport=DESK, locale="en-GB")  # type: ignore[arg-type] # a TypedDict
    person = Person(context, program.address)
    person.open("/signup")
    person.write("Email", "mei@example.com")
    person.write("Password", PASSWORD)
    person.press("Sign up")
    person.page.wait_for_url("**/start")
    person.press("Try the practice gateway")
    person.sees("Connected. 48,210 messages left.")
    yield Walker(person)
    context.close()


@pytest.fixture
def walker(newcomer: Walker, practice: PracticeGateway) -> Iterator[Walker]:
    """The same, at a gateway that delivers what it can; what went wrong on the way fails the chapter."""
    practice.dial(delivered_percent=100, failed_percent=0)
    newcomer.person.faults.clear()
    newcomer.person.expected.clear()
    yield newcomer
    assert not newcomer.person.faults, "\n".join(newcomer.person.faults)


@pytest.fixture
def mei(walker: Walker) -> Person:
    """The person alone."""
    return walker.person


def compose(person: Person, numbers: str, text: str, name: str = "") -> None:
    """Write a new campaign, up to where it has saved itself."""
    person.follow("New campaign")
    person.write("Mobile numbers", numbers)
    person.write("Signature", "Green Tea")
    if name:
        person.write("Name of the campaign", name)
    person.write("Text", text)
    if "{name}" in text:
        person.write("For people without a name", "Customer")
    person.page.wait_for_url(re.compile(r"/campaigns/\d+/edit$"))
    person.page.locator("#saved", has_text="Draft saved").wait_for()


def review(person: Person) -> None:
    """Go on from writing to the last look."""
    person.press("Review")
    person.page.wait_for_url("**/review")


# ---- 1: a test to the own number ---------------------------------------------------------------------------


def test_a_test_to_the_own_number_is_four_clicks_away(walker: Walker, practice: PracticeGateway) -> None:
    practice.dial(latency_ms=1500, report_delay_ms=6000)
    mei = walker.person
    mei.effort.clicks, mei.effort.fields = 2, 2
    """What signing up and connecting took; the fixture may be older than this chapter."""
    mei.open(f"{mei.team_path}/start")
    mei.write("Mobile numbers", OWN)
    mei.write("Signature", "Green Tea")
    walker.looks()
    mei.press("Review")
    mei.page.wait_for_url("**/review")
    send(mei, 1)
    watch(mei)
    wait_for_pill(mei, "Finished")
    seen = seen_by(mei)
    assert mei.effort.clicks == 4
    assert mei.effort.fields <= 5
    assert_adds_up(seen, 1)
    rows = [status for moment in seen for status in re.findall("Accepted|Delivered", moment["rows"])]
    assert list(dict.fromkeys(rows)) == ["Accepted", "Delivered"]
    assert seen[-1]["sentence"] == "Test message: delivered."
    walker.looks(again=False)


# ---- 2: a draft --------------------------------------------------------------------------------------------


def test_a_draft_says_at_once_what_it_will_be(walker: Walker) -> None:
    mei = walker.person
    mei.follow("New campaign")
    mei.write("Mobile numbers", PASTE)
    mei.sees(f"{PEOPLE} people will get this.")
    mei.page.locator("#left-out summary").click()
    left_out = {row["What it says"]: row["Why"] for row in mei.rows("Left out")}
    assert {said: why for said, why in left_out.items() if BAD[said] not in why} == {}
    assert left_out.keys() == BAD.keys()

    counter = mei.page.locator("#body-count")
    mei.write("Signature", "Green Tea")
    mei.write("Text", "x" * 59)
    expect(counter).to_have_text("70 of 268 characters · 1 part")
    mei.write("Text", "茶" * 60)
    expect(counter).to_have_text("71 of 268 characters · 2 parts")
    assert mei.facts()["Messages needed"] == str(2 * PEOPLE)
    mei.write("Text", "x" * 258)
    expect(mei.page.locator("#body-count-box")).to_have_class(re.compile(r"\bover\b"))
    mei.write("Text", TEXT)
    mei.sees("62 people have no name and are left out.")
    mei.write("For people without a name", "Customer")
    expect(mei.page.locator("#field-note")).to_contain_text("62 people have no {name} and get “Customer”.")
    mei.sees(f"Recipient 1 of {PEOPLE}")
    shown = [sample_of(mei)]
    for n in range(2, 5):
        mei.press("Next")
        mei.sees(f"Recipient {n} of {PEOPLE}")
        shown.append(sample_of(mei))
    opening = " the shop opens at nine tomorrow."
    assert [one.removeprefix("【Green Tea】").removesuffix(opening) for one in shown] == [
        "王芳,",
        "李娜,",
        "Zhao Min,",
        "Customer,",
    ]
    walker.looks(again=False)


def sample_of(person: Person) -> str:
    """The text on the phone of the preview."""
    return person.page.locator("#sample .phone").inner_text().strip().split("\n")[-1]


def test_a_draft_saves_itself_and_is_never_written_over(walker: Walker) -> None:
    mei = walker.person
    # The saving that comes too late.
    mei.expected = {422}
    compose(mei, PASTE, TEXT, name="Opening")
    mei.page.reload()
    assert mei.field("Mobile numbers").input_value() == PASTE
    assert mei.field("Text").input_value() == TEXT
    assert mei.field("For people without a name").input_value() == "Customer"
    walker.looks()

    other = mei.context.new_page()
    other.goto(mei.page.url)
    write_and_be_saved(other, "Written in the other window.")
    mei.field("Text").fill("Written in this window.")
    note = mei.page.locator("#conflict")
    note.get_by_text("You saved this draft meanwhile in another window").wait_for()
    assert "Written in the other window." in note.inner_text()
    assert mei.field("Text").input_value() == "Written in this window."
    walker.looks(again=False)
    other.reload()
    assert other.locator("#body").input_value() == "Written in the other window."

    with mei.page.expect_navigation():
        mei.press("Keep mine")
    assert mei.heading() == "Edit the draft"
    assert mei.field("Text").input_value() == "Written in this window."
    other.reload()
    assert other.locator("#body").input_value() == "Written in this window."
    other.close()


def write_and_be_saved(page: Page, text: str) -> None:
    with page.expect_response("**/campaigns/draft") as saved:
        page.locator("#body").fill(text)
    assert saved.value.ok


def test_a_test_is_sent_from_the_draft(walker: Walker, practice: PracticeGateway) -> None:
    practice.dial(latency_ms=500, report_delay_ms=3000)
    mei = walker.person
    compose(mei, PASTE, TEXT)
    mei.write("Send a test to", "137 1234 5679")
    mei.press("Test")
    line = mei.page.locator("#test-line")
    line.get_by_text("Accepted").wait_for(timeout=20_000)
    line.get_by_text("Delivered").wait_for(timeout=20_000)
    assert "Test to 137 **** 5679" in line.inner_text()
    walker.looks(again=False)
    line.get_by_role("link").click()
    mei.sees(f"【Green Tea】{TEXT.replace('{name}', '王芳')}")
    assert [row["Phone"] for row in mei.rows("Recipients")] == ["137 1234 5679"]


# ---- 3: the review -----------------------------------------------------------------------------------------


def test_the_review_says_what_it_takes_and_what_is_missing(walker: Walker, practice: PracticeGateway) -> None:
    mei = walker.person
    practice.add_user("small-4711", "small-0815", balance=40)
    mei.open(f"{mei.team_path}/settings/gateways/new")
    mei.write("Uid", "small-4711")
    mei.write("Password", "small-0815")
    mei.write("Name of this account", "Small")
    mei.press("Connect")
    mei.is_told("Connected. 40 messages left.")

    compose(mei, PASTE, TEXT)
    cost = mei.page.locator("#cost")
    expect(cost).not_to_contain_text("Not enough balance")
    mei.field("Gateway account").select_option(label="Small")
    cost.get_by_text(f"This needs {PEOPLE} messages, and 40 are left.").wait_for()
    review(mei)
    mei.sees(f"This needs {PEOPLE} messages, and 40 are left.")
    assert not mei.page.locator("#confirm").count()
    walker.looks()

    mei.follow("Choose fewer people")
    mei.field("Gateway account").select_option(label="Practice")
    expect(cost).not_to_contain_text("Not enough balance")
    review(mei)
    mei.sees(f"{PEOPLE} people get this message.")
    assert [row["What it says"] for row in mei.rows("Left out")] == BAD_LINES
    mei.sees("4 different texts.")
    mei.sees("seconds after you confirm; until then it can be stopped.")
    facts = mei.facts()
    assert facts["Recipients"] == str(PEOPLE)
    assert facts["Parts each"] == "1"
    assert facts["Requests to the gateway"] == "4"
    assert facts["Messages needed"] == str(PEOPLE)
    assert count(facts["Left after sending"]) == count(facts["Balance now"]) - PEOPLE
    walker.looks()


def test_it_is_scheduled_moved_and_taken_back(walker: Walker) -> None:
    mei = walker.person
    mei.expected = {422}
    tomorrow = (datetime.now(ZoneInfo("Asia/Shanghai")) + timedelta(days=1)).date()
    compose(mei, f"{PLAIN[0]} {PLAIN[1]}", "The shop is closed today.", name="Closed")
    mei.page.get_by_text("Later", exact=True).click()
    mei.write("Day and time", "2024-02-29T10:00")
    mei.press("Review")
    summary = mei.page.locator(".error-summary")
    summary.wait_for()
    assert mei.field("Day and time").input_value() == "2024-02-29T10:00"
    walker.looks(again=False)

    mei.write("Day and time", f"{tomorrow}T10:00")
    review(mei)
    mei.sees("10:00 (Asia/Shanghai).")
    mei.press("Schedule for 2 people")
    wait_for_pill(mei, "Scheduled")
    wait_for_sentence(mei, r"10:00 \(Asia/Shanghai\): 2 people get it\.")
    campaign = mei.path
    walker.looks()

    mei.follow("Change the time")
    walker.looks()
    mei.write("Day and time", f"{tomorrow}T11:30")
    mei.press("Start at this time")
    mei.is_told("The new time is saved.")
    wait_for_sentence(mei, r"11:30 \(Asia/Shanghai\): 2 people get it\.")

    mei.open(f"{mei.team_path}/home")
    coming = mei.page.locator(".card", has=mei.page.get_by_role("heading", name="Goes out next"))
    assert re.search(r"Closed\s+.*11:30", coming.inner_text())
    mei.open(campaign)
    mei.press("Edit")
    mei.is_told("Back to editing; nothing was sent.")
    assert mei.heading() == "Edit the draft"
    assert mei.field("Day and time").input_value() == f"{tomorrow}T11:30"


# ---- 4: watching it ----------------------------------------------------------------------------------------


def test_it_is_watched_paused_resumed_and_traced(walker: Walker, practice: PracticeGateway) -> None:
    practice.dial(latency_ms=800, report_delay_ms=1500)
    mei = walker.person
    take_small_requests(mei)
    wait_before_sending(mei, 3)
    compose(mei, PASTE, TEXT, name="Nine o'clock")
    review(mei)
    before = mei.balance()
    campaign = send(mei, PEOPLE)
    watch(mei)
    wait_for_sentence(mei, r"^Starts in \d")
    wait_for_sentence(mei, rf"^Sending: [1-9]\d* of {PEOPLE} ")
    seen = seen_by(mei)
    mei.press("Pause")
    mei.sees("Paused by a member of your team")
    watch(mei)
    walker.looks(again=False)

    mei.open(f"{mei.team_path}/home")
    sending = mei.page.locator("#sending")
    sending.get_by_text("Nine o'clock").wait_for()
    assert re.search(r"Paused: \d+ of 65 had been handed", sending.inner_text())
    walker.looks()
    mei.open(campaign)
    paused = moment_of(mei)
    assert 0 < cells_of(paused)["Waiting"] < PEOPLE

    mei.press("Resume")
    mei.page.get_by_role("button", name="Pause", exact=True).wait_for()
    watch(mei)
    wait_for_pill(mei, "Finished")
    end = seen_by(mei)
    assert_adds_up([*seen, paused, *end], PEOPLE)
    assert cells_of(end[-1]) == {
        "Recipients": PEOPLE,
        "Delivered": PEOPLE - 2,
        "Failed": 2,
        "No report yet": 0,
    }
    # Nobody got it twice: everybody was paid for once.
    mei.page.locator("#balance-widget b", has_text=f"{before - PEOPLE:,}").wait_for(timeout=20_000)
    look_at_the_chart(mei)
    look_at_the_recipients(mei)
    follow_one_message(walker)
    mei.open(campaign)
    walker.looks()


def take_small_requests(person: Person) -> None:
    """Let the account take eight numbers a request, one after the other, so that there is time to act."""
    person.open(f"{person.team_path}/settings/gateways")
    person.follow("Practice")
    person.page.get_by_text("Change it", exact=True).click()
    person.write("Numbers in one request", "8")
    person.write("Requests at the same time", "1")
    person.press("Save")
    person.is_told("Saved.")


def look_at_the_chart(person: Person) -> None:
    """It says in a sentence what it draws, and its numbers stand in a table."""
    chart = person.page.locator("#delivery-chart")
    assert "96.9%" in chart.locator("figcaption").inner_text()
    chart.get_by_text("Show as table").click()
    rows = chart.locator("tbody tr").all_inner_texts()
    assert len(rows) > 1
    assert rows[-1].split("\t")[1:] == ["96.9%", "3.0%", "0%"]


def look_at_the_recipients(person: Person) -> None:
    """Filter, pages and search; no address holds a number."""
    # The table did not move while somebody may have been reading it; a button tells of the news.
    person.page.get_by_role("link", name=re.compile("new reports – show$")).click()
    tabs = person.page.get_by_role("navigation", name="Which recipients")
    tabs.get_by_role("link", name="Failed").click()
    person.page.wait_for_url("**show=failed**")
    expect(person.page.locator("#recipients tbody tr")).to_have_count(2)
    assert {row["Phone"]: row["Status"] for row in person.rows("Recipients")} == {
        "199 0000 0001": "Failed",
        "199 0000 0002": "Failed",
    }
    tabs.get_by_role("link", name="All").click()
    expect(person.page.locator("#recipients tbody tr")).to_have_count(50)
    person.sees(f"The first 50 of {PEOPLE}.")
    first = [row["Phone"] for row in person.rows("Recipients")]
    person.follow("Next page")
    expect(person.page.locator("#recipients tbody tr")).to_have_count(PEOPLE - 50)
    second = [row["Phone"] for row in person.rows("Recipients")]
    assert len({*first, *second}) == PEOPLE
    person.follow("Previous page")
    expect(person.page.locator("#recipients tbody tr")).to_have_count(50)
    assert [row["Phone"] for row in person.rows("Recipients")] == first

    person.page.locator("#digits").fill("9002")
    person.press("Search")
    expect(person.page.locator("#recipients tbody tr")).to_have_count(1)
    (row,) = person.rows("Recipients")
    assert row["Phone"] == "139 0013 9002 李娜"
    assert "find=" in person.path
    assert "9002" not in person.path.partition("?")[2]


def follow_one_message(walker: Walker) -> None:
    """The steps of one message: in a dialog above the table, and on a page of their own."""
    mei = walker.person
    link = mei.page.locator("#recipients tbody a").first
    link.click()
    dialog = mei.page.locator("dialog#message")
    dialog.get_by_text("Handed to the gateway").wait_for()
    walker.looks(again=False)
    mei.page.keyboard.press("Escape")
    dialog.wait_for(state="hidden")
    mei.open(link.get_attribute("href") or "")
    assert mei.heading() == "139 0013 9002"
    steps = mei.page.get_by_role("list", name="What happened, the earliest first").inner_text()
    places = [
        steps.find(step)
        for step in ("Confirmed by mei@example.com", "Put into batch", "Handed to the gateway", "DELIVRD")
    ]
    assert -1 not in places, steps
    assert places == sorted(places), steps
    mei.sees("【Green Tea】李娜, the shop opens at nine tomorrow.")
    walker.looks()


def test_it_is_written_again_and_stopped_in_time(walker: Walker, practice: PracticeGateway) -> None:
    mei = walker.person
    text = "{name}, the spring tea is here."
    wait_before_sending(mei, 60)
    compose(mei, PASTE, text, name="Spring tea")
    review(mei)
    requests = practice.counts()["submissions"]
    first = send(mei, PEOPLE)
    mei.follow("Stop")
    walker.looks()
    mei.press("Stop the campaign")
    wait_for_pill(mei, "Stopped")
    stopped = moment_of(mei)
    assert stopped["sentence"] == f"Stopped: 0 of {PEOPLE} had been handed to the gateway."
    assert cells_of(stopped)["Not sent"] == PEOPLE
    assert_adds_up([stopped], PEOPLE)

    mei.follow("Duplicate")
    mei.page.wait_for_url("**/campaigns/new?from=*")
    assert mei.field("Text").input_value() == text
    walker.looks(again=False)
    review(mei)
    assert mei.facts()["Recipients"] == str(PEOPLE)
    mei.sees("4 different texts.")
    assert mei.path.split("/")[4] != first.split("/")[4]
    assert practice.counts()["submissions"] == requests

    mei.open(f"{mei.team_path}/campaigns")
    mei.page.get_by_role("navigation", name="Which campaigns").get_by_role("link", name="Finished").click()
    expect(mei.page.get_by_role("link", name="Spring tea")).to_have_count(1)
    mei.page.locator("#search").fill("spring")
    expect(mei.page.locator("#campaigns tbody tr")).to_have_count(1)
    walker.looks()
    mei.page.locator("#search").fill("no such name")
    mei.sees("No campaigns match “no such name”.")


def moment_of(person: Person) -> Moment:
    """What the campaign's page shows now."""
    watch(person)
    return seen_by(person)[-1]


# ---- once more, on a phone ---------------------------------------------------------------------------------


def test_the_same_pages_on_a_phone_in_dark_chinese(visit: Visit, walker: Walker) -> None:
    assert walker.pages, "no chapter before this one has kept a page"
    person = visit(viewport=PHONE, locale="zh-CN", storage_state=walker.person.context.storage_state())
    person.open("/me")
    choose(person, "zh", "dark")
    assert_pages(person, walker.pages, phone=True)
