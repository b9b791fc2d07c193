"""Contacts as operations keep them: one number once, triggers that count, fields that are made by need."""

from __future__ import annotations

import threading

import pytest
from flask import Flask

from tests.factories import Person, make_person
from webapp import tenancy
from webapp.contacts import fields, groups, operations, queries
from webapp.contacts.models import ContactGroup
from webapp.errors import DomainError


@pytest.fixture
def alice(app: Flask) -> Person:
    return make_person(app)


def test_a_contact_is_added_with_its_number_mended_and_its_fields_made(app: Flask, alice: Person) -> None:
    with tenancy.team_scope(alice.team_id, app) as session, app.test_request_context():
        added = operations.add(
            " +86 138-0000-2071 ", " 王  芳 ", {"points": " 12 ", "city": ""}, alice.user_id
        )
        session.commit()
        assert (added.mobile, added.name, added.fields) == ("13800002071", "王 芳", {"points": "12"})
        assert added.mobile_backwards == "17020000831"
        assert fields.names() == ["points"]
        assert (queries.count(), queries.version()) == (1, 1)
        assert queries.by_mobile("13800002071") == queries.contact(added.id) == added


def test_sizes_stay_right_whatever_is_done(app: Flask, alice: Person) -> None:
    with tenancy.team_scope(alice.team_id, app) as session, app.test_request_context():
        people = [operations.add(f"1380000000{n}", "", {}, alice.user_id).id for n in range(6)]
        vip, new = (groups.make(name, alice.user_id) for name in ("VIP", "new"))
        session.commit()
        assert groups.add(vip.id, [*people, people[0], 7]) == 6
        assert groups.add(vip.id, people) == 0
        assert groups.add(new.id, people[:2]) == 2
        assert (vip.size, new.size) == (6, 2)
        assert groups.take_out(vip.id, [people[5], 7]) == 1
        assert operations.delete([people[0], people[1], 7]) == 2
        session.commit()
        assert (vip.size, new.size, queries.count()) == (3, 0, 4)
        groups.delete(vip.id)
        session.commit()
        assert [one.name for one in groups.groups()] == ["new"]
        assert queries.count() == 4


def test_sizes_stay_right_when_the_database_itself_deletes(
    app: Flask, alice: Person, database: object
) -> None:
    with tenancy.team_scope(alice.team_id, app) as session, app.test_request_context():
        person = operations.add("13800000001", "", {}, alice.user_id)
        vip = groups.make("VIP", alice.user_id)
        groups.add(vip.id, [person.id])
        session.commit()
        session.delete(person)
        session.commit()
        assert session.get_one(ContactGroup, (alice.team_id, vip.id)).size == 0
        assert queries.count() == 0


@pytest.mark.parametrize(
    "said", ["", "   ", "1380000207", "138000020711", "+1 380 000 2071", "12800002071", "\x00", "x" * 10_000]
)
def test_what_is_no_number_is_refused(app: Flask, alice: Person, said: str) -> None:
    with tenancy.team_scope(alice.team_id, app), app.test_request_context():
        with pytest.raises(DomainError) as refused:
            operations.add(said, "", {}, alice.user_id)
        assert refused.value.field == "mobile"
        assert queries.count() == 0


def test_a_number_is_there_once_however_many_add_it_at_the_same_time(app: Flask, alice: Person) -> None:
    begin, taken = threading.Barrier(4), []

    def add() -> None:
        with tenancy.team_scope(alice.team_id, app) as session, app.test_request_context():
            begin.wait(10)
            try:
                operations.add("13800002071", "", {}, alice.user_id)
            except operations.TakenError as error:
                taken.append(error.contact.mobile)
            session.commit()

    threads = [threading.Thread(target=add) for _ in range(4)]
    for one in threads:
        one.start()
    for one in threads:
        one.join(20)
    assert taken == ["13800002071"] * 3
    with tenancy.team_scope(alice.team_id, app):
        assert queries.count() == 1
