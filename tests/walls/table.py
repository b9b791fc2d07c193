"""What the walk knows of each route: which row its ids name, and a form with which its owner succeeds.

A route with an id, or one that takes a form below a team, that does not stand here fails the walk: whoever
adds a route adds its line, and thinks of the ids that the form carries.
"""

from __future__ import annotations

import dataclasses
import re
import secrets
from collections.abc import Callable
from datetime import timedelta

from flask.testing import FlaskClient

from tests.walls.teams import Side
from webapp import clock

Form = dict[str, str]
MakeForm = Callable[[FlaskClient, Side], Form]


def nothing(_browser: FlaskClient, _side: Side) -> Form:
    """A form without fields: a button."""
    return {}


@dataclasses.dataclass(frozen=True)
class Case:
    """How one method of one endpoint is used by the team that it belongs to.

    `ids`: which of the team's rows each parameter of the address names. `form`: fields, made with the owner's
    browser (a key that a page shows). `works`: what the owner gets. `shows`: the owner's page holds the
    team's own texts. `form_ids`: fields that name a row, with the row that they name. `personal`: only who
    made the row gets it.
    """

    ids: dict[str, str] = dataclasses.field(default_factory=dict)
    form: MakeForm = nothing
    works: tuple[int, ...] = (200,)
    shows: bool = True
    form_ids: dict[str, str] = dataclasses.field(default_factory=dict)
    personal: bool = False


def composed(_browser: FlaskClient, side: Side) -> Form:
    return {
        "account": side.ids["account"],
        "draft": side.ids["draft"],
        "groups": side.ids["group"],
        "minus": side.ids["group"],
        "numbers": "13500000001",
        "body": "Hello",
        "signature": "Shop",
    }


def begun(browser: FlaskClient, side: Side) -> Form:
    """To somebody who is in no group, so that leaving the group out leaves one person."""
    return composed(browser, side) | {"numbers": "13500000099"}


def tested(_browser: FlaskClient, _side: Side) -> Form:
    return {"test_mobile": "13500000001", "test_key": "t" * 20}


def confirmed(browser: FlaskClient, side: Side) -> Form:
    page = browser.get(f"/t/{side.person.team}/campaigns/{side.ids['draft']}/review").text
    found = dict(re.findall(r'name="(key|seen)"[^>]*value="([^"]+)"', page.replace("\n", " ")))
    return {"key": "k" * 32, "seen": "0" * 64, **found}


def renamed(_browser: FlaskClient, side: Side) -> Form:
    return {"name": f"{side.mark}'s team", "time_zone": "UTC", "delay_seconds": "0"}


def invited(_browser: FlaskClient, side: Side) -> Form:
    return {"email": f"new-{side.mark}@example.org", "role": "viewer"}


def promoted(_browser: FlaskClient, _side: Side) -> Form:
    return {"role": "admin"}


def hours(_browser: FlaskClient, _side: Side) -> Form:
    return {"marketing_from": "09:00", "marketing_until": "20:00", "notice_from": "", "notice_until": ""}


def put_off(_browser: FlaskClient, _side: Side) -> Form:
    return {"key": "k" * 32, "when": "later", "send_at": f"{clock.now() + timedelta(days=2):%Y-%m-%dT%H:%M}"}


def connected(_browser: FlaskClient, side: Side) -> Form:
    return {
        "gateway": "main",
        "uid": f"{side.mark}-uid-1",
        "pwd": f"{side.mark}-pwd",
        "label": f"{side.mark} third",
    }


def credential(_browser: FlaskClient, side: Side) -> Form:
    return {"uid": f"{side.mark}-uid-1", "pwd": f"{side.mark}-pwd"}


def behaviour(_browser: FlaskClient, side: Side) -> Form:
    numbers = {"numbers_per_request": "7", "in_flight": "2", "text_limit": "100", "first_part": "60"}
    more = {"next_part": "50", "dedup_seconds": "900", "repeat_mode": "repeat"}
    return {"label": f"{side.mark} renamed", **numbers, **more}


def searched(_browser: FlaskClient, side: Side) -> Form:
    return {"digits": side.ids["number"]}


def exported(_browser: FlaskClient, side: Side) -> Form:
    return {"campaign": side.ids["sent"], "format": "csv"}


def lined(_browser: FlaskClient, _side: Side) -> Form:
    return {"line": "2,000"}


def somebody(_browser: FlaskClient, side: Side) -> Form:
    mobile = f"135{secrets.randbelow(10**8):08d}"
    return {"mobile": mobile, "name": side.mark, "into": side.ids["people"]}


def rewritten(_browser: FlaskClient, side: Side) -> Form:
    return {"mobile": side.ids["number"], "name": f"{side.mark} written"}


def pasted(_browser: FlaskClient, side: Side) -> Form:
    return {"numbers": side.ids["number"], "into": side.ids["people"]}


def sought(_browser: FlaskClient, side: Side) -> Form:
    return {"q": side.mark}


def grouped(_browser: FlaskClient, side: Side) -> Form:
    return {"do": "add", "ids": side.ids["contact"], "into": side.ids["people"]}


def ticked_off(_browser: FlaskClient, side: Side) -> Form:
    return {"ids": side.ids["spare_contact"], "seen": "1"}


def undone(_browser: FlaskClient, side: Side) -> Form:
    return {"done": side.ids["done"]}


def group_named(_browser: FlaskClient, side: Side) -> Form:
    return {"name": f"{side.mark} {secrets.token_hex(4)}"}


def reasoned(_browser: FlaskClient, side: Side) -> Form:
    return {"reason": f"{side.mark} asked for it"}


def drawn_up(_browser: FlaskClient, side: Side) -> Form:
    return {"name": f"{side.mark} {secrets.token_hex(4)}", "body": f"{side.mark} text", "kind": "notice"}


def decided(_browser: FlaskClient, side: Side) -> Form:
    return {f"{side.ids['batch']}-choice": "wait", "all-choice": "wait"}


def rows_pasted(_browser: FlaskClient, side: Side) -> Form:
    return {"paste": "13500000007", "like": side.ids["import"]}


def read_so(_browser: FlaskClient, _side: Side) -> Form:
    return {"encoding": "utf-8", "separator": ",", "header": "y"}


def columns_chosen(_browser: FlaskClient, side: Side) -> Form:
    return {"if_exists": "update", "group": side.ids["people"]}


SPARE = {"account_id": "spare"}
MEMBER, INVITED = {"user_id": "member"}, {"invitation_id": "invitation"}
SENT, DRAFT = {"campaign_id": "sent"}, {"campaign_id": "draft"}
LATER = {"campaign_id": "later"}
CONTACT = {"contact_id": "contact"}
IMPORT, SPARE_IMPORT = {"import_id": "import"}, {"import_id": "spare_import"}
OPTOUT, SPARE_OPTOUT = {"optout": "optout"}, {"optout": "spare_optout"}
TEMPLATE = {"template_id": "template"}
PEOPLE, SPARE_PEOPLE = {"group_id": "people"}, {"group_id": "spare_people"}
COMPOSED_IDS = {"account": "account", "draft": "draft", "groups": "group", "minus": "group"}

# In the order of the walk: what makes a row useless for others comes last.
CASES: dict[tuple[str, str], Case] = {
    ("start.draft", "POST"): Case(form=begun, works=(303,), form_ids=COMPOSED_IDS),
    ("campaigns.create", "POST"): Case(form=composed, works=(303,), form_ids=COMPOSED_IDS),
    ("campaigns.show", "GET"): Case(SENT),
    ("campaigns.status", "GET"): Case(SENT),
    ("campaigns.news", "GET"): Case(SENT, works=(303,), shows=False),
    ("campaigns.find", "POST"): Case(SENT, form=searched, works=(303,)),
    ("campaigns.message", "GET"): Case(SENT | {"token": "message"}),
    ("campaigns.edit", "GET"): Case(DRAFT),
    ("campaigns.save", "POST"): Case(DRAFT, form=composed, works=(303,)),
    ("campaigns.autosave", "POST"): Case(form=composed, works=(303,), form_ids=COMPOSED_IDS),
    ("campaigns.preview", "POST"): Case(form=composed, form_ids=COMPOSED_IDS),
    ("campaigns.review", "GET"): Case(DRAFT),
    ("campaigns.send_test", "POST"): Case(DRAFT, form=tested, works=(303,)),
    ("campaigns.test_line", "GET"): Case(DRAFT, works=(303,), shows=False),
    ("campaigns.confirm_delete", "GET"): Case({"campaign_id": "waste"}),
    ("campaigns.delete_draft", "POST"): Case({"campaign_id": "waste"}, works=(303,)),
    ("campaigns.pause", "POST"): Case(SENT, works=(303,)),
    ("campaigns.resume", "POST"): Case(SENT, works=(303,)),
    ("campaigns.confirm_stop", "GET"): Case(SENT),
    ("campaigns.stop", "POST"): Case(SENT, works=(303,)),
    ("campaigns.time", "GET"): Case(LATER),
    ("campaigns.change_time", "POST"): Case(LATER, form=put_off, works=(303,)),
    ("campaigns.reopen", "POST"): Case(LATER, works=(303,)),
    ("campaigns.unconfirmed", "GET"): Case(SENT),
    ("campaigns.decide", "POST"): Case(SENT | {"no": "batch"}, form=decided, works=(303,)),
    ("campaigns.decide_all", "POST"): Case(SENT, form=decided, works=(303,)),
    ("contacts.find", "POST"): Case(form=sought, works=(303,)),
    ("contacts.create", "POST"): Case(form=somebody, works=(303,), form_ids={"into": "people"}),
    ("contacts.show", "GET"): Case(CONTACT),
    ("contacts.edit", "GET"): Case(CONTACT),
    ("contacts.change", "POST"): Case(CONTACT, form=rewritten, works=(303,)),
    ("contacts.add_pasted", "POST"): Case(form=pasted, form_ids={"into": "people"}),
    ("contacts.act", "POST"): Case(form=grouped, works=(303,), form_ids={"ids": "contact", "into": "people"}),
    ("contacts.make_group", "POST"): Case(form=group_named, works=(303,)),
    ("contacts.group", "GET"): Case(PEOPLE),
    ("contacts.rename", "GET"): Case(PEOPLE),
    ("contacts.change_group", "POST"): Case(PEOPLE, form=group_named, works=(303,)),
    ("contacts.undo", "POST"): Case(form=undone, works=(303,), form_ids={"done": "done"}),
    ("contacts.delete", "POST"): Case(form=ticked_off, works=(303,), form_ids={"ids": "spare_contact"}),
    ("contacts.find_optout", "POST"): Case(form=searched, works=(303,)),
    ("contacts.add_optouts", "POST"): Case(form=pasted, works=(303,)),
    ("contacts.undo_optouts", "POST"): Case(works=(303,)),
    ("contacts.confirm_remove_optout", "GET"): Case(OPTOUT),
    ("contacts.remove_optout", "POST"): Case(OPTOUT, form=reasoned, works=(303,)),
    ("contacts.confirm_erase_optout", "GET"): Case(SPARE_OPTOUT),
    ("contacts.erase_optout", "POST"): Case(SPARE_OPTOUT, works=(303,)),
    ("contacts.erase", "GET"): Case(CONTACT),
    ("contacts.erase_contact", "POST"): Case(CONTACT, works=(303,)),
    ("templates.create", "POST"): Case(form=drawn_up, works=(303,)),
    ("templates.preview", "POST"): Case(form=drawn_up),
    ("templates.show", "GET"): Case(TEMPLATE),
    ("templates.save", "POST"): Case(TEMPLATE, form=drawn_up, works=(303,)),
    ("templates.archive", "POST"): Case(TEMPLATE, works=(303,)),
    ("templates.unarchive", "POST"): Case(TEMPLATE, works=(303,)),
    ("contacts.import_bring", "POST"): Case(form=rows_pasted, works=(303,), form_ids={"like": "import"}),
    ("contacts.import_show", "GET"): Case(IMPORT),
    ("contacts.import_left_out", "GET"): Case(IMPORT),
    ("contacts.import_start", "POST"): Case(IMPORT, works=(303,)),
    ("contacts.import_stop", "POST"): Case(IMPORT, works=(303,)),
    ("contacts.import_undo", "POST"): Case(IMPORT, works=(303,)),
    ("contacts.import_reading", "POST"): Case(SPARE_IMPORT, form=read_so, works=(303,)),
    ("contacts.import_columns", "POST"): Case(
        SPARE_IMPORT, form=columns_chosen, works=(303,), form_ids={"group": "people"}
    ),
    ("contacts.import_discard", "POST"): Case(SPARE_IMPORT, works=(303,)),
    ("contacts.confirm_delete_group", "GET"): Case(SPARE_PEOPLE),
    ("contacts.delete_group", "POST"): Case(SPARE_PEOPLE, works=(303,)),
    ("accounts.general", "POST"): Case(form=renamed, works=(303,)),
    ("accounts.change_hours", "POST"): Case(form=hours, works=(303,)),
    ("members.invite", "POST"): Case(form=invited, works=(303,)),
    ("members.invite_again", "POST"): Case(INVITED, works=(303,)),
    ("members.withdraw", "POST"): Case(INVITED, works=(303,)),
    ("members.show", "GET"): Case(MEMBER),
    ("members.change_role", "POST"): Case(MEMBER, form=promoted, works=(303,)),
    ("members.remove", "POST"): Case(MEMBER, works=(303,)),
    # The owner stays: there is no other one.
    ("members.leave", "POST"): Case(works=(303,)),
    ("gateway.connect_first", "POST"): Case(form=connected, works=(303,)),
    ("gateway.connect_practice", "POST"): Case(works=(303,)),
    ("gateway.create", "POST"): Case(form=connected, works=(303,)),
    ("gateway.show", "GET"): Case({"account_id": "account"}),
    ("gateway.confirm_off", "GET"): Case({"account_id": "account"}),
    ("gateway.test", "POST"): Case(SPARE, works=(303,)),
    ("gateway.check", "POST"): Case(SPARE, works=(303,)),
    ("gateway.new_address", "POST"): Case(SPARE, works=(303,)),
    ("gateway.change_behaviour", "POST"): Case(SPARE, form=behaviour, works=(303,)),
    ("gateway.change_credential", "POST"): Case(SPARE, form=credential, works=(303,)),
    ("gateway.switch", "POST"): Case(SPARE, works=(303,)),
    ("balance.readings", "GET"): Case({"account_id": "account"}),
    ("balance.check", "POST"): Case(SPARE, works=(303,)),
    ("balance.set_line", "POST"): Case(SPARE, form=lined, works=(303,)),
    ("exports.create", "POST"): Case(form=exported, works=(303,), form_ids={"campaign": "sent"}),
    ("exports.file", "GET"): Case({"export_id": "export"}, personal=True),
    ("campaigns.confirm", "POST"): Case(DRAFT, form=confirmed, works=(303,)),
}

# Routes with a parameter that is no id of a row.
EXEMPT = {
    "static": "files of the program, the same for everybody",
    "kit.error": "the status of an error page that is to be shown",
    "accounts.invitation": "whoever holds the link is meant to see which team it is for",
    "accounts.reset": "whoever holds the link chooses a new password; it is of no team",
}
MOST_EXEMPT = 8

# Names in queries that are, or could be taken for, the name of a row; each is tried on every page.
QUERY_IDS = {
    "person": "member",
    "from": "sent",
    "campaign": "sent",
    "before": "sent",
    "after": "message",
    "find": "message",
    "account": "account",
    "account_id": "account",
    "campaign_id": "sent",
    "team": "team",
    "group": "people",
    "done": "done",
    "older": "sent",
    "template": "template",
    "copy": "template",
    "archived": "template",
    "added": "optout",
    "ids": "contact",
    "into": "people",
    "like": "import",
    "v": "sent",
}
# Names that views ask for and that name no row of a team. "session" has a test of its own.
OTHER_NAMES = frozenset(
    {"next", "language", "theme", "session", "lang", "block", "show", "updates", "said", "seen", "tab", "q"}
    | {"digits", "drawn"}
    | {"days", "from", "to", "sort"}
    | {"action", "start", "end"}
    | {"for", "kind"}
    | {"inside", "on", "do", "whom", "example"}
)
# Fields of forms that could name a row. But for the first two they name none: keys are random, "seen" is a
# digest, the others count something.
FORM_NAMES = frozenset(
    {"account", "campaign", "draft", "key", "seen", "draft_key", "test_key", "version", "shown", "was"}
    | {"groups", "minus", "template", "group", "like"}
)
# Arguments of jobs, with the row that each names.
JOB_IDS = {
    "account_id": "account",
    "erasure_id": "erasure",
    "campaign_id": "sent",
    "export_id": "export",
    "reading_id": "reading",
    "user_id": "person",
}
