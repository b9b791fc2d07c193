"""What became of a request is not clear: a person looks at what is known and decides, in each of four ways.

The campaigns are those of the demonstration, for it takes a quarter of an hour until the machine gives up.
"""

from __future__ import annotations

import pytest

from tests.browser.beholding import assert_pages, faults_of
from tests.browser.conftest import PHONE, Demonstration, Visit
from tests.browser.person import Person, choose
from tests.browser.watching import assert_adds_up, cells_of, seen_by, wait_for_pill, watch
from tests.practice.fixture import PracticeGateway

CAMPAIGN = "您的会员积分将于月底到期。"
STOPPED = "因天气原因，今晚活动取消。"


def to_campaign(person: Person, campaign: str) -> str:
    """Go to a campaign's page by the list; its path."""
    person.page.locator(".side nav").get_by_role("link", name="Campaigns").click()
    person.follow(campaign)
    return person.path


def to_decide(person: Person) -> None:
    """From the campaign's page to what is not confirmed."""
    person.page.locator("#status").get_by_role("link", name="Review").click()
    person.page.wait_for_url("**/unconfirmed")


def strip(person: Person) -> dict[str, int]:
    """The counts of people on the campaign's page at hand."""
    watch(person)
    return cells_of(seen_by(person)[-1])


def decide(person: Person, no: int, choice: str, *, sure: bool = False) -> None:
    """Choose one of the answers for a batch."""
    form = person.page.locator(f"#decide-{no}")
    form.get_by_text(choice, exact=True).click()
    if sure:
        form.get_by_text("may get this twice").click()
    person.press(f"Decide about batch {no}")


def cards(person: Person) -> list[str]:
    """The batches that are left to decide about."""
    return person.page.locator("main .card h2", has_text="Batch ").all_inner_texts()


def test_each_of_the_four_answers(demo: Person, practice: PracticeGateway) -> None:
    practice.dial(delivered_percent=100, failed_percent=0, report_delay_ms=500)
    demo.expected = {422}
    campaign, before = to_campaign(demo, CAMPAIGN), strip(demo)
    assert before["Not confirmed"] == 300
    to_decide(demo)
    assert len(cards(demo)) == 3
    demo.sees("Nobody can know whether people got the message.")
    assert faults_of(demo, phone=False) == []

    decide(demo, 1, "Wait for reports")
    demo.is_told("Nothing was changed. Reports are waited for.")
    assert len(cards(demo)) == 3
    decide(demo, 1, "It was sent")
    demo.is_told("100 messages count as accepted now.")
    decide(demo, 2, "Do not send")
    demo.is_told("100 messages stay not confirmed; nothing more is tried.")
    assert len(cards(demo)) == 1

    requests = practice.counts()["submissions"]
    decide(demo, 3, "Send again")
    demo.sees("Nothing was sent. To send again, tick that people may get the message twice.")
    assert faults_of(demo, phone=False) == []
    assert practice.counts()["submissions"] == requests
    decide(demo, 3, "Send again", sure=True)
    demo.is_told("100 messages are sent again.")
    demo.sees("Nothing is left to decide.")
    assert faults_of(demo, phone=False) == []

    demo.open(campaign)
    watch(demo)
    arrived = before["Delivered"] + 100
    demo.page.locator("#status .kpi", has_text=f"{arrived:,}").first.wait_for(timeout=60_000)
    seen = seen_by(demo)
    assert_adds_up(seen, 850)
    # What was said to have been sent is waited for; what shall not be sent stays as it is.
    assert cells_of(seen[-1]) == {
        **before,
        "Delivered": arrived,
        "No report yet": before["No report yet"] + 100,
        "Not confirmed": 100,
    }
    assert practice.counts()["submissions"] == requests + 1


@pytest.mark.parametrize("script", [True, False], ids=["script", "no-script"])
def test_nothing_of_a_stopped_campaign_is_sent_again(
    visit: Visit, demonstration: Demonstration, script: bool
) -> None:
    person = visit(storage_state=demonstration.state, java_script_enabled=script)
    person.open("/me")
    choose(person, "en", "light")
    person.open(f"{demonstration.team}/home")
    to_campaign(person, STOPPED)
    to_decide(person)
    again = person.page.locator("#decide-1 .choice", has_text="Send again").locator("input")
    assert again.is_disabled()
    person.sees("This campaign was stopped, so nothing of it can be sent again.")
    if script:
        return
    decide(person, 1, "It was sent")
    person.is_told("100 messages count as accepted now.")
    person.follow("Back to the campaign")
    assert not person.page.locator("#status", has_text="Not confirmed").count()
    wait_for_pill(person, "Stopped")


def test_on_a_phone_in_dark_chinese(visit: Visit, demonstration: Demonstration, demo: Person) -> None:
    campaign = to_campaign(demo, CAMPAIGN)
    person = visit(viewport=PHONE, storage_state=demonstration.state)
    person.open("/me")
    choose(person, "zh", "dark")
    assert_pages(person, {"undecided": f"{campaign}/unconfirmed", "campaign": campaign}, phone=True)
