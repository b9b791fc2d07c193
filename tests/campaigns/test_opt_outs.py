"""Opt-outs: noted once, taken back, and seen by their own team alone."""

from __future__ import annotations

from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy.exc import IntegrityError

from tests.factories import make_person, numbers
from webapp import clock, tenancy
from webapp.contacts.models import OptOut
from webapp.contacts.optouts import opt_in, opt_out, opted_out_among


def test_a_number_opts_out_once_and_the_first_time_is_kept(app: Flask) -> None:
    alice = make_person(app)
    first, second = numbers(2)
    now = clock.now()
    with tenancy.team_scope(alice.team_id, app) as session:
        assert opt_out([first, first], "reply", None, now) == 1
        assert opt_out([second, first], "hand", alice.user_id, now + timedelta(days=1)) == 1
        session.commit()
        kept = session.get_one(OptOut, (alice.team_id, first))
        assert (kept.opted_out_at, kept.how, kept.by_user) == (now, "reply", None)
        assert opted_out_among(numbers(4)) == {first, second}
        assert opted_out_among(["13900000000"]) == set()


def test_nothing_to_note_or_to_look_for_is_no_error(app: Flask) -> None:
    alice = make_person(app)
    with tenancy.team_scope(alice.team_id, app):
        assert (opt_out([], "hand", None, clock.now()), opt_in([]), opted_out_among([])) == (0, 0, set())


def test_an_opt_out_that_is_taken_back_is_gone(app: Flask) -> None:
    alice = make_person(app)
    with tenancy.team_scope(alice.team_id, app):
        opt_out(numbers(3), "paste", alice.user_id, clock.now())
        assert opt_in([*numbers(2), "13900000000"]) == 2
        assert opted_out_among(numbers(3)) == {numbers(3)[2]}


def test_another_team_neither_sees_nor_takes_back_an_opt_out(app: Flask) -> None:
    alice, charlie = make_person(app), make_person(app, "charlie")
    with tenancy.team_scope(alice.team_id, app) as session:
        opt_out(numbers(1), "hand", alice.user_id, clock.now())
        session.commit()
    with tenancy.team_scope(charlie.team_id, app) as session:
        assert opted_out_among(numbers(1)) == set()
        assert opt_in(numbers(1)) == 0
        session.commit()
    with tenancy.team_scope(alice.team_id, app):
        assert opted_out_among(numbers(1)) == set(numbers(1))


@pytest.mark.parametrize(
    ("mobile", "how"), [("1370", "hand"), ("13700000000", "because"), ("+8613700000000", "hand")]
)
def test_what_is_no_number_or_no_way_to_opt_out_is_refused(app: Flask, mobile: str, how: str) -> None:
    alice = make_person(app)
    with tenancy.team_scope(alice.team_id, app), pytest.raises(IntegrityError):
        opt_out([mobile], how, None, clock.now())
