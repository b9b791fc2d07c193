"""Whatever a person does at the last button, a campaign goes out once; what is not theirs does not exist."""

from __future__ import annotations

import re

from tests.browser.conftest import Visit
from tests.browser.person import Person, send, sign_in, sign_up, write_message
from tests.practice.fixture import PracticeGateway

# Never reported by the practice gateway, so its campaign's page keeps asking.
NEVER = "19900000003"


def rows_named(person: Person, name: str) -> list[dict[str, str]]:
    """The campaigns of this name in the list; behind it a test is called one."""
    person.open(f"{person.team_path}/campaigns")
    return [row for row in person.rows("Campaigns") if row["Campaign"].removesuffix(" Test") == name]


def test_a_double_click_sends_once(keeper: Person, practice: PracticeGateway) -> None:
    practice.dial(delivered_percent=100, failed_percent=0)
    before = keeper.balance()
    write_message(keeper, "13800138001\n13800138002", "Twice pressed.")
    keeper.page.get_by_role("button", name="Send to 2 people").dblclick()
    keeper.page.wait_for_url(re.compile(r"/campaigns/\d+$"))
    keeper.page.locator("#campaign-pill", has_text="Finished").wait_for(timeout=40_000)
    keeper.page.locator("#balance-widget b", has_text=f"{before - 2:,}").wait_for()
    (row,) = rows_named(keeper, "Twice pressed.")
    assert (row["Status"], row["Recipients"], row["Delivered"]) == ("Finished", "2", "100%")


def test_going_back_and_another_tab_end_on_the_same_campaign(keeper: Person) -> None:
    write_message(keeper, NEVER, "Sent before.")
    review = keeper.path
    other = keeper.context.new_page()
    other.goto(keeper.address + review)
    sent = send(keeper, 1)

    # The other tab still shows the button.
    other.get_by_role("button", name="Send to 1 person").click()
    other.wait_for_url("**" + sent)
    other.close()

    keeper.page.go_back()
    again = keeper.page.get_by_role("button", name="Send to 1 person")
    again.or_(keeper.page.locator("#status")).first.wait_for()
    if again.count():
        again.click()
    keeper.page.wait_for_url("**" + sent)
    assert len(rows_named(keeper, "Sent before.")) == 1


def test_a_session_that_ended_leads_to_sign_in_and_back(keeper: Person) -> None:
    write_message(keeper, NEVER, "Still waiting.")
    campaign = send(keeper, 1)
    keeper.page.locator("#status[hx-trigger]").wait_for()
    keeper.context.clear_cookies()
    keeper.page.wait_for_url(re.compile(r"/login\?next="), timeout=30_000)
    assert keeper.heading() == "Sign in"
    assert not keeper.page.locator("#status, .side").count(), "the form stands inside the page that was left"
    sign_in(keeper, "keeper@example.com")
    keeper.page.wait_for_url("**" + campaign)
    keeper.sees("Still waiting.")


def test_another_teams_pages_are_as_if_they_did_not_exist(keeper: Person, visit: Visit) -> None:
    write_message(keeper, NEVER, "Nobody else's.")
    campaign = send(keeper, 1)
    keeper.open(f"{keeper.team_path}/settings/gateways")
    account = keeper.page.locator("main table a").first.get_attribute("href")
    assert account
    team = keeper.team_path

    stranger = visit()
    sign_up(stranger, "stranger@example.com")
    stranger.expected = {404}
    for path in (f"{team}/start", campaign, f"{campaign}/status", account, f"{team}/balance"):
        theirs, none = what_is_at(stranger, path), what_is_at(stranger, path.replace(team, "/t/zzzzzzzz"))
        assert theirs == none, path
        assert theirs[0] == 404
        assert "Nobody else's" not in theirs[1]
    # In a team of one's own, ids of others are nothing either.
    mine = stranger_path(stranger)
    assert what_is_at(stranger, campaign.replace(team, mine))[0] == 404
    assert what_is_at(stranger, account.replace(team, mine))[0] == 404


def what_is_at(person: Person, path: str) -> tuple[int, str]:
    """Status and page, without what differs by request: the form's token and the address itself."""
    answer = person.page.goto(person.address + path)
    assert answer
    html = re.sub(r'(name="csrf[_-]token" (?:value|content)=")[^"]+', r"\1", answer.text())
    return answer.status, html.replace(re.escape(path), "").replace(path, "").replace(path.split("/")[2], "")


def stranger_path(person: Person) -> str:
    """The beginning of the addresses of the person's own team."""
    person.open("/")
    person.page.wait_for_url("**/start")
    return person.team_path
