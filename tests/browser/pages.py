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
    "accounts.front": Place("Send SMS campaigns"),
    "accounts.sign_in": Place("Sign in"),
    "accounts.sign_up": Place("Sign up"),
    "accounts.forgot": Place("Forgot your password"),
    "help.index": Place("Help"),
}

PLACES = {
    "accounts.profile": Place("Your profile"),
    "accounts.confirm": Place("Confirm that it is you"),
    "accounts.invitation": Place("Join the team "),
    "accounts.reset": Place("Choose a new password"),
    "accounts.new_team": Place("Create a team"),
    "accounts.general": Place("General settings"),
    "home.index": Place("Home"),
    "start.show": Place("Getting started"),
    "campaigns.index": Place("Campaigns", rows=FULL),
    "campaigns.new": Place("New campaign"),
    "campaigns.edit": Place("Edit the draft"),
    "campaigns.review": Place("Look once more"),
    "campaigns.show": Place(".+", rows=FULL, look=24),
    "campaigns.status": Place(".+"),
    "campaigns.message": Place(r"\d{3} \d{4} \d{4}"),
    "campaigns.confirm_delete": Place("Delete this draft"),
    "campaigns.confirm_stop": Place("Stop this campaign"),
    "campaigns.time": Place("Change the time"),
    "campaigns.unconfirmed": Place("Not confirmed", look=3),
    "contacts.index": Place("Contacts", rows=FULL),
    "contacts.show": Place(".+", rows=FULL, look=30),
    "contacts.new": Place("Add one person"),
    "contacts.edit": Place("Edit a person"),
    "contacts.paste": Place("Paste numbers"),
    "contacts.erase": Place("Erase this person"),
    "contacts.erasures": Place("Erased numbers", rows=FULL),
    "contacts.groups": Place("Groups", rows=FULL),
    "contacts.group": Place(".+", rows=FULL, look=3),
    "contacts.rename": Place("Rename the group"),
    "contacts.confirm_delete_group": Place("Delete this group"),
    "contacts.imports": Place("Imports", rows=FULL),
    "contacts.import_new": Place("Import a file"),
    "contacts.import_show": Place(r".+\.csv", look=8),
    "contacts.optouts": Place("Opt-outs", rows=FULL),
    "contacts.new_optouts": Place("Add opt-outs"),
    "contacts.confirm_remove_optout": Place("Let this number get messages again"),
    "contacts.confirm_erase_optout": Place("Erase this person"),
    "templates.index": Place("Templates", rows=FULL),
    "templates.new": Place("New template"),
    "templates.show": Place(".+"),
    "members.index": Place("Members", rows=FULL),
    "members.show": Place(".+", look=2),
    "audit.index": Place("Audit log", rows=FULL),
    "reports.index": Place("Reports", rows=FULL),
    "exports.index": Place("Files to take away", rows=FULL),
    "balance.readings": Place(r".+", rows=FULL),
    "gateway.accounts": Place("Gateway accounts"),
    "balance.index": Place("Balance", rows=FULL),
    "gateway.confirm_off": Place("Switch off "),
    "gateway.new": Place("Connect a gateway account"),
    "gateway.show": Place(".+"),
}

# Reached by a form or a mail, not by a link of the demonstration's pages; the test says how.
NO_LINK: dict[str, str] = {
    "accounts.confirm": "asked for when the last sign-in is a while ago",
    "accounts.invitation": "a link in a mail",
    "accounts.reset": "a link in a mail",
    "balance.readings": "older readings: the link says before which, and the walk follows no such links",
    "campaigns.review": "a form leads there",
    "campaigns.status": "what a page asks for again and again; without scripts a small page of its own",
    "start.show": "the navigation leads there until the first message has arrived",
}

# Answers of a GET that nobody reads as a page.
NO_PAGES = {
    "accounts.team_home": "leads on to home or to getting started",
    "contacts.import_left_out": "a file",
    "contacts.import_sample": "a file",
    "exports.file": "a file",
    "campaigns.news": "a part of the campaign's page",
    "campaigns.test_line": "a part of the compose page",
    "health.healthz": "for machines",
    "health.readyz": "for machines",
    "health.status": "for machines",
    "health.prometheus": "for machines",
}
