"""The pages of contacts, as a browser without scripts uses them."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
import time_machine
from flask import Flask
from flask.testing import FlaskClient

from tests.conftest import Database
from tests.factories import Person, add_member, make_person, sign_in
from webapp import clock, tenancy
from webapp.accounts.models import AuditEntry
from webapp.accounts.permissions import Role
from webapp.contacts import bulk, groups, operations, optouts, queries

HOSTILE = "<img src=x onerror=1>"


@pytest.fixture
def alice(app: Flask) -> Person:
    return make_person(app)


@pytest.fixture
def browser(app: Flask, alice: Person) -> FlaskClient:
    return sign_in(app, alice)


@pytest.fixture
def at(alice: Person) -> str:
    return f"/t/{alice.team}/contacts"


def people(
    app: Flask, person: Person, count: int, *, first: int = 13_800_000_000, name: str = ""
) -> list[int]:
    """Contacts one after the other, the oldest first."""
    with tenancy.team_scope(person.team_id, app) as session, app.test_request_context():
        ids = [
            operations.add(str(first + n), f"{name}{n}" if name else "", {}, person.user_id).id
            for n in range(count)
        ]
        session.commit()
    return ids


def group_of(app: Flask, person: Person, ids: list[int], name: str = "VIP") -> int:
    with tenancy.team_scope(person.team_id, app) as session, app.test_request_context():
        made = groups.make(name, person.user_id)
        groups.add(made.id, ids)
        made_id = made.id
        session.commit()
    return made_id


def shown(page: str) -> list[str]:
    """The numbers in the rows of a list, as they stand there."""
    return re.findall(r'id="contact-\d+"[^>]*>([^<]+)</a>', page)


def link(page: str, label: str) -> str:
    found = re.search(rf'href="([^"]+)"[^>]*>{label}<', page)
    assert found, f"no link {label}"
    return found[1].replace("&amp;", "&")


def test_an_empty_address_book_says_what_to_do(browser: FlaskClient, at: str) -> None:
    page = browser.get(at).text
    assert "No contacts yet. Import a file, paste numbers, or add one person." in page
    assert f"{at}/paste" in page


def test_the_list_is_walked_forth_and_back(app: Flask, alice: Person, browser: FlaskClient, at: str) -> None:
    people(app, alice, 120)
    page = browser.get(at).text
    first = shown(page)
    assert (len(first), first[0], first[-1]) == (50, "138 0000 0119", "138 0000 0070")
    second = browser.get(link(page, "Next page")).text
    third = browser.get(link(second, "Next page")).text
    assert len(shown(third)) == 20
    assert "Next page" not in third
    back = browser.get(link(third, "Previous page")).text
    assert shown(back) == shown(second)
    assert shown(browser.get(link(back, "Previous page")).text) == first
    for page in (second, third, back):
        assert not re.search(r'(?:href|hx-get|action)="[^"]*[^0-9]13800000', page), "a number in an address"


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        ("1380", ["138 0000 0000", "138 0000 0001", "139 1111 1380"]),
        ("+86 138 0000 0001", ["138 0000 0001"]),
        ("１３８００００００００", ["138 0000 0000"]),
        ("0001", ["138 0000 0001"]),
        ("138 0000 0009", []),
        ("wang", ["138 0000 0001"]),
        ("王", ["139 1111 1380"]),
        ("芳", []),
        ("%", []),
    ],
)
def test_one_box_finds_numbers_and_names(
    app: Flask, alice: Person, browser: FlaskClient, at: str, typed: str, found: list[str]
) -> None:
    with tenancy.team_scope(alice.team_id, app) as session, app.test_request_context():
        for mobile, name in (("13800000000", ""), ("13800000001", "WANG fang"), ("13911111380", "王芳")):
            operations.add(mobile, name, {}, alice.user_id)
        session.commit()
    answer = browser.post(f"{at}/find", data={"q": typed})
    assert answer.status_code == 303
    assert "138" not in answer.location.split("?")[0].removeprefix(at)
    page = browser.get(answer.location).text
    assert shown(page) == found
    assert ("Search inside of names too" in page) == (not typed.strip("+").strip()[0].isdigit())


def test_inside_of_names_is_searched_on_request(
    app: Flask, alice: Person, browser: FlaskClient, at: str
) -> None:
    people(app, alice, 2, name="小王_")
    page = browser.get(browser.post(f"{at}/find", data={"q": "王_1", "inside": "yes"}).location).text
    assert shown(page) == ["138 0000 0001"]
    assert "Every name was read for this." in page


def test_a_search_of_two_legs_is_walked_forth_and_back(
    app: Flask, alice: Person, browser: FlaskClient, at: str
) -> None:
    people(app, alice, 60, first=13_870_000_000)
    with tenancy.team_scope(alice.team_id, app) as session, app.test_request_context():
        for n in range(55):
            operations.add(str(13_900_001_387 + n * 10_000), "", {}, alice.user_id)
        session.commit()
    page = browser.get(browser.post(f"{at}/find", data={"q": "1387"}).location).text
    assert "115 people" in page
    second = browser.get(link(page, "Next page")).text
    third = browser.get(link(second, "Next page")).text
    everybody = [*shown(page), *shown(second), *shown(third)]
    assert len(everybody) == len(set(everybody)) == 115
    assert shown(second)[9:11] == ["138 7000 0059", "139 0000 1387"]
    back = browser.get(link(third, "Previous page")).text
    assert shown(back) == shown(second)
    assert shown(browser.get(link(back, "Previous page")).text) == shown(page)


@pytest.mark.parametrize(
    "query",
    ["find=1", "after=1", "before=" + "x" * 3000, "group=1", "group=-1", "group=1e99", "find=%F0%9F%92%A9",
     "group=" + "9" * 5000, "find=" + "a" * 10_000, "after=王", "group=x&sort=id;--"],
)  # fmt: skip
def test_addresses_that_name_nothing_are_not_found(browser: FlaskClient, at: str, query: str) -> None:
    assert browser.get(f"{at}?{query}").status_code in {404, 414}


@pytest.mark.parametrize("typed", ["1", "1" * 12, "-", "1-", "\u202e", "1" * 10_000])
def test_what_is_no_search_is_refused(browser: FlaskClient, at: str, typed: str) -> None:
    answer = browser.post(f"{at}/find", data={"q": typed})
    assert answer.status_code == 422
    assert "\x00" not in answer.text


def test_an_odd_query_changes_nothing(app: Flask, alice: Person, browser: FlaskClient, at: str) -> None:
    people(app, alice, 1)
    for query in ("sort=id;--", "page=-1", "page=1e99", "done=x", "on=x", "q=" + "x" * 10_000):
        answer = browser.get(f"{at}?{query}")
        assert (answer.status_code, shown(answer.text)) == (200, ["138 0000 0000"])


def test_a_viewer_sees_masked_numbers_and_changes_nothing(app: Flask, alice: Person, at: str) -> None:
    (contact_id,) = people(app, alice, 1, first=13_800_002_071)
    group_of(app, alice, [contact_id])
    bob = make_person(app, "bob")
    add_member(app, bob, alice, Role.VIEWER)
    browser = sign_in(app, bob)
    for page in (at, f"{at}/{contact_id}"):
        text = browser.get(page).text
        assert "138 **** 2071" in text
        assert not re.search(r"138 ?0000", text)
    assert shown(browser.get(browser.post(f"{at}/find", data={"q": "2071"}).location).text) == [
        "138 **** 2071"
    ]
    assert browser.post(f"{at}/find", data={"q": "1380"}).status_code == 303  # an end like any other
    assert shown(browser.get(browser.post(f"{at}/find", data={"q": "1380"}).location).text) == []
    assert browser.post(f"{at}/find", data={"q": "13800"}).status_code == 422
    searched = sign_in(app, alice).post(f"{at}/find", data={"q": "13800"}).location
    assert browser.get(searched).status_code == 404
    for path in ("new", "paste", f"{contact_id}/edit"):
        assert browser.get(f"{at}/{path}").status_code == 403
    for path in ("bulk", "delete", "undo", "new", "paste", "groups"):
        assert browser.post(f"{at}/{path}", data={"do": "delete", "ids": contact_id}).status_code == 403
    with tenancy.team_scope(alice.team_id, app):
        assert queries.count() == 1


def test_a_person_is_added_with_fields_and_a_group(
    app: Flask, alice: Person, browser: FlaskClient, at: str
) -> None:
    group_id = group_of(app, alice, [])
    form = {
        "mobile": "138 0000 2071",
        "name": HOSTILE,
        "into": group_id,
        "field-new": "积分",
        "value-new": "12",
    }
    answer = browser.post(f"{at}/new", data=form)
    assert answer.status_code == 303, answer.text
    page = browser.get(answer.location).text
    assert HOSTILE not in page
    assert "&lt;img src=x onerror=1&gt;" in page
    assert "积分" in page
    assert "Nothing was ever sent to this number." in page
    assert shown(browser.get(f"{at}/groups/{group_id}").text) == ["138 0000 2071"]
    edited = browser.get(f"{answer.location}/edit").text
    assert 'name="field-0" value="积分"' in edited


def test_a_number_that_is_here_already_is_said_with_its_person(
    app: Flask, alice: Person, browser: FlaskClient, at: str
) -> None:
    with tenancy.team_scope(alice.team_id, app) as session, app.test_request_context():
        first = operations.add("13800002071", "王芳", {}, alice.user_id).id
        second = operations.add("13800002072", "", {}, alice.user_id).id
        session.commit()
    answer = browser.post(f"{at}/new", data={"mobile": "+86 13800002071", "name": "x"})
    assert answer.status_code == 422
    assert "138 0000 2071 is already here: 王芳" in answer.text
    assert link(answer.text, "Open") == f"{at}/{first}"
    answer = browser.post(f"{at}/{second}/edit", data={"mobile": "13800002071", "name": "x"})
    assert answer.status_code == 422
    assert "Nothing was changed." in answer.text


@pytest.mark.parametrize(
    ("form", "sentence"),
    [
        ({"mobile": ""}, "Enter a mobile number."),
        ({"mobile": "1.38E+10"}, "This is not a mobile number"),
        ({"mobile": "+1 380 000 2071"}, "Only mainland mobile numbers"),
        ({"name": "x" * 41}, "A name can have at most 40 characters."),
        ({"name": "【银行】"}, "may not stand in a name"),
        ({"field-new": "{x}", "value-new": "1"}, "cannot hold braces"),
        ({"field-new": "姓名", "value-new": "1"}, "Give the field another name."),
        ({"field-new": "x" * 41, "value-new": "1"}, "at most 40 characters"),
        ({"field-new": "", "value-new": "1"}, "Give the field a name."),
        ({"field-new": "city", "value-new": "x" * 201}, "can have at most 200 characters"),
        ({"field-new": "city", "value-new": "【x"}, "they are for the signature"),
    ],
)
def test_what_cannot_be_kept_comes_back_with_its_reason(
    app: Flask, alice: Person, browser: FlaskClient, at: str, form: dict[str, str], sentence: str
) -> None:
    answer = browser.post(f"{at}/new", data={"mobile": "13800002071", "name": "王芳", **form})
    assert answer.status_code == 422
    assert sentence in answer.text
    with tenancy.team_scope(alice.team_id, app):
        assert queries.count() == 0


def test_a_hostile_form_breaks_nothing(app: Flask, alice: Person, browser: FlaskClient, at: str) -> None:
    form = {"mobile": "13800002071\x07", "name": "a\x01\u202eb", "field-new": "c\u200b", "value-new": "\x1bd"}
    answer = browser.post(f"{at}/new", data=form)
    assert answer.status_code == 303
    with tenancy.team_scope(alice.team_id, app):
        added = queries.by_mobile("13800002071")
        assert added is not None
        assert (added.name, added.fields) == ("ab", {"c": "d"})
    assert browser.post(f"{at}/new", data={"mobile": "1" * 10_000, "name": "x" * 10_000}).status_code == 422
    assert browser.post(f"{at}/new", data={"mobile": "13800002072", "into": "1e9"}).status_code == 404
    for field in ("mobile", "name", "value-new"):
        assert browser.post(f"{at}/new", data={"mobile": "13800002072", field: "\x00"}).status_code == 400


def test_a_person_is_changed_and_keeps_other_fields(
    app: Flask, alice: Person, browser: FlaskClient, at: str
) -> None:
    with tenancy.team_scope(alice.team_id, app) as session, app.test_request_context():
        one = operations.add("13800002071", "王芳", {"city": "上海", "points": "12"}, alice.user_id).id
        session.commit()
    form = {"mobile": "13800002079", "name": "王 芳", "field-0": "city", "value-0": ""}
    assert browser.post(f"{at}/{one}/edit", data=form).status_code == 303
    with tenancy.team_scope(alice.team_id, app):
        changed = queries.contact(one)
        assert changed is not None
        assert (changed.mobile, changed.name, changed.fields) == ("13800002079", "王 芳", {"points": "12"})
        assert changed.mobile_backwards == "97020000831"
        assert queries.version() == 2


def test_pasted_people_are_added_and_the_rest_is_said_with_its_line(
    app: Flask, alice: Person, browser: FlaskClient, at: str
) -> None:
    people(app, alice, 1)
    group_id = group_of(app, alice, [])
    with tenancy.team_scope(alice.team_id, app) as session:
        optouts.opt_out(["13900000001"], "reply", None, clock.now())
        session.commit()
    paste = "13800000000, 王芳\n13900000001 陈建国\n1.38E+10\n13900000001\n+1 3800000000\n" + HOSTILE
    page = browser.post(f"{at}/paste", data={"numbers": paste, "into": group_id})
    assert page.status_code == 200
    assert "1 person was added" in page.text
    assert "2 people joined “VIP”." in page.text
    assert "1 of these people has opted out" in page.text
    for reason in ("Excel has rounded it", "not a mainland number", "not a number"):
        assert reason in page.text
    assert HOSTILE not in page.text
    with tenancy.team_scope(alice.team_id, app):
        kept, added = queries.by_mobile("13800000000"), queries.by_mobile("13900000001")
        assert kept is not None
        assert added is not None
        assert (kept.name, added.name) == ("", "陈建国")


def test_a_paste_with_a_heading_brings_fields(
    app: Flask, alice: Person, browser: FlaskClient, at: str
) -> None:
    paste = "手机\t姓名\t城市\n13800000001\t王芳\t上海\n13800000002\t\t"
    assert browser.post(f"{at}/paste", data={"numbers": paste}).status_code == 200
    with tenancy.team_scope(alice.team_id, app):
        one = queries.by_mobile("13800000001")
        assert one is not None
        assert (one.name, one.fields, queries.count()) == ("王芳", {"城市": "上海"}, 2)


@pytest.mark.parametrize(
    "paste", ["", "  \n ", "1 2 3x" * 50_000, "\n".join(str(13_800_000_000 + n) for n in range(10_001))]
)
def test_a_paste_of_nobody_or_too_many_adds_nobody(
    app: Flask, alice: Person, browser: FlaskClient, at: str, paste: str
) -> None:
    answer = browser.post(f"{at}/paste", data={"numbers": paste})
    if paste.startswith("1 2 3"):
        assert answer.status_code in {200, 422}
    else:
        assert answer.status_code == 422
    with tenancy.team_scope(alice.team_id, app):
        assert queries.count() == 0


def test_many_are_added_to_a_group_and_taken_back(
    app: Flask, alice: Person, browser: FlaskClient, at: str
) -> None:
    ids = people(app, alice, 60)
    group_id = group_of(app, alice, ids[:2])
    answer = browser.post(f"{at}/bulk", data={"do": "add", "whom": "all", "into": group_id})
    page = browser.get(answer.location).text
    assert "58 people were added to “VIP”." in page
    assert size(app, alice, group_id) == 60
    token = re.search(r'name="done" value="([^"]+)"', page)
    assert token
    for _time in range(2):
        assert browser.post(f"{at}/undo", data={"done": token[1]}).status_code == 303
        assert size(app, alice, group_id) == 2
    with time_machine.travel(clock.now() + bulk.UNDO_FOR + timedelta(minutes=1), tick=True):
        assert "were added to" not in browser.get(answer.location).text
        late = browser.post(f"{at}/undo", data={"done": token[1]})
        assert "This cannot be undone any more." in browser.get(late.location).text


def test_ticked_people_are_taken_out_and_put_back(
    app: Flask, alice: Person, browser: FlaskClient, at: str
) -> None:
    ids = people(app, alice, 5)
    group_id = group_of(app, alice, ids)
    answer = browser.post(f"{at}/bulk?group={group_id}&on=group", data={"do": "take_out", "ids": ids[:3]})
    assert answer.location.startswith(f"{at}/groups/{group_id}")
    page = browser.get(answer.location).text
    assert "3 people were taken out of “VIP”." in page
    assert size(app, alice, group_id) == 2
    token = re.search(r'name="done" value="([^"]+)"', page)
    assert token
    browser.post(f"{at}/undo?group={group_id}", data={"done": token[1]})
    assert size(app, alice, group_id) == 5


def test_people_are_opted_out_and_that_is_taken_back(
    app: Flask, alice: Person, browser: FlaskClient, at: str
) -> None:
    ids = people(app, alice, 3)
    with tenancy.team_scope(alice.team_id, app) as session:
        optouts.opt_out(["13800000000"], "reply", None, clock.now())
        session.commit()
    page = browser.get(browser.post(f"{at}/bulk", data={"do": "opt_out", "ids": ids}).location).text
    assert "2 people were opted out" in page
    token = re.search(r'name="done" value="([^"]+)"', page)
    assert token
    browser.post(f"{at}/undo", data={"done": token[1]})
    with tenancy.team_scope(alice.team_id, app):
        assert optouts.opted_out_among([f"1380000000{n}" for n in range(3)]) == {"13800000000"}


def test_deleting_many_asks_first_and_again_when_there_are_others_now(
    app: Flask, alice: Person, browser: FlaskClient, at: str
) -> None:
    ids = people(app, alice, 60)
    page = browser.post(f"{at}/bulk", data={"do": "delete", "whom": "all"})
    assert page.status_code == 200
    assert "Delete 60 people?" in page.text
    assert browser.post(f"{at}/delete", data={"whom": "all", "seen": "59"}).status_code == 422
    assert browser.post(f"{at}/delete", data={"ids": ids[:2], "seen": "2"}).status_code == 303
    with tenancy.team_scope(alice.team_id, app) as session:
        assert queries.count() == 58
        said = session.query(AuditEntry).filter_by(action="contacts.deleted").one()
        assert said.details == {"people": 2}
    assert browser.post(f"{at}/delete", data={"whom": "all", "seen": "58"}).status_code == 303
    with tenancy.team_scope(alice.team_id, app):
        assert queries.count() == 0


def test_a_bulk_form_that_says_nothing_changes_nothing(
    app: Flask, alice: Person, browser: FlaskClient, at: str
) -> None:
    ids = people(app, alice, 2)
    for form in ({"do": "add", "ids": ids}, {"do": "opt_out"}, {"do": "take_out", "whom": "all"}):
        answer = browser.post(f"{at}/bulk", data=form)
        assert answer.status_code == 303
        assert "Nothing was changed." in browser.get(answer.location).text
    for form in ({}, {"do": "drop"}, {"do": "\x00"}):
        assert browser.post(f"{at}/bulk", data=form).status_code == 400
    for forged in ("1", "x", "9" * 30, "-1"):
        assert browser.post(f"{at}/bulk", data={"do": "opt_out", "ids": forged}).status_code == 404
    assert browser.post(f"{at}/undo", data={"done": "x" * 10_000}).status_code == 404
    with tenancy.team_scope(alice.team_id, app):
        assert optouts.opted_out_among(["13800000000", "13800000001"]) == set()


def test_ids_of_another_team_are_nobody(app: Flask, alice: Person, browser: FlaskClient, at: str) -> None:
    bob = make_person(app, "bob")
    theirs = people(app, bob, 2)
    ours = people(app, alice, 1)
    their_group = group_of(app, bob, theirs)
    assert browser.post(f"{at}/bulk", data={"do": "opt_out", "ids": theirs}).status_code == 404
    assert browser.post(f"{at}/delete", data={"ids": theirs, "seen": "2"}).status_code == 404
    assert browser.post(f"{at}/bulk", data={"do": "add", "ids": ours, "into": their_group}).status_code == 404
    mixed = browser.post(f"{at}/delete", data={"ids": [*theirs, *ours], "seen": "1"})
    assert mixed.status_code == 303
    assert size(app, bob, their_group) == 2
    with tenancy.team_scope(bob.team_id, app):
        assert queries.count() == 2


def test_groups_are_made_renamed_and_deleted(
    app: Flask, alice: Person, browser: FlaskClient, at: str
) -> None:
    assert "Groups let you send to the same people again" in browser.get(f"{at}/groups").text
    answer = browser.post(f"{at}/groups", data={"name": f" {HOSTILE} "})
    assert answer.status_code == 303
    page = browser.get(answer.location).text
    assert HOSTILE not in page
    assert "Nobody is in this group yet." in page
    for wrong, sentence in (
        (HOSTILE.upper(), "There is a group called"),
        ("", "Give the group a name."),
        ("x" * 61, "at most 60 characters"),
        ("\u200b", "Give the group a name."),
    ):
        refused = browser.post(f"{at}/groups", data={"name": wrong})
        assert refused.status_code == 422
        assert sentence in refused.text
    renamed = browser.post(f"{answer.location}/rename", data={"name": "会员"})
    assert renamed.status_code == 303
    swapped = browser.post(f"{answer.location}/rename", data={"name": ""}, headers={"HX-Request": "true"})
    assert swapped.status_code == 422
    assert "<h1" not in swapped.text
    assert "会员" in browser.get(f"{at}/groups").text
    people(app, alice, 3)
    browser.post(
        f"{at}/bulk", data={"do": "add", "ids": [], "whom": "all", "into": answer.location.rsplit("/")[-1]}
    )
    assert "This deletes the group, not its 3 people." in browser.get(f"{answer.location}/delete").text
    assert browser.post(f"{answer.location}/delete").status_code == 303
    with tenancy.team_scope(alice.team_id, app):
        assert (groups.groups(), queries.count()) == ([], 3)


def test_what_is_done_is_written_down_without_numbers(
    app: Flask, alice: Person, browser: FlaskClient, at: str, database: Database
) -> None:
    browser.post(f"{at}/new", data={"mobile": "13800002071", "name": "王芳"})
    browser.post(f"{at}/paste", data={"numbers": "13800002072"})
    with database.owner() as owner:
        rows = owner.execute("SELECT action, details::text FROM audit_entry ORDER BY id").fetchall()
    said = dict(rows)
    assert "138 **** 2071" in said["contact.added"]
    assert '"added": 1' in said["contacts.pasted"]
    assert not any("13800002" in details for details in said.values())


def size(app: Flask, person: Person, group_id: int) -> int:
    with tenancy.team_scope(person.team_id, app):
        found = groups.group(group_id)
        assert found is not None
        return found.size
