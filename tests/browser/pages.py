"""What each page of the program is: its headline, and whether its main table is full in the demonstration.

A rule that answers a GET and stands in none of these lists fails the walk: whoever adds a page says here what
it is called, and sees to it that the demonstration shows something there.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Place:
    """`h1`: a pattern that the English headline begins with. `rows`: the largest table has so many at least.

    `look`: how many addresses of this kind are followed, where their links or rows depend on what they show.
    """

    h1: str
    rows: int = 0
    look: int = 1
    path: str = ""
    """An address of its own, where the rule alone is none."""


FULL = 5

PUBLIC = {
    "accounts.front": Place("Send text messages"),
    "accounts.sign_in": Place("Sign in"),
    "accounts.sign_up": Place("Sign up"),
}

PLACES = {
    "accounts.profile": Place("Your profile"),
    "accounts.new_team": Place("New team"),
    "accounts.general": Place("General"),
    "home.index": Place("Home"),
    "start.show": Place("Getting started"),
    "campaigns.index": Place("Campaigns", rows=FULL),
    "campaigns.new": Place("New campaign"),
    "campaigns.edit": Place(".+"),
    "campaigns.review": Place(".+"),
    "campaigns.show": Place(".+", rows=FULL, look=24),
    "campaigns.status": Place(".+"),
    "campaigns.message": Place(".+"),
    "campaigns.confirm_delete": Place(".+"),
    "campaigns.confirm_stop": Place(".+"),
    "campaigns.time": Place(".+"),
    "campaigns.unconfirmed": Place(".+", look=3),
    "gateway.accounts": Place("Gateway accounts"),
    "balance.index": Place("Balance", rows=FULL),
    "gateway.confirm_off": Place(".+"),
    "gateway.new": Place("Connect a gateway account"),
    "gateway.show": Place(".+"),
}

# Reached by a form or a mail, not by a link of the demonstration's pages; the test says how.
NO_LINK: dict[str, str] = {
    "campaigns.review": "a form leads there",
    "campaigns.status": "what a page asks for again and again; without scripts a small page of its own",
}

# Answers of a GET that nobody reads as a page.
NO_PAGES = {
    "accounts.team_home": "leads on to home or to getting started",
    "campaigns.news": "a part of the campaign's page",
    "campaigns.test_line": "a part of the compose page",
    "health.healthz": "for machines",
    "health.readyz": "for machines",
    "health.status": "for machines",
    "health.prometheus": "for machines",
}
